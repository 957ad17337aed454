/* Channels-last convolutions of random shapes against sums in double precision, on every CPU
 * level: pitches wider than the channels, planes in, residuals, every activation, three threads. */
#include "perception/kernels/hwc.h"
#include "tests/kernels/sweep.h"

enum { SHAPES = 150 };

struct trial {
    struct conv_shape s;
    struct hwc_io io;
    struct epilogue e;
    const float *w, *bias;
    bool transposed;
};

static double act(const struct epilogue *e, int channel, double v)
{
    double a = e->slope ? (double)e->slope[channel] : (double)e->a, b = (double)e->b;

    switch (e->act) {
    case ACT_RELU:
        return v > 0 ? v : 0;
    case ACT_CLIP:
        return fmin(fmax(v, a), b);
    case ACT_LEAKY:
        return v < 0 ? a * v : v;
    case ACT_SIGMOID:
        return 1 / (1 + exp(-v));
    case ACT_TANH:
        return tanh(v);
    case ACT_SILU:
        return v / (1 + exp(-v));
    case ACT_HARDSIGMOID:
        return fmin(fmax(a * v + b, 0), 1);
    case ACT_HARDSWISH:
        return v * fmin(fmax(v / 6 + 0.5, 0), 1);
    default:
        return v;
    }
}

/* Channel c of pixel (y, x); 0 outside. */
static double pixel_of(const struct trial *t, int n, int y, int x, int c)
{
    const struct conv_shape *s = &t->s;

    if (y < 0 || y >= s->H || x < 0 || x >= s->W)
        return 0;
    if (t->io.x_planes)
        return (double)t->io.x[(((size_t)n * s->C + c) * s->H + y) * s->W + x];
    return (double)t->io.x[(((size_t)n * s->H + y) * s->W + x) * t->io.x_pitch + c];
}

/* What tap (i, j) of input channel c in the group adds to one output; weight and input. */
static double product(const struct trial *t, const int at[4], int c, int i, int j)
{
    const struct conv_shape *s = &t->s;
    int C = s->C / s->groups, M = s->M / s->groups, g = at[3] / M, y, x;
    size_t w;

    if (t->transposed) {
        y = at[1] + s->pad_top - i * s->dilation_y;
        x = at[2] + s->pad_left - j * s->dilation_x;
        if (y % s->stride_y || x % s->stride_x)
            return 0;
        y /= s->stride_y;
        x /= s->stride_x;
        w = (((size_t)g * C + c) * M + at[3] % M) * s->kh * s->kw;
    } else {
        y = at[1] * s->stride_y - s->pad_top + i * s->dilation_y;
        x = at[2] * s->stride_x - s->pad_left + j * s->dilation_x;
        w = ((size_t)at[3] * C + c) * s->kh * s->kw;
    }
    return (double)t->w[w + (size_t)(i * s->kw + j)] * pixel_of(t, at[0], y, x, g * C + c);
}

static void check_output(const struct trial *t, const int at[4], float got, const float *add)
{
    const struct conv_shape *s = &t->s;
    double sum = t->bias ? (double)t->bias[at[3]] : 0, size = fabs(sum) + 1;
    double more = add ? (double)add[at[3]] : 0;
    int terms = s->C / s->groups * s->kh * s->kw;

    for (int c = 0; c < s->C / s->groups; c++)
        for (int i = 0; i < s->kh; i++)
            for (int j = 0; j < s->kw; j++) {
                double p = product(t, at, c, i, j);

                sum += p;
                size += fabs(p);
            }
    sum = t->e.add_after ? act(&t->e, at[3], sum) + more : act(&t->e, at[3], sum + more);
    sweep_near(got, sum, size + fabs(more), terms + 8, conv_hwc_way(s));
}

static void check_all(const struct trial *t, const float *add)
{
    const struct conv_shape *s = &t->s;
    int at[4];

    for (at[0] = 0; at[0] < s->N; at[0]++)
        for (at[1] = 0; at[1] < s->OH; at[1]++)
            for (at[2] = 0; at[2] < s->OW; at[2]++) {
                size_t pixel = ((size_t)at[0] * s->OH + at[1]) * s->OW + at[2];

                for (at[3] = 0; at[3] < s->M; at[3]++)
                    check_output(t, at, t->io.y[pixel * t->io.y_pitch + at[3]],
                                 add ? add + pixel * t->io.add_pitch : NULL);
                for (size_t c = (size_t)s->M; c < t->io.y_pitch; c++)
                    cr_assert(t->io.y[pixel * t->io.y_pitch + c] == 7.0f,
                              "a neighbour's channel was written");
            }
}

static bool random_shape(struct sweep *w, struct trial *t)
{
    struct conv_shape s = {.N = sweep_int(w, 1, 2),
                           .H = sweep_int(w, 1, 20),
                           .W = sweep_int(w, 1, 40),
                           .kh = sweep_int(w, 1, 4),
                           .kw = sweep_int(w, 1, 5),
                           .stride_y = sweep_int(w, 1, 3),
                           .stride_x = sweep_int(w, 1, 3),
                           .dilation_y = sweep_int(w, 1, 3),
                           .dilation_x = sweep_int(w, 1, 2),
                           .pad_top = sweep_int(w, 0, 3),
                           .pad_left = sweep_int(w, 0, 3)};
    int kind = sweep_int(w, 0, 4), pads = sweep_int(w, 0, 3);

    if (kind == 0) { /* pointwise */
        s.kh = s.kw = s.stride_y = s.stride_x = 1;
        s.pad_top = s.pad_left = pads = 0;
    }
    s.groups = kind == 1 ? sweep_int(w, 2, 40) : kind == 2 ? sweep_int(w, 1, 3) : 1;
    s.C = kind == 1 ? s.groups : s.groups * sweep_int(w, 1, 20);
    s.M = kind == 1 ? s.groups : s.groups * sweep_int(w, 1, kind ? 40 : 75);
    s.pad_bottom = s.pad_right = pads;
    if (kind == 4) { /* Winograd's */
        s.kh = s.kw = 3;
        s.stride_y = s.stride_x = s.dilation_y = s.dilation_x = s.groups = 1;
        s.H = sweep_int(w, 9, 20);
        s.W = sweep_int(w, 12, 20);
        s.C = sweep_int(w, 32, 50);
        s.M = sweep_int(w, 32, 70);
    }
    t->transposed = kind == 3 && sweep_int(w, 0, 1);
    if (t->transposed) {
        s.dilation_y = s.dilation_x = 1;
        if (sweep_int(w, 0, 1)) { /* taps side by side */
            s.kh = s.stride_y;
            s.kw = s.stride_x;
            s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pads = 0;
        }
        s.OH = (s.H - 1) * s.stride_y + s.kh - s.pad_top - pads +
               (sweep_int(w, 0, 2) ? 0 : sweep_int(w, 0, s.stride_y - 1));
        s.OW = (s.W - 1) * s.stride_x + s.kw - s.pad_left - pads +
               (sweep_int(w, 0, 2) ? 0 : sweep_int(w, 0, s.stride_x - 1));
    } else {
        s.OH = conv_length(s.H, s.kh, s.stride_y, s.dilation_y, s.pad_top, pads);
        s.OW = conv_length(s.W, s.kw, s.stride_x, s.dilation_x, s.pad_left, pads);
    }
    t->s = s;
    return s.OH > 0 && s.OW > 0;
}

static void random_epilogue(struct sweep *w, struct epilogue *e, int M)
{
    e->act = (enum act)sweep_int(w, 0, ACT_COUNT - 1);
    e->a = e->act == ACT_CLIP ? -0.3f : 0.2f;
    e->b = 0.5f;
    e->add_after = sweep_int(w, 0, 1);
    e->slope = e->act == ACT_LEAKY && sweep_int(w, 0, 1) ? sweep_floats(w, (size_t)M, -1, 1) : NULL;
}

static void run(const struct kernels *k, struct sweep *w, struct trial *t, struct pool *pool)
{
    const struct conv_shape *s = &t->s;
    int threads = pool_threads(pool);
    size_t size =
        t->transposed ? conv_transpose_hwc_weights_size(k, s) : conv_hwc_weights_size(k, s);
    void *packed = sweep_bytes(w, size), *scratch;

    if (t->transposed) {
        conv_transpose_hwc_pack(k, s, t->w, t->bias, packed);
        scratch = sweep_bytes(w, conv_transpose_hwc_scratch(k, s, threads));
        conv_transpose_hwc(k, s, &t->io, packed, &t->e, scratch, pool);
    } else {
        conv_hwc_pack(k, s, t->w, t->bias, packed);
        scratch = sweep_bytes(w, conv_hwc_scratch(k, s, t->io.x_planes, threads));
        conv_hwc(k, s, &t->io, packed, &t->e, scratch, pool);
    }
}

static void check_random(const struct kernels *k, struct sweep *w, struct pool *pool)
{
    struct trial t = {0};
    const float *add = NULL;
    size_t in, out;

    while (!random_shape(w, &t))
        ;
    in = (size_t)t.s.N * t.s.H * t.s.W;
    out = (size_t)t.s.N * t.s.OH * t.s.OW;
    t.io.x_planes = !t.transposed && t.s.groups == 1 && sweep_int(w, 0, 2) == 0;
    t.io.x_pitch = (size_t)t.s.C + (t.io.x_planes ? 0u : (size_t)sweep_int(w, 0, 1) * 3);
    t.io.y_pitch = (size_t)t.s.M + (t.transposed ? 0u : (size_t)sweep_int(w, 0, 1) * 5);
    /* the last pixel ends with its own channels, not with the pitch */
    t.io.x = sweep_floats(w, (in - 1) * t.io.x_pitch + (size_t)t.s.C, -1, 1);
    t.io.y = sweep_floats(w, out * t.io.y_pitch, 7, 7);
    t.w = sweep_floats(w, (size_t)t.s.M * t.s.C / t.s.groups * t.s.kh * t.s.kw, -1, 1);
    t.bias = sweep_int(w, 0, 3) ? sweep_floats(w, (size_t)t.s.M, -1, 1) : NULL;
    random_epilogue(w, &t.e, t.s.M);
    if (sweep_int(w, 0, 1)) {
        t.io.add_pitch = (size_t)t.s.M + (t.transposed ? 0u : (size_t)sweep_int(w, 0, 1) * 2);
        t.io.add = add = sweep_floats(w, out * t.io.add_pitch, -1, 1);
    }
    run(k, w, &t, pool);
    check_all(&t, add);
    sweep_release(w);
}

Test(hwc, random_shapes)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;
    struct pool *pool = NULL;

    cr_assert_eq(pool_open(3, &pool), OK);
    sweep_init(&w);
    for (int i = 0; i < levels; i++) {
        struct kernels k;

        kernels_init(&k, masks[i]);
        for (int j = 0; j < SHAPES; j++)
            check_random(&k, &w, j % 3 ? NULL : pool);
    }
    pool_close(pool);
}

/* One thread or three: the same bits. A residual may be the output itself. */
Test(hwc, same_bits_in_place)
{
    struct conv_shape s = {.N = 1,
                           .C = 40,
                           .H = 30,
                           .W = 33,
                           .M = 70,
                           .OH = 30,
                           .OW = 33,
                           .kh = 3,
                           .kw = 3,
                           .stride_y = 1,
                           .stride_x = 1,
                           .dilation_y = 1,
                           .dilation_x = 1,
                           .pad_top = 1,
                           .pad_left = 1,
                           .pad_bottom = 1,
                           .pad_right = 1,
                           .groups = 1};
    size_t pixels = (size_t)s.OH * s.OW, n = pixels * s.M;
    struct epilogue e = {.act = ACT_SILU, .add_after = true};
    struct kernels k;
    struct pool *pool = NULL;
    struct sweep w;
    float *x, *y[2], *weights, *start, *packed;

    sweep_init(&w);
    kernels_init(&k, ~0u);
    cr_assert_eq(pool_open(3, &pool), OK);
    x = sweep_floats(&w, pixels * s.C, -1, 1);
    weights = sweep_floats(&w, (size_t)s.M * s.C * 9, -1, 1);
    start = sweep_floats(&w, n, -1, 1);
    packed = sweep_bytes(&w, conv_hwc_weights_size(&k, &s));
    conv_hwc_pack(&k, &s, weights, NULL, packed);
    for (int i = 0; i < 2; i++) {
        void *scratch = sweep_bytes(&w, conv_hwc_scratch(&k, &s, false, i ? 3 : 1));
        struct hwc_io io = {.x = x, .x_pitch = (size_t)s.C};

        y[i] = sweep_bytes(&w, n * sizeof(float));
        memcpy(y[i], start, n * sizeof(float));
        io.y = y[i];
        io.add = y[i];
        io.y_pitch = io.add_pitch = (size_t)s.M;
        conv_hwc(&k, &s, &io, packed, &e, scratch, i ? pool : NULL);
    }
    cr_assert_arr_eq(y[0], y[1], n * sizeof(float));
    cr_assert_neq(y[0][0], start[0]);
    sweep_release(&w);
    pool_close(pool);
}

/* ---- pooling and resizing: the same as plane by plane ------------------------------------------ */
static void to_planes(const struct conv_shape *s, const float *x, float *planes)
{
    for (int n = 0; n < s->N; n++)
        for (int c = 0; c < s->C; c++)
            for (int i = 0; i < s->H * s->W; i++)
                planes[((size_t)n * s->C + c) * s->H * s->W + i] =
                    x[((size_t)n * s->H * s->W + i) * s->C + c];
}

static void check_planes(const struct trial *t, const float *planes, const char *what)
{
    const struct conv_shape *s = &t->s;
    size_t out = (size_t)s->OH * s->OW;

    for (int n = 0; n < s->N; n++)
        for (int c = 0; c < s->C; c++)
            for (size_t i = 0; i < out; i++)
                sweep_near(t->io.y[((size_t)n * out + i) * t->io.y_pitch + c],
                           (double)planes[((size_t)n * s->C + c) * out + i], 2, 30, what);
}

static void check_pools(const struct kernels *k, struct sweep *w, struct trial *t)
{
    struct conv_shape as_planes = t->s;
    float *planes = sweep_floats(w, (size_t)t->s.N * t->s.C * t->s.H * t->s.W, 0, 0);
    float *want = sweep_floats(w, (size_t)t->s.N * t->s.C * t->s.OH * t->s.OW, 0, 0);

    as_planes.groups = 1;
    to_planes(&t->s, t->io.x, planes);
    max_pool2d(k, &as_planes, planes, want, NULL);
    max_pool_hwc(k, &t->s, &t->io, NULL);
    check_planes(t, want, "max pool");
    for (int pads = 0; pads < 2; pads++) {
        average_pool2d(k, &as_planes, pads, planes, want, NULL);
        average_pool_hwc(k, &t->s, pads, &t->io, NULL);
        check_planes(t, want, pads ? "average pool with pads" : "average pool");
    }
}

Test(hwc, pooling)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < levels * SHAPES; i++) {
        struct trial t = {0};
        struct kernels k;

        kernels_init(&k, masks[i / SHAPES]);
        do
            random_shape(&w, &t);
        while (t.transposed || t.s.OH <= 0 || t.s.OW <= 0 || t.s.C != t.s.M ||
               t.s.pad_top >= t.s.kh || t.s.pad_left >= t.s.kw || t.s.pad_bottom >= t.s.kh ||
               t.s.pad_right >= t.s.kw);
        t.s.dilation_y = t.s.dilation_x = 1;
        t.s.OH = conv_length(t.s.H, t.s.kh, t.s.stride_y, 1, t.s.pad_top, t.s.pad_bottom);
        t.s.OW = conv_length(t.s.W, t.s.kw, t.s.stride_x, 1, t.s.pad_left, t.s.pad_right);
        t.s.groups = t.s.C;
        t.io.x_pitch = (size_t)t.s.C;
        t.io.y_pitch = (size_t)t.s.C + 3;
        t.io.x = sweep_floats(&w, (size_t)t.s.N * t.s.H * t.s.W * t.s.C, -1, 1);
        t.io.y = sweep_floats(&w, (size_t)t.s.N * t.s.OH * t.s.OW * t.io.y_pitch, 7, 7);
        check_pools(&k, &w, &t);
        sweep_release(&w);
    }
}

Test(hwc, resizing)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < levels * SHAPES; i++) {
        struct conv_shape s = {.N = sweep_int(&w, 1, 2),
                               .C = sweep_int(&w, 1, 40),
                               .H = sweep_int(&w, 1, 9),
                               .W = sweep_int(&w, 1, 9),
                               .OH = sweep_int(&w, 1, 20),
                               .OW = sweep_int(&w, 1, 20)};
        struct resize_shape r = {.planes = s.N * s.C,
                                 .H = s.H,
                                 .W = s.W,
                                 .OH = s.OH,
                                 .OW = s.OW,
                                 .scale_y = (float)s.OH / (float)s.H,
                                 .scale_x = (float)s.OW / (float)s.W,
                                 .mode = (enum resize_mode)sweep_int(&w, 0, 1),
                                 .coord = (enum resize_coord)sweep_int(&w, 0, 3),
                                 .round = (enum resize_round)sweep_int(&w, 0, 3)};
        struct trial t = {.s = s};
        size_t in = (size_t)s.H * s.W * r.planes, out = (size_t)s.OH * s.OW * r.planes;
        float *planes = sweep_floats(&w, in, 0, 0), *want = sweep_floats(&w, out, 0, 0);
        void *scratch = sweep_bytes(&w, resize_scratch(&r, 1));
        struct kernels k;

        kernels_init(&k, masks[i / SHAPES]);
        t.io.x_pitch = t.io.y_pitch = (size_t)s.C;
        t.io.x = sweep_floats(&w, in, -1, 1);
        t.io.y = sweep_floats(&w, out, 7, 7);
        to_planes(&s, t.io.x, planes);
        resize2d(&k, &r, planes, want, scratch, NULL);
        resize_hwc(&k, &r, s.N, &t.io, scratch, NULL);
        check_planes(&t, want, "resize");
        sweep_release(&w);
    }
}

Test(hwc, copying)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct kernels k;
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (size_t n = 1; n <= 40; n++) {
            enum { PIXELS = 5, MORE = 3 };
            float *x = sweep_floats(&w, (PIXELS - 1) * (n + MORE) + n, -1, 1);
            float *y = sweep_floats(&w, (PIXELS - 1) * (n + 2 * MORE) + n, 2, 2);

            kernels_init(&k, masks[level]);
            k.hwc_copy(y, n + 2 * MORE, x, n + MORE, n, PIXELS);
            for (size_t i = 0; i < (PIXELS - 1) * (n + 2 * MORE) + n; i++) {
                size_t p = i / (n + 2 * MORE), c = i % (n + 2 * MORE);

                cr_assert(y[i] == (c < n ? x[p * (n + MORE) + c] : 2.0f), "n %zu: %zu", n, i);
            }
            sweep_release(&w);
        }
}

/* ---- a depthwise and a pointwise convolution: in one go or one after the other, the same bits --- */
static void check_separable(const struct kernels *k, struct sweep *w, struct pool *pool)
{
    struct trial t = {0};
    struct conv_shape point;
    struct hwc_io first, second;
    void *a, *b, *scratch;
    float *want;
    size_t in, out;

    do
        random_shape(w, &t);
    while (t.transposed || t.s.OH <= 0 || t.s.OW <= 0 || t.s.groups != t.s.C || t.s.M != t.s.C ||
           t.s.C < 2);
    in = (size_t)t.s.N * t.s.H * t.s.W;
    out = (size_t)t.s.N * t.s.OH * t.s.OW;
    point = (struct conv_shape){.N = t.s.N,
                                .C = t.s.C,
                                .H = t.s.OH,
                                .W = t.s.OW,
                                .M = sweep_int(w, 1, 70),
                                .OH = t.s.OH,
                                .OW = t.s.OW,
                                .kh = 1,
                                .kw = 1,
                                .stride_y = 1,
                                .stride_x = 1,
                                .dilation_y = 1,
                                .dilation_x = 1,
                                .groups = 1};
    cr_assert(separable_hwc_fits(&t.s, &point));
    a = sweep_bytes(w, conv_hwc_weights_size(k, &t.s));
    b = sweep_bytes(w, conv_hwc_weights_size(k, &point));
    conv_hwc_pack(k, &t.s, sweep_floats(w, (size_t)t.s.C * t.s.kh * t.s.kw, -1, 1), NULL, a);
    conv_hwc_pack(k, &point, sweep_floats(w, (size_t)point.M * point.C, -1, 1),
                  sweep_floats(w, (size_t)point.M, -1, 1), b);
    first = (struct hwc_io){.x = sweep_floats(w, in * t.s.C, -1, 1),
                            .y = sweep_floats(w, out * t.s.C, 0, 0),
                            .x_pitch = (size_t)t.s.C,
                            .y_pitch = (size_t)t.s.C};
    want = sweep_floats(w, out * point.M, 0, 0);
    second = (struct hwc_io){.x = first.y,
                             .y = want,
                             .x_pitch = (size_t)t.s.C,
                             .y_pitch = (size_t)point.M,
                             .add = sweep_floats(w, out * point.M, -1, 1),
                             .add_pitch = (size_t)point.M};
    random_epilogue(w, &t.e, t.s.C);
    conv_hwc(k, &t.s, &first, a, &t.e, NULL, NULL);
    conv_hwc(k, &point, &second, b, &(struct epilogue){.act = ACT_SILU}, NULL, NULL);
    second.x = first.x;
    second.y = sweep_floats(w, out * point.M, 0, 0);
    scratch = sweep_bytes(w, separable_hwc_scratch(&t.s, pool_threads(pool)));
    separable_hwc(k, &t.s, &point, &second, a, b, &t.e, &(struct epilogue){.act = ACT_SILU},
                  scratch, pool);
    cr_assert_arr_eq(second.y, want, out * point.M * sizeof *want);
    sweep_release(w);
}

Test(hwc, separable)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;
    struct pool *pool = NULL;

    cr_assert_eq(pool_open(3, &pool), OK);
    sweep_init(&w);
    for (int i = 0; i < levels * SHAPES; i++) {
        struct kernels k;

        kernels_init(&k, masks[i / SHAPES]);
        check_separable(&k, &w, i % 2 ? NULL : pool);
    }
    pool_close(pool);
}
