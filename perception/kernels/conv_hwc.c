/* Convolutions channels last, five ways:
 *   depthwise  each channel alone (depthwise_hwc.c)
 *   pointwise  1x1 with nothing around it: rows may be cut anywhere
 *   winograd   3x3 of stride 1 with enough channels (winograd_hwc.c)
 *   direct     a tile's pixels of one row, all taps; the picture is read where it lies, or, where
 *              there are pads, from a padded copy of the rows that a piece needs
 *   grouped    the same for some channels at a time */
#include <assert.h>

#include "perception/kernels/hwc_internal.h"

enum {
    PIECES = 2, /* per thread, so that none waits long for the last */
    RUN = 4,    /* tiles in a row of a pointwise convolution */
};

bool hwc_is_pointwise(const struct conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride_y == 1 && s->stride_x == 1 && !hwc_is_padded(s);
}

const char *conv_hwc_way(const struct conv_shape *s)
{
    return hwc_is_depthwise(s)   ? "depthwise"
           : s->groups > 1       ? "grouped"
           : hwc_is_pointwise(s) ? "pointwise"
           : winograd_fits(s)    ? "winograd"
                                 : "direct";
}

bool conv_hwc_fits(const struct conv_shape *s)
{
    return (int64_t)s->kh * s->kw <= HWC_MAX_TAPS;
}

/* ---- weights --------------------------------------------------------------------------------- */
static int group_steps(const struct conv_shape *s)
{
    return s->C / s->groups * s->kh * s->kw;
}

size_t conv_hwc_weights_size(const struct kernels *k, const struct conv_shape *s)
{
    if (hwc_is_depthwise(s))
        return floats_size((size_t)s->C * ((size_t)s->kh * s->kw + 1));
    if (winograd_fits(s))
        return floats_size(winograd_weights_floats(k, s));
    return floats_size((size_t)s->groups * hwc_panels_floats(k, s->M / s->groups, group_steps(s)));
}

void conv_hwc_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                   const float *bias, void *packed)
{
    int M = s->M / s->groups, K = group_steps(s);
    ptrdiff_t tap[HWC_MAX_TAPS];

    if (hwc_is_depthwise(s)) {
        hwc_depthwise_pack(s, w, bias, packed);
        return;
    }
    if (winograd_fits(s)) {
        winograd_pack(k, s, w, bias, packed);
        return;
    }
    assert(conv_hwc_fits(s));
    for (int i = 0; i < s->kh * s->kw; i++)
        tap[i] = i;
    for (int g = 0; g < s->groups; g++) {
        struct hwc_weights one = {.s = s,
                                  .w = w + (size_t)g * M * K,
                                  .bias = bias ? bias + g * M : NULL,
                                  .M = M,
                                  .K = K,
                                  .tap = tap,
                                  .channels = s->C / s->groups,
                                  .m_step = K,
                                  .c_step = (ptrdiff_t)s->kh * s->kw};

        hwc_panels_fill(k, &one, (float *)packed + g * hwc_panels_floats(k, M, K));
    }
}

size_t conv_hwc_scratch(const struct kernels *k, const struct conv_shape *s, bool x_planes,
                        int threads)
{
    if (winograd_fits(s))
        return winograd_scratch(k, s, threads);
    if (hwc_is_depthwise(s) || (!x_planes && !hwc_is_padded(s)))
        return 0;
    return (size_t)threads * floats_size(hwc_band_floats(s));
}

/* ---- pieces ---------------------------------------------------------------------------------- */
struct hwc_finish hwc_finish_of(const struct hwc_conv *c, size_t pixel, int channel)
{
    const struct epilogue *e = c->e;
    struct hwc_finish f = {.act = ACT_NONE};

    if (e) {
        f = (struct hwc_finish){.act = e->act, .a = e->a, .b = e->b, .add_after = e->add_after};
        f.slope = e->slope ? e->slope + channel : NULL;
    }
    if (c->io.add) {
        f.add = c->io.add + pixel * c->io.add_pitch + channel;
        f.add_step = (ptrdiff_t)(c->grid.per_col * c->io.add_pitch);
    }
    return f;
}

/* What a piece reads: from the first tap of its first output on. */
struct window {
    const float *x;
    size_t row;   /* floats from row to row */
    size_t pitch; /* and from pixel to pixel */
    bool copied;  /* just now: it is near */
};

/* The pixels of the next tile, which may have to come from afar. */
static void fetch(const float *x, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += 16)
        __builtin_prefetch(x + i, 0, 2);
}

/* A row of outputs in tiles as equal as they can be. */
static void run_row(const struct kernels *k, struct hwc_tile *t, int pixels, bool cold)
{
    int tiles = div_up(pixels, k->hwc_pixels);

    for (int i = 0, from = 0; i < tiles; i++) {
        int to = (int)((int64_t)pixels * (i + 1) / tiles);

        t->pixels = to - from;
        if (cold)
            fetch(t->x + t->pixels * t->x_step, t->pixels * t->x_step);
        k->hwc_tile(t);
        t->x += t->pixels * t->x_step;
        t->y += t->pixels * t->y_step;
        if (t->finish.add)
            t->finish.add += t->pixels * t->finish.add_step;
        from = to;
    }
}

/* The taps as runs of numbers, seen from the pixel; says how many. */
static int segments_of(const struct conv_shape *s, const struct window *w,
                       ptrdiff_t at[HWC_MAX_TAPS], int *length)
{
    int channels = s->C / s->groups;
    bool runs = s->groups == 1 && s->dilation_x == 1 && w->pitch == (size_t)s->C;
    int per_row = runs ? 1 : s->kw, n = s->kh * per_row;

    *length = runs ? s->kw * channels : channels;
    for (int i = 0; i < n; i++)
        at[i] = (ptrdiff_t)((size_t)(i / per_row * s->dilation_y) * w->row +
                            (size_t)(i % per_row * s->dilation_x) * w->pitch);
    return n;
}

/* Rows [y0, y0 + rows) of one panel: n channels from m on, of group g. */
static void run_panel(const struct hwc_conv *c, const struct window *w, int image, int y0, int rows,
                      int g, int m, int n)
{
    const struct conv_shape *s = c->s;
    int M = s->M / s->groups, K = group_steps(s), channel = g * M + m;
    int width = div_up(n, c->k->hwc_lanes) * c->k->hwc_lanes;
    ptrdiff_t at[HWC_MAX_TAPS];
    const float *panel = c->weights + (size_t)g * hwc_panels_floats(c->k, M, K) +
                         (size_t)m * ((size_t)K + 1); /* the panels before it are whole */
    struct hwc_tile t = {.channels = n,
                         .segment = at,
                         .bias = panel,
                         .w = panel + width,
                         .x_step = (ptrdiff_t)(w->pitch * (size_t)s->stride_x),
                         .y_step = (ptrdiff_t)(c->grid.per_col * c->io.y_pitch)};

    t.segments = segments_of(s, w, at, &t.length);
    for (int y = y0; y < y0 + rows; y++) {
        int64_t left = c->pixels - (int64_t)y * s->OW;
        size_t pixel =
            c->grid.first + (size_t)image * c->grid.per_image + (size_t)y * c->grid.per_row;

        t.x = w->x + (size_t)(y - y0) * s->stride_y * w->row + (size_t)g * (s->C / s->groups);
        t.y = c->io.y + pixel * c->io.y_pitch + channel;
        t.finish = hwc_finish_of(c, pixel, channel);
        run_row(c->k, &t, left < s->OW ? (int)left : s->OW, m == 0 && !w->copied);
    }
}

static void run_piece(void *arg, int i, int thread)
{
    const struct hwc_conv *c = arg;
    const struct conv_shape *s = c->s;
    int split = i % c->splits, band = i / c->splits % c->bands, image = i / c->splits / c->bands;
    int y0 = band * c->rows, rows = int_min(c->rows, s->OH - y0);
    int per_group = div_up(s->M / s->groups, c->k->hwc_channels), panels = s->groups * per_group;
    int top = y0 * s->stride_y - s->pad_top;
    struct window w;

    if (c->io.x_planes || hwc_is_padded(s)) {
        size_t room = floats_size(hwc_band_floats(s));
        float *copy = (float *)(void *)(c->scratch + (size_t)thread * room);

        hwc_copy_band(s, &c->io, image, top, hwc_rows_under(s, rows), copy);
        w = (struct window){copy, (size_t)hwc_padded_width(s) * s->C, (size_t)s->C, true};
    } else {
        w.copied = false;
        w.pitch = c->io.x_pitch;
        w.row = (size_t)s->W * w.pitch;
        w.x = c->io.x + (size_t)image * c->in_pixels * w.pitch + (size_t)top * w.row;
    }
    for (int p = panels * split / c->splits; p < panels * (split + 1) / c->splits; p++) {
        int m = p % per_group * c->k->hwc_channels;

        run_panel(c, &w, image, y0, rows, p / per_group, m,
                  int_min(c->k->hwc_channels, s->M / s->groups - m));
    }
}

void hwc_pointwise_run(const struct hwc_conv *c, const float *x, size_t pixel, int n)
{
    const struct conv_shape *s = c->s;
    const ptrdiff_t start = 0;
    struct hwc_tile t = {.segments = 1,
                         .length = s->C,
                         .segment = &start,
                         .x_step = s->C,
                         .y_step = (ptrdiff_t)c->io.y_pitch};

    for (int m = 0; m < s->M; m += c->k->hwc_channels) {
        t.channels = int_min(c->k->hwc_channels, s->M - m);
        t.bias = c->weights + (size_t)m * ((size_t)s->C + 1);
        t.w = t.bias + div_up(t.channels, c->k->hwc_lanes) * c->k->hwc_lanes;
        t.x = x;
        t.y = c->io.y + pixel * c->io.y_pitch + m;
        t.finish = hwc_finish_of(c, pixel, m);
        run_row(c->k, &t, n, false);
    }
}

void hwc_conv_run(struct hwc_conv *c, struct pool *pool)
{
    const struct conv_shape *s = c->s;
    int threads = pool_threads(pool), panels = div_up(s->M / s->groups, c->k->hwc_channels);

    c->rows = hwc_band_rows(s);
    c->bands = div_up(s->OH, c->rows);
    c->splits = 1;
    if (threads > 1)
        c->splits = int_min(div_up(PIECES * threads, c->bands * s->N), s->groups * panels);
    pool_run(pool, s->N * c->bands * c->splits, run_piece, c);
}

void conv_hwc(const struct kernels *k, const struct conv_shape *s, const struct hwc_io *io,
              const void *packed, const struct epilogue *e, void *scratch, struct pool *pool)
{
    size_t pixels = (size_t)s->OH * s->OW;
    struct conv_shape flat = *s;
    struct hwc_conv c = {.k = k,
                         .s = s,
                         .io = *io,
                         .grid = {0, pixels, (size_t)s->OW, 1},
                         .e = e,
                         .weights = packed,
                         .scratch = scratch,
                         .pixels = (int64_t)pixels,
                         .in_pixels = (size_t)s->H * s->W};

    assert(s->C % s->groups == 0 && s->M % s->groups == 0 && conv_hwc_fits(s));
    if (s->OH <= 0 || s->OW <= 0 || s->N <= 0)
        return;
    if (hwc_is_depthwise(s)) {
        hwc_depthwise_run(&c, k->hwc_taps, pool);
        return;
    }
    if (winograd_fits(s)) {
        winograd_run(&c, pool);
        return;
    }
    if (hwc_is_pointwise(s) && !io->x_planes) {
        flat.W = flat.OW = int_min(RUN * k->hwc_pixels, (int)pixels);
        flat.H = flat.OH = div_up((int)pixels, flat.OW);
        c.s = &flat;
        c.grid.per_row = (size_t)flat.OW;
    }
    hwc_conv_run(&c, pool);
}
