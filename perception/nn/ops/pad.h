/* What fusing asks of Pad. */
#ifndef OUTRIDER_NN_PAD_H
#define OUTRIDER_NN_PAD_H

#include "perception/nn/ops/ops.h"

/* n puts zeros around its input and takes nothing away, along no axis before `first`: how many. */
bool pad_is_zeros(const struct node *n, int first, int64_t before[TENSOR_MAX_RANK],
                  int64_t after[TENSOR_MAX_RANK]);

#endif
