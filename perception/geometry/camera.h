/* One camera: pinhole with Brown distortion (or fisheye) and its mounting in the vehicle frame.
 *
 * Camera axes (OpenCV, REP-103 optical): x right, y down, z forward. Mounting: the camera centre at
 * (x, y, z) in the vehicle frame, then yaw (left > 0), pitch (nose DOWN > 0, as ISO 8855 rotations
 * about y-left give) and roll (right side down > 0) about the vehicle's axes, in the order
 * R = Rz(yaw) Ry(pitch) Rx(roll). All zero looks straight ahead. */
#ifndef OUTRIDER_GEOMETRY_CAMERA_H
#define OUTRIDER_GEOMETRY_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"

enum camera_model {
    CAMERA_PINHOLE = 1, /* distortion k1 k2 p1 p2 k3 k4 k5 k6 of Brown 1966 as OpenCV orders them */
    CAMERA_FISHEYE =
        2, /* distortion k1 k2 k3 k4 of Kannala and Brandt 2006 as OpenCV orders them */
};

enum { CAMERA_DISTORTION = 8 };

struct camera {
    int width, height; /* px; 0: the camera is not calibrated */
    enum camera_model model;
    float fx, fy, cx, cy; /* px; (0, 0) is the top left corner of the top left pixel */
    float distortion[CAMERA_DISTORTION];
    float x_m, y_m, z_m; /* camera centre, vehicle frame; z above the ground */
    float roll_rad, pitch_rad, yaw_rad;
    float sigma_pitch_rad; /* of the mount and of the body's motion; 0: 0.005 */
    float sigma_z_m;       /* of the height; 0: 0.03 */
};

/* Checks every number (finite, focal length > 0, centre inside twice the picture, height 0.1..10 m,
 * roll and pitch under 90 degrees, yaw within half a turn) and names the one that is wrong. */
MUST_CHECK enum err camera_check(const struct camera *c, struct why *why);

/* The stated spreads, or the usual one where 0 was stated: no mount on a sprung body is exact. */
static inline float camera_sigma_pitch(const struct camera *c)
{
    return c->sigma_pitch_rad > 0 ? c->sigma_pitch_rad : 0.005f;
}
static inline float camera_sigma_z(const struct camera *c)
{
    return c->sigma_z_m > 0 ? c->sigma_z_m : 0.03f;
}

/* The same camera after its picture was scaled to width x height. */
struct camera camera_scaled(const struct camera *c, int width, int height);

/* Vehicle frame point (m) -> pixel, also one outside the picture. False behind a pinhole camera, or
 * beyond the radius at which the lens model folds back. */
bool camera_project(const struct camera *c, const float p_m[3], float px[2]);

/* Pixel -> direction in the vehicle frame, unit length. False where the lens model has no inverse.
 */
bool camera_ray(const struct camera *c, const float px[2], float ray[3]);

#endif
