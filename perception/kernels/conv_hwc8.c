/* Convolutions channels last in 8 bits, the ways of conv_hwc.c. A segment, what is read in one run, is
 * filled up to whole fours of bytes with weights of 0. Around a picture lies its zero point, so that
 * what the zero points add to a sum is the same everywhere: -x_zero times the sum of the weights, with
 * which every sum begins. */
#include <assert.h>
#include <string.h>

#include "perception/kernels/hwc8.h"
#include "perception/kernels/hwc_internal.h"

enum {
    PIECES = 2,
    STRIP = 32 * 1024, /* bytes of the pixels of a pointwise convolution that a panel goes over */
    ALIGN = 64,
};

/* One ordinary convolution: the whole, or a phase of a transposed one. */
struct conv8 {
    const struct kernels *k;
    const struct conv_shape *s;
    const uint8_t *x;
    int x_zero;
    const unsigned char *weights;
    const struct hwc8_finish *f;
    struct hwc_grid grid;
    unsigned char *scratch;
    int64_t pixels;
    size_t in_pixels;
    int rows, bands, splits;
};

static size_t align(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static bool is_pointwise(const struct conv_shape *s)
{
    return (s->kh == 1 || s->dilation_y == 0) && s->kw == 1 && s->stride_y == 1 &&
           s->stride_x == 1 && !hwc_is_padded(s);
}

/* ---- weights --------------------------------------------------------------------------------- */
/* Taps of a row lie side by side. */
static bool taps_run(const struct conv_shape *s)
{
    return s->groups == 1 && s->dilation_x == 1;
}

static int segment_length(const struct conv_shape *s)
{
    return taps_run(s) ? s->kw * s->C : s->C / s->groups;
}

static int segment_count(const struct conv_shape *s)
{
    return taps_run(s) ? s->kh : s->kh * s->kw;
}

/* A panel: starts, scales and biases of its channels, then fours of weights. */
static size_t panel_bytes(const struct kernels *k, const struct conv_shape *s, int channels)
{
    size_t width = (size_t)div_up(channels, k->hwc8_lanes) * (size_t)k->hwc8_lanes;

    return width * (3 * sizeof(float) +
                    4 * (size_t)segment_count(s) * (size_t)div_up(segment_length(s), 4));
}

static size_t group_bytes(const struct kernels *k, const struct conv_shape *s)
{
    int M = s->M / s->groups, whole = M / k->hwc8_channels;
    size_t n = (size_t)whole * panel_bytes(k, s, k->hwc8_channels);

    return M % k->hwc8_channels ? n + panel_bytes(k, s, M % k->hwc8_channels) : n;
}

/* What is packed: a convolution, or phase (py, px) of the transposed one `whole`. */
struct packing {
    const struct kernels *k;
    const struct conv_shape *s, *whole; /* whole NULL: not transposed */
    int py, px;
    const struct hwc8_weights *from;
};

static int8_t weight_of(const struct packing *p, int group, int m, int step)
{
    const struct conv_shape *s = p->s;
    int C = s->C / s->groups, M = s->M / s->groups, taps = s->kh * s->kw;
    ptrdiff_t at;

    if (!p->whole)
        return p->from
            ->w[(((size_t)group * M + (size_t)m) * C + (size_t)(step % C)) * taps + step / C];
    at = hwc_phase_at(p->whole, p->py, p->px, m, step);
    return at < 0 ? 0
                  : p->from->w[(size_t)group * C * M * p->whole->kh * p->whole->kw + (size_t)at];
}

/* Channels [m0, m0 + n) of a group. */
static void fill_panel(const struct packing *p, int group, int m0, int n, unsigned char *to)
{
    const struct conv_shape *s = p->s;
    size_t width = (size_t)div_up(n, p->k->hwc8_lanes) * (size_t)p->k->hwc8_lanes;
    int length = segment_length(s), steps = div_up(length, 4), count = segment_count(s);
    int32_t *start = (int32_t *)(void *)to;
    float *scale = (float *)(void *)(start + width), *bias = scale + width;
    int8_t *w = (int8_t *)(void *)(bias + width);

    memset(to, 0, panel_bytes(p->k, s, n));
    for (int m = 0; m < n; m++) {
        int channel = group * (s->M / s->groups) + m0 + m;
        int32_t sum = 0;

        for (int i = 0; i < count * length; i++) {
            size_t four = (size_t)(i / length) * steps + (size_t)(i % length / 4);
            int8_t v = weight_of(p, group, m0 + m, i);

            w[(four * width + (size_t)m) * 4 + (size_t)(i % length % 4)] = v;
            sum += v;
        }
        start[m] = -p->from->x_zero * sum;
        scale[m] = p->from->scale[channel];
        bias[m] = p->from->bias ? p->from->bias[channel] : 0.0f;
    }
}

static void fill_groups(const struct packing *p, unsigned char *to)
{
    int M = p->s->M / p->s->groups;

    for (int g = 0; g < p->s->groups; g++)
        for (int m = 0; m < M; m += p->k->hwc8_channels) {
            int n = int_min(p->k->hwc8_channels, M - m);

            fill_panel(p, g, m, n, to);
            to += panel_bytes(p->k, p->s, n);
        }
}

/* Scales, biases, then the taps as 16 bits. */
static void pack_depthwise(const struct conv_shape *s, const struct hwc8_weights *w, void *packed)
{
    float *scale = packed, *bias = scale + s->C;
    int32_t *to = (int32_t *)(void *)(bias + s->C);
    int taps = s->kh * s->kw;

    for (int c = 0; c < s->C; c++) {
        scale[c] = w->scale[c];
        bias[c] = w->bias ? w->bias[c] : 0.0f;
        for (int t = 0; t < taps; t++)
            to[(size_t)t * s->C + c] = w->w[(size_t)c * taps + t] & 0xffff;
    }
}

static int phases(const struct conv_shape *s, bool transposed)
{
    return transposed ? s->stride_y * s->stride_x : 1;
}

static struct conv_shape phase_of(const struct conv_shape *s, bool transposed, int i)
{
    return transposed ? hwc_phase_of(s, i / s->stride_x, i % s->stride_x) : *s;
}

size_t conv_hwc8_weights_size(const struct kernels *k, const struct conv_shape *s, bool transposed)
{
    size_t n = 0;

    if (!transposed && hwc_is_depthwise(s) && hwc8_woven_fits(k, s))
        return align(hwc8_woven_weights(s));
    if (!transposed && hwc_is_depthwise(s))
        return align((size_t)s->C * ((size_t)s->kh * s->kw + 2) * sizeof(float));
    for (int i = 0; i < phases(s, transposed); i++) {
        struct conv_shape p = phase_of(s, transposed, i);

        n += align((size_t)s->groups * group_bytes(k, &p));
    }
    return n;
}

void conv_hwc8_pack(const struct kernels *k, const struct conv_shape *s, bool transposed,
                    const struct hwc8_weights *w, void *packed)
{
    unsigned char *to = packed;

    if (!transposed && hwc_is_depthwise(s)) {
        if (hwc8_woven_fits(k, s))
            hwc8_woven_pack(s, w, packed);
        else
            pack_depthwise(s, w, packed);
        return;
    }
    for (int i = 0; i < phases(s, transposed); i++) {
        struct conv_shape shape = phase_of(s, transposed, i);
        struct packing p = {.k = k,
                            .s = &shape,
                            .whole = transposed ? s : NULL,
                            .py = i / s->stride_x,
                            .px = i % s->stride_x,
                            .from = w};

        fill_groups(&p, to);
        to += align((size_t)s->groups * group_bytes(k, &shape));
    }
}

/* ---- two pictures ------------------------------------------------------------------------------ */
struct conv_shape product_hwc8(int pixels, int K, int M)
{
    return (struct conv_shape){.N = 1,
                               .C = K,
                               .H = 1,
                               .W = pixels,
                               .M = M,
                               .OH = 1,
                               .OW = pixels,
                               .kh = 2,
                               .kw = 1,
                               .stride_y = 1,
                               .stride_x = 1,
                               .dilation_y = 0,
                               .dilation_x = 1,
                               .groups = 1};
}

/* Only 255 is more than two signed bytes can add up to, and -255 is not. */
static int difference_sign(int zero)
{
    return zero == 0 ? -1 : 1;
}

/* A row of a panel of `width` channels: halves of the differences, then what is left of them. */
static int32_t fill_differences(const uint8_t *a, int zero, int K, size_t width, int8_t *w)
{
    size_t second = (size_t)div_up(K, 4) * width * 4;
    int32_t sum = 0;

    for (int i = 0; i < K; i++) {
        size_t at = (size_t)(i / 4) * width * 4 + (size_t)(i % 4);
        int difference = difference_sign(zero) * (a[i] - zero), half = difference / 2;

        w[at] = (int8_t)half;
        w[second + at] = (int8_t)(difference - half);
        sum += difference;
    }
    return sum;
}

void product_hwc8_pack(const struct kernels *k, const struct conv_shape *s, const uint8_t *a,
                       int a_zero, int x_zero, float scale, void *packed)
{
    unsigned char *to = packed;

    for (int m0 = 0; m0 < s->M; m0 += k->hwc8_channels) {
        int n = int_min(k->hwc8_channels, s->M - m0);
        size_t width = (size_t)div_up(n, k->hwc8_lanes) * (size_t)k->hwc8_lanes;
        int32_t *start = (int32_t *)(void *)to;
        float *scales = (float *)(void *)(start + width);
        int8_t *w = (int8_t *)(void *)(scales + 2 * width);

        memset(to, 0, panel_bytes(k, s, n));
        for (int m = 0; m < n; m++) {
            start[m] = -x_zero * fill_differences(a + (size_t)(m0 + m) * (size_t)s->C, a_zero, s->C,
                                                  width, w + 4 * (size_t)m);
            scales[m] = (float)difference_sign(a_zero) * scale;
        }
        to += panel_bytes(k, s, n);
    }
}

/* ---- bands: as hwc_band.c ----------------------------------------------------------------------- */
static size_t band_bytes(const struct conv_shape *s)
{
    return align(hwc_band_floats(s) + HWC8_SLACK); /* a byte each */
}

size_t conv_hwc8_scratch(const struct conv_shape *s, bool transposed, int threads)
{
    size_t most = 0;

    if (!transposed && hwc_is_depthwise(s))
        return s->OH > 0 && s->OW > 0 ? hwc8_woven_scratch(s, threads) : 0;
    for (int i = 0; i < phases(s, transposed); i++) {
        struct conv_shape p = phase_of(s, transposed, i);

        if (p.OH > 0 && p.OW > 0 && hwc_is_padded(&p) && band_bytes(&p) > most)
            most = band_bytes(&p);
    }
    return (size_t)threads * most;
}

/* `rows` rows of an image from y0 on, the zero point around them. */
static void copy_band(const struct conv8 *c, int image, int y0, int rows, uint8_t *to)
{
    const struct conv_shape *s = c->s;
    int width = hwc_padded_width(s), skip = int_max(0, -s->pad_left);
    int left = int_min(width, int_max(0, s->pad_left));
    int pixels = int_max(0, int_min(s->W - skip, width - left));
    size_t C = (size_t)s->C, row = (size_t)width * C, before = (size_t)left * C;
    size_t inside = (size_t)pixels * C;

    for (int y = y0; y < y0 + rows; y++, to += row) {
        if (y < 0 || y >= s->H || pixels == 0) {
            memset(to, c->x_zero, row);
            continue;
        }
        memset(to, c->x_zero, before);
        memcpy(to + before,
               c->x + ((size_t)image * c->in_pixels + (size_t)y * (size_t)s->W + (size_t)skip) * C,
               inside);
        memset(to + before + inside, c->x_zero, row - before - inside);
    }
}

/* ---- pieces ---------------------------------------------------------------------------------- */
struct hwc8_finish hwc8_finish_at(const struct hwc8_finish *f, size_t pixel, int channel)
{
    ptrdiff_t at = (ptrdiff_t)pixel * f->y_step + channel;
    struct hwc8_finish r = *f;

    r.y = f->y ? f->y + at : NULL;
    r.real = f->real ? f->real + at : NULL;
    r.add = f->add ? f->add + (ptrdiff_t)pixel * f->add_step + channel : NULL;
    r.slope = f->slope ? f->slope + channel : NULL;
    r.gain = f->gain ? f->gain + channel : NULL;
    r.shift = f->shift ? f->shift + channel : NULL;
    r.add_scale = f->add_scale ? f->add_scale + channel : NULL;
    return r;
}

static void run_row(const struct conv8 *c, struct hwc8_tile *t, size_t first, int channel)
{
    const float *scale = t->finish.scale, *bias = t->finish.bias;

    t->finish = hwc8_finish_at(c->f, first, channel);
    t->finish.scale = scale;
    t->finish.bias = bias;
    t->finish.y_step *= (ptrdiff_t)c->grid.per_col;
    t->finish.add_step *= (ptrdiff_t)c->grid.per_col;
    c->k->hwc8_tile(t);
}

struct window {
    const uint8_t *x; /* the first tap of the first output */
    size_t row;
};

/* Rows [y0, y0 + rows) of a panel: n channels from m on, of group g. */
static void run_panel(const struct conv8 *c, const struct window *w, const int at[4], int g, int m,
                      int n)
{
    const struct conv_shape *s = c->s;
    int image = at[0], y0 = at[1], rows = at[2], channel = g * (s->M / s->groups) + m;
    size_t width = (size_t)div_up(n, c->k->hwc8_lanes) * (size_t)c->k->hwc8_lanes;
    const unsigned char *panel =
        c->weights + (size_t)g * group_bytes(c->k, s) +
        (size_t)(m / c->k->hwc8_channels) * panel_bytes(c->k, s, c->k->hwc8_channels);
    const int32_t *start = (const int32_t *)(const void *)panel;
    const float *scale = (const float *)(const void *)(start + width);
    ptrdiff_t segment[HWC_MAX_TAPS];
    struct hwc8_tile t = {.channels = n,
                          .segments = segment_count(s),
                          .steps = div_up(segment_length(s), 4),
                          .segment = segment,
                          .x_step = (ptrdiff_t)s->C * s->stride_x,
                          .start = start,
                          .w = (const int8_t *)(const void *)(scale + 2 * width),
                          .finish = {.scale = scale, .bias = scale + width}};
    int per_row = t.segments / s->kh;

    for (int i = 0; i < t.segments; i++)
        segment[i] = (ptrdiff_t)((size_t)(i / per_row * s->dilation_y) * w->row +
                                 (size_t)(i % per_row * s->dilation_x) * (size_t)s->C);
    for (int y = y0; y < y0 + rows; y++) {
        int64_t left = c->pixels - (int64_t)y * s->OW;

        t.x = w->x + (size_t)(y - y0) * (size_t)s->stride_y * w->row +
              (size_t)g * (size_t)(s->C / s->groups);
        t.pixels = left < s->OW ? (int)left : s->OW;
        run_row(c, &t,
                c->grid.first + (size_t)image * c->grid.per_image + (size_t)y * c->grid.per_row,
                channel);
    }
}

static void run_piece(void *arg, int i, int thread)
{
    const struct conv8 *c = arg;
    const struct conv_shape *s = c->s;
    int split = i % c->splits, band = i / c->splits % c->bands, image = i / c->splits / c->bands;
    int y0 = band * c->rows, rows = int_min(c->rows, s->OH - y0), M = s->M / s->groups;
    int per_group = div_up(M, c->k->hwc8_channels), panels = s->groups * per_group;
    int top = y0 * s->stride_y - s->pad_top;
    struct window w;

    if (hwc_is_padded(s)) {
        uint8_t *copy = c->scratch + (size_t)thread * band_bytes(s);

        copy_band(c, image, top, hwc_rows_under(s, rows), copy);
        w = (struct window){copy, (size_t)hwc_padded_width(s) * (size_t)s->C};
    } else {
        w.row = (size_t)s->W * (size_t)s->C;
        w.x = c->x + (size_t)image * c->in_pixels * (size_t)s->C + (size_t)top * w.row;
    }
    for (int p = panels * split / c->splits; p < panels * (split + 1) / c->splits; p++) {
        int m = p % per_group * c->k->hwc8_channels;

        run_panel(c, &w, (const int[]){image, y0, rows, 0}, p / per_group, m,
                  int_min(c->k->hwc8_channels, M - m));
    }
}

/* rows: of a band; 0: what hwc_band_rows() says */
static void conv8_run(struct conv8 *c, int rows, struct pool *pool)
{
    const struct conv_shape *s = c->s;
    int threads = pool_threads(pool), panels = div_up(s->M / s->groups, c->k->hwc8_channels);

    if (s->OH <= 0 || s->OW <= 0 || s->N <= 0)
        return;
    c->rows = rows > 0 ? rows : hwc_band_rows(s);
    c->bands = div_up(s->OH, c->rows);
    c->splits = 1;
    if (threads > 1)
        c->splits = int_min(div_up(PIECES * threads, c->bands * s->N), s->groups * panels);
    pool_run(pool, s->N * c->bands * c->splits, run_piece, c);
}

/* The pixels of a picture as rows of one band each: they stay in the first-level cache for all panels,
 * and every thread gets some. */
static void run_pointwise(struct conv8 c, struct pool *pool)
{
    struct conv_shape flat = *c.s;
    int tile = c.k->hwc8_pixels, pixels = (int)c.pixels, threads = pool_threads(pool);
    int most = threads > 1 ? div_up(pixels, PIECES * threads) : pixels;

    flat.W = int_min(pixels, div_up(int_min(most, STRIP / flat.C + 1), tile) * tile);
    flat.OW = flat.W;
    flat.H = flat.OH = div_up(pixels, flat.W);
    c.s = &flat;
    c.grid.per_row = (size_t)flat.W;
    conv8_run(&c, 1, pool);
}

static void run_depthwise(const struct conv8 *c, struct pool *pool)
{
    const float *scale = (const float *)(const void *)c->weights;
    struct hwc8_windows w = {.k = c->k, .s = c->s, .x = c->x, .x_zero = c->x_zero, .finish = *c->f};

    if (hwc8_woven_fits(c->k, c->s)) {
        hwc8_woven_run(&w, scale, c->scratch, pool);
        return;
    }
    w.finish.scale = scale;
    w.finish.bias = scale + c->s->C;
    w.w = (const int32_t *)(const void *)(scale + 2 * (size_t)c->s->C);
    hwc8_windows_run(&w, pool);
}

static void run_transposed(struct conv8 c, struct pool *pool)
{
    const struct conv_shape *s = c.s;

    for (int i = 0; i < phases(s, true); i++) {
        struct conv_shape p = phase_of(s, true, i);

        c.s = &p;
        c.grid = (struct hwc_grid){(size_t)(i / s->stride_x) * s->OW + (size_t)(i % s->stride_x),
                                   (size_t)s->OH * s->OW, (size_t)s->stride_y * s->OW,
                                   (size_t)s->stride_x};
        c.pixels = (int64_t)p.OH * p.OW;
        conv8_run(&c, 0, pool);
        c.weights += align((size_t)s->groups * group_bytes(c.k, &p));
    }
}

void conv_hwc8(const struct kernels *k, const struct conv_shape *s, bool transposed,
               const uint8_t *x, int x_zero, const void *packed, const struct hwc8_finish *f,
               void *scratch, struct pool *pool)
{
    size_t pixels = (size_t)s->OH * s->OW;
    struct conv8 c = {.k = k,
                      .s = s,
                      .x = x,
                      .x_zero = x_zero,
                      .weights = packed,
                      .f = f,
                      .grid = {0, pixels, (size_t)s->OW, 1},
                      .scratch = scratch,
                      .pixels = (int64_t)pixels,
                      .in_pixels = (size_t)s->H * s->W};

    assert(s->C % s->groups == 0 && s->M % s->groups == 0);
    if (s->OH <= 0 || s->OW <= 0 || s->N <= 0)
        return;
    if (transposed) {
        run_transposed(c, pool);
        return;
    }
    if (hwc_is_depthwise(s)) {
        run_depthwise(&c, pool);
        return;
    }
    if (is_pointwise(s))
        run_pointwise(c, pool);
    else
        conv8_run(&c, 0, pool);
}
