/* Boundaries of one road are parallel, and the picture shows it: on a plane, seen by a camera without roll, boundary i
 * of a road of constant curvature lies at
 *
 *     x_i(y) = x0 + bend / (y - horizon) + beside_i (y - horizon)
 *
 * with x0, bend and horizon common to all. Where a line has a gap, or can hardly be seen, the others tell where it
 * goes on. */
#ifndef OUTRIDER_HEADS_LANE_BUNDLE_H
#define OUTRIDER_HEADS_LANE_BUNDLE_H

#include "perception/heads/head.h"

struct lane_bundle {
    double horizon, x0, bend;       /* px, px, px^2 */
    double beside[HEAD_MAX_CURVES]; /* of each curve; NAN: it is not parallel to the others */
};

/* The bundle of n curves by least squares with their sigmas, robust against points and curves that do not belong to
 * it (iteratively reweighted, Holland and Welsch 1977); step: px between rows. False: fewer than two curves are
 * parallel, or too short. */
bool lane_bundle_fit(const struct lane_curve *curve, int n, float step, struct lane_bundle *out);
/* Curve i at the row y, below the horizon. */
double lane_bundle_x(const struct lane_bundle *b, int i, double y);

#endif
