/* With masks: a pixel of up to 64 channels is one register, whatever their number. */
#include <immintrin.h>

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

/* Up to 32 channels: half as wide, so that fewer reads reach over the end of a cache line. */
static void max_narrow(const struct bytes_max *m)
{
    __mmask32 some = first32(m->channels);

    for (size_t p = 0; p < m->pixels; p++) {
        __m256i most = _mm256_setzero_si256();

        for (int j = 0; j < m->rows; j++) {
            const uint8_t *x = m->row[j] + p * m->step;

            for (int t = 0; t < m->cols; t++, x += m->dilation)
                most = _mm256_max_epu8(most, _mm256_maskz_loadu_epi8(some, x));
        }
        _mm256_mask_storeu_epi8(m->y + p * m->channels, some, most);
    }
}

static void max_avx512(const struct bytes_max *m)
{
    if (m->channels <= 32) {
        max_narrow(m);
        return;
    }
    for (size_t p = 0; p < m->pixels; p++)
        for (size_t c = 0; c < m->channels; c += 64) {
            __mmask64 some = first64(m->channels - c);
            __m512i most = _mm512_setzero_si512();

            for (int j = 0; j < m->rows; j++) {
                const uint8_t *x = m->row[j] + p * m->step + c;

                for (int t = 0; t < m->cols; t++, x += m->dilation)
                    most = _mm512_max_epu8(most, _mm512_maskz_loadu_epi8(some, x));
            }
            _mm512_mask_storeu_epi8(m->y + p * m->channels + c, some, most);
        }
}

void bytes_fill_avx512(struct kernels *k)
{
    k->bytes_move = move_avx512;
    k->bytes_max = max_avx512;
}
