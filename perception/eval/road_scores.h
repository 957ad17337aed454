/* The drivable area, pixel by pixel: counts that add up over pictures. */
#ifndef OUTRIDER_EVAL_ROAD_SCORES_H
#define OUTRIDER_EVAL_ROAD_SCORES_H

#include <stddef.h>
#include <stdint.h>

enum road_truth { ROAD_NOT, ROAD_IS, ROAD_IGNORED };

struct road_counts { /* pixels */
    int64_t hits, false_alarms, misses, rest;
};

struct road_scores { /* shares; NAN where there is nothing to divide by */
    double iou, precision, recall;
    double other_iou; /* of what is not road */
    double mean_iou;  /* of both, as segmentation is often scored */
};

/* truth: enum road_truth of n pixels; guess: 0 not road, otherwise road. */
void road_counts_add(const uint8_t *truth, const uint8_t *guess, size_t n, struct road_counts *sum);
struct road_scores road_scores_of(const struct road_counts *c);

#endif
