/* Softmax for NEON. */
#define SOFT(name) name##_neon
#include "perception/kernels/arm/vec_neon.h"
#include "perception/kernels/softmax_body.h"
