/* What fusing asks of Slice. */
#ifndef OUTRIDER_NN_SLICE_H
#define OUTRIDER_NN_SLICE_H

#include "perception/nn/ops/ops.h"

/* n takes, along each axis and to its end, every step-th index from start < step on. */
bool slice_is_phase(struct node *n, int64_t start[TENSOR_MAX_RANK], int64_t step[TENSOR_MAX_RANK]);

#endif
