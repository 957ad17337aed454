/* The row kernels for machines with AVX-512. */
#define ROWS(name) name##_avx512
#include "perception/kernels/kernels_internal.h"
#include "perception/kernels/rows_body.h"
