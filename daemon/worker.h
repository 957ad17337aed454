/* The worker thread of one camera: loads its networks, then answers one frame after the other. */
#ifndef OUTRIDER_DAEMON_WORKER_H
#define OUTRIDER_DAEMON_WORKER_H

#include "daemon/channel.h"

void *worker_thread(void *channel); /* until daemon_stop(), or until loading failed */

/* Open the pipeline of camera i with a pool of its own, as the thread does; --check does, too. */
MUST_CHECK enum err worker_open(const struct daemon *d, int i, struct pool **pool,
                                struct pipeline **out, struct why *why);

#endif
