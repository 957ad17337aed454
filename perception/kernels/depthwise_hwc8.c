/* Depthwise convolution in 8 bits where a register multiplies and sums fours of bytes: rows of the
 * picture are woven, four numbers that lie above each other side by side, so that a four is four taps
 * of a column. Four rows serve two rows of outputs below each other where taps are three, and eight four
 * where they are five, with the weights moved on by one each. What is woven is what some pixels of a row need, with the zero point
 * around the picture, and stays in the first-level cache; windows are whole everywhere. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

enum {
    ALIGN = 64,
    PIXELS = 64,       /* whose sums are kept before they are finished together */
    WOVEN = 20 * 1024, /* bytes at a time, if they are enough for FEW pixels */
    FEW = 8,
};

static size_t align(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* How rows of outputs and fours of rows are put together. */
struct weave {
    int outputs, fours; /* rows each */
    int pixels;         /* of a row of outputs at a time */
    size_t row;         /* bytes of a four of rows */
};

/* Pixels of the picture under some of a row of outputs. */
static int width_under(const struct conv_shape *s, int outputs)
{
    return (outputs - 1) * s->stride_x + (s->kw - 1) * s->dilation_x + 1;
}

/* As many rows of outputs as there are ways to move the taps down in whole fours of rows. */
static int outputs_of(const struct conv_shape *s)
{
    int n = 4 - (s->kh - 1) % 4;

    if (s->stride_y != 1 || s->dilation_y != 1)
        return 1;
    return n == 3 ? 2 : n;
}

static struct weave weave_of(const struct conv_shape *s)
{
    int outputs = outputs_of(s);
    int fours = div_up(s->kh + outputs - 1, 4);
    int most = int_max(FEW, WOVEN / (4 * fours * s->C * s->stride_x));
    int pixels = int_min(int_min(most, PIXELS), s->OW);

    return (struct weave){.outputs = outputs,
                          .fours = fours,
                          .pixels = pixels,
                          .row = align(4 * (size_t)width_under(s, pixels) * (size_t)s->C)};
}

/* With a stride half of what is woven would be for one output only. */
bool hwc8_woven_fits(const struct kernels *k, const struct conv_shape *s)
{
    return k->hwc8_weaves && s->pad_left >= 0 && s->stride_x == 1;
}

size_t hwc8_woven_weights(const struct conv_shape *s)
{
    struct weave w = weave_of(s);

    return (size_t)s->C *
           (3 * sizeof(float) + 4 * (size_t)w.outputs * (size_t)w.fours * (size_t)s->kw);
}

/* Scales, biases, starts, then fours: (outputs, fours, kw, C, 4). */
void hwc8_woven_pack(const struct conv_shape *s, const struct hwc8_weights *from, void *packed)
{
    struct weave w = weave_of(s);
    size_t C = (size_t)s->C, taps = (size_t)s->kh * (size_t)s->kw;
    float *scale = packed, *bias = scale + C;
    int32_t *start = (int32_t *)(void *)(bias + C);
    int8_t *to = (int8_t *)(void *)(start + C);

    memset(packed, 0, hwc8_woven_weights(s));
    for (size_t c = 0; c < C; c++) {
        scale[c] = from->scale[c];
        bias[c] = from->bias ? from->bias[c] : 0.0f;
        for (size_t t = 0; t < taps; t++)
            start[c] -= from->x_zero * from->w[c * taps + t];
        for (int r = 0; r < w.outputs; r++)
            for (int i = 0; i < s->kh * s->kw; i++) {
                int row = r + i / s->kw, col = i % s->kw;
                size_t four = ((size_t)(r * w.fours + row / 4) * s->kw + (size_t)col) * C + c;

                to[4 * four + (size_t)(row % 4)] = from->w[c * taps + (size_t)i];
            }
    }
}

/* Of a thread: what is woven, and a row of the zero point. */
static size_t thread_bytes(const struct conv_shape *s)
{
    struct weave w = weave_of(s);

    return (size_t)w.fours * w.row + ALIGN + align((size_t)width_under(s, w.pixels) * (size_t)s->C);
}

size_t hwc8_woven_scratch(const struct conv_shape *s, int threads)
{
    return (size_t)threads * thread_bytes(s);
}

struct job {
    const struct hwc8_windows *w;
    struct weave weave;
    const float *scale;
    const int32_t *start;
    const int8_t *fours;
    unsigned char *scratch;
};

/* What `pixels` outputs from x on need, of the rows from y on: their pictures' rows woven. */
static void weave_band(const struct job *j, const int at[4], uint8_t *band)
{
    const struct conv_shape *s = j->w->s;
    size_t C = (size_t)s->C, line = (size_t)s->W * C;
    int wide = width_under(s, at[3]), first = at[2] * s->stride_x - s->pad_left;
    int from = int_min(wide, int_max(0, -first)); /* what lies in the picture */
    int to = int_max(from, int_min(wide, s->W - first)), top = at[1] * s->stride_y - s->pad_top;

    size_t before = (size_t)from * C, n = (size_t)(to - from) * C, after = (size_t)(wide - to) * C;
    uint8_t *nothing = band + (size_t)j->weave.fours * j->weave.row + ALIGN;

    memset(nothing, j->w->x_zero, n);
    for (int g = 0; g < j->weave.fours; g++, band += j->weave.row) {
        const uint8_t *row[4];

        for (int i = 0; i < 4; i++) {
            int tap = 4 * g + i, y = top + tap * s->dilation_y;

            row[i] = nothing;
            if (y >= 0 && y < s->H && tap < s->kh + j->weave.outputs - 1 && n > 0)
                row[i] = j->w->x + ((size_t)at[0] * s->H + (size_t)y) * line +
                         (size_t)(first + from) * C;
        }
        memset(band, j->w->x_zero, 4 * before);
        j->w->k->hwc8_weave(band + 4 * before, row, n);
        memset(band + 4 * (before + n), j->w->x_zero, 4 * after);
    }
}

/* Sums of `pixels` pixels from `first` on, n channels from c on, to where they belong. */
static void finish_some(const struct job *j, const int32_t *sum, size_t first, int pixels, int c,
                        int n)
{
    struct hwc8_finish f = hwc8_finish_at(&j->w->finish, first, c);

    f.scale = j->scale + c;
    f.bias = j->scale + j->w->s->C + c;
    j->w->k->hwc8_finish(sum, pixels, n, &f);
}

/* at: image, first row and first pixel of outputs, pixels. n channels from c on. */
static void run_block(const struct job *j, const uint8_t *band, const int at[4], int c, int n)
{
    const struct conv_shape *s = j->w->s;
    int32_t out[HWC8_WOVEN_ROWS * PIXELS * HWC8_MAX_CHANNELS];
    int y0 = at[1], x = at[2], rows = int_min(j->weave.outputs, s->OH - y0);
    bool whole = at[3] == s->OW; /* pixels of one row follow those of the one before */
    ptrdiff_t C = s->C;
    struct hwc8_woven t = {.pixels = at[3],
                           .channels = n,
                           .outputs = j->weave.outputs,
                           .fours = j->weave.fours,
                           .cols = s->kw,
                           .x = band + 4 * (size_t)c,
                           .row = (ptrdiff_t)j->weave.row,
                           .step = 4 * C * s->stride_x,
                           .dilation = 4 * C * s->dilation_x,
                           .start = j->start + c,
                           .w = j->fours + 4 * (size_t)c,
                           .w_col = 4 * C,
                           .out = out,
                           .out_row = (whole ? at[3] : PIXELS) * HWC8_MAX_CHANNELS};

    j->w->k->hwc8_woven(&t);
    if (whole) {
        finish_some(j, out, ((size_t)at[0] * s->OH + (size_t)y0) * s->OW, rows * at[3], c, n);
        return;
    }
    for (int r = 0; r < rows; r++)
        finish_some(j, out + r * t.out_row,
                    ((size_t)at[0] * s->OH + (size_t)(y0 + r)) * s->OW + (size_t)x, at[3], c, n);
}

static void run_rows(void *arg, int i, int thread)
{
    const struct job *j = arg;
    const struct conv_shape *s = j->w->s;
    int pieces = div_up(s->OH, j->weave.outputs), image = i / pieces;
    int y0 = i % pieces * j->weave.outputs, blocks = div_up(s->OW, j->weave.pixels);
    uint8_t *band = j->scratch + (size_t)thread * thread_bytes(s);

    for (int b = 0; b < blocks; b++) {
        int x = s->OW * b / blocks, end = s->OW * (b + 1) / blocks;
        const int at[] = {image, y0, x, end - x};

        weave_band(j, at, band);
        for (int c = 0; c < s->C; c += HWC8_MAX_CHANNELS)
            run_block(j, band, at, c, int_min(HWC8_MAX_CHANNELS, s->C - c));
    }
}

void hwc8_woven_run(const struct hwc8_windows *w, const void *packed, void *scratch,
                    struct pool *pool)
{
    const struct conv_shape *s = w->s;
    struct job j = {.w = w, .weave = weave_of(s), .scale = packed, .scratch = scratch};

    j.start = (const int32_t *)(const void *)(j.scale + 2 * (size_t)s->C);
    j.fours = (const int8_t *)(j.start + s->C);
    pool_run(pool, s->N * div_up(s->OH, j.weave.outputs), run_rows, &j);
}
