/* Whole numbers beside vec_avx512.h: what the 8-bit bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC8_VNNI_H
#define OUTRIDER_KERNELS_VEC8_VNNI_H

#include <stdint.h>
#include <string.h>

#include "perception/kernels/x86/vec_avx512.h"

typedef __m512i ints, fours; /* four bytes per lane, of weights or of the picture */

/* a / b, rounded once: a product with 1 / b, mended by what is left over. */
VEC_INLINE vec vec_quotient(vec a, vec b, vec inverse)
{
    vec q = _mm512_mul_ps(a, inverse);

    return _mm512_fmadd_ps(_mm512_fnmadd_ps(q, b, a), inverse, q);
}
VEC_INLINE ints ints_all(int32_t v)
{
    return _mm512_set1_epi32(v);
}
VEC_INLINE ints ints_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
VEC_INLINE ints ints_load_some(const int32_t *p, int n)
{
    return _mm512_maskz_loadu_epi32(vec_first((size_t)n), p);
}
VEC_INLINE void ints_store(int32_t *p, ints v)
{
    _mm512_storeu_si512(p, v);
}
VEC_INLINE ints ints_of_bytes(const uint8_t *p, int n) /* 0 beyond n */
{
    return _mm512_cvtepu8_epi32(n == VEC_LANES ? _mm_loadu_si128((const __m128i *)(const void *)p)
                                               : _mm_maskz_loadu_epi8(vec_first((size_t)n), p));
}
VEC_INLINE ints ints_add(ints a, ints b)
{
    return _mm512_add_epi32(a, b);
}
/* v, to be in a register here, so that what is done next does not drive it out of a loop before. */
VEC_INLINE ints ints_settled(ints v)
{
    __asm__ volatile("" : "+v"(v));
    return v;
}
/* sum + the low halves of a and b, multiplied; the high half of b is 0 */
VEC_INLINE ints ints_mad(ints sum, ints a, ints b)
{
    return _mm512_dpwssd_epi32(sum, a, b);
}
VEC_INLINE vec vec_of_ints(ints v)
{
    return _mm512_cvtepi32_ps(v);
}
VEC_INLINE vec vec_of_bytes(const uint8_t *p, int n)
{
    return vec_of_ints(ints_of_bytes(p, n));
}
/* v rounded, plus zero: 0..255 */
VEC_INLINE void vec_store_bytes(uint8_t *p, int n, vec v, int zero)
{
    __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v));

    bytes = _mm_add_epi8(bytes, _mm_set1_epi8((char)zero)); /* wraps around to what it should be */
    if (n == VEC_LANES)
        _mm_storeu_si128((__m128i *)(void *)p, bytes);
    else
        _mm_mask_storeu_epi8(p, vec_first((size_t)n), bytes);
}
VEC_INLINE vec vec_abs(vec v)
{
    return _mm512_abs_ps(v);
}
/* Of numbers >= 0 what is whole in them, last at most; last < 16. */
VEC_INLINE ints ints_below(vec v, int last)
{
    return _mm512_min_epu32(_mm512_cvttps_epi32(v), _mm512_set1_epi32(last));
}
VEC_INLINE vec vec_pick(const float table[16], ints at)
{
    return _mm512_permutexvar_ps(at, _mm512_loadu_ps(table));
}
/* p 2^n for whole n */
VEC_INLINE vec vec_scale_exp2(vec p, vec n)
{
    return _mm512_scalef_ps(p, n);
}
VEC_INLINE vec vec_reciprocal_rough(vec v) /* to 13 bits or more */
{
    return _mm512_rcp14_ps(v);
}

/* Four registers of numbers below 2^31 as bytes: rounded, plus zero, saturated. */
typedef __m512i bytes;
VEC_INLINE bytes bytes_of(vec a, vec b, vec c, vec d, int zero)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i add = _mm512_set1_epi16((short)zero);
    __m512i ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    __m512i cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));

    return _mm512_permutexvar_epi32(
        order, _mm512_packus_epi16(_mm512_add_epi16(ab, add), _mm512_add_epi16(cd, add)));
}
VEC_INLINE bytes bytes_all(int v)
{
    return _mm512_set1_epi8((char)v);
}
VEC_INLINE bytes bytes_max(bytes a, bytes b)
{
    return _mm512_max_epu8(a, b);
}
/* n of what came of a and b, or of c and d */
VEC_INLINE void bytes_store_half(uint8_t *p, int n, bytes v, const int half)
{
    __m256i some = half ? _mm512_extracti64x4_epi64(v, 1) : _mm512_castsi512_si256(v);

    if (n == 2 * VEC_LANES)
        _mm256_storeu_si256((__m256i *)(void *)p, some);
    else
        _mm256_mask_storeu_epi8(p, (__mmask32)((1u << n) - 1), some);
}
VEC_INLINE fours fours_load(const int8_t *p)
{
    return _mm512_loadu_si512(p);
}
VEC_INLINE fours fours_spread(const uint8_t *p) /* the same four in every lane */
{
    int32_t four;

    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
VEC_INLINE ints ints_dot(ints sum, fours x, fours w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}

#endif
