/* Softmax for machines with AVX-512. */
#define SOFT(name) name##_avx512
#include "perception/kernels/x86/vec_avx512.h"
#include "perception/kernels/softmax_body.h"
