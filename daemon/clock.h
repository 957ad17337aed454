/* Time: the daemon's own clock, and the order that a sender's frames come in. */
#ifndef OUTRIDER_DAEMON_CLOCK_H
#define OUTRIDER_DAEMON_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

int64_t clock_now_ns(void); /* CLOCK_MONOTONIC */

/* One camera's frames in the order they come. It tells new frames from old ones, counts the epochs
 * and measures the rate. Depends on what it is handed only, so a replay sees what the car saw. */
enum arrival {
    ARRIVAL_NEW,
    ARRIVAL_DUPLICATE, /* this frame was there before */
    ARRIVAL_LATE,      /* older than one that was there before */
};

enum { TIMELINE_RECENT = 16, TIMELINE_INTERVALS = 8 };

struct timeline {
    int64_t nominal_ns; /* the period the configuration promises */
    int64_t period_ns;  /* the one to expect: nominal, or measured where frames come steadily */

    bool started;
    uint32_t sender_epoch; /* in the last header */
    uint32_t epoch;        /* what we make of it: one more each time that time jumps */
    enum clock_id clock_id;
    uint64_t newest_id;
    int64_t newest_ns;
    int stale;  /* old frames in a row */
    bool ended; /* the newest frame was the sender's last */
    int n_recent;
    uint64_t recent[TIMELINE_RECENT]; /* frame ids, newest anywhere */
    int64_t tick_ns;                  /* of the last new frame */
    int n_intervals;
    int64_t interval_ns[TIMELINE_INTERVALS];
    int n_steps; /* of capture time between new frames of this epoch, per frame counted */
    int64_t step_ns[TIMELINE_INTERVALS];
};

void timeline_init(struct timeline *t, int64_t nominal_ns);

/* The next frame's header; h->clock_epoch becomes the epoch of our answers, which never goes back.
 * A new epoch starts with a new epoch or clock in the header, where time goes back although the
 * frames go on (by count, by over a second, or three times in a row), where a drive that said which
 * frame was its last begins again, and where time leaps forward: by TIMELINE_LEAP of the longest of
 * the last steps (nominal periods at least) more than both the frames' count and their arrival say, once a few were seen.
 *   arrival_ns  on our clock; TIME_UNKNOWN in lock-step, where only the count can excuse a leap and
 *               the rate is measured on the capture times */
enum { TIMELINE_LEAP = 5 };
enum arrival timeline_admit(struct timeline *t, struct frame_header *h, int64_t arrival_ns);

#endif
