/* What the network of lane boundaries learns from: simulated drives seen by a camera and a network that
 * errs, followed by the tracker itself, and beside each thing that it was asked what would have been
 * right. Cameras, rates, errors and what is known of our own motion are drawn anew for each drive. The
 * same seed and weights give the same lessons. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_LESSONS_H
#define OUTRIDER_DAEMON_CLI_LANE_LESSONS_H

#include "perception/train/lane_network.h"

struct lane_lessons;

MUST_CHECK enum err lane_lessons_open(uint64_t seed, struct lane_lessons **out, struct why *why);
void lane_lessons_close(struct lane_lessons *s); /* NULL is fine */

/* From now on the tracker has this network; before, it is the filter alone. */
MUST_CHECK enum err lane_lessons_use(struct lane_lessons *s, const struct lane_weights *w,
                                     struct why *why);

struct lane_sequence { /* one boundary from its birth to its end */
    int n;
    struct lane_lesson lesson[];
};
/* The caller frees *out. */
MUST_CHECK enum err lane_lessons_next(struct lane_lessons *s, struct lane_sequence **out,
                                      struct why *why);

uint64_t lane_lessons_drives(const struct lane_lessons *s);
void lane_lessons_skip(struct lane_lessons *s, uint64_t drives); /* go on behind so many */

#endif
