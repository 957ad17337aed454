#include <immintrin.h>

#include "perception/kernels/peak.h"

/* Two units, four cycles from operand to sum: eight chains keep them busy, twelve surely. */
enum { SUMS = 12, LANES = 64 };

double peak_int8_vnni(int rounds)
{
    __m512i sum[SUMS], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);

#pragma GCC unroll 12
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_setzero_si512();
    for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) {
            sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
            __asm__ volatile("" : "+v"(sum[i])); /* nothing may be computed beforehand */
        }
    }
    return 2.0 * SUMS * LANES * rounds;
}
