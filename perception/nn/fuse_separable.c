/* A depthwise convolution that only a pointwise one reads, as in every MobileNet: one node, so that
 * what lies between them never leaves the cache. After layout.c: both read channels last. */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/last.h"
#include "perception/nn/ops/separable.h"

static enum err fuse(struct graph *g, struct node *depth, struct node *point)
{
    struct separable_params *p = region_take(&g->region, sizeof *p);
    struct value **wide = region_take(&g->region, SEPARABLE_INPUTS * sizeof *wide);

    if (!p || !wide)
        return ERR_NOMEM;
    p->depth = *(const struct conv_params *)depth->params;
    p->point = *(const struct conv_params *)point->params;
    memcpy(wide, point->in, CONV_INPUTS * sizeof *wide);
    point->in = wide;
    point->n_in = SEPARABLE_INPUTS;
    node_rewire(point, SEPARABLE_W, depth->in[CONV_W]);
    if (depth->in[CONV_BIAS])
        node_rewire(point, SEPARABLE_BIAS, depth->in[CONV_BIAS]);
    node_rewire(point, CONV_X, depth->in[CONV_X]); /* nobody reads the first's output any more */
    point->op = &op_separable;
    point->type = op_separable.name;
    point->params = p;
    point->macs += depth->macs;
    return OK;
}

enum err fuse_separable(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *point = g->node[i];
        struct node *depth = point->op == &op_conv_last ? sole_maker(point, CONV_X) : NULL;

        if (depth && depth->op == &op_conv_last && separable_fits(depth, point) &&
            fuse(g, depth, point) != OK)
            return ERR_NOMEM;
    }
    graph_sweep(g);
    return OK;
}
