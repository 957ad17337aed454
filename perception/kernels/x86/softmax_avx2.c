/* Softmax for machines with AVX2 and FMA. */
#define SOFT(name) name##_avx2
#include "perception/kernels/x86/vec_avx2.h"
#include "perception/kernels/softmax_body.h"
