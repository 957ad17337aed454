#include "sim/world/road.h"

#include <criterion/criterion.h>
#include <math.h>

static struct roadway r;

static void build(void)
{
    static const double piece[][4] = {
        /* length, curvature0, curvature1, grade1 */
        {100, 0, 0, 0.01},      {120, 0, 0.01, 0.03},  {200, 0.01, 0.01, -0.02},
        {150, 0.01, -0.008, 0}, {90, -0.008, 0, 0.05}, {40, 0, 0.06, 0.05},
        {20, 0.06, 0.06, 0.02}, {40, 0.06, 0, 0.01},   {300, 0, 0.002, 0},
    };

    r = (struct roadway){0};
    for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
        cr_assert_eq(
            road_append(&r, piece[i][0], piece[i][1], piece[i][2], piece[i][3], 2 * piece[i][2]),
            OK);
    road_finish(&r, 10, -20, 5, 0.7);
}

Test(sim_road, profile_is_eased)
{
    struct profile p = {.n = 3, .knot = {{0, 1}, {10, 3}, {20, 3}}};

    cr_assert_eq(profile_at(&p, -5), 1);
    cr_assert_eq(profile_at(&p, 5), 2);
    cr_assert_float_eq(profile_at(&p, 2.5), 1 + 2 * (3 * 0.0625 - 2 * 0.015625), 1e-12);
    cr_assert_eq(profile_at(&p, 15), 3);
    cr_assert_eq(profile_at(&p, 99), 3);
    cr_assert_float_eq(profile_at(&p, 10.001), profile_at(&p, 9.999), 1e-6);
}

/* The pieces against plain integration in steps of 1 mm (midpoint rule). */
Test(sim_road, within_a_millimetre_over_a_kilometre)
{
    const double h = 0.001;
    double x = 10, y = -20, z = 5, heading = 0.7;

    build();
    cr_assert_float_eq(r.length, 1060, 1e-9);
    for (int i = 0; i < r.n_pieces; i++) {
        const struct road_piece *p = &r.piece[i];
        int n = (int)lround(p->length / h);

        for (int k = 0; k < n; k++) {
            double f = (k + 0.5) / n, c = p->curvature0 + (p->curvature1 - p->curvature0) * f;
            x += h * cos(heading + 0.5 * h * c);
            y += h * sin(heading + 0.5 * h * c);
            heading += h * c;
            z += h * (p->grade0 + (p->grade1 - p->grade0) * f);
        }
        struct road_point e = road_at(&r, p->s + p->length, 0);
        cr_expect_lt(hypot(e.x - x, e.y - y), 1e-4, "piece %d: %g m", i, hypot(e.x - x, e.y - y));
        cr_expect_float_eq(e.z, z, 1e-6);
        cr_expect_float_eq(e.heading, heading, 1e-6);
    }
}

/* Fresnel integrals with closed values: a clothoid of parameter 1 up to s = sqrt(pi). */
Test(sim_road, fresnel)
{
    struct roadway c = {0};
    double s = sqrt(M_PI);

    cr_assert_eq(road_append(&c, s, 0, s, 0, 0), OK); /* heading = s^2 / 2 */
    road_finish(&c, 0, 0, 0, 0);
    struct road_point p = road_at(&c, s, 0);
    cr_expect_float_eq(p.x, 0.779893400376823 * s, 1e-9);
    cr_expect_float_eq(p.y, 0.438259147390355 * s, 1e-9);
}

Test(sim_road, there_and_back)
{
    build();
    for (double s = 0.5; s < r.length; s += 7.3)
        for (double d = -14; d <= 14; d += 3.5) {
            struct road_point p = road_at(&r, s, d);
            double s2, d2;

            cr_assert(road_locate(&r, p.x, p.y, s + 12, &s2, &d2), "s %g d %g", s, d);
            cr_expect(fabs(s2 - s) < 1e-6 && fabs(d2 - d) < 1e-6, "%g %g: %g %g", s, d, s2, d2);
            cr_assert(road_locate(&r, p.x, p.y, NAN, &s2, &d2));
            cr_expect(fabs(d2) <= fabs(d) + 1e-6, "%g %g: %g %g", s, d, s2,
                      d2); /* the nearest where it meets itself */
        }
}

Test(sim_road, beyond_its_ends)
{
    double s, d;

    build();
    struct road_point end = road_at(&r, r.length, 2), on = road_at(&r, r.length + 30, 2);
    cr_expect_float_eq(hypot(on.x - end.x, on.y - end.y), 30, 1e-9);
    cr_expect_eq(on.curvature, 0);
    cr_expect_not(road_locate(&r, on.x, on.y, r.length, &s, &d));
    struct road_point far = road_at(&r, 40, -230);
    cr_expect_not(road_locate(&r, far.x, far.y, 40, &s, &d));
}

/* Numbers at an offset agree with differences of places. */
Test(sim_road, parallel_lines)
{
    const double h = 1e-3;

    build();
    for (double s = 3; s < 1050; s += 13) {
        struct road_point a = road_at(&r, s - h, 3), b = road_at(&r, s + h, 3),
                          p = road_at(&r, s, 3), left = road_at(&r, s, 4);
        double way = hypot(b.x - a.x, b.y - a.y);

        if (fmod(s, 10) < 2 * h)
            continue; /* where two pieces meet the bank's slope jumps */
        cr_expect_float_eq((b.heading - a.heading) / way, p.curvature, 2e-4);
        cr_expect_float_eq((b.z - a.z) / way, p.grade, 2e-4);
        cr_expect_float_eq(atan2(b.y - a.y, b.x - a.x), remainder(p.heading, 2 * M_PI), 1e-6);
        cr_expect_float_eq(left.z - p.z, p.bank, 1e-9);
        cr_expect_float_eq(hypot(left.x - p.x, left.y - p.y), 1, 1e-9);
    }
}

Test(sim_road, limits)
{
    struct roadway *many = calloc(1, sizeof *many);

    for (int i = 0; i < ROAD_MAX_PIECES; i++)
        cr_assert_eq(road_append(many, 1, 0, 0, 0, 0), OK);
    cr_assert_eq(road_append(many, 1, 0, 0, 0, 0), ERR_LIMIT);
    free(many);
}

Test(sim_road, lanes)
{
    build();
    r.n_lanes = 2;
    r.lane[0] = (struct road_lane){
        .use = LANE_DRIVE, .s1 = 500, .centre = {1, {{0, -1.75}}}, .width = {1, {{0, 3.5}}}};
    r.lane[1] = (struct road_lane){.use = LANE_PAVEMENT,
                                   .s0 = 100,
                                   .s1 = 500,
                                   .centre = {2, {{200, -4.5}, {300, -6}}},
                                   .width = {1, {{0, 2}}}};
    cr_expect_eq(road_lane_at(&r, 10, -1, LANE_DRIVE), 0);
    cr_expect_eq(road_lane_at(&r, 10, 1, LANE_DRIVE), -1);
    cr_expect_eq(road_lane_at(&r, 50, -4.5, LANE_PAVEMENT), -1);
    cr_expect_eq(road_lane_at(&r, 150, -4.5, LANE_PAVEMENT), 1);
    cr_expect_eq(road_lane_at(&r, 350, -4.5, LANE_PAVEMENT), -1);
    cr_expect_eq(road_lane_at(&r, 350, -6.5, LANE_PAVEMENT), 1);
}
