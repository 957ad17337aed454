/* Is the camera still mounted as its calibration says? From what lanes look like while we drive.
 *
 * Pitch: lines of one lane are parallel on the road. A camera that points lower than stated sees
 * them drift apart: to first order their slopes differ by error (y_left - y_right) / height, which
 * is the vanishing point of both, written on the road.
 * Yaw: while we drive a line comes nearer as its slope says. Over some metres, what its slope
 * promised less how far it came is a yaw error, also in a lane change or a bend.
 *
 * Each sample goes into a mean with a memory of some seconds; the body's own pitch, grades and
 * crests are in the spread. No allocation, constant time; one camera, one thread. */
#ifndef OUTRIDER_TRACK_MOUNT_H
#define OUTRIDER_TRACK_MOUNT_H

#include <stdint.h>

#include "perception/geometry/mount_state.h"
#include "perception/track/lane_cubic.h"

struct mount_mean {
    double weight, mean, square; /* of the samples, each as old as its weight says */
};

struct mount {
    enum mount_status status;
    struct mount_mean pitch, yaw;
    struct mount_leg { /* of the way along one line; both sides of our lane have one */
        uint64_t id;   /* of the line; 0: not on the way */
        double y0_m, way_m, promised_m;
    } leg[2];
};

struct mount_line { /* beside us, seen in this picture */
    uint64_t id;    /* 0: none */
    const struct lane_cubic *cubic;
};

void mount_init(struct mount *m);

/* One picture. side: left, right. height_m: the camera's. speed_mps: NAN if not known, which leaves
 * yaw unknown. dt_s: since the picture before. */
void mount_step(struct mount *m, const struct mount_line side[2], double camera_x_m,
                double height_m, double speed_mps, double dt_s);

struct mount_state mount_state_of(const struct mount *m);

#endif
