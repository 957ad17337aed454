/* Transposing squares of 8 x 8 in registers. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

static void square(float *y, size_t ldy, const float *x, size_t ldx)
{
    __m256 r[8], t[8];

    for (int i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(x + i * ldx);
    for (int i = 0; i < 8; i += 2) { /* pairs of rows, number by number */
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) { /* pairs of pairs */
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], _MM_SHUFFLE(3, 2, 3, 2));
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(1, 0, 1, 0));
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], _MM_SHUFFLE(3, 2, 3, 2));
    }
    for (int i = 0; i < 4; i++) { /* halves of registers */
        _mm256_storeu_ps(y + i * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * ldy, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static void transpose_avx2(float *y, size_t ldy, const float *x, size_t ldx, size_t rows,
                           size_t cols)
{
    size_t whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;

    for (size_t r = 0; r < whole_rows; r += 8)
        for (size_t c = 0; c < whole_cols; c += 8)
            square(y + c * ldy + r, ldy, x + r * ldx + c, ldx);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = r < whole_rows ? whole_cols : 0; c < cols; c++)
            y[c * ldy + r] = x[r * ldx + c];
}

void transpose_fill_avx2(struct kernels *k)
{
    k->transpose = transpose_avx2;
}
