#include "perception/nn/quantise/range.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    EXPONENT_MIN = -40,
    EXPONENT_MAX = 120,
    STEPS_ONE = 100,    /* tried ends of a range that begins at 0, 1 % apart */
    STEPS_TWO = 24,     /* of each end otherwise, 3 % apart */
    STEPS_WEIGHTS = 32, /* 1 % apart */
};

void histogram_init(struct histogram *h)
{
    *h = (struct histogram){.min = INFINITY, .max = -INFINITY, .exponent = EXPONENT_MIN};
}

/* Twice the width: bins 2 k and 2 k + 1 on either side become one. */
static void widen(struct histogram *h)
{
    double *up = h->count + RANGE_HALF;

    for (int i = 0; i < RANGE_HALF / 2; i++)
        up[i] = up[2 * i] + up[2 * i + 1];
    memset(up + RANGE_HALF / 2, 0, RANGE_HALF / 2 * sizeof *up);
    for (int i = 1; i <= RANGE_HALF / 2; i++)
        up[-i] = up[-2 * i] + up[-2 * i + 1];
    memset(h->count, 0, RANGE_HALF / 2 * sizeof *up);
    h->exponent++;
}

static void widen_to(struct histogram *h, int exponent)
{
    if (h->total == 0)
        h->exponent = exponent > h->exponent ? exponent : h->exponent;
    while (h->exponent < exponent)
        widen(h);
}

static int exponent_of(double v)
{
    int e;

    frexp(v, &e); /* v < 2^e */
    return e > EXPONENT_MAX ? EXPONENT_MAX : e;
}

void histogram_add(struct histogram *h, const float *x, size_t n)
{
    float lo = INFINITY, hi = -INFINITY;
    double per_bin;

    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            continue;
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    if (lo > hi)
        return;
    widen_to(h, exponent_of(fmax(-(double)lo, (double)hi)));
    h->min = fmin(h->min, (double)lo);
    h->max = fmax(h->max, (double)hi);
    per_bin = ldexp(RANGE_HALF, -h->exponent);
    for (size_t i = 0; i < n; i++) {
        double at = isfinite(x[i]) ? floor((double)x[i] * per_bin) : NAN;

        if (isnan(at))
            continue;
        at = at < -RANGE_HALF ? -RANGE_HALF : at >= RANGE_HALF ? RANGE_HALF - 1 : at;
        h->count[RANGE_HALF + (int)at]++;
        h->total++;
    }
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    double *up = to->count + RANGE_HALF;
    int shift;

    if (from->total == 0)
        return;
    widen_to(to, from->exponent);
    shift = to->exponent - from->exponent;
    shift = shift > 20 ? 20 : shift;
    for (int i = -RANGE_HALF; i < RANGE_HALF; i++) {
        int at = i >= 0 ? i >> shift : -((-i - 1) >> shift) - 1;

        up[at] += from->count[RANGE_HALF + i];
    }
    to->total += from->total;
    to->min = fmin(to->min, from->min);
    to->max = fmax(to->max, from->max);
}

/* ---- activations --------------------------------------------------------------------------- */
static struct range range_of(double lo, double hi)
{
    struct range r;

    lo = fmin(lo, 0.0);
    hi = fmax(hi, 0.0);
    r.scale = (float)((hi - lo) / 255.0);
    if (!(r.scale > 1e-30f))
        return (struct range){1.0f, 0};
    r.zero = (int)lrint(-lo / (double)r.scale);
    r.zero = r.zero < 0 ? 0 : r.zero > 255 ? 255 : r.zero;
    return r;
}

struct range range_whole(const struct histogram *h)
{
    return h->total > 0 ? range_of(h->min, h->max) : range_of(0, 0);
}

double range_error(const struct histogram *h, struct range r)
{
    double width = ldexp(1.0 / RANGE_HALF, h->exponent), scale = (double)r.scale, sum = 0;

    for (int i = 0; i < 2 * RANGE_HALF; i++) {
        double x = (i - RANGE_HALF + 0.5) * width, q = rint(x / scale) + r.zero, d;

        if (h->count[i] == 0)
            continue;
        q = q < 0 ? 0 : q > 255 ? 255 : q;
        d = (q - r.zero) * scale - x;
        d = d * d;
        if (q > 0 && q < 255 && scale < width) /* the bin holds several steps */
            d = scale * scale / 12;
        sum += h->count[i] * d;
    }
    return h->total > 0 ? sum / h->total : 0;
}

struct range range_best(const struct histogram *h)
{
    struct range best = range_whole(h);
    double least = range_error(h, best);
    bool below = h->min<0, above = h->max> 0;
    int steps = below && above ? STEPS_TWO : STEPS_ONE;
    double step = below && above ? 0.03 : 0.01;

    if (h->total == 0)
        return best;
    for (int i = 0; i < (below ? steps : 1); i++)
        for (int j = 0; j < (above ? steps : 1); j++) {
            struct range r =
                range_of(fmin(h->min, 0) * (1 - i * step), fmax(h->max, 0) * (1 - j * step));
            double e = range_error(h, r);

            if (e < least) {
                least = e;
                best = r;
            }
        }
    return best;
}

/* ---- weights ------------------------------------------------------------------------------- */
static double weights_error(const struct weights_view *v, double scale)
{
    double sum = 0;

    for (int64_t i = 0; i < v->n; i++) {
        double w = (double)v->w[v->at[i]], q = rint(w / scale), d;

        q = q < -127 ? -127 : q > 127 ? 127 : q;
        d = q * scale - w;
        sum += d * d * (v->importance ? (double)v->importance[i] : 1.0);
    }
    return sum;
}

float weights_scale(const struct weights_view *v)
{
    double most = 0, best, least = INFINITY;

    for (int64_t i = 0; i < v->n; i++)
        most = fmax(most, fabs((double)v->w[v->at[i]]));
    best = most / 127.0;
    if (!(best > 1e-30))
        return 0.0f;
    for (int i = 0; i < STEPS_WEIGHTS; i++) {
        double scale = (double)(float)(most / 127.0 * (1 - i * 0.01)), e = weights_error(v, scale);

        if (e < least) {
            least = e;
            best = scale;
        }
    }
    return (float)best;
}
