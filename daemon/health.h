/* What is counted and timed, and the status message that tells it. */
#ifndef OUTRIDER_DAEMON_HEALTH_H
#define OUTRIDER_DAEMON_HEALTH_H

#include <stdatomic.h>

#include "proto/message.h"

struct counters { /* since the start; any thread counts, any thread reads */
    atomic_uint_fast64_t received, answered, drop[DROP_COUNT];
};

struct drops counters_drops(struct counters *c);

enum { WINDOW_SIZE = 1000 };
struct window { /* the last WINDOW_SIZE numbers; zeroed: none */
    int n, next;
    float value[WINDOW_SIZE];
};
void window_add(struct window *w, float value);
float window_quantile(const struct window *w, float q); /* q in 0..1; NAN: nothing in it */

struct health { /* one camera's, the publishing thread's own */
    struct window latency_ms, decode_ms, infer_ms;
    int64_t rate_since_ns; /* start of the stretch that the rate is measured over */
    uint64_t rate_received;
    float rate_hz;
};
void health_answer(struct health *h, int64_t latency_ns, int64_t decode_ns, int64_t infer_ns);
/* Called now and then; the rate is that of the last second or two. */
void health_rate(struct health *h, int64_t now_ns, uint64_t received);
void health_fill(const struct health *h, struct counters *c, struct camera_status *out);

/* Share of frames overwritten in the last half to whole second: are we losing most of them? */
struct pressure {
    int64_t since_ns;
    uint64_t received, dropped;           /* at since_ns */
    uint64_t past_received, past_dropped; /* half a second before */
};
bool pressure_high(struct pressure *p, int64_t now_ns, uint64_t received, uint64_t dropped);

#endif
