/* Pooling, a row of outputs at a time: the rows of the window are joined first, top to bottom, then
 * the columns of what that gives, so a window costs its height plus its width. */
#include "perception/kernels/kernels.h"

#include <assert.h>
#include <math.h>

#include "perception/kernels/kernels_internal.h"

enum { SPAN = 2048 }; /* inputs of a row in flight */

struct pooling {
    const struct kernels *k;
    const struct conv_shape *s;
    const float *x;
    float *y;
    bool count_pads;
    void (*join)(float *y, const float *x, size_t n, int stride); /* max or add */
    float start;                                                  /* its neutral element */
};

/* Outputs [from, to) of one row, from input columns that fit in a line of SPAN. */
static void pool_span(const struct pooling *p, const float *x, int oy, int from, int to, float *y)
{
    const struct conv_shape *s = p->s;
    int left = int_max(from * s->stride_x - s->pad_left, 0); /* the line begins here */
    int right =
        int_min((to - 1) * s->stride_x - s->pad_left + (s->kw - 1) * s->dilation_x + 1, s->W);
    float line[SPAN];

    for (int ox = from; ox < to; ox++)
        y[ox] = p->start;
    if (left >= right)
        return;
    for (int i = 0; i < right - left; i++)
        line[i] = p->start;
    for (int ky = 0; ky < s->kh; ky++) {
        int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;

        if (iy >= 0 && iy < s->H)
            p->join(line, x + (size_t)iy * s->W + left, (size_t)(right - left), 1);
    }
    for (int kx = 0; kx < s->kw; kx++) {
        int shift = kx * s->dilation_x - s->pad_left, lo, hi; /* ix = ox stride + shift */

        lo = int_max(from, shift < 0 ? div_up(-shift, s->stride_x) : 0);
        hi = int_min(to, s->W > shift ? (s->W - shift - 1) / s->stride_x + 1 : 0);
        if (lo < hi)
            p->join(y + lo, line + lo * s->stride_x + shift - left, (size_t)(hi - lo), s->stride_x);
    }
}

static void pool_row(const struct pooling *p, const float *x, int oy, float *y)
{
    const struct conv_shape *s = p->s;
    int step = (SPAN - (s->kw - 1) * s->dilation_x - 1) / s->stride_x + 1;

    assert(step > 0 && (s->kw - 1) * s->dilation_x < SPAN);
    for (int from = 0; from < s->OW; from += step)
        pool_span(p, x, oy, from, int_min(from + step, s->OW), y);
}

static void max_piece(void *arg, int i, int thread)
{
    const struct pooling *p = arg;
    const struct conv_shape *s = p->s;
    const float *x = p->x + (size_t)i * s->H * s->W;
    float *y = p->y + (size_t)i * s->OH * s->OW;

    (void)thread;
    for (int oy = 0; oy < s->OH; oy++)
        pool_row(p, x, oy, y + (size_t)oy * s->OW);
}

void max_pool2d(const struct kernels *k, const struct conv_shape *s, const float *x, float *y,
                struct pool *pool)
{
    struct pooling p = {k, s, x, y, false, k->max_strided, -INFINITY};

    assert(s->M == s->C);
    pool_run(pool, s->N * s->C, max_piece, &p);
}

/* Taps of output o that count: those inside the picture, or inside its padding as well. */
static int count(int o, int in, int kernel, int stride, int dilation, int begin, int end, bool pads)
{
    int from = o * stride - begin, n = 0;

    if (from >= 0 && from + (kernel - 1) * dilation < in)
        return kernel;
    for (int t = 0; t < kernel; t++) {
        int i = from + t * dilation;

        n += pads ? i < in + end : i >= 0 && i < in;
    }
    return n;
}

static void average_piece(void *arg, int i, int thread)
{
    const struct pooling *p = arg;
    const struct conv_shape *s = p->s;
    const float *x = p->x + (size_t)i * s->H * s->W;
    float *y = p->y + (size_t)i * s->OH * s->OW;

    (void)thread;
    for (int oy = 0; oy < s->OH; oy++, y += s->OW) {
        int rows = count(oy, s->H, s->kh, s->stride_y, s->dilation_y, s->pad_top, s->pad_bottom,
                         p->count_pads);

        pool_row(p, x, oy, y);
        for (int ox = 0; ox < s->OW; ox++) {
            int cells = rows * count(ox, s->W, s->kw, s->stride_x, s->dilation_x, s->pad_left,
                                     s->pad_right, p->count_pads);

            y[ox] = cells > 0 ? y[ox] / (float)cells : 0.0f;
        }
    }
}

static void global_piece(void *arg, int i, int thread)
{
    const struct pooling *p = arg;
    size_t n = (size_t)p->s->H * p->s->W;

    (void)thread;
    p->y[i] = p->k->sum(p->x + (size_t)i * n, n) / (float)n;
}

void average_pool2d(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                    const float *x, float *y, struct pool *pool)
{
    struct pooling p = {k, s, x, y, count_pads, k->add_strided, 0.0f};
    bool global = s->kh == s->H && s->kw == s->W && s->OH == 1 && s->OW == 1 && s->pad_top == 0 &&
                  s->pad_left == 0 && s->dilation_y == 1 && s->dilation_x == 1;

    assert(s->M == s->C);
    pool_run(pool, s->N * s->C, global ? global_piece : average_piece, &p);
}
