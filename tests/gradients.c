#include "tests/gradients.h"

#include <criterion/criterion.h>
#include <math.h>

/* Far away, so that |x - target| is a straight line. */
static const float far = -4096;
static int factors = -1, target = -1;

static float number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) * 0x1p-24f;
}

void gradients_fill(struct train *t, int x, unsigned seed, float low, float high)
{
    uint64_t state = seed;
    float *v = train_data(t, x);

    number(&state);
    for (size_t i = 0; i < train_count(t, x); i++)
        v[i] = low + (high - low) * number(&state);
}

void gradients_loss(struct train *t, int y)
{
    int dim[TRAIN_MAX_RANK], rank = train_rank(t, y);

    for (int i = 0; i < rank; i++)
        dim[i] = train_dim(t, y, i);
    factors = train_input(t, "factors", rank, dim);
    target = train_input(t, "far", rank, dim);
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1,
                                       .name = "sum",
                                       .x = train_mul(t, y, factors),
                                       .target = target,
                                       .per = 1});
}

void gradients_plan(struct train *t)
{
    struct why why;

    cr_assert(train_plan(t, &(struct train_recipe){.rate = 0.1f}, &why) == OK, "%s", why.text);
    if (target < 0)
        return;
    gradients_fill(t, factors, 99, -1, 1);
    for (size_t i = 0; i < train_count(t, target); i++)
        train_data(t, target)[i] = far;
    factors = target = -1;
}

static double loss_at(struct train *t, float *w, float v)
{
    struct train_report r;
    float old = *w;

    *w = v;
    train_reset(t, -1);
    train_gradients(t, &r);
    *w = old;
    return r.loss;
}

/* One number of a parameter. A corner of the loss near it (ReLU, maxima) shows in the second difference,
 * and moves away as the step shrinks; a number with one nearer than that is left out. */
static int check_one(struct train *t, const char *what, const char *name, float *w, double expected,
                     double scale)
{
    for (float h = 1e-2f; h > 5e-4f; h /= 4) {
        float up = *w + h, down = *w - h;
        double a = loss_at(t, w, up), b = loss_at(t, w, *w), c = loss_at(t, w, down);
        double slope = (a - c) / ((double)up - (double)down);
        double bend = fabs(a - 2 * b + c) / (double)h,
               bound = 2e-3 * scale + 3e-4 / (double)h * 1e-2;

        if (fabs(slope - expected) <= bound)
            return 1;
        cr_assert(bend > 0.2 * fabs(slope - expected), "%s: %s: gradient %g, difference %g", what,
                  name, expected, slope);
    }
    return 0;
}

void gradients_check(struct train *t, const char *what, int each)
{
    struct train_report r;
    int fine = 0, all = 0;

    for (int i = 0; i < train_parameters(t); i++) {
        struct train_weights_view v = train_parameter_view(t, i);
        size_t n = v.n < (size_t)each ? v.n : (size_t)each;
        double expected[64], scale = 0;

        if (!v.gradient)
            continue;
        train_reset(t, -1);
        train_gradients(t, &r);
        for (size_t j = 0; j < v.n; j++)
            scale = fmax(scale, fabs((double)v.gradient[j]));
        for (size_t j = 0; j < n; j++)
            expected[j] = (double)v.gradient[j * v.n / n];
        for (size_t j = 0; j < n; j++, all++)
            fine += check_one(t, what, v.name, v.value + j * v.n / n, expected[j], scale);
    }
    cr_assert(all > 0 && fine >= all * 9 / 10, "%s: only %d of %d numbers away from corners", what,
              fine, all);
}
