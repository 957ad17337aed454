/* One element of any type. The plain way through every operator that has no loop of its own for a
 * type: integers pass as int64_t (uint64 as its bits), floating point as double. */
#ifndef OUTRIDER_NN_NUMBER_H
#define OUTRIDER_NN_NUMBER_H

#include <stdbool.h>

#include "perception/nn/tensor.h"

bool dtype_is_float(enum dtype t);
float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f); /* nearest, ties to even */
float bf16_to_f32(uint16_t h);
uint16_t f32_to_bf16(float f);

/* Read element i; a floating-point number as an integer saturates, NaN is 0. */
double number_float(const struct tensor *t, int64_t i);
int64_t number_int(const struct tensor *t, int64_t i);
/* Write it; integers wrap as C's conversions do, floating point into integers saturates. */
void number_set_float(const struct tensor *t, int64_t i, double v);
void number_set_int(const struct tensor *t, int64_t i, int64_t v);

#endif
