/* Channels last: pictures as (N, H, W, C), the numbers of one pixel side by side. In this order a
 * convolution needs nothing copied in front of it: sums over the channels of a pixel run along
 * memory, and the results of neighbouring output channels fill registers.
 *
 * As in kernels.h the table holds what differs between instruction sets (a tile of pixels times
 * output channels, the taps of a depthwise convolution); the rest is built from it. Written once
 * in hwc_body.h over a small set of register operations (vec_c.h, x86/vec_*.h, arm/vec_neon.h).
 * Every output is one sum in the order of taps and channels, begun at the bias: results depend on
 * the CPU level, but not on how the work is split. */
#ifndef OUTRIDER_KERNELS_HWC_H
#define OUTRIDER_KERNELS_HWC_H

#include "perception/kernels/kernels.h"

/* What happens to sums on their way out; as struct epilogue, seen from the first channel of a tile. */
struct hwc_finish {
    enum act act;
    float a, b;
    const float *slope; /* (channels), ACT_LEAKY only; or NULL */
    const float *add;   /* a residual, pixels add_step apart; or NULL */
    ptrdiff_t add_step;
    bool add_after; /* act(v) + add; otherwise act(v + add) */
};

/* y[p][m] = finish(bias[m] + sum over g < segments, i < length of
 *                  x[p x_step + segment[g] + i] w[g length + i][m]) */
struct hwc_tile {
    int pixels, channels; /* 1..hwc_pixels, 1..hwc_channels */
    int segments, length; /* >= 1 */
    const ptrdiff_t *segment;
    const float *x;
    ptrdiff_t x_step;
    const float *w, *bias; /* rows of channels rounded up to hwc_lanes */
    float *y;
    ptrdiff_t y_step;
    struct hwc_finish finish;
};

/* y[p][c] = finish(bias[c] + sum over j < rows, i < cols of
 *                  row[j][p step + i dilation + c] w[j w_row + i channels + c]) */
struct hwc_taps {
    int pixels, channels;
    int rows, cols; /* of taps; 0 is fine */
    const float *const *row;
    ptrdiff_t step, dilation; /* floats between pixels, between taps */
    int ahead_rows;           /* below the last, ahead floats apart, that will be read soon */
    ptrdiff_t ahead;
    const float *w, *bias;
    ptrdiff_t w_row;
    float *y;
    ptrdiff_t y_step;
    float scale; /* hwc_sum: of the sum, without weights and finish; hwc_max reads none of these */
    struct hwc_finish finish;
};

/* One tile of Winograd's convolution (winograd_hwc.c). In: 4 x 4 pixels of x to 16 planes y. Out: 16
 * planes x to rows x cols (1 or 2 each) pixels of y. Whole registers are read of x and bias, and
 * written of planes. */
struct winograd_tile {
    size_t channels;
    const float *x, *bias;
    ptrdiff_t x_row, x_pixel;
    float *y;
    ptrdiff_t y_row, y_pixel, add_row;
    ptrdiff_t plane; /* floats from plane to plane */
    int rows, cols;
    struct hwc_finish finish;
};

/* Where the pictures of an operation lie. A pitch is the distance between pixels, at least the
 * number of channels: a picture may be some channels of a wider one. */
struct hwc_io {
    const float *x, *add; /* add: a residual with the output's shape, or NULL; may be y itself */
    float *y;
    size_t x_pitch, add_pitch, y_pitch;
    bool x_planes; /* x is (N, C, H, W) after all: the first convolution reads pictures so */
};

enum { HWC_MAX_TAPS = 128 };
bool conv_hwc_fits(const struct conv_shape *s); /* at most HWC_MAX_TAPS taps */
/* w (M, C / groups, kh, kw), bias (M) or NULL */
size_t conv_hwc_weights_size(const struct kernels *k, const struct conv_shape *s); /* bytes */
void conv_hwc_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                   const float *bias, void *packed);
size_t conv_hwc_scratch(const struct kernels *k, const struct conv_shape *s, bool x_planes,
                        int threads); /* bytes */
/* Of e, bias and add are not read: the one is packed, the other in io. */
void conv_hwc(const struct kernels *k, const struct conv_shape *s, const struct hwc_io *io,
              const void *packed, const struct epilogue *e, void *scratch, struct pool *pool);
/* Which of the ways below a shape takes, for people: "depthwise", "pointwise", "winograd", "direct", "grouped". */
const char *conv_hwc_way(const struct conv_shape *s);

/* A depthwise convolution and a pointwise one that reads what it makes, in one go. Of io, x is the
 * first's and y and add are the second's; the weights are packed by conv_hwc_pack() each. */
bool separable_hwc_fits(const struct conv_shape *depth, const struct conv_shape *point);
size_t separable_hwc_scratch(const struct conv_shape *depth, int threads); /* bytes */
void separable_hwc(const struct kernels *k, const struct conv_shape *depth,
                   const struct conv_shape *point, const struct hwc_io *io,
                   const void *depth_packed, const void *point_packed, const struct epilogue *first,
                   const struct epilogue *second, void *scratch, struct pool *pool);

/* Transposed, w (C, M / groups, kh, kw); the pixels of y and add are dense (pitch M). For each of stride_y stride_x phases an ordinary
 * convolution with the taps that fall on it, writing every stride-th pixel. */
bool conv_transpose_hwc_fits(const struct conv_shape *s); /* no dilation, few enough taps */
size_t conv_transpose_hwc_weights_size(const struct kernels *k, const struct conv_shape *s);
void conv_transpose_hwc_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                             const float *bias, void *packed);
size_t conv_transpose_hwc_scratch(const struct kernels *k, const struct conv_shape *s, int threads);
void conv_transpose_hwc(const struct kernels *k, const struct conv_shape *s,
                        const struct hwc_io *io, const void *packed, const struct epilogue *e,
                        void *scratch, struct pool *pool);

/* Pooling, a shape with M = groups = C. Windows of at most HWC_MAX_TAPS rows. count_pads: divide by
 * the window cut to the padded picture, otherwise to the picture itself. */
void max_pool_hwc(const struct kernels *k, const struct conv_shape *s, const struct hwc_io *io,
                  struct pool *pool);
void average_pool_hwc(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                      const struct hwc_io *io, struct pool *pool);

/* x (N, H, W, C), y (N, OH, OW, C); s->planes is N C. Scratch: resize_scratch(). */
void resize_hwc(const struct kernels *k, const struct resize_shape *s, int N,
                const struct hwc_io *io, void *scratch, struct pool *pool);

#endif
