/* Parallel lines of a road as a camera sees them, with noise, gaps and strangers among them. */
#include "perception/heads/lane_bundle.h"

#include <criterion/criterion.h>
#include <math.h>

#include "perception/train/graph.h"

enum { CURVES = 4, POINTS = 20, STEP = 8, BOTTOM = 380 };
static const double HORIZON = 196, X0 = 310, BESIDE[CURVES] = {-2.2, -0.9, 1.1, 2.6};

static struct lane_curve curve[CURVES];

static double truth(int i, double y, double bend)
{
    return X0 + bend / (y - HORIZON) + BESIDE[i] * (y - HORIZON);
}

static double noise(uint64_t seed, int i, int k)
{
    return 2 * (double)(random_bits(seed, (uint64_t)i, (uint64_t)k) >> 11) * 0x1p-53 - 1;
}

static void draw(double bend, uint64_t seed)
{
    for (int i = 0; i < CURVES; i++) {
        curve[i] = (struct lane_curve){.kind = LANE_LINE, .n = POINTS};
        for (int k = 0; k < POINTS; k++) {
            const double y = BOTTOM - STEP * k;

            curve[i].point[k].y = (float)y;
            curve[i].point[k].x = (float)(truth(i, y, bend) + 2 * noise(seed, i, k));
            curve[i].point[k].sigma_x = 2;
            curve[i].point[k].seen = 1;
        }
    }
}

static double worst(const struct lane_bundle *b, int i, double bend)
{
    double most = 0;

    for (int k = 0; k < POINTS; k++) {
        const double y = BOTTOM - STEP * k;

        most = fmax(most, fabs(lane_bundle_x(b, i, y) - truth(i, y, bend)));
    }
    return most;
}

Test(lane_bundle, finds_the_road_straight_or_bent)
{
    static const double bends[] = {0, 900, -2500};
    struct lane_bundle b;

    for (uint64_t seed = 0; seed < 60; seed++) {
        const double bend = bends[seed % 3];

        draw(bend, seed);
        cr_assert(lane_bundle_fit(curve, CURVES, STEP, &b));
        for (int i = 0; i < CURVES; i++)
            cr_assert_lt(worst(&b, i, bend), 4, "seed %d, curve %d: %g px", (int)seed, i,
                         worst(&b, i, bend));
    }
}

/* A dashed line: seen near us alone, and from there on led astray, not knowing it well. */
Test(lane_bundle, the_others_lead_across_a_gap)
{
    struct lane_bundle b;

    for (uint64_t seed = 0; seed < 20; seed++) {
        draw(0, seed);
        for (int k = 6; k < POINTS; k++) {
            curve[1].point[k].x -= 2 * (float)(k - 5);
            curve[1].point[k].sigma_x = 25;
            curve[1].point[k].seen = 0;
        }
        cr_assert(lane_bundle_fit(curve, CURVES, STEP, &b));
        cr_assert_lt(worst(&b, 1, 0), 5, "seed %d: %g px", (int)seed, worst(&b, 1, 0));
    }
}

Test(lane_bundle, what_is_not_parallel_stays_out)
{
    struct lane_bundle b;

    for (uint64_t seed = 0; seed < 20; seed++) {
        draw(900, seed);
        for (int k = 0; k < POINTS; k++) /* an exit, straight ahead */
            curve[3].point[k].x = (float)(500 + noise(seed, 3, k));
        cr_assert(lane_bundle_fit(curve, CURVES, STEP, &b));
        cr_assert(isnan(b.beside[3]));
        for (int i = 0; i < 3; i++)
            cr_assert_lt(worst(&b, i, 900), 4, "seed %d, curve %d: %g px", (int)seed, i,
                         worst(&b, i, 900));
    }
}

Test(lane_bundle, one_alone_is_no_bundle)
{
    struct lane_bundle b;

    draw(0, 1);
    cr_assert_not(lane_bundle_fit(curve, 1, STEP, &b));
    cr_assert_not(lane_bundle_fit(curve, 0, STEP, &b));
    for (int i = 1; i < CURVES; i++)
        curve[i].n = 3;
    cr_assert_not(lane_bundle_fit(curve, CURVES, STEP, &b));
    for (int k = 0; k < POINTS; k++)
        curve[0].point[k].sigma_x = 0;
    draw(0, 1);
    for (int i = 0; i < CURVES; i++)
        for (int k = 0; k < POINTS; k++)
            curve[i].point[k].sigma_x = 0;
    cr_assert(lane_bundle_fit(curve, CURVES, STEP, &b), "sigmas of 0 are survived");
}
