/* Scores of lanes in pictures so small that they are worked out by hand. */
#include "perception/eval/lane_scores.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ROWS = 10 };
static const double y[ROWS] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100};

#define NEAR(a, b) cr_assert_float_eq(a, b, 1e-9, "%.9f, not %.9f", (double)(a), (double)(b))

/* Upright at x; the first `without` rows are empty. */
static void upright(double *x, double at, int without)
{
    for (int i = 0; i < ROWS; i++)
        x[i] = i < without ? -2 : at;
}

static struct lane_case make(const double *truth, int n_truths, const double *guess, int n_guesses)
{
    return (struct lane_case){.y = y,
                              .rows = ROWS,
                              .truth = truth,
                              .guess = guess,
                              .n_truths = n_truths,
                              .n_guesses = n_guesses};
}

Test(tusimple, hit_miss_and_false_alarm)
{
    double truth[2 * ROWS], guess[2 * ROWS];

    upright(truth, 50, 2);
    upright(truth + ROWS, 150, 0);
    upright(guess, 60, 3);         /* nine rows of ten agree: both empty, or 10 pixels off */
    upright(guess + ROWS, 170, 0); /* 20 is not less than 20 */
    const struct lane_case c = make(truth, 2, guess, 2);
    const struct tusimple_score s = tusimple_score(&c, 20);

    NEAR(s.accuracy, (0.9 + 0) / 2);
    NEAR(s.false_alarms, 0.5);
    NEAR(s.misses, 0.5);
}

Test(tusimple, slanted_lines_may_be_farther_off)
{
    double truth[ROWS], guess[ROWS];

    for (int i = 0; i < ROWS; i++) {
        truth[i] = 100 + y[i]; /* 45 degrees: within 20 sqrt(2) = 28.3 */
        guess[i] = truth[i] + (i ? 28 : 29);
    }
    const struct lane_case c = make(truth, 1, guess, 1);
    NEAR(tusimple_score(&c, 20).accuracy, 0.9);
}

Test(tusimple, too_many_guesses_are_a_loss)
{
    double lanes[4 * ROWS];

    for (int i = 0; i < 4; i++)
        upright(lanes + i * ROWS, 50 + 100 * i, 0);
    struct lane_case c = make(lanes, 1, lanes, 4);
    struct tusimple_score s = tusimple_score(&c, 20);
    NEAR(s.accuracy, 0);
    NEAR(s.false_alarms, 0);
    NEAR(s.misses, 1);
    c.n_guesses = 3;
    s = tusimple_score(&c, 20);
    NEAR(s.accuracy, 1);
    NEAR(s.false_alarms, 2 / 3.0);
}

Test(tusimple, one_of_five_is_forgiven)
{
    double truth[5 * ROWS];

    for (int i = 0; i < 5; i++)
        upright(truth + i * ROWS, 50 + 100 * i, 0);
    const struct lane_case c = make(truth, 5, truth, 4);
    const struct tusimple_score s = tusimple_score(&c, 20);
    NEAR(s.accuracy, 1);
    NEAR(s.misses, 0);
}

Test(tusimple, nothing_there)
{
    double lane[ROWS];

    upright(lane, 50, 0);
    struct lane_case c = make(NULL, 0, NULL, 0);
    NEAR(tusimple_score(&c, 20).accuracy, 0);
    c = make(lane, 1, NULL, 0);
    NEAR(tusimple_score(&c, 20).misses, 1);
}

static struct culane_score score(const struct lane_case *c, int width, int height)
{
    int match[LANE_SCORES_MAX];

    cr_assert_eq(culane_match(c, width, height, 20, 0.5, match), OK);
    return culane_count(c, match);
}

/* Two upright lines 20 wide, 7 apart: of 20 + 7 columns 13 are shared (the round ends do not change
 * that the share is below); 6 apart: 14 of 26. */
Test(culane, upright_lines)
{
    double truth[ROWS], guess[ROWS];
    struct culane_score s;

    upright(truth, 50, 0);
    upright(guess, 56, 0);
    const struct lane_case c = make(truth, 1, guess, 1);
    s = score(&c, 200, 110);
    cr_assert_eq(s.hits, 1);
    cr_assert_eq(s.false_alarms + s.misses, 0);
    upright(guess, 57, 0);
    s = score(&c, 200, 110);
    cr_assert_eq(s.hits, 0);
    cr_assert_eq(s.false_alarms, 1);
    cr_assert_eq(s.misses, 1);
}

Test(culane, lines_that_leave_the_picture)
{
    double truth[ROWS];
    struct culane_score s;

    for (int i = 0; i < ROWS; i++)
        truth[i] = 1e5 * i;
    const struct lane_case c = make(truth, 1, truth, 1);
    s = score(&c, 64, 48);
    cr_assert_eq(s.hits, 1);
    upright(truth, 1e5, 0); /* no pixel of it */
    s = score(&c, 64, 48);
    cr_assert_eq(s.hits, 0);
}

Test(lane_rows, sampling)
{
    const double point[][2] = {{50, 95}, {40, 45}, {-10, 35}};
    double x[ROWS];

    lane_sample(point, 3, y, ROWS, x);
    NEAR(x[9], -2); /* row 100 is below it */
    NEAR(x[8], 49);
    NEAR(x[4], 41);
    NEAR(x[3], 15);
    NEAR(x[2], -2); /* row 30 is above it */
    cr_assert_eq(lane_bottom(x, ROWS), 8);
    lane_sample(point, 1, y, ROWS, x);
    cr_assert_eq(lane_bottom(x, ROWS), -1, "a point is no line");
}

Test(lane_rows, fit)
{
    double x[ROWS];

    for (int i = 0; i < ROWS; i++)
        x[i] = i < 4 ? -2 : 300 - 2 * y[i];
    NEAR(lane_fit_at(x, y, ROWS, 0), 300);
    NEAR(lane_fit_at(x, y, ROWS, 120), 60);
    upright(x, 0, ROWS);
    cr_assert(isnan(lane_fit_at(x, y, ROWS, 0)));
}
