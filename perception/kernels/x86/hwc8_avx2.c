/* The channels-last kernels in 8 bits for machines with AVX2. */
#define HWC(name) name##_avx2
#define HWC8_PIXELS 4
#include "perception/kernels/x86/vec8_avx2.h"
#include "perception/kernels/hwc8_body.h"
