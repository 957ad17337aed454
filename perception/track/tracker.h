/* Detections of one camera, frame after frame -> tracks with identity, in pixels and metres.
 * One struct tracker per camera; one thread at a time; no allocation after opening. */
#ifndef OUTRIDER_TRACK_TRACKER_H
#define OUTRIDER_TRACK_TRACKER_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"

/* A Kalman filter alone, or with networks that correct it and choose among detections: plain RNN or
 * LSTM. */
enum tracker_kind { TRACKER_KALMAN = 1, TRACKER_RNN = 2, TRACKER_LSTM = 3 };

enum { TRACKER_MAX_TRACKS = SCENE_MAX_OBJECTS, TRACKER_MAX_DETECTIONS = 128 };

struct tracker;

bool tracker_kind_named(const char *name, enum tracker_kind *out); /* "kalman", "rnn", "lstm" */

struct weights; /* learned.h */
struct asked;   /* likewise */

struct tracker_options {
    enum tracker_kind kind;
    unsigned cpu_mask;             /* CPU_... bits that its networks may use; ~0u: all */
    const struct weights *weights; /* NULL: those that are part of the program */
    /* For training: keep what networks are asked, of a Kalman tracker too, which then lets go late. */
    bool record;
};

/* ERR_UNSUPPORTED (no such kind), ERR_NOMEM, and what learned_open() refuses of the weights. */
MUST_CHECK enum err tracker_open(const struct tracker_options *o, struct tracker **out,
                                 struct why *why);
void tracker_close(struct tracker *t); /* NULL is fine */

/* Forget every track. Identities go on counting: none is used twice. */
void tracker_reset(struct tracker *t);

/* One frame. t_ns is its capture time on the frame's clock and never goes back between resets.
 *   d, n    detections by score, best first; more than TRACKER_MAX_DETECTIONS are left out
 *   camera  borrowed for the call; fx 0: not calibrated, tracks stay in pixels; its width and
 * height are the picture's, or 0 where not even that is known
 *   ego     NULL: not known */
void tracker_step(struct tracker *t, const struct detection *d, int n, const struct camera *camera,
                  const struct ego_motion *ego, int64_t t_ns);

/* Fill identity, life, class, box, position, velocity, covariance, size, TTC and path of
 * every confirmed track into out[], strongest first; returns how many (at most max). */
int tracker_objects(const struct tracker *t, struct object *out, int max);

/* For training, after a step with `record`: what was asked, by slot; which detection each slot got
 * (-1: none); and the tracks themselves, id 0 where a slot is free. */
struct track;
const struct asked *tracker_asked(const struct tracker *t);
const int *tracker_owners(const struct tracker *t);
const struct track *tracker_tracks(const struct tracker *t);

#endif
