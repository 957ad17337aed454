/* QuantizeLinear and DequantizeLinear, seen by those who replace them. */
#ifndef OUTRIDER_NN_QUANT_H
#define OUTRIDER_NN_QUANT_H

#include "perception/kernels/hwc8.h"
#include "perception/nn/ops/ops.h"

bool is_quantize(const struct node *n);
bool is_dequantize(const struct node *n);
/* The steps of the 8-bit side, as bytes without sign (hwc8.h). False unless it is of 8 bits, with one
 * finite scale, both constant. */
bool quant_steps(const struct node *n, struct q8 *as);
static inline bool q8_is_same(const struct q8 *a, const struct q8 *b)
{
    return a->scale == b->scale && a->zero == b->zero;
}
/* Of a DequantizeLinear: scale k goes with the elements i for which i / *inner % *count = k. */
void quant_lines_of(const struct node *n, int64_t *count, int64_t *inner);

#endif
