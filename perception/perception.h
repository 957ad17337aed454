/* Camera picture in, scene out: objects and lanes in metres, with how sure we are.
 *
 * One struct perception serves one camera and is used by one thread at a time. No sockets, no
 * clock, no log, no environment: the same pictures and times give the same scenes anywhere. */
#ifndef OUTRIDER_PERCEPTION_H
#define OUTRIDER_PERCEPTION_H

#include "perception/base/err.h"
#include "perception/base/pool.h"
#include "perception/geometry/camera.h"
#include "perception/geometry/mount_state.h"
#include "perception/heads/head.h"
#include "perception/image/image.h"
#include "perception/scene.h"
#include "perception/track/tracker.h"

enum { PERCEPTION_MAX_NETWORKS = 4 };

/* Where our own motion comes from: messages, and where there are none pictures; or one of both. */
enum ego_choice { EGO_ANY = 0, EGO_FROM_MESSAGES = 1, EGO_FROM_PICTURES = 2 };

struct perception_config {
    int n_networks;
    struct head_config network[PERCEPTION_MAX_NETWORKS]; /* of each kind of output the first wins */
    struct camera camera;                                /* width 0: not calibrated */
    enum tracker_kind tracker;                           /* of objects and of lanes */
    enum ego_choice ego;
};

struct perception; /* networks, tracker state and all working memory */

/* Load the models and reserve every byte that running will need. On OK the caller owns *out,
 * otherwise it is NULL and why says what is wrong with which model or number. */
MUST_CHECK enum err perception_open(const struct perception_config *cfg, struct perception **out,
                                    struct why *why);
void perception_close(struct perception *p); /* NULL is fine */

/* One picture, in bounded time and without allocation.
 *   rgb   borrowed for the call; scaled to the calibrated size in mind (same aspect), see below
 *   t_ns  capture time on the frame's clock; not earlier than in the call before, unless
 *         perception_reset() came between
 *   ego   NULL: not known
 *   out   caller's; overwritten: qualifiers and reasons speak of this picture (DARK, GLARE, BLUR,
 *         BLOCKED, FROZEN, UNCALIBRATED, WARMUP, MODEL_FAULT)
 * A picture whose aspect ratio differs from the calibrated one by over 2 % is ERR_MISMATCH. */
MUST_CHECK enum err perception_run(struct perception *p, const struct image *rgb, int64_t t_ns,
                                   const struct ego_motion *ego, struct scene *out,
                                   struct why *why);

/* Time jumped or the drive changed: forget tracks and history, keep the networks. */
void perception_reset(struct perception *p);

/* A new calibration, checked by camera_check() first; forgets tracks. */
MUST_CHECK enum err perception_calibrate(struct perception *p, const struct camera *c,
                                         struct why *why);

/* Whether the camera is still mounted as calibrated, after the last picture. */
struct mount_state perception_mount(const struct perception *p);

unsigned perception_gives(const struct perception *p); /* HEAD_... bits */

/* Ids of all models in order, joined by '+'. Owned by p. */
const char *perception_model_id(const struct perception *p);

#endif
