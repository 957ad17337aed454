/* The passes of training for machines with AVX2. */
#define BACKWARD(name) name##_avx2
#include "perception/kernels/backward_body.h"
