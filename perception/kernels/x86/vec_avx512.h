/* One register of sixteen floats: what the channels-last bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC_AVX512_H
#define OUTRIDER_KERNELS_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>

enum { VEC_LANES = 16, VEC_TILE_PIXELS = 14, VEC_TILE_VECTORS = 2 };
typedef __m512 vec;
typedef __mmask16 vec_mask;

#define VEC_INLINE static inline __attribute__((always_inline))

VEC_INLINE vec_mask vec_first(size_t n) /* the first n lanes, n <= 16 */
{
    return (vec_mask)((1u << n) - 1);
}
VEC_INLINE vec vec_all(float v)
{
    return _mm512_set1_ps(v);
}
VEC_INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
VEC_INLINE vec vec_load_some(const float *p, vec_mask m)
{
    return _mm512_maskz_loadu_ps(m, p);
}
VEC_INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}
VEC_INLINE void vec_store_some(float *p, vec_mask m, vec v)
{
    _mm512_mask_storeu_ps(p, m, v);
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
VEC_INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
/* 1 / v to the last but one bit, for normal v with a normal result */
VEC_INLINE vec vec_reciprocal(vec v)
{
    vec r = _mm512_rcp14_ps(v);

    return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(v, r, _mm512_set1_ps(1.0f)), r);
}
VEC_INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c */
{
    return _mm512_fmadd_ps(a, b, c);
}
/* b where either is NaN */
VEC_INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}
VEC_INLINE vec vec_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}
/* 2^n for whole n in [-126, 127] */
VEC_INLINE vec vec_exp2_whole(vec n)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
VEC_INLINE vec vec_round(vec v)
{
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* t - floor(t) */
VEC_INLINE vec vec_fraction(vec t)
{
    return _mm512_reduce_ps(t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* v 2^floor(t) for t in [-126, 127] */
VEC_INLINE vec vec_times_exp2(vec v, vec t)
{
    return _mm512_scalef_ps(v, t);
}

#endif
