/* The inner loops in 8 bits, written once and compiled per instruction set. The includer has included
 * the register operations (vec_*.h, vec8_*.h) and defines HWC(name) and HWC8_PIXELS. Everything is
 * static but HWC(hwc8_fill). */
#ifndef HWC
#error "include this from a file that defines HWC(name)"
#endif

#include "perception/kernels/hwc8_finish.h"

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
