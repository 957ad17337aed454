/* Batches for our own network: pictures drawn from a mix of sets, read, composed and labelled on all threads of
 * the pool. Everything random comes from the seed and the sample's number: the same batches for any number of
 * threads, and each of several ranks has its part of the same whole batch. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_LOADER_H
#define OUTRIDER_DAEMON_CLI_TRAIN_LOADER_H

#include "daemon/cli/train_set.h"
#include "perception/base/pool.h"
#include "perception/train/sampler.h"

struct train_loader_options {
    const struct train_set *set; /* (n_sets), borrowed */
    int n_sets;
    struct compose compose;
    int batch;       /* of this rank */
    int rank, ranks; /* 0, 1: alone */
    uint64_t seed;
    struct pool *pool; /* borrowed; NULL: inline */
};

struct train_loader;

/* The caller owns *out. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err train_loader_open(const struct train_loader_options *o,
                                      struct train_loader **out, struct why *why);
void train_loader_close(struct train_loader *l); /* NULL is fine */

/* input (batch, height, width, 3); labels (batch), which borrow from l until the next call. ERR_IO, ERR_FORMAT or
 * ERR_LIMIT with the file that cannot be read. */
MUST_CHECK enum err train_loader_next(struct train_loader *l, float *input, struct labels *labels,
                                      struct why *why);

/* The mix, to be saved and restored with a checkpoint. */
struct train_mix *train_loader_mix(struct train_loader *l);

#endif
