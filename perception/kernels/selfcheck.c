/* Whether the hand-written kernels of a table compute what they should on this very machine. Small
 * whole numbers, so that sums are exact in any order and the answer must be equal to the bit. The
 * row kernels are the reference itself, compiled for more registers, and are not asked. */
#include "perception/kernels/hwc.h"
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

bool kernels_agree(const struct kernels *k)
{
    for (int rows = 1; rows <= k->tile_rows; rows++)
        if (!tile_agrees(k, rows, false) || !tile_agrees(k, rows, true))
            return false;
    for (size_t n = 1; n <= PIXELS; n++)
        for (int stride = 1; stride <= MAX_STRIDE; stride++)
            if (!taps_agree(k, n, stride))
                return false;
    return hwc_agrees(k);
}
