/* Whole numbers beside vec_c.h: what the 8-bit bodies are written in. */
#ifndef OUTRIDER_KERNELS_VEC8_C_H
#define OUTRIDER_KERNELS_VEC8_C_H

#include "perception/kernels/vec_c.h"

typedef struct {
    int32_t lane[VEC_LANES];
} ints;
typedef struct {
    int16_t byte[VEC_LANES][4];
} fours; /* four bytes per lane, of weights or of the picture */

VEC_INLINE vec vec_quotient(vec a, vec b, vec inverse) /* a / b, rounded once */
{
    (void)inverse;
    return vec_div(a, b);
}
VEC_INLINE ints ints_all(int32_t v)
{
    return (ints){{v, v, v, v}};
}
VEC_INLINE ints ints_load(const int32_t *p)
{
    ints r;

    memcpy(r.lane, p, sizeof r.lane);
    return r;
}
VEC_INLINE ints ints_load_some(const int32_t *p, int n)
{
    ints r = {{0}};

    memcpy(r.lane, p, (size_t)n * sizeof *p);
    return r;
}
VEC_INLINE void ints_store(int32_t *p, ints v)
{
    memcpy(p, v.lane, sizeof v.lane);
}
VEC_INLINE ints ints_of_bytes(const uint8_t *p, int n) /* 0 beyond n */
{
    ints r = {{0}};

    for (int i = 0; i < n; i++)
        r.lane[i] = p[i];
    return r;
}
VEC_INLINE ints ints_add(ints a, ints b)
{
    for (int i = 0; i < VEC_LANES; i++)
        a.lane[i] += b.lane[i];
    return a;
}
VEC_INLINE ints ints_settled(ints v)
{
    return v;
}
/* sum + the low halves of a and b, multiplied */
VEC_INLINE ints ints_mad(ints sum, ints a, ints b)
{
    for (int i = 0; i < VEC_LANES; i++)
        sum.lane[i] += (int16_t)a.lane[i] * (int16_t)b.lane[i];
    return sum;
}
VEC_INLINE vec vec_of_ints(ints v)
{
    vec r;

    for (int i = 0; i < VEC_LANES; i++)
        r.lane[i] = (float)v.lane[i];
    return r;
}
VEC_INLINE vec vec_of_bytes(const uint8_t *p, int n)
{
    return vec_of_ints(ints_of_bytes(p, n));
}
/* v rounded, plus zero: 0..255 */
VEC_INLINE void vec_store_bytes(uint8_t *p, int n, vec v, int zero)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t)((int)rintf(v.lane[i]) + zero);
}
VEC_INLINE vec vec_abs(vec v)
{
    for (int i = 0; i < VEC_LANES; i++)
        v.lane[i] = fabsf(v.lane[i]);
    return v;
}
/* Of numbers >= 0 what is whole in them, last at most; last < 16. */
VEC_INLINE ints ints_below(vec v, int last)
{
    ints r;

    for (int i = 0; i < VEC_LANES; i++)
        r.lane[i] = v.lane[i] < (float)last ? (int32_t)v.lane[i] : last;
    return r;
}
VEC_INLINE vec vec_pick(const float table[16], ints at)
{
    vec r;

    for (int i = 0; i < VEC_LANES; i++)
        r.lane[i] = table[at.lane[i]];
    return r;
}
VEC_INLINE vec vec_scale_exp2(vec p, vec n) /* p 2^n for whole n */
{
    for (int i = 0; i < VEC_LANES; i++)
        p.lane[i] = ldexpf(p.lane[i], (int)fmaxf(fminf(n.lane[i], 300.0f), -300.0f));
    return p;
}
VEC_INLINE vec vec_reciprocal_rough(vec v) /* to 13 bits or more */
{
    return vec_reciprocal(v);
}

/* Four registers of numbers below 2^31 as bytes: rounded, plus zero, saturated. */
typedef struct {
    uint8_t byte[4 * VEC_LANES];
} bytes;
VEC_INLINE bytes bytes_of(vec a, vec b, vec c, vec d, int zero)
{
    vec least = vec_all((float)-zero);
    bytes r;

    vec_store_bytes(r.byte, VEC_LANES, vec_max(a, least), zero);
    vec_store_bytes(r.byte + VEC_LANES, VEC_LANES, vec_max(b, least), zero);
    vec_store_bytes(r.byte + 2 * VEC_LANES, VEC_LANES, vec_max(c, least), zero);
    vec_store_bytes(r.byte + 3 * VEC_LANES, VEC_LANES, vec_max(d, least), zero);
    return r;
}
VEC_INLINE bytes bytes_all(int v)
{
    bytes r;

    memset(r.byte, v, sizeof r.byte);
    return r;
}
VEC_INLINE bytes bytes_max(bytes a, bytes b)
{
    for (int i = 0; i < 4 * VEC_LANES; i++)
        a.byte[i] = a.byte[i] > b.byte[i] ? a.byte[i] : b.byte[i];
    return a;
}
/* n of what came of a and b, or of c and d */
VEC_INLINE void bytes_store_half(uint8_t *p, int n, bytes v, const int half)
{
    memcpy(p, v.byte + 2 * VEC_LANES * half, (size_t)n);
}
VEC_INLINE fours fours_load(const int8_t *p)
{
    fours r;

    for (int i = 0; i < VEC_LANES; i++)
        for (int j = 0; j < 4; j++)
            r.byte[i][j] = p[4 * i + j];
    return r;
}
VEC_INLINE fours fours_spread(const uint8_t *p) /* the same four in every lane */
{
    fours r;

    for (int i = 0; i < VEC_LANES; i++)
        for (int j = 0; j < 4; j++)
            r.byte[i][j] = p[j];
    return r;
}
VEC_INLINE ints ints_dot(ints sum, fours x, fours w)
{
    for (int i = 0; i < VEC_LANES; i++)
        for (int j = 0; j < 4; j++)
            sum.lane[i] += x.byte[i][j] * w.byte[i][j];
    return sum;
}

#endif
