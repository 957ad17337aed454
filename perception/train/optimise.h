/* Inside of train/: what happens to weights between two passes. */
#ifndef OUTRIDER_TRAIN_OPTIMISE_H
#define OUTRIDER_TRAIN_OPTIMISE_H

#include "perception/train/graph.h"

double gradient_norm(struct train *t); /* of all gradients together */
/* Clip, step, average. */
void weights_update(struct train *t, double norm);
/* Let all layers read these. */
void weights_use(struct train *t, float *weights);

#endif
