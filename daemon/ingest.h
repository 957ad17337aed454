/* The receive thread: the SUB socket and everything that comes in through it. */
#ifndef OUTRIDER_DAEMON_INGEST_H
#define OUTRIDER_DAEMON_INGEST_H

#include "daemon/channel.h"

struct ingest;

/* Bind and connect bus.in; ERR_IO names the endpoint. The caller owns *out. */
MUST_CHECK enum err ingest_open(struct daemon *d, void *zmq, struct ingest **out, struct why *why);
void ingest_close(struct ingest *in); /* NULL is fine; after the thread ended */
void *ingest_thread(void *ingest);    /* until daemon_stop() */

/* One message of n parts, as the thread treats it; parts may be moved out of (the pixels are). For
 * the thread, the tests and the fuzzer. */
void ingest_message(struct ingest *in, zmq_msg_t *part, int n);

#endif
