/* The inner loops in 8 bits, written once and compiled per instruction set. The includer has included
 * the register operations (vec_*.h, vec8_*.h) and defines HWC(name) and HWC8_PIXELS. Everything is
 * static but HWC(hwc8_fill). */
#ifndef HWC
#error "include this from a file that defines HWC(name)"
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
    const uint8_t *add;
    ptrdiff_t add_step, y_step;
    uint8_t *y;
    float *real;
    vec_mask some;
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

/* ---- a tile, as in hwc_body.h ------------------------------------------------------------------ */
enum {
    VECTORS = 2,
    TRIOS = (HWC8_PIXELS + 2) / 3,
    ROOM = 56, /* pixels whose sums are kept before they are finished together */
};

VEC_INLINE void tile8_sums(const int P, const int V, const struct hwc8_tile *t,
                           ints sum[HWC8_PIXELS][VECTORS])
{
    const ptrdiff_t step = t->x_step;
    const int8_t *w = t->w;

#pragma GCC unroll 14
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            sum[p][v] = ints_load(t->start + VEC_LANES * v);
    for (int g = 0; g < t->segments; g++) {
        const uint8_t *x[TRIOS], *end;

        x[0] = t->x + t->segment[g];
        end = x[0] + 4 * t->steps;
#pragma GCC unroll 5
        for (int j = 1; j < (P + 2) / 3; j++)
            x[j] = x[j - 1] + 3 * step;
        do {
            fours b[VECTORS];

#pragma GCC unroll 5
            for (int j = 0; j < (P + 2) / 3; j++)
                __asm__("" : "+r"(x[j])); /* not to be derived from each other anew each time */
#pragma GCC unroll 2
            for (int v = 0; v < V; v++)
                b[v] = fours_load(w + 4 * VEC_LANES * v);
            w += 4 * VEC_LANES * V;
#pragma GCC unroll 14
            for (int p = 0; p < P; p++) {
                fours a = fours_spread(x[p / 3] + (p % 3) * step);

#pragma GCC unroll 2
                for (int v = 0; v < V; v++)
                    sum[p][v] = ints_dot(sum[p][v], a, b[v]);
            }
#pragma GCC unroll 5
            for (int j = 0; j < (P + 2) / 3; j++)
                x[j] += 4;
        } while (x[0] != end);
    }
}

VEC_INLINE void tile8_of(const int P, const int V, const struct hwc8_tile *t, int32_t *out)
{
    ints sum[HWC8_PIXELS][VECTORS];

    tile8_sums(P, V, t, sum);
#pragma GCC unroll 14
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            ints_store(out + p * HWC8_MAX_CHANNELS + VEC_LANES * v, sum[p][v]);
}

enum { DIRECT_WAYS = 5 };

/* Sums to bytes while they are in registers. */
struct direct {
    struct plain plain[VECTORS];
    struct silu8 silu;
    enum act act; /* NONE or SILU */
    int channels;
    uint8_t *y;
    ptrdiff_t y_step;
};

/* Which of the ways of a tile it goes; -1: none. */
static int direct_way(const struct hwc8_tile *t)
{
    const struct hwc8_finish *f = &t->finish;
    bool silu = f->act == ACT_SILU;

    if (!is_plain(f) || (!silu && f->act != ACT_NONE && f->act != ACT_RELU && f->act != ACT_CLIP))
        return -1;
    if (t->channels <= VEC_LANES)
        return silu ? 1 : 0;
    if (t->channels == VECTORS * VEC_LANES)
        return silu ? 4 : 2;
    return silu ? -1 : 3;
}

static __attribute__((noinline)) void direct_init(const struct hwc8_tile *t, struct direct *d)
{
    const struct hwc8_finish *f = &t->finish;

    *d = (struct direct){.act = f->act == ACT_SILU ? ACT_SILU : ACT_NONE,
                         .channels = t->channels,
                         .y = f->y,
                         .y_step = f->y_step};
    if (d->act == ACT_SILU)
        d->silu = silu8_times(1.0f / f->as.scale);
    for (int v = 0, c = 0; c < t->channels; v++, c += VEC_LANES) {
        int n = int_min(VEC_LANES, t->channels - c);

        d->plain[v] = d->act == ACT_SILU ? plain_of(ACT_SILU, f, &d->silu, c, n)
                                         : plain_of(ACT_NONE, f, NULL, c, n);
    }
}

VEC_INLINE void direct_put(const enum act act, const int P, const int V, const bool whole,
                           const struct direct *d, ints sum[HWC8_PIXELS][VECTORS])
{
    const ptrdiff_t step = d->y_step;
    const int n = whole ? V * VEC_LANES : d->channels;
    uint8_t *y = d->y;

    if (V == 1) {
#pragma GCC unroll 14
        for (int p = 0; p < P; p++, y += step)
            plain_put(act, d->plain, sum[p][0], y, n);
        return;
    }
#pragma GCC unroll 7
    for (int p = 0; p + 2 <= P; p += 2, y += 2 * step) {
        const ints four[4] = {sum[p][0], sum[p][V - 1], sum[p + 1][0], sum[p + 1][V - 1]};

        plain_put_pair(act, d->plain, four, y, step, n);
    }
    if (P % 2) {
        plain_put(act, d->plain, sum[P - 1][0], y, VEC_LANES);
        plain_put(act, d->plain + V - 1, sum[P - 1][V - 1], y + VEC_LANES, n - VEC_LANES);
    }
}

/* act NONE or SILU; whole: all lanes are channels. Each is a function of its own: branches behind the
 * loop would cost it registers. */
VEC_INLINE void direct_of(const int P, const int V, const enum act act, const bool whole,
                          const struct hwc8_tile *t, const struct direct *d)
{
    ints sum[HWC8_PIXELS][VECTORS];

    tile8_sums(P, V, t, sum);
#pragma GCC unroll 14
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            sum[p][v] = ints_settled(sum[p][v]);
    direct_put(act, P, V, whole, d, sum);
}

#define TILE(P)                                                                                    \
    static void tile8_##P##_1(const struct hwc8_tile *t, int32_t *out)                             \
    {                                                                                              \
        tile8_of(P, 1, t, out);                                                                    \
    }                                                                                              \
    static void tile8_##P##_2(const struct hwc8_tile *t, int32_t *out)                             \
    {                                                                                              \
        tile8_of(P, 2, t, out);                                                                    \
    }                                                                                              \
    static void direct_##P##_0(const struct hwc8_tile *t, const struct direct *d)                  \
    {                                                                                              \
        direct_of(P, 1, ACT_NONE, false, t, d);                                                    \
    }                                                                                              \
    static void direct_##P##_1(const struct hwc8_tile *t, const struct direct *d)                  \
    {                                                                                              \
        direct_of(P, 1, ACT_SILU, false, t, d);                                                    \
    }                                                                                              \
    static void direct_##P##_2(const struct hwc8_tile *t, const struct direct *d)                  \
    {                                                                                              \
        direct_of(P, 2, ACT_NONE, true, t, d);                                                     \
    }                                                                                              \
    static void direct_##P##_3(const struct hwc8_tile *t, const struct direct *d)                  \
    {                                                                                              \
        direct_of(P, 2, ACT_NONE, false, t, d);                                                    \
    }                                                                                              \
    static void direct_##P##_4(const struct hwc8_tile *t, const struct direct *d)                  \
    {                                                                                              \
        direct_of(P, 2, ACT_SILU, true, t, d);                                                     \
    }
#define WAY(P)                                                                                     \
    {                                                                                              \
        tile8_##P##_1, tile8_##P##_2                                                               \
    }
#define DIRECT(P)                                                                                  \
    {                                                                                              \
        direct_##P##_0, direct_##P##_1, direct_##P##_2, direct_##P##_3, direct_##P##_4             \
    }
#if HWC8_PIXELS == 14
#define EACH(DO, SEP)                                                                              \
    DO(1)                                                                                          \
    SEP DO(2) SEP DO(3) SEP DO(4) SEP DO(5) SEP DO(6) SEP DO(7) SEP DO(8) SEP DO(9) SEP DO(10)     \
        SEP DO(11) SEP DO(12) SEP DO(13) SEP DO(14)
#else
#define EACH(DO, SEP) DO(1) SEP DO(2) SEP DO(3) SEP DO(4)
#endif
#define NOTHING
#define COMMA ,
EACH(TILE, NOTHING)

/* t->pixels <= ROOM, in tiles as equal as they can be. */
static void tiles8(const struct hwc8_tile *t, int32_t *out)
{
    static void (*const way[HWC8_PIXELS][VECTORS])(const struct hwc8_tile *t,
                                                   int32_t *out) = {EACH(WAY, COMMA)};
    int tiles = div_up(t->pixels, HWC8_PIXELS);
    struct hwc8_tile one = *t;

    for (int i = 0, from = 0; i < tiles; i++) {
        int to = t->pixels * (i + 1) / tiles;

        one.x = t->x + from * t->x_step;
        way[to - from - 1][(t->channels - 1) / VEC_LANES](&one, out + from * HWC8_MAX_CHANNELS);
        from = to;
    }
}

static void direct8(const struct hwc8_tile *t, int which)
{
    static void (*const way[HWC8_PIXELS][DIRECT_WAYS])(
        const struct hwc8_tile *t, const struct direct *d) = {EACH(DIRECT, COMMA)};
    int tiles = div_up(t->pixels, HWC8_PIXELS);
    struct hwc8_tile one = *t;
    struct direct d;

    direct_init(t, &d);
    for (int i = 0, from = 0; i < tiles; i++) {
        int to = (int)((int64_t)t->pixels * (i + 1) / tiles);

        one.x = t->x + from * t->x_step;
        d.y = t->finish.y + from * t->finish.y_step;
        way[to - from - 1][which](&one, &d);
        from = to;
    }
}

static void HWC(hwc8_tile)(const struct hwc8_tile *t)
{
    int32_t out[ROOM * HWC8_MAX_CHANNELS];
    struct hwc8_tile some = *t;
    int direct = direct_way(t);

    if (direct >= 0) {
        direct8(t, direct);
        return;
    }
    for (int p = 0; p < t->pixels; p += ROOM) {
        struct source s = {.sum = out, .channels = t->channels};
        struct hwc8_finish f = t->finish;

        some.pixels = int_min(ROOM, t->pixels - p);
        some.x = t->x + p * t->x_step;
        tiles8(&some, out);
        s.pixels = some.pixels;
        finish_move(&f, p, 0);
        finish8(&s, &f);
    }
}
#undef COMMA
#undef NOTHING
#undef EACH
#undef DIRECT
#undef WAY
#undef TILE

/* ---- depthwise --------------------------------------------------------------------------------- */
enum { RUN = 6 }; /* pixels at a time */

/* P pixels from p0 on of the n <= VEC_LANES channels from c on. What the zero points add to a sum is
 * taken off at its start. */
VEC_INLINE void taps8_of(const int P, const bool whole, const struct hwc8_taps *t, int p0, int c,
                         int left, int32_t *out)
{
    const int n = whole ? VEC_LANES : left;
    const ptrdiff_t step = t->step;
    const ints zero = ints_all(-t->x_zero), one = ints_all(1);
    ints sum[RUN], start = ints_all(0);

#pragma GCC unroll 6
    for (int p = 0; p < P; p++)
        sum[p] = start;
    for (int j = 0; j < t->rows; j++) {
        const uint8_t *x = t->row[j] + p0 * step + c, *x3 = x + 3 * step;
        const int32_t *w = t->w + j * t->w_row + c;

        for (int i = 0; i < t->cols; i++, x += t->dilation, x3 += t->dilation, w += t->channels) {
            ints by = t->w ? whole ? ints_load(w) : ints_load_some(w, n) : one;

            __asm__("" : "+r"(x), "+r"(x3));
            start = ints_mad(start, zero, by);
#pragma GCC unroll 6
            for (int p = 0; p < P; p++)
                sum[p] = ints_mad(sum[p], ints_of_bytes((p < 3 ? x : x3) + (p % 3) * step, n), by);
        }
    }
#pragma GCC unroll 6
    for (int p = 0; p < P; p++)
        ints_store(out + p * HWC8_MAX_CHANNELS, ints_add(sum[p], start));
}

/* RUN pixels, three taps side by side, S pixels from output to output: every input is read once. */
VEC_INLINE void taps8_three(const int S, const struct hwc8_taps *t, int p0, int c, int32_t *out)
{
    const ints zero = ints_all(-t->x_zero);
    ints sum[RUN], start = ints_all(0), x[2 * RUN + 1];

#pragma GCC unroll 6
    for (int p = 0; p < RUN; p++)
        sum[p] = start;
    for (int j = 0; j < t->rows; j++) {
        const uint8_t *from = t->row[j] + p0 * t->step + c;
        const int32_t *w = t->w + j * t->w_row + c;

#pragma GCC unroll 13
        for (int i = 0; i < S * (RUN - 1) + 3; i++)
            x[i] = ints_of_bytes(from + i * t->dilation, VEC_LANES);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
            ints by = ints_load(w + i * t->channels);

            start = ints_mad(start, zero, by);
#pragma GCC unroll 6
            for (int p = 0; p < RUN; p++)
                sum[p] = ints_mad(sum[p], x[S * p + i], by);
        }
    }
#pragma GCC unroll 6
    for (int p = 0; p < RUN; p++)
        ints_store(out + p * HWC8_MAX_CHANNELS, ints_add(sum[p], start));
}

VEC_INLINE void taps8_whole(const int P, const struct hwc8_taps *t, int p0, int c, int32_t *out)
{
    bool three = P == RUN && HWC8_PIXELS > 4 && t->w && t->cols == 3; /* registers enough */

    if (three && t->step == t->dilation)
        taps8_three(1, t, p0, c, out);
    else if (three && t->step == 2 * t->dilation)
        taps8_three(2, t, p0, c, out);
    else
        taps8_of(P, true, t, p0, c, VEC_LANES, out);
}

/* P pixels of n <= HWC8_MAX_CHANNELS channels. */
VEC_INLINE void taps8_run(const int P, const struct hwc8_taps *t, int p0, int c, int n,
                          int32_t *out)
{
    int i = 0;

    for (; i + VEC_LANES <= n; i += VEC_LANES)
        taps8_whole(P, t, p0, c + i, out + i);
    if (i < n && i > 0) /* some once more */
        taps8_whole(P, t, p0, c + n - VEC_LANES, out + n - VEC_LANES);
    else if (i < n)
        taps8_of(P, false, t, p0, c, n, out);
}

static void HWC(hwc8_taps)(const struct hwc8_taps *t)
{
    int32_t out[ROOM * HWC8_MAX_CHANNELS];

    for (int from = 0; from < t->pixels; from += ROOM)
        for (int c = 0; c < t->channels; c += HWC8_MAX_CHANNELS) {
            int n = int_min(HWC8_MAX_CHANNELS, t->channels - c), p = 0;
            struct source s = {
                .sum = out, .pixels = int_min(ROOM, t->pixels - from), .channels = n};
            struct hwc8_finish f = t->finish;

            for (; p + RUN <= s.pixels; p += RUN)
                taps8_run(RUN, t, from + p, c, n, out + p * HWC8_MAX_CHANNELS);
            for (; p < s.pixels; p++)
                taps8_run(1, t, from + p, c, n, out + p * HWC8_MAX_CHANNELS);
            finish_move(&f, from, c);
            finish8(&s, &f);
        }
}

void HWC(hwc8_fill)(struct kernels *k)
{
    k->hwc8_lanes = VEC_LANES;
    k->hwc8_pixels = HWC8_PIXELS;
    k->hwc8_channels = VEC_LANES * VECTORS;
    k->hwc8_tile = HWC(hwc8_tile);
    k->hwc8_taps = HWC(hwc8_taps);
    k->hwc8_rows = HWC(hwc8_rows);
    k->hwc8_finish = HWC(hwc8_finish);
}
