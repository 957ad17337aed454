/* The channel shuffle of ShuffleNet as exporters spell it for one picture: x (1, C, H, W) as
 * (C / G, G, H W), its first two axes changed over, as (G, 1, C / G, H, W), and out of that with a
 * Gather one part for each branch. Part i is every G-th channel of x from i on: a Slice, for which
 * nothing is turned over, and which the channels-last order can read where it lies. */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

static struct node *maker(const struct node *n, const char *type)
{
    struct node *from = n && n->n_in > 0 && n->in[0] ? n->in[0]->from : NULL;

    return from && !strcmp(from->type, type) ? from : NULL;
}

static bool has_shape(const struct tensor *t, int rank, const int64_t *dim)
{
    return t && t->rank == rank && !memcmp(t->dim, dim, (size_t)rank * sizeof *dim);
}

/* x, if n is such a Gather: part *i of *groups. */
static struct value *shuffled(struct node *n, int64_t *i, int64_t *groups)
{
    struct node *parts = strcmp(n->type, "Gather") ? NULL : maker(n, "Reshape");
    struct node *swap = maker(parts, "Transpose"), *pairs = maker(swap, "Reshape");
    const struct tensor *x = pairs ? in(pairs, 0) : NULL, *pair = x ? out(pairs, 0) : NULL;
    const int64_t *perm, *d = x ? x->dim : NULL;
    int count, rank = x ? pair->rank : 0;

    if (!x || x->rank != 4 || rank != 3 || x->type != DTYPE_F32 || attr_int(n, "axis", 0) != 0 ||
        !n->in[1]->constant || tensor_count(in(n, 1)) != 1 || in(n, 1)->rank != 0)
        return NULL;
    *groups = pair->dim[1];
    *i = number_int(in(n, 1), 0);
    *i += *i < 0 ? *groups : 0;
    perm = attr_ints(swap, "perm", &count);
    if (!perm || count != 3 || perm[0] != 1 || perm[1] != 0 || *groups < 1 || *i < 0 ||
        *i >= *groups || d[0] != 1 ||
        !has_shape(pair, 3, (int64_t[]){d[1] / *groups, *groups, d[2] * d[3]}) ||
        !has_shape(out(parts, 0), 5, (int64_t[]){*groups, 1, d[1] / *groups, d[2], d[3]}))
        return NULL;
    return pairs->in[0];
}

/* n reads every step-th channel of x from `start` on. */
static enum err become_slice(struct graph *g, struct node *n, struct value *x, int64_t start,
                             int64_t step)
{
    const int64_t one = 1, value[] = {start, x->t.dim[1], 1, step}; /* to which end, which axis */
    struct value **wide = region_take(&g->region, 5 * sizeof *wide);

    if (!wide)
        return ERR_NOMEM;
    node_rewire(n, 1, NULL);
    wide[0] = n->in[0];
    n->in = wide;
    n->n_in = 5;
    node_rewire(n, 0, x);
    for (int i = 0; i < 4; i++) {
        struct value *v = graph_constant(g, n->name, DTYPE_I64, 1, &one);

        if (!v)
            return ERR_NOMEM;
        *(int64_t *)v->t.data = value[i];
        node_rewire(n, i + 1, v);
    }
    n->op = op_find("Slice");
    n->type = n->op->name;
    n->opset = OPSET_MAX;
    n->n_attr = 0;
    return n->op->infer(g, n, NULL);
}

enum err fuse_shuffles(struct graph *g)
{
    int64_t i, groups;
    enum err e;

    for (int at = 0; at < g->n_nodes; at++) {
        struct node *n = g->node[at];
        struct value *x = n->done ? NULL : shuffled(n, &i, &groups);

        if (x && (e = become_slice(g, n, x, i, groups)) != OK)
            return e;
    }
    return OK;
}
