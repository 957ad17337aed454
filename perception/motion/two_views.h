/* How a camera moved between two pictures, from places seen in both.
 *
 * The vehicle goes an arc: forward by `ahead` along its axis, turned by `turn`. Places on the road
 * give the scale, as the camera's height over it is known; all others, at distances nobody knows,
 * give the turn and where the way points. What the calibration is off by is estimated beside it: the
 * camera really points `yaw` farther to the left and `pitch` lower than stated, the body's own nod
 * included.
 *
 * Weighted least squares with Cauchy's weights, each unknown distance eliminated on its own (bundle
 * adjustment of two views: Triggs, McLauchlan, Hartley and Fitzgibbon 2000). Pure arithmetic, fixed
 * number of steps, no allocation. */
#ifndef OUTRIDER_MOTION_TWO_VIEWS_H
#define OUTRIDER_MOTION_TWO_VIEWS_H

#include <stdbool.h>

enum { TWO_VIEWS_MAX = 160 };

/* Directions are in the vehicle's axes as calibrated: (1, left, up). */
struct seen_twice {
    bool on_road;
    double from[2], to[2]; /* left and up per metre ahead: before and now */
    double info[3];        /* of `to`: ll lu uu, 1 / variance */
    double inverse_depth;  /* 1 / m ahead of the camera, before: a guess, then found by the fit */
    double weight;         /* 0..1, found: does it move as the others do */
};

enum motion_term { MOTION_AHEAD, MOTION_TURN, MOTION_NOD, MOTION_LEAN, MOTION_YAW, MOTION_PITCH };
enum { MOTION_TERMS = 6 };

struct two_views {
    double camera_x_m, camera_height_m; /* camera's place: ahead of the rear axle, over the road */
    double value[MOTION_TERMS];         /* m, then rad; before the fit: where to start */
    double prior[MOTION_TERMS], prior_sigma[MOTION_TERMS];
    double covariance[MOTION_TERMS][MOTION_TERMS]; /* after the fit */
    double chi2;        /* mean squared error over its variance: about 1 */
    double road, other; /* sums of weights: how many places agree */
};

/* Where a place at 1 / inverse_depth comes to lie. False: behind the camera. */
bool two_views_move(const struct two_views *t, const double from[2], double inverse_depth,
                    double to[2]);
/* 1 / distance ahead of a place on the road; <= 0: at or above the horizon. */
double two_views_road_depth(const struct two_views *t, const double from[2]);

/* False if the places leave something open. */
bool two_views_fit(struct two_views *t, struct seen_twice *s, int n);

#endif
