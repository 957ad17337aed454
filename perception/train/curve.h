/* What a person sees of a run: a CSV file with a line a step, and a line for the terminal. */
#ifndef OUTRIDER_TRAIN_CURVE_H
#define OUTRIDER_TRAIN_CURVE_H

#include <stdio.h>

#include "perception/train/train.h"

/* Go on with the file at path: lines of steps from train_steps_done() on, which a run wrote behind
 * its last checkpoint, are taken out. Each number is written so that reading it gives it back.
 * The caller fclose()s *out. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err curve_open(struct train *t, const char *path, FILE **out, struct why *why);
void curve_add(FILE *f, const struct train_report *r);

/* "step 120/4000 loss 0.532 (box 0.21 class 0.32) rate 0.001 | 85.2 images/s, 12 min left"
 *   done, steps  of this run, so that `seconds` of it say how fast it goes
 *   samples      in a batch */
void progress_line(const struct train *t, const struct train_report *r, int64_t done, int samples,
                   double seconds, char *text, size_t n);

#endif
