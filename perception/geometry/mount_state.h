/* Whether a camera is still mounted as its calibration says; plain data, for messages too. */
#ifndef OUTRIDER_GEOMETRY_MOUNT_STATE_H
#define OUTRIDER_GEOMETRY_MOUNT_STATE_H

#include <math.h>

enum mount_status {
    MOUNT_UNKNOWN = 0, /* not seen enough yet, or not calibrated */
    MOUNT_GOOD = 1,
    MOUNT_MOVED = 2, /* metres are wrong: calibrate again */
};

struct mount_state { /* what to add to the stated angles; NAN: not known */
    enum mount_status status;
    float pitch_rad, pitch_sigma_rad; /* nose down > 0 */
    float yaw_rad, yaw_sigma_rad;     /* left > 0 */
};

static inline struct mount_state mount_unknown(void)
{
    return (struct mount_state){MOUNT_UNKNOWN, NAN, NAN, NAN, NAN};
}

#endif
