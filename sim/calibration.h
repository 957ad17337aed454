/* calibration.yaml or .json beside a drive's pictures: one camera, with the keys that a camera's
 * `calibration` has in the daemon's configuration (JSON is YAML, so one reader does both):
 *
 *     {width: 1242, height: 375, fx: 721.5, fy: 721.5, cx: 610.1, cy: 173.4, z_m: 1.65}
 *
 * and model (pinhole or fisheye), distortion, x_m, y_m, roll_rad, pitch_rad, yaw_rad,
 * sigma_pitch_rad, sigma_z_m where they are not 0. */
#ifndef OUTRIDER_SIM_CALIBRATION_H
#define OUTRIDER_SIM_CALIBRATION_H

#include <stddef.h>

#include "perception/base/err.h"
#include "perception/geometry/camera.h"

/* ERR_FORMAT, with "name:line: key: what is wrong" in why. */
MUST_CHECK enum err calibration_parse(const char *text, size_t size, const char *name,
                                      struct camera *out, struct why *why);

#endif
