/* When a camera's messages must leave although no answer came, and what they then say.
 * Decided from times alone, so that it can be tested without waiting.
 *
 * An answer is due one period after the last message; half a period later somebody must speak. That
 * frames stopped is said as soon as the newest is 1.5 periods old, unless one is still being
 * answered. After that the message comes once a period. */
#ifndef OUTRIDER_DAEMON_PULSE_H
#define OUTRIDER_DAEMON_PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse {
    int64_t said_ns; /* when the last message left */
    bool idle;       /* it was no answer */
};

enum pulse_speech {
    PULSE_NOTHING,   /* be silent until *next_ns */
    PULSE_NO_FRAMES, /* none comes */
    PULSE_LOADING,   /* they come, but the networks are not there yet */
    PULSE_OVERLOAD,  /* they come, and the worker is busy */
    PULSE_HUNG,      /* the worker is busy with one frame for over PULSE_HUNG_NS */
};
#define PULSE_HUNG_NS INT64_C(1000000000)

struct pulse_view { /* of one camera, now */
    int64_t now_ns, period_ns;
    int64_t received_ns;   /* the newest frame; TIME_UNKNOWN: none ever */
    int64_t busy_since_ns; /* the worker began its frame; TIME_UNKNOWN: it waits for one */
    bool waiting;          /* a frame or an answer lies in a mailbox */
    bool loading;
};

void pulse_init(struct pulse *p); /* the first message is due at once */
void pulse_answered(struct pulse *p, int64_t now_ns);
enum pulse_speech pulse_check(struct pulse *p, const struct pulse_view *v, int64_t *next_ns);

#endif
