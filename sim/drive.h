/* A recorded drive: encoded pictures in order, when each was taken, and what is known about the
 * camera and the car.
 *
 * A drive is a folder of PNG or JPEG files, or one that holds them: PATH, PATH/images, PATH/data,
 * PATH/image_02/data (a KITTI raw drive), PATH/image_2 (KITTI odometry), or
 * PATH/DRIVE/image_02/data where there is just one such drive (a KITTI date). Beside the pictures,
 * and beside their folder where it is called images, data or image..., it looks for times
 * timestamps.txt, times.txt, timestamps.csv, times.csv (stamps.h); else rate_hz in set.json; else
 * 10 Hz calibration   calibration.yaml, .yml, .json (calibration.h); else KITTI's
 * calib_cam_to_cam.txt, there or in calib/, up to the folder of the date ego motion    oxts/data/
 * of a KITTI drive One thread at a time. */
#ifndef OUTRIDER_SIM_DRIVE_H
#define OUTRIDER_SIM_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "proto/message.h"
#include "proto/wire.h"

struct drive;

struct drive_options {
    const char *pattern; /* of file names, as a shell's: "swr_*"; NULL: all */
    double rate_hz;      /* above 0: frames come at this rate, whatever was recorded */
};

struct drive_frame {
    struct frame_header header; /* frame_id: number in the drive, from 0; t_sof: as recorded,
                                   on CLOCK_ID_SIM; neither epoch nor last */
    struct bytes pixels;        /* borrowed until the next drive_frame() */
    const char *name;           /* of the file; owned by the drive */
};

/* On OK the caller owns *out; otherwise it is NULL and why names the file, the line, the limit. */
MUST_CHECK enum err drive_open(const char *path, const struct drive_options *options,
                               struct drive **out, struct why *why);
void drive_close(struct drive *d); /* NULL is fine */

int drive_frames(const struct drive *d); /* at least 1 */
int64_t drive_time_ns(const struct drive *d, int i);
int64_t drive_period_ns(const struct drive *d); /* mean; of a single frame, the nominal one */

/* Read frame i. ERR_IO or ERR_LIMIT when its file cannot be read, is empty or is larger than
 * FRAME_MAX_PIXEL_BYTES; the frames after it are as good as before. */
MUST_CHECK enum err drive_frame(struct drive *d, int i, struct drive_frame *out, struct why *why);

/* The car's motion at frame i, at its time. ERR_AGAIN: nothing was recorded; ERR_FORMAT, ERR_IO. */
MUST_CHECK enum err drive_ego(struct drive *d, int i, struct ego *out, struct why *why);

const struct camera *drive_camera(const struct drive *d); /* NULL: not calibrated */

/* For people: "78 pictures in images, 10 Hz (set.json), calibration: calib/calib_cam_to_cam.txt".
 */
void drive_describe(const struct drive *d, char *out, size_t size);

#endif
