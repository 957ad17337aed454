/* Channels of one tensor that differ much in range waste the 8 bits that they share.
 *
 * Where a convolution's channels pass a positively homogeneous activation (ReLU, leaky, PReLU) into
 * convolutions only, channel c can be divided by s[c] in the first one's weights and multiplied back
 * in the others': the network computes the same. After Nagel et al., "Data-Free Quantization Through
 * Weight Equalization and Bias Correction" (arXiv:1906.04721), section 4.1, but with measured ranges,
 * and with s chosen among several by the noise that is to be expected: weights have a scale per
 * output channel here, so that in front of a depthwise convolution equalising costs nothing. */
#ifndef OUTRIDER_NN_QUANTISE_EQUALISE_H
#define OUTRIDER_NN_QUANTISE_EQUALISE_H

#include "perception/nn/quantise/calibrate.h"

/* *changed: how many tensors; what was observed of the model is out of date then. */
MUST_CHECK enum err equalise(struct qmodel *m, const struct place *p, const struct calibration *c,
                             int *changed);

#endif
