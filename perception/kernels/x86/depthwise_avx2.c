/* A row of a depthwise convolution with 256-bit FMA: four registers of outputs at a time for all
 * taps, so that each weight is fetched once per 32 outputs; the rest one register at a time. */
#include <immintrin.h>

#include "perception/kernels/kernels_internal.h"

/* The first n of eight lanes. */
static inline __m256i lanes(size_t n)
{
    const __m256i at = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);

    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), at);
}

static void taps_stride1(float *y, size_t n, int taps, const float *const *x, const float *w)
{
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;

        for (int j = 0; j < taps; j++) {
            __m256 v = _mm256_broadcast_ss(w + j);

            s0 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x[j] + i), s0);
            s1 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x[j] + i + 8), s1);
            s2 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x[j] + i + 16), s2);
            s3 = _mm256_fmadd_ps(v, _mm256_loadu_ps(x[j] + i + 24), s3);
        }
        _mm256_storeu_ps(y + i, s0);
        _mm256_storeu_ps(y + i + 8, s1);
        _mm256_storeu_ps(y + i + 16, s2);
        _mm256_storeu_ps(y + i + 24, s3);
    }
    for (; i < n; i += 8) {
        __m256i mask = lanes(n - i < 8 ? n - i : 8);
        __m256 s = _mm256_setzero_ps();

        for (int j = 0; j < taps; j++)
            s = _mm256_fmadd_ps(_mm256_broadcast_ss(w + j), _mm256_maskload_ps(x[j] + i, mask), s);
        _mm256_maskstore_ps(y + i, mask, s);
    }
}

/* Every second of 16 inputs, in the order 0 1 4 5 2 3 6 7; even_order() puts that right once for
 * all taps. */
static inline __m256 evens(__m256 a, __m256 b)
{
    return _mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0));
}

static inline __m256 even_order(__m256 s)
{
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(s), _MM_SHUFFLE(3, 1, 2, 0)));
}

static void taps_stride2(float *y, size_t n, int taps, const float *const *x, const float *w)
{
    size_t i = 0;

    /* The last input of a register pair lies one behind what the outputs need, hence 17 and 9. */
    for (; i + 17 <= n; i += 16) {
        __m256 s0 = _mm256_setzero_ps(), s1 = s0;

        for (int j = 0; j < taps; j++) {
            const float *p = x[j] + 2 * i;
            __m256 v = _mm256_broadcast_ss(w + j);

            s0 = _mm256_fmadd_ps(v, evens(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)), s0);
            s1 = _mm256_fmadd_ps(v, evens(_mm256_loadu_ps(p + 16), _mm256_loadu_ps(p + 24)), s1);
        }
        _mm256_storeu_ps(y + i, even_order(s0));
        _mm256_storeu_ps(y + i + 8, even_order(s1));
    }
    for (; i < n; i += 8) {
        size_t left = n - i < 8 ? n - i : 8, need = 2 * left - 1;
        __m256i low = lanes(need < 8 ? need : 8), high = lanes(need < 8 ? 0 : need - 8);
        __m256 s = _mm256_setzero_ps();

        for (int j = 0; j < taps; j++) {
            const float *p = x[j] + 2 * i;

            s = _mm256_fmadd_ps(_mm256_broadcast_ss(w + j),
                                evens(_mm256_maskload_ps(p, low), _mm256_maskload_ps(p + 8, high)),
                                s);
        }
        _mm256_maskstore_ps(y + i, lanes(left), even_order(s));
    }
}

static void taps_avx2(float *y, size_t n, int taps, const float *const *x, const float *w,
                      int stride)
{
    if (stride == 1)
        taps_stride1(y, n, taps, x, w);
    else if (stride == 2)
        taps_stride2(y, n, taps, x, w);
    else
        taps_c(y, n, taps, x, w, stride);
}

void depthwise_fill_avx2(struct kernels *k)
{
    k->taps = taps_avx2;
}
