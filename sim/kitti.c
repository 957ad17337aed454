/* The mounting of the cameras is not in KITTI's files. Geiger, Lenz, Stiller and Urtasun, "Vision
 * meets Robotics: The KITTI Dataset" (IJRR 2013), give 1.65 m above the road and nearly level. How
 * far they are ahead of the rear axle is taken as 1.03 m (0.27 m from laser to camera, 0.81 m from
 * the inertial unit to the laser, and the unit about over the axle): it shifts every x by as much as
 * it is wrong. Sideways, camera 0, which stands under the laser, is taken to be on the middle line, and
 * the others beside it as calibrated. */
#include "sim/kitti.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OXTS_FIELDS = 30 };

static const float AHEAD_M = 1.03f, HEIGHT_M = 1.65f;
/* KITTI counts pixels from the centre of the first one, we from its corner. */
static const float CENTRE_PX = 0.5f;

/* The n numbers behind "key_0X:". */
static enum err find_numbers(const char *text, const char *key, int camera, int n, double *out,
                             struct why *why)
{
    char name[24];
    size_t length = (size_t)snprintf(name, sizeof name, "%s_%02d:", key, camera);
    const char *s = text;

    while (s && strncmp(s, name, length) != 0)
        s = (s = strchr(s, '\n')) ? s + 1 : NULL;
    if (!s)
        return err_say(why, ERR_FORMAT, "no line %s", name);
    s += length;
    for (int i = 0; i < n; i++) {
        char *end;

        s += strspn(s, " \t");
        out[i] = strtod(s, &end);
        if (end == s || !isfinite(out[i]))
            return err_say(why, ERR_FORMAT, "line %s has %d numbers, must have %d", name, i, n);
        s = end;
    }
    return OK;
}

enum err kitti_camera(const char *text, int camera, bool rectified, struct camera *out,
                      struct why *why)
{
    double size[2] = {0}, p[12] = {0}, k[9] = {0}, d[5] = {0};
    enum err e;

    if ((e = find_numbers(text, rectified ? "S_rect" : "S", camera, 2, size, why)) != OK ||
        (e = find_numbers(text, "P_rect", camera, 12, p, why)) != OK)
        return e;
    if (!(size[0] >= 1 && size[0] < 1e6 && size[1] >= 1 && size[1] < 1e6 && p[0] > 0))
        return err_say(why, ERR_FORMAT,
                       "camera %02d: size %gx%g px and focal length %g px make no "
                       "camera",
                       camera, size[0], size[1], p[0]);
    *out = (struct camera){
        .width = (int)size[0],
        .height = (int)size[1],
        .model = CAMERA_PINHOLE,
        .fx = (float)p[0],
        .fy = (float)p[5],
        .cx = (float)p[2] + CENTRE_PX,
        .cy = (float)p[6] + CENTRE_PX,
        .x_m = AHEAD_M,
        .y_m = (float)(p[3] / p[0]), /* p[3] = -fx times the offset to the right */
        .z_m = HEIGHT_M,
    };
    if (rectified)
        return camera_check(out, why);
    if ((e = find_numbers(text, "K", camera, 9, k, why)) != OK ||
        (e = find_numbers(text, "D", camera, 5, d, why)) != OK)
        return e;
    out->fx = (float)k[0];
    out->fy = (float)k[4];
    out->cx = (float)k[2] + CENTRE_PX;
    out->cy = (float)k[5] + CENTRE_PX;
    for (int i = 0; i < 5; i++)
        out->distortion[i] = (float)d[i];
    return camera_check(out, why);
}

enum err kitti_ego(const char *text, struct ego *out, struct why *why)
{
    /* KITTI's devkit, dataformat.txt: forward velocity, forward acceleration, angular rate around
     * the upward axis, accuracy of the velocity. */
    enum { VF = 8, AF = 14, WU = 22, VEL_ACCURACY = 24 };
    double v[OXTS_FIELDS];

    for (int i = 0; i < OXTS_FIELDS; i++) {
        char *end;

        v[i] = strtod(text, &end);
        if (end == text || !isfinite(v[i]))
            return err_say(why, ERR_FORMAT, "%d numbers, must have %d", i, OXTS_FIELDS);
        text = end;
    }
    *out = (struct ego){
        .t_ns = TIME_UNKNOWN,
        .speed_mps = (float)v[VF],
        .speed_sigma_mps = v[VEL_ACCURACY] > 0 ? (float)v[VEL_ACCURACY] : NAN,
        .yaw_rate_radps = (float)v[WU],
        .yaw_rate_sigma_radps = NAN,
        .acceleration_mps2 = (float)v[AF],
        .steering_angle_rad = NAN,
    };
    return OK;
}
