#include "perception/assess.h"

#include <criterion/criterion.h>
#include <math.h>

static struct scene s;

static void put(int i, enum object_class class, float x, float y, float sigma_y)
{
    struct object *o = &s.object[i];

    object_clear(o);
    o->id = (uint64_t)i + 1;
    o->n_classes = 1;
    o->classes[0].class = class;
    o->classes[0].probability = 1;
    o->x_m = x;
    o->y_m = y;
    o->covariance[0] = 1;
    o->covariance[6] = sigma_y * sigma_y;
    if (s.n_objects <= i)
        s.n_objects = i + 1;
}

static void line(int role, float y0, float slope, float curvature)
{
    struct lane_boundary *b = &s.lane[s.n_lanes++];

    lane_boundary_clear(b);
    b->role = role;
    b->has_metres = true;
    b->cubic[0] = y0;
    b->cubic[1] = slope;
    b->cubic[2] = curvature / 2;
    b->cubic[3] = 0;
    b->x_min_m = 5;
    b->x_max_m = 50;
}

Test(assess, nearest_first_unknown_last)
{
    static struct object in[4];

    scene_clear(&s);
    for (int i = 0; i < 4; i++) {
        object_clear(&in[i]);
        in[i].id = (uint64_t)i + 1;
    }
    in[1].x_m = 30, in[1].y_m = 0;
    in[2].x_m = 5, in[2].y_m = -9;
    assess_sort(in, 4, &s);
    cr_assert_eq(s.n_objects, 4);
    cr_assert_eq(s.object[0].id, 3);
    cr_assert_eq(s.object[1].id, 2);
    cr_assert_eq(s.object[2].id, 1);
    cr_assert_eq(s.object[3].id, 4);
}

Test(assess, straight_ahead_without_lanes)
{
    scene_clear(&s);
    put(0, OBJECT_TRAFFIC_SIGN, 10, 0, 0.2f);
    put(1, OBJECT_CAR, 20, 3.5f, 0.3f);
    put(2, OBJECT_CAR, 25, 0.3f, 0.3f);
    put(3, OBJECT_TRUCK, 40, 0, 0.3f);
    put(4, OBJECT_CAR, -12, 0, 0.3f);
    put(5, OBJECT_PERSON, NAN, NAN, 1);
    assess_way(&s, NULL);
    cr_assert_eq(s.object[0].in_path, 0, "we drive under signs");
    cr_assert_lt(s.object[1].in_path, 0.02);
    cr_assert_gt(s.object[2].in_path, 0.9);
    cr_assert_gt(s.object[3].in_path, 0.5);
    cr_assert_eq(s.object[4].in_path, 0, "behind us");
    cr_assert(isnan(s.object[5].in_path));
    for (int i = 0; i < s.n_objects; i++) {
        cr_assert_eq(s.object[i].is_lead, i == 2);
        cr_assert_not(s.object[i].has_lane);
    }
}

Test(assess, along_the_arc_we_turn)
{
    struct ego_motion left = {10, 0.2f}; /* radius 50 m */

    scene_clear(&s);
    put(0, OBJECT_CAR, 20, 0, 0.2f);
    put(1, OBJECT_CAR, 20, 4, 0.2f); /* x^2 / 2R */
    assess_way(&s, &left);
    cr_assert_lt(s.object[0].in_path, 0.1);
    cr_assert_gt(s.object[1].in_path, 0.5);
    cr_assert(s.object[1].is_lead);
}

Test(assess, along_the_lane)
{
    scene_clear(&s);
    s.ego_lane.offset_m = 0.5f; /* we are left of the middle of a lane that bends to the right */
    s.ego_lane.offset_sigma_m = 0.1f;
    s.ego_lane.heading_rad = 0;
    s.ego_lane.heading_sigma_rad = 0.005f;
    s.ego_lane.curvature_1pm = -0.01f;
    s.ego_lane.curvature_sigma_1pm = 0.0003f;
    line(1, 1.3f, 0, -0.01f);
    line(-1, -2.3f, 0, -0.01f);
    put(0, OBJECT_CAR, 30, -5, 0.3f);
    put(1, OBJECT_CAR, 30, 0, 0.3f);
    put(2, OBJECT_CAR, 30, -8.6f, 0.3f);
    put(3, OBJECT_CAR, 80, -30, 0.3f);   /* beyond what was measured of the lines */
    put(4, OBJECT_CAR, 40, -8.5f, 3.0f); /* it could be in any lane */
    assess_way(&s, NULL);
    cr_assert_gt(s.object[0].in_path, 0.9);
    cr_assert(s.object[0].is_lead);
    cr_assert(s.object[0].has_lane && s.object[0].lane == 0);
    cr_assert_lt(s.object[1].in_path, 0.01);
    cr_assert(s.object[1].has_lane && s.object[1].lane == 1);
    cr_assert(s.object[2].has_lane && s.object[2].lane == -1);
    cr_assert_not(s.object[3].has_lane);
    cr_assert_not(s.object[4].has_lane);
}

Test(assess, a_lane_beside_us_is_not_our_corridor)
{
    scene_clear(&s);
    s.ego_lane.offset_m = 3.4f;
    s.ego_lane.offset_sigma_m = 0.1f;
    put(0, OBJECT_CAR, 10, 0, 0.2f);
    assess_way(&s, NULL);
    cr_assert_gt(s.object[0].in_path, 0.9);
}

Test(assess, coverage)
{
    struct camera c = {.width = 1000,
                       .height = 500,
                       .model = CAMERA_PINHOLE,
                       .fx = 500,
                       .fy = 500,
                       .cx = 500,
                       .cy = 250,
                       .z_m = 1.5f,
                       .sigma_pitch_rad = 0.005f};
    struct coverage v = assess_coverage(&c);

    cr_assert_float_eq(v.left_rad, 0.7853981, 1e-4);
    cr_assert_float_eq(v.right_rad, -0.7853981, 1e-4);
    cr_assert_float_eq(v.far_m, 0.25 * 1.5 / hypot(0.005, 0.002), 0.1);
    c.width = 0;
    v = assess_coverage(&c);
    cr_assert(isnan(v.far_m) && isnan(v.left_rad));
}
