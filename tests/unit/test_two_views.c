/* Places seen twice by a camera whose motion is known: two_views_fit() must find it again. */
#include "perception/motion/two_views.h"

#include <criterion/criterion.h>
#include <math.h>

#include "sim/world/random.h"

enum { N = 60 };

static struct seen_twice place[N];
static struct random r;

static struct two_views at_start(void)
{
    struct two_views t = {.camera_x_m = 1.6, .camera_height_m = 1.4, .value = {1}};

    t.prior[MOTION_AHEAD] = 1;
    t.prior_sigma[MOTION_AHEAD] = 10;
    t.prior_sigma[MOTION_TURN] = 0.3;
    t.prior_sigma[MOTION_NOD] = t.prior_sigma[MOTION_LEAN] = 0.02;
    t.prior_sigma[MOTION_YAW] = t.prior_sigma[MOTION_PITCH] = 0.03;
    return t;
}

/* Half of the places on the road 5 to 25 m ahead, half at any height and distance. sigma: of where
 * they are seen again. */
static void see(const struct two_views *truth, double sigma)
{
    for (int i = 0; i < N; i++) {
        struct seen_twice *s = &place[i];
        double depth = 5 + 20 * random_unit(&r), per_m;

        *s = (struct seen_twice){.on_road = i % 2, .inverse_depth = 0.02};
        s->from[0] = (random_unit(&r) - 0.5) * (s->on_road ? 6 / depth : 1);
        s->from[1] = s->on_road ? -truth->camera_height_m / depth : 0.3 * (random_unit(&r) - 0.3);
        per_m = s->on_road ? two_views_road_depth(truth, s->from) : 1 / (8 + 60 * random_unit(&r));
        cr_assert(two_views_move(truth, s->from, per_m, s->to));
        s->to[0] += sigma * random_normal(&r, 1);
        s->to[1] += sigma * random_normal(&r, 1);
        s->info[0] = s->info[2] = 1 / (sigma * sigma);
    }
}

static void expect_found(const struct two_views *truth, const struct two_views *found, double tight)
{
    static const double tolerance[MOTION_TERMS] = {0.02, 0.0005, 0.0005, 0.001, 0.003, 0.002};

    for (int i = 0; i < MOTION_TERMS; i++)
        cr_expect_float_eq(found->value[i], truth->value[i], tight * tolerance[i],
                           "term %d: %g, not %g", i, found->value[i], truth->value[i]);
}

Test(two_views, finds_way_turn_nod_and_what_the_calibration_is_off_by)
{
    static const double truth[][MOTION_TERMS] = {
        {0.8, 0, 0, 0, 0, 0},
        {2.5, 0.01, 0.002, -0.001, 0.03, -0.01},
        {0.3, -0.04, -0.003, 0.002, -0.02, 0.01},
    };

    random_seed(&r, 7, 0);
    for (size_t k = 0; k < sizeof truth / sizeof *truth; k++) {
        struct two_views real = at_start(), t = at_start();

        for (int i = 0; i < MOTION_TERMS; i++)
            real.value[i] = truth[k][i];
        see(&real, 0.0001);
        cr_assert(two_views_fit(&t, place, N));
        expect_found(&real, &t, k == 2 ? 3 : 1); /* a short way points nowhere clearly */
        cr_expect_gt(t.road, 0.8 * N / 2);
        cr_expect_gt(t.other, 0.7 * N / 2);
    }
}

Test(two_views, a_third_that_moves_by_itself_changes_little_and_weighs_nothing)
{
    struct two_views real = at_start(), t = at_start();

    random_seed(&r, 8, 0);
    real.value[MOTION_AHEAD] = 1.5;
    see(&real, 0.0002);
    for (int i = 0; i < N; i += 3)
        place[i].to[1] += 0.02;
    cr_assert(two_views_fit(&t, place, N));
    cr_expect_float_eq(t.value[MOTION_AHEAD], 1.5, 0.05, "%g", t.value[MOTION_AHEAD]);
    for (int i = 0; i < N; i += 3)
        cr_expect_lt(place[i].weight, 0.3, "%d weighs %g", i, place[i].weight);
}

Test(two_views, errors_are_as_large_as_the_covariance_says)
{
    double square = 0;
    enum { RUNS = 300 };

    random_seed(&r, 9, 0);
    for (int i = 0; i < RUNS; i++) {
        struct two_views real = at_start(), t = at_start();

        real.value[MOTION_AHEAD] = 1.2;
        see(&real, 0.002); /* so that it outweighs how even roads are */
        cr_assert(two_views_fit(&t, place, N));
        double off = t.value[MOTION_AHEAD] - 1.2;
        square += off * off / t.covariance[MOTION_AHEAD][MOTION_AHEAD] / RUNS;
    }
    cr_expect(square > 0.5 && square < 1.5, "mean squared error over variance: %g", square);
}

Test(two_views, without_road_the_scale_stays_open)
{
    struct two_views real = at_start(), t = at_start();

    random_seed(&r, 10, 0);
    see(&real, 0.0002);
    int n = 0;
    for (int i = 0; i < N; i++)
        if (!place[i].on_road)
            place[n++] = place[i];
    cr_assert(two_views_fit(&t, place, n));
    cr_expect_gt(sqrt(t.covariance[MOTION_AHEAD][MOTION_AHEAD]), 0.5);
    cr_expect_float_eq(t.value[MOTION_TURN], 0, 0.001);
    cr_expect(two_views_fit(&t, place, 0), "no places: the priors stand");
}
