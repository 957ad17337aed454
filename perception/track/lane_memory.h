/* The network of lane boundaries on the engine. Rows are the tracker's slots; an empty slot's row is
 * computed too, so that the cost is always the same. One thread at a time; no allocation after opening. */
#ifndef OUTRIDER_TRACK_LANE_MEMORY_H
#define OUTRIDER_TRACK_LANE_MEMORY_H

#include "perception/base/err.h"
#include "perception/track/lane_answers.h"

struct lane_weights { /* an ONNX file in memory, borrowed while opening */
    const void *file;
    size_t bytes;
};
/* Those of perception/models, which are part of the program. */
struct lane_weights lane_weights_built_in(bool lstm);

struct lane_memory;

/* What net_open_memory() refuses, and ERR_MISMATCH: a network of another shape. */
MUST_CHECK enum err lane_memory_open(const struct lane_weights *w, unsigned cpu_mask,
                                     struct lane_memory **out, struct why *why);
void lane_memory_close(struct lane_memory *m);            /* NULL is fine */
void lane_memory_forget(struct lane_memory *m, int slot); /* its memory starts anew */

/* One step: (LANE_TRACKS, LANE_ANSWERS), valid until the next call. */
const float (*lane_memory_step(struct lane_memory *m,
                               const float x[LANE_TRACKS][LANE_FEATURES]))[LANE_ANSWERS];

#endif
