/* MatMul, perhaps a factor, Softmax over the last axis, MatMul: attention. Its scores are as many as
 * queries times keys, so making them all costs more in memory than the arithmetic does. */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/attention.h"
#include "perception/nn/ops/matmul.h"

/* The factor that n puts on its other input, a number known now; 0: n is no such node. */
static float factor_of(const struct node *n, int *other)
{
    bool divides = !strcmp(n->type, "Div");

    if ((!divides && strcmp(n->type, "Mul") != 0) || n->n_in != 2)
        return 0.0f;
    for (int i = divides ? 1 : 0; i < 2; i++) {
        const struct value *c = n->in[i];

        if (c && c->constant && c->t.type == DTYPE_F32 && tensor_count(&c->t) == 1) {
            float v = *(const float *)c->t.data;

            *other = 1 - i;
            return divides ? 1.0f / v : v;
        }
    }
    return 0.0f;
}

/* Softmax along rows: over the last axis, or over one that is followed by nothing but ones. */
static bool is_row_softmax(struct node *n)
{
    const struct tensor *x = n ? in(n, 0) : NULL;
    int axis = 0;

    return n && !strcmp(n->type, "Softmax") && x->type == DTYPE_F32 &&
           axis_of(attr_int(n, "axis", n->opset < 13 ? 1 : -1), x->rank, &axis, NULL) == OK &&
           axis == x->rank - 1;
}

/* What the second product makes of the scores in its input `side`: V behind them, or V' in front. */
static bool shape_of(const struct node *first, const struct node *second, int side,
                     struct attention_shape *s)
{
    struct gemm_shape a, b;
    int batches[2];

    if (!matmul_is_batch(first, &a, &batches[0]) || !matmul_is_batch(second, &b, &batches[1]) ||
        batches[0] != batches[1])
        return false;
    if (side == 0 ? b.trans_a : !b.trans_b)
        return false; /* the softmax runs along queries */
    *s = (struct attention_shape){.batches = batches[0],
                                  .queries = a.M,
                                  .keys = a.N,
                                  .depth = a.K,
                                  .width = side == 0 ? b.N : b.M,
                                  .q_turned = a.trans_a,
                                  .k_turned = !a.trans_b,
                                  .v_turned = side == 0 ? b.trans_b : !b.trans_a,
                                  .out_turned = side == 1};
    return true;
}

static enum err fuse(struct graph *g, struct node *second, int side)
{
    struct node *softmax = sole_maker(second, side), *first, *scale = NULL;
    struct attention_shape *s = region_take(&g->region, sizeof *s);
    struct value **wide = region_take(&g->region, 3 * sizeof *wide), *v = second->in[1 - side];
    float factor = 1.0f;
    int other = 0;

    if (!s || !wide)
        return ERR_NOMEM;
    if (!is_row_softmax(softmax) || !(first = sole_maker(softmax, 0)))
        return OK;
    if (!is_matmul(first)) {
        scale = first;
        factor = factor_of(scale, &other);
        first = factor != 0.0f ? sole_maker(scale, other) : NULL;
    }
    if (!first || !is_matmul(first) || !shape_of(first, second, side, s))
        return OK;
    s->scale = factor;
    wide[0] = first->in[0];
    wide[1] = first->in[1];
    wide[2] = v;
    for (int i = 0; i < 2; i++)
        wide[i]->uses++;
    node_rewire(second, side, NULL);
    second->in = wide;
    second->n_in = 3;
    second->op = &op_attention;
    second->type = op_attention.name;
    second->params = s;
    second->macs += first->macs;
    return OK;
}

enum err fuse_attention(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int side = 0; side < 2; side++) {
            struct node *n = g->node[i];

            if (!n->done && is_matmul(n) && fuse(g, n, side) != OK)
                return ERR_NOMEM;
        }
    return OK;
}
