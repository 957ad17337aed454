/* The channels-last kernels for machines with AVX2 and FMA. */
#define HWC(name) name##_avx2
#define HWC_PIXELS 6
#include "perception/kernels/x86/vec_avx2.h"
#include "perception/kernels/hwc_body.h"
#include "perception/kernels/winograd_body.h"
