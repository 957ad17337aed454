/* The channels-last kernels in 8 bits for NEON. */
#define HWC(name) name##_neon
#define HWC8_PIXELS 4
#include "perception/kernels/arm/vec8_neon.h"
#include "perception/kernels/hwc8_body.h"
