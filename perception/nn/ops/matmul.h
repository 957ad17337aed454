/* What fuse.c may change about matrix products. */
#ifndef OUTRIDER_NN_MATMUL_H
#define OUTRIDER_NN_MATMUL_H

#include "perception/nn/graph.h"

bool is_matmul(const struct node *n);
/* Input side (0, 1), a matrix or a batch of them, is stored with its last two axes changed over. */
void matmul_turn(struct node *n, int side);
bool is_matrix_transpose(struct node *n); /* changes over the last two axes, no others */

/* MatMul of float32 whose inputs have the same *batches, each a matrix stored as s says. */
bool matmul_is_batch(const struct node *n, struct gemm_shape *s, int *batches);

/* MatMul or Gemm of float32, *rows rows of the first input times one matrix: s says how that one is
 * stored (trans_b, ldb, N, K, alpha), *beta is the factor of Gemm's third input. */
bool matmul_is_rows(const struct node *n, struct gemm_shape *s, int *rows, float *beta);

#endif
