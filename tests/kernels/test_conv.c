/* conv2d and conv_transpose2d against sums in double precision, on every CPU level. */
#include "tests/kernels/sweep.h"

static const struct conv_shape shapes[] = {
    /* pointwise, and a batch of two */
    {.N = 2, .C = 5, .H = 7, .W = 9, .M = 13, .kh = 1, .kw = 1},
    {.N = 1, .C = 70, .H = 11, .W = 13, .M = 97, .kh = 1, .kw = 1},
    {.N = 1, .C = 300, .H = 1, .W = 3, .M = 60, .kh = 1, .kw = 1},
    {.N = 1, .C = 4, .H = 9, .W = 9, .M = 8, .kh = 1, .kw = 1, .stride_y = 2, .stride_x = 2},
    /* 3x3 with the usual frames and strides */
    {.N = 1,
     .C = 3,
     .H = 17,
     .W = 19,
     .M = 16,
     .kh = 3,
     .kw = 3,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.N = 1,
     .C = 64,
     .H = 12,
     .W = 33,
     .M = 9,
     .kh = 3,
     .kw = 3,
     .stride_y = 2,
     .stride_x = 2,
     .pad_bottom = 1,
     .pad_right = 1},
    {.N = 1,
     .C = 6,
     .H = 10,
     .W = 10,
     .M = 7,
     .kh = 3,
     .kw = 3,
     .dilation_y = 4,
     .dilation_x = 4,
     .pad_top = 4,
     .pad_left = 4,
     .pad_bottom = 4,
     .pad_right = 4},
    {.N = 1,
     .C = 2,
     .H = 6,
     .W = 6,
     .M = 4,
     .kh = 3,
     .kw = 3,
     .dilation_y = 8,
     .dilation_x = 8,
     .pad_top = 8,
     .pad_left = 8,
     .pad_bottom = 8,
     .pad_right = 8},
    /* odd windows, strides apart, more padding than picture */
    {.N = 1,
     .C = 3,
     .H = 8,
     .W = 20,
     .M = 5,
     .kh = 5,
     .kw = 2,
     .stride_y = 1,
     .stride_x = 3,
     .pad_top = 2,
     .pad_left = 0,
     .pad_bottom = 1,
     .pad_right = 3},
    {.N = 1,
     .C = 1,
     .H = 2,
     .W = 2,
     .M = 1,
     .kh = 7,
     .kw = 7,
     .pad_top = 5,
     .pad_left = 6,
     .pad_bottom = 5,
     .pad_right = 4},
    {.N = 1, .C = 1, .H = 40, .W = 1, .M = 3, .kh = 3, .kw = 1, .stride_y = 2, .pad_top = 1},
    /* groups */
    {.N = 2,
     .C = 6,
     .H = 5,
     .W = 9,
     .M = 9,
     .kh = 3,
     .kw = 3,
     .groups = 3,
     .pad_top = 1,
     .pad_left = 1},
    /* depthwise */
    {.N = 1,
     .C = 8,
     .H = 24,
     .W = 42,
     .M = 8,
     .kh = 3,
     .kw = 3,
     .groups = 8,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.N = 2,
     .C = 4,
     .H = 37,
     .W = 67,
     .M = 4,
     .kh = 3,
     .kw = 3,
     .groups = 4,
     .stride_y = 2,
     .stride_x = 2,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.N = 1,
     .C = 3,
     .H = 20,
     .W = 34,
     .M = 6,
     .kh = 5,
     .kw = 5,
     .groups = 3,
     .stride_y = 2,
     .stride_x = 2,
     .pad_top = 2,
     .pad_left = 1,
     .pad_bottom = 2,
     .pad_right = 2},
    {.N = 1,
     .C = 3,
     .H = 20,
     .W = 130,
     .M = 3,
     .kh = 1,
     .kw = 5,
     .groups = 3,
     .stride_x = 3,
     .dilation_x = 2,
     .pad_left = 2},
    {.N = 1,
     .C = 2,
     .H = 3,
     .W = 1,
     .M = 2,
     .kh = 3,
     .kw = 3,
     .groups = 2,
     .pad_top = 1,
     .pad_left = 1,
     .pad_bottom = 1,
     .pad_right = 1},
    {.N = 1,
     .C = 5,
     .H = 30,
     .W = 66,
     .M = 5,
     .kh = 3,
     .kw = 3,
     .groups = 5,
     .dilation_y = 3,
     .dilation_x = 2,
     .pad_top = 3,
     .pad_left = 2,
     .pad_bottom = 3,
     .pad_right = 2},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Zeros in the table stand for one. */
static struct conv_shape complete(struct conv_shape s)
{
    s.stride_y += s.stride_y == 0, s.stride_x += s.stride_x == 0;
    s.dilation_y += s.dilation_y == 0, s.dilation_x += s.dilation_x == 0;
    s.groups += s.groups == 0;
    s.OH = conv_length(s.H, s.kh, s.stride_y, s.dilation_y, s.pad_top, s.pad_bottom);
    s.OW = conv_length(s.W, s.kw, s.stride_x, s.dilation_x, s.pad_left, s.pad_right);
    cr_assert(s.OH > 0 && s.OW > 0);
    return s;
}

struct sum {
    double value, size;
};

/* y[n][m][oy][ox] before the epilogue */
static struct sum one_output(const struct conv_shape *s, const float *x, const float *w, int n,
                             int m, int oy, int ox)
{
    int per_group = s->C / s->groups, group = m / (s->M / s->groups);
    struct sum sum = {0, 0};

    for (int c = 0; c < per_group; c++)
        for (int ky = 0; ky < s->kh; ky++)
            for (int kx = 0; kx < s->kw; kx++) {
                int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;
                int ix = ox * s->stride_x - s->pad_left + kx * s->dilation_x;
                double p;

                if (iy < 0 || iy >= s->H || ix < 0 || ix >= s->W)
                    continue;
                p = (double)w[((m * per_group + c) * s->kh + ky) * s->kw + kx] *
                    x[((n * s->C + group * per_group + c) * s->H + iy) * s->W + ix];
                sum.value += p, sum.size += fabs(p);
            }
    return sum;
}

static double act(const struct epilogue *e, int m, double v)
{
    double a = e->slope ? e->slope[m] : e->a;

    switch (e->act) {
    case ACT_RELU:
        return v > 0 ? v : 0;
    case ACT_CLIP:
        return fmin(fmax(v, a), e->b);
    case ACT_LEAKY:
        return v < 0 ? a * v : v;
    case ACT_SILU:
        return v / (1 + exp(-v));
    case ACT_SIGMOID:
        return 1 / (1 + exp(-v));
    case ACT_TANH:
        return tanh(v);
    case ACT_HARDSIGMOID:
        return fmin(fmax(a * v + e->b, 0), 1);
    case ACT_HARDSWISH:
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    default:
        return v;
    }
}

static void check(struct sweep *w, const struct kernels *k, const struct conv_shape *s, int turn)
{
    size_t nx = (size_t)s->N * s->C * s->H * s->W, ny = (size_t)s->N * s->M * s->OH * s->OW;
    size_t nw = (size_t)s->M * (s->C / s->groups) * s->kh * s->kw;
    float *x = sweep_floats(w, nx, -1, 1), *y = sweep_floats(w, ny, 0, 0);
    float *weights = sweep_floats(w, nw, -1, 1), *add = sweep_floats(w, ny, -1, 1);
    void *packed = sweep_bytes(w, conv_weights_size(k, s));
    void *scratch = sweep_bytes(w, conv_scratch(k, s, 1));
    struct epilogue e = {
        .bias = turn % 3 ? sweep_floats(w, (size_t)s->M, -1, 1) : NULL,
        .add = turn % 4 < 2 ? NULL : add,
        .add_after = turn % 4 == 3,
        .act = (enum act)(turn % ACT_COUNT),
        .a = 0.1f,
        .b = 0.75f,
        .slope = turn % 2 ? sweep_floats(w, (size_t)s->M, 0, 0.5f) : NULL,
    };

    conv_pack(k, s, weights, packed);
    memset(scratch, 0xff, conv_scratch(k, s, 1)); /* NaN: nothing may be left over from before */
    conv2d(k, s, x, packed, &e, y, scratch, NULL);
    for (size_t i = 0; i < ny; i++) {
        int ox = (int)(i % s->OW), oy = (int)(i / s->OW % s->OH);
        int m = (int)(i / s->OW / s->OH % s->M), n = (int)(i / s->OW / s->OH / s->M);
        struct sum sum = one_output(s, x, weights, n, m, oy, ox);
        double v = sum.value + (e.bias ? e.bias[m] : 0);

        v = e.add && !e.add_after ? v + add[i] : v;
        v = act(&e, m, v) + (e.add && e.add_after ? add[i] : 0);
        sweep_near(y[i], v, 1.1 * sum.size + 3, s->C * s->kh * s->kw, "conv2d");
    }
    sweep_release(w);
}

Test(conv, every_level_shape_and_epilogue)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (int i = 0; i < SHAPES; i++)
            for (int turn = 0; turn < 3; turn++) {
                struct conv_shape s = complete(shapes[i]);
                struct kernels k;

                kernels_init(&k, masks[level]);
                check(&w, &k, &s, i + turn * 7);
            }
}

Test(conv, random_shapes)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < 150; i++) {
        int groups = sweep_int(&w, 0, 2) ? 1 : sweep_int(&w, 1, 4);
        struct conv_shape s = {
            .N = 1,
            .groups = groups,
            .C = groups * sweep_int(&w, 1, 5),
            .M = groups * sweep_int(&w, 1, 20),
            .H = sweep_int(&w, 1, 20),
            .W = sweep_int(&w, 1, 40),
            .kh = sweep_int(&w, 1, 4),
            .kw = sweep_int(&w, 1, 4),
            .stride_y = sweep_int(&w, 1, 3),
            .stride_x = sweep_int(&w, 1, 3),
            .dilation_y = sweep_int(&w, 1, 3),
            .dilation_x = sweep_int(&w, 1, 3),
            .pad_top = sweep_int(&w, 0, 3),
            .pad_left = sweep_int(&w, 0, 3),
            .pad_bottom = sweep_int(&w, 0, 3),
            .pad_right = sweep_int(&w, 0, 3),
        };
        struct kernels k;

        if (conv_length(s.H, s.kh, s.stride_y, s.dilation_y, s.pad_top, s.pad_bottom) <= 0 ||
            conv_length(s.W, s.kw, s.stride_x, s.dilation_x, s.pad_left, s.pad_right) <= 0)
            continue;
        s = complete(s);
        kernels_init(&k, masks[i % levels]);
        check(&w, &k, &s, i);
    }
}

/* Threads write disjoint outputs in the same order of sums. */
Test(conv, threads_give_the_same_bits)
{
    struct pool *pool;
    struct sweep w;

    sweep_init(&w);
    cr_assert(pool_open(3, &pool) == OK);
    for (int i = 0; i < SHAPES; i++) {
        struct conv_shape s = complete(shapes[i]);
        size_t ny = (size_t)s.N * s.M * s.OH * s.OW;
        struct epilogue e = {.act = ACT_SILU};
        struct kernels k;

        kernels_init(&k, ~0u);
        float *x = sweep_floats(&w, (size_t)s.N * s.C * s.H * s.W, -1, 1);
        float *y1 = sweep_floats(&w, ny, 0, 0), *y3 = sweep_floats(&w, ny, 0, 0);
        void *packed = sweep_bytes(&w, conv_weights_size(&k, &s));
        void *scratch = sweep_bytes(&w, conv_scratch(&k, &s, 3));

        conv_pack(&k, &s, sweep_floats(&w, (size_t)s.M * (s.C / s.groups) * s.kh * s.kw, -1, 1),
                  packed);
        conv2d(&k, &s, x, packed, &e, y1, scratch, NULL);
        conv2d(&k, &s, x, packed, &e, y3, scratch, pool);
        cr_assert(memcmp(y1, y3, ny * sizeof *y1) == 0, "shape %d", i);
        sweep_release(&w);
    }
    pool_close(pool);
}

static const struct conv_shape transposed[] = {
    {.N = 1,
     .C = 16,
     .H = 9,
     .W = 11,
     .M = 8,
     .kh = 2,
     .kw = 2,
     .stride_y = 2,
     .stride_x = 2,
     .OH = 18,
     .OW = 22},
    {.N = 2,
     .C = 5,
     .H = 6,
     .W = 7,
     .M = 3,
     .kh = 3,
     .kw = 3,
     .stride_y = 2,
     .stride_x = 2,
     .pad_top = 1,
     .pad_left = 1,
     .OH = 12,
     .OW = 14},
    {.N = 1,
     .C = 4,
     .H = 5,
     .W = 5,
     .M = 6,
     .kh = 4,
     .kw = 4,
     .stride_y = 2,
     .stride_x = 2,
     .pad_top = 1,
     .pad_left = 1,
     .groups = 2,
     .OH = 10,
     .OW = 10},
    {.N = 1,
     .C = 3,
     .H = 4,
     .W = 6,
     .M = 2,
     .kh = 3,
     .kw = 2,
     .stride_y = 1,
     .stride_x = 3,
     .dilation_y = 2,
     .dilation_x = 2,
     .OH = 8,
     .OW = 19},
    {.N = 1,
     .C = 2,
     .H = 3,
     .W = 3,
     .M = 2,
     .kh = 1,
     .kw = 1,
     .stride_y = 3,
     .stride_x = 3,
     .OH = 9,
     .OW = 8},
    {.N = 1,
     .C = 1,
     .H = 2,
     .W = 2,
     .M = 1,
     .kh = 5,
     .kw = 5,
     .stride_y = 1,
     .stride_x = 1,
     .pad_top = 4,
     .pad_left = 3,
     .OH = 1,
     .OW = 2},
};

static void check_transposed(struct sweep *w, const struct kernels *k, const struct conv_shape *s)
{
    int per_group = s->M / s->groups, in_group = s->C / s->groups;
    size_t nx = (size_t)s->N * s->C * s->H * s->W, plane = (size_t)s->OH * s->OW;
    size_t ny = s->N * s->M * plane, nw = (size_t)s->C * per_group * s->kh * s->kw;
    float *x = sweep_floats(w, nx, -1, 1), *y = sweep_floats(w, ny, 5, 6);
    float *weights = sweep_floats(w, nw, -1, 1), *bias = sweep_floats(w, (size_t)s->M, -1, 1);
    void *packed = sweep_bytes(w, conv_transpose_weights_size(k, s));
    void *scratch = sweep_bytes(w, conv_transpose_scratch(k, s, 1));
    struct epilogue e = {.bias = bias, .act = ACT_LEAKY, .a = 0.25f};
    double *sum = calloc(ny, sizeof *sum);

    conv_transpose_pack(k, s, weights, packed);
    conv_transpose2d(k, s, x, packed, &e, y, scratch, NULL);
    for (size_t i = 0; i < nx; i++) {
        int ix = (int)(i % s->W), iy = (int)(i / s->W % s->H);
        int c = (int)(i / s->W / s->H % s->C), n = (int)(i / s->W / s->H / s->C);

        for (int t = 0; t < per_group * s->kh * s->kw; t++) {
            int m = t / (s->kh * s->kw) + c / in_group * per_group;
            int oy = iy * s->stride_y - s->pad_top + t / s->kw % s->kh * s->dilation_y;
            int ox = ix * s->stride_x - s->pad_left + t % s->kw * s->dilation_x;

            if (oy >= 0 && oy < s->OH && ox >= 0 && ox < s->OW)
                sum[(n * s->M + m) * plane + oy * s->OW + ox] +=
                    (double)x[i] * weights[c * per_group * s->kh * s->kw + t];
        }
    }
    for (size_t i = 0; i < ny; i++) {
        int m = (int)(i / plane % s->M);

        sweep_near(y[i], act(&e, m, sum[i] + bias[m]), s->C * 3, s->kh * s->kw, "transposed");
    }
    free(sum);
    sweep_release(w);
}

Test(conv, transposed)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (size_t i = 0; i < sizeof transposed / sizeof transposed[0]; i++) {
            struct conv_shape s = transposed[i];
            struct kernels k;

            s.dilation_y += s.dilation_y == 0, s.dilation_x += s.dilation_x == 0;
            s.groups += s.groups == 0;
            kernels_init(&k, masks[level]);
            check_transposed(&w, &k, &s);
        }
}
