/* Lane curves of one camera, frame after frame -> boundaries with identity, in pixels and metres,
 * and the lane we drive in. One struct lanes per camera; one thread; no allocation after opening. */
#ifndef OUTRIDER_TRACK_LANES_H
#define OUTRIDER_TRACK_LANES_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"
#include "perception/track/lane_answers.h"
#include "perception/track/tracker.h"

struct lanes;

struct lane_weights; /* lane_memory.h */

struct lanes_options {
    enum tracker_kind kind; /* a filtered cubic alone, or with a network that corrects it */
    unsigned cpu_mask;      /* CPU_... bits that the network may use; ~0u: all */
    const struct lane_weights *weights; /* NULL: those that are part of the program */
    bool record; /* for training: the filter alone too follows through long gaps */
};
/* ERR_UNSUPPORTED (no such kind), ERR_NOMEM, and what lane_memory_open() refuses of the weights. */
MUST_CHECK enum err lanes_open(const struct lanes_options *o, struct lanes **out, struct why *why);
void lanes_close(struct lanes *l); /* NULL is fine */

/* Forget every boundary. Identities go on counting: none is used twice. */
void lanes_reset(struct lanes *l);

/* One frame. t_ns is its capture time on the frame's clock and never goes back between resets.
 * curve, n: what the head saw. camera: borrowed for the call; width 0: not calibrated, boundaries
 * stay in pixels (roles by position in the picture of image_width). speed_mps, yaw_rate_radps: ours,
 * NAN if not known; with both, boundaries move as we do and are predicted where nothing is seen. */
void lanes_step(struct lanes *l, const struct lane_curve *curve, int n, const struct camera *camera,
                int image_width, float speed_mps, float yaw_rate_radps, int64_t t_ns);

/* Fill s->lane, s->n_lanes and s->ego_lane. */
void lanes_scene(const struct lanes *l, struct scene *s);

/* For training, after a step: what was asked of each slot, and the boundaries in them, id 0 where a slot is
 * free. */
const float (*lanes_asked(const struct lanes *l))[LANE_FEATURES];
const struct lane_track *lanes_tracks(const struct lanes *l);

#endif
