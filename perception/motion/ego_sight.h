/* How we moved since the last picture, seen in the pictures: patches of the road and of what stands
 * around, followed from one to the next (patch.h) and explained by one motion (two_views.h). One
 * struct ego_sight per camera and thread; no allocation after opening. */
#ifndef OUTRIDER_MOTION_EGO_SIGHT_H
#define OUTRIDER_MOTION_EGO_SIGHT_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/image/image.h"

struct ego_sight;

MUST_CHECK enum err ego_sight_open(struct ego_sight **out); /* ERR_NOMEM */
void ego_sight_close(struct ego_sight *s);                  /* NULL is fine */
void ego_sight_reset(struct ego_sight *s);                  /* the next picture is the first */

struct ego_look { /* one picture, all borrowed for the call */
    const struct image *rgb;
    const struct camera *camera; /* of a picture of this size, calibrated */
    const struct detection *detection;
    int n_detections;               /* what may move by itself: not looked at */
    const struct road_mask *road;   /* NULL: not known */
    const struct lane_curve *curve; /* lines lie on the road, whatever the mask says */
    int n_curves;
    int64_t t_ns;
    float speed_mps, yaw_rate_radps; /* what is expected; NAN: anything */
    /* What the calibration is off by, as far as known: see two_views.h; and how surely. */
    float yaw_rad, yaw_sigma_rad, pitch_rad, pitch_sigma_rad;
};

struct ego_seen { /* since the picture before */
    double dt_s;
    bool speed_known, turn_known;
    double speed_mps, speed_sigma_mps; /* mean over dt; errors new in each picture */
    double yaw_rate_radps, yaw_rate_sigma_radps;
    double nod_rad; /* how far the nose went down meanwhile; known as the turn is */
    /* What this picture alone says of the calibration; sigma INFINITY: nothing. */
    double yaw_rad, yaw_sigma_rad, pitch_rad, pitch_sigma_rad;
    int road, other; /* places that moved as said */
    double chi2;
};

void ego_sight_step(struct ego_sight *s, const struct ego_look *look, struct ego_seen *out);

#endif
