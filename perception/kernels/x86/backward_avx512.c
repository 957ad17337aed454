/* The passes of training for machines with AVX-512. */
#define BACKWARD(name) name##_avx512
#include "perception/kernels/backward_body.h"
