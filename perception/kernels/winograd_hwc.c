/* 3x3 convolutions of stride 1 after Winograd: outputs are made in tiles of 2 x 2 from 4 x 4 inputs
 * with 16 multiplications instead of 36 (A. Lavin and S. Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2016, section 4.1). Inputs are turned into 16 planes, each multiplied with its
 * plane of turned weights as a pointwise convolution, and the 16 products turned back.
 *
 * Some tiles at a time, so that the planes stay in the cache. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

enum {
    PLANES = 16,
    MIN_CHANNELS = 32, /* with fewer, turning costs more than it saves */
    MIN_TILES = 28,
    RUN = 4,                    /* of the table's tiles, in one go ... */
    RUN_FLOATS = 16 * 56 * 288, /* ... if the planes are not larger than this */
};

bool winograd_fits(const struct conv_shape *s)
{
    return s->kh == 3 && s->kw == 3 && s->stride_y == 1 && s->stride_x == 1 && s->dilation_y == 1 &&
           s->dilation_x == 1 && s->groups == 1 && s->C >= MIN_CHANNELS && s->M >= MIN_CHANNELS &&
           div_up(s->OH, 2) * div_up(s->OW, 2) >= MIN_TILES;
}

static size_t pitch_of(const struct kernels *k, int channels)
{
    return (size_t)div_up(channels, k->hwc_lanes) * (size_t)k->hwc_lanes;
}

static int tiles_of(const struct kernels *k, const struct conv_shape *s)
{
    size_t each = PLANES * (pitch_of(k, s->C) + pitch_of(k, s->M));

    return k->hwc_pixels * ((size_t)(RUN * k->hwc_pixels) * each > RUN_FLOATS ? RUN / 2 : RUN);
}

/* The picture as a whole number of tiles. */
static struct conv_shape even(const struct conv_shape *s)
{
    struct conv_shape e = *s;

    e.OH = div_up(s->OH, 2) * 2;
    e.OW = div_up(s->OW, 2) * 2;
    return e;
}

/* Rows of tiles in a band. */
static int band_tiles(const struct conv_shape *e)
{
    return int_max(1, hwc_band_rows(e) / 2);
}

static size_t band_floats(const struct conv_shape *e)
{
    return (size_t)hwc_rows_under(e, 2 * band_tiles(e)) * (size_t)hwc_padded_width(e) * e->C;
}

/* ---- weights: the bias, then panels plane by plane ------------------------------------------- */
size_t winograd_weights_floats(const struct kernels *k, const struct conv_shape *s)
{
    return pitch_of(k, s->M) + PLANES * hwc_panels_floats(k, s->M, s->C);
}

/* y = G x, G = (1 0 0, 1/2 1/2 1/2, 1/2 -1/2 1/2, 0 0 1); numbers lie step apart. */
static inline void turn(double *y, const double *x, int step)
{
    double ends = 0.5 * (x[0] + x[2 * step]), middle = 0.5 * x[step];

    y[0] = x[0];
    y[step] = ends + middle;
    y[2 * step] = ends - middle;
    y[3 * step] = x[2 * step];
}

/* G g G' to 16 planes */
static void turn_weight(const float *g, float *to, size_t plane)
{
    double x[9], rows[12], y[4], line[3];

    for (int i = 0; i < 9; i++)
        x[i] = (double)g[i];
    for (int i = 0; i < 3; i++)
        turn(rows + i, x + i, 3);
    for (int i = 0; i < 4; i++) {
        memcpy(line, rows + 3 * i, sizeof line);
        turn(y, line, 1);
        for (int j = 0; j < 4; j++)
            to[(size_t)(4 * i + j) * plane] = (float)y[j];
    }
}

void winograd_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                   const float *bias, float *to)
{
    size_t plane = hwc_panels_floats(k, s->M, s->C), C = (size_t)s->C;

    memset(to, 0, winograd_weights_floats(k, s) * sizeof *to);
    if (bias)
        memcpy(to, bias, (size_t)s->M * sizeof *to);
    to += pitch_of(k, s->M);
    for (int m0 = 0; m0 < s->M; m0 += k->hwc_channels) {
        int n = int_min(k->hwc_channels, s->M - m0);
        size_t width = pitch_of(k, n);

        for (size_t c = 0; c < C; c++)
            for (int m = 0; m < n; m++)
                turn_weight(w + ((size_t)(m0 + m) * C + c) * 9, to + (c + 1) * width + m, plane);
        to += width * (C + 1);
    }
}

/* ---- pieces ----------------------------------------------------------------------------------- */
struct places { /* of one thread's scratch memory, in floats */
    size_t band, in, out, all;
};

static struct places places_of(const struct kernels *k, const struct conv_shape *s)
{
    struct conv_shape e = even(s);
    size_t tiles = (size_t)tiles_of(k, s);
    struct places p = {0};

    p.in = band_floats(&e) + 16; /* the last pixel is read a register at a time */
    p.in = (p.in + 15) / 16 * 16;
    p.out = p.in + PLANES * tiles * pitch_of(k, s->C);
    p.all = p.out + PLANES * tiles * pitch_of(k, s->M);
    return p;
}

size_t winograd_scratch(const struct kernels *k, const struct conv_shape *s, int threads)
{
    return (size_t)threads * floats_size(places_of(k, s).all);
}

struct winograd {
    struct hwc_conv c;
    struct conv_shape e; /* even */
    int tiles;           /* in one go */
};

/* Tiles [first, first + n) of the band, counted along its rows. */
static void turn_in(const struct winograd *w, const float *band, int first, int n, float *planes)
{
    size_t pitch = pitch_of(w->c.k, w->e.C), width = (size_t)hwc_padded_width(&w->e) * w->e.C;
    int across = w->e.OW / 2;
    struct winograd_tile t = {.channels = (size_t)w->e.C,
                              .x_row = (ptrdiff_t)width,
                              .x_pixel = w->e.C,
                              .plane = (ptrdiff_t)(pitch * (size_t)w->tiles)};

    for (int i = 0; i < n; i++) {
        int row = (first + i) / across, col = (first + i) % across;

        t.x = band + 2 * (size_t)row * width + 2 * (size_t)col * w->e.C;
        t.y = planes + (size_t)i * pitch;
        w->c.k->winograd_in(&t);
    }
}

static void multiply(const struct winograd *w, int n, const float *in, float *out)
{
    const struct kernels *k = w->c.k;
    size_t in_pitch = pitch_of(k, w->e.C), out_pitch = pitch_of(k, w->e.M);
    const float *weights = w->c.weights + out_pitch;
    const ptrdiff_t start = 0;
    struct hwc_tile t = {.segments = 1,
                         .length = w->e.C,
                         .segment = &start,
                         .x_step = (ptrdiff_t)in_pitch,
                         .y_step = (ptrdiff_t)out_pitch};

    for (int p = 0; p < PLANES; p++, in += in_pitch * (size_t)w->tiles,
             out += out_pitch * (size_t)w->tiles, weights += hwc_panels_floats(k, w->e.M, w->e.C))
        for (int m = 0; m < w->e.M; m += k->hwc_channels) {
            int channels = int_min(k->hwc_channels, w->e.M - m);

            t.channels = (int)pitch_of(k, channels); /* whole registers: the pitch has room */
            t.bias = weights + (size_t)m * ((size_t)w->e.C + 1);
            t.w = t.bias + t.channels;
            for (int i = 0; i < n; i += t.pixels) {
                t.pixels = int_min(k->hwc_pixels, n - i);
                t.x = in + (size_t)i * in_pitch;
                t.y = out + (size_t)i * out_pitch + m;
                k->hwc_tile(&t);
            }
        }
}

/* row0: the band's first row of tiles in the picture */
static void turn_out(const struct winograd *w, const float *planes, int image, int row0, int first,
                     int n)
{
    const struct hwc_conv *c = &w->c;
    size_t pitch = pitch_of(c->k, w->e.M);
    int across = w->e.OW / 2;
    struct winograd_tile t = {.channels = (size_t)w->e.M,
                              .plane = (ptrdiff_t)(pitch * (size_t)w->tiles),
                              .bias = c->weights,
                              .y_row = (ptrdiff_t)((size_t)c->s->OW * c->io.y_pitch),
                              .y_pixel = (ptrdiff_t)c->io.y_pitch,
                              .add_row = (ptrdiff_t)((size_t)c->s->OW * c->io.add_pitch)};

    for (int i = 0; i < n; i++) {
        int y = 2 * (row0 + (first + i) / across), x = 2 * ((first + i) % across);
        size_t pixel = ((size_t)image * c->s->OH + (size_t)y) * c->s->OW + (size_t)x;

        t.rows = int_min(2, c->s->OH - y);
        t.cols = int_min(2, c->s->OW - x);
        t.x = planes + (size_t)i * pitch;
        t.y = c->io.y + pixel * c->io.y_pitch;
        t.finish = hwc_finish_of(c, pixel, 0);
        c->k->winograd_out(&t);
    }
}

static void run_piece(void *arg, int i, int thread)
{
    const struct winograd *w = arg;
    const struct hwc_conv *c = &w->c;
    struct places p = places_of(c->k, c->s);
    float *scratch = (float *)(void *)(c->scratch + (size_t)thread * floats_size(p.all));
    int image = i / c->bands, row0 = i % c->bands * c->rows;
    int rows = int_min(c->rows, w->e.OH / 2 - row0), all = rows * (w->e.OW / 2);

    hwc_copy_band(&w->e, &c->io, image, 2 * row0 - w->e.pad_top, hwc_rows_under(&w->e, 2 * rows),
                  scratch);
    for (int first = 0; first < all; first += w->tiles) {
        int n = int_min(w->tiles, all - first);

        turn_in(w, scratch, first, n, scratch + p.in);
        multiply(w, n, scratch + p.in, scratch + p.out);
        turn_out(w, scratch + p.out, image, row0, first, n);
    }
}

void winograd_run(const struct hwc_conv *c, struct pool *pool)
{
    struct winograd w = {.c = *c, .e = even(c->s), .tiles = tiles_of(c->k, c->s)};
    int want = 2 * pool_threads(pool);

    w.c.rows = band_tiles(&w.e);
    if (pool_threads(pool) > 1)
        w.c.rows = int_max(1, int_min(w.c.rows, w.e.OH / 2 / want));
    w.c.bands = div_up(w.e.OH / 2, w.c.rows);
    pool_run(pool, c->s->N * w.c.bands, run_piece, &w);
}
