/* What the float network's values look like over the samples. */
#ifndef OUTRIDER_NN_QUANTISE_CALIBRATE_H
#define OUTRIDER_NN_QUANTISE_CALIBRATE_H

#include "perception/nn/quantise/place.h"
#include "perception/nn/quantise/quantise.h"
#include "perception/nn/quantise/range.h"

struct observed {
    struct histogram histogram;
    int64_t channels;      /* along axis 1, or the last one where products read it */
    double *mean, *square; /* (channels) of the numbers, of their squares */
    float *least, *most;   /* (channels) */
};

struct calibration {
    int n_values;
    struct observed **seen; /* (n_values) of the model; NULL: not looked at */
};

/* Looks at every value that the choice in p makes 8 bit, over `samples` of the samples. Release with calibration_finish(), also
 * after a failure. */
MUST_CHECK enum err calibrate(struct calibration *c, const struct qmodel *m, const struct place *p,
                              const struct quantise_options *o, int samples, struct why *why);
void calibration_finish(struct calibration *c);

#endif
