/* Lane curves in the picture: what the lane decoders and the tracker share. */
#ifndef OUTRIDER_HEADS_LANE_CURVE_H
#define OUTRIDER_HEADS_LANE_CURVE_H

#include "perception/heads/head.h"

/* Sort left to right by where each curve meets the bottom of the picture (continued there if it
 * ends higher up) and number outwards from the middle: +1 the nearest on the left, -1 the nearest
 * on the right, then +2 and -2; 0 for what lies farther out. Curves without points are dropped. */
void lane_curves_order(struct perceived *p, int width, int height);

/* x of a curve at row y, between its points; below and above along its ends. c->n > 0. */
float lane_curve_x(const struct lane_curve *c, float y);

#endif
