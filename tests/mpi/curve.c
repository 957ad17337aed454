/* A short training run, split over however many processes mpirun starts: `make test-mpi` compares the
 * losses that one and two of them print. */
#include <stdio.h>
#include <stdlib.h>

#include "perception/train/ranks.h"

enum { STEPS = 10, BATCH = 8, SIDE = 17 };

static float number(int step, size_t i)
{
    return (float)(((size_t)step * 7919 + i * 104729) % 1009) / 1009;
}

static void fill(struct train *t, int v, const struct train_ranks *r, int step)
{
    size_t n = train_count(t, v);

    for (size_t i = 0; i < n; i++)
        train_data(t, v)[i] = number(step, (size_t)r->rank * n + i);
}

int main(void)
{
    struct train_ranks ranks;
    struct train_report report;
    struct train *t;
    struct why why;
    int n, image, y, x;

    if (ranks_open(&ranks) != OK || BATCH % ranks.n)
        return 1;
    n = BATCH / ranks.n;
    if (train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 1, .ranks = &ranks}, &t) != OK)
        return 1;
    image = train_input(t, "image", 4, (int[]){n, SIDE, SIDE, 3});
    y = train_input(t, "y", 2, (int[]){n, 4});
    x = train_batch_norm(t, train_conv(t, image, 32, 3, 2, 1), ACT_SILU);
    x = train_batch_norm(t, train_conv(t, x, 64, 3, 1, 1), ACT_RELU);
    x = train_linear(t, train_reshape(t, x, 2, (int[]){n, 81 * 64}), 4, true);
    train_loss(t, &(struct train_loss){.kind = TRAIN_SMOOTH_L1, .name = "y", .x = x, .target = y});
    if (train_plan(t, &(struct train_recipe){.rate = 1e-3f, .clip = 1}, &why) != OK) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    for (int step = 0; step < STEPS; step++) {
        fill(t, image, &ranks, step);
        fill(t, y, &ranks, step);
        train_step(t, &report);
        if (ranks.rank == 0)
            printf("%d %.9g %.9g\n", step, report.loss, report.gradient);
    }
    if (ranks.rank == 0)
        fprintf(stderr, "%d ranks\n", ranks.n);
    train_close(t);
    ranks_close(&ranks);
    return 0;
}
