/* A boundary that is followed, as it is published. */
#ifndef OUTRIDER_TRACK_LANE_TOLD_H
#define OUTRIDER_TRACK_LANE_TOLD_H

#include "perception/track/lane_track.h"

/* metres: the camera is calibrated. */
void lane_told(const struct lane_track *t, bool metres, int64_t now_ns, struct lane_boundary *b);

#endif
