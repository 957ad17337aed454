/* The tracker's networks while they are trained, and as files. */
#ifndef OUTRIDER_TRAIN_TRACKER_NETWORK_H
#define OUTRIDER_TRAIN_TRACKER_NETWORK_H

#include "perception/track/learned.h"
#include "perception/train/train.h"

/* One track in one frame: what was asked, and what would have been right. */
struct lesson {
    float track[TRACK_FEATURES];
    float exists;
    float box[4], box_counts[4];          /* of the next frame; see ANSWER_BOX */
    float state[STATE_DIM], state_counts; /* in units */
    float speed_counts;      /* a unit of the speed, squared; 0: too far away to matter */
    float rate, rate_counts; /* in units */
    float path[2 * SCENE_PATH_POINTS], path_counts[2 * SCENE_PATH_POINTS]; /* in units */
    float pair[ASKED_CANDIDATES][PAIR_FEATURES];                           /* of the next frame */
    float none[ASKED_CANDIDATES]; /* -1e4 where there is no candidate, or 0 */
    float choice, choice_counts;  /* index of the right one; ASKED_CANDIDATES: none of them */
};

struct tracker_network;

struct tracker_network_options {
    bool lstm;       /* otherwise a plain RNN */
    int rows, steps; /* of a batch: so many tracks, so many frames of each */
    uint64_t seed;
    struct train_recipe recipe;
    struct pool *pool; /* borrowed; NULL: inline */
};
/* ERR_NOMEM, or what train_plan() says. */
MUST_CHECK enum err tracker_network_open(const struct tracker_network_options *o,
                                         struct tracker_network **out, struct why *why);
void tracker_network_close(struct tracker_network *n);          /* NULL is fine */
struct train *tracker_network_train(struct tracker_network *n); /* for steps and checkpoints */

/* Frame `step` of row `row` of the batch; NULL: nothing happens there, and nothing counts. */
void tracker_network_put(struct tracker_network *n, int row, int step, const struct lesson *l);

/* From now on the logarithms of sigma among count answers from `from` on are so much larger: to mend what the
 * likelihood leaves over. */
void tracker_network_widen(struct tracker_network *n, int from, int count, float log_scale);

/* Both files, with the average of the weights; the caller frees memory and attention. */
MUST_CHECK enum err tracker_network_export(struct tracker_network *n, struct weights *out,
                                           struct why *why);

#endif
