/* The row kernels for 256-bit registers. */
#define ROWS(name) name##_avx2
#include "perception/kernels/kernels_internal.h"
#include "perception/kernels/rows_body.h"
