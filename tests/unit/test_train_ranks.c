/* Two processes with half of the batch each give the curve of one with all of it. Here they are
 * threads that meet at a barrier. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "perception/train/train.h"

enum { STEPS = 12, BATCH = 8, SIDE = 9, MOST = 1 << 16 };

static pthread_barrier_t meeting;
static float *floats[2];
static double *doubles[2];

static void sum(void *state, float *x, size_t n)
{
    int me = *(int *)state;
    static float both[2][MOST]; /* each its own copy of the sums */

    floats[me] = x;
    pthread_barrier_wait(&meeting);
    for (size_t i = 0; i < n; i++)
        both[me][i] = floats[0][i] + floats[1][i];
    pthread_barrier_wait(&meeting);
    memcpy(x, both[me], n * sizeof *x);
}

static void sum_doubles(void *state, double *x, int n)
{
    int me = *(int *)state;
    double both[256];

    doubles[me] = x;
    pthread_barrier_wait(&meeting);
    for (int i = 0; i < n; i++)
        both[i] = doubles[0][i] + doubles[1][i];
    pthread_barrier_wait(&meeting);
    memcpy(x, both, (size_t)n * sizeof *x);
}

struct run {
    const struct train_ranks *ranks;
    double loss[STEPS], gradient[STEPS];
    float last;
};

static float number(int step, int i)
{
    return (float)((step * 7919 + i * 104729) % 1009) / 1009;
}

/* Rows of the batch by rank; the second half of it has fewer labels than the first. */
static void fill(struct train *t, int v, int first, int step, bool mask)
{
    int row = (int)train_count(t, v) / train_dim(t, v, 0);

    for (int i = 0; i < (int)train_count(t, v); i++) {
        int at = first * row + i;

        train_data(t, v)[i] = mask ? at / row % 3 != 1 && at / row != 7 : number(step, at);
    }
}

static void *go(void *arg)
{
    struct run *r = arg;
    int n = r->ranks ? BATCH / 2 : BATCH, first = r->ranks ? r->ranks->rank * n : 0, image, y, mask,
        x;
    struct train *t;
    struct train_report report;
    struct why why;

    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 3, .ranks = r->ranks},
                         &t) == OK);
    image = train_input(t, "image", 4, (int[]){n, SIDE, SIDE, 3});
    y = train_input(t, "y", 2, (int[]){n, 2});
    mask = train_input(t, "mask", 2, (int[]){n, 1});
    x = train_batch_norm(t, train_conv(t, image, 12, 3, 2, 1), ACT_SILU);
    x = train_dropout(t, train_batch_norm(t, train_conv(t, x, 12, 3, 1, 12), ACT_RELU), 0.1f);
    x = train_linear(t, train_reshape(t, x, 2, (int[]){n, 25 * 12}), 2, true);
    train_loss(
        t, &(struct train_loss){
               .kind = TRAIN_L1, .name = "y", .x = x, .target = y, .has_mask = true, .mask = mask});
    cr_assert(train_plan(t, &(struct train_recipe){.rate = 1e-2f, .clip = 1}, &why) == OK);
    cr_assert(train_weights(t) < MOST);
    for (int step = 0; step < STEPS; step++) {
        fill(t, image, first, step, false);
        fill(t, y, first, step, false);
        fill(t, mask, first, step, true);
        train_step(t, &report);
        r->loss[step] = report.loss;
        r->gradient[step] = report.gradient;
    }
    r->last = train_parameter_view(t, 5).value[2]; /* a running mean */
    train_close(t);
    return NULL;
}

Test(train_ranks, two_are_one)
{
    int me[2] = {0, 1};
    struct train_ranks ranks[2];
    struct run two[2] = {{0}}, one = {0};
    pthread_t thread[2];

    pthread_barrier_init(&meeting, NULL, 2);
    go(&one);
    for (int i = 0; i < 2; i++) {
        ranks[i] = (struct train_ranks){2, i, &me[i], sum, sum_doubles};
        two[i].ranks = &ranks[i];
        pthread_create(&thread[i], NULL, go, &two[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    for (int step = 0; step < STEPS; step++) {
        cr_assert(two[0].loss[step] == two[1].loss[step]); /* to the bit */
        cr_assert(two[0].gradient[step] == two[1].gradient[step]);
        cr_assert(fabs(two[0].loss[step] - one.loss[step]) < 1e-3 * one.loss[step],
                  "step %d: %g, %g", step, two[0].loss[step], one.loss[step]);
        if (step == 0) /* before rounding has had time to grow */
            cr_assert(fabs(two[0].gradient[0] - one.gradient[0]) < 1e-5 * one.gradient[0]);
    }
    cr_assert(two[0].last == two[1].last && fabsf(two[0].last - one.last) < 1e-3f);
    pthread_barrier_destroy(&meeting);
}
