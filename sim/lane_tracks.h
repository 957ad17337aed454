/* Lane curves without pictures: the boundaries of a world as networks would have seen them, frame after
 * frame, and what is true of them. For training and testing what works over time. Most of the time goes
 * into the truth: several networks may look at the same drive, each with its own errors.
 *
 * Metres are in the vehicle frame of ego at that instant (perception/scene.h), pixels those of the
 * camera. One thread; the same options give the same frames. Memory is taken when it opens. */
#ifndef OUTRIDER_SIM_LANE_TRACKS_H
#define OUTRIDER_SIM_LANE_TRACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "perception/heads/head.h"
#include "perception/scene.h"

/* How a network that sees lanes errs. Pixels are those of a picture 640 wide. What errs slowly and what
 * errs anew in each frame is as large as stated 48 rows below the horizon and grows with the root of
 * 48 / rows above; both are smooth along the line, and lines of one picture share some of it. */
struct lane_detector {
    float drift_px, drift_s; /* slow: goes and comes over so many seconds */
    float white_px;
    float slip_px, slip_share, slip_s; /* the near end, where nothing is painted there: how far it
                                          goes wrong, how much of the time, for how long */
    float spread;                      /* lines differ: of the logarithm of all these */
    float outer; /* so much worse are boundaries that are not those of our lane */
    float recall, outer_recall;
    float missing_s;            /* how long one that is missed stays away, mean */
    float gap_per_s, gap_s;     /* no paint, or a vehicle on it: how often, how long, of one line */
    float blind_per_s, blind_s; /* the same of all lines together */
    float clutter, clutter_s;   /* curves that are no boundary: how many at a time, how long */
    float nod_rad, nod_s;       /* the body on its springs, besides what the world makes it do */
};
/* Our own network on simulated pictures (perception/models/outrider.onnx, 2,200 frames of 13 drives). */
extern const struct lane_detector LANE_DETECTOR;

enum { LANE_SIGHTS = 4 };

struct lane_tracks_options {
    double dt; /* s between frames, at most 0.5 */
    uint64_t seed;
    const char *scenario; /* as scenario_open(); NULL: random */
    struct camera camera;
    bool
        wander; /* ego strays across its lane and into the next ones, besides what its driver does */
    int sights; /* how many networks look, each with its own: */
    struct lane_detector detector[LANE_SIGHTS];
};

struct lane_truth {
    uint64_t id; /* of the boundary, also where its paint changes; never 0, never used again */
    enum lane_kind kind;
    int role;                  /* as scene.h */
    float y_m[SCENE_STATIONS]; /* NAN where it is not */
};

struct lane_sight { /* what one of them sees in a frame */
    int n_curves;
    struct lane_curve curve[HEAD_MAX_CURVES];
    uint64_t shows[HEAD_MAX_CURVES]; /* which line each curve is; 0: none */
};

struct lane_tracks_frame {
    double t_s;
    float speed_mps, yaw_rate_rps; /* ego's */
    int n_lines;
    struct lane_truth line[SCENE_MAX_LANES]; /* left to right */
    struct ego_lane ego;
    struct lane_sight sight[LANE_SIGHTS];
};

struct lane_tracks;

/* ERR_LIMIT (dt), ERR_NOMEM, and what scenario_open(), world_open() and camera_check() refuse. */
MUST_CHECK enum err lane_tracks_open(const struct lane_tracks_options *o, struct lane_tracks **out,
                                     struct why *why);
void lane_tracks_close(struct lane_tracks *t); /* NULL is fine */
void lane_tracks_next(struct lane_tracks *t, struct lane_tracks_frame *out);

/* y of the boundary at x; NAN where it is not. */
float lane_truth_y(const struct lane_truth *l, float x_m);

#endif
