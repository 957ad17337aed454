/* The publishing thread: the PUB socket, the timers, and what is said when there is no answer. */
#ifndef OUTRIDER_DAEMON_PUBLISH_H
#define OUTRIDER_DAEMON_PUBLISH_H

#include "daemon/channel.h"

enum { PUBLISH_LINGER_MS = 50 }; /* how long messages may wait for their readers at the end */

struct publish;

/* Bind and connect bus.out; ERR_IO names the endpoint. The caller owns *out. */
MUST_CHECK enum err publish_open(struct daemon *d, void *zmq, struct publish **out,
                                 struct why *why);
void publish_close(struct publish *p); /* NULL is fine; after the thread ended */
void *publish_thread(void *publish);   /* until daemon_stop(); its last word is STOPPING */

#endif
