/* The scores of lane boundaries in one picture, as TuSimple and CULane define them.
 *
 * A boundary is its x, px, in each of some rows of the picture, the same rows for all; below 0: it is
 * not there in that row. */
#ifndef OUTRIDER_EVAL_LANE_SCORES_H
#define OUTRIDER_EVAL_LANE_SCORES_H

#include <stddef.h>

#include "perception/base/err.h"

enum { LANE_SCORES_MAX = 32, LANE_ROWS_MAX = 1024 };

struct lane_case { /* borrowed */
    const double *y;
    int rows;
    const double *truth, *guess; /* (n_truths, rows), (n_guesses, rows) */
    int n_truths, n_guesses;
};

/* TuSimple's benchmark ("lane.py"): a guess agrees with a truth in a row if it is less than `pixels`
 * across the truth's direction away, or neither is there; pixels is 20 in pictures 1280 wide. Of each
 * truth the best guess counts; below 0.85 of the rows it is missed. At most four truths count: one
 * miss among five is forgiven. Two guesses more than truths are a total loss. Averaged over pictures.
 */
struct tusimple_score {
    double accuracy, false_alarms, misses; /* shares */
};
struct tusimple_score tusimple_score(const struct lane_case *c, double pixels);

/* CULane's (Pan et al. 2018): boundaries are drawn line_px wide (30 in pictures 1640 wide) and paired
 * for the greatest sum of IoU; pairs above iou_min (0.5) are hits. Added up over pictures. Here a line
 * is all pixels whose centre is at most half of line_px away from the straight pieces between rows.
 * match (n_truths): the guess of each hit, -1 for a miss. ERR_NOMEM. */
struct culane_score {
    long hits, false_alarms, misses;
};
MUST_CHECK enum err culane_match(const struct lane_case *c, int width, int height, double line_px,
                                 double iou_min, int match[LANE_SCORES_MAX]);
struct culane_score culane_count(const struct lane_case *c, const int *match);

/* The row where a boundary ends at the bottom, -1: it is nowhere; and the x of its straight fit in a
 * row of the picture. */
int lane_bottom(const double *x, int rows);
double lane_fit_at(const double *x, const double *y, int rows, double row);

/* x in each row of a polyline of n points (px, in order along it), -2 where it does not reach. */
void lane_sample(const double (*point)[2], size_t n, const double *y, int rows, double *x);

#endif
