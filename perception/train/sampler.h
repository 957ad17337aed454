/* The order in which samples are seen: every epoch all of them once, shuffled by seed and epoch. Its
 * state is four numbers, so that a checkpoint can hold it. */
#ifndef OUTRIDER_TRAIN_SAMPLER_H
#define OUTRIDER_TRAIN_SAMPLER_H

#include <stdint.h>

#include "perception/base/err.h"

struct train_sampler {
    struct sampler_state {
        uint64_t seed;
        int64_t n, epoch, at; /* at: of the epoch */
    } state;
    int32_t *order; /* (n) of this epoch */
};

/* n >= 1 samples. The caller's struct, released by sampler_finish(). ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err sampler_init(struct train_sampler *s, int64_t n, uint64_t seed);
void sampler_finish(struct train_sampler *s); /* a zeroed one is fine */
int32_t sampler_next(struct train_sampler *s);
/* Go on from there. ERR_MISMATCH: of another number of samples. */
MUST_CHECK enum err sampler_restore(struct train_sampler *s, const struct sampler_state *from,
                                    struct why *why);

/* Several sets, each drawn from with its share. */
enum { MIX_MAX_SETS = 24 };
struct mix_state {
    uint64_t seed;
    int64_t n, drawn;
    struct sampler_state set[MIX_MAX_SETS];
};
struct train_mix {
    uint64_t seed;
    int n;
    int64_t drawn;
    double upto[MIX_MAX_SETS]; /* shares, added up */
    struct train_sampler set[MIX_MAX_SETS];
};

/* samples (n) of each set, at least 1; share (n) > 0. The caller's struct, released by mix_finish(). ERR_NOMEM,
 * ERR_LIMIT. */
MUST_CHECK enum err mix_init(struct train_mix *m, int n, const int64_t *samples,
                             const double *share, uint64_t seed);
void mix_finish(struct train_mix *m); /* a zeroed one is fine */
int32_t mix_next(struct train_mix *m, int *set);
void mix_save(const struct train_mix *m, struct mix_state *out);
MUST_CHECK enum err mix_restore(struct train_mix *m, const struct mix_state *from, struct why *why);

#endif
