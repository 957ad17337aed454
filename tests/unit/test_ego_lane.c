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
static const struct lane_width usual; /* nothing is known of this lane */

Test(ego_lane, middle_of_two)
{
    struct lane_cubic left = boundary(2.0, 0.02, 0.001, 0.1, 0);
    struct lane_cubic right = boundary(-1.4, 0.02, 0.001, 0.1, 0);

    ego_lane_find(&left, &right, &usual, NAN, &e);
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

    ego_lane_find(&left, &right, &usual, NAN, &e);
    cr_assert_lt(e.offset_sigma_m, 0.02f);
    cr_assert_float_eq(e.width_sigma_m, 0.2, 0.01);
}

/* A lane that lies across our way is as wide as measured across itself. */
Test(ego_lane, width_across_the_lane)
{
    struct lane_cubic left = boundary(2, 0.3, 0, 0.1, 0), right = boundary(-2, 0.3, 0, 0.1, 0);

    ego_lane_find(&left, &right, &usual, NAN, &e);
    cr_assert_float_eq(e.width_m, 4 * cos(atan(0.3)), 1e-3);
    cr_assert_float_eq(e.heading_rad, -atan(0.3), 1e-4);
}

Test(ego_lane, nothing_and_one_side)
{
    struct lane_cubic right = boundary(-1.5, 0, 0, 0.1, 0), kerb = boundary(-6, 0, 0, 0.1, 0);

    ego_lane_find(NULL, NULL, &usual, 20, &e);
    cr_assert(isnan(e.offset_m) && isnan(e.heading_rad) && isnan(e.curvature_1pm));
    cr_assert(isnan(e.width_m) && isnan(e.time_to_departure_s));
    ego_lane_find(NULL, &right, &usual, NAN, &e);
    cr_assert_float_eq(e.offset_m, -0.25, 1e-3);
    cr_assert_float_eq(e.offset_sigma_m, hypot(0.1, 0.2), 1e-3);
    cr_assert(isnan(e.width_m));
    ego_lane_find(NULL, &kerb, &usual, NAN, &e);
    cr_assert(isnan(e.offset_m));
}

/* Drifting right at 0.6 m/s; towards the left nothing is known, so nothing is said about it. */
Test(ego_lane, departure)
{
    struct lane_cubic right = boundary(-1.85, 0.03, 0, 0.1, 0);
    struct lane_cubic left = boundary(1.85, 0.03, 0, 0.1, 0);

    ego_lane_find(NULL, &right, &usual, 20, &e);
    cr_assert_float_eq(e.time_to_departure_s, 0.9 / 0.6, 0.01);
    cr_assert_gt(e.time_to_departure_sigma_s, 0.1f / 0.6f * 0.99f);
    ego_lane_find(&left, NULL, &usual, 20, &e);
    cr_assert(isnan(e.time_to_departure_s));
    ego_lane_find(&left, &right, &usual, 20, &e);
    cr_assert_float_eq(e.time_to_departure_s, 0.9 / 0.6, 0.01);
    right.c[0] = -0.5; /* already over it */
    ego_lane_find(&left, &right, &usual, 20, &e);
    cr_assert_eq(e.time_to_departure_s, 0);
}

/* Half hidden, the left line drifts; the right one and the width that the lane had say where we are. */
Test(ego_lane, the_surer_side_counts_more)
{
    struct lane_cubic left = boundary(1.3, 0.03, 0.004, 0.3, 0);
    struct lane_cubic right = boundary(-1.8, 0, 0, 0.05, 0);
    struct lane_width known = {3.6, 0.01};

    left.cov[5] = left.cov[10] = 1;
    ego_lane_find(&left, &right, &known, NAN, &e);
    cr_assert_float_eq(e.offset_m, 0, 0.05);
    cr_assert_float_eq(e.heading_rad, 0, 1e-4);
    cr_assert_float_eq(e.curvature_1pm, 0, 1e-4);
    cr_assert_lt(e.offset_sigma_m, 0.15f);
    cr_assert_float_eq(e.width_m, 3.1, 0.01, "said as it is seen");
}

/* Both claim to be sure, but the lane was never that narrow: one of them is wrong. */
Test(ego_lane, sides_that_disagree_are_not_sure)
{
    struct lane_cubic left = boundary(1.8, 0, 0, 0.04, 0), right = boundary(-1.3, 0, 0, 0.04, 0);
    struct lane_width known = {3.6, 0.0025}, wide = {3.1, 0.0025};

    ego_lane_find(&left, &right, &wide, NAN, &e);
    const float agreed = e.offset_sigma_m;
    ego_lane_find(&left, &right, &known, NAN, &e);
    cr_assert_float_eq(e.offset_m, -0.25, 1e-3);
    cr_assert_gt(e.offset_sigma_m, 4 * agreed);
}

Test(ego_lane, a_width_is_learnt_and_forgotten)
{
    struct lane_cubic left = boundary(2.0, 0, 0, 0.05, 0), right = boundary(-1.7, 0, 0, 0.05, 0),
                      far = boundary(-4.5, 0, 0, 0.05, 0);
    struct lane_width w = {0};

    for (int i = 0; i < 50; i++)
        lane_width_step(&w, &left, &right, 0.1);
    cr_assert_float_eq(w.m, 3.7, 0.03);
    const double sure = w.variance;
    cr_assert_lt(sure, 0.02);
    for (int i = 0; i < 20; i++)
        lane_width_step(&w, &left, i % 2 ? NULL : &far, 0.1); /* no lane is 6.5 m wide */
    cr_assert_float_eq(w.m, 3.7, 0.03);
    cr_assert_gt(w.variance, sure + 0.015);
    ego_lane_find(NULL, &right, &w, NAN, &e);
    cr_assert_float_eq(e.offset_m, 1.7 - w.m / 2, 1e-3, "half of that width beside the one line");
}

/* The flank of a car that cuts in passes for a line right in front of us; or ours is lost and the one after it is not. */
Test(ego_lane, of_two_that_make_no_lane_the_likely_one_stays)
{
    struct lane_cubic left = boundary(1.7, 0, 0, 0.05, 0), flank = boundary(-0.2, 0, 0, 0.05, 0),
                      next = boundary(-5.4, 0, 0, 0.05, 0);
    struct lane_width known = {3.6, 0.01};

    ego_lane_find(&left, &flank, &known, NAN, &e);
    cr_assert_float_eq(e.offset_m, 0.1, 1e-3);
    cr_assert(isnan(e.width_m));
    ego_lane_find(&left, &next, &known, NAN, &e);
    cr_assert_float_eq(e.offset_m, 0.1, 1e-3);
}
