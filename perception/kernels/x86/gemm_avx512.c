/* The tile with 512-bit FMA: 14 rows of 2 registers are 28 sums of the 32 registers; with two of b,
 * a comes straight from memory as a broadcast operand. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

enum { ROWS = 14, COLS = 32 };
_Static_assert((int)ROWS <= (int)TILE_MAX_ROWS && (int)COLS <= (int)TILE_MAX_COLS, "edge buffer");

/* rows is a constant at every call, so sum[][] lives in registers. */
static inline __attribute__((always_inline)) void tile_rows(int rows, int K, const float *a,
                                                            const float *b, size_t ldb, float *c,
                                                            size_t ldc, bool accumulate)
{
    __m512 sum[ROWS][2];

#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        sum[i][0] = accumulate ? _mm512_loadu_ps(c + i * ldc) : _mm512_setzero_ps();
        sum[i][1] = accumulate ? _mm512_loadu_ps(c + i * ldc + 16) : _mm512_setzero_ps();
    }
    for (int k = 0; k < K; k++, a += rows, b += ldb) {
        __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);

#pragma GCC unroll 14
        for (int i = 0; i < rows; i++) {
            __m512 v = _mm512_set1_ps(a[i]);

            sum[i][0] = _mm512_fmadd_ps(v, b0, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ps(v, b1, sum[i][1]);
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(c + i * ldc, sum[i][0]);
        _mm512_storeu_ps(c + i * ldc + 16, sum[i][1]);
    }
}

static void tile_avx512(int rows, int K, const float *a, const float *b, size_t ldb, float *c,
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
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
#undef CASE
    }
}

void gemm_fill_avx512(struct kernels *k)
{
    k->tile_rows = ROWS;
    k->tile_cols = COLS;
    k->tile = tile_avx512;
}
