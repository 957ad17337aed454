/* 8-bit numbers multiplied in 32 bits: what QLinearConv, ConvInteger, QLinearMatMul and MatMulInteger
 * share. Sums wrap. */
#ifndef OUTRIDER_NN_INTEGER_H
#define OUTRIDER_NN_INTEGER_H

#include "perception/nn/ops/ops.h"

/* A row-major matrix of uint8 or int8, dense, and what its numbers count from. */
struct matrix8 {
    const void *data;
    bool is_signed;
    const struct tensor *zero; /* one number, or one per row of the left, column of the right
                                * matrix; NULL: 0 */
    int64_t zero_first;        /* of several: the first row's */
};

/* c[m][n] = sum over k of (a[m][k] - za[m]) (b[k][n] - zb[n]).  a (M, K), b (K, N), c (M, N). r->kernels
 * and r->pool are used. scratch: aligned to 64, of integer_gemm_scratch() bytes */
void integer_gemm(const struct run *r, int64_t M, int64_t N, int64_t K, const struct matrix8 *a,
                  const struct matrix8 *b, int32_t *c, void *scratch);
size_t integer_gemm_scratch(const struct graph *g, int64_t M, int64_t N, int64_t K);
/* The same in plain loops, which is faster where a side is short. */
void integer_gemm_plain(int64_t M, int64_t N, int64_t K, const struct matrix8 *a,
                        const struct matrix8 *b, int32_t *c);
/* What row (of the left) or column (of the right matrix) j counts from, of 32 bits that wrap. */
uint32_t integer_zero(const struct matrix8 *m, int64_t j);

/* y[at + i] = saturate(round_half_even(c[i] scale) + zero), i < n, of y's type */
void integer_requantize(const struct tensor *y, int64_t at, const int32_t *c, int64_t n,
                        double scale, int64_t zero);

/* A zero point (or scale) as input i: missing, one number, or `several` of them; of the type of
 * input `like` where that is >= 0. */
MUST_CHECK enum err integer_need(const struct node *n, int i, int like, int64_t several,
                                 struct why *why);
/* Number j of a tensor that has one for all or one for each. NULL: 0 */
double integer_each(const struct tensor *t, int64_t j);

#endif
