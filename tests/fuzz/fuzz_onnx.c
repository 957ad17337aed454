/* A model from anywhere: it opens and runs, or is refused with a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"

enum { MEMORY = 16 << 20, RUN_MEMORY = 1 << 20, MACS = 10 << 20, NODES = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (net_facts(net)->macs < MACS && net_facts(net)->arena_bytes < RUN_MEMORY &&
        net_graph(net)->n_nodes < NODES && net_run(net, &why) != OK && !strchr(why.text, '\''))
        abort(); /* failed without naming the node */
    net_close(net);
    return 0;
}
