/* A lane-line mask -> boundaries: smooth curves through marks, gaps and noise.
 *
 * Rows are cut into runs, runs linked upwards into segments, segments of one line joined through
 * its gaps, and each line fitted with what a flat road looks like in a picture. Every list is
 * bounded, so that a hostile mask (all lines, checkerboard, noise) costs no more than a busy road.
 */
#ifndef OUTRIDER_HEADS_LANE_TRACE_H
#define OUTRIDER_HEADS_LANE_TRACE_H

#include "perception/heads/head.h"
#include "perception/heads/lane_segments.h"

enum { LANE_TRACE_MAX_SIDE = 2048 };

struct lane_trace; /* working memory for one mask size */

/* ERR_LIMIT outside 16..LANE_TRACE_MAX_SIDE; ERR_NOMEM. The caller owns *out. */
MUST_CHECK enum err lane_trace_open(int mask_width, int mask_height, struct lane_trace **out,
                                    struct why *why);
void lane_trace_close(struct lane_trace *t); /* NULL is fine */

/* The curves come in pixels of the picture; n_curves, curve and roles of out are overwritten, the
 * rest is left alone. The mask is at most as large as lane_trace_open() was told. */
void lane_trace_run(struct lane_trace *t, const struct lane_mask *mask, float score_min,
                    struct perceived *out);

#endif
