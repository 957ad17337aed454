/* The channels-last kernels for any machine: the reference. */
#define HWC(name) name##_c
#define HWC_PIXELS 4
#include "perception/kernels/vec_c.h"
#include "perception/kernels/hwc_body.h"
#include "perception/kernels/winograd_body.h"
