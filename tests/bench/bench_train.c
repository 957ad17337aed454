/* Pictures a second of whole training steps: `bench_train [NET [threads [batch [steps]]]]`. Nets:
 * "plain" (3x3 convolutions in residual blocks), "mobile" (depthwise separable) and "own" (train/own_network.h,
 * with its targets and losses, at 416x256). train_torch.py is the same in PyTorch, with a plain loss for "own"; `make bench-train` lets them take turns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perception/train/own_network.h"

enum { H = 160, W = 256, OUT = 8, MAX_STEPS = 1000 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int conv(struct train *t, int x, int channels, int kernel, int stride, int groups)
{
    return train_batch_norm(t, train_conv(t, x, channels, kernel, stride, groups), ACT_RELU);
}

static int block(struct train *t, int x, int channels)
{
    int y = conv(t, x, channels, 3, 1, 1);

    y = train_batch_norm(t, train_conv(t, y, channels, 3, 1, 1), ACT_NONE);
    return train_act(t, train_add(t, y, x), ACT_RELU, 0, 0);
}

static int separable(struct train *t, int x, int channels, int stride)
{
    return conv(t, conv(t, x, train_dim(t, x, 3), 3, stride, train_dim(t, x, 3)), channels, 1, 1,
                1);
}

/* Downsampling by 16, back to 8 with a skip, 8 outputs a cell: the shape of a one-stage detector. */
static int build(struct train *t, int x, bool mobile)
{
    static const int widths[] = {16, 32, 64, 128, 128};
    int skip = -1;

    x = conv(t, x, widths[0], 3, 2, 1);
    for (int i = 1; i < 4; i++) {
        skip = x;
        x = mobile ? separable(t, x, widths[i], 2) : conv(t, x, widths[i], 3, 2, 1);
        x = mobile ? separable(t, x, widths[i], 1) : block(t, x, widths[i]);
        x = mobile ? separable(t, x, widths[i], 1) : x;
    }
    x = train_resize(t, conv(t, x, 64, 1, 1, 1), 2, RESIZE_NEAREST);
    x = train_concat(t, (int[]){x, skip}, 2, 3);
    x = mobile ? separable(t, x, 64, 1) : conv(t, x, 64, 3, 1, 1);
    return train_conv_with(
        t, x, &(struct train_conv){.channels = OUT, .kernel_y = 1, .kernel_x = 1, .bias = true});
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void fill(float *x, size_t n)
{
    uint32_t state = 1;

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) * 0x1p-24f;
    }
}

struct task { /* a network, and what it learns */
    struct train *t;
    int image;
    bool own;
    struct own_network net;
    struct labels *labels; /* (batch), for our own */
};

static void build_simple(struct task *k, const char *net, int batch)
{
    struct train *t = k->t;
    int y, target;

    k->image = train_input(t, "image", 4, (int[]){batch, H, W, 3});
    y = build(t, k->image, strcmp(net, "mobile") == 0);
    target =
        train_input(t, "target", 4, (int[]){batch, train_dim(t, y, 1), train_dim(t, y, 2), OUT});
    train_loss(t, &(struct train_loss){.kind = TRAIN_BCE, .name = "bce", .x = y, .target = target});
}

static void build_own(struct task *k, int batch)
{
    own_network_build(k->t, batch, 256, 416, &k->net);
    k->image = k->net.image;
    k->labels = calloc((size_t)batch, sizeof *k->labels);
    for (int i = 0; k->labels && i < batch; i++) {
        struct labels *l = &k->labels[i];

        l->classes = 0xff;
        for (l->n_objects = 0; l->n_objects < 6; l->n_objects++)
            l->object[l->n_objects] = (struct label_object){
                .box = {40.0f * (float)l->n_objects, 100, 40.0f * (float)l->n_objects + 36, 130},
                .classes = 1,
                .weight = 1,
                .distance_m = 20};
    }
}

static void step(struct task *k, struct train_report *r)
{
    if (k->own)
        own_targets(k->t, &k->net, k->labels);
    train_step(k->t, r);
}

static void measure(const char *net, int threads, int batch, int steps)
{
    static double ms[MAX_STEPS];
    struct task k = {.own = strcmp(net, "own") == 0};
    struct pool *pool;
    struct train_report r;
    struct why why;

    if (pool_open(threads, &pool) != OK ||
        train_open(&(struct train_options){.cpu_mask = ~0u, .pool = pool, .seed = 1}, &k.t) != OK)
        exit(1);
    if (k.own)
        build_own(&k, batch);
    else
        build_simple(&k, net, batch);
    if (train_plan(k.t, &(struct train_recipe){.rate = 1e-3f, .decay = 0.01f}, &why) != OK) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    fill(train_data(k.t, k.image), train_count(k.t, k.image));
    step(&k, &r);
    for (int i = 0; i < steps; i++) {
        double start = now();

        step(&k, &r);
        ms[i] = 1e3 * (now() - start);
    }
    qsort(ms, (size_t)steps, sizeof *ms, by_size);
    printf(
        "train %-8s %d threads, batch %d: %.1f images/s (median %.1f ms, best %.1f), %zu weights, "
        "%.0f MB, loss %.4f\n",
        net, threads, batch, 1e3 * batch / ms[steps / 2], ms[steps / 2], ms[0], train_weights(k.t),
        (double)train_bytes(k.t) / 1e6, r.loss);
    train_close(k.t);
    free(k.labels);
    pool_close(pool);
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? atoi(argv[2]) : 2, batch = argc > 3 ? atoi(argv[3]) : 8;
    int steps = argc > 4 ? atoi(argv[4]) : 10;

    if (steps < 1 || steps > MAX_STEPS || batch < 1 || threads < 1)
        return 2;
    if (argc > 1) {
        measure(argv[1], threads, batch, steps);
        return 0;
    }
    measure("plain", threads, batch, steps);
    measure("mobile", threads, batch, steps);
    measure("own", threads, batch, steps);
    return 0;
}
