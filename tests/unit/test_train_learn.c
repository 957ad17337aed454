/* Small networks learn small tasks, in a second or two each, the same way every time. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "perception/train/train.h"

static struct train *t;
static struct train_report report;
static struct why why;
static uint64_t state;

static float uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)(state >> 40) * 0x1p-24f;
}

static void begin(void)
{
    state = 7;
    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 2}, &t) == OK);
}

static void plan(float rate, int steps)
{
    struct train_recipe r = {.rate = rate,
                             .decay = 0.01f,
                             .warm_up = 10,
                             .steps = steps,
                             .rate_end = 0.01f,
                             .clip = 5,
                             .ema = 0.98f};

    cr_assert(train_plan(t, &r, &why) == OK, "%s", why.text);
}

enum { SIDE = 24, BATCH = 16 };

static void draw_squares(int image, int place)
{
    float *x = train_data(t, image), *y = train_data(t, place);

    for (int i = 0; i < BATCH * SIDE * SIDE; i++)
        x[i] = 0.5f * uniform();
    for (int n = 0; n < BATCH; n++) {
        int left = (int)(uniform() * (SIDE - 5)), top = (int)(uniform() * (SIDE - 5));

        y[2 * n] = (float)left / SIDE;
        y[2 * n + 1] = (float)top / SIDE;
        for (int i = 0; i < 25; i++)
            x[(n * SIDE + top + i / 5) * SIDE + left + i % 5] += 0.7f;
    }
}

/* Where is the square? A constant answer is wrong by 0.2 of the picture on average. */
Test(train_learn, squares_are_found)
{
    int image, place, x;

    begin();
    image = train_input(t, "image", 4, (int[]){BATCH, SIDE, SIDE, 1});
    place = train_input(t, "place", 2, (int[]){BATCH, 2});
    x = train_batch_norm(t, train_conv(t, image, 8, 5, 2, 1), ACT_RELU);
    x = train_batch_norm(t, train_conv(t, x, 16, 3, 2, 1), ACT_RELU);
    x = train_batch_norm(t, train_conv(t, x, 16, 3, 1, 16), ACT_RELU);
    x = train_reshape(t, train_conv(t, x, 1, 3, 1, 1), 2, (int[]){BATCH, 6 * 6});
    x = train_linear(t, train_softmax(t, x), 2, true); /* a place for each cell, weighed */
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "place", .x = x, .target = place});
    plan(2e-2f, 300);
    for (int i = 0; i < 300; i++) {
        draw_squares(image, place);
        train_step(t, &report);
    }
    draw_squares(image, place); /* never seen */
    for (int averaged = 0; averaged < 2; averaged++) {
        train_evaluate(t, averaged, &report);
        cr_assert(report.loss < 0.02, "wrong by %g", report.loss);
    }
    train_close(t);
}

/* Curves of any phase and speed, cut into pieces through which states are carried. */
Test(train_learn, sines_go_on)
{
    enum { N = 16, T = 20 };
    struct train_recurrent r = {.hidden = 24, .mask = -1, .carry = true};
    int x, next, y;
    float phase[N], speed[N];

    begin();
    x = train_input(t, "x", 3, (int[]){N, T, 1});
    next = train_input(t, "next", 3, (int[]){N, T, 1});
    y = train_linear(t, train_lstm(t, x, &r), 1, true);
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "next", .x = y, .target = next});
    plan(1e-2f, 400);
    for (int i = 0; i < 400; i++) {
        for (int n = 0; n < N; n++) {
            if (i % 4 == 0) { /* a new curve */
                phase[n] = 6.2832f * uniform();
                speed[n] = 0.2f + 0.3f * uniform();
                train_reset(t, n);
            }
            for (int k = 0; k < T; k++, phase[n] += speed[n]) {
                train_data(t, x)[n * T + k] = sinf(phase[n]);
                train_data(t, next)[n * T + k] = sinf(phase[n] + speed[n]);
            }
        }
        train_step(t, &report);
    }
    /* i = 399 was the fourth piece of a curve: the carried state knows its speed. What was last
     * seen would be wrong by 0.2. */
    cr_assert(report.loss < 0.03, "wrong by %g", report.loss);
    train_close(t);
}

/* How many ones so far, only counting where the mask says that something was seen. */
Test(train_learn, ones_are_counted)
{
    enum { N = 32, T = 12 };
    struct train_recurrent r = {.hidden = 16};
    int x, count, y;

    begin();
    x = train_input(t, "x", 3, (int[]){N, T, 1});
    count = train_input(t, "count", 3, (int[]){N, T, 1});
    r.mask = train_input(t, "seen", 2, (int[]){N, T});
    y = train_linear(t, train_lstm(t, x, &r), 1, true);
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "count", .x = y, .target = count});
    plan(2e-2f, 400);
    for (int i = 0; i < 400; i++) {
        for (int n = 0; n < N * T; n++) {
            float *so_far = train_data(t, count) + n;
            bool one = uniform() < 0.5f, seen = uniform() < 0.7f;

            train_data(t, x)[n] = one;
            train_data(t, r.mask)[n] = seen;
            *so_far = (n % T ? so_far[-1] : 0) + (float)(one && seen);
        }
        train_step(t, &report);
    }
    cr_assert(report.loss < 0.15, "wrong by %g of up to %d", report.loss, T);
    train_close(t);
}

/* Position i asks for what stands at the mirrored one. */
Test(train_learn, words_are_copied_backwards)
{
    enum { N = 16, T = 8, WORDS = 6, C = 24 };
    int x, y, word, place, keys, queries, n_right = 0;

    begin();
    x = train_input(t, "x", 3, (int[]){N, T, WORDS});
    word = train_input(t, "word", 2, (int[]){N, T});
    place = train_parameter(t, "place", 3, (int[]){1, T, C}, 1);
    keys = train_add(t, train_linear(t, x, C, true), place);
    queries = train_linear(t, train_layer_norm(t, keys), C, true);
    y = train_attention(t, queries, train_linear(t, keys, C, true), train_linear(t, keys, C, true),
                        2, -1, false);
    y = train_linear(t, y, WORDS, true);
    train_loss(t, &(struct train_loss){
                      .kind = TRAIN_CROSS_ENTROPY, .name = "word", .x = y, .target = word});
    plan(1e-2f, 400);
    for (int i = 0; i < 400; i++) {
        memset(train_data(t, x), 0, train_count(t, x) * sizeof(float));
        for (int n = 0; n < N * T; n++) {
            int w = (int)(uniform() * WORDS);

            train_data(t, x)[n * WORDS + w] = 1;
            train_data(t, word)[n / T * T + T - 1 - n % T] = (float)w;
        }
        train_step(t, &report);
    }
    for (int n = 0; n < N * T; n++) {
        const float *logit = train_data(t, y) + n * WORDS;
        int best = 0;

        for (int w = 1; w < WORDS; w++)
            best = logit[w] > logit[best] ? w : best;
        n_right += best == (int)train_data(t, word)[n];
    }
    cr_assert(report.loss < 0.1 && n_right >= N * T - 2, "loss %g, %d of %d", report.loss, n_right,
              N * T);
    train_close(t);
}

/* The rate's course, decay that leaves norms and biases alone, clipping. */
Test(train_learn, recipe)
{
    struct train_recipe r = {.rate = 2, .warm_up = 4, .steps = 14, .rate_end = 0.1f};
    int x, y;
    double before;

    cr_assert_float_eq(train_rate_at(&r, 0), 0.5, 1e-9);
    cr_assert_float_eq(train_rate_at(&r, 4), 2, 1e-9);
    cr_assert_float_eq(train_rate_at(&r, 9), 1.1, 1e-6);
    cr_assert_float_eq(train_rate_at(&r, 1000), 0.2, 1e-6);

    begin();
    x = train_input(t, "x", 2, (int[]){4, 3});
    y = train_batch_norm(t, train_linear(t, x, 5, true), ACT_NONE);
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "l", .x = y, .target = y});
    r = (struct train_recipe){.optimiser = TRAIN_SGD, .rate = 0.1f, .decay = 0.5f};
    cr_assert(train_plan(t, &r, &why) == OK);
    before = (double)train_parameter_view(t, 0).value[3];
    train_step(t, &report); /* no gradient: decay alone */
    cr_assert_float_eq((double)train_parameter_view(t, 0).value[3], 0.95 * before, 1e-6);
    cr_assert_eq(train_parameter_view(t, 2).value[0], 1); /* the norm's weight */
    train_close(t);
}

/* A batch with something that is no number changes nothing. */
Test(train_learn, bad_batches_are_skipped)
{
    int x, y;
    float before;

    begin();
    x = train_input(t, "x", 2, (int[]){8, 3});
    y = train_batch_norm(t, train_linear(t, x, 5, false), ACT_RELU);
    train_loss(t, &(struct train_loss){.kind = TRAIN_L1, .name = "l", .x = y, .target = y});
    plan(0.1f, 10);
    train_data(t, x)[4] = NAN;
    before = train_parameter_view(t, 0).value[0];
    train_step(t, &report);
    cr_assert(report.skipped && train_parameter_view(t, 0).value[0] == before);
    cr_assert(isfinite(train_parameter_view(t, 3).value[0]));
    train_close(t);
}
