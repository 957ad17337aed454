/* Changes to the model before it is quantised; none changes what it computes. */
#ifndef OUTRIDER_NN_QUANTISE_REWRITE_H
#define OUTRIDER_NN_QUANTISE_REWRITE_H

#include "perception/nn/quantise/model.h"

/* Write the operators as opset 13 has them, if the file is older. shapes: the same model, every
 * shape inferred. ERR_UNSUPPORTED names the node that cannot be said in opset 13. */
MUST_CHECK enum err qmodel_raise_opset(struct qmodel *m, const struct graph *shapes,
                                       struct why *why);

/* Batch norms and constant factors and addends per channel into the convolutions before them, and
 * one factor for all into the convolution behind it. */
MUST_CHECK enum err qmodel_fold(struct qmodel *m);

#endif
