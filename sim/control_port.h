/* Where a planner's commands come in: control/<vehicle>, on an endpoint that we bind. The newest one
 * counts, on the clock of the frames; after its valid_until, and where a planner has fallen silent, the
 * vehicle brakes by itself and keeps its wheels as they were. One thread. */
#ifndef OUTRIDER_SIM_CONTROL_PORT_H
#define OUTRIDER_SIM_CONTROL_PORT_H

#include "perception/base/err.h"
#include "proto/message.h"
#include "sim/sender.h"
#include "sim/world/world.h"

struct control_port;

struct control_port_options {
    const char *endpoint, *vehicle;
    enum clock_id clock_id; /* of the frames: commands on another clock are refused */
    int stop_fd;            /* -1: nothing stops a wait but its deadline */
};

struct control_counts {
    uint64_t heard;          /* commands that were taken */
    uint64_t refused;        /* not understood, or on another clock */
    struct why last_refusal; /* "": none was refused */
};

/* ERR_FORMAT or ERR_IO (taken by somebody else) name the endpoint. */
MUST_CHECK enum err control_port_open(const struct control_port_options *o,
                                      struct control_port **out, struct why *why);
void control_port_close(struct control_port *p); /* NULL is fine */

/* Take in all that came, without waiting. */
void control_port_read(struct control_port *p);

/* Until there is a command that answers this frame; frame_id NULL: any. */
enum wait control_port_await(struct control_port *p, const uint64_t *frame_id, int64_t deadline_ns);

/* What the vehicle does at now_ns, on the clock of the frames. *stale: it brakes because nobody says
 * what else to do. False: no command was ever heard. */
bool control_port_command(const struct control_port *p, int64_t now_ns, struct drive_command *out,
                          bool *stale);

/* One command as control_port_read() takes it from the bus: for what has the bytes from elsewhere. */
void control_port_take(struct control_port *p, struct bytes topic, struct bytes body);

struct control_counts control_port_counts(const struct control_port *p);

#endif
