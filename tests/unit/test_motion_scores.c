#include "daemon/cli/motion_scores.h"

#include <criterion/criterion.h>
#include <math.h>

static struct motion_scores follow(enum tracker_kind kind, bool measured_only, float edge_sigma)
{
    const struct tracker_options o = {.kind = kind, .cpu_mask = ~0u};
    struct motion_scores sum = {0};
    struct track_drive_plan plan;
    struct track_drive *d;
    struct tracker *t;
    struct why why;

    cr_assert_eq(tracker_open(&o, &t, &why), OK, "%s", why.text);
    cr_assert_eq(track_drive_open(&d, &why), OK, "%s", why.text);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        track_drive_plain(seed, &plan);
        plan.detector.edge_sigma = edge_sigma;
        cr_assert_eq(track_drive_run(d, &plan, &why), OK, "%s", why.text);
        cr_assert_eq(motion_scores_add(d, t, measured_only, &sum, &why), OK, "%s", why.text);
    }
    track_drive_close(d);
    tracker_close(t);
    return sum;
}

/* Groups are parts of each other, and every sum has something in it. */
Test(motion_scores, groups_add_up)
{
    struct motion_scores m = follow(TRACKER_KALMAN, true, 0.01f);
    const struct speed_errors *s = m.speed;

    cr_expect_eq(m.frames, 900);
    cr_expect(s[MOTION_2S].n > 0 && s[MOTION_2S].n < s[MOTION_1S].n);
    cr_expect_lt(s[MOTION_1S].n, s[MOTION_NEAR].n);
    cr_expect_eq(s[MOTION_ALONG].n + s[MOTION_OTHER].n, s[MOTION_NEAR].n);
    cr_expect_lt(s[MOTION_NEAR].n, s[MOTION_FAR].n);
    cr_expect_eq(m.position.n, 2 * s[MOTION_FAR].n);
    cr_expect(m.path[2].n > 0 && m.path[2].n < m.path[0].n);
    cr_expect_lt(m.path[0].off_m / (double)m.path[0].n, m.path[2].off_m / (double)m.path[2].n);
    for (int i = 0; i < MOTION_HEIGHTS; i++)
        cr_expect(m.found[i].seen <= m.found[i].asked && m.found[i].followed <= m.found[i].asked);
    cr_expect_lt(speed_errors_median(&s[MOTION_NEAR]), speed_errors_rms(&s[MOTION_NEAR]));
}

Test(motion_scores, noise_and_silence_cost)
{
    struct motion_scores fine = follow(TRACKER_LSTM, true, 0.01f);
    struct motion_scores rough = follow(TRACKER_LSTM, true, 0.1f);
    struct motion_scores predicted = follow(TRACKER_LSTM, false, 0.01f);

    cr_expect_lt(speed_errors_rms(&fine.speed[MOTION_NEAR]),
                 speed_errors_rms(&rough.speed[MOTION_NEAR]));
    cr_expect_gt(track_scores_of(&predicted.tracks).idr, track_scores_of(&fine.tracks).idr);
}

Test(motion_scores, scale_of_sigmas)
{
    struct covered c = {0};

    cr_expect(isnan(covered_within(&c, 1)));
    cr_expect_eq(covered_scale(&c), 1);
    for (int i = 0; i < COVERED_BINS;
         i++) { /* a normal distribution, its sigma said 0.8 as large */
        double x = (i + 0.5) * 0.05 * 0.8;

        c.bin[i] = lround(1e5 * exp(-x * x / 2));
        c.n += c.bin[i];
    }
    cr_expect_float_eq(covered_within(&c, 1), 0.576, 0.01, "%g", covered_within(&c, 1));
    cr_expect_float_eq(covered_scale(&c), 1.25, 0.051, "%g", covered_scale(&c));
}
