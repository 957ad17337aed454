/* The processes that make TORCS run: an X server without a screen, trackgen, TORCS itself. */
#ifndef OUTRIDER_SIM_TORCS_PROCESS_H
#define OUTRIDER_SIM_TORCS_PROCESS_H

#include <sys/types.h>

#include "perception/base/err.h"
#include "sim/torcs/files.h"

struct torcs_process {
    pid_t server, torcs; /* 0: not running */
    int fd;              /* our end of the socket pair; -1 */
    char display[16];
};

/* Also when it fails, torcs_process_end() is to be called. */
MUST_CHECK enum err torcs_process_start(const struct torcs_paths *p, int width, int height,
                                        struct torcs_process *out, struct why *why);
void torcs_process_end(struct torcs_process *p);

/* All n bytes before the deadline (CLOCK_MONOTONIC, ns), or ERR_IO: it ended or is late. */
MUST_CHECK enum err torcs_process_get(struct torcs_process *p, const struct torcs_paths *paths,
                                      void *to, size_t n, int64_t deadline_ns, struct why *why);
MUST_CHECK enum err torcs_process_put(struct torcs_process *p, const void *from, size_t n,
                                      struct why *why);

#endif
