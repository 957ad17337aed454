#include "perception/nn/graph.h"

static int64_t count_macs(const struct graph *g)
{
    int64_t all = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (__builtin_add_overflow(all, g->node[i]->macs, &all))
            return INT64_MAX;
    return all;
}

enum err graph_build(struct graph *g, int64_t *macs, struct why *why)
{
    enum err e;

    if ((e = graph_spell_out(g, why)) != OK || (e = graph_infer(g, why)) != OK)
        return e;
    if (macs)
        *macs = count_macs(g); /* before fusing hides nodes */
    graph_drop_repeats(g);
    if ((e = graph_fuse(g, why)) != OK || (e = graph_fuse_quant(g, why)) != OK ||
        (e = graph_layout(g, why)) != OK || (e = graph_prepare(g, why)) != OK)
        return e;
    return graph_plan(g, &g->run_bytes, why);
}
