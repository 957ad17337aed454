#include "perception/track/kalman.h"

#include <criterion/criterion.h>
#include <math.h>

Test(kalman, axis_learns_a_constant_rate)
{
    struct kalman_axis k = kalman_axis_start(10, 1, 20);

    for (int i = 1; i <= 40; i++) {
        kalman_axis_predict(&k, 0.1f, 1, 0);
        kalman_axis_update(&k, 10 - 3 * 0.1f * (float)i, 1);
    }
    cr_assert_float_eq(k.x, -2, 0.05);
    cr_assert_float_eq(k.v, -3, 0.05);
    /* The line through 41 points of variance 1, 0.1 s apart: var(slope) = 12 / (41 * 42 * 40 *
     * dt^2) */
    cr_assert_float_eq(k.vv, 12 / (41.0 * 42 * 40 * 0.01), 0.002);
}

/* Predicting once over a long time and many times over short ones is the same. */
Test(kalman, time_adds_up)
{
    struct kalman_axis once = kalman_axis_start(1, 2, 3), often = once;
    struct kalman_plane far, near;
    const double z[2] = {20, -1}, r[3] = {0.5, 0.1, 0.3}, sigma_v[2] = {5, 2};

    kalman_plane_start(&far, z, r, sigma_v);
    far.s[2] = -4;
    far.s[3] = 0.5;
    near = far;
    kalman_axis_predict(&once, 0.7f, 1, 2);
    kalman_plane_predict(&far, 0.7, 3);
    for (int i = 0; i < 7; i++) {
        kalman_axis_predict(&often, 0.1f, 1, 2);
        kalman_plane_predict(&near, 0.1, 3);
    }
    cr_assert_float_eq(once.xx, often.xx, 1e-4);
    cr_assert_float_eq(once.xv, often.xv, 1e-4);
    cr_assert_float_eq(once.vv, often.vv, 1e-4);
    for (int i = 0; i < 4; i++) {
        cr_assert_float_eq(far.s[i], near.s[i], 1e-9);
        for (int j = 0; j < 4; j++) {
            cr_assert_float_eq(far.p[i][j], near.p[i][j], 1e-9);
            cr_assert_float_eq(far.p[i][j], far.p[j][i], 1e-12);
        }
    }
}

/* With independent coordinates the plane is two axes. */
Test(kalman, plane_is_two_axes)
{
    const double z[2] = {20, -1}, r[3] = {0.5, 0, 0.3}, sigma_v[2] = {5, 2};
    struct kalman_plane k;
    struct kalman_axis x = kalman_axis_start(20, sqrtf(0.5f), 5);
    struct kalman_axis y = kalman_axis_start(-1, sqrtf(0.3f), 2);

    kalman_plane_start(&k, z, r, sigma_v);
    for (int i = 1; i < 20; i++) {
        double at[2] = {20 - 0.3 * i, -1 + 0.2 * sin(i)};

        kalman_plane_predict(&k, 0.1, 1.5);
        kalman_axis_predict(&x, 0.1f, 1, 1.5f);
        kalman_axis_predict(&y, 0.1f, 1, 1.5f);
        kalman_plane_update(&k, at, r);
        kalman_axis_update(&x, (float)at[0], 0.5f);
        kalman_axis_update(&y, (float)at[1], 0.3f);
    }
    cr_assert_float_eq(k.s[0], x.x, 1e-3);
    cr_assert_float_eq(k.s[2], x.v, 1e-3);
    cr_assert_float_eq(k.p[0][0], x.xx, 1e-4);
    cr_assert_float_eq(k.p[0][2], x.xv, 1e-4);
    cr_assert_float_eq(k.s[3], y.v, 1e-3);
    cr_assert_float_eq(k.p[3][3], y.vv, 1e-4);
}

/* 3 m to the side, 12 m ahead, closing at 10 m/s, a focal length of 700 px. */
Test(kalman, stretch_is_exact_for_what_comes_closer)
{
    struct kalman_axis k = kalman_axis_start(700 * 3.0f / 12, 1, 1);

    k.v = 700 * 3.0f * 10 / (12 * 12);
    kalman_axis_predict(&k, 0.5f, 12.0f / 7, 0);
    cr_assert_float_eq(k.x, 700 * 3.0 / 7, 1e-3);
    cr_assert_float_eq(k.v, 700 * 3.0 * 10 / (7 * 7), 1e-2);
}

Test(kalman, one_wild_measurement_does_not_throw_it)
{
    const double z[2] = {20, 0}, r[3] = {0.04, 0, 0.04}, sigma_v[2] = {1, 1}, wild[2] = {80, 0};
    struct kalman_plane k;

    kalman_plane_start(&k, z, r, sigma_v);
    for (int i = 0; i < 20; i++) {
        kalman_plane_predict(&k, 0.1, 0.5);
        kalman_plane_update(&k, z, r);
    }
    kalman_plane_predict(&k, 0.1, 0.5);
    kalman_plane_update(&k, wild, r);
    cr_assert_float_eq(k.s[0], 20, 1, "thrown to %g", k.s[0]);
}
