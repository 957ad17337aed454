/* Softmax for any machine: the reference. */
#define SOFT(name) name##_c
#include "perception/kernels/vec_c.h"
#include "perception/kernels/softmax_body.h"
