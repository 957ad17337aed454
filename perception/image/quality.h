/* Can anything be seen in this picture? Looks at a coarse grid of pixels, so it costs the same for
 * every size, and knows only pictures: no clock, no network. One struct quality per camera. */
#ifndef OUTRIDER_IMAGE_QUALITY_H
#define OUTRIDER_IMAGE_QUALITY_H

#include "perception/image/image.h"

enum { QUALITY_FROZEN_FRAMES = 3 }; /* equal pictures in a row that count as FROZEN */

struct quality {
    uint64_t hash; /* of the picture before */
    int equal;     /* pictures in a row that had this hash; 0: none came yet */
};

void quality_init(struct quality *q); /* forget the pictures before */

/* The reasons against this picture: bits 1u << REASON_{DARK,GLARE,BLUR,BLOCKED,FROZEN}; 0: fine. */
uint32_t quality_look(struct quality *q, const struct image *rgb);

#endif
