/* Functions of registers, for whatever includes one of vec_*.h before. */
#ifndef OUTRIDER_KERNELS_VEC_MATH_H
#define OUTRIDER_KERNELS_VEC_MATH_H

/* e^x within 2 units in the last place on [-87, 88], clamped to that range. The polynomial is the
 * one of rows_body.h. */
VEC_INLINE vec vec_exp(vec x)
{
    vec v = vec_min(vec_all(88.0f), vec_max(vec_all(-87.0f), x));
    vec n = vec_round(vec_mul(v, vec_all(1.44269504f)));
    vec r = vec_fma(n, vec_all(2.12194440e-4f), vec_fma(n, vec_all(-0.693359375f), v));
    vec p = vec_all(1.3981999e-3f);

    p = vec_fma(p, r, vec_all(8.3334519e-3f));
    p = vec_fma(p, r, vec_all(4.1665796e-2f));
    p = vec_fma(p, r, vec_all(1.6666666e-1f));
    p = vec_fma(p, r, vec_all(5.0000001e-1f));
    p = vec_fma(p, vec_mul(r, r), vec_add(r, vec_all(1.0f)));
    return vec_mul(p, vec_exp2_whole(n));
}

/* 2^t for t in [-126, 126]: the fraction by a polynomial through the Chebyshev nodes of [0, 1], within
 * 3e-7 of it. */
VEC_INLINE vec vec_exp2(vec t)
{
    vec r = vec_fraction(t), p = vec_all(1.89375399e-3f);

    p = vec_fma(p, r, vec_all(8.94959085e-3f));
    p = vec_fma(p, r, vec_all(5.58603369e-2f));
    p = vec_fma(p, r, vec_all(2.40141824e-1f));
    p = vec_fma(p, r, vec_all(6.93154514e-1f));
    p = vec_fma(p, r, vec_all(9.99999881e-1f));
    return vec_times_exp2(p, t);
}

#endif
