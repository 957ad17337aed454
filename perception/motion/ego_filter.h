/* Speed and turn over time from what single pictures say: two Kalman filters (speed with its
 * acceleration; yaw rate) and two slow means of what the calibration is off by. Says nothing until
 * pictures agreed for a while, and stops when they are silent. Plain data, no allocation. */
#ifndef OUTRIDER_MOTION_EGO_FILTER_H
#define OUTRIDER_MOTION_EGO_FILTER_H

#include "perception/geometry/camera.h"
#include "perception/motion/ego_sight.h"
#include "perception/scene.h"

struct ego_filter {
    double v, a, vv, va, aa; /* m/s, m/s^2 and their covariance */
    double w, ww;            /* rad/s */
    int speeds, turns;       /* taken, as far as is asked for; 0: nothing known */
    int refused;             /* speeds in a row that did not fit */
    double yaw, yaw_variance, pitch, pitch_variance; /* see two_views.h */
};

void ego_filter_init(struct ego_filter *f, const struct camera *c);
void ego_filter_reset(struct ego_filter *f); /* the motion; the calibration stays */

/* dt_s passes. */
void ego_filter_predict(struct ego_filter *f, double dt_s);
void ego_filter_update(struct ego_filter *f, const struct ego_seen *seen);

/* NAN where it is not sure enough; the sigma of speed has what a wrong height or pitch of the camera
 * adds. */
struct ego_motion ego_filter_motion(const struct ego_filter *f, const struct camera *c);

#endif
