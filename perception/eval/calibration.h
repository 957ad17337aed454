/* Whether scores and sigmas of detections mean what they say.
 *
 * A score is calibrated if of all guesses with a score of s a share of s are hits. The expected
 * calibration error (Naeini et al. 2015; Guo et al. 2017) is the mean over all guesses of how far, in
 * its tenth of the scores, the share of hits is from the mean score. */
#ifndef OUTRIDER_EVAL_CALIBRATION_H
#define OUTRIDER_EVAL_CALIBRATION_H

#include "perception/eval/average_precision.h"

enum { CALIBRATION_BINS = 10 };

struct calibration {
    struct {
        size_t n, hits;
        double score; /* sum */
    } bin[CALIBRATION_BINS];
    size_t edges;            /* of hits that came with sigmas, four a box */
    size_t within1, within2; /* off by at most 1 and 2 sigmas */
};

/* Ignored matches are passed over. */
void calibration_add(struct calibration *c, const struct ap_match *match, size_t n);
double calibration_error(const struct calibration *c); /* NAN without guesses */

#endif
