/* Scores of sequences so small that they are worked out by hand. */
#include "perception/eval/track_scores.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct track_sequence s;
static struct track_sums sum;
static struct why why;

/* Boxes of 100 x 100 at x: two of them a shift of d apart have an IoU of (100 - d) / (100 + d). */
static struct track_row box(int frame, int id, double x)
{
    return (struct track_row){.frame = frame, .id = id, .box = {x, 0, x + 100, 100}};
}

static struct track_scores score(const struct track_row *truth, size_t n_truths,
                                 const struct track_row *guess, size_t n_guesses)
{
    sum = (struct track_sums){0};
    cr_assert_eq(track_sequence_make(truth, n_truths, guess, n_guesses, -INFINITY, &s, &why), OK,
                 "%s", why.text);
    cr_assert_eq(track_sums_add(&s, &sum), OK);
    track_sequence_finish(&s);
    return track_scores_of(&sum);
}
#define COUNT(a) (sizeof(a) / sizeof *(a))
#define NEAR(a, b) cr_assert_float_eq(a, b, 1e-9, "%.9f, not %.9f", (double)(a), (double)(b))

Test(track_scores, perfect)
{
    const struct track_row truth[] = {box(0, 1, 0), box(0, 2, 300), box(1, 1, 0), box(1, 2, 300)};
    const struct track_row guess[] = {box(0, 8, 0), box(0, 9, 300), box(1, 8, 0), box(1, 9, 300)};
    const struct track_scores a = score(truth, 4, guess, 4);

    NEAR(a.hota, 1);
    NEAR(a.loca, 1);
    NEAR(a.mota, 1);
    NEAR(a.motp, 1);
    NEAR(a.idf1, 1);
    cr_assert_eq(sum.clear.mostly_tracked, 2);
    cr_assert_eq(sum.clear.fragments, 0);
}

/* One truth over four frames, two guesses of two frames each. */
Test(track_scores, one_switch)
{
    const struct track_row truth[] = {box(0, 1, 0), box(1, 1, 0), box(2, 1, 0), box(3, 1, 0)};
    const struct track_row guess[] = {box(0, 5, 0), box(1, 5, 0), box(2, 6, 0), box(3, 6, 0)};
    const struct track_scores a = score(truth, 4, guess, 4);

    NEAR(a.deta, 1);
    NEAR(a.assa, 0.5); /* each hit: 2 shared of 4 + 2 - 2 */
    NEAR(a.hota, sqrt(0.5));
    NEAR(a.mota, 0.75);
    NEAR(a.idf1, 0.5);
    cr_assert_eq(sum.clear.switches, 1);
    cr_assert_eq(sum.clear.fragments, 0, "no frame was without");
    cr_assert_eq(sum.clear.mostly_tracked, 1);
}

/* A hole of one frame, in which another guess stands elsewhere. */
Test(track_scores, one_fragment)
{
    const struct track_row truth[] = {box(0, 1, 0), box(1, 1, 0), box(2, 1, 0)};
    const struct track_row guess[] = {box(0, 5, 0), box(1, 5, 900), box(2, 5, 0)};
    const struct track_scores a = score(truth, 3, guess, 3);

    NEAR(a.deta, 2 / 4.0);
    NEAR(a.assa, 2 / 4.0); /* 2 shared of 3 + 3 - 2 */
    NEAR(a.mota, (2 - 1 - 0) / 3.0);
    NEAR(a.idf1, 2 * 2 / 6.0);
    NEAR(a.idp, 2 / 3.0);
    cr_assert_eq(sum.clear.fragments, 1);
    cr_assert_eq(sum.clear.mostly_tracked + sum.clear.mostly_lost, 0, "2 of 3");
    cr_assert_eq(a.misses, 1);
    cr_assert_eq(a.false_alarms, 1);
}

/* An IoU of 0.6: a hit at the alphas up to 0.6, twelve of nineteen. */
Test(track_scores, overlap)
{
    const struct track_row truth[] = {box(0, 1, 0)}, guess[] = {box(0, 5, 25)};
    const struct track_scores a = score(truth, 1, guess, 1);

    NEAR(a.deta, 12 / 19.0);
    NEAR(a.hota, 12 / 19.0);
    NEAR(a.loca, (12 * 0.6 + 7 * 1) / 19); /* 1 where there is no hit, by definition */
    NEAR(a.motp, 0.6);
    NEAR(a.mota, 1);
}

/* The pair of the frame before is kept although the other guess overlaps more. */
Test(track_scores, clear_keeps_pairs)
{
    const struct track_row truth[] = {box(0, 1, 0), box(1, 1, 0)};
    const struct track_row guess[] = {box(0, 5, 0), box(1, 5, 25), box(1, 6, 0)};
    const struct track_scores a = score(truth, 2, guess, 3);

    cr_assert_eq(sum.clear.switches, 0);
    NEAR(a.motp, (1 + 0.6) / 2);
    NEAR(a.mota, (2 - 1 - 0) / 2.0);
}

Test(track_scores, nothing_followed_or_nothing_there)
{
    const struct track_row truth[] = {box(0, 1, 0), box(1, 1, 0)};
    struct track_scores a = score(truth, 2, NULL, 0);

    NEAR(a.hota, 0);
    NEAR(a.mota, 0);
    cr_assert_eq(sum.clear.mostly_lost, 1);
    cr_assert_eq(a.misses, 2);
    a = score(NULL, 0, truth, 2);
    NEAR(a.hota, 0);
    cr_assert_eq(a.false_alarms, 2);
    a = score(NULL, 0, NULL, 0);
    NEAR(a.idf1, 0);
}

Test(track_scores, sums_join)
{
    const struct track_row truth[] = {box(0, 1, 0), box(1, 1, 0)};
    const struct track_row guess[] = {box(0, 5, 0), box(1, 6, 0)};
    struct track_sums all = {0};

    score(truth, 2, guess, 2);
    track_sums_join(&all, &sum);
    track_sums_join(&all, &sum);
    const struct track_scores one = track_scores_of(&sum), two = track_scores_of(&all);
    NEAR(one.hota, two.hota);
    NEAR(one.mota, two.mota);
    cr_assert_eq(all.clear.switches, 2);
    cr_assert_eq(all.truth_ids, 2);
}

/* ---- what counts neither way --------------------------------------------------------------- */
static struct track_row with_role(struct track_row r, enum track_role role)
{
    r.role = role;
    return r;
}

Test(track_sequence, roles)
{
    const struct track_row truth[] = {with_role(box(0, 1, 0), TRACK_IGNORED),
                                      with_role(box(0, 2, 200), TRACK_LEFT_OUT),
                                      with_role(box(0, -1, 400), TRACK_REGION), box(0, 3, 600)};
    const struct track_row guess[] = {box(0, 1, 5),   /* dropped: belongs to an ignored one */
                                      box(0, 2, 205), /* stays */
                                      box(0, 3, 410), /* dropped: in the region */
                                      box(0, 4, 460), /* stays: less than half in it */
                                      box(0, 5, 600)};

    cr_assert_eq(track_sequence_make(truth, 4, guess, 5, 25, &s, &why), OK);
    cr_assert_eq(s.n_frames, 1);
    cr_assert_eq(s.n_truths, 1);
    cr_assert_eq(s.n_guesses, 3);
    cr_assert_eq(s.frame[0].guess[0], 1, "id 2 is the second");
    NEAR(s.frame[0].iou[2], 1);
    track_sequence_finish(&s);
}

Test(track_sequence, low_guesses)
{
    struct track_row truth[] = {box(0, 1, 0)}, guess[] = {box(0, 1, 0), box(0, 2, 300)};

    truth[0].box.y2 = guess[0].box.y2 = guess[1].box.y2 = 25;
    cr_assert_eq(track_sequence_make(truth, 1, guess, 2, 25, &s, &why), OK);
    cr_assert_eq(s.n_guesses, 1, "that with a partner stays");
    track_sequence_finish(&s);
}

Test(track_sequence, frames_come_in_turn)
{
    const struct track_row truth[] = {box(1, 1, 0), box(4, 1, 0)};
    const struct track_row guess[] = {box(0, 1, 0), box(4, 1, 0), box(7, 1, 0)};

    cr_assert_eq(track_sequence_make(truth, 2, guess, 3, 25, &s, &why), OK);
    cr_assert_eq(s.n_frames, 4);
    cr_assert_eq(s.frame[0].n_truths, 0);
    cr_assert_eq(s.frame[1].n_guesses, 0);
    cr_assert_eq(s.frame[2].n_truths + s.frame[2].n_guesses, 2);
    track_sequence_finish(&s);
}

Test(track_sequence, too_many_boxes_in_a_frame)
{
    static struct track_row many[TRACK_MAX_BOXES + 1];

    for (int i = 0; i <= TRACK_MAX_BOXES; i++)
        many[i] = box(3, i, i);
    cr_assert_eq(track_sequence_make(NULL, 0, many, COUNT(many), 25, &s, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "frame 3 has 4097 boxes"), "%s", why.text);
}
