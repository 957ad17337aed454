#include "perception/eval/average_precision.h"

#include <criterion/criterion.h>
#include <math.h>

enum { CAR = 1, TRUCK = 2, PERSON = 4, MAX = 8 };

static struct ap_truth truth[MAX];
static struct ap_guess guess[MAX];
static struct ap_picture picture = {truth, guess, 0, 0};

/* Boxes of 100 x 10 px in rows of their own; shift moves one along its row. */
static struct ap_box row(int i, double shift)
{
    return (struct ap_box){shift, 20 * i, shift + 100, 20 * i + 10};
}

static void put_truth(int i, unsigned classes)
{
    truth[picture.n_truths++] = (struct ap_truth){row(i, 0), classes, false};
}

static void put_region(struct ap_box box, unsigned classes)
{
    truth[picture.n_truths++] = (struct ap_truth){box, classes, true};
}

static void put_guess(int i, double shift, double score, unsigned classes)
{
    guess[picture.n_guesses++] = (struct ap_guess){row(i, shift), classes, score};
}

static struct ap_score ask(struct ap_query q)
{
    struct ap_score s;

    cr_assert_eq(average_precision(&picture, 1, &q, &s), OK);
    return s;
}

static struct ap_score cars(void)
{
    return ask((struct ap_query){CAR, 0, INFINITY, 100});
}

Test(average_precision, all_found_is_one)
{
    put_truth(0, CAR);
    put_truth(1, CAR);
    put_guess(1, 0, 0.3, CAR);
    put_guess(0, 0, 0.2, CAR);
    cr_assert_float_eq(cars().mean, 1, 1e-12);
    cr_assert_eq(cars().truths, 2);
    cr_assert_eq(cars().guesses, 2);
}

Test(average_precision, no_truths_is_unknown)
{
    put_guess(0, 0, 0.9, CAR);
    cr_assert(isnan(cars().at[0]) && isnan(cars().mean));
    put_truth(0, CAR);
    picture.n_guesses = 0;
    cr_assert_eq(cars().at[0], 0, "all missed is known");
}

Test(average_precision, a_false_alarm_before_the_hit_halves_it)
{
    put_truth(0, CAR);
    put_guess(1, 0, 0.9, CAR);
    put_guess(0, 0, 0.8, CAR);
    cr_assert_float_eq(cars().at[0], 0.5, 1e-12);
}

Test(average_precision, a_second_guess_at_a_truth_is_a_false_alarm)
{
    put_truth(0, CAR);
    put_truth(1, CAR);
    put_guess(0, 0, 0.9, CAR);
    put_guess(0, 1, 0.8, CAR);
    put_guess(1, 0, 0.7, CAR);
    /* precision 1 at the recalls 0 to 0.50, 2/3 at the other fifty */
    cr_assert_float_eq(cars().at[0], (51 + 50 * 2.0 / 3) / 101, 1e-12);
}

Test(average_precision, the_threshold_counts)
{
    put_truth(0, CAR);
    put_guess(0, 20, 0.9, CAR); /* IoU 80 / 120 */
    for (int t = 0; t < AP_THRESHOLDS; t++)
        cr_assert_eq(cars().at[t], t <= 3, "%d", t); /* 0.50 to 0.65 */
    cr_assert_float_eq(cars().mean, 0.4, 1e-12);
    guess[0].box = row(0, 100.0 / 3); /* exactly one half */
    guess[0].box.x2 = truth[0].box.x2 = 100;
    guess[0].box.x1 = 50;
    cr_assert_eq(cars().at[0], 1, "reaching it is enough");
    cr_assert_eq(cars().at[1], 0);
}

Test(average_precision, a_guess_takes_what_it_overlaps_most)
{
    put_truth(0, CAR);
    truth[picture.n_truths++] = (struct ap_truth){row(0, 20), CAR, false};
    put_guess(0, 15, 0.9, CAR); /* nearer to the second */
    put_guess(0, 0, 0.8, CAR);
    cr_assert_eq(cars().at[0], 1);
}

Test(average_precision, regions_to_be_ignored_take_any_number)
{
    put_truth(0, CAR);
    put_region((struct ap_box){0, 200, 1000, 400}, CAR);
    put_guess(11, 0, 0.9, CAR);
    put_guess(12, 0, 0.9, CAR);
    put_guess(0, 0, 0.8, CAR);
    cr_assert_float_eq(cars().mean, 1, 1e-12);
    cr_assert_eq(cars().truths, 1);
    truth[1].classes = PERSON; /* a region for others says nothing about cars */
    cr_assert_float_eq(cars().mean, 1.0 / 3, 1e-12);
}

Test(average_precision, a_truth_goes_before_a_region)
{
    put_region((struct ap_box){0, 0, 1000, 400}, CAR);
    put_truth(0, CAR);
    put_guess(0, 20, 0.9, CAR); /* wholly in the region, IoU 2/3 with the truth */
    cr_assert_eq(cars().at[0], 1, "a hit");
    cr_assert_eq(cars().at[9], 0, "not a false alarm either");
    put_guess(0, 0, 0.1, CAR);
    cr_assert_eq(cars().at[9], 1, "the weak one is the only one that counts");
}

Test(average_precision, outside_the_range_of_areas_nothing_counts)
{
    put_truth(0, CAR); /* 1000 px^2 */
    truth[picture.n_truths++] = (struct ap_truth){{0, 200, 100, 300}, CAR, false};
    put_guess(0, 0, 0.9, CAR);
    put_guess(3, 0, 0.8, CAR); /* finds nothing */
    guess[picture.n_guesses++] = (struct ap_guess){{0, 200, 100, 300}, CAR, 0.7};
    struct ap_score small = ask((struct ap_query){CAR, 0, 1024, 100});
    struct ap_score large = ask((struct ap_query){CAR, 1024, INFINITY, 100});

    cr_assert_eq(small.truths, 1);
    cr_assert_eq(small.at[0], 1);
    cr_assert_eq(large.truths, 1);
    cr_assert_eq(large.at[0], 1, "a small false alarm is none of the large ones");
}

Test(average_precision, classes_are_sets)
{
    put_truth(0, CAR);
    put_truth(1, TRUCK);
    put_guess(0, 0, 0.9, CAR | TRUCK);
    put_guess(1, 0, 0.8, TRUCK);
    put_guess(2, 0, 0.95, PERSON);
    struct ap_score both = ask((struct ap_query){CAR | TRUCK, 0, INFINITY, 100});

    cr_assert_eq(both.ambiguous, 0);
    cr_assert_float_eq(both.mean, 1, 1e-12);
    cr_assert_eq(cars().ambiguous, 1);
    cr_assert_eq(cars().guesses, 0);
}

Test(average_precision, only_the_best_guesses_are_looked_at)
{
    put_truth(0, CAR);
    put_guess(0, 0, 0.1, CAR);
    put_guess(1, 0, 0.9, CAR);
    put_guess(2, 0, 0.8, CAR);
    cr_assert_float_eq(ask((struct ap_query){CAR, 0, INFINITY, 3}).at[0], 1.0 / 3, 1e-12);
    cr_assert_eq(ask((struct ap_query){CAR, 0, INFINITY, 2}).at[0], 0);
}

Test(average_precision, of_equal_scores_the_first_comes_first)
{
    put_truth(0, CAR);
    put_guess(0, 0, 0.5, CAR);
    put_guess(1, 0, 0.5, CAR);
    cr_assert_eq(cars().at[0], 1);
    guess[0].box = row(1, 0);
    guess[1].box = row(0, 0);
    cr_assert_float_eq(cars().at[0], 0.5, 1e-12);
}
