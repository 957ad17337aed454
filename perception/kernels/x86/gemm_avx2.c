/* The tile with 256-bit FMA: 6 rows of 2 registers are 12 sums, which with two of b and one of a
 * fill the 16 registers, and are enough to hide the latency of two FMA units. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

enum { ROWS = 6, COLS = 16 };

/* rows is a constant at every call, so sum[][] lives in registers. */
static inline __attribute__((always_inline)) void tile_rows(int rows, int K, const float *a,
                                                            const float *b, size_t ldb, float *c,
                                                            size_t ldc, bool accumulate)
{
    __m256 sum[ROWS][2];

#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        sum[i][0] = accumulate ? _mm256_loadu_ps(c + i * ldc) : _mm256_setzero_ps();
        sum[i][1] = accumulate ? _mm256_loadu_ps(c + i * ldc + 8) : _mm256_setzero_ps();
    }
    for (int k = 0; k < K; k++, a += rows, b += ldb) {
        __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);

#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            __m256 v = _mm256_broadcast_ss(a + i);

            sum[i][0] = _mm256_fmadd_ps(v, b0, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(v, b1, sum[i][1]);
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        _mm256_storeu_ps(c + i * ldc, sum[i][0]);
        _mm256_storeu_ps(c + i * ldc + 8, sum[i][1]);
    }
}

static void tile_avx2(int rows, int K, const float *a, const float *b, size_t ldb, float *c,
                      size_t ldc, bool accumulate)
{
    switch (rows) {
#define CASE(n)                                                                                    \
    case n:                                                                                        \
        tile_rows(n, K, a, b, ldb, c, ldc, accumulate);                                            \
        break
        CASE(1);
        CASE(2);
        CASE(3);
        CASE(4);
        CASE(5);
        CASE(6);
#undef CASE
    }
}

void gemm_fill_avx2(struct kernels *k)
{
    k->tile_rows = ROWS;
    k->tile_cols = COLS;
    k->tile = tile_avx2;
}
