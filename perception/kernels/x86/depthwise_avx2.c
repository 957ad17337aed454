/* A row of a depthwise convolution with 256-bit FMA: four registers of outputs at a time for all
 * taps, so that each weight is fetched once per 32 outputs; then two, of which the second ends with
 * the row and does some outputs again. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

static void taps_stride1(float *y, size_t n, int taps, const float *x, const int *at,
                         const float *w)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;

        for (int j = 0; j < taps; j++) {
            const float *p = x + at[j] + i;
            __m256 v = _mm256_broadcast_ss(w + j);

            s0 = _mm256_fmadd_ps(v, _mm256_loadu_ps(p), s0);
            s1 = _mm256_fmadd_ps(v, _mm256_loadu_ps(p + 8), s1);
            s2 = _mm256_fmadd_ps(v, _mm256_loadu_ps(p + 16), s2);
            s3 = _mm256_fmadd_ps(v, _mm256_loadu_ps(p + 24), s3);
        }
        _mm256_storeu_ps(y + i, s0);
        _mm256_storeu_ps(y + i + 8, s1);
        _mm256_storeu_ps(y + i + 16, s2);
        _mm256_storeu_ps(y + i + 24, s3);
    }
    for (; i < n; i += 16) {
        size_t first = i + 8 <= n ? i : n - 8, second = i + 16 <= n ? i + 8 : n - 8;
        __m256 s0 = _mm256_setzero_ps(), s1 = s0;

        for (int j = 0; j < taps; j++) {
            __m256 v = _mm256_broadcast_ss(w + j);

            s0 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x + at[j] + first), s0);
            s1 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x + at[j] + second), s1);
        }
        _mm256_storeu_ps(y + first, s0);
        _mm256_storeu_ps(y + second, s1);
    }
}

/* Every second of 16 inputs, in the order 0 1 4 5 2 3 6 7; even_order() puts that right once for
 * all taps. */
static inline __m256 evens(const float *p)
{
    return _mm256_shuffle_ps(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), _MM_SHUFFLE(2, 0, 2, 0));
}

static inline __m256 even_order(__m256 s)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(s), _MM_SHUFFLE(3, 1, 2, 0)));
}

static void taps_stride2(float *y, size_t n, int taps, const float *x, const int *at,
                         const float *w)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t first = i + 8 <= n ? i : n - 8, second = i + 16 <= n ? i + 8 : n - 8;
        __m256 s0 = _mm256_setzero_ps(), s1 = s0;

        for (int j = 0; j < taps; j++) {
            __m256 v = _mm256_broadcast_ss(w + j);

            s0 = _mm256_fmadd_ps(v, evens(x + at[j] + 2 * first), s0);
            s1 = _mm256_fmadd_ps(v, evens(x + at[j] + 2 * second), s1);
        }
        _mm256_storeu_ps(y + first, even_order(s0));
        _mm256_storeu_ps(y + second, even_order(s1));
    }
}

static void taps_avx2(float *y, size_t n, int taps, const float *x, const int *at, const float *w,
                      int stride)
{
    if (n < 8 || stride > 2)
        taps_c(y, n, taps, x, at, w, stride);
    else if (stride == 1)
        taps_stride1(y, n, taps, x, at, w);
    else
        taps_stride2(y, n, taps, x, at, w);
}

void depthwise_fill_avx2(struct kernels *k)
{
    k->taps = taps_avx2;
}
