/* A picture in shades of grey at three sizes, each half of the one before: what patches are followed
 * in. (0, 0) is the top left corner of the top left pixel at every level, so places scale by two.
 *
 * The largest level is the picture divided by a whole number, so that it fits into
 * GRAY_MAX_WIDTH x GRAY_MAX_HEIGHT; columns and rows that do not fill a block are left out. */
#ifndef OUTRIDER_MOTION_GRAY_H
#define OUTRIDER_MOTION_GRAY_H

#include <stdbool.h>

#include "perception/image/image.h"

enum { GRAY_LEVELS = 3, GRAY_MAX_WIDTH = 640, GRAY_MAX_HEIGHT = 480, GRAY_MIN_SIDE = 96 };

struct gray_level {
    int width, height;
    uint8_t *px; /* (height, width) */
};

struct gray {
    int factor; /* picture pixels per pixel of level 0, each way; 0: empty */
    struct gray_level level[GRAY_LEVELS];
    uint8_t memory[GRAY_MAX_WIDTH * GRAY_MAX_HEIGHT * 3 / 2];
};

/* False, and g is empty, if the picture is too small or too narrow to say anything. */
bool gray_from(struct gray *g, const struct image *rgb);

#endif
