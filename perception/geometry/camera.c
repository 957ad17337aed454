#include "perception/geometry/camera.h"

#include <math.h>
#include <stddef.h>

/* The lens maps "ideal" image coordinates (x/z, y/z) of a pinhole to distorted ones. Beyond some
 * radius a polynomial lens model folds back onto itself: two directions, one pixel. Both ways stop
 * there, so that projecting and casting a ray are exact inverses of each other. The inside is in
 * double: a picture 8192 px wide leaves float no digits for a Newton step. */

enum { NEWTON_STEPS = 30, FOLD_STEPS = 32 };

static const double CONVERGED = 1e-10; /* image coordinates; 1e-6 px at most */

/* ---- Brown ---------------------------------------------------------------------------------- */

/* The radial factor is num / den, both of the squared radius s. */
struct brown {
    double num, den, dnum, dden; /* d: by s */
};

static struct brown brown_at(const float *k, double s)
{
    return (struct brown){
        1 + s * (k[0] + s * (k[1] + s * k[4])), 1 + s * (k[5] + s * (k[6] + s * k[7])),
        k[0] + s * (2 * k[1] + s * 3 * k[4]), k[5] + s * (2 * k[6] + s * 3 * k[7])};
}

static bool brown_straight(const float *k)
{
    for (int i = 0; i < CAMERA_DISTORTION; i++)
        if (k[i] != 0)
            return false;
    return true;
}

static const double POLE = 1e-3; /* the least denominator we divide by */

/* Whether r * factor(r^2) rises all the way from the centre to squared radius s. */
static bool brown_rises(const float *k, double s)
{
    if (brown_straight(k))
        return true;
    for (int i = 1; i <= FOLD_STEPS; i++) {
        double si = s * i / FOLD_STEPS;
        struct brown b = brown_at(k, si);

        /* its derivative by r, times den^2 */
        if (b.den < POLE || b.num * b.den + 2 * si * (b.dnum * b.den - b.num * b.dden) <= 0)
            return false;
    }
    return true;
}

/* Ideal (x, y) -> distorted d[2] and the Jacobian j = dd/d(x, y), rows first. */
static bool brown_forward(const float *k, double x, double y, double d[2], double j[4])
{
    double s = x * x + y * y, p1 = k[2], p2 = k[3];
    struct brown b = brown_at(k, s);

    if (b.den < POLE)
        return false;
    double f = b.num / b.den, df = (b.dnum - f * b.dden) / b.den;
    d[0] = x * f + 2 * p1 * x * y + p2 * (s + 2 * x * x);
    d[1] = y * f + p1 * (s + 2 * y * y) + 2 * p2 * x * y;
    j[0] = f + 2 * x * x * df + 2 * p1 * y + 6 * p2 * x;
    j[1] = 2 * x * y * df + 2 * p1 * x + 2 * p2 * y;
    j[2] = j[1];
    j[3] = f + 2 * y * y * df + 6 * p1 * y + 2 * p2 * x;
    return true;
}

static bool brown_inverse(const float *k, const double d[2], double u[2])
{
    u[0] = d[0];
    u[1] = d[1];
    if (brown_straight(k))
        return true;
    for (int i = 0; i < NEWTON_STEPS; i++) {
        double at[2], j[4];

        if (!brown_forward(k, u[0], u[1], at, j))
            return false;
        double ex = d[0] - at[0], ey = d[1] - at[1];
        double det = j[0] * j[3] - j[1] * j[2];
        if (fabs(ex) + fabs(ey) < CONVERGED)
            return brown_rises(k, u[0] * u[0] + u[1] * u[1]);
        if (!(fabs(det) > 1e-9))
            return false;
        u[0] += (j[3] * ex - j[1] * ey) / det;
        u[1] += (j[0] * ey - j[2] * ex) / det;
    }
    return false;
}

/* ---- Kannala and Brandt -------------------------------------------------------------------- */

/* Radius in the picture at angle t from the axis, and its derivative. */
static double fisheye_radius(const float *k, double t, double *slope)
{
    double s = t * t;

    *slope = 1 + s * (3 * k[0] + s * (5 * k[1] + s * (7 * k[2] + s * 9 * k[3])));
    return t * (1 + s * (k[0] + s * (k[1] + s * (k[2] + s * k[3]))));
}

static bool fisheye_rises(const float *k, double t)
{
    if (!(t >= 0 && t < 3.14159))
        return false;
    for (int i = 1; i <= FOLD_STEPS; i++) {
        double slope;

        fisheye_radius(k, t * i / FOLD_STEPS, &slope);
        if (slope <= 0)
            return false;
    }
    return true;
}

static bool fisheye_inverse(const float *k, double radius, double *angle)
{
    double t = fmin(radius, 1.5), slope;

    for (int i = 0; i < NEWTON_STEPS; i++) {
        double e = radius - fisheye_radius(k, t, &slope);

        if (fabs(e) < CONVERGED) {
            *angle = t;
            return fisheye_rises(k, t);
        }
        if (!(slope > 1e-6))
            return false;
        t += e / slope;
    }
    return false;
}

/* ---- mounting ------------------------------------------------------------------------------ */

/* Columns are the camera body's axes (forward, left, up) in the vehicle frame:
 * R = Rz(yaw) Ry(pitch) Rx(roll). */
static void mount_rotation(const struct camera *c, double r[3][3])
{
    double cy = cos((double)c->yaw_rad), sy = sin((double)c->yaw_rad);
    double cp = cos((double)c->pitch_rad), sp = sin((double)c->pitch_rad);
    double cr = cos((double)c->roll_rad), sr = sin((double)c->roll_rad);

    r[0][0] = cy * cp;
    r[0][1] = cy * sp * sr - sy * cr;
    r[0][2] = cy * sp * cr + sy * sr;
    r[1][0] = sy * cp;
    r[1][1] = sy * sp * sr + cy * cr;
    r[1][2] = sy * sp * cr - cy * sr;
    r[2][0] = -sp;
    r[2][1] = cp * sr;
    r[2][2] = cp * cr;
}

/* ---- what the header promises -------------------------------------------------------------- */

struct camera camera_scaled(const struct camera *c, int width, int height)
{
    struct camera out = *c;

    if (c->width <= 0 || c->height <= 0)
        return out;
    float kx = (float)width / (float)c->width, ky = (float)height / (float)c->height;
    out.width = width;
    out.height = height;
    out.fx *= kx;
    out.cx *= kx;
    out.fy *= ky;
    out.cy *= ky;
    return out;
}

bool camera_project(const struct camera *c, const float p_m[3], float px[2])
{
    double v[3] = {(double)p_m[0] - c->x_m, (double)p_m[1] - c->y_m, (double)p_m[2] - c->z_m};
    double r[3][3], b[3], d[2];

    mount_rotation(c, r);
    for (int i = 0; i < 3; i++)
        b[i] = r[0][i] * v[0] + r[1][i] * v[1] + r[2][i] * v[2];
    double right = -b[1], down = -b[2], forward = b[0];

    if (c->model == CAMERA_FISHEYE) {
        double off = hypot(right, down), angle = atan2(off, forward), slope;

        if (!fisheye_rises(c->distortion, angle))
            return false;
        double k = off > 0 ? fisheye_radius(c->distortion, angle, &slope) / off : 0;
        d[0] = right * k;
        d[1] = down * k;
    } else {
        if (!(forward > 1e-3))
            return false;
        double x = right / forward, y = down / forward, j[4];

        if (!brown_rises(c->distortion, x * x + y * y) || !brown_forward(c->distortion, x, y, d, j))
            return false;
    }
    px[0] = (float)(c->fx * d[0] + c->cx);
    px[1] = (float)(c->fy * d[1] + c->cy);
    return isfinite(px[0]) && isfinite(px[1]);
}

bool camera_ray(const struct camera *c, const float px[2], float ray[3])
{
    double d[2] = {((double)px[0] - c->cx) / c->fx, ((double)px[1] - c->cy) / c->fy};
    double r[3][3], b[3]; /* body: forward, left, up */

    if (!isfinite(d[0]) || !isfinite(d[1]))
        return false;
    if (c->model == CAMERA_FISHEYE) {
        double radius = hypot(d[0], d[1]), angle;

        if (!fisheye_inverse(c->distortion, radius, &angle))
            return false;
        double k = radius > 0 ? sin(angle) / radius : 0;
        b[0] = cos(angle);
        b[1] = -d[0] * k;
        b[2] = -d[1] * k;
    } else {
        double u[2];

        if (!brown_inverse(c->distortion, d, u))
            return false;
        double n = 1 / sqrt(1 + u[0] * u[0] + u[1] * u[1]);
        b[0] = n;
        b[1] = -u[0] * n;
        b[2] = -u[1] * n;
    }
    mount_rotation(c, r);
    for (int i = 0; i < 3; i++)
        ray[i] = (float)(r[i][0] * b[0] + r[i][1] * b[1] + r[i][2] * b[2]);
    return true;
}

/* ---- check --------------------------------------------------------------------------------- */

static enum err in_range(struct why *why, const char *name, float v, float lo, float hi)
{
    if (v >= lo && v <= hi) /* NAN is in no range */
        return OK;
    return err_say(why, ERR_LIMIT, "camera: %s is %g, must be %g to %g", name, (double)v,
                   (double)lo, (double)hi);
}

enum err camera_check(const struct camera *c, struct why *why)
{
    const float right_angle = 1.5707f, w = (float)c->width, h = (float)c->height;
    const struct {
        const char *name;
        float value, lo, hi;
    } field[] = {
        {"width", w, 1, 8192},
        {"height", h, 1, 8192},
        {"fx", c->fx, 1, 1e5f},
        {"fy", c->fy, 1, 1e5f},
        {"cx", c->cx, -0.5f * w, 1.5f * w}, /* inside a picture twice as large */
        {"cy", c->cy, -0.5f * h, 1.5f * h},
        {"x_m", c->x_m, -20, 20},
        {"y_m", c->y_m, -20, 20},
        {"z_m", c->z_m, 0.1f, 10},
        {"roll_rad", c->roll_rad, -right_angle, right_angle},
        {"pitch_rad", c->pitch_rad, -right_angle, right_angle},
        {"yaw_rad", c->yaw_rad, -2 * right_angle, 2 * right_angle}, /* to the rear as well */
        {"sigma_pitch_rad", c->sigma_pitch_rad, 0, 0.2f},
        {"sigma_z_m", c->sigma_z_m, 0, 1},
    };
    static const char *const term[2][CAMERA_DISTORTION] = {
        {"distortion k1", "distortion k2", "distortion p1", "distortion p2", "distortion k3",
         "distortion k4", "distortion k5", "distortion k6"},
        {"distortion k1", "distortion k2", "distortion k3", "distortion k4", "distortion 5",
         "distortion 6", "distortion 7", "distortion 8"},
    };

    if (c->model != CAMERA_PINHOLE && c->model != CAMERA_FISHEYE)
        return err_say(why, ERR_UNSUPPORTED,
                       "camera: model is %d, must be %d (pinhole) or %d "
                       "(fisheye)",
                       (int)c->model, CAMERA_PINHOLE, CAMERA_FISHEYE);
    for (size_t i = 0; i < sizeof field / sizeof *field; i++) {
        enum err e = in_range(why, field[i].name, field[i].value, field[i].lo, field[i].hi);

        if (e != OK)
            return e;
    }
    for (int i = 0; i < CAMERA_DISTORTION; i++) {
        enum err e =
            in_range(why, term[c->model == CAMERA_FISHEYE][i], c->distortion[i], -1e4f, 1e4f);

        if (e != OK)
            return e;
    }
    return OK;
}
