/* A matrix times a constant one, as fuse_product.c makes it of MatMul and Gemm. */
#ifndef OUTRIDER_NN_PRODUCT_H
#define OUTRIDER_NN_PRODUCT_H

#include "perception/nn/ops/ops.h"

/* X (rows, K), W (N, K), BIAS (N) or none, ADD (rows, N) or none; the output is (rows, N). */
enum { PRODUCT_X, PRODUCT_W, PRODUCT_BIAS, PRODUCT_ADD, PRODUCT_INPUTS };

struct product_params {
    struct epilogue e; /* its pointers are not used */
    int rows, K, N;
};

extern const struct op op_product; /* no file can name it */

#endif
