/* Where a picture has structure in two directions: places that can be found again in the next one.
 * The least eigenvalue of the gradients' second moments (Shi and Tomasi 1994) over 5 x 5 pixels of
 * level 1, the best place of each cell of a grid. */
#ifndef OUTRIDER_MOTION_CORNERS_H
#define OUTRIDER_MOTION_CORNERS_H

#include "perception/motion/gray.h"

enum { CORNER_CELLS_X = 32, CORNER_CELLS_Y = 20, CORNERS_MAX = CORNER_CELLS_X * CORNER_CELLS_Y };

struct corner {
    float x, y;  /* px of level 0 */
    float score; /* mean squared gradient of the weaker direction, grey levels per px of level 1 */
};

/* At most CORNERS_MAX, by cell, row by row; returns how many. Flat cells have none. */
int corners_find(const struct gray *g, struct corner out[CORNERS_MAX]);

#endif
