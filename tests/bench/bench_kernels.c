/* min / median / p99 of each kernel at sizes the networks have, its rate, and for sums of products
 * the share of what this core's multipliers could do at best, which is measured first.
 * Arguments: a CPU level ("c", "avx2"), otherwise all the machine has; then a word to filter by. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perception/kernels/kernels.h"

enum { RUNS = 60 };
static double peak_flops; /* per second, one thread */
static const char *filter = "";

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct job {
    const char *name;
    double flops, bytes; /* per run; what is 0 is not printed */
    void (*run)(void *arg);
    void *arg;
};

static void measure(const struct job *j)
{
    double t[RUNS], once;
    int repeat;

    if (!strstr(j->name, filter))
        return;
    j->run(j->arg);
    once = now_s();
    j->run(j->arg);
    once = now_s() - once;
    repeat = (int)fmin(1 + 2e-4 / once, 1000); /* at least 0.2 ms between two looks at the clock */
    for (int i = 0; i < RUNS; i++) {
        double start = now_s();

        for (int r = 0; r < repeat; r++)
            j->run(j->arg);
        t[i] = (now_s() - start) / repeat;
    }
    qsort(t, RUNS, sizeof t[0], by_size);
    printf("%-34s %9.1f / %9.1f / %9.1f us", j->name, t[0] * 1e6, t[RUNS / 2] * 1e6,
           t[RUNS * 99 / 100] * 1e6);
    if (j->flops > 0)
        printf("  %6.1f GFLOP/s", j->flops / t[RUNS / 2] * 1e-9);
    if (j->flops > 0 && peak_flops > 0)
        printf("  %3.0f %% of peak", 100 * j->flops / t[RUNS / 2] / peak_flops);
    if (j->bytes > 0)
        printf("  %6.1f GB/s", j->bytes / t[RUNS / 2] * 1e-9);
    printf("\n");
    fflush(stdout);
}

static float *floats(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);

    if (!x)
        exit(1);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 2654435761u >> 16) % 2001) * 1e-3f - 1.0f;
    return x;
}

static void *bytes(size_t n)
{
    return floats(n / sizeof(float) + 16);
}

/* ---- peak: one tile on operands that never leave the first-level cache --------------------- */
struct tile_arg {
    const struct kernels *k;
    float *a, *b, *c;
};

static void tile_run(void *arg)
{
    struct tile_arg *t = arg;

    for (int i = 0; i < 100; i++)
        t->k->tile(t->k->tile_rows, 256, t->a, t->b, (size_t)t->k->tile_cols, t->c,
                   (size_t)t->k->tile_cols, true);
}

static void bench_peak(const struct kernels *k)
{
    struct tile_arg t = {k, floats(256 * 16), floats(256 * 32), floats(16 * 32)};
    double flops = 100.0 * 2 * 256 * k->tile_rows * k->tile_cols, best = 1;

    for (int i = 0; i < 200; i++) {
        double start = now_s();

        tile_run(&t);
        best = fmin(best, now_s() - start);
    }
    peak_flops = flops / best;
    printf("peak of the multiplying tile, %d x %d: %.1f GFLOP/s\n", k->tile_rows, k->tile_cols,
           peak_flops * 1e-9);
    free(t.a), free(t.b), free(t.c);
}

/* ---- convolutions -------------------------------------------------------------------------- */
struct conv_arg {
    const struct kernels *k;
    struct conv_shape s;
    struct epilogue e;
    float *x, *y;
    void *packed, *scratch;
};

static void conv_run(void *arg)
{
    struct conv_arg *c = arg;

    conv2d(c->k, &c->s, c->x, c->packed, &c->e, c->y, c->scratch, NULL);
}

static void transposed_run(void *arg)
{
    struct conv_arg *c = arg;

    conv_transpose2d(c->k, &c->s, c->x, c->packed, &c->e, c->y, c->scratch, NULL);
}

static void bench_conv(const struct kernels *k, const char *name, bool transposed, int C, int M,
                       int H, int W, int kernel, int stride, int dilation, int groups)
{
    int pad = transposed ? 0 : (kernel - 1) * dilation / 2;
    struct conv_shape s = {.N = 1,
                           .C = C,
                           .H = H,
                           .W = W,
                           .M = M,
                           .kh = kernel,
                           .kw = kernel,
                           .stride_y = stride,
                           .stride_x = stride,
                           .dilation_y = dilation,
                           .dilation_x = dilation,
                           .pad_top = pad,
                           .pad_left = pad,
                           .pad_bottom = pad,
                           .pad_right = pad,
                           .groups = groups};
    double taps = (double)C / groups * kernel * kernel;
    struct conv_arg c = {.k = k};
    struct job j = {.name = name, .run = transposed ? transposed_run : conv_run, .arg = &c};

    s.OH =
        transposed ? (H - 1) * stride + kernel : conv_length(H, kernel, stride, dilation, pad, pad);
    s.OW =
        transposed ? (W - 1) * stride + kernel : conv_length(W, kernel, stride, dilation, pad, pad);
    c.s = s;
    c.e = (struct epilogue){.bias = floats((size_t)M), .act = ACT_RELU};
    c.x = floats((size_t)C * H * W);
    c.y = floats((size_t)M * s.OH * s.OW);
    float *w = floats((size_t)C * M / groups * kernel * kernel);
    if (transposed) {
        c.packed = bytes(conv_transpose_weights_size(k, &s));
        c.scratch = bytes(conv_transpose_scratch(k, &s, 1));
        conv_transpose_pack(k, &s, w, c.packed);
        j.flops = 2.0 * M * taps * H * W;
    } else {
        c.packed = bytes(conv_weights_size(k, &s));
        c.scratch = bytes(conv_scratch(k, &s, 1));
        conv_pack(k, &s, w, c.packed);
        j.flops = 2.0 * M * taps * s.OH * s.OW;
    }
    measure(&j);
    free((float *)c.e.bias), free(c.x), free(c.y), free(w), free(c.packed), free(c.scratch);
}

static void bench_convs(const struct kernels *k)
{
    bench_conv(k, "conv 3x3 64->64 96x168", false, 64, 64, 96, 168, 3, 1, 1, 1);
    bench_conv(k, "conv 1x1 256->256 24x42", false, 256, 256, 24, 42, 1, 1, 1, 1);
    bench_conv(k, "conv 1x1 32->64 96x168", false, 32, 64, 96, 168, 1, 1, 1, 1);
    bench_conv(k, "conv 1x1 16->12 90x160", false, 16, 12, 90, 160, 1, 1, 1, 1);
    bench_conv(k, "conv 3x3 s2 3->16 360x640", false, 3, 16, 360, 640, 3, 2, 1, 1);
    bench_conv(k, "conv 3x3 s2 19->12 180x320", false, 19, 12, 180, 320, 3, 2, 1, 1);
    bench_conv(k, "conv 3x3 d4 12->12 90x160", false, 12, 12, 90, 160, 3, 1, 4, 1);
    bench_conv(k, "conv 3x3 d16 25->25 45x80", false, 25, 25, 45, 80, 3, 1, 16, 1);
    bench_conv(k, "conv depthwise 3x3 128 96x168", false, 128, 128, 96, 168, 3, 1, 1, 128);
    bench_conv(k, "conv depthwise 3x3 256 24x42", false, 256, 256, 24, 42, 3, 1, 1, 256);
    bench_conv(k, "conv depthwise 3x3 s2 128 96x168", false, 128, 128, 96, 168, 3, 2, 1, 128);
    bench_conv(k, "conv depthwise 5x5 128 24x42", false, 128, 128, 24, 42, 5, 1, 1, 128);
    bench_conv(k, "conv transposed 2x2 16->8 90x160", true, 16, 8, 90, 160, 2, 2, 1, 1);
}

/* ---- matrices ------------------------------------------------------------------------------ */
struct gemm_arg {
    const struct kernels *k;
    struct gemm_shape s;
    float *a, *b, *c;
    void *scratch;
};

static void gemm_run(void *arg)
{
    struct gemm_arg *g = arg;

    gemm(g->k, &g->s, g->a, g->b, g->c, g->scratch, NULL);
}

static void bench_gemm(const struct kernels *k, const char *name, int M, int N, int K, bool trans_b)
{
    struct gemm_shape s = {.M = M,
                           .N = N,
                           .K = K,
                           .alpha = 1,
                           .trans_b = trans_b,
                           .lda = (size_t)K,
                           .ldb = (size_t)(trans_b ? K : N),
                           .ldc = (size_t)N};
    struct gemm_arg g = {k,
                         s,
                         floats((size_t)M * K),
                         floats((size_t)K * N),
                         floats((size_t)M * N),
                         bytes(gemm_scratch(k, &s, 1))};

    measure(&(struct job){name, 2.0 * M * N * K, 0, gemm_run, &g});
    free(g.a), free(g.b), free(g.c), free(g.scratch);
}

/* ---- rows ---------------------------------------------------------------------------------- */
enum { N = 14400 };
struct row_arg {
    const struct kernels *k;
    float *x, *y, *z;
    uint8_t *q;
    int op;
    struct finish f;
};

static void unary_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->unary[r->op](r->y, r->x, N);
}

static void binary_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->binary[r->op](r->y, r->x, r->z, N);
}

static void finish_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->finish(r->y, r->x, N, &r->f);
}

static void softmax_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->softmax(r->y, r->x, N);
}

static void layernorm_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->layernorm(r->y, r->x, N, r->z, r->z, 1e-5f);
}

static void sum_run(void *arg)
{
    struct row_arg *r = arg;

    r->y[0] = r->k->sum(r->x, N);
}

static void quantize_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->quantize_u8(r->q, r->x, N, 0.01f, 128);
}

static void dequantize_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->dequantize_u8(r->y, r->q, N, 0.01f, 128);
}

static void transpose_run(void *arg)
{
    struct row_arg *r = arg;

    r->k->transpose(r->y, 160, r->x, 90, 160, 90);
}

static void bench_rows(const struct kernels *k)
{
    struct row_arg r = {k, floats(N), floats(N), floats(N), bytes(N), 0, {.scale = 1, .a = 0.1f}};
    double row = N * sizeof(float);

    measure(&(struct job){"row exp", 0, 2 * row, unary_run, (r.op = UNARY_EXP, &r)});
    measure(&(struct job){"row sigmoid", 0, 2 * row, unary_run, (r.op = UNARY_SIGMOID, &r)});
    measure(&(struct job){"row tanh", 0, 2 * row, unary_run, (r.op = UNARY_TANH, &r)});
    measure(&(struct job){"row add", 0, 3 * row, binary_run, (r.op = BINARY_ADD, &r)});
    measure(&(struct job){"row max", 0, 3 * row, binary_run, (r.op = BINARY_MAX, &r)});
    measure(&(struct job){"row relu", 0, 2 * row, finish_run, (r.f.act = ACT_RELU, &r)});
    measure(&(struct job){"row prelu", 0, 2 * row, finish_run, (r.f.act = ACT_LEAKY, &r)});
    measure(&(struct job){"row silu", 0, 2 * row, finish_run, (r.f.act = ACT_SILU, &r)});
    measure(&(struct job){"row hardswish", 0, 2 * row, finish_run, (r.f.act = ACT_HARDSWISH, &r)});
    measure(&(struct job){"row softmax", 0, 2 * row, softmax_run, &r});
    measure(&(struct job){"row layernorm", 0, 4 * row, layernorm_run, &r});
    measure(&(struct job){"row sum", 0, row, sum_run, &r});
    measure(&(struct job){"row quantize u8", 0, 1.25 * row, quantize_run, &r});
    measure(&(struct job){"row dequantize u8", 0, 1.25 * row, dequantize_run, &r});
    measure(&(struct job){"transpose 160x90", 0, 2 * row, transpose_run, &r});
    free(r.x), free(r.y), free(r.z), free(r.q);
}

/* ---- planes -------------------------------------------------------------------------------- */
struct plane_arg {
    const struct kernels *k;
    struct resize_shape r;
    struct conv_shape s;
    float *x, *y;
    void *scratch;
};

static void resize_run(void *arg)
{
    struct plane_arg *p = arg;

    resize2d(p->k, &p->r, p->x, p->y, p->scratch, NULL);
}

static void max_pool_run(void *arg)
{
    struct plane_arg *p = arg;

    max_pool2d(p->k, &p->s, p->x, p->y, NULL);
}

static void average_pool_run(void *arg)
{
    struct plane_arg *p = arg;

    average_pool2d(p->k, &p->s, true, p->x, p->y, NULL);
}

static void bench_planes(const struct kernels *k)
{
    struct resize_shape r = {.planes = 16,
                             .H = 45,
                             .W = 80,
                             .OH = 90,
                             .OW = 160,
                             .scale_y = 2,
                             .scale_x = 2,
                             .mode = RESIZE_LINEAR};
    struct conv_shape s = {.N = 1,
                           .C = 16,
                           .M = 16,
                           .H = 90,
                           .W = 160,
                           .OH = 45,
                           .OW = 80,
                           .kh = 3,
                           .kw = 3,
                           .stride_y = 2,
                           .stride_x = 2,
                           .dilation_y = 1,
                           .dilation_x = 1,
                           .pad_top = 1,
                           .pad_left = 1,
                           .pad_bottom = 1,
                           .pad_right = 1,
                           .groups = 1};
    struct plane_arg p = {
        k, r, s, floats(16 * 90 * 160), floats(16 * 90 * 160), bytes(resize_scratch(&r, 1))};
    double bytes_big = 16 * 90 * 160 * 4, bytes_small = bytes_big / 4;

    measure(&(struct job){"resize bilinear 16x 45x80 x2", 0, bytes_big, resize_run, &p});
    p.r.mode = RESIZE_NEAREST;
    p.r.coord = RESIZE_ASYMMETRIC;
    p.r.round = ROUND_FLOOR;
    measure(&(struct job){"resize nearest 16x 45x80 x2", 0, bytes_big, resize_run, &p});
    measure(
        &(struct job){"max pool 3x3 s2 16x 90x160", 0, bytes_big + bytes_small, max_pool_run, &p});
    measure(&(struct job){"average pool 3x3 s2 16x 90x160", 0, bytes_big + bytes_small,
                          average_pool_run, &p});
    p.s.kh = p.s.kw = 5, p.s.stride_y = p.s.stride_x = 1, p.s.pad_top = p.s.pad_left = 2;
    p.s.OH = 90, p.s.OW = 160;
    measure(&(struct job){"max pool 5x5 s1 16x 90x160", 0, 2 * bytes_big, max_pool_run, &p});
    free(p.x), free(p.y), free(p.scratch);
}

int main(int argc, char **argv)
{
    unsigned mask = ~0u;
    struct kernels k;
    struct why why;

    if (argc > 1 && cpu_parse(argv[1], &mask, &why) != OK) {
        fprintf(stderr, "bench_kernels: %s\n", why.text);
        return 2;
    }
    filter = argc > 2 ? argv[2] : "";
    kernels_init(&k, mask);
    printf("kernels: %s, one thread; min / median / p99\n", cpu_name(k.cpu));
    bench_peak(&k);
    bench_convs(&k);
    bench_gemm(&k, "gemm 256x1008x256", 256, 1008, 256, false);
    bench_gemm(&k, "gemm 240x32x240", 240, 32, 240, false);
    bench_gemm(&k, "gemm 240x240x16 transposed b", 240, 240, 16, true);
    bench_rows(&k);
    bench_planes(&k);
    return 0;
}
