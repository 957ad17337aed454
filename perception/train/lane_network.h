/* The network of lane boundaries while it is trained, and as a file. */
#ifndef OUTRIDER_TRAIN_LANE_NETWORK_H
#define OUTRIDER_TRAIN_LANE_NETWORK_H

#include "perception/track/lane_memory.h"
#include "perception/train/train.h"

/* One boundary in one frame: what was asked, and what would have been right. */
struct lane_lesson {
    float x[LANE_FEATURES];
    float log_odds, exists, exists_counts;          /* log_odds: the filter's word */
    float y[LANE_KNOTS], y_counts[LANE_KNOTS];      /* less the filter's, in units */
    float chain[LANE_CHAIN], log_sigma[LANE_KNOTS]; /* the filter's: struct lane_view */
};

struct lane_network;

struct lane_network_options {
    bool lstm;       /* otherwise a plain RNN */
    int rows, steps; /* of a batch: so many boundaries, so many frames of each */
    uint64_t seed;
    struct train_recipe recipe;
};
/* ERR_NOMEM, or what train_plan() says. */
MUST_CHECK enum err lane_network_open(const struct lane_network_options *o,
                                      struct lane_network **out, struct why *why);
void lane_network_close(struct lane_network *n); /* NULL is fine */
struct train *lane_network_train(struct lane_network *n);

/* Frame `step` of row `row` of the batch; NULL: nothing happens there, and nothing counts. */
void lane_network_put(struct lane_network *n, int row, int step, const struct lane_lesson *l);

/* The file, with the average of the weights; the caller frees out->file. */
MUST_CHECK enum err lane_network_export(struct lane_network *n, struct lane_weights *out,
                                        struct why *why);

#endif
