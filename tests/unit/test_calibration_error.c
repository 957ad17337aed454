#include "perception/eval/calibration.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct ap_truth truth = {.box = {10, 10, 50, 50}};

static struct ap_guess guess(double score, double x1)
{
    return (struct ap_guess){.box = {x1, 10, 50, 50}, .score = score, .sigma = {2, 1, 1, 1}};
}

/* Tenths 0.2 and 0.9: |1/2 - 0.25| of two and |1 - 0.95| of two. */
Test(calibration_error, by_hand)
{
    const struct ap_guess g[] = {guess(0.22, 10), guess(0.28, 10), guess(0.9, 10), guess(1, 10),
                                 guess(0.5, 10)};
    const struct ap_match m[] = {{&g[0], NULL, AP_FALSE_ALARM},
                                 {&g[1], &truth, AP_HIT},
                                 {&g[2], &truth, AP_HIT},
                                 {&g[3], &truth, AP_HIT},
                                 {&g[4], NULL, AP_IGNORED}};
    struct calibration c = {0};

    cr_assert(isnan(calibration_error(&c)));
    calibration_add(&c, m, 5);
    cr_assert_eq(c.bin[2].n, 2);
    cr_assert_eq(c.bin[2].hits, 1);
    cr_assert_eq(c.bin[9].n, 2, "a score of 1 is in the last");
    cr_assert_eq(c.bin[5].n, 0, "ignored");
    cr_assert_float_eq(calibration_error(&c), (2 * 0.25 + 2 * 0.05) / 4, 1e-12);
}

Test(calibration_error, sigmas)
{
    struct ap_guess g[] = {guess(0.9, 11.5), guess(0.9, 13), guess(0.9, 15), guess(0.9, 11)};
    struct calibration c = {0};
    struct ap_match m[4];

    g[3].sigma[0] = 0; /* not told */
    for (int i = 0; i < 4; i++)
        m[i] = (struct ap_match){&g[i], &truth, AP_HIT};
    calibration_add(&c, m, 4);
    cr_assert_eq(c.edges, 12);
    cr_assert_eq(c.within1, 9 + 1, "1.5 is within 2");
    cr_assert_eq(c.within2, 9 + 2, "3 is within 4, 5 is not");
}
