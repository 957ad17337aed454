/* What a network is made of, for tools and tests; nothing here is needed to run one. */
#ifndef OUTRIDER_NN_INSPECT_H
#define OUTRIDER_NN_INSPECT_H

#include "perception/nn/graph.h"
#include "perception/nn/net.h"

struct net_facts {
    int64_t parameters; /* elements of the initialisers in the file */
    int64_t macs;       /* multiply-adds of one run: convolutions and matrix products */
    size_t arena_bytes; /* all tensors and the scratch memory of one run */
};

const struct net_facts *net_facts(const struct net *n);
const struct graph *net_graph(const struct net *n); /* as it runs: folded and fused */

/* net_run() that calls after(arg, i) when node i of the graph is done, for whoever looks at a clock;
 * after may be NULL. */
MUST_CHECK enum err net_run_watched(struct net *n, void (*after)(void *arg, int i), void *arg,
                                    struct why *why);

#endif
