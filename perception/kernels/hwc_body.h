/* The channels-last inner loops, written once and compiled per instruction set. The includer has
 * included the register operations (vec_*.h) and defines HWC(name), which puts the level behind a
 * name. Everything is static but HWC(hwc_fill).
 *
 * A tile keeps pixels x vectors sums in registers. Per step it loads `vectors` registers of weights
 * and, for each pixel, one number of the picture spread over a register. */
#ifndef HWC
#error "include this from a file that defines HWC(name)"
#endif

#include <math.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc_act.h"
#include "perception/kernels/kernels_internal.h"

/* ---- what the registers do not do themselves ------------------------------------------------ */
struct rows {
    const float *x; /* may be y; whole registers can be read of it */
    float *y;
    ptrdiff_t x_step, y_step;
    int pixels, channels;
};

VEC_INLINE vec load_as(bool whole, const float *p, vec_mask some)
{
    return whole ? vec_load(p) : vec_load_some(p, some);
}

VEC_INLINE void store_as(bool whole, float *p, vec_mask some, vec v)
{
    if (whole)
        vec_store(p, v);
    else
        vec_store_some(p, some, v);
}

/* One register of channels from c on, or some of it, of all pixels. What is read is never masked
 * where it was just written: a masked store does not hand its data on to a load. */
VEC_INLINE void finish_column(enum act act, const bool whole, const struct rows *t, int c,
                              vec_mask some, const struct hwc_finish *f)
{
    const vec a = f->slope ? load_as(whole, f->slope + c, some) : vec_all(f->a);
    const vec b = vec_all(f->b);

    for (int p = 0; p < t->pixels; p++) {
        const float *x = t->x + p * t->x_step + c;
        vec v = t->x != t->y ? vec_load(x) : load_as(whole, x, some);
        vec add = f->add ? load_as(whole, f->add + p * f->add_step + c, some) : vec_all(0.0f);

        if (f->add_after)
            v = vec_add(vec_act(act, v, a, b), add);
        else
            v = vec_act(act, f->add ? vec_add(v, add) : v, a, b);
        store_as(whole, t->y + p * t->y_step + c, some, v);
    }
}

VEC_INLINE void finish_as(enum act act, const struct rows *t, const struct hwc_finish *f)
{
    int c = 0;

    for (; c + VEC_LANES <= t->channels; c += VEC_LANES)
        finish_column(act, true, t, c, vec_first(0), f);
    if (c < t->channels)
        finish_column(act, false, t, c, vec_first((size_t)(t->channels - c)), f);
}

static __attribute__((noinline)) void finish_rows(const struct rows *t, const struct hwc_finish *f)
{
    switch (f->act) {
#define CASE(act)                                                                                  \
    case act:                                                                                      \
        finish_as(act, t, f);                                                                      \
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
        finish_as(ACT_NONE, t, f);
    }
}

/* Limits within which values stay while they still are in registers. */
struct limits {
    vec lo, hi;
    bool all; /* there is nothing else to do */
};

VEC_INLINE struct limits limits_of(const struct hwc_finish *f)
{
    bool plain = f->act == ACT_NONE || f->act == ACT_RELU || f->act == ACT_CLIP;
    bool all = plain && !f->add;
    float lo = -INFINITY, hi = INFINITY;

    if (all && f->act == ACT_RELU)
        lo = 0.0f;
    if (all && f->act == ACT_CLIP) {
        lo = f->a;
        hi = f->b;
    }
    return (struct limits){vec_all(lo), vec_all(hi), all};
}

/* ---- a tile ---------------------------------------------------------------------------------- */
/* Five pointers, each to a pixel and the two behind it by one and two steps: what addresses of the
 * form base + step scale can say, so that all of them stay in registers. */
enum { TRIOS = (VEC_TILE_PIXELS + 2) / 3 };

VEC_INLINE void tile_sums(const int P, const int V, const struct hwc_tile *t,
                          vec sum[VEC_TILE_PIXELS][VEC_TILE_VECTORS])
{
    const ptrdiff_t step = t->x_step;
    const float *w = t->w;

#pragma GCC unroll 14
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            sum[p][v] = vec_load(t->bias + VEC_LANES * v);
    for (int g = 0; g < t->segments; g++) {
        const float *x[TRIOS], *end;

        x[0] = t->x + t->segment[g];
        end = x[0] + t->length;
#pragma GCC unroll 5
        for (int j = 1; j < (P + 2) / 3; j++)
            x[j] = x[j - 1] + 3 * step;
        do {
            vec b[VEC_TILE_VECTORS];

#pragma GCC unroll 5
            for (int j = 0; j < (P + 2) / 3; j++)
                __asm__("" : "+r"(x[j])); /* not to be derived from each other anew each time */
#pragma GCC unroll 2
            for (int v = 0; v < V; v++)
                b[v] = vec_load(w + VEC_LANES * v);
            w += VEC_LANES * V;
#pragma GCC unroll 14
            for (int p = 0; p < P; p++) {
                vec a = vec_all(x[p / 3][(p % 3) * step]);

#pragma GCC unroll 2
                for (int v = 0; v < V; v++)
                    sum[p][v] = vec_fma(a, b[v], sum[p][v]);
            }
#pragma GCC unroll 5
            for (int j = 0; j < (P + 2) / 3; j++)
                x[j]++;
        } while (x[0] != end);
    }
}

/* Sums that need more than limits, through a buffer that is still in the cache. */
VEC_INLINE void tile_finish(const int P, const int V, const struct hwc_tile *t,
                            vec sum[VEC_TILE_PIXELS][VEC_TILE_VECTORS])
{
    float raw[VEC_TILE_PIXELS * VEC_TILE_VECTORS * VEC_LANES] __attribute__((aligned(64)));

#pragma GCC unroll 14
    for (int p = 0; p < P; p++)
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            vec_store(raw + (p * V + v) * VEC_LANES, sum[p][v]);
    finish_rows(&(struct rows){raw, t->y, V * VEC_LANES, t->y_step, P, t->channels}, &t->finish);
}

VEC_INLINE void tile_of(const int P, const int V, const struct hwc_tile *t)
{
    vec sum[VEC_TILE_PIXELS][VEC_TILE_VECTORS];
    struct limits limits = limits_of(&t->finish);
    int last = t->channels - (V - 1) * VEC_LANES; /* channels in the last register */
    vec_mask some = vec_first((size_t)last);
    float *y = t->y;

    tile_sums(P, V, t, sum);
    if (!limits.all) {
        tile_finish(P, V, t, sum);
        return;
    }
#pragma GCC unroll 14
    for (int p = 0; p < P; p++, y += t->y_step) {
#pragma GCC unroll 2
        for (int v = 0; v < V; v++)
            store_as(v < V - 1 || last == VEC_LANES, y + VEC_LANES * v, some,
                     vec_clamp(sum[p][v], limits.lo, limits.hi));
    }
}

#define TILE(P)                                                                                    \
    static void tile_##P##_1(const struct hwc_tile *t)                                             \
    {                                                                                              \
        tile_of(P, 1, t);                                                                          \
    }                                                                                              \
    static void tile_##P##_2(const struct hwc_tile *t)                                             \
    {                                                                                              \
        tile_of(P, 2, t);                                                                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
#if HWC_PIXELS > 4
TILE(5)
TILE(6)
#endif
#if HWC_PIXELS > 6
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
#endif
#if HWC_PIXELS > 12
TILE(13)
TILE(14)
#endif
#undef TILE

static void HWC(hwc_tile)(const struct hwc_tile *t)
{
    static void (*const way[VEC_TILE_PIXELS][VEC_TILE_VECTORS])(const struct hwc_tile *t) = {
#define WAY(P) {tile_##P##_1, tile_##P##_2}
        WAY(1),
        WAY(2),
        WAY(3),
        WAY(4),
#if HWC_PIXELS > 4
        WAY(5),
        WAY(6),
#endif
#if HWC_PIXELS > 6
        WAY(7),
        WAY(8),
        WAY(9),
        WAY(10),
        WAY(11),
        WAY(12),
#endif
#if HWC_PIXELS > 12
        WAY(13),
        WAY(14),
#endif
#undef WAY
    };

    way[t->pixels - 1][(t->channels - 1) / VEC_LANES](t);
}

/* ---- depthwise ------------------------------------------------------------------------------- */
enum { RUN = 6 }; /* pixels at a time: enough sums in flight to hide their latency */

enum taps { TAPS_WEIGHTED, TAPS_SUM, TAPS_MAX }; /* a constant at every call */

VEC_INLINE vec tap_join(const enum taps what, vec weight, vec x, vec sum)
{
    return what == TAPS_MAX   ? vec_max(sum, x) /* x where it is NaN */
           : what == TAPS_SUM ? vec_add(sum, x)
                              : vec_fma(weight, x, sum);
}

VEC_INLINE vec tap_start(const enum taps what, const bool whole, const float *bias, vec_mask some)
{
    return what == TAPS_MAX   ? vec_all(-INFINITY)
           : what == TAPS_SUM ? vec_all(0.0f)
                              : load_as(whole, bias, some);
}

/* P pixels of one register of channels, from channel c and pixel p0 on. */
VEC_INLINE void taps_of(const enum taps what, const int P, const bool whole,
                        const struct hwc_taps *t, int p0, int c, vec_mask some,
                        const struct limits *limits)
{
    const ptrdiff_t step = t->step;
    const vec start = tap_start(what, whole, t->bias + c, some), scale = vec_all(t->scale);
    vec sum[RUN];
    float *y = t->y + p0 * t->y_step + c;

#pragma GCC unroll 6
    for (int p = 0; p < P; p++)
        sum[p] = start;
    for (int j = 0; j < t->rows; j++) {
        const float *x = t->row[j] + p0 * step + c, *x3 = x + 3 * step;
        const float *w = t->w + j * t->w_row + c;

        for (int i = 0; i < t->cols; i++, x += t->dilation, x3 += t->dilation, w += t->channels) {
            vec v = what == TAPS_WEIGHTED ? load_as(whole, w, some) : scale;

            __asm__("" : "+r"(x), "+r"(x3));
#pragma GCC unroll 6
            for (int p = 0; p < P; p++) {
                const float *at = (p < 3 ? x : x3) + (p % 3) * step;

                sum[p] = tap_join(what, v, load_as(whole, at, some), sum[p]);
            }
        }
    }
#pragma GCC unroll 6
    for (int p = 0; p < P; p++, y += t->y_step) {
        vec v = what == TAPS_SUM ? vec_mul(sum[p], scale) : sum[p];

        v = what == TAPS_WEIGHTED ? vec_clamp(v, limits->lo, limits->hi) : v;
        if (whole)
            vec_store(y, v);
        else
            vec_store_some(y, some, v);
    }
}

/* Rows further down come from afar: ask for them while there is this one to compute. */
VEC_INLINE void taps_ahead(const struct hwc_taps *t, int p0, int pixels)
{
    for (int j = 0; j < t->ahead_rows; j++) {
        const float *x = t->row[t->rows - 1] + (j + 1) * t->ahead + p0 * t->step;

        for (ptrdiff_t i = 0; i < pixels * t->step; i += 16)
            __builtin_prefetch(x + i, 0, 2);
    }
}

VEC_INLINE void taps_run(const enum taps what, const int P, const struct hwc_taps *t, int p0)
{
    struct limits limits = limits_of(&t->finish);
    int c = 0;

    taps_ahead(t, p0, P);

    for (; c + VEC_LANES <= t->channels; c += VEC_LANES)
        taps_of(what, P, true, t, p0, c, vec_first(0), &limits);
    if (c < t->channels)
        taps_of(what, P, false, t, p0, c, vec_first((size_t)(t->channels - c)), &limits);
    if (what == TAPS_WEIGHTED && !limits.all) {
        struct hwc_finish f = t->finish;

        if (f.add)
            f.add += p0 * f.add_step;
        finish_rows(&(struct rows){t->y + p0 * t->y_step, t->y + p0 * t->y_step, t->y_step,
                                   t->y_step, P, t->channels},
                    &f);
    }
}

VEC_INLINE void taps_all(const enum taps what, const struct hwc_taps *t)
{
    int p = 0;

    for (; p + RUN <= t->pixels; p += RUN)
        taps_run(what, RUN, t, p);
    if (p > 0 && p < t->pixels && !t->finish.add) { /* some twice rather than few at a time */
        taps_run(what, RUN, t, t->pixels - RUN);
        return;
    }
    for (; p + 3 <= t->pixels; p += 3)
        taps_run(what, 3, t, p);
    for (; p < t->pixels; p++)
        taps_run(what, 1, t, p);
}

static void HWC(hwc_taps)(const struct hwc_taps *t)
{
    taps_all(TAPS_WEIGHTED, t);
}

static void HWC(hwc_sum)(const struct hwc_taps *t)
{
    taps_all(TAPS_SUM, t);
}

static void HWC(hwc_max)(const struct hwc_taps *t)
{
    taps_all(TAPS_MAX, t);
}

/* ---- resize ---------------------------------------------------------------------------------- */
static void HWC(hwc_blend)(float *y, const float *const x[4], const float t[4], size_t n)
{
    const vec t0 = vec_all(t[0]), t1 = vec_all(t[1]), t2 = vec_all(t[2]), t3 = vec_all(t[3]);

    for (size_t i = 0; i < n; i += VEC_LANES) {
        vec_mask some = vec_first(n - i < VEC_LANES ? n - i : VEC_LANES);
        vec v = vec_mul(t0, vec_load_some(x[0] + i, some));

        v = vec_fma(t1, vec_load_some(x[1] + i, some), v);
        v = vec_fma(t2, vec_load_some(x[2] + i, some), v);
        v = vec_fma(t3, vec_load_some(x[3] + i, some), v);
        vec_store_some(y + i, some, v);
    }
}

/* ---- moving ---------------------------------------------------------------------------------- */
static void HWC(hwc_copy)(float *y, size_t y_step, const float *x, size_t x_step, size_t n,
                          size_t pixels)
{
    size_t whole = n / VEC_LANES * VEC_LANES;
    vec_mask some = vec_first(n - whole);

    for (size_t p = 0; p < pixels; p++, y += y_step, x += x_step) {
        for (size_t i = 0; i < whole; i += VEC_LANES)
            vec_store(y + i, vec_load(x + i));
        if (whole < n)
            vec_store_some(y + whole, some, vec_load_some(x + whole, some));
    }
}

void HWC(hwc_fill)(struct kernels *k)
{
    k->hwc_lanes = VEC_LANES;
    k->hwc_pixels = VEC_TILE_PIXELS;
    k->hwc_channels = VEC_LANES * VEC_TILE_VECTORS;
    k->hwc_tile = HWC(hwc_tile);
    k->hwc_taps = HWC(hwc_taps);
    k->hwc_sum = HWC(hwc_sum);
    k->hwc_max = HWC(hwc_max);
    k->hwc_blend = HWC(hwc_blend);
    k->hwc_copy = HWC(hwc_copy);
}
