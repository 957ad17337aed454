#include <immintrin.h>

#include "perception/kernels/peak.h"

/* Two units, four cycles from operand to sum: eight chains keep them busy, twelve surely. */
enum { SUMS = 12, LANES = 16 };

double peak_fma_avx512(int rounds)
{
    __m512 sum[SUMS], a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(1.0f);

#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_setzero_ps();
    for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) {
            sum[i] = _mm512_fmadd_ps(sum[i], a, b);
            __asm__ volatile("" : "+v"(sum[i])); /* nothing may be computed beforehand */
        }
    }
    return 2.0 * SUMS * LANES * rounds;
}
