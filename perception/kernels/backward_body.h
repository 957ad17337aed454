/* Included by backward_c.c and the files in x86/, which define BACKWARD(name). Loops that the
 * compiler makes vectors of, one order of sums whatever their width: along channels nothing is
 * reordered. */
#include <string.h>

#include "perception/kernels/backward.h"

enum { LANES = 16 }; /* channels that a loop keeps in registers while it goes down the rows */

/* e^x within 2e-7 of itself: 2^n times a polynomial of the rest (Cephes' coefficients). */
static inline float exp_of(float x)
{
    float n, p, f;
    int32_t bits;

    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    f = x * 1.44269504f + 12582912.0f; /* rounds to a whole number, in its low bits */
    memcpy(&bits, &f, sizeof bits);
    n = f - 12582912.0f;
    x = x - n * 0.693359375f + n * 2.12194440e-4f;
    p = 1.9875691500e-4f;
    p = p * x + 1.3981999507e-3f;
    p = p * x + 8.3334519073e-3f;
    p = p * x + 4.1665795894e-2f;
    p = p * x + 1.6666665459e-1f;
    p = p * x + 5.0000001201e-1f;
    p = p * x * x + x + 1.0f;
    bits = (int32_t)((uint32_t)(bits - 0x4b400000 + 127) << 23);
    memcpy(&f, &bits, sizeof f);
    return p * f;
}

static inline float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp_of(-x));
}

static inline float clamp(float v, float low, float high)
{
    v = v > low ? v : low;
    return v < high ? v : high;
}

static inline __attribute__((always_inline)) float act_of(enum act act, float v, float a, float b)
{
    switch (act) {
    case ACT_RELU:
        return v > 0.0f ? v : 0.0f;
    case ACT_CLIP:
        return clamp(v, a, b);
    case ACT_LEAKY:
        return v < 0.0f ? a * v : v;
    case ACT_SIGMOID:
        return sigmoid_of(v);
    case ACT_TANH:
        return 2.0f * sigmoid_of(2.0f * v) - 1.0f;
    case ACT_SILU:
        return v * sigmoid_of(v);
    case ACT_HARDSIGMOID:
        return clamp(a * v + b, 0.0f, 1.0f);
    case ACT_HARDSWISH:
        return v * clamp(v * (1.0f / 6) + 0.5f, 0.0f, 1.0f);
    default:
        return v;
    }
}

static inline __attribute__((always_inline)) float slope_of(enum act act, float v, float a, float b)
{
    float s;

    switch (act) {
    case ACT_RELU:
        return v > 0.0f ? 1.0f : 0.0f;
    case ACT_CLIP:
        s = v > a ? 1.0f : 0.0f;
        return v < b ? s : 0.0f;
    case ACT_LEAKY:
        return v < 0.0f ? a : 1.0f;
    case ACT_SIGMOID:
        s = sigmoid_of(v);
        return s * (1.0f - s);
    case ACT_TANH:
        s = 2.0f * sigmoid_of(2.0f * v) - 1.0f;
        return 1.0f - s * s;
    case ACT_SILU:
        s = sigmoid_of(v);
        return s * (1.0f + v * (1.0f - s));
    case ACT_HARDSIGMOID:
        s = a * v + b > 0.0f ? a : 0.0f;
        return a * v + b < 1.0f ? s : 0.0f;
    case ACT_HARDSWISH:
        s = v > -3.0f ? v * (1.0f / 3) + 0.5f : 0.0f;
        return v < 3.0f ? s : 1.0f;
    default:
        return 1.0f;
    }
}

/* body(ACT_...) with the activation known to the compiler */
#define EACH_ACT(body)                                                                             \
    ACT_CASE(body, ACT_NONE)                                                                       \
    ACT_CASE(body, ACT_RELU)                                                                       \
    ACT_CASE(body, ACT_CLIP)                                                                       \
    ACT_CASE(body, ACT_LEAKY)                                                                      \
    ACT_CASE(body, ACT_SIGMOID)                                                                    \
    ACT_CASE(body, ACT_TANH)                                                                       \
    ACT_CASE(body, ACT_SILU)                                                                       \
    ACT_CASE(body, ACT_HARDSIGMOID)                                                                \
    ACT_CASE(body, ACT_HARDSWISH)
#define ACT_CASE(body, act)                                                                        \
    case act:                                                                                      \
        body(act);                                                                                 \
        break;

/* ---- batch norm ------------------------------------------------------------------------------ */
static inline __attribute__((always_inline)) void moments_lanes(const float *x, size_t rows, int C,
                                                                float *mean, float *m2, int n)
{
    float sum[LANES] = {0}, squares[LANES] = {0}, middle[LANES] = {0};

    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < n; i++)
            sum[i] += x[r * (size_t)C + (size_t)i];
    for (int i = 0; i < n; i++)
        mean[i] = middle[i] = sum[i] / (float)rows;
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < n; i++) {
            float d = x[r * (size_t)C + (size_t)i] - middle[i];

            squares[i] += d * d;
        }
    for (int i = 0; i < n; i++)
        m2[i] = squares[i];
}

static void moments(const float *x, size_t rows, int C, float *mean, float *m2)
{
    int c = 0;

    for (; c + LANES <= C; c += LANES)
        moments_lanes(x + c, rows, C, mean + c, m2 + c, LANES);
    if (c < C)
        moments_lanes(x + c, rows, C, mean + c, m2 + c, C - c);
}

static void norm_forward(float *restrict y, const struct norm_rows *n)
{
    const float *restrict x = n->x, *restrict scale = n->scale, *restrict shift = n->shift;
    size_t C = (size_t)n->C;
    float a = n->act.a, b = n->act.b;

#define BODY(act)                                                                                  \
    for (size_t r = 0; r < n->rows; r++)                                                           \
        for (size_t c = 0; c < C; c++)                                                             \
    y[r * C + c] = act_of(act, x[r * C + c] * scale[c] + shift[c], a, b)
    switch (n->act.act) {
        EACH_ACT(BODY)
    default:
        break;
    }
#undef BODY
}

static void norm_sums(const struct norm_rows *n, const float *restrict mean, float *restrict d,
                      float *restrict dx)
{
    const float *restrict x = n->x, *restrict dy = n->dy;
    const float *restrict scale = n->scale, *restrict shift = n->shift;
    size_t C = (size_t)n->C;
    float a = n->act.a, b = n->act.b;

    memset(d, 0, C * sizeof *d);
    memset(dx, 0, C * sizeof *dx);
#define BODY(act)                                                                                  \
    for (size_t r = 0; r < n->rows; r++)                                                           \
        for (size_t c = 0; c < C; c++) {                                                           \
            float v = x[r * C + c];                                                                \
            float g = dy[r * C + c] * slope_of(act, v * scale[c] + shift[c], a, b);                \
                                                                                                   \
            d[c] += g;                                                                             \
            dx[c] += g * (v - mean[c]);                                                            \
        }
    switch (n->act.act) {
        EACH_ACT(BODY)
    default:
        break;
    }
#undef BODY
}

static void norm_backward(float *restrict dx, const struct norm_rows *n, const float *restrict of_d,
                          const float *restrict of_x, const float *restrict one, bool add)
{
    const float *restrict x = n->x, *restrict dy = n->dy;
    const float *restrict scale = n->scale, *restrict shift = n->shift;
    size_t C = (size_t)n->C;
    float a = n->act.a, b = n->act.b, old = add ? 1.0f : 0.0f;

#define BODY(act)                                                                                  \
    for (size_t r = 0; r < n->rows; r++)                                                           \
        for (size_t c = 0; c < C; c++) {                                                           \
            float v = x[r * C + c];                                                                \
            float g = dy[r * C + c] * slope_of(act, v * scale[c] + shift[c], a, b);                \
            float sum = of_d[c] * g + of_x[c] * v + one[c];                                        \
                                                                                                   \
            dx[r * C + c] = old != 0.0f ? dx[r * C + c] + sum : sum;                               \
        }
    switch (n->act.act) {
        EACH_ACT(BODY)
    default:
        break;
    }
#undef BODY
}

/* ---- activations ----------------------------------------------------------------------------- */
static void act_forward(float *restrict y, const float *restrict x, size_t n,
                        const struct activation *f)
{
    float a = f->a, b = f->b;

#define BODY(act)                                                                                  \
    for (size_t i = 0; i < n; i++)                                                                 \
    y[i] = act_of(act, x[i], a, b)
    switch (f->act) {
        EACH_ACT(BODY)
    default:
        break;
    }
#undef BODY
}

static void act_backward(float *restrict dx, const float *restrict x, const float *restrict dy,
                         size_t n, const struct activation *f, bool add)
{
    float a = f->a, b = f->b, old = add ? 1.0f : 0.0f;

#define BODY(act)                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        float g = dy[i] * slope_of(act, x[i], a, b);                                               \
                                                                                                   \
        dx[i] = old != 0.0f ? dx[i] + g : g;                                                       \
    }
    switch (f->act) {
        EACH_ACT(BODY)
    default:
        break;
    }
#undef BODY
}

/* ---- windows --------------------------------------------------------------------------------- */
static void tap_input(float *restrict dx, const struct tap_row *t, const float *restrict w)
{
    size_t C = (size_t)t->C;

    for (int p = 0; p < t->n; p++) {
        float *restrict to = dx + (size_t)p * t->x_step;
        const float *restrict from = t->dy + (size_t)p * C;

        for (size_t c = 0; c < C; c++)
            to[c] += from[c] * w[c];
    }
}

static inline __attribute__((always_inline)) void tap_lanes(float *restrict dw,
                                                            const struct tap_row *t,
                                                            const float *restrict dy,
                                                            const float *restrict x, int n)
{
    float sum[LANES] = {0};

    for (int p = 0; p < t->n; p++)
        for (int i = 0; i < n; i++)
            sum[i] +=
                dy[(size_t)p * (size_t)t->C + (size_t)i] * x[(size_t)p * t->x_step + (size_t)i];
    for (int i = 0; i < n; i++)
        dw[i] += sum[i];
}

static void tap_weights(float *dw, const struct tap_row *t, const float *x)
{
    int c = 0;

    for (; c + LANES <= t->C; c += LANES)
        tap_lanes(dw + c, t, t->dy + c, x + c, LANES);
    if (c < t->C)
        tap_lanes(dw + c, t, t->dy + c, x + c, t->C - c);
}

static void max_take(float *restrict dx, const float *restrict x, const float *restrict y,
                     const float *restrict dy, uint8_t *restrict taken, int C)
{
    for (int c = 0; c < C; c++) {
        uint8_t mine = (uint8_t)((x[c] == y[c]) & !taken[c]);

        dx[c] += mine ? dy[c] : 0.0f;
        taken[c] |= mine;
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */
static void column_sums(float *restrict sum, const float *restrict x, size_t rows, int C)
{
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < C; c++)
            sum[c] += x[r * (size_t)C + (size_t)c];
}

static void multiply_add(float *restrict y, const float *restrict x, float by, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i] * by;
}

static void multiply_add2(float *restrict y, const float *restrict a, const float *restrict b,
                          size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

/* ---- the update ------------------------------------------------------------------------------ */
static void adam(float *restrict w, const float *restrict g, float *restrict m, float *restrict v,
                 size_t n, const struct adam_step *s)
{
    float b1 = s->beta1, b2 = s->beta2, scale = s->scale, keep = s->keep, epsilon = s->epsilon;
    float rate = s->rate * s->correct1, correct2 = s->correct2;

    for (size_t i = 0; i < n; i++) {
        float d = g[i] * scale;

        m[i] = b1 * m[i] + (1.0f - b1) * d;
        v[i] = b2 * v[i] + (1.0f - b2) * d * d;
        w[i] = w[i] * keep - rate * m[i] / (__builtin_sqrtf(v[i] * correct2) + epsilon);
    }
}

static void sgd(float *restrict w, const float *restrict g, float *restrict v, size_t n,
                const struct adam_step *s)
{
    float momentum = s->beta1, scale = s->scale, keep = s->keep, rate = s->rate;

    for (size_t i = 0; i < n; i++) {
        v[i] = momentum * v[i] + g[i] * scale;
        w[i] = w[i] * keep - rate * v[i];
    }
}

static void average(float *restrict ema, const float *restrict w, size_t n, float keep)
{
    for (size_t i = 0; i < n; i++)
        ema[i] = keep * ema[i] + (1.0f - keep) * w[i];
}

void BACKWARD(backward_fill)(struct backward_kernels *b)
{
    *b = (struct backward_kernels){.moments = moments,
                                   .norm_forward = norm_forward,
                                   .norm_sums = norm_sums,
                                   .norm_backward = norm_backward,
                                   .act_forward = act_forward,
                                   .act_backward = act_backward,
                                   .tap_input = tap_input,
                                   .tap_weights = tap_weights,
                                   .max_take = max_take,
                                   .column_sums = column_sums,
                                   .multiply_add = multiply_add,
                                   .multiply_add2 = multiply_add2,
                                   .adam = adam,
                                   .sgd = sgd,
                                   .average = average};
}
