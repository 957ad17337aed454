/* Depthwise convolution and pooling channels last: all channels of some pixels of a row at a time.
 * Taps that fall outside the picture are left out, so nothing is copied. */
#include <assert.h>

#include "perception/kernels/hwc_internal.h"

bool hwc_is_depthwise(const struct conv_shape *s)
{
    return s->groups == s->C && s->M == s->C && s->C > 1;
}

void hwc_depthwise_pack(const struct conv_shape *s, const float *w, const float *bias, float *to)
{
    int taps = s->kh * s->kw;

    for (int c = 0; c < s->C; c++) {
        to[c] = bias ? bias[c] : 0.0f;
        for (int t = 0; t < taps; t++)
            to[(size_t)(t + 1) * s->C + c] = w[(size_t)c * taps + t];
    }
}

/* The taps [from, to) of n that lie in [0, length), the first being at `first`. */
static void inside(int first, int step, int n, int length, int *from, int *to)
{
    *from = int_min(n, first < 0 ? div_up(-first, step) : 0);
    *to = int_max(*from, int_min(n, length > first ? div_up(length - first, step) : 0));
}

/* Taps of a window that begins at `first` which lie before the end of the padded picture. */
static int counted(int first, int n, int step, int length, int pad_end)
{
    return int_min(n, div_up(length + pad_end - first, step));
}

/* Outputs [x0, x1) of a row with the taps of the first of them. */
static void run_taps(const struct hwc_conv *c, struct hwc_taps t, const float *const *rows,
                     size_t pixel, int y_count, int x0, int x1)
{
    const struct conv_shape *s = c->s;
    const float *row[HWC_MAX_TAPS];
    int left = x0 * s->stride_x - s->pad_left, i0, i1;

    inside(left, s->dilation_x, s->kw, s->W, &i0, &i1);
    for (int j = 0; j < t.rows; j++)
        row[j] = rows[j] + (ptrdiff_t)(left + i0 * s->dilation_x) * (ptrdiff_t)c->io.x_pitch;
    t.row = row;
    t.pixels = x1 - x0;
    t.cols = i1 - i0;
    t.y = c->io.y + (pixel + (size_t)x0) * c->io.y_pitch;
    if (t.w)
        t.w += (size_t)i0 * s->C;
    t.scale = 1.0f / (float)(c->count_pads
                                 ? y_count * counted(left, s->kw, s->dilation_x, s->W, s->pad_right)
                                 : int_max(1, t.rows * t.cols));
    t.finish = hwc_finish_of(c, pixel + (size_t)x0, 0);
    c->taps(&t);
}

void hwc_depthwise_row(const struct hwc_conv *c, int image, int y)
{
    const struct conv_shape *s = c->s;
    size_t line = (size_t)s->W * c->io.x_pitch,
           pixel = c->grid.first + (size_t)image * c->grid.per_image + (size_t)y * c->grid.per_row;
    int top = y * s->stride_y - s->pad_top, j0, j1, y_count;
    /* outputs [lo, hi) have all their taps in the picture */
    int room = s->W - 1 - (s->kw - 1) * s->dilation_x + s->pad_left;
    int lo = int_min(s->OW, int_max(0, div_up(s->pad_left, s->stride_x)));
    int hi = int_max(lo, int_min(s->OW, room < 0 ? 0 : room / s->stride_x + 1));
    const float *rows[HWC_MAX_TAPS];
    struct hwc_taps t = {.channels = s->C,
                         .step = (ptrdiff_t)(c->io.x_pitch * (size_t)s->stride_x),
                         .dilation = (ptrdiff_t)(c->io.x_pitch * (size_t)s->dilation_x),
                         .ahead = (ptrdiff_t)line,
                         .bias = c->weights,
                         .w_row = (ptrdiff_t)s->kw * s->C,
                         .y_step = (ptrdiff_t)c->io.y_pitch};

    inside(top, s->dilation_y, s->kh, s->H, &j0, &j1);
    t.rows = j1 - j0;
    if (t.rows > 0 && top + (s->kh - 1) * s->dilation_y + s->stride_y < s->H)
        t.ahead_rows = s->stride_y;
    t.w = c->weights ? c->weights + (size_t)(1 + j0 * s->kw) * s->C : NULL;
    y_count = counted(top, s->kh, s->dilation_y, s->H, s->pad_bottom);
    for (int j = 0; j < t.rows; j++)
        rows[j] =
            c->io.x + (size_t)image * s->H * line + (size_t)(top + (j0 + j) * s->dilation_y) * line;
    for (int x = 0; x < lo; x++)
        run_taps(c, t, rows, pixel, y_count, x, x + 1);
    if (hi > lo)
        run_taps(c, t, rows, pixel, y_count, lo, hi);
    for (int x = hi; x < s->OW; x++)
        run_taps(c, t, rows, pixel, y_count, x, x + 1);
}

static void run_piece(void *arg, int i, int thread)
{
    const struct hwc_conv *c = arg;
    int image = i / c->bands, y0 = i % c->bands * c->rows;

    (void)thread;
    for (int y = y0; y < int_min(y0 + c->rows, c->s->OH); y++)
        hwc_depthwise_row(c, image, y);
}

void hwc_depthwise_run(struct hwc_conv *c, void (*kernel)(const struct hwc_taps *t),
                       struct pool *pool)
{
    c->taps = kernel;
    c->rows = int_max(1, c->s->OH / (4 * pool_threads(pool)));
    c->bands = div_up(c->s->OH, c->rows);
    pool_run(pool, c->s->N * c->bands, run_piece, c);
}

static void pool_hwc(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                     void (*kernel)(const struct hwc_taps *t), const struct hwc_io *io,
                     struct pool *pool)
{
    struct hwc_conv c = {.k = k,
                         .s = s,
                         .io = *io,
                         .grid = {0, (size_t)s->OH * s->OW, (size_t)s->OW, 1},
                         .count_pads = count_pads};

    assert(s->kh <= HWC_MAX_TAPS);
    if (s->OH > 0 && s->OW > 0 && s->N > 0)
        hwc_depthwise_run(&c, kernel, pool);
}

void max_pool_hwc(const struct kernels *k, const struct conv_shape *s, const struct hwc_io *io,
                  struct pool *pool)
{
    pool_hwc(k, s, false, k->hwc_max, io, pool);
}

void average_pool_hwc(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                      const struct hwc_io *io, struct pool *pool)
{
    pool_hwc(k, s, count_pads, k->hwc_sum, io, pool);
}
