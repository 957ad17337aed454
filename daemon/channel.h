/* One camera's way through the daemon, and the daemon: what its threads share, and who owns what.
 *
 *     receive thread --slot--> worker (one a camera) --answer--> publishing thread
 *
 * The receive thread owns the SUB socket, the publishing thread the PUB socket and the timers. */
#ifndef OUTRIDER_DAEMON_CHANNEL_H
#define OUTRIDER_DAEMON_CHANNEL_H

#include <pthread.h>
#include <zmq.h>

#include "daemon/config.h"
#include "daemon/health.h"
#include "daemon/mailbox.h"
#include "daemon/pipeline.h"
#include "daemon/wake.h"

struct slot { /* a received frame */
    struct frame frame;
    zmq_msg_t pixels; /* what frame.pixels borrows: moved here, never copied */
    unsigned calibration_nr;
    struct camera calibration;
};

enum worker_state { WORKER_LOADING, WORKER_READY, WORKER_FAILED, WORKER_GONE };

struct channel {
    struct daemon *daemon;
    const struct camera_config *config;
    int index;

    /* receive thread */
    struct timeline timeline;

    /* receive thread -> worker */
    struct mailbox frames;
    struct slot slot[MAILBOX_SLOTS];
    struct wake posted;
    struct wake taken; /* lock-step: the receive thread waits until a frame was taken */

    /* worker -> publishing thread, which daemon.answered wakes */
    struct mailbox answers;
    struct answer answer[MAILBOX_SLOTS];
    struct wake sent; /* the worker waits until an answer was taken */
    _Atomic enum worker_state state;
    char model_id[MESSAGE_MAX_TEXT]; /* written before state is READY */
    unsigned gives;                  /* HEAD_... bits, likewise */

    /* anyone */
    struct counters counters;
    _Atomic int64_t received_ns;   /* the newest frame came; TIME_UNKNOWN: none yet */
    _Atomic int64_t period_ns;     /* to expect */
    _Atomic int64_t busy_since_ns; /* the worker began its frame; TIME_UNKNOWN: it waits */
    pthread_mutex_t lock;          /* of the rest */
    struct camera calibration;     /* in use from the next frame on */
    enum calibration_source calibration_source;
    unsigned calibration_nr; /* one more with each new one */
    char last_error[MESSAGE_MAX_TEXT];
};

struct stranger { /* a camera that sends but is not configured */
    char name[MESSAGE_MAX_NAME];
    uint64_t frames;
};
enum { MAX_STRANGERS = 4 };

struct daemon {
    const struct config *config;
    uint8_t run_uuid[16];
    int64_t start_ns;
    atomic_bool stopping;
    struct wake stop;     /* the receive thread waits for it beside its socket */
    struct wake answered; /* the publishing thread */
    struct wake troubled; /* the main thread: a worker failed or ended */
    struct why trouble;   /* of the first worker that failed, under lock */
    atomic_uint_fast64_t malformed, unknown_topic;
    pthread_mutex_t lock;
    int n_strangers; /* under lock, as the next */
    struct stranger stranger[MAX_STRANGERS];
    int n_channels;
    struct channel *channel;
};

MUST_CHECK enum err daemon_init(struct daemon *d, const struct config *c, struct why *why);
void daemon_finish(struct daemon *d); /* all threads have ended */
void daemon_stop(struct daemon *d);   /* wakes everyone */

struct channel *channel_find(struct daemon *d, const char *camera); /* NULL: not configured */
void channel_error(struct channel *c, const char *text);            /* for the status */
void channel_calibrate(struct channel *c, const struct camera *camera);

#endif
