/* Speed and turn over time, from sightings made up here. */
#include "perception/motion/ego_filter.h"

#include <criterion/criterion.h>
#include <math.h>

#include "sim/world/random.h"

static const double DT_S = 0.1;
static const struct camera camera = {.width = 640, .height = 384, .z_m = 1.4f};
static struct random r;

static struct ego_seen sighting(double speed_mps, double yaw_rate_radps)
{
    return (struct ego_seen){.dt_s = DT_S,
                             .speed_known = true,
                             .turn_known = true,
                             .speed_mps = speed_mps + random_normal(&r, 0.2),
                             .speed_sigma_mps = 0.2,
                             .yaw_rate_radps = yaw_rate_radps + random_normal(&r, 0.002),
                             .yaw_rate_sigma_radps = 0.002};
}

static void step(struct ego_filter *f, const struct ego_seen *seen)
{
    ego_filter_predict(f, DT_S);
    if (seen)
        ego_filter_update(f, seen);
}

Test(ego_filter, follows_hard_braking_and_a_turn)
{
    struct ego_filter f;
    double v = 20;

    random_seed(&r, 1, 0);
    ego_filter_init(&f);
    for (int i = 0; i < 60; i++) {
        double before = v, turn = i > 20 ? fmin(0.02 * (i - 20), 0.3) : 0;

        if (i > 25 && v > 0)
            v = fmax(v - 8 * DT_S, 0);
        struct ego_seen seen = sighting((v + before) / 2, turn);
        step(&f, &seen);
        struct ego_motion m = ego_filter_motion(&f, &camera);
        if (i < 3)
            continue;
        cr_assert_eq(m.source, EGO_SEEN);
        cr_expect_float_eq(m.speed_mps, v, 1.2, "%d: %g, not %g", i, (double)m.speed_mps, v);
        cr_expect_float_eq(m.yaw_rate_radps, turn, 0.035, "%d: %g, not %g", i,
                           (double)m.yaw_rate_radps, turn);
    }
}

Test(ego_filter, says_nothing_before_three_and_after_a_second_of_silence)
{
    struct ego_filter f;

    random_seed(&r, 2, 0);
    ego_filter_init(&f);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(ego_filter_motion(&f, &camera).source, i < 3 ? EGO_UNKNOWN : EGO_SEEN, "%d",
                     i);
        struct ego_seen seen = sighting(10, 0);
        step(&f, &seen);
    }
    float before = ego_filter_motion(&f, &camera).speed_sigma_mps;
    step(&f, NULL);
    cr_expect_gt(ego_filter_motion(&f, &camera).speed_sigma_mps, before);
    for (int i = 0; i < 12; i++)
        step(&f, NULL);
    cr_expect(isnan(ego_filter_motion(&f, &camera).speed_mps));
}

Test(ego_filter, one_wild_speed_changes_nothing_and_many_are_believed)
{
    struct ego_filter f;

    random_seed(&r, 3, 0);
    ego_filter_init(&f);
    for (int i = 0; i < 10; i++) {
        struct ego_seen seen = sighting(10, 0);
        step(&f, &seen);
    }
    struct ego_seen wild = sighting(30, 0);
    step(&f, &wild);
    cr_expect_float_eq(ego_filter_motion(&f, &camera).speed_mps, 10, 0.5);
    for (int i = 0; i < 12; i++) {
        wild = sighting(30, 0);
        step(&f, &wild);
    }
    cr_expect_float_eq(ego_filter_motion(&f, &camera).speed_mps, 30, 0.5);
}

Test(ego_filter, sigma_has_the_height_of_the_camera)
{
    struct camera vague = camera;
    struct ego_filter f;

    random_seed(&r, 4, 0);
    ego_filter_init(&f);
    for (int i = 0; i < 20; i++) {
        struct ego_seen seen = sighting(20, 0);
        step(&f, &seen);
    }
    vague.sigma_z_m = 0.1f;
    cr_expect_lt(ego_filter_motion(&f, &camera).speed_sigma_mps, 0.8);
    cr_expect_gt(ego_filter_motion(&f, &vague).speed_sigma_mps, 1.4);
}
