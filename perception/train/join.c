/* Layers that put values together or take them apart: sum, product, concat, slice, reshape. */
#include <string.h>

#include "perception/train/graph.h"

enum { PIECE = 1 << 14 };

/* ---- sum and product, b being repeated where it has 1 ----------------------------------------- */
static int add_binary(struct train *t, const struct layer_kind *kind, int a, int b)
{
    struct layer *l;

    if (!build_has(t, a, kind->name) || !build_has(t, b, kind->name))
        return -1;
    for (int i = 0; i < t->value[a].rank; i++)
        if (t->value[a].rank != t->value[b].rank ||
            (t->value[b].dim[i] != t->value[a].dim[i] && t->value[b].dim[i] != 1))
            return build_wrong(t, "train_%s: the shapes differ at axis %d", kind->name, i);
    l = build_layer(t, kind, (int[]){a, b}, 2, t->value[a].rank, t->value[a].dim);
    return l ? l->out : -1;
}

int train_add(struct train *t, int a, int b)
{
    return add_binary(t, &layer_add, a, b);
}

int train_mul(struct train *t, int a, int b)
{
    return add_binary(t, &layer_mul, a, b);
}

struct rows {
    int C;          /* of the last axis */
    bool one;       /* b has a single number for a row */
    size_t n;       /* rows of a */
    int dim[3];     /* a's other axes, padded in front with 1 */
    size_t step[3]; /* of b, in rows; 0 where it is repeated */
};

static struct rows rows_of(const struct train *t, const struct layer *l)
{
    const struct value *a = &t->value[l->in[0]], *b = &t->value[l->in[1]];
    struct rows r = {.C = a->dim[a->rank - 1], .dim = {1, 1, 1}};
    size_t step = 1;

    r.one = b->dim[b->rank - 1] != r.C;
    r.n = a->n / (size_t)r.C;
    for (int i = a->rank - 2, j = 2; i >= 0; i--, j--) {
        r.dim[j] = a->dim[i];
        r.step[j] = b->dim[i] == 1 ? 0 : step;
        step *= (size_t)b->dim[i];
    }
    return r;
}

/* Where b's row for row i of a begins. */
static size_t row_of_b(const struct rows *r, size_t i)
{
    size_t x = i % (size_t)r->dim[2], y = i / (size_t)r->dim[2] % (size_t)r->dim[1];
    size_t z = i / (size_t)r->dim[2] / (size_t)r->dim[1];

    return (z * r->step[0] + y * r->step[1] + x * r->step[2]) * (size_t)(r->one ? 1 : r->C);
}

struct pass {
    struct train *t;
    struct layer *l;
    struct rows r;
    enum binary op;
    float *da, *db;
    bool add;
    size_t each;
};

static void forward_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    const float *a = layer_x(p->t, p->l, 0), *b = layer_x(p->t, p->l, 1);
    float *y = layer_y(p->t, p->l);
    size_t C = (size_t)p->r.C, end = ((size_t)i + 1) * p->each;

    (void)thread;
    for (size_t r = (size_t)i * p->each; r < end && r < p->r.n; r++) {
        const float *with = b + row_of_b(&p->r, r);

        if (p->r.one)
            p->t->k.scalar[p->op](y + r * C, a + r * C, *with, C);
        else
            p->t->k.binary[p->op](y + r * C, a + r * C, with, C);
    }
}

/* The gradient of a. */
static void backward_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    const float *b = layer_x(p->t, p->l, 1), *dy = layer_dy(p->t, p->l);
    size_t C = (size_t)p->r.C, end = ((size_t)i + 1) * p->each;

    (void)thread;
    for (size_t r = (size_t)i * p->each; r < end && r < p->r.n; r++) {
        const float *with = b + row_of_b(&p->r, r);
        float *da = p->da + r * C;

        if (!p->add)
            memset(da, 0, C * sizeof *da);
        if (p->op == BINARY_ADD)
            p->t->b.multiply_add(da, dy + r * C, 1.0f, C);
        else if (p->r.one)
            p->t->b.multiply_add(da, dy + r * C, *with, C);
        else
            p->t->b.multiply_add2(da, dy + r * C, with, C);
    }
}

/* That of b: rows that share one of its rows are added up in order, so by one thread. */
static void backward_b(const struct pass *p)
{
    const float *a = layer_x(p->t, p->l, 0), *dy = layer_dy(p->t, p->l);
    size_t C = (size_t)p->r.C;

    for (size_t r = 0; r < p->r.n; r++) {
        float *db = p->db + row_of_b(&p->r, r);

        if (p->r.one)
            *db += p->op == BINARY_ADD ? p->t->k.sum(dy + r * C, C)
                                       : p->t->k.dot(dy + r * C, a + r * C, C);
        else if (p->op == BINARY_ADD)
            p->t->b.multiply_add(db, dy + r * C, 1.0f, C);
        else
            p->t->b.multiply_add2(db, dy + r * C, a + r * C, C);
    }
}

static struct pass pass_of(struct train *t, struct layer *l)
{
    struct pass p = {.t = t, .l = l, .r = rows_of(t, l)};

    p.op = l->kind == &layer_add ? BINARY_ADD : BINARY_MUL;
    p.each = (size_t)(p.r.C < PIECE ? PIECE / p.r.C : 1);
    return p;
}

static void binary_forward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);

    pool_run(t->pool, pieces_of(p.r.n, p.each), forward_piece, &p);
}

static void binary_backward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);

    p.da = grad_begin(t, l, 0, &p.add);
    if (p.da)
        pool_run(t->pool, pieces_of(p.r.n, p.each), backward_piece, &p);
    p.db = grad_add(t, l, 1);
    if (p.db)
        backward_b(&p);
}

const struct layer_kind layer_add = {"add", NULL, NULL, binary_forward, binary_backward};
const struct layer_kind layer_mul = {"mul", NULL, NULL, binary_forward, binary_backward};

/* ---- concat and slice: runs of numbers along an axis ------------------------------------------ */
/* Numbers behind the axis, times its length: what lies together. */
static size_t run_of(const struct value *v, int axis)
{
    size_t n = 1;

    for (int i = axis; i < v->rank; i++)
        n *= (size_t)v->dim[i];
    return n;
}

static void copy_runs(float *to, size_t to_step, const float *from, size_t from_step, size_t n,
                      size_t runs, bool add)
{
    for (size_t r = 0; r < runs; r++, to += to_step, from += from_step)
        if (add)
            for (size_t i = 0; i < n; i++)
                to[i] += from[i];
        else
            memcpy(to, from, n * sizeof *to);
}

int train_concat(struct train *t, const int *x, int n, int axis)
{
    int dim[TRAIN_MAX_RANK], sum = 0;
    struct layer *l;

    if (n < 1 || n > TRAIN_MAX_JOIN)
        return build_wrong(t, "train_concat: %d values, not 1 to %d", n, TRAIN_MAX_JOIN);
    for (int i = 0; i < n; i++) {
        if (!build_has(t, x[i], "train_concat"))
            return -1;
        if (t->value[x[i]].rank != t->value[x[0]].rank || axis < 0 || axis >= t->value[x[i]].rank)
            return build_wrong(t, "train_concat: value %d of rank %d, axis %d", i,
                               t->value[x[i]].rank, axis);
        for (int j = 0; j < t->value[x[0]].rank; j++)
            if (j != axis && t->value[x[i]].dim[j] != t->value[x[0]].dim[j])
                return build_wrong(t, "train_concat: the shapes differ at axis %d", j);
        sum += t->value[x[i]].dim[axis];
    }
    memcpy(dim, t->value[x[0]].dim, sizeof dim);
    dim[axis] = sum;
    l = build_layer(t, &layer_concat, x, n, t->value[x[0]].rank, dim);
    if (!l)
        return -1;
    l->axis = axis;
    return l->out;
}

static void concat_forward(struct train *t, struct layer *l)
{
    size_t whole = run_of(&t->value[l->out], l->axis), at = 0;

    for (int i = 0; i < l->n_in; i++) {
        size_t run = run_of(&t->value[l->in[i]], l->axis);

        copy_runs(layer_y(t, l) + at, whole, layer_x(t, l, i), run, run, t->value[l->in[i]].n / run,
                  false);
        at += run;
    }
}

static void concat_backward(struct train *t, struct layer *l)
{
    size_t whole = run_of(&t->value[l->out], l->axis), at = 0;

    for (int i = 0; i < l->n_in; i++) {
        size_t run = run_of(&t->value[l->in[i]], l->axis);
        bool add;
        float *dx = grad_begin(t, l, i, &add);

        if (dx)
            copy_runs(dx, run, layer_dy(t, l) + at, whole, run, t->value[l->in[i]].n / run, add);
        at += run;
    }
}

const struct layer_kind layer_concat = {"concat", NULL, NULL, concat_forward, concat_backward};

int train_slice(struct train *t, int x, int axis, int from, int to)
{
    int dim[TRAIN_MAX_RANK];
    struct layer *l;

    if (!build_has(t, x, "train_slice"))
        return -1;
    if (axis < 0 || axis >= t->value[x].rank || from < 0 || to > t->value[x].dim[axis] ||
        from >= to)
        return build_wrong(t, "train_slice: [%d, %d) of axis %d", from, to, axis);
    memcpy(dim, t->value[x].dim, sizeof dim);
    dim[axis] = to - from;
    l = build_layer(t, &layer_slice, &x, 1, t->value[x].rank, dim);
    if (!l)
        return -1;
    l->axis = axis;
    l->from = from;
    return l->out;
}

struct cut {
    size_t at, run, step, runs;
};

static struct cut cut_of(const struct train *t, const struct layer *l)
{
    const struct value *x = &t->value[l->in[0]], *y = &t->value[l->out];
    struct cut c = {.run = run_of(y, l->axis), .step = run_of(x, l->axis)};

    c.at = c.run / (size_t)y->dim[l->axis] * (size_t)l->from;
    c.runs = y->n / c.run;
    return c;
}

static void slice_forward(struct train *t, struct layer *l)
{
    struct cut c = cut_of(t, l);

    copy_runs(layer_y(t, l), c.run, layer_x(t, l, 0) + c.at, c.step, c.run, c.runs, false);
}

static void slice_backward(struct train *t, struct layer *l)
{
    struct cut c = cut_of(t, l);
    float *dx = grad_add(t, l, 0);

    if (dx)
        copy_runs(dx + c.at, c.step, layer_dy(t, l), c.run, c.run, c.runs, true);
}

const struct layer_kind layer_slice = {"slice", NULL, NULL, slice_forward, slice_backward};

/* ---- reshape: the same memory forward ------------------------------------------------------- */
int train_reshape(struct train *t, int x, int rank, const int *dim)
{
    struct layer *l;
    size_t n = 1;

    if (!build_has(t, x, "train_reshape"))
        return -1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dim[i];
    if (n != t->value[x].n)
        return build_wrong(t, "train_reshape: %zu numbers become %zu", t->value[x].n, n);
    l = build_layer(t, &layer_reshape, &x, 1, rank, dim);
    return l ? l->out : -1;
}

static void reshape_forward(struct train *t, struct layer *l)
{
    (void)t;
    (void)l;
}

static void reshape_backward(struct train *t, struct layer *l)
{
    size_t n = t->value[l->out].n;
    bool add;
    float *dx = grad_begin(t, l, 0, &add);

    if (dx)
        copy_runs(dx, n, layer_dy(t, l), n, n, 1, add);
}

const struct layer_kind layer_reshape = {"reshape", NULL, NULL, reshape_forward, reshape_backward};
