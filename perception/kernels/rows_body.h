/* The row kernels, written once in plain C and compiled once per instruction set: rows.c is the
 * reference, x86/rows_avx2.c and x86/rows_avx512.c let the compiler use wider registers. There is
 * no FMA contraction and sums go to a fixed number of lanes, so every level gives the same bits.
 *
 * The includer defines ROWS(name), which puts the level behind a name. Everything is static but
 * ROWS(rows_fill), which enters the kernels into a table. */
#ifndef ROWS
#error "include this from a file that defines ROWS(name)"
#endif

#include <math.h>
#include <string.h>

#include "perception/kernels/kernels.h"

enum { LANES = 32 }; /* partial sums: two registers of the widest set, eight of the narrowest */

/* exp in single precision: 2^n by the exponent field, the rest by a polynomial of degree 6 on
 * [-ln 2 / 2, ln 2 / 2]; within 2 units in the last place. Results below 2e-38 become 0, NaN stays
 * NaN. Branches would stop the vectoriser, hence the selects. */
static inline float exp_one(float x)
{
    const float rounder = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float lo = x < -86.9f ? -86.9f : x;
    float v = lo > 88.7228f ? 88.7228f : lo;
    float shifted = v * 1.44269504f + rounder;
    float n = shifted - rounder;
    float r = (v - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.3981999e-3f;
    uint32_t bits;
    float scale, y;

    p = p * r + 8.3334519e-3f;
    p = p * r + 4.1665796e-2f;
    p = p * r + 1.6666666e-1f;
    p = p * r + 5.0000001e-1f;
    p = p * (r * r) + r + 1.0f;
    memcpy(&bits, &shifted, sizeof bits);
    /* n reaches 128, which has no exponent of its own: half the scale, then twice the result. */
    bits = ((bits - 0x4b400000u) + 126u) << 23;
    memcpy(&scale, &bits, sizeof scale);
    y = p * scale * 2.0f;
    y = x > 88.7228f ? INFINITY : y;
    return x < -86.9f ? 0.0f : y;
}

static inline float sigmoid_one(float x)
{
    float e = exp_one(x > 0.0f ? -x : x); /* in (0, 1]: no overflow on either side */
    float y = 1.0f / (1.0f + e);

    return x > 0.0f ? y : e * y;
}

/* Near 0 the quotient would cancel, so a polynomial takes over. */
static inline float tanh_one(float x)
{
    float a = x < 0.0f ? -x : x, s = x * x;
    float e = exp_one(-2.0f * a);
    float big = (1.0f - e) / (1.0f + e);
    float p = -5.70498872745e-3f;

    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    big = x < 0.0f ? -big : big;
    return a < 0.625f ? p * s * x + x : big;
}

/* Near 0 the series; beyond, 1 less a polynomial in t times exp(-x^2): Abramowitz and Stegun,
 * Handbook of Mathematical Functions (1964), 7.1.5 and 7.1.26. Off by 3e-7 at most. */
static inline float erf_one(float x)
{
    float a = x < 0.0f ? -x : x, s = x * x, t = 1.0f / (1.0f + 0.3275911f * a), big, p, q;

    p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    big = 1.0f - p * t * exp_one(-s);
    big = x < 0.0f ? -big : big;
    q = -8.5483270e-4f; /* 2 / sqrt(pi) times the series */
    q = q * s + 5.2239776e-3f;
    q = q * s - 2.6866170e-2f;
    q = q * s + 1.1283791e-1f;
    q = q * s - 3.7612638e-1f;
    q = q * s + 1.1283791f;
    return a < 0.5f ? q * x : big;
}

static inline float act_one(enum act act, float v, float a, float b)
{
    float t;

    switch (act) {
    case ACT_RELU:
        return v > 0.0f ? v : 0.0f;
    case ACT_CLIP:
        v = v > a ? v : a;
        return v < b ? v : b;
    case ACT_LEAKY:
        return v < 0.0f ? a * v : v;
    case ACT_SIGMOID:
        return sigmoid_one(v);
    case ACT_TANH:
        return tanh_one(v);
    case ACT_SILU:
        return v * sigmoid_one(v);
    case ACT_HARDSIGMOID:
        t = a * v + b;
        t = t > 0.0f ? t : 0.0f;
        return t < 1.0f ? t : 1.0f;
    case ACT_HARDSWISH:
        t = v * (1.0f / 6.0f) + 0.5f;
        t = t > 0.0f ? t : 0.0f;
        return v * (t < 1.0f ? t : 1.0f);
    default:
        return v;
    }
}

/* act is a constant at every call, so each loop is one activation without a switch in it. */
static inline __attribute__((always_inline)) void finish_as(enum act act, float *y, const float *x,
                                                            size_t n, const struct finish *f)
{
    const float scale = f->scale, shift = f->shift, a = f->a, b = f->b;
    const float *add = f->add;

    if (!add)
        for (size_t i = 0; i < n; i++)
            y[i] = act_one(act, x[i] * scale + shift, a, b);
    else if (f->add_after)
        for (size_t i = 0; i < n; i++)
            y[i] = act_one(act, x[i] * scale + shift, a, b) + add[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = act_one(act, x[i] * scale + shift + add[i], a, b);
}

static void ROWS(finish)(float *y, const float *x, size_t n, const struct finish *f)
{
    switch (f->act) {
#define CASE(act)                                                                                  \
    case act:                                                                                      \
        finish_as(act, y, x, n, f);                                                                \
        break
        CASE(ACT_RELU);
        CASE(ACT_CLIP);
        CASE(ACT_LEAKY);
        CASE(ACT_SIGMOID);
        CASE(ACT_TANH);
        CASE(ACT_SILU);
        CASE(ACT_HARDSIGMOID);
        CASE(ACT_HARDSWISH);
#undef CASE
    default:
        finish_as(ACT_NONE, y, x, n, f);
    }
}

#define UNARY(name, expression)                                                                    \
    static void ROWS(name)(float *y, const float *x, size_t n)                                     \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = expression;                                                                     \
    }
UNARY(exp, exp_one(x[i]))
UNARY(sigmoid, sigmoid_one(x[i]))
UNARY(tanh, tanh_one(x[i]))
UNARY(erf, erf_one(x[i]))
UNARY(gelu, 0.5f * x[i] * (1.0f + erf_one(x[i] * 0.70710678f)))
UNARY(gelu_tanh,
      0.5f * x[i] * (1.0f + tanh_one(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i]))))
UNARY(sqrt, sqrtf(x[i]))
UNARY(abs, fabsf(x[i]))
UNARY(neg, -x[i])
#undef UNARY

#define BINARY(name, expression)                                                                   \
    static inline float name##_one(float a, float b)                                               \
    {                                                                                              \
        return expression;                                                                         \
    }                                                                                              \
    static void ROWS(name)(float *y, const float *a, const float *b, size_t n)                     \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = name##_one(a[i], b[i]);                                                         \
    }                                                                                              \
    static void ROWS(name##_scalar)(float *y, const float *a, float b, size_t n)                   \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = name##_one(a[i], b);                                                            \
    }
BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div, a / b)
BINARY(max2, a > b ? a : b)
BINARY(min2, a < b ? a : b)
BINARY(rsub, b - a)
BINARY(rdiv, b / a)
#undef BINARY

/* y = the reduction of LANES running values and a tail. */
#define REDUCE(start, step, join)                                                                  \
    float lane[LANES], r;                                                                          \
    size_t i = 0;                                                                                  \
    for (int j = 0; j < LANES; j++)                                                                \
        lane[j] = start;                                                                           \
    for (; i + LANES <= n; i += LANES)                                                             \
        for (int j = 0; j < LANES; j++)                                                            \
            lane[j] = step(lane[j], i + j);                                                        \
    for (int j = 0; i < n; i++, j++)                                                               \
        lane[j] = step(lane[j], i);                                                                \
    for (int half = LANES / 2; half > 0; half /= 2)                                                \
        for (int j = 0; j < half; j++)                                                             \
            lane[j] = join(lane[j], lane[j + half]);                                               \
    r = lane[0]

static float ROWS(sum)(const float *x, size_t n)
{
#define STEP(s, at) ((s) + x[at])
    REDUCE(0.0f, STEP, add_one);
#undef STEP
    return r;
}

static float ROWS(sum_squares)(const float *x, size_t n, float mean)
{
#define STEP(s, at) ((s) + (x[at] - mean) * (x[at] - mean))
    REDUCE(0.0f, STEP, add_one);
#undef STEP
    return r;
}

static float ROWS(dot)(const float *a, const float *b, size_t n)
{
#define STEP(s, at) ((s) + a[at] * b[at])
    REDUCE(0.0f, STEP, add_one);
#undef STEP
    return r;
}

static float ROWS(max)(const float *x, size_t n)
{
#define STEP(s, at) max2_one(x[at], s)
    REDUCE(x[0], STEP, max2_one);
#undef STEP
    return r;
}

static float ROWS(min)(const float *x, size_t n)
{
#define STEP(s, at) min2_one(x[at], s)
    REDUCE(x[0], STEP, min2_one);
#undef STEP
    return r;
}
#undef REDUCE

static void ROWS(layernorm)(float *y, const float *x, size_t n, const float *scale,
                            const float *bias, float epsilon)
{
    float mean, factor;

    if (n == 0)
        return;
    mean = ROWS(sum)(x, n) / (float)n;
    factor = 1.0f / sqrtf(ROWS(sum_squares)(x, n, mean) / (float)n + epsilon);
    if (bias)
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * factor * scale[i] + bias[i];
    else
        for (size_t i = 0; i < n; i++)
            y[i] = (x[i] - mean) * factor * scale[i];
}

/* Adding 1.5 * 2^23 rounds half to even; the clamp before keeps the sum in range and sends NaN to
 * the lowest value. zero is within the type, so the range before adding it is exact. */
#define QUANTIZE(name, type, low, high)                                                            \
    static void ROWS(quantize_##name)(type y[], const float *x, size_t n, float scale, int zero)   \
    {                                                                                              \
        const float lo = (float)((low)-zero), hi = (float)((high)-zero);                           \
        for (size_t i = 0; i < n; i++) {                                                           \
            float v = x[i] / scale;                                                                \
            v = v > lo ? v : lo;                                                                   \
            v = v < hi ? v : hi;                                                                   \
            y[i] = (type)((int)((v + 12582912.0f) - 12582912.0f) + zero);                          \
        }                                                                                          \
    }
#define DEQUANTIZE(name, type)                                                                     \
    static void ROWS(dequantize_##name)(float *y, const type *x, size_t n, float scale, int zero)  \
    {                                                                                              \
        for (size_t i = 0; i < n; i++)                                                             \
            y[i] = (float)(int32_t)((uint32_t)x[i] - (uint32_t)zero) * scale;                      \
    }
QUANTIZE(u8, uint8_t, 0, 255)
QUANTIZE(i8, int8_t, -128, 127)
DEQUANTIZE(u8, uint8_t)
DEQUANTIZE(i8, int8_t)
DEQUANTIZE(i32, int32_t)
#undef QUANTIZE
#undef DEQUANTIZE

/* Strides known to the compiler become shuffles. */
#define STRIDED(name, expression)                                                                  \
    static void ROWS(name)(float *restrict y, const float *restrict x, size_t n, int stride)       \
    {                                                                                              \
        if (stride == 1)                                                                           \
            for (size_t i = 0, at = 0; i < n; i++, at = i)                                         \
                y[i] = expression;                                                                 \
        else if (stride == 2)                                                                      \
            for (size_t i = 0, at = 0; i < n; i++, at = 2 * i)                                     \
                y[i] = expression;                                                                 \
        else if (stride == 3)                                                                      \
            for (size_t i = 0, at = 0; i < n; i++, at = 3 * i)                                     \
                y[i] = expression;                                                                 \
        else if (stride == 4)                                                                      \
            for (size_t i = 0, at = 0; i < n; i++, at = 4 * i)                                     \
                y[i] = expression;                                                                 \
        else                                                                                       \
            for (size_t i = 0, at = 0; i < n; i++, at = i * stride)                                \
                y[i] = expression;                                                                 \
    }
STRIDED(copy_strided, x[at])
STRIDED(add_strided, y[i] + x[at])
STRIDED(max_strided, max2_one(x[at], y[i]))
#undef STRIDED

/* A step of 0 is known to the compiler as a constant of the loop. */
static void ROWS(select)(float *restrict y, const uint8_t *which, const float *a, int step_a,
                         const float *b, int step_b, size_t n)
{
#define SELECT(a, b)                                                                               \
    for (size_t i = 0; i < n; i++)                                                                 \
    y[i] = which[i] ? (a) : (b)
    if (n == 0)
        return;
    if (step_a && step_b) {
        SELECT(a[i], b[i]);
    } else if (step_a) {
        const float other = b[0];
        SELECT(a[i], other);
    } else if (step_b) {
        const float other = a[0];
        SELECT(other, b[i]);
    } else {
        const float one = a[0], other = b[0];
        SELECT(one, other);
    }
#undef SELECT
}

static void ROWS(interleave)(float *restrict y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[2 * i] = a[i];
        y[2 * i + 1] = b[i];
    }
}

static void ROWS(interleave_few)(float *restrict y, const float *x, size_t row, int rows, size_t n)
{
    const float *a = x, *b = x + (rows > 1 ? row : 0), *c = x + (rows > 2 ? 2 * row : 0);
    const float *d = x + (rows > 3 ? 3 * row : 0);

    if (rows == 1)
        memcpy(y, a, n * sizeof *y);
    else if (rows == 2)
        ROWS(interleave)(y, a, b, n);
    else if (rows == 3)
        for (size_t i = 0; i < n; i++) {
            y[3 * i] = a[i];
            y[3 * i + 1] = b[i];
            y[3 * i + 2] = c[i];
        }
    else
        for (size_t i = 0; i < n; i++) {
            y[4 * i] = a[i];
            y[4 * i + 1] = b[i];
            y[4 * i + 2] = c[i];
            y[4 * i + 3] = d[i];
        }
}

static void ROWS(blend)(float *y, const float *a, const float *b, size_t n, float t)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * (1.0f - t) + b[i] * t;
}

static void ROWS(blend_gather)(float *y, const float *x, size_t n, const int *at, const float *t)
{
    for (size_t i = 0; i < n; i++) {
        const float *p = x + at[i];

        y[i] = p[0] * (1.0f - t[i]) + p[1] * t[i];
    }
}

/* Squares of 8 x 8, so that both sides are touched a cache line at a time. */
static void ROWS(transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
                            size_t cols)
{
    for (size_t r0 = 0; r0 < rows; r0 += 8)
        for (size_t c0 = 0; c0 < cols; c0 += 8) {
            size_t r1 = r0 + 8 < rows ? r0 + 8 : rows, c1 = c0 + 8 < cols ? c0 + 8 : cols;

            for (size_t c = c0; c < c1; c++)
                for (size_t r = r0; r < r1; r++)
                    y[c * ldy + r] = x[r * ldx + c];
        }
}

void ROWS(rows_fill)(struct kernels *k)
{
    k->finish = ROWS(finish);
    k->unary[UNARY_EXP] = ROWS(exp);
    k->unary[UNARY_SIGMOID] = ROWS(sigmoid);
    k->unary[UNARY_TANH] = ROWS(tanh);
    k->unary[UNARY_SQRT] = ROWS(sqrt);
    k->unary[UNARY_ABS] = ROWS(abs);
    k->unary[UNARY_NEG] = ROWS(neg);
    k->unary[UNARY_ERF] = ROWS(erf);
    k->unary[UNARY_GELU] = ROWS(gelu);
    k->unary[UNARY_GELU_TANH] = ROWS(gelu_tanh);
#define FILL(op, name)                                                                             \
    k->binary[op] = ROWS(name);                                                                    \
    k->scalar[op] = ROWS(name##_scalar)
    FILL(BINARY_ADD, add);
    FILL(BINARY_SUB, sub);
    FILL(BINARY_MUL, mul);
    FILL(BINARY_DIV, div);
    FILL(BINARY_MAX, max2);
    FILL(BINARY_MIN, min2);
    FILL(BINARY_RSUB, rsub);
    FILL(BINARY_RDIV, rdiv);
#undef FILL
    k->sum = ROWS(sum);
    k->sum_squares = ROWS(sum_squares);
    k->max = ROWS(max);
    k->min = ROWS(min);
    k->dot = ROWS(dot);
    k->layernorm = ROWS(layernorm);
    k->quantize_u8 = ROWS(quantize_u8);
    k->quantize_i8 = ROWS(quantize_i8);
    k->dequantize_u8 = ROWS(dequantize_u8);
    k->dequantize_i8 = ROWS(dequantize_i8);
    k->dequantize_i32 = ROWS(dequantize_i32);
    k->copy_strided = ROWS(copy_strided);
    k->select = ROWS(select);
    k->interleave = ROWS(interleave);
    k->interleave_few = ROWS(interleave_few);
    k->add_strided = ROWS(add_strided);
    k->max_strided = ROWS(max_strided);
    k->blend = ROWS(blend);
    k->blend_gather = ROWS(blend_gather);
    k->transpose = ROWS(transpose);
}
