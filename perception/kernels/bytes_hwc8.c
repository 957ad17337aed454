/* Into the bytes and out of them, and what only moves or compares them (bytes.h). */
#include "perception/kernels/hwc8.h"
#include "perception/kernels/hwc_internal.h"

enum {
    PIECE = 16 * 1024, /* bytes; what is smaller stays in one thread */
    STRIP = 1024,      /* pixels turned at a time */
};

/* ---- channels of every pixel ------------------------------------------------------------------- */
struct moves {
    const struct kernels *k;
    const struct bytes_move *m;
    size_t per; /* pixels of a piece */
};

static void move_piece(void *arg, int i, int thread)
{
    const struct moves *all = arg;
    struct bytes_move m = *all->m;
    size_t from = (size_t)i * all->per, left = m.pixels - from;

    (void)thread;
    m.pixels = left < all->per ? left : all->per;
    m.x += from * m.x_step;
    m.y += from * m.y_step;
    all->k->bytes_move(&m);
}

void move_hwc8(const struct kernels *k, const struct bytes_move *m, struct pool *pool)
{
    struct moves all = {k, m, m->channels ? PIECE / m->channels + 1 : 1};

    if (m->pixels > 0 && m->channels > 0)
        pool_run(pool, (int)((m->pixels + all.per - 1) / all.per), move_piece, &all);
}

/* ---- the largest of a window ------------------------------------------------------------------- */
struct largest {
    const struct kernels *k;
    const struct conv_shape *s;
    const uint8_t *x;
    uint8_t *y;
};

/* Outputs [x0, x1) of row i, which all have the taps of the first. */
static void largest_run(const struct largest *l, int i, int x0, int x1)
{
    const struct conv_shape *s = l->s;
    size_t C = (size_t)s->C;
    int image = i / s->OH, top = i % s->OH * s->stride_y - s->pad_top;
    int left = x0 * s->stride_x - s->pad_left;
    struct span ys = span_inside(top, s->dilation_y, s->kh, s->H);
    struct span xs = span_inside(left, s->dilation_x, s->kw, s->W);
    const uint8_t *rows[HWC_MAX_TAPS];
    struct bytes_max m = {.pixels = (size_t)(x1 - x0),
                          .channels = C,
                          .rows = xs.to > xs.from ? ys.to - ys.from : 0,
                          .cols = xs.to - xs.from,
                          .row = rows,
                          .step = C * (size_t)s->stride_x,
                          .dilation = C * (size_t)s->dilation_x,
                          .y = l->y + ((size_t)i * s->OW + (size_t)x0) * C};

    for (int j = 0; j < m.rows; j++)
        rows[j] =
            l->x + (((size_t)image * s->H + (size_t)(top + (ys.from + j) * s->dilation_y)) * s->W +
                    (size_t)(left + xs.from * s->dilation_x)) *
                       C;
    l->k->bytes_max(&m);
}

static void largest_row(void *arg, int i, int thread)
{
    const struct largest *l = arg;
    struct span whole = span_whole(l->s);

    (void)thread;
    for (int x = 0; x < whole.from; x++)
        largest_run(l, i, x, x + 1);
    if (whole.to > whole.from)
        largest_run(l, i, whole.from, whole.to);
    for (int x = whole.to; x < l->s->OW; x++)
        largest_run(l, i, x, x + 1);
}

void max_pool_hwc8(const struct kernels *k, const struct conv_shape *s, const uint8_t *x,
                   uint8_t *y, struct pool *pool)
{
    struct largest l = {k, s, x, y};

    pool_run(pool, s->N * s->OH, largest_row, &l);
}

/* ---- in and out -------------------------------------------------------------------------------- */
/* n pixels of three channels, as pictures have them; x the first plane. */
static void quantize_threes(const struct kernels *k, const struct border8 *b, const float *x,
                            uint8_t *y, size_t n)
{
    uint8_t strip[3][STRIP];

    for (size_t c = 0; c < 3; c++)
        k->quantize_u8(strip[c], x + c * b->space, n, b->as.scale, b->as.zero);
    k->bytes_threes(y, strip[0], strip[1], strip[2], n);
}

static void quantize_strip(const struct kernels *k, const struct border8 *b, const float *x,
                           uint8_t *y, size_t n)
{
    uint8_t strip[STRIP];

    for (size_t c = 0; c < b->C; c++) {
        k->quantize_u8(strip, x + c * b->space, n, b->as.scale, b->as.zero);
        for (size_t i = 0; i < n; i++)
            y[i * b->C + c] = strip[i];
    }
}

void quantize_hwc8(const struct kernels *k, const struct border8 *b, const float *x, uint8_t *y,
                   size_t from, size_t to)
{
    if (!b->planes) {
        k->quantize_u8(y + from * b->C, x + from * b->C, (to - from) * b->C, b->as.scale,
                       b->as.zero);
        return;
    }
    for (size_t p = from; p < to; p += STRIP) {
        size_t n = to - p < STRIP ? to - p : STRIP;

        (b->C == 3 ? quantize_threes : quantize_strip)(k, b, x + p, y + p * b->C, n);
    }
}

void dequantize_hwc8(const struct kernels *k, const struct border8 *b, const uint8_t *x, float *y,
                     size_t from, size_t to)
{
    uint8_t strip[STRIP];

    if (!b->planes) {
        k->dequantize_u8(y + from * b->C, x + from * b->C, (to - from) * b->C, b->as.scale,
                         b->as.zero);
        return;
    }
    for (size_t p = from; p < to; p += STRIP) {
        size_t n = to - p < STRIP ? to - p : STRIP;

        for (size_t c = 0; c < b->C; c++) {
            for (size_t i = 0; i < n; i++)
                strip[i] = x[(p + i) * b->C + c];
            k->dequantize_u8(y + c * b->space + p, strip, n, b->as.scale, b->as.zero);
        }
    }
}
