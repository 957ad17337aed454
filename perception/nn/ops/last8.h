/* The operators that fuse_quant.c puts in the place of DequantizeLinear, an operator on real numbers
 * and QuantizeLinear: the same on bytes, channels last (kernels/hwc8.h). No file can name them. */
#ifndef OUTRIDER_NN_LAST8_H
#define OUTRIDER_NN_LAST8_H

#include "perception/kernels/hwc8.h"
#include "perception/nn/ops/ops.h"

/* Inputs of all: the bytes; weights (int8, as the file has them), or NULL; a residual, or NULL. */
enum { LAST8_X, LAST8_W, LAST8_ADD, LAST8_INPUTS };

struct last8 {
    struct conv_shape shape; /* convolutions, pools */
    bool transposed, count_pads;
    bool planes; /* the float side of a border is (N, C, H, W) */
    struct q8 x_as;
    const float *product, *bias; /* convolutions: scale of a product, (M); bias (M) or NULL */
    struct hwc8_finish f;        /* y and add come while running */
    struct resize_shape resize;
    const struct q8 *each_as; /* concat: of every input, as its channels */
    const size_t *each_channels;
    size_t at;       /* the output is a part of a picture, from this channel on */
    int start, step; /* slice: the first channel, how far it is to the next */
    struct q8 a_as;  /* products */
};

/* params of all: struct last8 */
extern const struct op op_conv8, op_rows8, op_max_pool8, op_average_pool8, op_concat8, op_slice8,
    op_resize8, op_quantize8, op_dequantize8;
/* A product x (I, K) a (M, K), a in the place of the residual; real numbers (M, I) come out. */
extern const struct op op_matmul8;
extern const struct op op_quantize_flat8; /* to bytes in the same order */

/* n may leave what it makes in some channels of a larger picture: of out[0], from params->at on. */
bool last8_makes_parts(const struct node *n);

#endif
