/* Pixels on a flat road, in metres. */
#ifndef OUTRIDER_GEOMETRY_GROUND_H
#define OUTRIDER_GEOMETRY_GROUND_H

#include "perception/geometry/camera.h"

struct ground_point {
    float x_m, y_m;      /* vehicle frame, z = 0 */
    float covariance[3]; /* xx xy yy, m^2 */
};

/* Where the ray through px meets the ground plane, with first-order covariance from the pixel's own
 * spread (sigma_px: x, y), the camera's pitch spread and its height spread.
 * False at or above the horizon, or farther than GROUND_FAR_M. */
enum { GROUND_FAR_M = 250 };
bool ground_from_pixel(const struct camera *c, const float px[2], const float sigma_px[2],
                       struct ground_point *out);

#endif
