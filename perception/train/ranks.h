/* Training on several machines or sockets at once, by MPI: `mpirun -n K program`. Built in where the
 * Makefile is told so (`make MPI=1`, libopenmpi-dev); otherwise a process is always alone. */
#ifndef OUTRIDER_TRAIN_RANKS_H
#define OUTRIDER_TRAIN_RANKS_H

#include "perception/train/train.h"

/* Once, before anything else in the program. r->n is 1 for a process that is alone. One thread of a
 * process calls, the one that opened. ERR_IO: MPI does not start. */
MUST_CHECK enum err ranks_open(struct train_ranks *r);
void ranks_close(struct train_ranks *r); /* a zeroed one is fine */

#endif
