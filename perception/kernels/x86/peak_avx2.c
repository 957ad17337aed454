#include <immintrin.h>

#include "perception/kernels/peak.h"

/* Two units, four cycles from operand to sum: eight chains keep them busy, twelve surely. */
enum { SUMS = 12, LANES = 8 };

double peak_fma_avx2(int rounds)
{
    __m256 sum[SUMS], a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(1.0f);

#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm256_setzero_ps();
    for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) {
            sum[i] = _mm256_fmadd_ps(sum[i], a, b);
            __asm__ volatile("" : "+x"(sum[i])); /* nothing may be computed beforehand */
        }
    }
    return 2.0 * SUMS * LANES * rounds;
}
