/* The row kernels for any machine: the reference. */
#define ROWS(name) name##_c
#include "perception/kernels/kernels_internal.h"
#include "perception/kernels/rows_body.h"
