/* Inside of train/: convolution as the three products that training needs. Linear layers, transposed
 * convolutions and recurrent layers use them with shapes of their own.
 *
 * s is the convolution, x (N, H, W, C) to y (N, OH, OW, M), w (M, C / groups, kh, kw). Scratch:
 * product_scratch() bytes at t->scratch. */
#ifndef OUTRIDER_TRAIN_PRODUCT_H
#define OUTRIDER_TRAIN_PRODUCT_H

#include "perception/train/graph.h"

size_t product_scratch(const struct train *t, const struct conv_shape *s);
bool product_fits(const struct conv_shape *s); /* few enough taps, pads that taps reach over */

/* y = conv(x, w) + bias (M, or NULL) */
void product_forward(struct train *t, const struct conv_shape *s, const float *x, const float *w,
                     const float *bias, float *y, bool add);
/* dx = or += the gradient of the input; with bias (C, or NULL) it is a transposed convolution. */
void product_input(struct train *t, const struct conv_shape *s, const float *dy, const float *w,
                   const float *bias, float *dx, bool add);
/* dw (M, C / groups, kh, kw) */
void product_weights(struct train *t, const struct conv_shape *s, const float *x, const float *dy,
                     float *dw);

/* sum (C) over rows of x (rows, C), in pieces of a fixed size. Scratch: product_sums_scratch(). */
size_t product_sums_scratch(size_t rows, int C);
void product_sums(struct train *t, const float *x, size_t rows, int C, float *sum);

/* n rows of C as a picture of one row, for products with (M, C) matrices */
struct conv_shape product_rows(size_t n, int C, int M);

/* ---- parts (product_weights.c) --------------------------------------------------------------- */
size_t product_weights_scratch(const struct train *t, const struct conv_shape *s);
/* ---- each channel alone (product_depth.c) ---------------------------------------------------- */
bool product_is_depthwise(const struct conv_shape *s);
size_t depth_scratch(const struct conv_shape *s);
void depth_input(struct train *t, const struct conv_shape *s, const float *dy, const float *w,
                 const float *bias, float *dx, bool add);
void depth_weights(struct train *t, const struct conv_shape *s, const float *x, const float *dy,
                   float *dw);

#endif
