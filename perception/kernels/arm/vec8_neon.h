/* Whole numbers beside vec_neon.h: what the 8-bit bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC8_NEON_H
#define OUTRIDER_KERNELS_VEC8_NEON_H

#include <stdint.h>

#include "perception/kernels/arm/vec_neon.h"

typedef int32x4_t ints;
typedef struct {
    int16x8_t even, odd;
} fours; /* four bytes per lane, of weights or of the picture, as 16 bits: 0 and 2, 1 and 3 */

VEC_INLINE vec vec_quotient(vec a, vec b, vec inverse) /* a / b, rounded once */
{
    (void)inverse;
    return vdivq_f32(a, b);
}
VEC_INLINE ints ints_all(int32_t v)
{
    return vdupq_n_s32(v);
}
VEC_INLINE ints ints_load(const int32_t *p)
{
    return vld1q_s32(p);
}
VEC_INLINE ints ints_load_some(const int32_t *p, int n)
{
    int32_t lane[VEC_LANES] = {0};

    memcpy(lane, p, (size_t)n * sizeof *p);
    return vld1q_s32(lane);
}
VEC_INLINE void ints_store(int32_t *p, ints v)
{
    vst1q_s32(p, v);
}
VEC_INLINE ints ints_of_bytes(const uint8_t *p, int n) /* 0 beyond n */
{
    uint8_t lane[8] = {0};

    memcpy(lane, p, (size_t)n);
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vld1_u8(lane)))));
}
VEC_INLINE ints ints_add(ints a, ints b)
{
    return vaddq_s32(a, b);
}
/* v, to be in a register here, so that what is done next does not drive it out of a loop before. */
VEC_INLINE ints ints_settled(ints v)
{
    __asm__ volatile("" : "+w"(v));
    return v;
}
/* sum + the low halves of a and b, multiplied */
VEC_INLINE ints ints_mad(ints sum, ints a, ints b)
{
    return vmlal_s16(sum, vmovn_s32(a), vmovn_s32(b));
}
VEC_INLINE vec vec_of_ints(ints v)
{
    return vcvtq_f32_s32(v);
}
VEC_INLINE vec vec_of_bytes(const uint8_t *p, int n)
{
    return vec_of_ints(ints_of_bytes(p, n));
}
/* v rounded, plus zero: 0..255 */
VEC_INLINE void vec_store_bytes(uint8_t *p, int n, vec v, int zero)
{
    int32x4_t whole = vaddq_s32(vcvtnq_s32_f32(v), vdupq_n_s32(zero));
    uint16x4_t half = vmovn_u32(vreinterpretq_u32_s32(whole));
    uint8_t lane[8];

    vst1_u8(lane, vmovn_u16(vcombine_u16(half, half)));
    memcpy(p, lane, (size_t)n);
}
VEC_INLINE vec vec_abs(vec v)
{
    return vabsq_f32(v);
}
/* Of numbers >= 0 what is whole in them, last at most; last < 16. */
VEC_INLINE ints ints_below(vec v, int last)
{
    return vreinterpretq_s32_u32(vminq_u32(vcvtq_u32_f32(v), vdupq_n_u32((uint32_t)last)));
}
VEC_INLINE vec vec_pick(const float table[16], ints at)
{
    int32_t lane[VEC_LANES];
    float picked[VEC_LANES];

    vst1q_s32(lane, at);
    for (int i = 0; i < VEC_LANES; i++)
        picked[i] = table[lane[i]];
    return vld1q_f32(picked);
}
/* p 2^n for whole n, 0 or much for those far out */
VEC_INLINE vec vec_scale_exp2(vec p, vec n)
{
    return vec_mul(
        p, vec_exp2_whole(vminq_f32(vdupq_n_f32(126.0f), vmaxq_f32(vdupq_n_f32(-126.0f), n))));
}
VEC_INLINE vec vec_reciprocal_rough(vec v) /* to 13 bits or more */
{
    float32x4_t r = vrecpeq_f32(v);

    return vmulq_f32(r, vrecpsq_f32(v, r));
}

/* Four registers of numbers below 2^31 as bytes: rounded, plus zero, saturated. */
typedef uint8x16_t bytes;
VEC_INLINE bytes bytes_of(vec a, vec b, vec c, vec d, int zero)
{
    const int16x8_t add = vdupq_n_s16((int16_t)zero);
    int16x8_t ab = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(a)), vqmovn_s32(vcvtnq_s32_f32(b)));
    int16x8_t cd = vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(c)), vqmovn_s32(vcvtnq_s32_f32(d)));

    return vcombine_u8(vqmovun_s16(vaddq_s16(ab, add)), vqmovun_s16(vaddq_s16(cd, add)));
}
VEC_INLINE bytes bytes_all(int v)
{
    return vdupq_n_u8((uint8_t)v);
}
VEC_INLINE bytes bytes_max(bytes a, bytes b)
{
    return vmaxq_u8(a, b);
}
/* n of what came of a and b, or of c and d */
VEC_INLINE void bytes_store_half(uint8_t *p, int n, bytes v, const int half)
{
    uint8_t lane[16];

    vst1q_u8(lane, v);
    memcpy(p, lane + 8 * half, (size_t)n);
}
VEC_INLINE fours fours_load(const int8_t *p)
{
    int16x8_t v = vreinterpretq_s16_s8(vld1q_s8(p));

    return (fours){vshrq_n_s16(vshlq_n_s16(v, 8), 8), vshrq_n_s16(v, 8)};
}
VEC_INLINE fours fours_spread(const uint8_t *p) /* the same four in every lane */
{
    uint32_t four;
    uint16x8_t v;

    memcpy(&four, p, sizeof four);
    v = vreinterpretq_u16_u32(vdupq_n_u32(four));
    return (fours){vreinterpretq_s16_u16(vandq_u16(v, vdupq_n_u16(255))),
                   vreinterpretq_s16_u16(vshrq_n_u16(v, 8))};
}
VEC_INLINE ints ints_dot(ints sum, fours x, fours w)
{
    int32x4_t low = vmull_s16(vget_low_s16(x.even), vget_low_s16(w.even));
    int32x4_t high = vmull_high_s16(x.even, w.even);

    low = vmlal_s16(low, vget_low_s16(x.odd), vget_low_s16(w.odd));
    high = vmlal_high_s16(high, x.odd, w.odd);
    return vaddq_s32(sum, vpaddq_s32(low, high));
}

#endif
