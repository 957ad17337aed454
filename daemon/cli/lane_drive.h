/* A whole simulated drive as the tracker of lanes would meet it: curves frame after frame, without
 * pictures, and what is true of them. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_DRIVE_H
#define OUTRIDER_DAEMON_CLI_LANE_DRIVE_H

#include "perception/track/lanes.h"
#include "sim/lane_tracks.h"

enum { LANE_DRIVE_FRAMES = 480 };

struct lane_drive_plan {
    uint64_t seed;
    const char *scenario; /* NULL: random */
    double dt_s;
    int frames; /* at most LANE_DRIVE_FRAMES */
    struct camera camera;
    bool wander; /* see lane_tracks.h */
    int sights;
    struct lane_sight_plan { /* one network that looks, and the tracker behind it */
        struct lane_detector detector;
        struct camera believed; /* what the tracker takes the camera to be */
        bool speed_known, yaw_rate_known;
    } sight[LANE_SIGHTS];
};
/* The camera of the simulator, our own network, 10 Hz, one sight. */
void lane_drive_plain(uint64_t seed, struct lane_drive_plan *out);
/* Everything drawn by the seed, for as many sights. */
void lane_drive_vary(uint64_t seed, int sights, struct lane_drive_plan *out);

struct lane_drive {
    struct lane_drive_plan plan;
    int n_frames;
    struct lane_tracks_frame *frame;
};
MUST_CHECK enum err lane_drive_open(struct lane_drive **out, struct why *why);
void lane_drive_close(struct lane_drive *d); /* NULL is fine */
MUST_CHECK enum err lane_drive_run(struct lane_drive *d, const struct lane_drive_plan *p,
                                   struct why *why);

/* Hands what that sight saw in a frame to the tracker. */
void lane_drive_step(const struct lane_drive *d, int sight, int frame, struct lanes *l);
int64_t lane_drive_time(const struct lane_drive *d, int frame); /* ns */

/* Which line each slot of the tracker follows: the one that it was shown last; 0: none. */
struct lane_followed {
    struct {
        uint64_t track, line;
    } slot[LANE_TRACKS];
};
void lane_followed_step(struct lane_followed *f, const struct lanes *l,
                        const struct lane_sight *sight);
const struct lane_truth *lane_truth_find(const struct lane_tracks_frame *f, uint64_t id);

#endif
