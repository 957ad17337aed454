#include "perception/geometry/ground.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

#include "tests/cameras.h"

static struct camera front(void)
{
    struct camera c = front_camera();

    c.pitch_rad = 0.02f;
    c.yaw_rad = 0.03f;
    c.sigma_pitch_rad = 0.003f;
    c.sigma_z_m = 0.04f;
    return c;
}

Test(ground, finds_the_point_again)
{
    struct camera c = front();
    const float sigma[2] = {1, 1};

    for (float x = 6; x < 200; x *= 1.5f)
        for (float y = -3; y <= 3; y += 1.5f) {
            struct ground_point g;
            float px[2];

            cr_assert(camera_project(&c, (float[3]){x, y, 0}, px));
            cr_assert(ground_from_pixel(&c, px, sigma, &g));
            cr_assert_float_eq(g.x_m, x, 2e-4 * x);
            cr_assert_float_eq(g.y_m, y, 2e-4 * x);
        }
}

Test(ground, nothing_at_the_horizon)
{
    struct camera c = front();
    const float sigma[2] = {1, 1};
    struct ground_point g;
    float px[2];

    cr_assert(camera_project(&c, (float[3]){1e6f, 0, 1.65f}, px));
    cr_assert_not(ground_from_pixel(&c, px, sigma, &g));
    px[1] -= 20;
    cr_assert_not(ground_from_pixel(&c, px, sigma, &g));
    cr_assert(camera_project(&c, (float[3]){GROUND_FAR_M + 5, 0, 0}, px));
    cr_assert_not(ground_from_pixel(&c, px, sigma, &g));
}

static uint64_t random_state = 88172645463325252u;

static double gauss(void) /* the sum of 12 uniforms is near enough */
{
    double sum = -6;

    for (int i = 0; i < 12; i++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        sum += (double)(random_state >> 11) / 9007199254740992.0;
    }
    return sum;
}

/* Draw pixel, pitch and height from their spreads; the spread of the points is the covariance. */
static void check_covariance(float x, float y)
{
    enum { N = 20000 };
    struct camera c = front();
    const float sigma[2] = {0.8f, 1.1f};
    double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    struct ground_point truth, g;
    float at[2];

    cr_assert(camera_project(&c, (float[3]){x, y, 0}, at));
    cr_assert(ground_from_pixel(&c, at, sigma, &truth));
    for (int i = 0; i < N; i++) {
        struct camera drawn = c;
        float px[2] = {at[0] + (float)gauss() * sigma[0], at[1] + (float)gauss() * sigma[1]};

        drawn.pitch_rad += (float)gauss() * c.sigma_pitch_rad;
        drawn.z_m += (float)gauss() * c.sigma_z_m;
        cr_assert(ground_from_pixel(&drawn, px, sigma, &g));
        double dx = g.x_m - x, dy = g.y_m - y;
        sx += dx;
        sy += dy;
        sxx += dx * dx;
        sxy += dx * dy;
        syy += dy * dy;
    }
    double xx = sxx / N - sx * sx / N / N, xy = sxy / N - sx * sy / N / N,
           yy = syy / N - sy * sy / N / N;
    cr_assert_float_eq(truth.covariance[0], xx, 0.1 * xx, "xx %g, drawn %g", truth.covariance[0],
                       xx);
    cr_assert_float_eq(truth.covariance[2], yy, 0.1 * yy, "yy %g, drawn %g", truth.covariance[2],
                       yy);
    cr_assert_float_eq(truth.covariance[1], xy, 0.1 * sqrt(xx * yy), "xy %g, drawn %g",
                       truth.covariance[1], xy);
}

Test(ground, covariance_is_the_spread_of_draws)
{
    check_covariance(8, 2);
    check_covariance(15, -4);
    check_covariance(25, 0);
    check_covariance(30, 8);
}

Test(ground, an_unstated_spread_is_not_certainty)
{
    struct camera c = front(), stated = front();
    const float sigma[2] = {1, 1};
    struct ground_point a, b;
    float px[2];

    c.sigma_pitch_rad = c.sigma_z_m = 0;
    stated.sigma_pitch_rad = 0.005f;
    stated.sigma_z_m = 0.03f;
    cr_assert(camera_project(&c, (float[3]){30, 1, 0}, px));
    cr_assert(ground_from_pixel(&c, px, sigma, &a));
    cr_assert(ground_from_pixel(&stated, px, sigma, &b));
    cr_assert_float_eq(a.covariance[0], b.covariance[0], 1e-4f * b.covariance[0]);
}
