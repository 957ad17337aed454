/* Speed and turn over time from what single pictures say: each a Kalman filter over a value and its
 * rate of change. Says nothing until pictures agreed for a while, and stops when they are silent.
 * Plain data, no allocation. */
#ifndef OUTRIDER_MOTION_EGO_FILTER_H
#define OUTRIDER_MOTION_EGO_FILTER_H

#include "perception/geometry/camera.h"
#include "perception/motion/ego_sight.h"
#include "perception/scene.h"

struct glide {                  /* a value that changes smoothly */
    double x, rate, xx, xr, rr; /* and their covariance */
    int taken;                  /* measurements, as far as is asked for; 0: nothing known */
    int refused;                /* in a row that did not fit */
};

struct ego_filter {
    struct glide speed, turn; /* m/s, rad/s */
};

void ego_filter_init(struct ego_filter *f);

/* dt_s passes. */
void ego_filter_predict(struct ego_filter *f, double dt_s);
void ego_filter_update(struct ego_filter *f, const struct ego_seen *seen);

/* NAN where it is not sure enough; the sigma of speed has what a wrong height of the camera and roads
 * that are not flat add. */
struct ego_motion ego_filter_motion(const struct ego_filter *f, const struct camera *c);

#endif
