/* Whether the hand-written kernels of a table compute what they should on this very machine. Small
 * whole numbers, so that sums are exact in any order and the answer must be equal to the bit. The
 * row kernels are the reference itself, compiled for more registers, and are not asked. */
#include <math.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

enum { DEPTH = 5, TAPS = 9, PIXELS = 41, MAX_STRIDE = 3, APART = TILE_MAX_COLS + 3 };

static float number(int i)
{
    return (float)(i * 7 % 13 - 6);
}

static bool tile_agrees(const struct kernels *k, int rows, bool accumulate)
{
    float a[DEPTH * TILE_MAX_ROWS], b[DEPTH * APART], c[TILE_MAX_ROWS * APART];

    for (int i = 0; i < DEPTH * rows; i++)
        a[i] = number(i);
    for (int i = 0; i < DEPTH * APART; i++)
        b[i] = number(i + 5);
    for (int i = 0; i < TILE_MAX_ROWS * APART; i++)
        c[i] = number(i + 9);
    k->tile(rows, DEPTH, a, b, APART, c, APART, accumulate);
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < k->tile_cols; j++) {
            float sum = accumulate ? number(r * APART + j + 9) : 0;

            for (int d = 0; d < DEPTH; d++)
                sum += a[d * rows + r] * b[d * APART + j];
            if (c[r * APART + j] != sum)
                return false;
        }
    return true;
}

static bool taps_agree(const struct kernels *k, size_t n, int stride)
{
    float x[PIXELS * MAX_STRIDE + TAPS], w[TAPS], y[PIXELS], want[PIXELS];
    int at[TAPS];

    for (int i = 0; i < PIXELS * MAX_STRIDE + TAPS; i++)
        x[i] = number(i);
    for (int i = 0; i < TAPS; i++) {
        w[i] = number(i + 3);
        at[i] = i * 4 % TAPS;
    }
    k->taps(y, n, TAPS, x, at, w, stride);
    taps_c(want, n, TAPS, x, at, w, stride);
    for (size_t i = 0; i < n; i++)
        if (y[i] != want[i])
            return false;
    return true;
}

enum { HWC_MAX_PIXELS = 16, HWC_MAX_CHANNELS = 64 };

static bool hwc_tile_agrees(const struct kernels *k, int pixels, int channels)
{
    float x[HWC_MAX_PIXELS * DEPTH], w[(DEPTH + 1) * HWC_MAX_CHANNELS];
    float y[HWC_MAX_PIXELS * HWC_MAX_CHANNELS];
    int width = div_up(channels, k->hwc_lanes) * k->hwc_lanes;
    const ptrdiff_t start = 0;
    struct hwc_tile t = {.pixels = pixels,
                         .channels = channels,
                         .segments = 1,
                         .length = DEPTH,
                         .segment = &start,
                         .x = x,
                         .x_step = DEPTH,
                         .w = w + width,
                         .bias = w,
                         .y = y,
                         .y_step = channels,
                         .finish = {.act = ACT_RELU}};

    for (int i = 0; i < pixels * DEPTH; i++)
        x[i] = number(i);
    for (int i = 0; i < (DEPTH + 1) * width; i++)
        w[i] = number(i + 4);
    k->hwc_tile(&t);
    for (int p = 0; p < pixels; p++)
        for (int m = 0; m < channels; m++) {
            float sum = w[m];

            for (int d = 0; d < DEPTH; d++)
                sum += x[p * DEPTH + d] * w[(d + 1) * width + m];
            if (y[p * channels + m] != (sum > 0 ? sum : 0))
                return false;
        }
    return true;
}

static bool hwc_taps_agree(const struct kernels *k, int pixels, int channels)
{
    float x[(HWC_MAX_PIXELS + 2) * HWC_MAX_CHANNELS], w[4 * HWC_MAX_CHANNELS];
    float y[HWC_MAX_PIXELS * HWC_MAX_CHANNELS];
    const float *row = x;
    struct hwc_taps t = {.pixels = pixels,
                         .channels = channels,
                         .rows = 1,
                         .cols = 3,
                         .row = &row,
                         .step = channels,
                         .dilation = channels,
                         .w = w + channels,
                         .bias = w,
                         .y = y,
                         .y_step = channels};

    for (int i = 0; i < (pixels + 2) * channels; i++)
        x[i] = number(i);
    for (int i = 0; i < 4 * channels; i++)
        w[i] = number(i + 4);
    k->hwc_taps(&t);
    for (int i = 0; i < pixels * channels; i++) {
        int c = i % channels;
        float sum = w[c];

        for (int j = 0; j < 3; j++)
            sum += x[i + j * channels] * w[(j + 1) * channels + c];
        if (y[i] != sum)
            return false;
    }
    return true;
}

static bool hwc_agrees(const struct kernels *k)
{
    const int channels[] = {1, k->hwc_lanes, k->hwc_channels - 1, k->hwc_channels};

    for (int pixels = 1; pixels <= k->hwc_pixels; pixels++)
        for (int i = 0; i < 4; i++)
            if (!hwc_tile_agrees(k, pixels, channels[i]) || !hwc_taps_agree(k, pixels, channels[i]))
                return false;
    return true;
}

/* ---- in 8 bits: through the public functions, which packs and scratch belong to ---------------- */
enum {
    Q8_H = 2,
    Q8_W = 15,
    MAX_IN = 36,
    MAX_OUT = 36,
    Q8_TAPS = 9,
    PACKED = 8 * 1024,
    Q8_ZERO = 3, /* of both pictures */
};

struct q8_case {
    int in, out, kernel, stride;
    enum act act;
};

struct q8_memory {
    uint8_t x[Q8_H * Q8_W * MAX_IN + HWC8_SLACK], y[Q8_H * Q8_W * MAX_OUT];
    int8_t w[MAX_OUT * MAX_IN * Q8_TAPS];
    float scale[MAX_OUT], bias[MAX_OUT];
    unsigned char packed[PACKED] __attribute__((aligned(64)));
    unsigned char scratch[PACKED] __attribute__((aligned(64)));
};

static int q8_input(int i)
{
    return i * 37 % 251;
}

static int8_t q8_weight(int i)
{
    return (int8_t)(i * 11 % 255 - 127);
}

static struct conv_shape q8_shape(const struct q8_case *q)
{
    int pad = q->kernel / 2;

    return (struct conv_shape){.N = 1,
                               .C = q->in,
                               .H = Q8_H,
                               .W = Q8_W,
                               .M = q->out ? q->out : q->in, /* 0: depthwise */
                               .OH = (Q8_H - 1) / q->stride + 1,
                               .OW = (Q8_W - 1) / q->stride + 1,
                               .kh = q->kernel,
                               .kw = q->kernel,
                               .stride_y = q->stride,
                               .stride_x = q->stride,
                               .dilation_y = 1,
                               .dilation_x = 1,
                               .pad_top = pad,
                               .pad_left = pad,
                               .pad_bottom = pad,
                               .pad_right = pad,
                               .groups = q->out ? 1 : q->in};
}

static int q8_sum(const struct conv_shape *s, const struct q8_memory *b, int y, int x, int m)
{
    int per = s->C / s->groups, taps = s->kh * s->kw, sum = 0;

    for (int i = 0; i < taps; i++) {
        int v = y * s->stride_y - s->pad_top + i / s->kw;
        int u = x * s->stride_x - s->pad_left + i % s->kw;

        if (v < 0 || v >= s->H || u < 0 || u >= s->W)
            continue;
        for (int c = 0; c < per; c++)
            sum += (b->x[(v * s->W + u) * s->C + (s->groups > 1 ? m : c)] - Q8_ZERO) *
                   b->w[(m * per + c) * taps + i];
    }
    return sum;
}

static float q8_act(enum act act, float v)
{
    return act == ACT_SILU             ? v / (1 + expf(-v))
           : v < 0 && act == ACT_RELU  ? 0
           : v < 0 && act == ACT_LEAKY ? v / 2
                                       : v;
}

/* Scales are powers of two, so that there is nothing to round but the last step; SiLU may be one off. */
static bool q8_agrees(const struct kernels *k, const struct q8_case *q, struct q8_memory *b)
{
    const float unit = 0x1p-13f, step = 0x1p-2f;
    struct conv_shape s = q8_shape(q);
    struct hwc8_weights w = {b->w, b->scale, b->bias, Q8_ZERO};
    struct hwc8_finish f = {
        .act = q->act, .a = 0.5f, .as = {step, Q8_ZERO}, .y = b->y, .y_step = s.M};

    if (conv_hwc8_weights_size(k, &s, false) > PACKED || conv_hwc8_scratch(&s, false, 1) > PACKED)
        return false;
    for (int i = 0; i < Q8_H * Q8_W * s.C; i++)
        b->x[i] = (uint8_t)q8_input(i);
    for (int i = 0; i < s.M * s.C / s.groups * s.kh * s.kw; i++)
        b->w[i] = q8_weight(i);
    for (int m = 0; m < s.M; m++) {
        b->scale[m] = unit;
        b->bias[m] = (float)(m % 7 - 3);
    }
    conv_hwc8_pack(k, &s, false, &w, b->packed);
    conv_hwc8(k, &s, false, b->x, Q8_ZERO, b->packed, &f, b->scratch, NULL);
    for (int i = 0; i < s.OH * s.OW * s.M; i++) {
        int m = i % s.M, x = i / s.M % s.OW, y = i / s.M / s.OW;
        float v = (float)q8_sum(&s, b, y, x, m) * unit + b->bias[m];
        float want = rintf(q8_act(q->act, v) / step) + Q8_ZERO;

        want = want < 0 ? 0 : want > 255 ? 255 : want;
        if (fabsf(want - (float)b->y[i]) > (q->act == ACT_SILU ? 1.0f : 0.0f))
            return false;
    }
    return true;
}

static bool hwc8_agrees(const struct kernels *k)
{
    static const struct q8_case cases[] = {
        {5, 1, 1, 1, ACT_NONE},  {8, 16, 1, 1, ACT_RELU}, {6, 24, 1, 1, ACT_NONE},
        {9, 36, 1, 1, ACT_SILU}, {3, 20, 3, 2, ACT_RELU}, {7, 33, 1, 1, ACT_LEAKY},
        {36, 0, 3, 1, ACT_RELU}, {21, 0, 3, 2, ACT_SILU}, {17, 0, 5, 1, ACT_NONE},
    };
    struct q8_memory memory;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (!q8_agrees(k, &cases[i], &memory))
            return false;
    return true;
}

bool kernels_agree(const struct kernels *k)
{
    for (int rows = 1; rows <= k->tile_rows; rows++)
        if (!tile_agrees(k, rows, false) || !tile_agrees(k, rows, true))
            return false;
    for (size_t n = 1; n <= PIXELS; n++)
        for (int stride = 1; stride <= MAX_STRIDE; stride++)
            if (!taps_agree(k, n, stride))
                return false;
    return hwc_agrees(k) && hwc8_agrees(k);
}
