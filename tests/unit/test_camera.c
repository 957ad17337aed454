#include "perception/geometry/camera.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/cameras.h"

static void project(const struct camera *c, float x, float y, float z, float px[2])
{
    cr_assert(camera_project(c, (float[3]){x, y, z}, px), "(%g %g %g) does not project", x, y, z);
}

Test(camera, axes)
{
    struct camera c = front_camera();
    float px[2];

    project(&c, 11.7f, 0, 1.65f, px); /* straight ahead of the lens */
    cr_assert_float_eq(px[0], 609.5, 1e-3);
    cr_assert_float_eq(px[1], 172.9, 1e-3);
    project(&c, 11.7f, 2, 0, px); /* 10 m ahead, 2 m to the left, on the road */
    cr_assert_float_eq(px[0], 609.5 - 721.5 * 0.2, 1e-3);
    cr_assert_float_eq(px[1], 172.9 + 721.5 * 0.165, 1e-3);
    cr_assert_not(camera_project(&c, (float[3]){0, 0, 1}, px), "behind the lens");
}

Test(camera, mounting_signs)
{
    struct camera c = front_camera();
    float px[2];

    c.pitch_rad = 0.05f; /* nose down: the horizon rises in the picture */
    project(&c, 1e6f, 0, 1.65f, px);
    cr_assert_float_eq(px[1], 172.9 - 721.5 * tan(0.05), 0.05);
    c = front_camera();
    c.yaw_rad = 0.05f; /* looking left: what is straight ahead moves right */
    project(&c, 1e6f, 0, 1.65f, px);
    cr_assert_float_eq(px[0], 609.5 + 721.5 * tan(0.05), 0.05);
    c = front_camera();
    c.roll_rad = 0.05f; /* right side down: what is to the left sinks in the picture */
    project(&c, 11.7f, 2, 1.65f, px);
    cr_assert_float_eq(px[0], 609.5 - 721.5 * 0.2 * cos(0.05), 0.01);
    cr_assert_float_eq(px[1], 172.9 + 721.5 * 0.2 * sin(0.05), 0.01);
}

/* The formulas of the papers again, written apart from camera.c: rotate the point three times,
 * about one axis each, then the lens term by term. */
static void turn(double *a, double *b, double angle) /* a towards b */
{
    double s = sin(angle), c = cos(angle), a0 = *a;

    *a = c * a0 - s * *b;
    *b = s * a0 + c * *b;
}

static void project_by_hand(const struct camera *c, const double p[3], double px[2])
{
    double x = p[0] - c->x_m, y = p[1] - c->y_m, z = p[2] - c->z_m;
    const float *k = c->distortion;

    turn(&x, &y, -c->yaw_rad);
    turn(&z, &x, -c->pitch_rad);
    turn(&y, &z, -c->roll_rad);
    double a = -y / x, b = -z / x, r2 = a * a + b * b, u, v;
    if (c->model == CAMERA_FISHEYE) {
        double r = sqrt(r2), t = atan(r), bent = t;

        for (int i = 0; i < 4; i++)
            bent += k[i] * pow(t, 3 + 2 * i);
        u = r > 0 ? a / r * bent : 0;
        v = r > 0 ? b / r * bent : 0;
    } else {
        double f = (1 + k[0] * r2 + k[1] * pow(r2, 2) + k[4] * pow(r2, 3)) /
                   (1 + k[5] * r2 + k[6] * pow(r2, 2) + k[7] * pow(r2, 3));

        u = a * f + 2 * k[2] * a * b + k[3] * (r2 + 2 * a * a);
        v = b * f + k[2] * (r2 + 2 * b * b) + 2 * k[3] * a * b;
    }
    px[0] = c->fx * u + c->cx;
    px[1] = c->fy * v + c->cy;
}

/* Every lens and mounting of the table, over the whole picture: ray, then a point on it by the
 * independent formulas, must be the pixel again; and camera_project must agree with them. */
static void round_trip(const struct camera *c)
{
    for (int j = 0; j <= 16; j++)
        for (int i = 0; i <= 16; i++) {
            float px[2] = {(float)(c->width * i) / 16, (float)(c->height * j) / 16};
            float ray[3], again[2];
            double by_hand[2];

            cr_assert(camera_ray(c, px, ray), "no ray at (%g, %g)", px[0], px[1]);
            cr_assert_float_eq(ray[0] * ray[0] + ray[1] * ray[1] + ray[2] * ray[2], 1, 1e-5);
            double p[3] = {c->x_m + 20.0 * ray[0], c->y_m + 20.0 * ray[1], c->z_m + 20.0 * ray[2]};
            project_by_hand(c, p, by_hand);
            cr_assert_float_eq(by_hand[0], px[0], 1e-3, "%g, not %g", by_hand[0], px[0]);
            cr_assert_float_eq(by_hand[1], px[1], 1e-3, "%g, not %g", by_hand[1], px[1]);
            cr_assert(camera_project(c, (float[3]){(float)p[0], (float)p[1], (float)p[2]}, again));
            cr_assert_float_eq(again[0], by_hand[0], 2e-3);
            cr_assert_float_eq(again[1], by_hand[1], 2e-3);
        }
}

Test(camera, round_trip)
{
    struct camera c = front_camera();

    round_trip(&c);
    c.x_m = 1.2f;
    c.y_m = -0.3f;
    c.roll_rad = -0.03f;
    c.pitch_rad = 0.11f;
    c.yaw_rad = 0.4f;
    round_trip(&c);
    const float barrel[] = {-0.372f, 0.203f, 0.0022f, 0.0009f, -0.0723f}; /* a raw KITTI camera */
    memcpy(c.distortion, barrel, sizeof barrel);
    c.fx = c.fy = 960;
    round_trip(&c);
    const float rational[] = {1.31f, 0.11f, -0.0004f, 0.0003f, 0.004f, 1.68f, 0.31f, 0.02f};
    memcpy(c.distortion, rational, sizeof rational);
    round_trip(&c);
    const float fisheye[CAMERA_DISTORTION] = {-0.02f, 0.006f, -0.004f, 0.0006f};
    memcpy(c.distortion, fisheye, sizeof fisheye);
    c.model = CAMERA_FISHEYE;
    c.fx = c.fy = 480;
    round_trip(&c);
}

Test(camera, fisheye_sees_sideways)
{
    struct camera c = front_camera();
    float px[2], ray[3];

    c.model = CAMERA_FISHEYE;
    c.fx = c.fy = 300;
    project(&c, 1.7f, 5, 1.65f, px); /* 90 degrees to the left, where a pinhole sees nothing */
    cr_assert_float_eq(px[0], 609.5 - 300 * 1.5707963, 1e-2);
    cr_assert(camera_ray(&c, px, ray));
    cr_assert_float_eq(ray[1], 1, 1e-5);
}

Test(camera, stops_where_the_lens_folds)
{
    struct camera c = front_camera();
    float px[2], ray[3];

    c.distortion[0] = -0.3f; /* r - 0.3 r^3 turns at r = 1.0541, there 0.7027 */
    cr_assert(camera_project(&c, (float[3]){1.7f + 1, 1.05f, 1.65f}, px));
    cr_assert_not(camera_project(&c, (float[3]){1.7f + 1, 1.06f, 1.65f}, px),
                  "one pixel, two rays");
    cr_assert(camera_ray(&c, (float[2]){609.5f + 721.5f * 0.70f, 172.9f}, ray));
    cr_assert_not(camera_ray(&c, (float[2]){609.5f + 721.5f * 0.71f, 172.9f}, ray));
    cr_assert_not(camera_ray(&c, (float[2]){NAN, 0}, ray));
    cr_assert_not(camera_ray(&c, (float[2]){INFINITY, 0}, ray));
}

Test(camera, scaled)
{
    struct camera c = front_camera(), half = camera_scaled(&c, 621, 375);
    float a[2], b[2];

    project(&c, 30, 3, 0.5f, a);
    project(&half, 30, 3, 0.5f, b);
    cr_assert_float_eq(b[0], a[0] / 2, 1e-3);
    cr_assert_float_eq(b[1], a[1], 1e-3);
}

Test(camera, check_names_the_field)
{
    struct camera c = front_camera();
    struct why why;

    cr_assert_eq(camera_check(&c, &why), OK);
    c.fx = 0;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
    cr_assert_str_eq(why.text, "camera: fx is 0, must be 1 to 100000");
    c = front_camera();
    c.pitch_rad = NAN;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "pitch_rad"));
    c = front_camera();
    c.cx = 2500;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "cx is 2500"));
    c = front_camera();
    c.z_m = 12;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "z_m is 12"));
    c = front_camera();
    c.distortion[3] = INFINITY;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "distortion p2"));
    c = front_camera();
    c.model = 7;
    cr_assert_eq(camera_check(&c, NULL), ERR_UNSUPPORTED);
    c = front_camera();
    c.width = 0;
    cr_assert_eq(camera_check(&c, &why), ERR_LIMIT);
}
