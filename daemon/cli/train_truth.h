/* A line of a simulator set's truth.jsonl (sim/labels.h) as labels to train on. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_TRUTH_H
#define OUTRIDER_DAEMON_CLI_TRAIN_TRUTH_H

#include "perception/geometry/camera.h"
#include "perception/train/compose.h"

/* name: of the picture, without its folder. Distances and the edges of the road (the nearest on each
 * side) need the camera; width 0: there are none. ERR_FORMAT with the field. */
MUST_CHECK enum err train_truth_read(const char *line, size_t size, const struct camera *camera,
                                     char name[300], struct labels *out, struct why *why);

#endif
