/* The truth on the bus, on an endpoint of its own: truth/objects/<camera>, truth/lanes/<camera>,
 * truth/ego/<vehicle>. Readers connect; who is not there, or too slow, misses it. One thread. */
#ifndef OUTRIDER_SIM_TRUTH_SENDER_H
#define OUTRIDER_SIM_TRUTH_SENDER_H

#include "perception/base/err.h"
#include "proto/message.h"
#include "sim/truth.h"

struct truth_sender;

struct truth_sender_options {
    const char *endpoint; /* to bind: "tcp://127.0.0.1:5703" */
    const char *camera, *vehicle;
    uint64_t seed;     /* the run_uuid is made of it: two equal runs say equal bytes */
    int64_t period_ns; /* between frames */
};

/* ERR_FORMAT or ERR_IO (taken by somebody else) name the endpoint. Names as sender.h checks them. */
MUST_CHECK enum err truth_sender_open(const struct truth_sender_options *o,
                                      struct truth_sender **out, struct why *why);
/* Gives what was sent last up to a second to leave. NULL is fine. */
void truth_sender_close(struct truth_sender *s);

/* What is true of the frame with this header. _first: the same before the drive begins, with seq 0,
 * for who must be met first. */
void truth_sender_send_first(struct truth_sender *s, const struct truth *t,
                             const struct frame_header *h);
void truth_sender_send(struct truth_sender *s, const struct truth *t, const struct frame_header *h);

#endif
