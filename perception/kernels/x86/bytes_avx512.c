/* With masks: a pixel of up to 64 channels is one register, whatever their number. */
#include <immintrin.h>
#include <stdbool.h>

#include "perception/kernels/bytes.h"
#include "perception/kernels/kernels_internal.h"

static inline __mmask64 first64(size_t n)
{
    return n < 64 ? (1ull << n) - 1 : ~0ull;
}

static inline __mmask32 first32(size_t n)
{
    return n < 32 ? (1u << n) - 1 : ~0u;
}

static void copy_rows(const struct bytes_move *m)
{
    for (size_t c = 0; c < m->channels; c += 64) {
        __mmask64 some = first64(m->channels - c);
        const uint8_t *x = m->x + c;
        uint8_t *y = m->y + c;

        for (size_t p = 0; p < m->pixels; p++, x += m->x_step, y += m->y_step)
            _mm512_mask_storeu_epi8(y, some, _mm512_maskz_loadu_epi8(some, x));
    }
}

/* Each byte the first of two. The byte beside the last one is not read. */
static void pairs_rows(const struct bytes_move *m)
{
    for (size_t c = 0; c < m->channels; c += 32) {
        size_t n = m->channels - c < 32 ? m->channels - c : 32;
        __mmask64 from = first64(2 * n - 1);
        const uint8_t *x = m->x + 2 * c;
        uint8_t *y = m->y + c;

        for (size_t p = 0; p < m->pixels; p++, x += m->x_step, y += m->y_step)
            _mm256_mask_storeu_epi8(y, first32(n),
                                    _mm512_cvtepi16_epi8(_mm512_maskz_loadu_epi8(from, x)));
    }
}

static void move_avx512(const struct bytes_move *m)
{
    if (m->x_apart == 1)
        copy_rows(m);
    else if (m->x_apart == 2)
        pairs_rows(m);
    else
        for (size_t p = 0; p < m->pixels; p++)
            for (size_t c = 0; c < m->channels; c++)
                m->y[p * m->y_step + c] = m->x[p * m->x_step + c * m->x_apart];
}

/* Up to 32 channels: half as wide, so that fewer reads reach over the end of a cache line. rows and cols
 * are m's, constants at some calls: the loops are unrolled then. */
static inline __attribute__((always_inline)) void max_narrow(const struct bytes_max *m,
                                                             const int rows, const int cols)
{
    const size_t channels = m->channels, step = m->step, dilation = m->dilation;
    const __mmask32 some = first32(channels);
    uint8_t *y = m->y;

    for (size_t p = 0; p < m->pixels; p++, y += channels) {
        __m256i most = _mm256_setzero_si256();

#pragma GCC unroll 3
        for (int j = 0; j < rows; j++) {
            const uint8_t *x = m->row[j] + p * step;

#pragma GCC unroll 3
            for (int t = 0; t < cols; t++, x += dilation)
                most = _mm256_max_epu8(most, _mm256_maskz_loadu_epi8(some, x));
        }
        _mm256_mask_storeu_epi8(y, some, most);
    }
}

static inline __attribute__((always_inline)) void max_wide(const struct bytes_max *m,
                                                           const int rows, const int cols)
{
    const size_t channels = m->channels, step = m->step, dilation = m->dilation;
    uint8_t *y = m->y;

    for (size_t p = 0; p < m->pixels; p++, y += channels)
        for (size_t c = 0; c < channels; c += 64) {
            __mmask64 some = first64(channels - c);
            __m512i most = _mm512_setzero_si512();

#pragma GCC unroll 3
            for (int j = 0; j < rows; j++) {
                const uint8_t *x = m->row[j] + p * step + c;

#pragma GCC unroll 3
                for (int t = 0; t < cols; t++, x += dilation)
                    most = _mm512_max_epu8(most, _mm512_maskz_loadu_epi8(some, x));
            }
            _mm512_mask_storeu_epi8(y + c, some, most);
        }
}

static void max_avx512(const struct bytes_max *m)
{
    bool narrow = m->channels <= 32;

    if (m->rows == 3 && m->cols == 3)
        narrow ? max_narrow(m, 3, 3) : max_wide(m, 3, 3);
    else if (m->rows == 2 && m->cols == 2)
        narrow ? max_narrow(m, 2, 2) : max_wide(m, 2, 2);
    else
        narrow ? max_narrow(m, m->rows, m->cols) : max_wide(m, m->rows, m->cols);
}

enum {
    BLOCK = 16,
    AHEAD = 4096, /* bytes: pictures come from far away */
};

struct steps {
    __m512 scale, inverse, least, most, lo, hi;
    __m128i zero;
    bool usual; /* so are the inverse and what is left over of a quotient */
};

/* A quotient rounded once without a division: a product with 1 / scale, mended by what is left over.
 * Limits come first, a step beyond those of the type, so that nothing is left of what is not finite;
 * _mm512_max_ps gives the second of two if one is no number. */
static inline __attribute__((always_inline)) __m128i quantize_block(const struct steps *s, __m512 v)
{
    __m512 q;

    v = _mm512_min_ps(s->most, _mm512_max_ps(v, s->least));
    if (s->usual) {
        q = _mm512_mul_ps(v, s->inverse);
        q = _mm512_fmadd_ps(_mm512_fnmadd_ps(q, s->scale, v), s->inverse, q);
    } else {
        q = _mm512_div_ps(v, s->scale);
    }
    q = _mm512_min_ps(s->hi, _mm512_max_ps(q, s->lo));
    return _mm_add_epi8(_mm512_cvtepi32_epi8(_mm512_cvtps_epi32(q)), s->zero);
}

static void quantize_avx512(uint8_t *y, const float *x, size_t n, float scale, int zero)
{
    const struct steps s = {.scale = _mm512_set1_ps(scale),
                            .inverse = _mm512_set1_ps(1.0f / scale),
                            .least = _mm512_set1_ps(scale * (float)(-1 - zero)),
                            .most = _mm512_set1_ps(scale * (float)(256 - zero)),
                            .lo = _mm512_set1_ps((float)-zero),
                            .hi = _mm512_set1_ps((float)(255 - zero)),
                            .zero = _mm_set1_epi8((char)zero),
                            .usual = scale > 1e-30f && scale < 1e30f};
    size_t i = 0;

    for (; i + BLOCK <= n; i += BLOCK) {
        _mm_prefetch((const char *)(x + i) + AHEAD, _MM_HINT_T0);
        _mm_storeu_si128((__m128i *)(void *)(y + i), quantize_block(&s, _mm512_loadu_ps(x + i)));
    }
    if (i < n) {
        __mmask16 some = (__mmask16)((1u << (n - i)) - 1);

        _mm_mask_storeu_epi8(y + i, some, quantize_block(&s, _mm512_maskz_loadu_ps(some, x + i)));
    }
}

void bytes_fill_avx512(struct kernels *k)
{
    k->bytes_move = move_avx512;
    k->bytes_max = max_avx512;
    k->quantize_u8 = quantize_avx512;
}
