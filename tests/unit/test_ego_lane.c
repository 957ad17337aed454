#include <criterion/criterion.h>
#include <math.h>

#include "perception/track/ego_lane.h"

/* A boundary y m to the left, turning left by slope, bending by curvature, known to within sigma
 * (m at our origin); pitch moves it by so much. */
static struct lane_cubic boundary(double y, double slope, double curvature, double sigma,
                                  double pitch)
{
    const double scale = CUBIC_SCALE_M;
    struct lane_cubic k;

    lane_cubic_init(&k);
    for (int i = 0; i < 16; i++)
        k.cov[i] = i % 5 ? 0 : 1e-6;
    k.cov[0] = sigma * sigma;
    k.c[0] = y;
    k.c[1] = slope * scale;
    k.c[2] = curvature / 2 * scale * scale;
    k.pitch[0] = pitch;
    return k;
}

static struct ego_lane e;

Test(ego_lane, middle_of_two)
{
    struct lane_cubic left = boundary(2.0, 0.02, 0.001, 0.1, 0);
    struct lane_cubic right = boundary(-1.4, 0.02, 0.001, 0.1, 0);

    ego_lane_find(&left, &right, NAN, &e);
    cr_assert_float_eq(e.offset_m, -0.3, 1e-3);
    cr_assert_float_eq(e.offset_sigma_m, 0.1 / sqrt(2), 1e-3);
    cr_assert_float_eq(e.heading_rad, -0.02, 1e-4);
    cr_assert_float_eq(e.curvature_1pm, 0.001, 1e-5);
    cr_assert_float_eq(e.width_m, 3.4, 1e-2);
    cr_assert_float_eq(e.width_sigma_m, 0.1 * sqrt(2), 1e-3);
    cr_assert(isnan(e.time_to_departure_s));
}

/* Pitch moves both boundaries outwards together: the width is unsure, the middle is not. */
Test(ego_lane, pitch_is_shared)
{
    struct lane_cubic left = boundary(1.8, 0, 0, 0.01, 0.1);
    struct lane_cubic right = boundary(-1.8, 0, 0, 0.01, -0.1);

    ego_lane_find(&left, &right, NAN, &e);
    cr_assert_lt(e.offset_sigma_m, 0.02f);
    cr_assert_float_eq(e.width_sigma_m, 0.2, 0.01);
}

/* A lane that lies across our way is as wide as measured across itself. */
Test(ego_lane, width_across_the_lane)
{
    struct lane_cubic left = boundary(2, 0.3, 0, 0.1, 0), right = boundary(-2, 0.3, 0, 0.1, 0);

    ego_lane_find(&left, &right, NAN, &e);
    cr_assert_float_eq(e.width_m, 4 * cos(atan(0.3)), 1e-3);
    cr_assert_float_eq(e.heading_rad, -atan(0.3), 1e-4);
}

Test(ego_lane, nothing_and_one_side)
{
    struct lane_cubic right = boundary(-1.5, 0, 0, 0.1, 0), kerb = boundary(-6, 0, 0, 0.1, 0);

    ego_lane_find(NULL, NULL, 20, &e);
    cr_assert(isnan(e.offset_m) && isnan(e.heading_rad) && isnan(e.curvature_1pm));
    cr_assert(isnan(e.width_m) && isnan(e.time_to_departure_s));
    ego_lane_find(NULL, &right, NAN, &e);
    cr_assert_float_eq(e.offset_m, -0.25, 1e-3);
    cr_assert_float_eq(e.offset_sigma_m, hypot(0.1, 0.2), 1e-3);
    cr_assert(isnan(e.width_m));
    ego_lane_find(NULL, &kerb, NAN, &e);
    cr_assert(isnan(e.offset_m));
}

/* Drifting right at 0.6 m/s; towards the left nothing is known, so nothing is said about it. */
Test(ego_lane, departure)
{
    struct lane_cubic right = boundary(-1.85, 0.03, 0, 0.1, 0);
    struct lane_cubic left = boundary(1.85, 0.03, 0, 0.1, 0);

    ego_lane_find(NULL, &right, 20, &e);
    cr_assert_float_eq(e.time_to_departure_s, 0.9 / 0.6, 0.01);
    cr_assert_gt(e.time_to_departure_sigma_s, 0.1f / 0.6f * 0.99f);
    ego_lane_find(&left, NULL, 20, &e);
    cr_assert(isnan(e.time_to_departure_s));
    ego_lane_find(&left, &right, 20, &e);
    cr_assert_float_eq(e.time_to_departure_s, 0.9 / 0.6, 0.01);
    right.c[0] = -0.5; /* already over it */
    ego_lane_find(&left, &right, 20, &e);
    cr_assert_eq(e.time_to_departure_s, 0);
}
