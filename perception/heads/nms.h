/* The best of many candidates, and of those that overlap the best one. Bounded, no allocation, and
 * the result depends on scores and indices only, not on the order of adding. */
#ifndef OUTRIDER_HEADS_NMS_H
#define OUTRIDER_HEADS_NMS_H

#include "perception/heads/head.h"
#include "perception/image/resize.h"

enum { NMS_MAX_CANDIDATES = 400 };

struct candidate {
    struct box box_px; /* of the picture, not yet clipped */
    float score;
    int class; /* enum object_class */
    int index; /* in the network's output; the lower one wins a tie */
};

struct candidates { /* a heap, the worst on top, while adding */
    int n;
    struct candidate item[NMS_MAX_CANDIDATES];
};

/* The best NMS_MAX_CANDIDATES stay. A score or corner that is not finite, a score above 1 (by more
 * than rounding) or a box without area is never kept. */
void candidates_add(struct candidates *c, const struct box *box_px, float score, int class,
                    int index);

/* Best first; one that overlaps a better one of its class by more than iou_max goes. */
void candidates_suppress(struct candidates *c, float iou_max);

/* How far the sides of a box lie from the truth, one standard deviation: a share of the box's width
 * (left, right) or height (top, bottom) and some pixels of the network's input, added as squares.
 * Fitted to the vehicles of carla_det and highway_objects that the network finds (score and IoU
 * over 0.5). By network, side and set, 53 to 87 % of the sides lie within one sigma and 78 to 96 %
 * within two: labels drawn by people and simulators are in it with their own errors. */
struct box_spread {
    float width, height, input_px;
};

/* Suppress, clip to the picture, append to out. */
void candidates_detections(struct candidates *c, float iou_max, const struct fit *fit,
                           const struct box_spread *spread, struct perceived *out);

/* One candidate, clipped to the picture, at the end of out's detections. NULL: it lies outside, or out is full.
 * sigma_px: of its four sides. */
struct detection *candidate_detection(const struct candidate *c, const struct fit *fit,
                                      const float sigma_px[4], struct perceived *out);

float box_iou(const struct box *a, const struct box *b); /* 0 for boxes without area */

#endif
