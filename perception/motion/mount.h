/* Is the camera still mounted as its calibration says? From where our way points in the pictures.
 *
 * Whoever drives straight sees all flow away from one point, straight ahead along the road; where the
 * calibration places it elsewhere, the calibration is wrong by that much (two_views.h). The body nods
 * on its springs, too: what comes back within seconds is nod, what stays is the mount. A Kalman filter
 * over both, and one for yaw. Constant time, no allocation; one camera, one thread. */
#ifndef OUTRIDER_MOTION_MOUNT_H
#define OUTRIDER_MOTION_MOUNT_H

#include "perception/geometry/camera.h"
#include "perception/geometry/mount_state.h"
#include "perception/motion/ego_sight.h"

struct mount {
    enum mount_status status;
    double yaw, yaw_variance; /* rad: the camera points so much farther left than stated... */
    double pitch, nod;        /* ...and so much lower: always, and just now besides */
    double pitch_pitch, pitch_nod, nod_nod; /* covariance of both */
    double way_m;                           /* that was looked at, as far as is asked for */
};

void mount_init(struct mount *m, const struct camera *c);
void mount_pause(struct mount *m); /* the drive is another one, the mount the same */

void mount_predict(struct mount *m, double dt_s); /* dt_s passes */
void mount_update(struct mount *m, const struct ego_seen *seen);

/* How much lower than stated the camera points just now, mount and nod together. */
double mount_dip(const struct mount *m, double *sigma);

struct mount_state mount_state_of(const struct mount *m);

#endif
