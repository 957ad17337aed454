/* Losses against central differences, and against numbers worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/gradients.h"

static struct train *t;

static void begin(void)
{
    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 11}, &t) == OK);
}

static double loss_of(struct train_loss l, int rank, const int *dim, const float *x,
                      const float *target, const float *mask, int masks)
{
    struct train_report r;
    struct why why;
    double loss;

    begin();
    l.name = "loss";
    l.x = train_input(t, "x", rank, dim);
    l.target = train_input(t, "target", l.kind == TRAIN_CROSS_ENTROPY ? 1 : rank, dim);
    l.has_mask = mask;
    l.mask = mask ? train_input(t, "mask", 1, &masks) : -1;
    train_loss(t, &l);
    cr_assert(train_plan(t, &(struct train_recipe){.rate = 1}, &why) == OK, "%s", why.text);
    memcpy(train_data(t, l.x), x, train_count(t, l.x) * sizeof *x);
    memcpy(train_data(t, l.target), target, train_count(t, l.target) * sizeof *x);
    if (mask)
        memcpy(train_data(t, l.mask), mask, (size_t)masks * sizeof *x);
    train_evaluate(t, false, &r);
    loss = r.loss;
    train_close(t);
    return loss;
}

Test(train_loss, by_hand)
{
    const int one[] = {1, 1}, box[] = {1, 4}, classes[] = {2, 3};

    /* -log sigmoid(0) */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_BCE}, 2, one, (float[]){0},
                               (float[]){1}, NULL, 0),
                       log(2), 1e-9);
    /* p = 1/2: a quarter of it is left by gamma 2, a quarter of that by alpha */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_FOCAL, .alpha = 0.25f}, 2, one,
                               (float[]){0}, (float[]){1}, NULL, 0),
                       log(2) / 16, 1e-9);
    /* the second row has no label */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_CROSS_ENTROPY}, 2, classes,
                               (float[]){0, 0, 0, 1, 2, NAN}, (float[]){2, -1}, NULL, 0),
                       log(3), 1e-9);
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_SMOOTH_L1, .weight = 3}, 2, box,
                               (float[]){0.5f, 2, 0, 0}, (float[]){0, 0, 0, 0}, NULL, 0),
                       3 * (0.125 + 1.5) / 4, 1e-9);
    /* two unit squares a unit apart, in a hull of three: IoU 0 */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_GIOU}, 2, box,
                               (float[]){0, 0, 1, 1}, (float[]){2, 0, 3, 1}, NULL, 0),
                       1 + 1 / 3.0, 1e-6);
    /* their centres 2 apart, the hull's diagonal sqrt(10) */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_CIOU}, 2, box,
                               (float[]){0, 0, 1, 1}, (float[]){2, 0, 3, 1}, NULL, 0),
                       1 + 0.4, 1e-6);
}

Test(train_loss, masks_take_out)
{
    const int rows[] = {3, 2};
    const float x[] = {1, 2, NAN, NAN, 5, 5}, y[] = {0, 0, 0, 0, 0, 0}, mask[] = {1, 0, 3};

    /* a number a row: (1 + 2 + 3 (5 + 5)) over weights of each element 2 (1 + 3) */
    cr_assert_float_eq(loss_of((struct train_loss){.kind = TRAIN_L1}, 2, rows, x, y, mask, 3),
                       33 / 8.0, 1e-9);
    cr_assert_float_eq(
        loss_of((struct train_loss){.kind = TRAIN_L1, .per = 2}, 2, rows, x, y, mask, 3), 33 / 2.0,
        1e-9);
    /* nothing is labelled: no loss, and no division by 0 */
    cr_assert_float_eq(
        loss_of((struct train_loss){.kind = TRAIN_L1}, 2, rows, x, y, (float[]){0, 0, 0}, 3), 0,
        1e-9);
}

static void gradient(struct train_loss l, const char *what)
{
    int dim[] = {5, 7, 4}, rows[] = {5, 7};

    begin();
    l.name = what;
    l.x = train_parameter(t, "x", 3, dim, 1);
    l.target = train_input(t, "target", l.kind == TRAIN_CROSS_ENTROPY ? 2 : 3, dim);
    l.mask = train_input(t, "mask", 2, rows);
    l.has_mask = true;
    l.weight = 3;
    if (l.kind == TRAIN_GAUSSIAN || l.kind == TRAIN_LAPLACE)
        l.log_scale = train_parameter(t, "s", 3, dim, 0.5f);
    train_loss(t, &l);
    gradients_plan(t);
    gradients_fill(t, l.target, 5, 0, 1);
    gradients_fill(t, l.mask, 6, 0.5f, 2);
    for (int i = 0; i < 35; i += 3)
        train_data(t, l.mask)[i] = 0;
    for (int i = 0; l.kind == TRAIN_CROSS_ENTROPY && i < 35; i++)
        train_data(t, l.target)[i] = (float)(i % 4);
    for (int i = 0; (l.kind == TRAIN_GIOU || l.kind == TRAIN_CIOU) && i < 140; i += 4)
        for (int k = 0; k < 4; k++) {
            train_parameter_view(t, 0).value[i + k] =
                (k < 2 ? 0 : 1) + 0.1f * (float)((i + 3 * k) % 11);
            train_data(t, l.target)[i + k] = (k < 2 ? 0.3f : 1.7f) + 0.05f * (float)((i * k) % 7);
        }
    gradients_check(t, what, 60);
    train_close(t);
}

Test(train_loss, gradients)
{
    gradient((struct train_loss){.kind = TRAIN_BCE}, "bce");
    gradient((struct train_loss){.kind = TRAIN_FOCAL, .alpha = 0.25f, .gamma = 1.5f}, "focal");
    gradient((struct train_loss){.kind = TRAIN_CROSS_ENTROPY}, "cross entropy");
    gradient((struct train_loss){.kind = TRAIN_L1}, "l1");
    gradient((struct train_loss){.kind = TRAIN_SMOOTH_L1, .beta = 0.4f}, "smooth l1");
    gradient((struct train_loss){.kind = TRAIN_GIOU}, "giou");
    gradient((struct train_loss){.kind = TRAIN_GAUSSIAN}, "gaussian");
    gradient((struct train_loss){.kind = TRAIN_LAPLACE}, "laplace");
}
