/* Layers that look at elements or rows alone: activations, softmax, dropout. */
#include <math.h>
#include <string.h>

#include "perception/train/graph.h"

enum { PIECE = 1 << 14 }; /* floats */

struct pass {
    struct train *t;
    struct layer *l;
    const float *x, *y, *dy;
    float *dx, *out;
    size_t n;
    int C;
    bool add;
};

static struct pass pass_of(struct train *t, struct layer *l)
{
    const struct value *v = &t->value[l->out];

    return (struct pass){.t = t,
                         .l = l,
                         .x = layer_x(t, l, 0),
                         .y = v->data,
                         .out = v->data,
                         .n = v->n,
                         .C = v->dim[v->rank - 1]};
}

/* Floats [*from, returned) of piece i; whole rows if `row` is more than 1. */
static size_t range(const struct pass *p, int i, size_t row, size_t *from)
{
    size_t each = (PIECE + row - 1) / row * row, end;

    *from = (size_t)i * each;
    end = *from + each;
    return end < p->n ? end : p->n;
}

static int pieces(const struct pass *p, size_t row)
{
    return pieces_of(p->n, (PIECE + row - 1) / row * row);
}

static struct layer *same_shape(struct train *t, const struct layer_kind *kind, int x)
{
    if (!build_has(t, x, kind->name))
        return NULL;
    return build_layer(t, kind, &x, 1, t->value[x].rank, t->value[x].dim);
}

static void run(struct train *t, struct layer *l, size_t row, void (*work)(void *, int, int))
{
    struct pass p = pass_of(t, l);

    pool_run(t->pool, pieces(&p, row), work, &p);
}

static void run_back(struct train *t, struct layer *l, size_t row, void (*work)(void *, int, int))
{
    struct pass p = pass_of(t, l);

    p.dy = layer_dy(t, l);
    p.dx = grad_begin(t, l, 0, &p.add);
    if (p.dx)
        pool_run(t->pool, pieces(&p, row), work, &p);
}

/* ---- activations --------------------------------------------------------------------------- */
int train_act(struct train *t, int x, enum act act, float a, float b)
{
    struct layer *l = same_shape(t, &layer_act, x);

    if (!l)
        return -1;
    l->act = (struct activation){act, a, b};
    return l->out;
}

static void act_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t from, end = range(p, i, 1, &from);

    (void)thread;
    p->t->b.act_forward(p->out + from, p->x + from, end - from, &p->l->act);
}

static void act_piece_back(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t from, end = range(p, i, 1, &from);

    (void)thread;
    p->t->b.act_backward(p->dx + from, p->x + from, p->dy + from, end - from, &p->l->act, p->add);
}

static void act_forward(struct train *t, struct layer *l)
{
    run(t, l, 1, act_piece);
}

static void act_backward(struct train *t, struct layer *l)
{
    run_back(t, l, 1, act_piece_back);
}

const struct layer_kind layer_act = {"act", NULL, NULL, act_forward, act_backward};

/* ---- softmax ------------------------------------------------------------------------------- */
int train_softmax(struct train *t, int x)
{
    struct layer *l = same_shape(t, &layer_softmax, x);

    return l ? l->out : -1;
}

static void softmax_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t C = (size_t)p->C, from, end = range(p, i, C, &from);

    (void)thread;
    for (; from < end; from += C)
        p->t->k.softmax(p->out + from, p->x + from, C);
}

/* dx = y (dy - sum of y dy) */
static void softmax_piece_back(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t C = (size_t)p->C, from, end = range(p, i, C, &from);

    (void)thread;
    for (; from < end; from += C) {
        float sum = p->t->k.dot(p->y + from, p->dy + from, C);

        for (size_t j = from; j < from + C; j++)
            p->dx[j] = p->y[j] * (p->dy[j] - sum) + (p->add ? p->dx[j] : 0.0f);
    }
}

static void softmax_forward(struct train *t, struct layer *l)
{
    run(t, l, (size_t)pass_of(t, l).C, softmax_piece);
}

static void softmax_backward(struct train *t, struct layer *l)
{
    run_back(t, l, (size_t)pass_of(t, l).C, softmax_piece_back);
}

const struct layer_kind layer_softmax = {"softmax", NULL, NULL, softmax_forward, softmax_backward};

/* ---- dropout: whether an element stays hangs on seed, layer, step and place ------------------- */
int train_dropout(struct train *t, int x, float chance)
{
    struct layer *l;

    if (!(chance >= 0 && chance < 1))
        return build_wrong(t, "train_dropout: a chance of %g", (double)chance);
    l = same_shape(t, &layer_dropout, x);
    if (!l)
        return -1;
    l->chance = chance;
    return l->out;
}

static float kept(const struct pass *p, size_t i)
{
    size_t place =
        i + (p->t->ranks ? (size_t)p->t->ranks->rank * p->n : 0); /* in the whole batch */
    uint64_t stream = ((uint64_t)p->l->index << 40) + (uint64_t)p->t->step;
    float u = (float)(random_bits(p->t->seed ^ 0x64726f70u, stream, place) >> 40) * 0x1p-24f;

    return u < p->l->chance ? 0.0f : 1 / (1 - p->l->chance);
}

static void dropout_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t from, end = range(p, i, 1, &from);

    (void)thread;
    for (; from < end; from++)
        p->out[from] = p->t->training ? p->x[from] * kept(p, from) : p->x[from];
}

static void dropout_piece_back(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    size_t from, end = range(p, i, 1, &from);

    (void)thread;
    for (; from < end; from++)
        p->dx[from] = p->dy[from] * kept(p, from) + (p->add ? p->dx[from] : 0.0f);
}

static void dropout_forward(struct train *t, struct layer *l)
{
    run(t, l, 1, dropout_piece);
}

static void dropout_backward(struct train *t, struct layer *l)
{
    run_back(t, l, 1, dropout_piece_back);
}

const struct layer_kind layer_dropout = {"dropout", NULL, NULL, dropout_forward, dropout_backward};
