/* A socket of the simulator's own that others connect to, for one direction of one kind of message. */
#ifndef OUTRIDER_SIM_ENDPOINT_H
#define OUTRIDER_SIM_ENDPOINT_H

#include "perception/base/err.h"

struct endpoint { /* zeroed: none */
    void *context, *socket;
};

/* type: ZMQ_PUB or ZMQ_SUB; linger_ms: how long what was sent last is kept for who is slow. Options of the socket are
 * set between the two. option: of the command line, for errors: ERR_FORMAT where the address is none, ERR_IO where it
 * is taken. endpoint_close() also after errors. */
MUST_CHECK enum err endpoint_open(struct endpoint *e, int type, int linger_ms, struct why *why);
MUST_CHECK enum err endpoint_bind(struct endpoint *e, const char *address, const char *option,
                                  struct why *why);
void endpoint_close(struct endpoint *e);

#endif
