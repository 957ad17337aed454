/* How much noise a quantised form of the model has in its outputs. */
#ifndef OUTRIDER_NN_QUANTISE_TRIAL_H
#define OUTRIDER_NN_QUANTISE_TRIAL_H

#include <stdbool.h>

#include "perception/nn/quantise/quantise.h"

struct trial; /* some samples, and what the float model makes of them */

/* bytes: the float model, which only is read here. */
MUST_CHECK enum err trial_open(const void *bytes, size_t n, const struct quantise_options *o,
                               struct trial **out, struct why *why);
void trial_close(struct trial *t); /* NULL is fine */

int trial_outputs(const struct trial *t);
/* Noise over signal of each float output (trial_outputs()), as powers; noise may be NULL. The mean
 * of all outputs that have a signal goes to *mean. */
MUST_CHECK enum err trial_noise(struct trial *t, const void *bytes, size_t n, double *noise,
                                double *mean, struct why *why);
/* The largest difference to the float model's outputs, relative to the largest of each output. */
MUST_CHECK enum err trial_difference(struct trial *t, const void *bytes, size_t n, double *most,
                                     struct why *why);

double noise_db(double noise); /* -> signal over noise; HUGE_VAL without noise */

#endif
