/* For planners and players: the bus in plain C structs. Link with -loutrider-client -lzmq
 * -lprotobuf-c -lm; example.c is a small planner.
 *
 * A struct outrider_client reads. Subscribe to what you need, then call outrider_client_wait() once
 * in every cycle: it takes in all that has arrived and keeps the newest message of each topic,
 * which outrider_client_objects() and its kin show. There is no thread behind it: use it from one
 * thread, and often enough that its queue (64 messages) suffices. Messages that were lost on the
 * way show as gaps in seq and are counted. Before you use numbers look at header.qualifier and
 * outrider_is_stale().
 *
 * A struct outrider_publisher sends frames, ego motion and calibrations to the daemon, and commands to
 * what drives the vehicle. Sending
 * never waits: with nobody connected, or one who is too slow, messages are dropped. Call
 * outrider_publisher_wait() once if the first frame matters.
 *
 * Functions that can fail return OK or an enum err, and say more in struct why (NULL is fine). */
#ifndef OUTRIDER_CLIENT_H
#define OUTRIDER_CLIENT_H

#include "perception/base/err.h"
#include "proto/wire.h"

struct outrider_client;
struct outrider_publisher;

struct outrider_counts { /* since outrider_client_open() */
    uint64_t received;   /* messages understood */
    uint64_t missed;     /* gaps in seq within one run of the daemon */
    uint64_t malformed;  /* not understood; the last struct why says what was wrong */
};

/* endpoint: the daemon's out end, "tcp://127.0.0.1:5702". ERR_IO if it is no endpoint; that nobody
 * listens there is not an error: messages begin when somebody does. */
MUST_CHECK enum err outrider_client_open(const char *endpoint, struct outrider_client **out,
                                         struct why *why);
void outrider_client_close(struct outrider_client *c); /* NULL is fine */
MUST_CHECK enum err outrider_client_connect(struct outrider_client *c, const char *endpoint,
                                            struct why *why); /* one more daemon */

/* topic: TOPIC_OBJECTS, TOPIC_LANES, TOPIC_CALIBRATION with a camera, TOPIC_EGO with a vehicle, or
 * TOPIC_STATUS with NULL. _truth: what a simulator says under truth/ instead; one of the two for each
 * name. ERR_LIMIT after OUTRIDER_MAX_SUBSCRIPTIONS. */
enum { OUTRIDER_MAX_SUBSCRIPTIONS = 64 };
MUST_CHECK enum err outrider_client_subscribe(struct outrider_client *c, enum topic topic,
                                              const char *camera, struct why *why);
MUST_CHECK enum err outrider_client_subscribe_truth(struct outrider_client *c, enum topic topic,
                                                    const char *camera, struct why *why);

/* Wait until something arrives, then take in everything that is there.
 * ERR_AGAIN: nothing within timeout_ms (0: do not wait, -1: wait for ever). ERR_FORMAT and its kin:
 * a message was not understood; the others were taken in all the same. */
MUST_CHECK enum err outrider_client_wait(struct outrider_client *c, int timeout_ms,
                                         struct why *why);

/* The newest message, borrowed until the next outrider_client_wait(); NULL before the first. */
const struct objects_message *outrider_client_objects(const struct outrider_client *c,
                                                      const char *camera);
const struct lanes_message *outrider_client_lanes(const struct outrider_client *c,
                                                  const char *camera);
const struct calibration_message *outrider_client_calibration(const struct outrider_client *c,
                                                              const char *camera);
const struct ego *outrider_client_ego(const struct outrider_client *c, const char *vehicle);
const struct status_message *outrider_client_status(const struct outrider_client *c);
struct outrider_counts outrider_client_counts(const struct outrider_client *c);

/* True when the numbers must not be used any more: now_ns, on the clock that header.clock_id names,
 * is after valid_until, or the message does not say until when. */
bool outrider_is_stale(const struct header *h, int64_t now_ns);

/* endpoint: the daemon's in end, "tcp://127.0.0.1:5701". */
MUST_CHECK enum err outrider_publisher_open(const char *endpoint, struct outrider_publisher **out,
                                            struct why *why);
void outrider_publisher_close(struct outrider_publisher *p); /* hands out what was sent; <= 1 s */
/* Wait until a daemon listens. ERR_AGAIN: none within timeout_ms. */
MUST_CHECK enum err outrider_publisher_wait(struct outrider_publisher *p, int timeout_ms,
                                            struct why *why);

/* The pixels are copied. What the daemon would refuse is refused here already, with the reason. */
MUST_CHECK enum err outrider_publisher_frame(struct outrider_publisher *p, const char *camera,
                                             const struct frame_header *h, struct bytes pixels,
                                             struct why *why);
MUST_CHECK enum err outrider_publisher_ego(struct outrider_publisher *p, const char *vehicle,
                                           const struct ego *ego, struct why *why);
/* To what drives the vehicle: a simulator listens on tcp://127.0.0.1:5704. */
MUST_CHECK enum err outrider_publisher_control(struct outrider_publisher *p, const char *vehicle,
                                               const struct control *control, struct why *why);
MUST_CHECK enum err outrider_publisher_calibration(struct outrider_publisher *p, const char *camera,
                                                   const struct camera *camera_model,
                                                   struct why *why);

#endif
