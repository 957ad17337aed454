/* The geometry that convolution and pooling share: a window of up to three dimensions over the
 * space behind (N, C). Fewer dimensions are filled up in front with ones: (depth, height, width).
 */
#ifndef OUTRIDER_NN_WINDOW_H
#define OUTRIDER_NN_WINDOW_H

#include "perception/nn/ops/ops.h"

enum { SPACE = 3, WINDOW_MAX = 1 << 20 };

struct window {
    int rank; /* of the space, 1..3 */
    int in[SPACE], out[SPACE];
    int kernel[SPACE], stride[SPACE], dilation[SPACE], before[SPACE], after[SPACE];
};

/* Reads kernel_shape, strides, dilations, pads, auto_pad. kernel: from the weights, or NULL where
 * the attribute must say it. x's space goes to in; pads of SAME are resolved for convolution. */
MUST_CHECK enum err window_read(struct window *w, struct node *n, const int64_t *kernel,
                                struct why *why);
/* Output lengths of convolution and pooling; an error where there are none. */
MUST_CHECK enum err window_lengths(struct window *w, bool ceil_mode, struct why *why);
/* Only height and width: what the kernels do. */
bool window_is_flat(const struct window *w);
struct conv_shape window_shape(const struct window *w, int N, int C, int M, int groups);
/* (N, C, space): writes rank dimensions, returns rank + 2 */
int window_dims(const struct window *w, int64_t N, int64_t C, int64_t dim[TENSOR_MAX_RANK]);

/* The window of an AveragePool that divides by all numbers it covers, pads or not (from now on: it
 * had no pads, or counted them already). NULL: n is none. */
struct window *average_counting_zeros(struct node *n);

/* The window of a MaxPool that makes the maxima alone, not where they are; NULL: n is none. */
struct window *maximum_window(const struct node *n);

#endif
