/* A model from anywhere: it opens and runs, or is refused with a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"

enum { MEMORY = 16 << 20, RUN_MEMORY = 1 << 20, MACS = 10 << 20, NODES = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not so much that one run takes seconds: a Loop may go round for long. */
static bool is_short(const struct net *n)
{
    const struct graph *g = net_graph(n);

    if (net_facts(n)->macs >= MACS || net_facts(n)->arena_bytes >= RUN_MEMORY ||
        g->n_nodes >= NODES)
        return false;
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->work >= MACS)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_options opt = {.cpu_mask = ~0u, .memory_limit = MEMORY};
    struct why why = {""};
    struct net *net;

    if (net_open_memory(data, size, &opt, &net, &why) != OK) {
        if (!*why.text)
            abort(); /* refused without a reason */
        return 0;
    }
    if (is_short(net) && net_run(net, &why) != OK && !strchr(why.text, '\''))
        abort(); /* failed without naming the node */
    net_close(net);
    return 0;
}
