/* A neural network from an ONNX file, ready to run.
 *
 * Opening parses and checks the file, infers every shape, folds constants and batch norms, and
 * plans one arena for all tensors. Running never allocates. One thread at a time per struct net;
 * the work inside is split over the pool it is handed, and does not depend on its size. */
#ifndef OUTRIDER_NN_NET_H
#define OUTRIDER_NN_NET_H

#include "perception/base/err.h"
#include "perception/base/pool.h"
#include "perception/nn/tensor.h"

enum {
    NET_MAX_FILE_BYTES = 1 << 30,
    NET_MAX_NODES = 1 << 16,
    NET_MAX_ARENA_BYTES = 1 << 30,
};

struct net;

struct net_options {
    unsigned cpu_mask; /* CPU_... bits (kernels/kernels.h) that may be used; ~0u: all */
    struct pool *pool; /* borrowed while the net lives; NULL: inline */
    /* Inputs whose values are known already (a shape, a list of axes), by name: they count as
     * constants, so shapes may depend on them. Each takes the place of the file's shape. They
     * stay in the list of inputs, filled in. Copied. */
    const struct tensor *fixed;
    int n_fixed;
    size_t memory_limit; /* bytes for all tensors of a run; 0: NET_MAX_ARENA_BYTES */
};

/* Load a model. On OK the caller owns *out; otherwise *out is NULL and why names the node, the
 * tensor or the field: ERR_IO (no such file), ERR_FORMAT (not ONNX, cyclic, truncated), ERR_LIMIT
 * (too large), ERR_UNSUPPORTED (operator, type or dynamic shape), ERR_NOMEM.
 * Symbolic dimensions of inputs count as 1. */
MUST_CHECK enum err net_open(const char *path, const struct net_options *opt, struct net **out,
                             struct why *why);
MUST_CHECK enum err net_open_memory(const void *bytes, size_t n, const struct net_options *opt,
                                    struct net **out, struct why *why);
void net_close(struct net *n); /* NULL is fine */

/* The shape of an output that hangs on data (NonZero, NonMaxSuppression) is a bound before the first
 * run, and after each run what that run gave. */
/* Inputs without the initialisers, outputs: in the order of the graph. The caller writes into
 * net_input(n, i)->data before net_run and reads net_output(n, i)->data after it. */
int net_inputs(const struct net *n);
int net_outputs(const struct net *n);
struct tensor *net_input(struct net *n, int i);
const struct tensor *net_output(const struct net *n, int i);

const char *net_metadata(const struct net *n, const char *key); /* metadata_props; NULL if absent */
const char *net_id(const struct net *n); /* 16 hex digits, a hash of the file's bytes */

/* ERR_MISMATCH with the node's name if values that only running shows are out of range (an index).
 */
MUST_CHECK enum err net_run(struct net *n, struct why *why);

#endif
