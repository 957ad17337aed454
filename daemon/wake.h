/* A bell between threads: rings are remembered until somebody waits, many count as one. */
#ifndef OUTRIDER_DAEMON_WAKE_H
#define OUTRIDER_DAEMON_WAKE_H

#include <stdint.h>

#include "perception/base/err.h"

struct wake {
    int fd; /* readable while it rings */
};

MUST_CHECK enum err wake_init(struct wake *w); /* ERR_IO */
void wake_finish(struct wake *w);
void wake_ring(struct wake *w);
void wake_wait(struct wake *w, int64_t at_most_ns); /* and silence it; <= 0: do not wait */

#endif
