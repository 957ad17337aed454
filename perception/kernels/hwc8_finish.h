/* From the whole numbers that 8-bit kernels sum up to the bytes or real numbers that are stored, over
 * the register operations of vec_*.h and vec8_*.h. Only for hwc8_body.h; everything is static, but
 * for what HWC() names. */
#ifndef HWC
#error "include this from hwc8_body.h"
#endif

#include <math.h>

#include "perception/kernels/hwc8.h"
#include "perception/kernels/hwc_act.h"
#include "perception/kernels/kernels_internal.h"
#include "perception/kernels/silu8.h"

/* ---- from whole numbers to what is stored ------------------------------------------------------ */
/* How numbers are rounded to steps: those as far from zero as lo..hi can be said. */
struct grid {
    vec scale, inverse, lo, hi;
    int zero;
};

VEC_INLINE struct grid grid_of(const struct q8 *as)
{
    return (struct grid){.scale = vec_all(as->scale),
                         .inverse = vec_all(as->scale > 0 ? 1.0f / as->scale : 0.0f),
                         .lo = vec_all((float)-as->zero),
                         .hi = vec_all((float)(255 - as->zero)),
                         .zero = as->zero};
}

/* saturate(round(v / scale) + zero) - zero; the limits are whole, so they may come first, and the
 * caller rounds. */
VEC_INLINE vec grid_clamp(vec v, const struct grid *g)
{
    return vec_clamp(vec_quotient(v, g->scale, g->inverse), g->lo, g->hi);
}

/* One register of channels: what is the same for every pixel of it, away from memory that what is
 * stored might change. */
struct column {
    vec scale, bias, gain, shift, a, b, add_scale, add_zero;
    struct grid mid, as;
    vec_mask some;
    const uint8_t *add;
    ptrdiff_t add_step, y_step;
    uint8_t *y;
    float *real;
    int n; /* channels */
    bool has_bias, has_mid, has_gain, has_add, add_after;
};

VEC_INLINE vec per_channel(const float *v, int c, vec_mask some, float otherwise)
{
    return v ? vec_load_some(v + c, some) : vec_all(otherwise);
}

VEC_INLINE struct column column_of(const struct hwc8_finish *f, int c, int channels)
{
    int n = channels - c < VEC_LANES ? channels - c : VEC_LANES;
    vec_mask some = vec_first((size_t)n);

    return (struct column){.n = n,
                           .has_bias = f->bias,
                           .has_mid = f->mid.scale > 0,
                           .has_gain = f->gain,
                           .has_add = f->add,
                           .add_after = f->add_after,
                           .some = some,
                           .scale = per_channel(f->scale, c, some, f->unit),
                           .bias = per_channel(f->bias, c, some, 0.0f),
                           .gain = per_channel(f->gain, c, some, 1.0f),
                           .shift = per_channel(f->shift, c, some, 0.0f),
                           .a = per_channel(f->slope, c, some, f->a),
                           .b = vec_all(f->b),
                           .add_scale = per_channel(f->add_scale, c, some, f->add_as.scale),
                           .add_zero = vec_all((float)f->add_as.zero),
                           .mid = grid_of(&f->mid),
                           .as = grid_of(&f->as),
                           .add = f->add ? f->add + c : NULL,
                           .add_step = f->add_step,
                           .y_step = f->y_step,
                           .y = f->y ? f->y + c : NULL,
                           .real = f->real ? f->real + c : NULL};
}

/* What is i for pixel p. whole: the register is full. */
VEC_INLINE void column_put(const enum act act, const bool whole, const struct column *col, vec i,
                           ptrdiff_t p)
{
    const int n = whole ? VEC_LANES : col->n;
    vec v = vec_mul(i, col->scale), add = vec_all(0.0f);

    if (col->has_bias)
        v = vec_add(v, col->bias);
    if (col->has_mid)
        v = vec_mul(vec_round(grid_clamp(v, &col->mid)), col->mid.scale);
    if (col->has_gain)
        v = vec_add(vec_mul(v, col->gain), col->shift);
    if (col->has_add)
        add = vec_mul(vec_sub(vec_of_bytes(col->add + p * col->add_step, n), col->add_zero),
                      col->add_scale);
    if (col->has_add && !col->add_after)
        v = vec_add(v, add);
    v = act == ACT_SILU && !col->real ? vec_silu8(&silu8_usual, vec_mul(v, vec_all(SILU8_UNIT)))
                                      : vec_act(act, v, col->a, col->b);
    if (col->has_add && col->add_after)
        v = vec_add(v, add);
    if (!col->real)
        vec_store_bytes(col->y + p * col->y_step, n, grid_clamp(v, &col->as), col->as.zero);
    else if (whole)
        vec_store(col->real + p * col->y_step, v);
    else
        vec_store_some(col->real + p * col->y_step, col->some, v);
}

/* Whole numbers in rows of HWC8_MAX_CHANNELS, or, sum being NULL, bytes. */
struct source {
    const int32_t *sum;
    const uint8_t *x;
    ptrdiff_t x_step;
    int x_zero;
    ptrdiff_t pixels;
    int channels;
};

VEC_INLINE void finish8_column(const enum act act, const bool whole, const struct source *s,
                               const struct hwc8_finish *f, int c)
{
    const struct column col = column_of(f, c, s->channels);
    const ptrdiff_t pixels = s->pixels, x_step = s->x_step;
    const int32_t *sum = s->sum ? s->sum + c : NULL;
    const uint8_t *x = s->sum ? NULL : s->x + c;
    const vec zero = vec_all((float)s->x_zero);

    if (sum)
        for (ptrdiff_t p = 0; p < pixels; p++)
            column_put(act, whole, &col, vec_of_ints(ints_load(sum + p * HWC8_MAX_CHANNELS)), p);
    else
        for (ptrdiff_t p = 0; p < pixels; p++)
            column_put(act, whole, &col,
                       vec_sub(vec_of_bytes(x + p * x_step, whole ? VEC_LANES : col.n), zero), p);
}

VEC_INLINE void finish8_as(const enum act act, const struct source *s, const struct hwc8_finish *f)
{
    int c = 0;

    for (; c + VEC_LANES <= s->channels; c += VEC_LANES)
        finish8_column(act, true, s, f, c);
    if (c < s->channels)
        finish8_column(act, false, s, f, c);
}

/* ---- the same where there is nothing but scale, bias and act between sums and bytes ------------ */
static bool is_plain(const struct hwc8_finish *f)
{
    return f->mid.scale <= 0 && !f->gain && !f->add && !f->real;
}

/* What multiplies with a positive number comes out of these multiplied, so that v can be counted in
 * steps from the start: v / as.scale = i (scale / as.scale) + bias / as.scale. */
VEC_INLINE bool is_in_steps(const enum act act)
{
    return act == ACT_NONE || act == ACT_RELU || act == ACT_CLIP || act == ACT_LEAKY;
}

/* One register of channels; NONE stands for RELU and CLIP, too, which are limits. */
struct plain {
    vec scale, bias, a, b, lo, hi;
    vec by;      /* 1 / as.scale */
    bytes least; /* lo, as a byte */
    int zero;
    const struct silu8 *silu; /* to steps; scale and bias come times SILU8_UNIT then */
};

static float in_steps(float v, float scale, float lo, float hi)
{
    return fminf(fmaxf(rintf(v / scale), lo), hi);
}

VEC_INLINE struct plain plain_of(const enum act act, const struct hwc8_finish *f,
                                 const struct silu8 *silu, int c, int n)
{
    vec_mask some = vec_first((size_t)n);
    vec unit = vec_all(is_in_steps(act) ? f->as.scale : act == ACT_SILU ? 1.0f / SILU8_UNIT : 1.0f);
    float least = (float)-f->as.zero, most = (float)(255 - f->as.zero), lo = least, hi = most;

    if (f->act == ACT_RELU)
        lo = 0.0f;
    if (f->act == ACT_CLIP) {
        lo = in_steps(f->a, f->as.scale, least, most);
        hi = in_steps(f->b, f->as.scale, least, most);
    }
    return (struct plain){.scale = vec_div(per_channel(f->scale, c, some, f->unit), unit),
                          .bias = vec_div(per_channel(f->bias, c, some, 0.0f), unit),
                          .a = per_channel(f->slope, c, some, f->a),
                          .b = vec_all(f->b),
                          .lo = vec_all(lo),
                          .hi = vec_all(hi),
                          .by = vec_all(1.0f / f->as.scale),
                          .least = bytes_all((int)lo + f->as.zero),
                          .zero = f->as.zero,
                          .silu = silu};
}

/* 1 / (1 + 2^x) within 2e-4 of itself, a twentieth of a step: 2^f = a polynomial, |f| <= 1/2. */
VEC_INLINE vec sigmoid8(vec x)
{
    vec n = vec_round(x), f = vec_sub(x, n);
    vec p = vec_fma(vec_all(0.055838283f), f, vec_all(0.24263948f));

    p = vec_fma(vec_fma(p, f, vec_all(0.69313673f)), f, vec_all(0.99992456f));
    return vec_reciprocal_rough(vec_add(vec_all(1.0f), vec_scale_exp2(p, n)));
}

VEC_INLINE vec act8(const enum act act, vec v, const struct plain *t)
{
    switch (act) {
    case ACT_SIGMOID:
        return sigmoid8(vec_mul(v, vec_all(-1.44269504f)));
    case ACT_TANH: /* 2 sigmoid(2 v) - 1 */
        return vec_fma(vec_all(2.0f), sigmoid8(vec_mul(v, vec_all(-2.88539008f))), vec_all(-1.0f));
    default:
        return vec_act(act, v, t->a, t->b);
    }
}

/* Sums to steps, to be rounded; those below lo are the caller's. */
VEC_INLINE vec plain_steps(const enum act act, const struct plain *t, ints sum)
{
    vec v;

    if (act == ACT_SILU)
        return vec_min(t->hi, vec_silu8(t->silu, vec_fma(vec_of_ints(sum), t->scale, t->bias)));
    v = act8(act, vec_add(vec_mul(vec_of_ints(sum), t->scale), t->bias), t);
    if (!is_in_steps(act))
        v = vec_mul(v, t->by);
    return vec_min(t->hi, v);
}

VEC_INLINE void plain_put(const enum act act, const struct plain *t, ints sum, uint8_t *y, int n)
{
    vec_store_bytes(y, n, vec_max(t->lo, plain_steps(act, t, sum)), t->zero);
}

/* Two pixels y and y + step of two registers of channels, or n of them. */
VEC_INLINE void plain_put_pair(const enum act act, const struct plain t[2], const ints sum[4],
                               uint8_t *y, ptrdiff_t step, int n)
{
    bytes v = bytes_of(plain_steps(act, t, sum[0]), plain_steps(act, t + 1, sum[1]),
                       plain_steps(act, t, sum[2]), plain_steps(act, t + 1, sum[3]), t->zero);

    v = bytes_max(v, t->least);
    bytes_store_half(y, n, v, 0);
    bytes_store_half(y + step, n, v, 1);
}

/* The n <= VEC_LANES channels from c on. */
VEC_INLINE void plain_column(const enum act act, const struct source *s,
                             const struct hwc8_finish *f, const struct silu8 *silu, int c, int n)
{
    const struct plain t = plain_of(act, f, silu, c, n);
    const ptrdiff_t pixels = s->pixels, step = f->y_step;
    const int32_t *sum = s->sum + c;
    uint8_t *y = f->y + c;

    if (n == VEC_LANES)
        for (ptrdiff_t p = 0; p < pixels; p++, sum += HWC8_MAX_CHANNELS, y += step)
            plain_put(act, &t, ints_load(sum), y, VEC_LANES);
    else
        for (ptrdiff_t p = 0; p < pixels; p++, sum += HWC8_MAX_CHANNELS, y += step)
            plain_put(act, &t, ints_load(sum), y, n);
}

/* n channels from c on, more than a register and two at most, and two pixels at a time: a register of
 * bytes. */
VEC_INLINE void plain_pair(const enum act act, const struct source *s, const struct hwc8_finish *f,
                           const struct silu8 *silu, int c, const int n)
{
    const struct plain t[2] = {plain_of(act, f, silu, c, VEC_LANES),
                               plain_of(act, f, silu, c + VEC_LANES, n - VEC_LANES)};
    const ptrdiff_t pixels = s->pixels, step = f->y_step;
    const int32_t *sum = s->sum + c;
    uint8_t *y = f->y + c;

    for (ptrdiff_t p = 0; p + 2 <= pixels; p += 2, y += 2 * step, sum += 2 * HWC8_MAX_CHANNELS) {
        const int32_t *next = sum + HWC8_MAX_CHANNELS;
        const ints four[4] = {ints_load(sum), ints_load(sum + VEC_LANES), ints_load(next),
                              ints_load(next + VEC_LANES)};

        plain_put_pair(act, t, four, y, step, n);
    }
    if (pixels % 2) {
        plain_put(act, t, ints_load(sum), y, VEC_LANES);
        plain_put(act, t + 1, ints_load(sum + VEC_LANES), y + VEC_LANES, n - VEC_LANES);
    }
}

VEC_INLINE void plain_as(const enum act act, const struct source *s, const struct hwc8_finish *f)
{
    const struct silu8 silu = act == ACT_SILU ? silu8_times(1.0f / f->as.scale) : silu8_usual;
    int c = 0;

    for (; c + 2 * VEC_LANES <= s->channels; c += 2 * VEC_LANES)
        plain_pair(act, s, f, &silu, c, 2 * VEC_LANES);
    if (s->channels - c > VEC_LANES)
        plain_pair(act, s, f, &silu, c, s->channels - c);
    else if (s->channels > c)
        plain_column(act, s, f, &silu, c, s->channels - c);
}

static __attribute__((noinline)) void finish8_plain(const struct source *s,
                                                    const struct hwc8_finish *f)
{
    switch (f->act) {
#define CASE(act)                                                                                  \
    case act:                                                                                      \
        plain_as(act, s, f);                                                                       \
        break
        CASE(ACT_LEAKY);
        CASE(ACT_SIGMOID);
        CASE(ACT_TANH);
        CASE(ACT_SILU);
        CASE(ACT_HARDSIGMOID);
        CASE(ACT_HARDSWISH);
#undef CASE
    default:
        plain_as(ACT_NONE, s, f);
    }
}

static __attribute__((noinline)) void finish8(const struct source *s, const struct hwc8_finish *f)
{
    if (s->sum && is_plain(f)) {
        finish8_plain(s, f);
        return;
    }
    switch (f->act) {
#define CASE(act)                                                                                  \
    case act:                                                                                      \
        finish8_as(act, s, f);                                                                     \
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
        finish8_as(ACT_NONE, s, f);
    }
}

static void HWC(hwc8_rows)(const struct hwc8_rows *r)
{
    struct source s = {.x = r->x,
                       .x_step = r->x_step,
                       .x_zero = r->x_zero,
                       .pixels = (ptrdiff_t)r->pixels,
                       .channels = (int)r->channels};

    finish8(&s, &r->finish);
}

static void HWC(hwc8_finish)(const int32_t *sum, int pixels, int channels,
                             const struct hwc8_finish *f)
{
    finish8(&(struct source){.sum = sum, .pixels = pixels, .channels = channels}, f);
}

/* f from another pixel and channel on */
static void finish_move(struct hwc8_finish *f, ptrdiff_t pixels, int channels)
{
    ptrdiff_t at = pixels * f->y_step + channels;

    f->scale = f->scale ? f->scale + channels : NULL;
    f->bias = f->bias ? f->bias + channels : NULL;
    f->gain = f->gain ? f->gain + channels : NULL;
    f->shift = f->shift ? f->shift + channels : NULL;
    f->add_scale = f->add_scale ? f->add_scale + channels : NULL;
    f->slope = f->slope ? f->slope + channels : NULL;
    f->add = f->add ? f->add + pixels * f->add_step + channels : NULL;
    f->real = f->real ? f->real + at : NULL;
    f->y = f->y ? f->y + at : NULL;
}
