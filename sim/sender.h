/* One camera on the bus, as a player or a simulator is one: sends frames, tells everyone who
 * subscribes how the camera is calibrated, and waits for answers in lock-step.
 *
 * Every wait ends at a deadline on CLOCK_MONOTONIC, or when stop_fd becomes readable. One thread.
 */
#ifndef OUTRIDER_SIM_SENDER_H
#define OUTRIDER_SIM_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "proto/message.h"
#include "proto/wire.h"

struct sender;

struct sender_options {
    const char *camera, *vehicle;     /* as in topics */
    const char *frames;               /* endpoint where the daemon takes frames; we connect */
    const char *answers;              /* endpoint of its messages; NULL: they are not awaited */
    const struct camera *calibration; /* NULL: the daemon has its own */
    int stop_fd;                      /* -1: nothing stops a wait but its deadline */

    /* Told of every message about this camera that comes in during a wait, one of the two not NULL,
     * borrowed for the call. NULL: nobody wants to know. Only with answers. */
    void (*hear)(void *context, const struct objects_message *o, const struct lanes_message *l);
    void *context;
};

enum wait { WAIT_DONE, WAIT_TIMEOUT, WAIT_STOPPED };

/* On OK the caller owns *out. The options are copied, the calibration too. ERR_IO, ERR_NOMEM, or
 * ERR_FORMAT for names and endpoints that are none. */
MUST_CHECK enum err sender_open(const struct sender_options *o, struct sender **out,
                                struct why *why);
/* Gives what was sent last up to two seconds to leave. NULL is fine. */
void sender_close(struct sender *s);

int64_t sender_now_ns(void); /* CLOCK_MONOTONIC */

/* Until somebody subscribes to our frames and, if answers are awaited, somebody is heard there.
 * On WAIT_TIMEOUT why says what is missing. */
enum wait sender_await_reader(struct sender *s, int64_t deadline_ns, struct why *why);

/* Until the deadline: WAIT_TIMEOUT or WAIT_STOPPED. Calibrations go out meanwhile. */
enum wait sender_sleep(struct sender *s, int64_t deadline_ns);

/* False: it went to nobody. Readers that are SENDER_QUEUE frames behind hold back all. */
enum { SENDER_QUEUE = 4 };
bool sender_frame(struct sender *s, const struct frame_header *h, struct bytes pixels);
void sender_ego(struct sender *s, const struct ego *e);
int sender_readers(struct sender *s); /* subscriptions to our frames */

/* Until objects and lanes answered this frame. On WAIT_TIMEOUT why names the frame and which of
 * them did not come. Only of a sender that was opened with answers. */
enum wait sender_await_answers(struct sender *s, const struct frame_header *h, int64_t deadline_ns,
                               struct why *why);

#endif
