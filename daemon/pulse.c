#include "daemon/pulse.h"

#include "proto/message.h"

void pulse_init(struct pulse *p)
{
    *p = (struct pulse){.said_ns = INT64_MIN / 2, .idle = true};
}

void pulse_answered(struct pulse *p, int64_t now_ns)
{
    *p = (struct pulse){.said_ns = now_ns, .idle = false};
}

static enum pulse_speech judge(const struct pulse_view *v, bool gone)
{
    if (v->busy_since_ns != TIME_UNKNOWN && v->now_ns - v->busy_since_ns >= PULSE_HUNG_NS)
        return PULSE_HUNG;
    if (gone)
        return PULSE_NO_FRAMES;
    return v->loading ? PULSE_LOADING : PULSE_OVERLOAD;
}

enum pulse_speech pulse_check(struct pulse *p, const struct pulse_view *v, int64_t *next_ns)
{
    int64_t half = v->period_ns / 2;
    int64_t due = p->said_ns + (p->idle ? 2 * half : 3 * half);
    int64_t gone_at = v->received_ns == TIME_UNKNOWN ? v->now_ns : v->received_ns + 3 * half;
    bool pending = v->busy_since_ns != TIME_UNKNOWN || v->waiting;

    if (!p->idle && !pending && gone_at < due)
        due = gone_at;
    *next_ns = due;
    if (v->now_ns < due)
        return PULSE_NOTHING;
    /* Keep the beat, unless it was lost for longer than one. */
    p->said_ns = v->now_ns - due < v->period_ns ? due : v->now_ns;
    p->idle = true;
    *next_ns = p->said_ns + v->period_ns;
    return judge(v, gone_at <= v->now_ns);
}
