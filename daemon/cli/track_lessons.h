/* What the tracker's networks learn from: simulated drives seen by a camera and a detector that errs,
 * followed by the tracker itself, and beside each thing that it was asked what would have been right.
 * Every third drive is seen by the plain camera and our own detector; of the others cameras, rates,
 * detectors, clutter and what is known of our own motion are drawn anew. The same seed and weights give the same lessons. */
#ifndef OUTRIDER_DAEMON_CLI_TRACK_LESSONS_H
#define OUTRIDER_DAEMON_CLI_TRACK_LESSONS_H

#include "perception/track/tracker.h"
#include "perception/train/tracker_network.h"

struct track_lessons;

MUST_CHECK enum err track_lessons_open(uint64_t seed, struct track_lessons **out, struct why *why);
void track_lessons_close(struct track_lessons *s); /* NULL is fine */

/* From now on the tracker has these networks; before, it is the Kalman filter alone. */
MUST_CHECK enum err track_lessons_use(struct track_lessons *s, const struct weights *w,
                                      struct why *why);

struct track_sequence_lessons { /* one track from its birth to its end */
    int n;
    struct lesson lesson[];
};
/* The caller frees *out. */
MUST_CHECK enum err track_lessons_next(struct track_lessons *s, struct track_sequence_lessons **out,
                                       struct why *why);

uint64_t track_lessons_drives(const struct track_lessons *s);
void track_lessons_skip(struct track_lessons *s, uint64_t drives); /* go on behind so many */

#endif
