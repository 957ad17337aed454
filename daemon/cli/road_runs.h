/* The mask of a network as runs of road and not road in pixels of the picture: COCO's uncompressed
 * run lengths, down the columns, the first run is of pixels that are not road. */
#ifndef OUTRIDER_DAEMON_CLI_ROAD_RUNS_H
#define OUTRIDER_DAEMON_CLI_ROAD_RUNS_H

#include <stdint.h>

#include "perception/heads/head.h"

/* put() gets each run, one after the other; they add up to width * height. */
void road_runs(const struct road_mask *m, int width, int height,
               void (*put)(void *context, uint32_t run), void *context);

#endif
