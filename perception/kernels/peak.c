#include "perception/kernels/peak.h"

#include "perception/kernels/kernels.h"

/* Four floats at a time: what every machine that the plain C kernels are compiled for has. */
typedef float four __attribute__((vector_size(16)));
enum { SUMS = 12, LANES = 4 };

static double peak_fma_c(int rounds)
{
    four sum[SUMS] = {{0}}, a = {0.5f, 0.5f, 0.5f, 0.5f}, b = {1, 2, 3, 4};

    for (int r = 0; r < rounds; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++) {
            sum[i] = sum[i] * a + b;
#if defined(__x86_64__)
            __asm__ volatile("" : "+x"(sum[i])); /* nothing may be computed beforehand */
#elif defined(__aarch64__)
            __asm__ volatile("" : "+w"(sum[i]));
#endif
        }
    }
    return 2.0 * SUMS * LANES * rounds;
}

double peak_fma(unsigned cpu, int rounds)
{
#if defined(__x86_64__)
    if (cpu & CPU_AVX512)
        return peak_fma_avx512(rounds);
    if (cpu & CPU_AVX2)
        return peak_fma_avx2(rounds);
#endif
    (void)cpu;
    return peak_fma_c(rounds);
}

double peak_int8(unsigned cpu, int rounds)
{
#if defined(__x86_64__)
    if (cpu & CPU_VNNI)
        return peak_int8_vnni(rounds);
#endif
    (void)cpu, (void)rounds;
    return 0;
}
