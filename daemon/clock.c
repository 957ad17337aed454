#include "daemon/clock.h"

#include <string.h>
#include <time.h>

enum {
    STALE_MAX = 3,        /* old frames in a row after which they are a new time */
    STEADY_PERCENT = 30,  /* of the median: spread of intervals that still count as one rate */
    NOMINAL_PERCENT = 10, /* a measured period this near to the nominal one is the nominal one */
    RATE_RANGE = 8,       /* measured periods are believed from 1/8 to 8 times the nominal one */
};
/* Times lie within +-2^62 (wire.h), so adding these never overflows; differences could. */
#define LATE_MAX_NS NS_PER_S /* older than this is no late frame, time went back */
#define INTERVAL_MAX_NS (3600 * NS_PER_S)

int64_t clock_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

void timeline_init(struct timeline *t, int64_t nominal_ns)
{
    *t = (struct timeline){.nominal_ns = nominal_ns, .period_ns = nominal_ns};
}

static bool was_there(const struct timeline *t, uint64_t frame_id)
{
    int n = t->n_recent < TIMELINE_RECENT ? t->n_recent : TIMELINE_RECENT;

    for (int i = 0; i < n; i++)
        if (t->recent[i] == frame_id)
            return true;
    return false;
}

static void epoch_begin(struct timeline *t, const struct frame_header *h)
{
    bool jump = t->started && h->clock_epoch == t->sender_epoch;

    if (!t->started || (!jump && h->clock_epoch > t->epoch))
        t->epoch = h->clock_epoch;
    else
        t->epoch++;
    t->started = true;
    t->sender_epoch = h->clock_epoch;
    t->clock_id = h->clock_id;
    t->n_recent = 0;
}

/* The median of the last intervals, if they are alike and not far from what was promised. */
static void measure_rate(struct timeline *t, int64_t interval_ns)
{
    enum { N = TIMELINE_INTERVALS };
    int64_t v[N];

    t->interval_ns[t->n_intervals++ % N] = interval_ns;
    if (t->n_intervals < N)
        return;
    t->n_intervals = N + t->n_intervals % N; /* stays small, keeps the place in the ring */
    for (int i = 0; i < N; i++) {            /* insertion sort */
        int k = i;

        for (; k > 0 && v[k - 1] > t->interval_ns[i]; k--)
            v[k] = v[k - 1];
        v[k] = t->interval_ns[i];
    }
    int64_t median = v[N / 2 - 1] + (v[N / 2] - v[N / 2 - 1]) / 2;
    int64_t off = median > t->nominal_ns ? median - t->nominal_ns : t->nominal_ns - median;
    if (v[N - 2] - v[1] > median / 100 * STEADY_PERCENT || median < t->nominal_ns / RATE_RANGE ||
        median > t->nominal_ns * RATE_RANGE)
        return;
    t->period_ns = off <= t->nominal_ns / 100 * NOMINAL_PERCENT ? t->nominal_ns : median;
}

enum arrival timeline_admit(struct timeline *t, struct frame_header *h, int64_t tick_ns)
{
    bool first = !t->started;

    if (first || h->clock_epoch != t->sender_epoch || h->clock_id != t->clock_id ||
        (t->ended && h->frame_id < t->newest_id)) {
        epoch_begin(t, h);
    } else if (h->frame_id == t->newest_id) {
        h->clock_epoch = t->epoch;
        return ARRIVAL_DUPLICATE;
    } else if (h->t_sof_ns < t->newest_ns) {
        bool near = h->t_sof_ns >= t->newest_ns - LATE_MAX_NS;

        if (h->frame_id < t->newest_id && near && ++t->stale < STALE_MAX) {
            h->clock_epoch = t->epoch;
            return was_there(t, h->frame_id) ? ARRIVAL_DUPLICATE : ARRIVAL_LATE;
        }
        epoch_begin(t, h);
    }
    t->stale = 0;
    t->ended = h->last;
    t->newest_id = h->frame_id;
    t->newest_ns = h->t_sof_ns;
    t->recent[t->n_recent++ % TIMELINE_RECENT] = h->frame_id;
    if (t->n_recent == 2 * TIMELINE_RECENT)
        t->n_recent = TIMELINE_RECENT;
    if (!first && tick_ns > t->tick_ns && tick_ns < t->tick_ns + INTERVAL_MAX_NS)
        measure_rate(t, tick_ns - t->tick_ns);
    t->tick_ns = tick_ns;
    h->clock_epoch = t->epoch;
    return ARRIVAL_NEW;
}
