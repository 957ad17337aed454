/* What KITTI writes beside its pictures: calib_cam_to_cam.txt and oxts/data/NUMBER.txt. */
#ifndef OUTRIDER_SIM_KITTI_H
#define OUTRIDER_SIM_KITTI_H

#include <stdbool.h>

#include "perception/base/err.h"
#include "proto/message.h"

/* Camera 00..03 from the text of calib_cam_to_cam.txt, in our frame of reference.
 *   rectified   the pictures of a _sync drive (P_rect, no distortion); else those of an _extract
 *               one (K and D)
 * ERR_FORMAT names the line that is missing or broken. */
MUST_CHECK enum err kitti_camera(const char *text, int camera, bool rectified, struct camera *out,
                                 struct why *why);

/* One oxts file: speed, turn rate and acceleration; the times in it are the caller's. */
MUST_CHECK enum err kitti_ego(const char *text, struct ego *out, struct why *why);

#endif
