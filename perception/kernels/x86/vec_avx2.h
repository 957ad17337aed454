/* One register of eight floats: what the channels-last bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC_AVX2_H
#define OUTRIDER_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>

enum { VEC_LANES = 8, VEC_TILE_PIXELS = 6, VEC_TILE_VECTORS = 2 };
typedef __m256 vec;
typedef __m256i vec_mask;

#define VEC_INLINE static inline __attribute__((always_inline))

VEC_INLINE vec_mask vec_first(size_t n) /* the first n lanes, n <= 8 */
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
VEC_INLINE vec vec_all(float v)
{
    return _mm256_set1_ps(v);
}
VEC_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
VEC_INLINE vec vec_load_some(const float *p, vec_mask m)
{
    return _mm256_maskload_ps(p, m);
}
VEC_INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}
VEC_INLINE void vec_store_some(float *p, vec_mask m, vec v)
{
    _mm256_maskstore_ps(p, m, v);
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
VEC_INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}
/* 1 / v to the last but one bit, for normal v with a normal result */
VEC_INLINE vec vec_reciprocal(vec v)
{
    const vec one = _mm256_set1_ps(1.0f);
    vec r = _mm256_rcp_ps(v);

    r = _mm256_fmadd_ps(r, _mm256_fnmadd_ps(v, r, one), r);
    return _mm256_fmadd_ps(r, _mm256_fnmadd_ps(v, r, one), r);
}
VEC_INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c */
{
    return _mm256_fmadd_ps(a, b, c);
}
/* b where either is NaN */
VEC_INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}
VEC_INLINE vec vec_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}
/* 2^n for whole n in [-126, 127] */
VEC_INLINE vec vec_exp2_whole(vec n)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
VEC_INLINE vec vec_round(vec v)
{
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* t - floor(t) */
VEC_INLINE vec vec_fraction(vec t)
{
    return vec_sub(t, _mm256_floor_ps(t));
}
/* v 2^floor(t) for t in [-126, 127] */
VEC_INLINE vec vec_times_exp2(vec v, vec t)
{
    return vec_mul(v, vec_exp2_whole(_mm256_floor_ps(t)));
}

#endif
