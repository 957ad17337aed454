/* The channels-last kernels in 8 bits for machines with AVX-512 VNNI. */
#define HWC(name) name##_vnni
#define HWC8_PIXELS 14
#include "perception/kernels/x86/vec8_vnni.h"
#include "perception/kernels/hwc8_body.h"
