#include "daemon/clock.h"

#include <string.h>
#include <time.h>

enum {
    STEPS_MIN = 3, /* that must be known before a leap can be told from them */
    STALE_MAX = 3, /* old frames in a row after which they are a new time */
    COUNT_MAX = 1000,
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
    t->n_steps = 0;
}

/* Frames counted from the newest to this one, at least one; no more than a
 * thousand, so that products stay small. */
static int64_t frames_since(const struct timeline *t, const struct frame_header *h)
{
    uint64_t n = h->frame_id > t->newest_id ? h->frame_id - t->newest_id : 1;

    return n < COUNT_MAX ? (int64_t)n : COUNT_MAX;
}

/* Of capture time; an hour where it is more. */
static int64_t step_of(const struct timeline *t, const struct frame_header *h)
{
    return h->t_sof_ns > t->newest_ns + INTERVAL_MAX_NS ? INTERVAL_MAX_NS
                                                        : h->t_sof_ns - t->newest_ns;
}

/* A camera that pauses arrives late, one that loses frames counts on: time that leaps does neither.
 */
static bool leaps(const struct timeline *t, const struct frame_header *h, int64_t arrival_ns)
{
    int64_t usual = t->nominal_ns, step = step_of(t, h), excuse;

    if (t->n_steps < STEPS_MIN)
        return false;
    for (int i = 0; i < t->n_steps && i < TIMELINE_INTERVALS; i++)
        usual = t->step_ns[i] > usual ? t->step_ns[i] : usual;
    excuse = usual * frames_since(t, h);
    if (arrival_ns != TIME_UNKNOWN && arrival_ns - t->tick_ns > excuse)
        excuse = arrival_ns - t->tick_ns;
    return step > excuse + TIMELINE_LEAP * usual;
}

static void step_add(struct timeline *t, const struct frame_header *h)
{
    int64_t step = step_of(t, h);

    if (step <= 0 || step == INTERVAL_MAX_NS)
        return;
    t->step_ns[t->n_steps++ % TIMELINE_INTERVALS] = step / frames_since(t, h);
    if (t->n_steps == 2 * TIMELINE_INTERVALS)
        t->n_steps = TIMELINE_INTERVALS;
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

enum arrival timeline_admit(struct timeline *t, struct frame_header *h, int64_t arrival_ns)
{
    int64_t tick_ns = arrival_ns == TIME_UNKNOWN ? h->t_sof_ns : arrival_ns;
    bool first = !t->started, begins = first || h->clock_epoch != t->sender_epoch ||
                                       h->clock_id != t->clock_id ||
                                       (t->ended && h->frame_id < t->newest_id);

    if (!begins && h->frame_id == t->newest_id) {
        h->clock_epoch = t->epoch;
        return ARRIVAL_DUPLICATE;
    }
    if (!begins && h->t_sof_ns < t->newest_ns) {
        bool near = h->t_sof_ns >= t->newest_ns - LATE_MAX_NS;

        if (h->frame_id < t->newest_id && near && ++t->stale < STALE_MAX) {
            h->clock_epoch = t->epoch;
            return was_there(t, h->frame_id) ? ARRIVAL_DUPLICATE : ARRIVAL_LATE;
        }
        begins = true;
    }
    if (begins || leaps(t, h, arrival_ns))
        epoch_begin(t, h);
    else
        step_add(t, h);
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
