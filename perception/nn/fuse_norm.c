/* Layer normalisation as exporters spelt it before opset 17: the mean off, the mean of the squares,
 * the quotient by its root, a factor and an addend along the last dimensions. One pass over a row
 * instead of eight or nine over everything. */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/number.h"

static bool is(const struct node *n, const char *type)
{
    return n && !n->done && !strcmp(n->type, type) && out(n, 0) && n->out[0]->typed &&
           out(n, 0)->type == DTYPE_F32;
}

/* A number known now. */
static bool is_number(const struct node *n, int i, float *v)
{
    const struct value *c = i < n->n_in ? n->in[i] : NULL;

    if (!c || !c->constant || c->t.type != DTYPE_F32 || tensor_count(&c->t) != 1)
        return false;
    *v = *(const float *)c->t.data;
    return true;
}

/* The mean over the last dimensions of which 1 is left each: how many numbers; 0: n is none. */
static int64_t mean_of_last(const struct node *n)
{
    const struct tensor *x = n ? in(n, 0) : NULL, *y = n ? out(n, 0) : NULL;
    int64_t row = 1;
    int d = 0;

    if (!is(n, "ReduceMean") || x->rank != y->rank)
        return 0;
    while (d < x->rank && x->dim[d] == y->dim[d])
        d++;
    for (; d < x->rank; d++) {
        if (y->dim[d] != 1)
            return 0;
        row *= x->dim[d];
    }
    return row > 1 ? row : 0;
}

/* x less the mean of its rows. */
static struct value *centred(const struct node *sub, int64_t row)
{
    const struct node *mean = is(sub, "Sub") && sub->in[1] ? sub->in[1]->from : NULL;

    return mean && mean_of_last(mean) == row && mean->in[0] == sub->in[0] ? sub->in[0] : NULL;
}

/* What n squares, or NULL. */
static struct value *squared(const struct node *n)
{
    float two = 0;

    if (is(n, "Pow") && is_number(n, 1, &two) && two == 2.0f)
        return n->in[0];
    return is(n, "Mul") && n->in[0] == n->in[1] ? n->in[0] : NULL;
}

/* The quotient at the heart: x is what it normalises in rows. */
struct heart {
    struct value *x;
    int64_t row;
    float epsilon;
};

static bool is_heart(const struct node *div, struct heart *h)
{
    const struct node *root = is(div, "Div") ? sole_maker(div, 1) : NULL;
    const struct node *add = is(root, "Sqrt") ? sole_maker(root, 0) : NULL, *mean, *square, *other;
    const struct value *d;
    int side;

    if (!is(add, "Add"))
        return false;
    side = is_number(add, 1, &h->epsilon) ? 0 : 1;
    if (!is_number(add, 1 - side, &h->epsilon) || !(mean = sole_maker(add, side)) ||
        !(h->row = mean_of_last(mean)) || !(square = sole_maker(mean, 0)) || !squared(square))
        return false;
    d = squared(square);
    other = div->in[0]->from;
    h->x = d->from && !d->output ? centred(d->from, h->row) : NULL;
    return h->x && other && !div->in[0]->output && centred(other, h->row) == h->x;
}

/* One number for each of a row, wherever the rows are. */
static bool is_along_row(const struct value *v, const struct heart *h)
{
    int skip;

    if (!v || v->t.type != DTYPE_F32 || tensor_count(&v->t) != h->row)
        return false;
    skip = v->t.rank - h->x->t.rank;
    for (int d = v->t.rank - 1; d >= 0; d--)
        if (v->t.dim[d] != 1 && (d < skip || v->t.dim[d] != h->x->t.dim[d - skip]))
            return false;
    return true;
}

static struct value *ones(struct graph *g, int64_t row)
{
    struct value *v = graph_constant(g, "", DTYPE_F32, 1, &row);

    for (int64_t i = 0; v && i < row; i++)
        ((float *)v->t.data)[i] = 1.0f;
    return v;
}

/* mul and div, if not NULL, stand between n and the heart: they go. */
static enum err become_norm(struct graph *g, struct node *n, const struct heart *h,
                            struct node *mul, struct node *div, struct value *scale,
                            struct value *bias)
{
    struct value **wide = region_take(&g->region, 3 * sizeof *wide);

    if (!wide || !(scale = scale ? scale : ones(g, h->row)))
        return ERR_NOMEM;
    wide[0] = h->x;
    wide[1] = scale;
    wide[2] = bias;
    for (int i = 0; i < 3; i++)
        if (wide[i])
            wide[i]->uses++;
    for (int i = 0; i < n->n_in; i++)
        node_rewire(n, i, NULL);
    n->in = wide;
    n->n_in = bias ? 3 : 2;
    for (int i = 0; i < 2; i++)
        if (i ? div : mul)
            (i ? div : mul)->done = true;
    return layer_norm_set(g, n, h->row, h->epsilon);
}

/* n is the last of the chain: the addend, the factor, or the quotient itself. */
static enum err fuse_at(struct graph *g, struct node *n)
{
    struct heart h;
    struct node *mul, *div;

    if (is_heart(n, &h))
        return become_norm(g, n, &h, NULL, NULL, NULL, NULL);
    if (is(n, "Mul"))
        for (int i = 0; i < 2; i++)
            if ((div = sole_maker(n, i)) && is_heart(div, &h) && is_along_row(n->in[1 - i], &h))
                return become_norm(g, n, &h, NULL, div, n->in[1 - i], NULL);
    for (int i = 0; is(n, "Add") && i < 2; i++)
        for (int j = 0; (mul = sole_maker(n, i)) && is(mul, "Mul") && j < 2; j++)
            if ((div = sole_maker(mul, j)) && is_heart(div, &h) &&
                is_along_row(mul->in[1 - j], &h) && is_along_row(n->in[1 - i], &h))
                return become_norm(g, n, &h, mul, div, mul->in[1 - j], n->in[1 - i]);
    return OK;
}

enum err fuse_norms(struct graph *g)
{
    enum err e = OK;

    for (int i = g->n_nodes - 1; e == OK && i >= 0; i--) /* the longest chains first */
        if (!g->node[i]->done)
            e = fuse_at(g, g->node[i]);
    graph_sweep(g);
    return e;
}
