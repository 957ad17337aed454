/* Channels-last kernels in 8 bits against plain sums and the steps that ONNX writes down, to the bit
 * on every CPU level; where e^x comes in, to one step. */
#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc8.h"
#include "tests/kernels/sweep.h"

enum { SHAPES = 120 };

struct trial {
    struct conv_shape s;
    bool transposed;
    const uint8_t *x;
    int x_zero;
    struct hwc8_weights w;
    struct hwc8_finish f;
};

static float act(const struct hwc8_finish *f, int c, float v)
{
    float a = f->slope ? f->slope[c] : f->a;

    switch (f->act) {
    case ACT_RELU:
        return v > 0 ? v : 0;
    case ACT_CLIP:
        return fminf(fmaxf(v, a), f->b);
    case ACT_LEAKY:
        return v < 0 ? a * v : v;
    case ACT_SIGMOID:
        return 1 / (1 + expf(-v));
    case ACT_TANH:
        return tanhf(v);
    case ACT_SILU:
        return v / (1 + expf(-v));
    case ACT_HARDSIGMOID:
        return fminf(fmaxf(a * v + f->b, 0), 1);
    case ACT_HARDSWISH:
        return v * fminf(fmaxf(v / 6 + 0.5f, 0), 1);
    default:
        return v;
    }
}

static float steps(float v, struct q8 as)
{
    return fminf(fmaxf(rintf(v / as.scale) + (float)as.zero, 0), 255);
}

static void check_output(const struct trial *t, size_t pixel, int c, int32_t i)
{
    const struct hwc8_finish *f = &t->f;
    float v = (float)i * (t->w.scale ? t->w.scale[c] : f->unit), add = 0, want;
    bool exact = f->act <= ACT_LEAKY;
    /* v in steps of y from the start (hwc8.h) */
    bool in_steps = t->w.w && exact && f->mid.scale <= 0 && !f->gain && !f->add && !f->real;

    if (t->w.bias)
        v += t->w.bias[c];
    if (f->mid.scale > 0)
        v = (steps(v, f->mid) - (float)f->mid.zero) * f->mid.scale;
    if (f->gain)
        v = v * f->gain[c] + f->shift[c];
    if (f->add)
        add = (float)(f->add[pixel * (size_t)f->add_step + (size_t)c] - f->add_as.zero) *
              f->add_as.scale;
    v = f->add_after ? act(f, c, v) + add : act(f, c, f->add ? v + add : v);
    if (f->real) {
        sweep_near(f->real[pixel * (size_t)f->y_step + (size_t)c], (double)v, 1.0 + fabs((double)v),
                   8, "real");
        return;
    }
    want = steps(v, f->as);
    if (in_steps) {
        v = (float)i * (t->w.scale[c] / f->as.scale);
        v += t->w.bias ? t->w.bias[c] / f->as.scale : 0.0f;
        if (f->act == ACT_LEAKY)
            v = act(f, c, v);
        want = steps(v, (struct q8){1, f->as.zero});
        if (f->act == ACT_RELU)
            want = fmaxf(want, (float)f->as.zero);
        if (f->act == ACT_CLIP)
            want = fminf(fmaxf(want, steps(f->a, f->as)), steps(f->b, f->as));
    }
    cr_assert(fabsf(want - (float)f->y[pixel * (size_t)f->y_step + (size_t)c]) <=
                  (exact ? 0.0f : 1.0f),
              "pixel %zu channel %d: %d, not %g (v %.9g)", pixel, c,
              f->y[pixel * (size_t)f->y_step + (size_t)c], (double)want, (double)v);
}

/* (x - zero) w of tap (i, j), input channel c of the group, output at[] = image, y, x, channel */
static int32_t product(const struct trial *t, const int at[4], int c, int i, int j)
{
    const struct conv_shape *s = &t->s;
    int C = s->C / s->groups, M = s->M / s->groups, g = at[3] / M, y, x;
    size_t w;

    if (t->transposed) {
        y = at[1] + s->pad_top - i;
        x = at[2] + s->pad_left - j;
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
    if (y < 0 || y >= s->H || x < 0 || x >= s->W)
        return 0;
    return (t->x[(((size_t)at[0] * s->H + y) * s->W + x) * s->C + g * C + c] - t->x_zero) *
           t->w.w[w + (size_t)(i * s->kw + j)];
}

static void check_all(const struct trial *t)
{
    const struct conv_shape *s = &t->s;
    int at[4];

    for (at[0] = 0; at[0] < s->N; at[0]++)
        for (at[1] = 0; at[1] < s->OH; at[1]++)
            for (at[2] = 0; at[2] < s->OW; at[2]++)
                for (at[3] = 0; at[3] < s->M; at[3]++) {
                    int32_t sum = 0;

                    for (int c = 0; c < s->C / s->groups; c++)
                        for (int i = 0; i < s->kh; i++)
                            for (int j = 0; j < s->kw; j++)
                                sum += product(t, at, c, i, j);
                    check_output(t, ((size_t)at[0] * s->OH + at[1]) * s->OW + at[2], at[3], sum);
                }
}

static bool random_shape(struct sweep *w, struct trial *t)
{
    struct conv_shape s = {.N = sweep_int(w, 1, 2),
                           .H = sweep_int(w, 1, 16),
                           .W = sweep_int(w, 1, 40),
                           .kh = sweep_int(w, 1, 4),
                           .kw = sweep_int(w, 1, 5),
                           .stride_y = sweep_int(w, 1, 3),
                           .stride_x = sweep_int(w, 1, 3),
                           .dilation_y = sweep_int(w, 1, 3),
                           .dilation_x = sweep_int(w, 1, 2),
                           .pad_top = sweep_int(w, 0, 3),
                           .pad_left = sweep_int(w, 0, 3)};
    int kind = sweep_int(w, 0, 3), pads = sweep_int(w, 0, 3);

    if (kind == 0) { /* pointwise */
        s.kh = s.kw = s.stride_y = s.stride_x = 1;
        s.pad_top = s.pad_left = pads = 0;
    }
    s.groups = kind == 1 ? sweep_int(w, 2, 70) : kind == 2 ? sweep_int(w, 1, 3) : 1;
    s.C = kind == 1 ? s.groups : s.groups * sweep_int(w, 1, 20);
    s.M = kind == 1 ? s.groups : s.groups * sweep_int(w, 1, kind ? 40 : 75);
    s.pad_bottom = s.pad_right = pads;
    t->transposed = kind == 3 && sweep_int(w, 0, 1);
    if (t->transposed) {
        s.dilation_y = s.dilation_x = 1;
        s.OH = (s.H - 1) * s.stride_y + s.kh - s.pad_top - pads + sweep_int(w, 0, s.stride_y - 1);
        s.OW = (s.W - 1) * s.stride_x + s.kw - s.pad_left - pads + sweep_int(w, 0, s.stride_x - 1);
    } else {
        s.OH = conv_length(s.H, s.kh, s.stride_y, s.dilation_y, s.pad_top, pads);
        s.OW = conv_length(s.W, s.kw, s.stride_x, s.dilation_x, s.pad_left, pads);
    }
    t->s = s;
    return s.OH > 0 && s.OW > 0;
}

static uint8_t *random_bytes(struct sweep *w, size_t n)
{
    uint8_t *x = sweep_bytes(w, n);

    for (size_t i = 0; i < n; i++)
        x[i] = sweep_int(w, 0, 3) ? (uint8_t)sweep_bits(w) : sweep_int(w, 0, 1) ? 255 : 0;
    return x;
}

static struct q8 random_steps(struct sweep *w, float scale)
{
    return (struct q8){scale * sweep_float(w, 0.5f, 1.5f), sweep_int(w, 0, 255)};
}

/* size: about the largest v. Outputs are out pixels of channels. */
static void random_finish(struct sweep *w, struct hwc8_finish *f, size_t out, int channels,
                          float size)
{
    size_t n = (size_t)channels;

    f->act = (enum act)sweep_int(w, 0, ACT_COUNT - 1);
    f->a = f->act == ACT_CLIP ? -0.3f * size : 0.2f;
    f->b = 0.5f * size;
    f->as = random_steps(w, size / 100);
    if (sweep_int(w, 0, 1))
        f->mid = random_steps(w, size / 100);
    if (sweep_int(w, 0, 2) == 0) {
        f->gain = sweep_floats(w, n, -1, 1);
        f->shift = sweep_floats(w, n, -size, size);
    }
    if (f->act == ACT_LEAKY && sweep_int(w, 0, 1))
        f->slope = sweep_floats(w, n, -1, 1);
    if (sweep_int(w, 0, 1)) {
        f->add_step = channels + sweep_int(w, 0, 1) * 2;
        f->add = random_bytes(w, out * (size_t)f->add_step);
        f->add_as = random_steps(w, size / 100);
        f->add_after = sweep_int(w, 0, 1);
    }
    f->y_step = channels;
    if (sweep_int(w, 0, 4) == 0)
        f->real = sweep_bytes(w, out * n * sizeof(float));
    else
        f->y = sweep_bytes(w, out * n);
}

static void check_random(const struct kernels *k, struct sweep *w, struct pool *pool)
{
    struct trial t = {0};
    size_t in, out, weights;
    void *packed, *scratch;

    while (!random_shape(w, &t))
        ;
    in = (size_t)t.s.N * t.s.H * t.s.W * t.s.C;
    out = (size_t)t.s.N * t.s.OH * t.s.OW;
    weights = (size_t)t.s.M * t.s.C / t.s.groups * t.s.kh * t.s.kw;
    t.x = random_bytes(w, in + HWC8_SLACK);
    t.w.w = (const int8_t *)random_bytes(w, weights);
    t.w.scale = sweep_floats(w, (size_t)t.s.M, 1e-4f, 2e-4f);
    t.w.bias = sweep_int(w, 0, 3) ? sweep_floats(w, (size_t)t.s.M, -1, 1) : NULL;
    t.w.x_zero = t.x_zero = sweep_int(w, 0, 255);
    random_finish(w, &t.f, out, t.s.M, 2);
    packed = sweep_bytes(w, conv_hwc8_weights_size(k, &t.s, t.transposed));
    scratch = sweep_bytes(w, conv_hwc8_scratch(&t.s, t.transposed, pool_threads(pool)));
    conv_hwc8_pack(k, &t.s, t.transposed, &t.w, packed);
    conv_hwc8(k, &t.s, t.transposed, t.x, t.x_zero, packed, &t.f, scratch, pool);
    check_all(&t);
    sweep_release(w);
}

Test(hwc8, convolutions)
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
        k.hwc8_weaves = !k.hwc8_weaves; /* the other way of depthwise ones, at every level */
        for (int j = 0; j < SHAPES / 2; j++)
            check_random(&k, &w, j % 3 ? NULL : pool);
    }
    pool_close(pool);
}

/* One number at a time: what Add, PRelu, a batch norm or a change of steps is. */
Test(hwc8, rows)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < levels * SHAPES; i++) {
        struct trial t = {.s = {.M = sweep_int(&w, 1, 70)}};
        size_t pixels = (size_t)sweep_int(&w, 1, 300), n = (size_t)t.s.M;
        struct hwc8_rows r = {.pixels = pixels, .channels = n, .x_step = t.s.M};
        struct kernels k;

        kernels_init(&k, masks[i / SHAPES]);
        r.x = random_bytes(&w, pixels * n);
        r.x_zero = sweep_int(&w, 0, 255);
        random_finish(&w, &t.f, pixels, t.s.M, 2);
        t.f.unit = 0.02f;
        r.finish = t.f;
        rows_hwc8(&k, &r, NULL);
        for (size_t p = 0; p < pixels; p++)
            for (int c = 0; c < t.s.M; c++)
                check_output(&t, p, c, r.x[p * n + (size_t)c] - r.x_zero);
        sweep_release(&w);
    }
}

/* Quotients on and beside a tie: half to even, and no level rounds twice. */
Test(hwc8, ties)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    uint8_t x[256], y[256], first[256];

    for (int i = 0; i < 256; i++)
        x[i] = (uint8_t)i;
    for (int n = 1; n < 400; n++)
        for (int l = 0; l < levels; l++) {
            struct hwc8_rows r = {.pixels = 1,
                                  .channels = 256,
                                  .x = x,
                                  .x_zero = 128,
                                  .finish = {.unit = 0.1f * (float)n,
                                             .as = {0.2f * (float)(n % 17 + 1), 100},
                                             .y = y}};
            struct kernels k;

            kernels_init(&k, masks[l]);
            k.hwc8_rows(&r);
            for (int i = 0; i < 256; i++) {
                float v = (float)(i - 128) * r.finish.unit;

                cr_assert_eq((float)y[i], steps(v, r.finish.as), "%d of %d", i, n);
            }
            if (l == 0)
                memcpy(first, y, sizeof first);
            cr_assert_arr_eq(y, first, sizeof first);
        }
}

/* ---- pooling ----------------------------------------------------------------------------------- */
static void check_pool(const struct trial *t, const struct q8 *as, const uint8_t *largest,
                       bool count_pads)
{
    const struct conv_shape *s = &t->s;

    for (int o = 0; o < s->N * s->OH * s->OW * s->C; o++) {
        int c = o % s->C, ox = o / s->C % s->OW, oy = o / s->C / s->OW % s->OH;
        int image = o / s->C / s->OW / s->OH, n = 0, sum = 0, most = 0;

        for (int i = 0; i < s->kh; i++)
            for (int j = 0; j < s->kw; j++) {
                int y = oy * s->stride_y - s->pad_top + i, x = ox * s->stride_x - s->pad_left + j;

                n += count_pads && y < s->H + s->pad_bottom && x < s->W + s->pad_right;
                if (y < 0 || y >= s->H || x < 0 || x >= s->W)
                    continue;
                n += !count_pads;
                sum += t->x[(((size_t)image * s->H + y) * s->W + x) * s->C + c] - as->zero;
                most = t->x[(((size_t)image * s->H + y) * s->W + x) * s->C + c] > most
                           ? t->x[(((size_t)image * s->H + y) * s->W + x) * s->C + c]
                           : most;
            }
        cr_assert_eq(t->f.y[o], steps((float)sum * (as->scale / (float)(n ? n : 1)), t->f.as));
        cr_assert_eq(largest[o], most);
    }
}

Test(hwc8, pooling)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < levels * SHAPES; i++) {
        struct trial t = {0};
        struct q8 as = {0.02f, sweep_int(&w, 0, 255)};
        struct kernels k;
        uint8_t *largest;
        size_t n;

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
        n = (size_t)t.s.N * t.s.OH * t.s.OW * t.s.C;
        t.x = random_bytes(&w, (size_t)t.s.N * t.s.H * t.s.W * t.s.C);
        t.f = (struct hwc8_finish){.as = {0.017f, 120}, .y = sweep_bytes(&w, n), .y_step = t.s.C};
        largest = sweep_bytes(&w, n);
        max_pool_hwc8(&k, &t.s, t.x, largest, NULL);
        average_pool_hwc8(&k, &t.s, i % 2, t.x, as, &t.f, NULL);
        check_pool(&t, &as, largest, i % 2);
        sweep_release(&w);
    }
}

Test(hwc8, products)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < 20 * levels; i++) {
        int pixels = sweep_int(&w, 1, 90), K = sweep_int(&w, 1, 70), M = sweep_int(&w, 1, 70);
        int x_zero = sweep_int(&w, 0, 255), a_zero = sweep_int(&w, 0, 255);
        struct conv_shape s = product_hwc8(pixels, K, M);
        uint8_t *x = random_bytes(&w, (size_t)pixels * K + HWC8_SLACK);
        uint8_t *a = random_bytes(&w, (size_t)M * K);
        float *y = sweep_bytes(&w, (size_t)pixels * M * sizeof *y);
        struct hwc8_finish f = {.as = {1, 0}, .real = y, .y_step = M};
        struct kernels k;
        void *packed;

        kernels_init(&k, masks[i / 20]);
        packed = sweep_bytes(&w, conv_hwc8_weights_size(&k, &s, false));
        product_hwc8_pack(&k, &s, a, a_zero, x_zero, 0.5f, packed);
        conv_hwc8(&k, &s, false, x, x_zero, packed, &f, NULL, NULL);
        for (int p = 0; p < pixels; p++)
            for (int m = 0; m < M; m++) {
                int sum = 0;

                for (int j = 0; j < K; j++)
                    sum += (x[p * K + j] - x_zero) * (a[m * K + j] - a_zero);
                cr_assert_eq(y[p * M + m], 0.5f * (float)sum);
            }
        sweep_release(&w);
    }
}

/* Out of planes and back: three as in pictures, more, and lengths that fill no register. */
Test(hwc8, turned)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int trial = 0; trial < levels * 40; trial++) {
        size_t C = trial % 4 ? 3 : (size_t)sweep_int(&w, 1, 6);
        size_t space = (size_t)sweep_int(&w, 1, trial % 2 ? 40 : 2500), middle = space / 3;
        struct border8 b = {C, space, {0.01f, 100}, true};
        float *x = sweep_floats(&w, C * space, -1, 1.5f);
        uint8_t *y = sweep_bytes(&w, C * space);
        float *back = sweep_bytes(&w, C * space * sizeof *back);
        struct kernels k;

        kernels_init(&k, masks[trial / 40]);
        quantize_hwc8(&k, &b, x, y, middle, space);
        quantize_hwc8(&k, &b, x, y, 0, middle);
        dequantize_hwc8(&k, &b, y, back, 0, space);
        for (size_t i = 0; i < C * space; i++) {
            cr_assert_eq((float)y[i % space * C + i / space], steps(x[i], b.as));
            cr_assert_lt(fabsf(x[i] - back[i]), 0.0051f);
        }
        sweep_release(&w);
    }
}

/* Some channels of every pixel to others, whose neighbours stay as they are. */
Test(hwc8, moved)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int trial = 0; trial < levels * 120; trial++) {
        struct bytes_move m = {.pixels = (size_t)sweep_int(&w, 1, 30),
                               .channels = (size_t)sweep_int(&w, 1, trial % 2 ? 20 : 150),
                               .x_apart = (size_t)sweep_int(&w, 1, 3)};
        size_t first, at = (size_t)sweep_int(&w, 0, 5), n;
        uint8_t *x, *y, *before;
        struct kernels k;

        first = (size_t)sweep_int(&w, 0, (int)m.x_apart - 1);
        m.x_step = m.channels * m.x_apart;
        m.y_step = m.channels + at + (size_t)sweep_int(&w, 0, 5);
        n = m.pixels * m.y_step;
        x = random_bytes(&w, m.pixels * m.x_step);
        y = sweep_bytes(&w, n);
        before = random_bytes(&w, n);
        memcpy(y, before, n);
        m.x = x + first;
        m.y = y + at;
        kernels_init(&k, masks[trial / 120]);
        move_hwc8(&k, &m, NULL);
        for (size_t i = 0; i < n; i++) {
            size_t p = i / m.y_step, c = i % m.y_step;

            cr_assert_eq(y[i], c < at || c >= at + m.channels
                                   ? before[i]
                                   : x[p * m.x_step + first + (c - at) * m.x_apart]);
        }
        sweep_release(&w);
    }
}
