#include "perception/nn/quantise/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/graph.h"

struct reference {
    bool counts; /* a float output */
    size_t n;
    float *y;      /* (samples, n) */
    double signal; /* sum of squares, see quantise.h */
    double largest;
};

struct trial {
    struct net_options net;
    int samples, inputs, outputs;
    void **input;                /* (samples * inputs) copies */
    struct reference *reference; /* (outputs) */
};

static double square(double v)
{
    return v * v;
}

/* What differs between the samples; with one sample, between the elements. */
static void find_signal(struct reference *r, int samples)
{
    double all = 0;

    for (size_t i = 0; i < r->n * (size_t)samples; i++) {
        all += (double)r->y[i];
        r->largest = fmax(r->largest, fabs((double)r->y[i]));
    }
    for (size_t i = 0; i < r->n; i++) {
        double mean = samples > 1 ? 0 : all / (double)r->n;

        for (int s = 0; samples > 1 && s < samples; s++)
            mean += (double)r->y[(size_t)s * r->n + i] / samples;
        for (int s = 0; s < samples; s++)
            r->signal += square((double)r->y[(size_t)s * r->n + i] - mean);
    }
}

static enum err keep_inputs(struct trial *t, struct net *net, int sample)
{
    for (int i = 0; i < t->inputs; i++) {
        const struct tensor *x = net_input(net, i);
        void *copy = malloc(tensor_bytes(x) + 1);

        if (!copy)
            return ERR_NOMEM;
        t->input[sample * t->inputs + i] = memcpy(copy, x->data, tensor_bytes(x));
    }
    return OK;
}

static enum err references_init(struct trial *t, const struct net *net)
{
    t->inputs = net_inputs(net);
    t->outputs = net_outputs(net);
    t->input = calloc((size_t)(t->samples * t->inputs) + 1, sizeof *t->input);
    t->reference = calloc((size_t)t->outputs + 1, sizeof *t->reference);
    if (!t->input || !t->reference)
        return ERR_NOMEM;
    for (int i = 0; i < t->outputs; i++) {
        struct reference *r = &t->reference[i];

        r->counts = net_output(net, i)->type == DTYPE_F32;
        r->n = (size_t)tensor_count(net_output(net, i));
        if (r->counts && !(r->y = calloc(r->n * (size_t)t->samples + 1, sizeof *r->y)))
            return ERR_NOMEM;
    }
    return OK;
}

static enum err run_reference(struct trial *t, struct net *net, const struct quantise_options *o,
                              struct why *why)
{
    enum err e = references_init(t, net);

    for (int s = 0; e == OK && s < t->samples; s++) {
        int at = (int)((int64_t)s * o->samples / t->samples); /* evenly spread */

        if ((e = o->sample(o->user, at, net, why)) != OK || (e = keep_inputs(t, net, s)) != OK ||
            (e = net_run(net, why)) != OK)
            return e;
        for (int i = 0; i < t->outputs; i++) {
            struct reference *r = &t->reference[i];

            if (r->counts)
                memcpy(r->y + (size_t)s * r->n, net_output(net, i)->data, r->n * sizeof *r->y);
        }
    }
    for (int i = 0; e == OK && i < t->outputs; i++)
        if (t->reference[i].counts)
            find_signal(&t->reference[i], t->samples);
    return e;
}

enum err trial_open(const void *bytes, size_t n, const struct quantise_options *o,
                    struct trial **out, struct why *why)
{
    struct trial *t = *out = calloc(1, sizeof *t);
    struct net *net;
    enum err e;

    if (!t)
        return ERR_NOMEM;
    t->net = (struct net_options){.cpu_mask = o->cpu_mask, .pool = o->pool};
    t->samples = o->trials < 1 ? 1 : o->trials < o->samples ? o->trials : o->samples;
    e = net_open_memory(bytes, n, &t->net, &net, why);
    if (e == OK)
        e = run_reference(t, net, o, why);
    net_close(net);
    return e;
}

void trial_close(struct trial *t)
{
    if (!t)
        return;
    for (int i = 0; t->input && i < t->samples * t->inputs; i++)
        free(t->input[i]);
    for (int i = 0; t->reference && i < t->outputs; i++)
        free(t->reference[i].y);
    free(t->input);
    free(t->reference);
    free(t);
}

int trial_outputs(const struct trial *t)
{
    return t->outputs;
}

/* Sum of squared and largest difference per output. */
struct differences {
    double *square, *largest; /* (outputs) */
};

static void compare(struct trial *t, const struct net *net, int sample, struct differences *d)
{
    for (int i = 0; i < t->outputs; i++) {
        const struct reference *r = &t->reference[i];
        const float *y = net_output(net, i)->data;

        for (size_t k = 0; r->counts && k < r->n; k++) {
            double v = (double)y[k] - (double)r->y[(size_t)sample * r->n + k];

            d->square[i] += isfinite(v) ? v * v : HUGE_VAL;
            d->largest[i] = fmax(d->largest[i], isfinite(v) ? fabs(v) : HUGE_VAL);
        }
    }
}

static enum err run_trial(struct trial *t, struct net *net, struct differences *d, struct why *why)
{
    enum err e;

    if (net_inputs(net) != t->inputs || net_outputs(net) != t->outputs)
        return err_say(why, ERR_MISMATCH, "it has other inputs or outputs than the float model");
    for (int i = 0; i < t->outputs; i++)
        if ((size_t)tensor_count(net_output(net, i)) != t->reference[i].n)
            return err_say(why, ERR_MISMATCH, "output '%.80s' has another size",
                           net_output(net, i)->name);
    for (int s = 0; s < t->samples; s++) {
        for (int i = 0; i < t->inputs; i++)
            memcpy(net_input(net, i)->data, t->input[s * t->inputs + i],
                   tensor_bytes(net_input(net, i)));
        if ((e = net_run(net, why)) != OK)
            return e;
        compare(t, net, s, d);
    }
    return OK;
}

static enum err differences_find(struct trial *t, const void *bytes, size_t n,
                                 struct differences *d, struct why *why)
{
    struct net *net;
    enum err e;

    d->square = calloc((size_t)t->outputs + 1, sizeof *d->square);
    d->largest = calloc((size_t)t->outputs + 1, sizeof *d->largest);
    if (!d->square || !d->largest)
        return ERR_NOMEM;
    if ((e = net_open_memory(bytes, n, &t->net, &net, why)) != OK)
        return e;
    e = run_trial(t, net, d, why);
    net_close(net);
    return e;
}

enum err trial_noise(struct trial *t, const void *bytes, size_t n, double *noise, double *mean,
                     struct why *why)
{
    struct differences d = {0};
    enum err e = differences_find(t, bytes, n, &d, why);
    int counted = 0;

    *mean = 0;
    for (int i = 0; e == OK && i < t->outputs; i++) {
        const struct reference *r = &t->reference[i];
        double v = r->signal > 0 ? d.square[i] / r->signal : 0;

        if (noise)
            noise[i] = v;
        if (r->signal > 0) {
            *mean += v;
            counted++;
        }
    }
    if (counted)
        *mean /= counted;
    free(d.square);
    free(d.largest);
    return e;
}

enum err trial_difference(struct trial *t, const void *bytes, size_t n, double *most,
                          struct why *why)
{
    struct differences d = {0};
    enum err e = differences_find(t, bytes, n, &d, why);

    *most = 0;
    for (int i = 0; e == OK && i < t->outputs; i++)
        if (t->reference[i].largest > 0)
            *most = fmax(*most, d.largest[i] / t->reference[i].largest);
    free(d.square);
    free(d.largest);
    return e;
}

double noise_db(double noise)
{
    return noise > 0 ? -10 * log10(noise) : HUGE_VAL;
}
