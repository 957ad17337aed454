#include "perception/track/locate.h"

#include <criterion/criterion.h>
#include <math.h>

#include "tests/cameras.h"

static const struct told untold;
static const float SIGMA[4] = {1, 1, 1, 1};

/* The picture of a typical thing of this class whose near face stands with its middle at (x, y). */
static struct box box_of(const struct camera *c, enum object_class class, float x, float y,
                         float bottom)
{
    const struct class_size *size = class_size(class);
    float away = x > c->x_m ? size->length : -size->length;
    struct box b = {1e9f, 1e9f, -1e9f, -1e9f};

    for (int i = 0; i < 8; i++) {
        float px[2], p[3] = {x + (i & 1 ? away : 0), y + (i & 2 ? 0.5f : -0.5f) * size->width,
                             bottom + (i & 4 ? size->height : 0)};

        cr_assert(camera_project(c, p, px));
        b.x1 = fminf(b.x1, px[0]);
        b.x2 = fmaxf(b.x2, px[0]);
        b.y1 = fminf(b.y1, px[1]);
        b.y2 = fmaxf(b.y2, px[1]);
    }
    return b;
}

static void expect_at(const struct camera *c, enum object_class class, float x, float y)
{
    struct box b = box_of(c, class, x, y, 0);
    struct located at;
    double r = hypot(x - c->x_m, y);

    cr_assert(locate_box(c, &b, SIGMA, class, 0, &untold, &at));
    cr_assert_float_eq(at.at_m[0], x, 0.03 * r, "%s at (%g, %g): x %g", object_class_name(class), x,
                       y, at.at_m[0]);
    cr_assert_float_eq(at.at_m[1], y, 0.02 * r + 0.1, "%s at (%g, %g): y %g",
                       object_class_name(class), x, y, at.at_m[1]);
    cr_assert_eq(at.z_m, 0);
    double xx = at.covariance[0], xy = at.covariance[1], yy = at.covariance[2];
    cr_assert(xx > 0 && yy > 0 && xx * yy > xy * xy, "not a covariance");
}

Test(locate, finds_typical_things)
{
    struct camera c = front_camera();

    for (float x = 10; x < 70; x += 6) {
        expect_at(&c, OBJECT_CAR, x, 0);
        expect_at(&c, OBJECT_CAR, x, 0.5f);
        expect_at(&c, OBJECT_CAR, x, 3.5f); /* shows its right flank */
        expect_at(&c, OBJECT_CAR, x, -3);
        expect_at(&c, OBJECT_PERSON, x, -4);
        expect_at(&c, OBJECT_CYCLIST, x, 2);
    }
}

Test(locate, looks_back_as_well)
{
    struct camera c = front_camera();

    c.x_m = -0.5f;
    c.yaw_rad = 3.14159f;
    expect_at(&c, OBJECT_CAR, -15, 0);
    expect_at(&c, OBJECT_CAR, -15, 3);
    expect_at(&c, OBJECT_CAR, -15, -3);
}

Test(locate, signs_hang)
{
    struct camera c = front_camera();
    struct box b = box_of(&c, OBJECT_TRAFFIC_LIGHT, 30, -3, 3);
    struct located at;

    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_TRAFFIC_LIGHT, 0, &untold, &at));
    cr_assert_float_eq(at.at_m[0], 30, 1.5);
    cr_assert_float_eq(at.z_m, 3, 0.2);
    cr_assert_gt(at.lasting_size, 0.2f); /* lights differ much in size */
}

static double sigma_x(const struct located *at)
{
    double lasting = hypot(at->lasting_ground, at->lasting_size) * (at->at_m[0] - 1.7);

    return sqrt(at->covariance[0] + lasting * lasting);
}

Test(locate, far_is_less_sure_and_size_keeps_it_in_bounds)
{
    struct camera c = front_camera();
    struct located near, far;
    struct box a = box_of(&c, OBJECT_CAR, 12, 0, 0), b = box_of(&c, OBJECT_CAR, 70, 0, 0);

    cr_assert(locate_box(&c, &a, SIGMA, OBJECT_CAR, 0, &untold, &near));
    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0, &untold, &far));
    cr_assert_gt(near.lasting_ground, near.lasting_size * 0.8f);
    cr_assert_gt(far.lasting_size, far.lasting_ground * 2);
    cr_assert_lt(sigma_x(&far), 0.1 * 70);
    cr_assert_gt(sigma_x(&far), 4 * sigma_x(&near));
}

Test(locate, hidden_and_cut_bottoms_are_less_sure)
{
    struct camera c = front_camera();
    struct box b = box_of(&c, OBJECT_CAR, 15, 0, 0), cut = b;
    struct located clear, hidden, below;

    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0, &untold, &clear));
    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0.5f, &untold, &hidden));
    cr_assert_gt(sigma_x(&hidden), 1.5 * sigma_x(&clear));
    cr_assert(isnan(hidden.height_m));

    cut = box_of(&c, OBJECT_TRUCK, 7, 3, 0); /* its lower edge and left side lie outside */
    cut.x1 = 0;
    cut.y2 = (float)c.height;
    cr_assert(locate_box(&c, &cut, SIGMA, OBJECT_TRUCK, 0, &untold, &below));
    cr_assert_gt(sigma_x(&below), 0.25 * (below.at_m[0] - 1.7));
}

Test(locate, measures_what_it_can)
{
    struct camera c = front_camera();
    struct box b = box_of(&c, OBJECT_BUS, 14, 0, 0);
    struct located at;

    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0, &untold, &at)); /* taken for a car */
    cr_assert_float_eq(at.width_m, class_size(OBJECT_BUS)->width, 0.1);
    cr_assert_float_eq(at.width_sigma_m, at.width_m * 0.05, 0.05);
    cr_assert_gt(sigma_x(&at), 1, "road and size contradict each other: that must show");
}

Test(locate, nothing_from_nothing)
{
    struct camera c = front_camera();
    struct box flat = {100, 100, 200, 100}, above = {0, 0, 1242, 375};
    struct located at;

    cr_assert_not(locate_box(&c, &flat, SIGMA, OBJECT_CAR, 0, &untold, &at));
    above.y2 = 100; /* wholly above the horizon, and cut on three sides */
    cr_assert_not(locate_box(&c, &above, SIGMA, OBJECT_CAR, 0, &untold, &at));
}

Test(locate, a_network_that_says_how_far_is_believed_as_far_as_it_is_sure)
{
    const struct camera c = front_camera();
    struct box b = {300, 180, 340, 210};
    struct located alone, sure, unsure;

    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0, &untold, &alone));
    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0,
                         &(struct told){1.3f * (float)alone.at_m[0], 0.04f}, &sure));
    cr_assert(locate_box(&c, &b, SIGMA, OBJECT_CAR, 0,
                         &(struct told){1.3f * (float)alone.at_m[0], 0.5f}, &unsure));
    cr_assert_gt(sure.at_m[0], unsure.at_m[0]);
    cr_assert_gt(sure.at_m[0], 1.05 * alone.at_m[0]);
}
