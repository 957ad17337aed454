/* The tables of `outrider eval motion --lanes`. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_MOTION_H
#define OUTRIDER_DAEMON_CLI_LANE_MOTION_H

#include "perception/track/tracker.h"

/* scenario NULL: random ones. only 0: all kinds. As a subcommand's main(). */
int lane_motion(int drives, int seed, const char *scenario, enum tracker_kind only);

#endif
