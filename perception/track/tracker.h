/* Detections of one camera, frame after frame -> tracks with identity, in pixels and metres.
 * One struct tracker per camera; one thread at a time; no allocation after opening. */
#ifndef OUTRIDER_TRACK_TRACKER_H
#define OUTRIDER_TRACK_TRACKER_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"

enum tracker_kind { TRACKER_KALMAN = 1 };

enum { TRACKER_MAX_TRACKS = SCENE_MAX_OBJECTS, TRACKER_MAX_DETECTIONS = 128 };

struct tracker;

MUST_CHECK enum err tracker_open(enum tracker_kind kind, struct tracker **out);
void tracker_close(struct tracker *t); /* NULL is fine */

/* Forget every track. Identities go on counting: none is used twice. */
void tracker_reset(struct tracker *t);

/* One frame. t_ns is its capture time on the frame's clock and never goes back between resets.
 *   d, n    detections by score, best first; more than TRACKER_MAX_DETECTIONS are left out
 *   camera  borrowed for the call; fx 0: not calibrated, tracks stay in pixels; its width and
 * height are the picture's, or 0 where not even that is known */
void tracker_step(struct tracker *t, const struct detection *d, int n, const struct camera *camera,
                  int64_t t_ns);

/* Fill identity, life, class, box, position, velocity, covariance, size, TTC and path of
 * every confirmed track into out[], strongest first; returns how many (at most max). */
int tracker_objects(const struct tracker *t, struct object *out, int max);

#endif
