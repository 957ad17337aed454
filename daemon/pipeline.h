/* One camera's frames in, answers out: decode, perceive, fill both messages.
 *
 * No sockets and no threads. It is what a worker of outriderd does with each frame and what
 * `outrider run` does with each recorded one, so both give the same bytes. The way of a frame:
 *
 *     struct timeline line;               (daemon/clock.h)
 *     timeline_init(&line, period);
 *     each frame:
 *         frame.header = ...;
 *         frame.ego = pipeline_ego(&newest_ego, &frame.header);
 *         frame.arrival = timeline_admit(&line, &frame.header, TIME_UNKNOWN);
 *         frame.period_ns = line.period_ns;
 *         pipeline_run(p, &frame, &answer);
 *         answer.objects.header.seq = answer.lanes.header.seq = ++seq;
 *
 * Open to its caller are, in both headers: seq, t_publish and drops. */
#ifndef OUTRIDER_DAEMON_PIPELINE_H
#define OUTRIDER_DAEMON_PIPELINE_H

#include "daemon/clock.h"
#include "perception/perception.h"
#include "proto/message.h"
#include "proto/wire.h"

struct pipeline; /* decoder, networks, tracker; one camera, one thread at a time */

struct pipeline_config {
    const char *camera, *config_id;      /* copied */
    struct perception_config perception; /* n_networks 0: answers NOT_AVAILABLE, CONFIG */
    uint8_t run_uuid[16];
    int64_t (*now_ns)(void); /* NULL: t_infer_begin and t_infer_end stay unknown */
};

struct frame {
    struct frame_header header; /* its clock_epoch as timeline_admit() left it */
    enum arrival arrival;       /* old ones (lock-step only) repeat the last answer, REDUCED */
    struct bytes pixels;        /* borrowed for the call */
    int64_t t_recv_ns;          /* TIME_UNKNOWN: not received but read */
    int64_t period_ns;          /* until the next one is due */
    struct ego_motion ego;      /* as messages say; EGO_UNKNOWN: nothing */
};

struct answer {
    struct objects_message objects;
    struct lanes_message lanes;
    struct mount_state mount;
    int64_t decode_ns, infer_ns; /* how long it took; 0 without a clock */
    bool undecodable;
    struct why why; /* what was wrong with the frame; empty: nothing */
};

/* ERR_* with the model or number that is wrong in why; *out is then NULL. */
MUST_CHECK enum err pipeline_open(const struct pipeline_config *cfg, struct pipeline **out,
                                  struct why *why);
void pipeline_close(struct pipeline *p); /* NULL is fine */

/* Answers whatever comes: trouble is a qualifier and a reason. Bounded time; does not allocate once
 * the largest picture was seen. */
void pipeline_run(struct pipeline *p, const struct frame *f, struct answer *out);

/* From the next frame on; camera_check() speaks first. Tracks are forgotten. */
MUST_CHECK enum err pipeline_calibrate(struct pipeline *p, const struct camera *c, struct why *why);

const char *pipeline_model_id(const struct pipeline *p); /* "" without networks */
unsigned pipeline_gives(const struct pipeline *p);       /* HEAD_... bits */

/* The motion at the frame's time: ego's, if it is on the same clock and epoch and within half a
 * second of the frame; otherwise unknown. ego NULL: unknown. h as the sender made it. */
struct ego_motion pipeline_ego(const struct ego *ego, const struct frame_header *h);

/* Whom a message speaks for; everything else unknown, qualifier NOT_AVAILABLE. */
void header_init(struct header *h, const uint8_t run_uuid[16], const char *camera,
                 const char *config_id);

/* Numbers are good for 3 periods, and for half a second at least. */
int64_t valid_for_ns(int64_t period_ns);

/* "cal-" and 16 hex digits, a hash of the numbers; "" where the camera is not calibrated. */
void calibration_id(const struct camera *c, char out[MESSAGE_MAX_NAME]);

#endif
