#include <criterion/criterion.h>
#include <math.h>

#include "perception/track/lane_cubic.h"

static const struct camera camera = {.width = 960,
                                     .height = 540,
                                     .model = CAMERA_PINHOLE,
                                     .fx = 860,
                                     .fy = 860,
                                     .cx = 480,
                                     .cy = 270,
                                     .x_m = 1.6f,
                                     .z_m = 1.35f,
                                     .sigma_pitch_rad = 0.004f,
                                     .sigma_z_m = 0.03f};

/* The line y = c0 + c1 x from x0 to x1 as that camera sees it. */
static struct lane_curve curve(const struct camera *c, float c0, float c1, float x0, float x1)
{
    struct lane_curve out = {.n = 40};

    for (int i = 0; i < out.n; i++) {
        float x = 1 / (1 / x0 + (float)i / 39 * (1 / x1 - 1 / x0));
        const float p[3] = {x, c0 + c1 * x, 0};
        float px[2];

        cr_assert(camera_project(c, p, px));
        out.point[i].x = px[0];
        out.point[i].y = px[1];
        out.point[i].sigma_x = 2;
        out.point[i].seen = 1;
    }
    return out;
}

Test(lane_cubic, points_on_the_ground)
{
    struct lane_curve c = curve(&camera, 1.8f, 0.01f, 5, 50);
    struct lane_ground g;

    lane_ground_from_curve(&g, &c, &camera);
    cr_assert_eq(g.n, LANE_GROUND_POINTS);
    cr_assert_float_eq(g.point[0].x_m, 5, 0.01);
    cr_assert_float_eq(g.point[g.n - 1].x_m, 50, 0.1);
    for (int i = 0; i < g.n; i++)
        cr_assert_float_eq(g.point[i].y_m, 1.8 + 0.01 * g.point[i].x_m, 0.01);

    for (int i = 0; i < c.n; i++) /* only continued, not seen: no measurement */
        c.point[i].seen = i >= 20;
    lane_ground_from_curve(&g, &c, &camera);
    cr_assert_geq(g.point[0].x_m, 8);
    for (int i = 0; i < c.n; i++)
        c.point[i].seen = i < 3;
    lane_ground_from_curve(&g, &c, &camera);
    cr_assert_eq(g.n, 0); /* too few */
}

/* What one sigma of pitch and of height does to the points, and from there to the curve, is what
 * happens when the camera is really mounted so. */
Test(lane_cubic, errors_of_the_camera)
{
    struct lane_curve c = curve(&camera, 1.8f, 0.02f, 5, 40);
    struct camera pitched = camera, raised = camera;
    struct lane_ground g, gp, gr;
    struct lane_cubic k, kp, kr;

    pitched.pitch_rad += camera.sigma_pitch_rad;
    raised.z_m += camera.sigma_z_m;
    lane_ground_from_curve(&g, &c, &camera);
    lane_ground_from_curve(&gp, &c, &pitched);
    lane_ground_from_curve(&gr, &c, &raised);
    for (int i = 0; i < 5; i++) {
        cr_assert_float_eq(gp.point[i].x_m - g.point[i].x_m, g.point[i].pitch[0], 0.02);
        cr_assert_float_eq(gp.point[i].y_m - g.point[i].y_m, g.point[i].pitch[1], 0.003);
        cr_assert_float_eq(gr.point[i].x_m - g.point[i].x_m, g.point[i].height[0], 0.002);
        cr_assert_float_eq(gr.point[i].y_m - g.point[i].y_m, g.point[i].height[1], 0.002);
    }
    lane_cubic_init(&k);
    lane_cubic_update(&k, &g);
    lane_cubic_init(&kp);
    lane_cubic_update(&kp, &gp);
    lane_cubic_init(&kr);
    lane_cubic_update(&kr, &gr);
    for (float x = 8; x < 35; x += 5) {
        double w[CUBIC_TERMS], pitch = 0, height = 0;

        lane_cubic_weights(x, w);
        for (int i = 0; i < CUBIC_TERMS; i++) {
            pitch += w[i] * k.pitch[i];
            height += w[i] * k.height[i];
        }
        cr_assert_float_eq(lane_cubic_y(&kp, x) - lane_cubic_y(&k, x), pitch, 0.03, "x %g", x);
        cr_assert_float_eq(lane_cubic_y(&kr, x) - lane_cubic_y(&k, x), height, 0.01, "x %g", x);
    }
}

/* Where nothing is seen the spread grows, in time and with distance, up to what roads are like. */
Test(lane_cubic, forgets)
{
    struct lane_curve c = curve(&camera, 1.8f, 0.02f, 5, 30);
    struct lane_ground g;
    struct lane_cubic k, prior;

    lane_ground_from_curve(&g, &c, &camera);
    lane_cubic_init(&prior);
    lane_cubic_init(&k);
    cr_assert_float_eq(lane_cubic_sigma(&k, 0), 10, 1e-6);
    lane_cubic_update(&k, &g);
    double near = lane_cubic_sigma(&k, 10), far = lane_cubic_sigma(&k, 45);
    cr_assert(near < 0.1 && far > 5 * near);
    lane_cubic_predict(&k, 0.5);
    cr_assert_gt(lane_cubic_sigma(&k, 10), near);
    cr_assert_gt(lane_cubic_sigma(&k, 45), far);
    for (int i = 0; i < 1000; i++)
        lane_cubic_predict(&k, 0.1);
    for (int i = 2; i < CUBIC_TERMS; i++)
        cr_assert_float_eq(k.cov[i * 5] / prior.cov[i * 5], 1, 0.01);
}

Test(lane_cubic, export_in_metres)
{
    struct lane_curve c = curve(&camera, -1.5f, 0.03f, 5, 40);
    struct lane_ground g;
    struct lane_cubic k;
    float p[CUBIC_TERMS], cov[10];

    lane_ground_from_curve(&g, &c, &camera);
    lane_cubic_init(&k);
    lane_cubic_update(&k, &g);
    lane_cubic_export(&k, p, cov);
    for (float x = 0; x < 50; x += 10) {
        const float w[4] = {1, x, x * x, x * x * x};
        double y = 0, var = 0;

        for (int i = 0, at = 0; i < 4; i++) {
            y += w[i] * p[i];
            for (int j = i; j < 4; j++, at++)
                var += (i == j ? 1 : 2) * w[i] * w[j] * cov[at];
        }
        cr_assert_float_eq(y, lane_cubic_y(&k, x), 1e-3);
        cr_assert_float_eq(sqrt(var) / lane_cubic_sigma(&k, x), 1, 0.02);
    }
}

Test(lane_cubic, driving_along_a_bend_leaves_the_road_where_it_is)
{
    const double radius = 300, way = 12;
    struct lane_cubic k, far;

    lane_cubic_init(&k);
    far = k;
    k.c[0] = 1.7; /* the line of a lane that bends as we do */
    k.c[2] = 0.5 / radius * CUBIC_SCALE_M * CUBIC_SCALE_M;
    k.cov[0] = 0.01;
    lane_cubic_move(&k, way, way / radius);
    for (double x = 0; x <= 40; x += 10)
        cr_expect_float_eq(lane_cubic_y(&k, x), 1.7 + 0.5 * x * x / radius, 0.02, "%g", x);
    for (int i = 0; i < CUBIC_TERMS; i++)
        for (int j = 0; j < CUBIC_TERMS; j++)
            cr_expect_float_eq(k.cov[i * CUBIC_TERMS + j], k.cov[j * CUBIC_TERMS + i], 1e-6);

    double before = lane_cubic_sigma(&far, 30);
    lane_cubic_move(&far, 30, 0);
    cr_expect_float_eq(lane_cubic_sigma(&far, 0), before, 1e-6 * before,
                       "it is as unsure of a place as it was from farther away");
}
