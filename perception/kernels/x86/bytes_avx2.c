#include <immintrin.h>
#include <string.h>

#include "perception/kernels/bytes.h"
#include "perception/kernels/kernels_internal.h"

static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void store(uint8_t *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

static inline void copy_row(uint8_t *y, const uint8_t *x, size_t n)
{
    size_t c = 0;

    if (n < 16) {
        memcpy(y, x, n);
        return;
    }
    for (; c + 16 <= n; c += 16)
        store(y + c, load(x + c));
    if (c < n) /* the last ones once more */
        store(y + n - 16, load(x + n - 16));
}

/* n bytes, each the first of two. */
static inline void pairs_row(uint8_t *y, const uint8_t *x, size_t n)
{
    const __m128i low = _mm_set1_epi16(255);
    size_t c = 0;

    for (; c + 16 < n; c += 16) /* there is one more: the byte beside the last one is inside */
        store(y + c, _mm_packus_epi16(_mm_and_si128(load(x + 2 * c), low),
                                      _mm_and_si128(load(x + 2 * c + 16), low)));
    for (; c + 8 < n; c += 8)
        _mm_storeu_si64(y + c, _mm_packus_epi16(_mm_and_si128(load(x + 2 * c), low), low));
    for (; c < n; c++)
        y[c] = x[2 * c];
}

static void move_avx2(const struct bytes_move *m)
{
    for (size_t p = 0; p < m->pixels; p++) {
        const uint8_t *x = m->x + p * m->x_step;
        uint8_t *y = m->y + p * m->y_step;

        if (m->x_apart == 1)
            copy_row(y, x, m->channels);
        else if (m->x_apart == 2)
            pairs_row(y, x, m->channels);
        else
            for (size_t c = 0; c < m->channels; c++)
                y[c] = x[c * m->x_apart];
    }
}

/* 16 channels from c on */
static inline __m128i max_taps(const struct bytes_max *m, size_t at)
{
    __m128i most = _mm_setzero_si128();

    for (int j = 0; j < m->rows; j++)
        for (int t = 0; t < m->cols; t++)
            most = _mm_max_epu8(most, load(m->row[j] + at + (size_t)t * m->dilation));
    return most;
}

static void max_avx2(const struct bytes_max *m)
{
    for (size_t p = 0; p < m->pixels; p++) {
        uint8_t *y = m->y + p * m->channels;
        size_t c = 0;

        for (; c + 16 <= m->channels; c += 16)
            store(y + c, max_taps(m, p * m->step + c));
        if (c < m->channels && c > 0) {
            c = m->channels - 16; /* the last ones once more */
            store(y + c, max_taps(m, p * m->step + c));
            c = m->channels;
        }
        for (; c < m->channels; c++) {
            y[c] = 0;
            for (int j = 0; j < m->rows; j++)
                for (int t = 0; t < m->cols; t++) {
                    uint8_t x = m->row[j][p * m->step + (size_t)t * m->dilation + c];

                    y[c] = x > y[c] ? x : y[c];
                }
        }
    }
}

static void threes_avx2(uint8_t *y, const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    const __m128i close = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    size_t i = 0;

    for (; i + 18 <= n; i += 16) { /* the last of four stores reaches four bytes further */
        __m128i ab = _mm_unpacklo_epi8(load(a + i), load(b + i));
        __m128i AB = _mm_unpackhi_epi8(load(a + i), load(b + i));
        __m128i c0 = _mm_unpacklo_epi8(load(c + i), _mm_setzero_si128());
        __m128i C0 = _mm_unpackhi_epi8(load(c + i), _mm_setzero_si128());

        store(y + 3 * i, _mm_shuffle_epi8(_mm_unpacklo_epi16(ab, c0), close));
        store(y + 3 * i + 12, _mm_shuffle_epi8(_mm_unpackhi_epi16(ab, c0), close));
        store(y + 3 * i + 24, _mm_shuffle_epi8(_mm_unpacklo_epi16(AB, C0), close));
        store(y + 3 * i + 36, _mm_shuffle_epi8(_mm_unpackhi_epi16(AB, C0), close));
    }
    for (; i < n; i++) {
        y[3 * i] = a[i];
        y[3 * i + 1] = b[i];
        y[3 * i + 2] = c[i];
    }
}

void bytes_fill_avx2(struct kernels *k)
{
    k->bytes_move = move_avx2;
    k->bytes_max = max_avx2;
    k->bytes_threes = threes_avx2;
}
