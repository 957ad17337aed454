/* A row of a depthwise convolution with 512-bit FMA. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

/* The first n of sixteen lanes. */
static inline __mmask16 lanes(size_t n)
{
    return n < 16 ? (__mmask16)((1u << n) - 1) : (__mmask16)0xffff;
}

static void taps_stride1(float *y, size_t n, int taps, const float *x, const int *at,
                         const float *w)
{
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;

        for (int j = 0; j < taps; j++) {
            __m512 v = _mm512_set1_ps(w[j]);

            s0 = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + at[j] + i), s0);
            s1 = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + at[j] + i + 16), s1);
            s2 = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + at[j] + i + 32), s2);
            s3 = _mm512_fmadd_ps(v, _mm512_loadu_ps(x + at[j] + i + 48), s3);
        }
        _mm512_storeu_ps(y + i, s0);
        _mm512_storeu_ps(y + i + 16, s1);
        _mm512_storeu_ps(y + i + 32, s2);
        _mm512_storeu_ps(y + i + 48, s3);
    }
    for (; i < n; i += 16) {
        __mmask16 mask = lanes(n - i);
        __m512 s = _mm512_setzero_ps();

        for (int j = 0; j < taps; j++)
            s = _mm512_fmadd_ps(_mm512_set1_ps(w[j]), _mm512_maskz_loadu_ps(mask, x + at[j] + i),
                                s);
        _mm512_mask_storeu_ps(y + i, mask, s);
    }
}

static void taps_stride2(float *y, size_t n, int taps, const float *x, const int *at,
                         const float *w)
{
    const __m512i evens =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);

    for (size_t i = 0; i < n; i += 16) {
        size_t left = n - i < 16 ? n - i : 16, need = 2 * left - 1;
        __mmask16 low = lanes(need), high = need > 16 ? lanes(need - 16) : 0;
        __m512 s = _mm512_setzero_ps();

        for (int j = 0; j < taps; j++) {
            const float *p = x + at[j] + 2 * i;

            s = _mm512_fmadd_ps(_mm512_set1_ps(w[j]),
                                _mm512_permutex2var_ps(_mm512_maskz_loadu_ps(low, p), evens,
                                                       _mm512_maskz_loadu_ps(high, p + 16)),
                                s);
        }
        _mm512_mask_storeu_ps(y + i, lanes(left), s);
    }
}

static void taps_avx512(float *y, size_t n, int taps, const float *x, const int *at, const float *w,
                        int stride)
{
    if (stride == 1)
        taps_stride1(y, n, taps, x, at, w);
    else if (stride == 2)
        taps_stride2(y, n, taps, x, at, w);
    else
        taps_c(y, n, taps, x, at, w, stride);
}

void depthwise_fill_avx512(struct kernels *k)
{
    k->taps = taps_avx512;
}
