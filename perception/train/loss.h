/* Inside of train/: one term of a loss. */
#ifndef OUTRIDER_TRAIN_LOSS_H
#define OUTRIDER_TRAIN_LOSS_H

#include "perception/train/train.h"

/* 1 - GIoU or 1 - CIoU of boxes x0 y0 x1 y1, and its derivatives by those of `box`. */
double box_loss(enum train_loss_kind kind, const float box[4], const float target[4], double d[4]);

#endif
