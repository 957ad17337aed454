/* The channels-last kernels for machines with AVX-512. */
#define HWC(name) name##_avx512
#define HWC_PIXELS 14
#include "perception/kernels/x86/vec_avx512.h"
#include "perception/kernels/hwc_body.h"
#include "perception/kernels/winograd_body.h"
