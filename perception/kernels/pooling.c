/* Pooling, a row of outputs at a time: each tap of the window is a strided row of inputs. */
#include "perception/kernels/kernels.h"

#include <assert.h>
#include <math.h>

#include "perception/kernels/kernels_internal.h"

struct pooling {
    const struct kernels *k;
    const struct conv_shape *s;
    const float *x;
    float *y;
    bool count_pads;
};

/* Outputs [lo, hi) whose tap at input index i stride + shift lies inside [0, in). */
static void inside(int in, int out, int stride, int shift, int *lo, int *hi)
{
    *lo = shift < 0 ? (-shift + stride - 1) / stride : 0;
    *hi = int_min(out, in > shift ? (in - shift - 1) / stride + 1 : 0);
    *lo = int_min(*lo, *hi);
}

static void max_piece(void *arg, int i, int thread)
{
    const struct pooling *p = arg;
    const struct conv_shape *s = p->s;
    const float *x = p->x + (size_t)i * s->H * s->W;
    float *y = p->y + (size_t)i * s->OH * s->OW;

    (void)thread;
    for (int oy = 0; oy < s->OH; oy++, y += s->OW) {
        for (int ox = 0; ox < s->OW; ox++)
            y[ox] = -INFINITY;
        for (int ky = 0; ky < s->kh; ky++) {
            int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;

            if (iy < 0 || iy >= s->H)
                continue;
            for (int kx = 0; kx < s->kw; kx++) {
                int shift = kx * s->dilation_x - s->pad_left, lo, hi;

                inside(s->W, s->OW, s->stride_x, shift, &lo, &hi);
                if (lo < hi)
                    p->k->max_strided(y + lo, x + iy * s->W + lo * s->stride_x + shift,
                                      (size_t)(hi - lo), s->stride_x);
            }
        }
    }
}

void max_pool2d(const struct kernels *k, const struct conv_shape *s, const float *x, float *y,
                struct pool *pool)
{
    struct pooling p = {k, s, x, y, false};

    assert(s->M == s->C);
    pool_run(pool, s->N * s->C, max_piece, &p);
}

/* Taps of output o that count: those inside the picture, or inside its padding as well. */
static int count(int o, int in, int kernel, int stride, int dilation, int begin, int end, bool pads)
{
    int from = o * stride - begin, n = 0;

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

        for (int ox = 0; ox < s->OW; ox++)
            y[ox] = 0.0f;
        for (int ky = 0; ky < s->kh; ky++) {
            int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;

            if (iy < 0 || iy >= s->H)
                continue;
            for (int kx = 0; kx < s->kw; kx++) {
                int shift = kx * s->dilation_x - s->pad_left, lo, hi;

                inside(s->W, s->OW, s->stride_x, shift, &lo, &hi);
                for (int ox = lo; ox < hi; ox++)
                    y[ox] += x[iy * s->W + ox * s->stride_x + shift];
            }
        }
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
    struct pooling p = {k, s, x, y, count_pads};
    bool global = s->kh == s->H && s->kw == s->W && s->OH == 1 && s->OW == 1 && s->pad_top == 0 &&
                  s->pad_left == 0 && s->dilation_y == 1 && s->dilation_x == 1;

    assert(s->M == s->C);
    pool_run(pool, s->N * s->C, global ? global_piece : average_piece, &p);
}
