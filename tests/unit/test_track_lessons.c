#include "daemon/cli/track_lessons.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct track_lessons *open_lessons(uint64_t seed)
{
    struct track_lessons *s;
    struct why why;

    cr_assert_eq(track_lessons_open(seed, &s, &why), OK, "%s", why.text);
    return s;
}

static struct track_sequence_lessons *next(struct track_lessons *s)
{
    struct track_sequence_lessons *l;
    struct why why;

    cr_assert_eq(track_lessons_next(s, &l, &why), OK, "%s", why.text);
    return l;
}

Test(track_lessons, the_same_seed_teaches_the_same)
{
    struct track_lessons *a = open_lessons(3), *b = open_lessons(3);

    for (int i = 0; i < 20; i++) {
        struct track_sequence_lessons *x = next(a), *y = next(b);

        cr_assert_eq(x->n, y->n);
        cr_assert_arr_eq(x->lesson, y->lesson, (size_t)x->n * sizeof *x->lesson);
        free(x);
        free(y);
    }
    track_lessons_close(a);
    track_lessons_close(b);
}

Test(track_lessons, what_is_right_is_finite_and_of_every_kind)
{
    struct track_lessons *s = open_lessons(4);
    long exists = 0, states = 0, choices = 0, nones = 0, all = 0;

    for (int i = 0; i < 200; i++) {
        struct track_sequence_lessons *x = next(s);

        for (int k = 0; k < x->n; k++) {
            const struct lesson *l = &x->lesson[k];

            for (int c = 0; c < TRACK_FEATURES; c++)
                cr_assert(fabsf(l->track[c]) < 20, "feature %d is %g", c, (double)l->track[c]);
            for (int c = 0; c < STATE_DIM; c++)
                cr_assert(fabsf(l->state[c]) < ANSWER_MOST);
            all++;
            exists += l->exists != 0;
            states += l->state_counts != 0;
            choices += l->choice_counts != 0 && l->choice < ASKED_CANDIDATES;
            nones += l->choice_counts != 0 && l->choice == ASKED_CANDIDATES;
        }
        free(x);
    }
    cr_assert(exists > all / 4 && exists < all);
    cr_assert(states > all / 4 && states < all);
    cr_assert_gt(choices, all / 4);
    cr_assert_gt(nones, 0);
    track_lessons_close(s);
}

/* A few steps: the loss falls, and what is exported opens and runs. */
Test(track_lessons, steps_teach_and_the_files_run)
{
    struct tracker_network_options o = {
        .lstm = true, .rows = 8, .steps = 8, .seed = 1, .recipe = {.rate = 0.003f, .clip = 1}};
    struct track_lessons *s = open_lessons(5);
    struct tracker_network *n;
    struct train_report r;
    struct weights w;
    struct why why;
    double first = 0;

    cr_assert_eq(tracker_network_open(&o, &n, &why), OK, "%s", why.text);
    for (int i = 0; i < 8; i++) {
        struct track_sequence_lessons *x = next(s);

        for (int k = 0; k < 8; k++)
            tracker_network_put(n, i, k, k < x->n ? &x->lesson[k] : NULL);
        free(x);
    }
    for (int i = 0; i < 60; i++) {
        train_reset(tracker_network_train(n), -1);
        train_step(tracker_network_train(n), &r);
        if (i == 0)
            first = r.loss;
    }
    cr_assert(!r.skipped);
    cr_assert_lt(r.loss, first - 0.5);
    cr_assert_eq(tracker_network_export(n, &w, &why), OK, "%s", why.text);
    cr_assert_eq(track_lessons_use(s, &w, &why), OK, "%s", why.text);
    free(next(s));
    free((void *)w.memory);
    free((void *)w.attention);
    tracker_network_close(n);
    track_lessons_close(s);
}
