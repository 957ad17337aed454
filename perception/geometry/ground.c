#include "perception/geometry/ground.h"

#include <math.h>

/* Change of the ground point when the ray turns by dd: the point is -h (dx, dy) / dz. */
static void ground_shift(double h, const float d[3], const double dd[3], double shift[2])
{
    for (int i = 0; i < 2; i++)
        shift[i] = -h * (dd[i] - d[i] * dd[2] / d[2]) / d[2];
}

static void covariance_add(float covariance[3], const double shift[2], double sigma)
{
    covariance[0] += (float)(sigma * shift[0] * sigma * shift[0]);
    covariance[1] += (float)(sigma * shift[0] * sigma * shift[1]);
    covariance[2] += (float)(sigma * shift[1] * sigma * shift[1]);
}

/* Change of the ray per pixel along axis (0 right, 1 down). */
static bool ray_slope(const struct camera *c, const float px[2], int axis, double dd[3])
{
    const float half = 0.5f;
    float lo[2] = {px[0], px[1]}, hi[2] = {px[0], px[1]}, a[3], b[3];

    lo[axis] -= half;
    hi[axis] += half;
    if (!camera_ray(c, lo, a) || !camera_ray(c, hi, b))
        return false;
    for (int i = 0; i < 3; i++)
        dd[i] = (double)b[i] - (double)a[i];
    return true;
}

bool ground_from_pixel(const struct camera *c, const float px[2], const float sigma_px[2],
                       struct ground_point *out)
{
    double h = c->z_m, shift[2];
    float d[3];

    if (!camera_ray(c, px, d) || !(d[2] < 0) || !(h > 0))
        return false;
    double forward = -h * d[0] / d[2], left = -h * d[1] / d[2];
    if (!(hypot(forward, left) <= GROUND_FAR_M))
        return false;
    *out = (struct ground_point){(float)(c->x_m + forward), (float)(c->y_m + left), {0, 0, 0}};

    for (int axis = 0; axis < 2; axis++) {
        double dd[3];

        if (!ray_slope(c, px, axis, dd))
            return false;
        ground_shift(h, d, dd, shift);
        covariance_add(out->covariance, shift, sigma_px[axis]);
    }
    double nod[3] = {d[2], 0, -d[0]}; /* y-left x d: the body pitches about the vehicle's y axis */
    ground_shift(h, d, nod, shift);
    covariance_add(out->covariance, shift, (double)camera_sigma_pitch(c));

    double rise[2] = {forward / h, left / h};
    covariance_add(out->covariance, rise, (double)camera_sigma_z(c));
    return true;
}
