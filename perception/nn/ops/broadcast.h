/* Walking several tensors at once as ONNX (and NumPy) broadcasts them. */
#ifndef OUTRIDER_NN_BROADCAST_H
#define OUTRIDER_NN_BROADCAST_H

#include "perception/nn/ops/ops.h"

enum { BROADCAST_MAX = 3 };

struct broadcast {
    int rank; /* dimensions that walk alike are one; at least 1 */
    int64_t dim[TENSOR_MAX_RANK];
    int64_t step[BROADCAST_MAX][TENSOR_MAX_RANK]; /* elements; 0 where it repeats */
};

/* The common shape of the first `count` inputs of n. */
MUST_CHECK enum err broadcast_shape(const struct node *n, int count, int *rank,
                                    int64_t dim[TENSOR_MAX_RANK], struct why *why);
/* Up to opset 6: the attributes broadcast and axis, where they mean what later opsets do anyway.
 * ERR_UNSUPPORTED where the second input lies in the middle of the first. */
MUST_CHECK enum err broadcast_old(struct node *n, struct why *why);
/* How `count` tensors walk over the shape of to. */
void broadcast_init(struct broadcast *b, const struct tensor *to, const struct tensor *const *from,
                    int count);
/* row is called for each innermost row of b: its first element in the output and in each input. */
typedef void broadcast_row(void *arg, const struct broadcast *b, int64_t to, const int64_t *from);
void broadcast_walk(const struct broadcast *b, broadcast_row *row, void *arg);

#endif
