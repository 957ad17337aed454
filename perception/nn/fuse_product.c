/* Products with a constant matrix. Its columns are the output channels of a pointwise convolution
 * and the rows of the other matrix are pixels, so the channels-last tile does the work and takes
 * along what follows. */
#include <math.h>
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/product.h"

static bool is_product(const struct node *n)
{
    return n && n->op == &op_product;
}

/* One number per column, or one for all; NULL: no constant of that kind. */
static const float *per_column(const struct value *v, int64_t N)
{
    const struct tensor *t = v ? &v->t : NULL;

    if (!t || !v->constant || t->type != DTYPE_F32)
        return NULL;
    if (tensor_count(t) == 1 || (tensor_count(t) == N && t->dim[t->rank - 1] == N))
        return t->data;
    return NULL;
}

/* bias + beta c, as a new constant of N numbers. */
static enum err add_bias(struct graph *g, struct node *n, const struct value *c, float beta)
{
    const struct product_params *p = n->params;
    int64_t N = p->N, step = tensor_count(&c->t) == 1 ? 0 : 1;
    struct value *to = graph_constant(g, n->name, DTYPE_F32, 1, &N);
    const float *old = in(n, PRODUCT_BIAS) ? in(n, PRODUCT_BIAS)->data : NULL;

    if (!to)
        return ERR_NOMEM;
    for (int64_t i = 0; i < N; i++)
        ((float *)to->t.data)[i] =
            (old ? old[i] : 0.0f) + beta * ((const float *)c->t.data)[i * step];
    node_rewire(n, PRODUCT_BIAS, to);
    return OK;
}

/* (N, K) = alpha op(b) turned over */
static struct value *columns(struct graph *g, const struct node *n, const struct gemm_shape *s)
{
    int64_t dim[] = {s->N, s->K}, along = s->trans_b ? 1 : (int64_t)s->ldb;
    int64_t across = s->trans_b ? (int64_t)s->ldb : 1;
    struct value *to = graph_constant(g, in(n, 1)->name, DTYPE_F32, 2, dim);
    const float *b = in(n, 1)->data;

    for (int64_t i = 0; to && i < dim[0]; i++)
        for (int64_t k = 0; k < dim[1]; k++)
            ((float *)to->t.data)[i * dim[1] + k] = s->alpha * b[i * across + k * along];
    return to;
}

static enum err make_product(struct graph *g, struct node *n)
{
    struct product_params *p = region_take(&g->region, sizeof *p);
    struct value **wide = region_take(&g->region, PRODUCT_INPUTS * sizeof *wide), *w, *c;
    struct gemm_shape s;
    float beta;
    enum err e;

    if (!p || !wide)
        return ERR_NOMEM;
    if (!n->in[1] || !n->in[1]->constant || !matmul_is_rows(n, &s, &p->rows, &beta))
        return OK;
    c = n->n_in > 2 ? n->in[2] : NULL;
    if (c && !per_column(c, s.N))
        return OK;
    w = columns(g, n, &s);
    if (!w)
        return ERR_NOMEM;
    p->K = s.K;
    p->N = s.N;
    wide[PRODUCT_X] = n->in[0];
    wide[PRODUCT_W] = n->in[1];
    n->in = wide;
    n->n_in = PRODUCT_INPUTS;
    n->params = p;
    n->op = &op_product;
    node_rewire(n, PRODUCT_W, w);
    if (!c)
        return OK;
    e = add_bias(g, n, c, beta);
    c->uses--; /* n read it */
    value_release(c);
    return e;
}

static enum err fuse_addend(struct graph *g, struct node *add, int at)
{
    for (int i = 0; i < 2 && !strcmp(add->type, "Add"); i++) {
        struct node *by = sole_maker(add, i);
        struct value *other = add->in[1 - i];
        struct product_params *p = is_product(by) ? by->params : NULL;
        enum err e;

        if (!p || by->in[PRODUCT_ADD] || out(add, 0)->rank != out(by, 0)->rank ||
            memcmp(out(add, 0)->dim, out(by, 0)->dim, sizeof out(add, 0)->dim) != 0)
            continue;
        if (p->e.act == ACT_NONE && per_column(other, p->N)) {
            if ((e = add_bias(g, by, other, 1.0f)) != OK)
                return e;
        } else if (other != add->in[i] && other->t.type == DTYPE_F32 &&
                   tensor_count(&other->t) == tensor_count(out(by, 0)) &&
                   is_there_before(g, other, by, at)) {
            p->e.add_after = p->e.act != ACT_NONE;
            node_rewire(by, PRODUCT_ADD, other);
        } else {
            continue;
        }
        absorb(by, add);
        return OK;
    }
    return OK;
}

static void fuse_act(struct node *n)
{
    struct node *by = sole_maker(n, 0);
    struct product_params *p = is_product(by) ? by->params : NULL;
    struct epilogue act = {0};

    if (!p || p->e.act != ACT_NONE || p->e.add_after ||
        (!unary_activation(n, &act) && !clip_activation(n, &act)))
        return;
    p->e.act = act.act;
    p->e.a = act.a;
    p->e.b = act.b;
    absorb(by, n);
}

enum err fuse_products(struct graph *g)
{
    enum err e;

    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        if (n->done)
            continue;
        if ((e = make_product(g, n)) != OK || (e = fuse_addend(g, n, i)) != OK)
            return e;
        if (!n->done)
            fuse_act(n);
    }
    return OK;
}
