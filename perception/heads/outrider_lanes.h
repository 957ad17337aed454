/* The lanes of our own network (heads/outrider.h): for each boundary the best path through the cells. */
#ifndef OUTRIDER_HEADS_OUTRIDER_LANES_H
#define OUTRIDER_HEADS_OUTRIDER_LANES_H

#include "perception/heads/head.h"
#include "perception/image/resize.h"

struct own_lanes {
    int width, height;  /* cells */
    const float *plane; /* (OWN_LANE, height, width) */
    float *sum;         /* (height, width): of the best path from below that ends here */
    int16_t *from;      /* (height, width): its column in the row below; -1: it begins here */
};

/* ERR_NOMEM. plane is borrowed. */
MUST_CHECK enum err own_lanes_init(struct own_lanes *l, const float *plane, int width, int height);
void own_lanes_finish(struct own_lanes *l); /* a zeroed one is fine */

/* Appends to the curves of out, in px of the picture. */
void own_lanes_decode(struct own_lanes *l, const struct fit *fit, struct perceived *out);

#endif
