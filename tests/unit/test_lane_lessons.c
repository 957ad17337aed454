#include "daemon/cli/lane_lessons.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct lane_lessons *open_lessons(uint64_t seed)
{
    struct lane_lessons *s;
    struct why why;

    cr_assert_eq(lane_lessons_open(seed, &s, &why), OK, "%s", why.text);
    return s;
}

static struct lane_sequence *next(struct lane_lessons *s)
{
    struct lane_sequence *l;
    struct why why;

    cr_assert_eq(lane_lessons_next(s, &l, &why), OK, "%s", why.text);
    return l;
}

Test(lane_lessons, the_same_seed_teaches_the_same)
{
    struct lane_lessons *a = open_lessons(3), *b = open_lessons(3);

    for (int i = 0; i < 20; i++) {
        struct lane_sequence *x = next(a), *y = next(b);

        cr_assert_eq(x->n, y->n);
        cr_assert_arr_eq(x->lesson, y->lesson, (size_t)x->n * sizeof *x->lesson);
        free(x);
        free(y);
    }
    lane_lessons_close(a);
    lane_lessons_close(b);
}

Test(lane_lessons, what_is_right_is_finite_and_of_every_kind)
{
    struct lane_lessons *s = open_lessons(4);
    long exists = 0, curves = 0, unseen = 0, all = 0;

    for (int i = 0; i < 200; i++) {
        struct lane_sequence *x = next(s);

        for (int k = 0; k < x->n; k++) {
            const struct lane_lesson *l = &x->lesson[k];

            for (int c = 0; c < LANE_FEATURES; c++)
                cr_assert(fabsf(l->x[c]) < 20, "feature %d is %g", c, (double)l->x[c]);
            for (int c = 0; c < LANE_KNOTS; c++)
                cr_assert(fabsf(l->y[c]) < LANE_ANSWER_MOST && isfinite(l->log_sigma[c]));
            for (int c = 0; c < LANE_CHAIN; c++)
                cr_assert(isfinite(l->chain[c]));
            all++;
            exists += l->exists != 0;
            curves += l->y_counts[LANE_KNOTS - 1] != 0;
            unseen += l->x[0] == 0;
        }
        free(x);
    }
    cr_assert(exists > all / 2 && exists < all);
    cr_assert(curves > all / 4 && curves < all);
    cr_assert(unseen > all / 50 && unseen < all / 2);
    lane_lessons_close(s);
}

/* A few steps: the loss falls, and what is exported opens and runs. */
Test(lane_lessons, steps_teach_and_the_file_runs)
{
    struct lane_network_options o = {
        .lstm = true, .rows = 8, .steps = 8, .seed = 1, .recipe = {.rate = 0.003f, .clip = 1}};
    struct lane_lessons *s = open_lessons(5);
    struct lane_network *n;
    struct train_report r;
    struct lane_weights w;
    struct why why;
    double first = 0;

    cr_assert_eq(lane_network_open(&o, &n, &why), OK, "%s", why.text);
    for (int i = 0; i < 8; i++) {
        struct lane_sequence *x = next(s);

        for (int k = 0; k < 8; k++)
            lane_network_put(n, i, k, k < x->n ? &x->lesson[k] : NULL);
        free(x);
    }
    for (int i = 0; i < 60; i++) {
        train_reset(lane_network_train(n), -1);
        train_step(lane_network_train(n), &r);
        if (i == 0)
            first = r.loss;
    }
    cr_assert(!r.skipped);
    cr_assert_lt(r.loss, first - 0.5, "%g after %g", r.loss, first);
    cr_assert_eq(lane_network_export(n, &w, &why), OK, "%s", why.text);
    cr_assert_eq(lane_lessons_use(s, &w, &why), OK, "%s", why.text);
    free(next(s));
    free((void *)w.file);
    lane_network_close(n);
    lane_lessons_close(s);
}
