/* The channels-last kernels in 8 bits for any machine: the reference. */
#define HWC(name) name##_c
#define HWC8_PIXELS 4
#include "perception/kernels/vec8_c.h"
#include "perception/kernels/hwc8_body.h"
