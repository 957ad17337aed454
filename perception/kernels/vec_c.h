/* A register of four floats for any machine: the reference that the channels-last bodies are
 * compiled with first. */
#ifndef OUTRIDER_KERNELS_VEC_C_H
#define OUTRIDER_KERNELS_VEC_C_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VEC_LANES = 4, VEC_TILE_PIXELS = 4, VEC_TILE_VECTORS = 2 };
typedef struct {
    float lane[VEC_LANES];
} vec;
typedef size_t vec_mask;

#define VEC_INLINE static inline __attribute__((always_inline))
#define VEC_EACH(name, parameters, expression)                                                     \
    VEC_INLINE vec name parameters                                                                 \
    {                                                                                              \
        vec r;                                                                                     \
        for (int i = 0; i < VEC_LANES; i++)                                                        \
            r.lane[i] = expression;                                                                \
        return r;                                                                                  \
    }

VEC_INLINE vec_mask vec_first(size_t n) /* the first n lanes, n <= 4 */
{
    return n;
}
VEC_EACH(vec_all, (float v), v)
VEC_EACH(vec_load, (const float *p), p[i])
VEC_EACH(vec_load_some, (const float *p, vec_mask m), (size_t)i < m ? p[i] : 0.0f)
VEC_EACH(vec_add, (vec a, vec b), a.lane[i] + b.lane[i])
VEC_EACH(vec_sub, (vec a, vec b), a.lane[i] - b.lane[i])
VEC_EACH(vec_mul, (vec a, vec b), a.lane[i] * b.lane[i])
VEC_EACH(vec_div, (vec a, vec b), a.lane[i] / b.lane[i])
VEC_EACH(vec_reciprocal, (vec v), 1.0f / v.lane[i])
VEC_EACH(vec_fma, (vec a, vec b, vec c), a.lane[i] * b.lane[i] + c.lane[i]) /* a b + c */
/* b where either is NaN */
VEC_EACH(vec_max, (vec a, vec b), a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i])
VEC_EACH(vec_min, (vec a, vec b), a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i])
VEC_EACH(vec_round, (vec v), rintf(v.lane[i]))
VEC_INLINE vec vec_exp2_whole(vec n) /* 2^n for whole n in [-126, 127] */
{
    vec r;

    for (int i = 0; i < VEC_LANES; i++) {
        uint32_t bits = (uint32_t)((int32_t)n.lane[i] + 127) << 23;

        memcpy(&r.lane[i], &bits, sizeof bits);
    }
    return r;
}
VEC_INLINE void vec_store(float *p, vec v)
{
    memcpy(p, v.lane, sizeof v.lane);
}
VEC_INLINE void vec_store_some(float *p, vec_mask m, vec v)
{
    memcpy(p, v.lane, m * sizeof *p);
}

VEC_EACH(vec_floor, (vec v), floorf(v.lane[i]))
/* t - floor(t) */
VEC_INLINE vec vec_fraction(vec t)
{
    return vec_sub(t, vec_floor(t));
}
/* v 2^floor(t) for t in [-126, 127] */
VEC_INLINE vec vec_times_exp2(vec v, vec t)
{
    return vec_mul(v, vec_exp2_whole(vec_floor(t)));
}

#endif
