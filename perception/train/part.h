/* Part of a network in training as a file of its own, built again for another batch. */
#ifndef OUTRIDER_TRAIN_PART_H
#define OUTRIDER_TRAIN_PART_H

#include "perception/train/train.h"

/* build: the layers of the part, by the same names, with its inputs and outputs; lstm is handed on. They
 * get the averaged weights of `from`. *bytes is the caller's to free(). */
MUST_CHECK enum err train_part_export(struct train *from, void (*build)(struct train *, bool lstm),
                                      bool lstm, const void **bytes, size_t *size, struct why *why);

#endif
