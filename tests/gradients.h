/* Gradients of a network in training against central differences of its loss. */
#ifndef OUTRIDER_TESTS_GRADIENTS_H
#define OUTRIDER_TESTS_GRADIENTS_H

#include "perception/train/train.h"

/* A loss that is the sum of y times fixed random numbers: every output gets a gradient of its own. */
void gradients_loss(struct train *t, int y);
/* Numbers in [low, high) by seed into a planned input. */
void gradients_fill(struct train *t, int x, unsigned seed, float low, float high);
/* Plan, fill what gradients_loss() added, compare. At most `each` numbers of every parameter. */
void gradients_plan(struct train *t);
void gradients_check(struct train *t, const char *what, int each);

#endif
