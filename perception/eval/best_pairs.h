/* The matching of greatest total weight between two sides. */
#ifndef OUTRIDER_EVAL_BEST_PAIRS_H
#define OUTRIDER_EVAL_BEST_PAIRS_H

#include "perception/base/err.h"

/* weight (R, C), none negative. column_of (R): the partner of each row, -1 for none; pairs of weight
 * 0 are not made. The Hungarian method, O(min(R, C)^2 max(R, C)). Only fails for want of memory. */
MUST_CHECK enum err best_pairs(const double *weight, int R, int C, int *column_of);

#endif
