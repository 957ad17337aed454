/* Whole numbers beside vec_avx2.h: what the 8-bit bodies are written in. Bytes are widened to 16 bits
 * before they are multiplied: the instruction on bytes themselves saturates. */
#ifndef OUTRIDER_KERNELS_VEC8_AVX2_H
#define OUTRIDER_KERNELS_VEC8_AVX2_H

#include <stdint.h>
#include <string.h>

#include "perception/kernels/x86/vec_avx2.h"

typedef __m256i ints;
typedef struct {
    __m256i even, odd;
} fours; /* four bytes per lane, of weights or of the picture, as 16 bits: 0 and 2, 1 and 3 */

/* a / b, rounded once: a product with 1 / b, mended by what is left over. */
VEC_INLINE vec vec_quotient(vec a, vec b, vec inverse)
{
    vec q = _mm256_mul_ps(a, inverse);

    return _mm256_fmadd_ps(_mm256_fnmadd_ps(q, b, a), inverse, q);
}
VEC_INLINE ints ints_all(int32_t v)
{
    return _mm256_set1_epi32(v);
}
VEC_INLINE ints ints_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
VEC_INLINE ints ints_load_some(const int32_t *p, int n)
{
    return _mm256_maskload_epi32(p, vec_first((size_t)n));
}
VEC_INLINE void ints_store(int32_t *p, ints v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}
VEC_INLINE ints ints_of_bytes(const uint8_t *p, int n) /* 0 beyond n */
{
    uint64_t eight = 0;

    if (n == VEC_LANES)
        memcpy(&eight, p, sizeof eight);
    else
        memcpy(&eight, p, (size_t)n);
    return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)eight));
}
VEC_INLINE ints ints_add(ints a, ints b)
{
    return _mm256_add_epi32(a, b);
}
/* v, to be in a register here, so that what is done next does not drive it out of a loop before. */
VEC_INLINE ints ints_settled(ints v)
{
    __asm__ volatile("" : "+x"(v));
    return v;
}
/* sum + the low halves of a and b, multiplied; the high half of b is 0 */
VEC_INLINE ints ints_mad(ints sum, ints a, ints b)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
VEC_INLINE vec vec_of_ints(ints v)
{
    return _mm256_cvtepi32_ps(v);
}
VEC_INLINE vec vec_of_bytes(const uint8_t *p, int n)
{
    return vec_of_ints(ints_of_bytes(p, n));
}
/* v rounded, plus zero: 0..255 */
VEC_INLINE void vec_store_bytes(uint8_t *p, int n, vec v, int zero)
{
    __m256i i = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(zero));
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1));
    int64_t eight = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));

    if (n == VEC_LANES)
        memcpy(p, &eight, sizeof eight);
    else
        memcpy(p, &eight, (size_t)n);
}
VEC_INLINE vec vec_abs(vec v)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}
/* Of numbers >= 0 what is whole in them, last at most; last < 16. */
VEC_INLINE ints ints_below(vec v, int last)
{
    return _mm256_min_epu32(_mm256_cvttps_epi32(v), _mm256_set1_epi32(last));
}
VEC_INLINE vec vec_pick(const float table[16], ints at)
{
    vec low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), at);
    vec high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), at);

    return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(at, 28)));
}
/* p 2^n for whole n, 0 or much for those far out */
VEC_INLINE vec vec_scale_exp2(vec p, vec n)
{
    return _mm256_mul_ps(
        p, vec_exp2_whole(_mm256_min_ps(vec_all(126.0f), _mm256_max_ps(vec_all(-126.0f), n))));
}
VEC_INLINE vec vec_reciprocal_rough(vec v) /* to 13 bits or more */
{
    vec r = _mm256_rcp_ps(v);

    return _mm256_fmadd_ps(r, _mm256_fnmadd_ps(v, r, vec_all(1.0f)), r);
}

/* Four registers of numbers below 2^31 as bytes: rounded, plus zero, saturated. */
typedef __m256i bytes;
VEC_INLINE bytes bytes_of(vec a, vec b, vec c, vec d, int zero)
{
    const __m256i add = _mm256_set1_epi16((short)zero);
    __m256i ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
    __m256i cd = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));

    return _mm256_permutevar8x32_epi32(
        _mm256_packus_epi16(_mm256_add_epi16(ab, add), _mm256_add_epi16(cd, add)),
        _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
VEC_INLINE bytes bytes_all(int v)
{
    return _mm256_set1_epi8((char)v);
}
VEC_INLINE bytes bytes_max(bytes a, bytes b)
{
    return _mm256_max_epu8(a, b);
}
/* n of what came of a and b, or of c and d */
VEC_INLINE void bytes_store_half(uint8_t *p, int n, bytes v, const int half)
{
    __m128i some = half ? _mm256_extracti128_si256(v, 1) : _mm256_castsi256_si128(v);

    memcpy(p, &some, (size_t)n);
}
VEC_INLINE fours fours_load(const int8_t *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);

    return (fours){_mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8), _mm256_srai_epi16(v, 8)};
}
VEC_INLINE fours fours_spread(const uint8_t *p) /* the same four in every lane */
{
    int32_t four;
    __m256i v;

    memcpy(&four, p, sizeof four);
    v = _mm256_set1_epi32(four);
    return (fours){_mm256_and_si256(v, _mm256_set1_epi16(255)), _mm256_srli_epi16(v, 8)};
}
VEC_INLINE ints ints_dot(ints sum, fours x, fours w)
{
    return _mm256_add_epi32(
        sum, _mm256_add_epi32(_mm256_madd_epi16(x.even, w.even), _mm256_madd_epi16(x.odd, w.odd)));
}

#endif
