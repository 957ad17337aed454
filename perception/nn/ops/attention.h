/* Attention as fuse_attention.c puts it together. No file can name the operator. */
#ifndef OUTRIDER_NN_ATTENTION_H
#define OUTRIDER_NN_ATTENTION_H

#include "perception/kernels/attention.h"
#include "perception/nn/ops/ops.h"

extern const struct op op_attention; /* inputs Q, K, V; params: struct attention_shape */

#endif
