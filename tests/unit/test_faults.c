#include "sim/faults.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct faults of(const char *const *specs)
{
    struct faults f = {0};
    struct why why = {""};

    for (int i = 0; specs[i]; i++)
        cr_assert_eq(faults_add(&f, specs[i], &why), OK, "%s", why.text);
    return f;
}
#define FAULTS(...) of((const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *spec, enum err e, const char *word)
{
    struct faults f = {0};
    struct why why = {""};

    cr_expect_eq(faults_add(&f, spec, &why), e, "%s", spec);
    cr_expect(strstr(why.text, word), "%s: '%s' lacks '%s'", spec, why.text, word);
    cr_expect_eq(f.n, 0);
}

Test(faults, are_read)
{
    struct faults f = FAULTS("loss=0.25", "stall=2,3.5", "clock=1,-4", "brightness=1,0.1",
                             "brightness=1,8,2", "calibration=1.5,-2");

    cr_assert_eq(f.n, 6);
    cr_expect_eq(f.fault[0].kind, FAULT_LOSS);
    cr_expect_eq(f.fault[0].p, 0.25);
    cr_expect_eq(f.fault[1].at_s, 2);
    cr_expect_eq(f.fault[1].end_s, 5.5);
    cr_expect_eq(f.fault[2].amount, -4);
    cr_expect_eq(f.fault[3].end_s, INFINITY);
    cr_expect_eq(f.fault[4].end_s, 3);
    cr_expect_float_eq(f.fault[5].amount2, -2 * M_PI / 180, 1e-12);
}

Test(faults, wrong_ones_are_named)
{
    refused("rust=1", ERR_FORMAT, "loss=P");
    refused("rust=1", ERR_FORMAT, "calibration=PITCH,YAW");
    refused("loss", ERR_FORMAT, "no fault 'loss'");
    refused("loss=", ERR_FORMAT, "must be loss=P");
    refused("loss=1.5", ERR_LIMIT, "0..1");
    refused("loss=nan", ERR_FORMAT, "loss=P");
    refused("loss=0.1,2", ERR_FORMAT, "loss=P");
    refused("loss=0.1,", ERR_FORMAT, "loss=P");
    refused("stall=3", ERR_FORMAT, "stall=AT,FOR");
    refused("stall=3,0", ERR_LIMIT, "0.001");
    refused("freeze=-1,3", ERR_LIMIT, "-1");
    refused("calibration=30,0", ERR_LIMIT, "-20..20");
}

Test(faults, too_many)
{
    struct faults f = {0};
    struct why why = {""};

    for (int i = 0; i < FAULTS_MAX; i++)
        cr_assert_eq(faults_add(&f, "loss=0.5", &why), OK);
    cr_expect_eq(faults_add(&f, "loss=0.5", &why), ERR_LIMIT);
}

Test(faults, probability_is_kept_and_repeats_by_seed)
{
    struct faults f = FAULTS("loss=0.2", "duplicate=0.5", "reorder=0.1", "corrupt=0.05");
    int lost = 0, twice = 0, late = 0, damaged = 0, other = 0;

    for (uint64_t i = 0; i < 10000; i++) {
        struct fault_verdict v = faults_frame(&f, 7, i, 0.1 * (double)i);
        struct fault_verdict again = faults_frame(&f, 7, i, 0.1 * (double)i);

        cr_assert_eq(memcmp(&v, &again, sizeof v), 0);
        lost += v.lost;
        twice += v.twice;
        late += v.late;
        damaged += v.damage != 0;
        other += faults_frame(&f, 8, i, 0).lost != v.lost;
    }
    cr_expect(abs(lost - 2000) < 200, "%d", lost);
    cr_expect(abs(twice - 5000) < 300, "%d", twice);
    cr_expect(abs(late - 1000) < 150, "%d", late);
    cr_expect(abs(damaged - 500) < 110, "%d", damaged);
    cr_expect(other > 2500, "another seed, other frames: %d", other);
}

Test(faults, spans_begin_and_end)
{
    struct faults f = FAULTS("stall=1,2", "freeze=5,1", "clock=7,0.5", "clock=8,-2");

    cr_expect_not(faults_frame(&f, 1, 0, 0.999).lost);
    cr_expect(faults_frame(&f, 1, 0, 1).lost);
    cr_expect(faults_frame(&f, 1, 0, 2.999).lost);
    cr_expect_not(faults_frame(&f, 1, 0, 3).lost);
    cr_expect(faults_frame(&f, 1, 0, 5.5).frozen);
    cr_expect_not(faults_frame(&f, 1, 0, 6).frozen);
    cr_expect_eq(faults_frame(&f, 1, 0, 6.9).shift_ns, 0);
    cr_expect_eq(faults_frame(&f, 1, 0, 7).shift_ns, 500000000);
    cr_expect_eq(faults_frame(&f, 1, 0, 9).shift_ns, -1500000000);
}

static uint8_t pixels[32 * 16 * 3];
static struct image picture(uint8_t level)
{
    memset(pixels, level, sizeof pixels);
    return (struct image){pixels, 32, 16, 96};
}

Test(faults, lens)
{
    struct faults f = FAULTS("brightness=1,0.01,1", "blocked=3,1", "brightness=5,100");
    struct image im = picture(200);

    cr_expect_not(faults_lens(&f, 0.5, &im));
    cr_expect_eq(pixels[0], 200);
    cr_expect(faults_lens(&f, 1.5, &im));
    cr_expect_eq(pixels[0], 25, "200 x 0.01^(1/2.2) = 24.7, not %d", pixels[0]);
    im = picture(200);
    cr_expect(faults_lens(&f, 3.5, &im));
    cr_expect_eq(image_at(&im, 5, 8)[0], 34);
    cr_expect(image_at(&im, 31, 2)[0] > 150);
    im = picture(200);
    cr_expect(faults_lens(&f, 6, &im));
    cr_expect_eq(pixels[0], 255);
}

Test(faults, calibration)
{
    struct faults f = FAULTS("calibration=1,-2");
    struct camera c = {.pitch_rad = 0.1f, .yaw_rad = 0.2f}, stated = faults_camera(&f, &c);

    cr_expect_float_eq(stated.pitch_rad, 0.1 + M_PI / 180, 1e-6);
    cr_expect_float_eq(stated.yaw_rad, 0.2 - 2 * M_PI / 180, 1e-6);
}

Test(faults, damage)
{
    uint8_t a[1000] = {0}, b[1000] = {0};

    cr_expect_eq(fault_damage(99, false, a, sizeof a), sizeof a);
    cr_expect_eq(a[0], 0, "raw pixels begin as they were");
    cr_expect_neq(memcmp(a, b, sizeof a), 0);
    cr_expect_eq(fault_damage(99, false, b, sizeof b), sizeof b);
    cr_expect_arr_eq(a, b, sizeof a);
    size_t left = fault_damage(99, true, b, sizeof b);
    cr_expect(left >= 250 && left <= 750, "%zu", left);
    uint8_t one = 7;
    cr_expect_eq(fault_damage(99, true, &one, 1), 1);
}
