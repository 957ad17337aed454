/* Where everything lies: parameters side by side, all values of a forward pass (the way back needs
 * them), and gradients, which share memory as soon as the layer that made their value is done. */
#include <stdlib.h>
#include <string.h>

#include "perception/train/graph.h"

/* ---- gradients ----------------------------------------------------------------------------- */
/* The pass backwards writes a value's gradient first in the last layer that reads it, and reads it
 * in the one that made it. */
static void find_lives(struct train *t)
{
    for (int i = 0; i < t->n_values; i++)
        t->value[i].lives = -1;
    for (int i = t->n_layers - 1; i >= 0; i--)
        for (int j = 0; j < t->layer[i].n_in; j++) {
            int v = t->layer[i].in[j];

            if (v >= 0 && t->value[v].wants && t->value[v].param < 0 && t->value[v].lives < 0)
                t->value[v].lives = i;
        }
    for (int i = 0; i < t->n_values; i++)
        t->value[i].dies = t->value[i].maker;
}

struct place {
    int value;
    size_t at, n;
};

static bool overlaps(const struct value *a, const struct value *b)
{
    return a->dies <= b->lives && b->dies <= a->lives;
}

static size_t rounded(size_t n)
{
    return (n + 15) / 16 * 16;
}

/* The lowest place that no other gradient needs at the same time. done: sorted by place. */
static size_t lowest(const struct train *t, const struct place *done, int n, const struct value *v)
{
    size_t at = 0;

    for (int i = 0; i < n; i++)
        if (overlaps(&t->value[done[i].value], v) && done[i].at < at + rounded(v->n) &&
            at < done[i].at + done[i].n)
            at = done[i].at + done[i].n;
    return at;
}

static int by_size(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : x->value - y->value;
}

/* The largest first. Floats in all; place[] gets (n_values) entries, *n of them in use. */
static size_t place_gradients(struct train *t, struct place *place, int *n)
{
    size_t all = 0;

    *n = 0;
    for (int i = 0; i < t->n_values; i++)
        if (t->value[i].lives >= 0)
            place[(*n)++] = (struct place){i, 0, rounded(t->value[i].n)};
    qsort(place, (size_t)*n, sizeof *place, by_size);
    for (int i = 0; i < *n; i++) {
        struct place p = place[i];
        int at = i;

        p.at = lowest(t, place, i, &t->value[p.value]);
        for (; at > 0 && place[at - 1].at > p.at; at--) /* keeps them sorted by place */
            place[at] = place[at - 1];
        place[at] = p;
        if (p.at + p.n > all)
            all = p.at + p.n;
    }
    return all;
}

/* ---- everything ---------------------------------------------------------------------------- */
static void place_params(struct train *t)
{
    size_t at = 0;

    for (int still = 0; still < 2; still++) {
        for (int i = 0; i < t->n_params; i++)
            if (t->param[i].trained == !still) {
                t->param[i].at = at;
                at += rounded(t->param[i].n);
            }
        if (!still)
            t->n_trained = at;
    }
    t->n_all = at;
}

static float *floats(struct arena *a, size_t n)
{
    return arena_take(a, n * sizeof(float));
}

static void place_all(struct train *t, struct arena *a, const struct place *place, int n,
                      size_t gradients)
{
    float *grads;

    t->weights = floats(a, t->n_all);
    t->gradients = floats(a, t->n_trained);
    t->first = floats(a, t->n_trained);
    t->second = t->recipe.optimiser == TRAIN_ADAMW ? floats(a, t->n_trained) : NULL;
    t->average = t->recipe.ema > 0 ? floats(a, t->n_all) : NULL;
    grads = floats(a, gradients);
    for (int i = 0; a->memory && i < n; i++)
        t->value[place[i].value].grad = grads + place[i].at;
    for (int i = 0; i < t->n_values; i++) {
        struct value *v = &t->value[i];

        if (v->param >= 0 && a->memory) {
            v->data = t->weights + t->param[v->param].at;
            v->grad = t->gradients + t->param[v->param].at;
        } else if (v->maker >= 0 && t->layer[v->maker].kind == &layer_reshape) {
            v->data = t->value[t->layer[v->maker].in[0]].data;
        } else if (v->param < 0) {
            v->data = floats(a, v->n + 16); /* kernels may read a register further */
        }
    }
    for (int i = 0; i < t->n_layers; i++)
        if (t->layer[i].kind->place)
            t->layer[i].kind->place(t, &t->layer[i], a);
    t->scratch = arena_take(a, t->scratch_bytes);
}

static void fill_params(struct train *t)
{
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->param[i];

        for (size_t j = 0; j < p->n; j++)
            t->weights[p->at + j] =
                p->start +
                (p->deviation != 0 ? p->deviation * random_normal(t->seed, (uint64_t)i, j) : 0.0f);
    }
    if (t->average)
        memcpy(t->average, t->weights, t->n_all * sizeof(float));
}

static struct train_recipe completed(const struct train_recipe *r)
{
    struct train_recipe c = *r;

    c.beta1 = c.beta1 != 0 ? c.beta1 : 0.9f;
    c.beta2 = c.beta2 != 0 ? c.beta2 : 0.999f;
    c.epsilon = c.epsilon != 0 ? c.epsilon : 1e-8f;
    return c;
}

enum err train_plan(struct train *t, const struct train_recipe *r, struct why *why)
{
    struct arena measure = {0};
    struct place *place;
    size_t gradients;
    enum err e;
    int n;

    if (t->error != OK)
        return err_say(why, t->error, "%s", t->error == ERR_NOMEM ? "no memory" : t->wrong.text);
    t->recipe = completed(r);
    place = calloc((size_t)t->n_values + 1, sizeof *place);
    if (!place)
        return err_say(why, ERR_NOMEM, "no memory");
    place_params(t);
    find_lives(t);
    gradients = place_gradients(t, place, &n);
    for (int i = 0; i < t->n_layers; i++) {
        const struct layer *l = &t->layer[i];
        size_t bytes = l->kind->scratch ? l->kind->scratch(t, l) : 0;

        t->scratch_bytes = bytes > t->scratch_bytes ? bytes : t->scratch_bytes;
    }
    place_all(t, &measure, place, n, gradients);
    e = arena_init(&t->memory, measure.used);
    if (e == OK) {
        place_all(t, &t->memory, place, n, gradients);
        fill_params(t);
        t->planned = true;
    } else {
        err_say(why, e, "no memory for %zu bytes", measure.used);
    }
    free(place);
    return e;
}
