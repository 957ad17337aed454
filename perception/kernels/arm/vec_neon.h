/* One register of four floats: what the channels-last bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC_NEON_H
#define OUTRIDER_KERNELS_VEC_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <string.h>

enum { VEC_LANES = 4, VEC_TILE_PIXELS = 12, VEC_TILE_VECTORS = 2 };
typedef float32x4_t vec;
typedef size_t vec_mask;

#define VEC_INLINE static inline __attribute__((always_inline))

VEC_INLINE vec_mask vec_first(size_t n) /* the first n lanes, n <= 4 */
{
    return n;
}
VEC_INLINE vec vec_all(float v)
{
    return vdupq_n_f32(v);
}
VEC_INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}
VEC_INLINE vec vec_load_some(const float *p, vec_mask m)
{
    float lane[VEC_LANES] = {0};

    memcpy(lane, p, m * sizeof *p);
    return vld1q_f32(lane);
}
VEC_INLINE void vec_store(float *p, vec v)
{
    vst1q_f32(p, v);
}
VEC_INLINE void vec_store_some(float *p, vec_mask m, vec v)
{
    float lane[VEC_LANES];

    vst1q_f32(lane, v);
    memcpy(p, lane, m * sizeof *p);
}
VEC_INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}
VEC_INLINE vec vec_sub(vec a, vec b)
{
    return vsubq_f32(a, b);
}
VEC_INLINE vec vec_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}
VEC_INLINE vec vec_div(vec a, vec b)
{
    return vdivq_f32(a, b);
}
VEC_INLINE vec vec_reciprocal(vec v)
{
    return vdivq_f32(vdupq_n_f32(1.0f), v);
}
VEC_INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c */
{
    return vfmaq_f32(c, a, b);
}
/* b where either is NaN */
VEC_INLINE vec vec_max(vec a, vec b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
VEC_INLINE vec vec_min(vec a, vec b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}
/* 2^n for whole n in [-126, 127] */
VEC_INLINE vec vec_exp2_whole(vec n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
VEC_INLINE vec vec_round(vec v)
{
    return vrndnq_f32(v);
}

/* t - floor(t) */
VEC_INLINE vec vec_fraction(vec t)
{
    return vec_sub(t, vrndmq_f32(t));
}
/* v 2^floor(t) for t in [-126, 127] */
VEC_INLINE vec vec_times_exp2(vec v, vec t)
{
    return vec_mul(v, vec_exp2_whole(vrndmq_f32(t)));
}

#endif
