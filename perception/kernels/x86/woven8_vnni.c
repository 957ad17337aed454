/* Depthwise convolution in 8 bits for AVX-512 VNNI: rows woven in fours, and their sums of products. */
#include <immintrin.h>

#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

enum { LANES = 16, BYTES = 64, MOST = 8 /* pixels at a time */ };

static __mmask64 first_bytes(size_t n)
{
    return n >= BYTES ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1;
}

/* 64 numbers of four rows. Fours of bytes that the unpacking below would spread over the lanes are
 * brought to where it leaves them in order. */
static inline void weave_some(uint8_t *to, const uint8_t *const row[4], size_t i, size_t n)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __mmask64 some = first_bytes(n), numbers = first_bytes(n);
    __m512i x[4], y[4];

#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
        x[r] = _mm512_permutexvar_epi32(order, _mm512_maskz_loadu_epi8(some, row[r] + i));
    y[0] = _mm512_unpacklo_epi8(x[0], x[1]);
    y[1] = _mm512_unpackhi_epi8(x[0], x[1]);
    y[2] = _mm512_unpacklo_epi8(x[2], x[3]);
    y[3] = _mm512_unpackhi_epi8(x[2], x[3]);
    x[0] = _mm512_unpacklo_epi16(y[0], y[2]);
    x[1] = _mm512_unpackhi_epi16(y[0], y[2]);
    x[2] = _mm512_unpacklo_epi16(y[1], y[3]);
    x[3] = _mm512_unpackhi_epi16(y[1], y[3]);
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
        _mm512_mask_storeu_epi32(to + 4 * i + BYTES * r, (__mmask16)(numbers >> (LANES * r)), x[r]);
}

static void weave_vnni(uint8_t *to, const uint8_t *const row[4], size_t n)
{
    size_t i = 0;

    for (; i + BYTES <= n; i += BYTES)
        weave_some(to, row, i, BYTES);
    if (i < n)
        weave_some(to, row, i, n - i);
}

/* P pixels from p0 on of the n <= LANES channels from c on, R rows of outputs. */
static inline __attribute__((always_inline)) void
sums(const int P, const int R, const struct hwc8_woven *t, int p0, int c, __mmask16 some)
{
    const __m512i start = _mm512_maskz_loadu_epi32(some, t->start + c);
    const ptrdiff_t step = t->step, dilation = t->dilation, w_col = t->w_col;
    const ptrdiff_t w_row = t->fours * t->cols * w_col, out_row = t->out_row;
    const int fours = t->fours, cols = t->cols;
    const int8_t *w = t->w + 4 * c;
    int32_t *out = t->out + p0 * HWC8_MAX_CHANNELS + c;
    __m512i sum[HWC8_WOVEN_ROWS][MOST];

#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
            sum[r][p] = start;
    for (int g = 0; g < fours; g++) {
        const uint8_t *x = t->x + g * t->row + p0 * step + 4 * c, *x3 = x + 3 * step;
        const uint8_t *x6 = x + 6 * step;

        for (int i = 0; i < cols; i++, w += w_col) {
            __m512i by[HWC8_WOVEN_ROWS];

#pragma GCC unroll 4
            for (int r = 0; r < R; r++)
                by[r] = _mm512_maskz_loadu_epi32(some, w + r * w_row);
#pragma GCC unroll 8
            for (int p = 0; p < P; p++) {
                __m512i four = _mm512_loadu_si512((p < 3 ? x : p < 6 ? x3 : x6) + p % 3 * step);

#pragma GCC unroll 4
                for (int r = 0; r < R; r++)
                    sum[r][p] = _mm512_dpbusd_epi32(sum[r][p], four, by[r]);
            }
            x += dilation;
            x3 += dilation;
            x6 += dilation;
            __asm__("" : "+r"(x), "+r"(x3), "+r"(x6)); /* not derived from each other anew */
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int p = 0; p < P; p++)
            _mm512_storeu_si512(out + r * out_row + p * HWC8_MAX_CHANNELS, sum[r][p]);
}

static inline __attribute__((always_inline)) void sums_all(const int P, const int R,
                                                           const struct hwc8_woven *t)
{
    for (int c = 0; c < t->channels; c += LANES) {
        int n = int_min(LANES, t->channels - c);
        __mmask16 some = (__mmask16)((1u << n) - 1);

        for (int p = 0; p < t->pixels; p += P) /* some twice rather than few at a time */
            sums(P, R, t, int_min(p, t->pixels - P), c, some);
    }
}

static void woven_vnni(const struct hwc8_woven *t)
{
    bool many = t->pixels >= MOST;

    if (t->outputs == 4)
        t->pixels >= MOST / 2 ? sums_all(MOST / 2, 4, t) : sums_all(1, 4, t);
    else if (t->outputs == 2)
        many ? sums_all(MOST, 2, t) : sums_all(1, 2, t);
    else
        many ? sums_all(MOST, 1, t) : sums_all(1, 1, t);
}

void woven8_fill_vnni(struct kernels *k)
{
    k->hwc8_weaves = 1;
    k->hwc8_weave = weave_vnni;
    k->hwc8_woven = woven_vnni;
}
