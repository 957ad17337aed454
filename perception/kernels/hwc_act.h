/* Activations over the register operations of vec_*.h, which the includer has included: what the
 * channels-last bodies share. */
#ifndef OUTRIDER_KERNELS_HWC_ACT_H
#define OUTRIDER_KERNELS_HWC_ACT_H

#include "perception/kernels/kernels.h"
#include "perception/kernels/vec_math.h"

VEC_INLINE vec vec_clamp(vec v, vec lo, vec hi)
{
    return vec_min(hi, vec_max(lo, v));
}

/* 1 / (1 + e^-x), as exact as if x were half a unit in its last place elsewhere */
VEC_INLINE vec vec_sigmoid(vec x)
{
    vec t = vec_mul(x, vec_all(-1.44269504f));

    t = vec_clamp(t, vec_all(-126.0f), vec_all(126.0f));
    return vec_reciprocal(vec_add(vec_all(1.0f), vec_exp2(t)));
}

/* act is a constant at every call. */
VEC_INLINE vec vec_act(enum act act, vec v, vec a, vec b)
{
    const vec zero = vec_all(0.0f), one = vec_all(1.0f);

    switch (act) {
    case ACT_RELU:
        return vec_max(zero, v);
    case ACT_CLIP:
        return vec_clamp(v, a, b);
    case ACT_LEAKY:
        return vec_fma(a, vec_min(zero, v), vec_max(zero, v));
    case ACT_SIGMOID:
        return vec_sigmoid(v);
    case ACT_TANH: /* 2 sigmoid(2 v) - 1 */
        return vec_sub(vec_mul(vec_all(2.0f), vec_sigmoid(vec_add(v, v))), one);
    case ACT_SILU:
        return vec_mul(v, vec_sigmoid(v));
    case ACT_HARDSIGMOID:
        return vec_clamp(vec_fma(a, v, b), zero, one);
    case ACT_HARDSWISH:
        return vec_mul(v, vec_clamp(vec_fma(v, vec_all(1.0f / 6.0f), vec_all(0.5f)), zero, one));
    default:
        return v;
    }
}

#endif
