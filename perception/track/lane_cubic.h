/* One lane boundary on the road: a cubic y(x) filtered over time, and how sure it is. */
#ifndef OUTRIDER_TRACK_LANE_CUBIC_H
#define OUTRIDER_TRACK_LANE_CUBIC_H

#include "perception/geometry/camera.h"
#include "perception/heads/head.h"

enum { CUBIC_TERMS = 4, LANE_GROUND_POINTS = 32 };

/* A curve's seen points on a flat road, from near to far. What all points of a picture share, the
 * errors of the camera's pitch and height, is kept apart from what each has of its own. */
struct lane_ground {
    int n;
    struct {
        float x_m, y_m;      /* vehicle frame */
        float covariance[3]; /* xx xy yy, from the pixel alone */
        float pitch[2];      /* where one sigma of pitch moves the point, (x, y) */
        float height[2];     /* the same for the camera's height */
        float seen;          /* 0..1 */
    } point[LANE_GROUND_POINTS];
};

/* Empty when fewer than four points lie on the road within LANE_GROUND_FAR_M. */
enum { LANE_GROUND_FAR_M = 120 };
void lane_ground_from_curve(struct lane_ground *g, const struct lane_curve *c,
                            const struct camera *camera);

/* y = sum of c[i] u^i with u = x / CUBIC_SCALE_M: scaled so that all terms are of one size. */
enum { CUBIC_SCALE_M = 25 };
struct lane_cubic {
    double c[CUBIC_TERMS];                 /* m */
    double cov[CUBIC_TERMS * CUBIC_TERMS]; /* without what the camera's errors add */
    double pitch[CUBIC_TERMS];             /* change of c by one sigma of pitch */
    double height[CUBIC_TERMS];
};

void lane_cubic_init(struct lane_cubic *k);                 /* only what roads are like */
void lane_cubic_predict(struct lane_cubic *k, double dt_s); /* time passes */

/* We drive ahead_m along our x and turn left by turn_rad meanwhile: the same line from where we are
 * then. Turns of some degrees, lines that run roughly our way. */
void lane_cubic_move(struct lane_cubic *k, double ahead_m, double turn_rad);
void lane_cubic_update(struct lane_cubic *k, const struct lane_ground *g); /* g not empty */

/* A linear function of the coefficients, weight[i] c[i], has this variance; two cubics seen by the
 * same camera share its errors, so their difference or mean needs both at once (b may be NULL). */
double lane_cubic_variance(const struct lane_cubic *a, const double wa[CUBIC_TERMS],
                           const struct lane_cubic *b, const double wb[CUBIC_TERMS]);

void lane_cubic_weights(double x_m, double w[CUBIC_TERMS]); /* of y at x */
double lane_cubic_y(const struct lane_cubic *k, double x_m);
double lane_cubic_sigma(const struct lane_cubic *k, double x_m);

/* In metres: y = c0 + c1 x + c2 x^2 + c3 x^3 and the upper triangle of its covariance, complete. */
void lane_cubic_export(const struct lane_cubic *k, float c[CUBIC_TERMS], float cov[10]);

#endif
