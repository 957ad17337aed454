/* The channels-last kernels for NEON. */
#define HWC(name) name##_neon
#define HWC_PIXELS 12
#include "perception/kernels/arm/vec_neon.h"
#include "perception/kernels/hwc_body.h"
#include "perception/kernels/winograd_body.h"
