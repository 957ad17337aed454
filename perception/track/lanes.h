/* Lane curves of one camera, frame after frame -> boundaries with identity, in pixels and metres,
 * and the lane we drive in. One struct lanes per camera; one thread; no allocation after opening. */
#ifndef OUTRIDER_TRACK_LANES_H
#define OUTRIDER_TRACK_LANES_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"

struct lanes;

MUST_CHECK enum err lanes_open(struct lanes **out);
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

#endif
