/* The road that trackgen makes for TORCS: its description, and the pictures of asphalt with lines
 * and of the sky. */
#ifndef OUTRIDER_SIM_TORCS_ROAD_H
#define OUTRIDER_SIM_TORCS_ROAD_H

#include "perception/base/err.h"

/* m */
#define TORCS_ROAD_WIDTH 12.0
#define TORCS_LANE_WIDTH 3.5

MUST_CHECK enum err torcs_road_write(const char *folder, struct why *why);

#endif
