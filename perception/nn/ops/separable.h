/* A depthwise convolution with the pointwise one behind it, as fuse_separable.c puts them together.
 * No file can name the operator. */
#ifndef OUTRIDER_NN_SEPARABLE_H
#define OUTRIDER_NN_SEPARABLE_H

#include "perception/nn/ops/conv.h"

/* Inputs: as of the pointwise convolution (CONV_...), then the depthwise one's weights. */
enum { SEPARABLE_W = CONV_INPUTS, SEPARABLE_BIAS, SEPARABLE_INPUTS };

struct separable_params {
    struct conv_params depth, point;
    size_t point_at; /* bytes: where the second's packed weights begin */
};

extern const struct op op_separable;

/* Both read channels last; whether the second may read what the first makes bit by bit. */
bool separable_fits(const struct node *depth, const struct node *point);

#endif
