#include "perception/nn/quantise/calibrate.h"

#include <stdlib.h>
#include <string.h>

/* A network that gives some of the model's values as outputs. */
struct view {
    struct calibration *c;
    const struct qmodel *m;
    const struct net *net;
    const int *value; /* (n) */
    int n, first;     /* output `first` is value[0] */
    int samples;
};

static bool by_last_axis(const struct qmodel *m, int v)
{
    for (int i = 0; i < m->value[v].n_readers; i++) {
        const struct qnode *n = &m->node[m->value[v].reader[i]];

        if (qnode_is(n, "MatMul") || qnode_is(n, "Gemm"))
            return true;
    }
    return false;
}

static void observed_free(struct observed *s)
{
    free(s->mean);
    free(s->square);
    free(s->least);
    free(s->most);
    free(s);
}

static struct observed *observed_new(const struct qmodel *m, int v, const struct tensor *t)
{
    struct observed *s = calloc(1, sizeof *s);
    int axis = by_last_axis(m, v) ? t->rank - 1 : t->rank > 1 ? 1 : 0;

    if (!s)
        return NULL;
    s->channels = t->rank > 0 ? t->dim[axis] : 1;
    s->mean = calloc((size_t)s->channels + 1, sizeof *s->mean);
    s->square = calloc((size_t)s->channels + 1, sizeof *s->square);
    s->least = calloc((size_t)s->channels + 1, sizeof *s->least);
    s->most = calloc((size_t)s->channels + 1, sizeof *s->most);
    if (!s->mean || !s->square || !s->least || !s->most) {
        observed_free(s);
        return NULL;
    }
    histogram_init(&s->histogram);
    return s;
}

/* Sums; calibrate() divides at the end. */
static void observe_channels(struct observed *s, const struct tensor *t, bool last)
{
    const float *x = t->data;
    int64_t inner = 1, n = tensor_count(t);

    for (int d = 2; d < t->rank && !last; d++)
        inner *= t->dim[d];
    for (int64_t at = 0, c = 0; at < n; at += inner, c = c + 1 < s->channels ? c + 1 : 0) {
        double sum = 0, square = 0;

        for (int64_t i = at; i < at + inner; i++) {
            s->least[c] = x[i] < s->least[c] ? x[i] : s->least[c];
            s->most[c] = x[i] > s->most[c] ? x[i] : s->most[c];
            sum += (double)x[i];
            square += (double)x[i] * (double)x[i];
        }
        s->mean[c] += sum;
        s->square[c] += square;
    }
}

static void observe(void *arg, int i, int thread)
{
    const struct view *v = arg;
    const struct tensor *t = net_output(v->net, v->first + i);
    struct observed *s = v->c->seen[v->value[i]];

    (void)thread;
    histogram_add(&s->histogram, t->data, (size_t)tensor_count(t));
    observe_channels(s, t, by_last_axis(v->m, v->value[i]));
}

static enum err observe_all(struct view *v, struct net *net, const struct quantise_options *o,
                            struct why *why)
{
    enum err e;

    v->net = net;
    for (int i = 0; i < v->n; i++) {
        const struct tensor *t = net_output(net, v->first + i);

        if (t->type != DTYPE_F32)
            return err_say(why, ERR_UNSUPPORTED, "tensor '%.80s' is %s", t->name,
                           dtype_name(t->type));
        if (!(v->c->seen[v->value[i]] = observed_new(v->m, v->value[i], t)))
            return ERR_NOMEM;
    }
    for (int i = 0; i < v->samples; i++) {
        int at = (int)((int64_t)i * o->samples / v->samples); /* evenly spread */

        if ((e = o->sample(o->user, at, net, why)) != OK || (e = net_run(net, why)) != OK)
            return e;
        pool_run(o->pool, v->n, observe, v);
        if (o->progress)
            o->progress(o->user, "observing", i + 1, v->samples);
    }
    return OK;
}

/* All at once if memory allows, otherwise one half after the other. */
static enum err calibrate_values(struct calibration *c, const struct qmodel *m, const int *value,
                                 int n, const struct quantise_options *o, int samples,
                                 struct why *why)
{
    struct net_options opt = {.cpu_mask = o->cpu_mask, .pool = o->pool};
    struct view v = {.c = c,
                     .m = m,
                     .value = value,
                     .n = n,
                     .first = (int)m->g->n_output,
                     .samples = samples < o->samples ? samples : o->samples};
    unsigned char *bytes;
    struct net *net;
    size_t size;
    enum err e;

    if (qmodel_pack(m, value, n, &bytes, &size) != OK)
        return ERR_NOMEM;
    e = net_open_memory(bytes, size, &opt, &net, why);
    free(bytes);
    if (e == ERR_LIMIT && n > 1) {
        e = calibrate_values(c, m, value, n / 2, o, samples, why);
        return e == OK ? calibrate_values(c, m, value + n / 2, n - n / 2, o, samples, why) : e;
    }
    if (e == OK)
        e = observe_all(&v, net, o, why);
    net_close(net);
    return e;
}

static void finish_means(struct observed *s)
{
    double per_channel = s->histogram.total / (double)(s->channels > 0 ? s->channels : 1);

    for (int64_t i = 0; i < s->channels && per_channel > 0; i++) {
        s->mean[i] /= per_channel;
        s->square[i] /= per_channel;
    }
}

enum err calibrate(struct calibration *c, const struct qmodel *m, const struct place *p,
                   const struct quantise_options *o, int samples, struct why *why)
{
    int *value = calloc((size_t)m->n_values + 1, sizeof *value), n = 0;
    enum err e;

    *c = (struct calibration){.n_values = m->n_values};
    c->seen = calloc((size_t)m->n_values + 1, sizeof(struct observed *));
    if (!value || !c->seen) {
        free(value);
        return ERR_NOMEM;
    }
    for (int v = 0; v < m->n_values; v++)
        if (p->eight[v])
            value[n++] = v;
    e = calibrate_values(c, m, value, n, o, samples, why);
    free(value);
    for (int v = 0; v < m->n_values; v++)
        if (c->seen[v])
            finish_means(c->seen[v]);
    return e;
}

void calibration_finish(struct calibration *c)
{
    for (int v = 0; v < c->n_values && c->seen; v++)
        if (c->seen[v])
            observed_free(c->seen[v]);
    free(c->seen);
    *c = (struct calibration){0};
}
