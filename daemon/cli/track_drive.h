/* A whole simulated drive as a tracker would meet it: boxes frame after frame, without pictures, and
 * what is true of them. */
#ifndef OUTRIDER_DAEMON_CLI_TRACK_DRIVE_H
#define OUTRIDER_DAEMON_CLI_TRACK_DRIVE_H

#include "perception/track/tracker.h"
#include "sim/tracks.h"

enum { TRACK_DRIVE_FRAMES = 640 };

struct track_drive_plan {
    uint64_t seed;
    const char *scenario; /* NULL: random */
    double dt_s;
    int frames;                     /* at most TRACK_DRIVE_FRAMES */
    struct camera camera, believed; /* as it is, and as the tracker believes it to be */
    struct tracks_detector detector;
    bool ego_known;
    float clutter; /* false alarms that last, begun a second */
};
/* The front camera of the tests, our own detector as it was measured, 10 Hz. */
void track_drive_plain(uint64_t seed, struct track_drive_plan *out);
/* Everything drawn by the seed. */
void track_drive_vary(uint64_t seed, struct track_drive_plan *out);

struct track_drive {
    struct camera camera, believed;
    double dt_s;
    bool ego_known;
    int n_frames;
    struct tracks_frame *frame;
};

MUST_CHECK enum err track_drive_open(struct track_drive **out, struct why *why);
void track_drive_close(struct track_drive *d); /* NULL is fine */
MUST_CHECK enum err track_drive_run(struct track_drive *d, const struct track_drive_plan *p,
                                    struct why *why);

/* NULL: it is not in sight of that frame, or there is no such frame. */
const struct track_object *track_drive_find(const struct track_drive *d, int frame, uint64_t id);

/* Detections by score, best first, and whom each shows; a false alarm that lasts has an id too, which
 * track_drive_find() does not find. */
int track_drive_detections(const struct track_drive *d, int frame,
                           struct detection out[TRACKER_MAX_DETECTIONS],
                           uint64_t shows[TRACKER_MAX_DETECTIONS]);
struct ego_motion track_drive_ego(const struct track_drive *d, int frame);

struct relative_motion { /* as a scene has it, relative to us */
    float s[STATE_DIM];  /* x y vx vy ax ay */
    float closing_1ps;   /* 1 / the time to contact with the camera */
};
/* False at the ends of a drive or of a sight, where there is no acceleration. */
bool track_drive_motion(const struct track_drive *d, int frame, const struct track_object *o,
                        struct relative_motion *out);
/* Where it is, as seen from us, so many seconds later. */
bool track_drive_later(const struct track_drive *d, int frame, uint64_t id, double s, float at[2]);

#endif
