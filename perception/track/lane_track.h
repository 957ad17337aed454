/* A lane boundary as it is followed: what the filter of its curve knows, and what the boundary's
 * network makes of that (lane_answers.h). */
#ifndef OUTRIDER_TRACK_LANE_TRACK_H
#define OUTRIDER_TRACK_LANE_TRACK_H

#include "perception/heads/head.h"
#include "perception/track/lane_cubic.h"

enum { LANE_TRACKS = 2 * SCENE_MAX_LANES, LANE_WINDOWS = 5 };

/* What was measured less what was predicted, over some metres of the road. */
struct lane_surprise {
    float seen;       /* 0: nothing was measured there */
    float x_m, off_m; /* means over the points */
    float pitch_m;    /* by which one sigma of the camera's pitch would move them across */
};

struct lane_track {
    uint64_t id; /* 0: free */
    int64_t born_ns, seen_ns;
    float odds;
    bool published;
    enum measurement measurement;
    int side; /* +1 left of us, -1 right */
    int role;
    /* Calibrated only, as far as curve. */
    struct lane_cubic cubic;   /* the filter's */
    struct lane_cubic told;    /* the same with the network's correction; without one a copy */
    struct lane_ground ground; /* of the last curve */
    float x_min_m, x_max_m;
    struct lane_surprise surprise[LANE_WINDOWS]; /* of this frame */
    struct lane_curve curve;                     /* the last one, px */
    float existence;
    float type[LANE_TYPE_BARRIER + 1], color[LANE_COLOR_OTHER + 1]; /* evidence, by enum */
    float lateral; /* left > 0: metres at our origin, or picture widths from its middle */
    int owner;     /* index of the curve that it got in this frame; -1: none */
};

#endif
