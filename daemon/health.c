#include "daemon/health.h"

#include <string.h>

#include "daemon/clock.h"

struct drops counters_drops(struct counters *c)
{
    struct drops d;

    for (int i = 0; i < DROP_COUNT; i++)
        d.count[i] = atomic_load(&c->drop[i]);
    return d;
}

void window_add(struct window *w, float value)
{
    w->value[w->next] = value;
    w->next = (w->next + 1) % WINDOW_SIZE;
    if (w->n < WINDOW_SIZE)
        w->n++;
}

/* Quickselect (Hoare 1961): afterwards v[k] is what sorting would put there. */
static float select_nth(float *v, int n, int k)
{
    int lo = 0, hi = n - 1;

    while (lo < hi) {
        float pivot = v[lo + (hi - lo) / 2];
        int i = lo, j = hi;

        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                float swap = v[i];

                v[i++] = v[j];
                v[j--] = swap;
            }
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return v[k];
}

float window_quantile(const struct window *w, float q)
{
    float sorted[WINDOW_SIZE];
    int k = (int)(q * (float)w->n);

    if (w->n == 0)
        return NAN;
    memcpy(sorted, w->value, sizeof *sorted * (size_t)w->n);
    return select_nth(sorted, w->n, k < w->n ? k : w->n - 1);
}

static float ms(int64_t ns)
{
    return (float)ns / (float)NS_PER_MS;
}

void health_answer(struct health *h, int64_t latency_ns, int64_t decode_ns, int64_t infer_ns)
{
    window_add(&h->latency_ms, ms(latency_ns));
    window_add(&h->decode_ms, ms(decode_ns));
    window_add(&h->infer_ms, ms(infer_ns));
}

void health_rate(struct health *h, int64_t now_ns, uint64_t received)
{
    int64_t stretch = now_ns - h->rate_since_ns;

    if (h->rate_since_ns == 0 || stretch >= NS_PER_S) {
        if (h->rate_since_ns)
            h->rate_hz =
                (float)((double)(received - h->rate_received) * (double)NS_PER_S / (double)stretch);
        h->rate_since_ns = now_ns;
        h->rate_received = received;
    }
}

void health_fill(const struct health *h, struct counters *c, struct camera_status *out)
{
    out->frames_received = atomic_load(&c->received);
    out->frames_answered = atomic_load(&c->answered);
    out->drops = counters_drops(c);
    out->frame_rate_hz = h->rate_hz;
    out->latency_p50_ms = window_quantile(&h->latency_ms, 0.5f);
    out->latency_p99_ms = window_quantile(&h->latency_ms, 0.99f);
    out->decode_ms = window_quantile(&h->decode_ms, 0.5f);
    out->infer_ms = window_quantile(&h->infer_ms, 0.5f);
}

bool pressure_high(struct pressure *p, int64_t now_ns, uint64_t received, uint64_t dropped)
{
    if (now_ns - p->since_ns >= NS_PER_S / 2) {
        p->past_received = p->received;
        p->past_dropped = p->dropped;
        p->received = received;
        p->dropped = dropped;
        p->since_ns = now_ns;
    }
    return 2 * (dropped - p->past_dropped) > received - p->past_received;
}
