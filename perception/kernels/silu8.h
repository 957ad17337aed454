/* SiLU for numbers that become bytes, over the register operations of vec_*.h and vec8_*.h. With
 * u = |v|, silu(v) = v / 2 + e(u), e(u) = u / 2 tanh(u / 2), and e is looked up: a parabola for each
 * 9/16 of u through its Chebyshev points, u / 2 from 135/16 on. It is off by 2.8e-4 at most there and
 * by 1.8e-3 where the line begins, some hundredths of a step of usual bytes. What goes in is counted in
 * those 9/16, what comes out in steps, so that both cost nothing. */
#ifndef OUTRIDER_KERNELS_SILU8_H
#define OUTRIDER_KERNELS_SILU8_H

#define SILU8_LAST 15
#define SILU8_UNIT (16.0f / 9.0f)

struct silu8 {
    float table[3][SILU8_LAST + 1]; /* e = table[0] + table[1] u + table[2] u u */
    float half;                     /* of a number that is counted in 9/16 */
};

static const struct silu8 silu8_usual = {
    .table = {{-9.43247069e-05f, -0.0228997078f, -0.128710911f, -0.304500759f, -0.468020886f,
               -0.558843553f, -0.569085777f, -0.521427214f, -0.444008172f, -0.358572781f,
               -0.278268695f, -0.209355757f, -0.153638914f, -0.110465437f, -0.0780692324f, 0.0f},
              {0.00163603958f, 0.0444505177f, 0.149987131f, 0.268208206f, 0.351013303f,
               0.387976259f, 0.391674399f, 0.378145814f, 0.358792931f, 0.339780271f, 0.323688388f,
               0.311132371f, 0.301826417f, 0.295170397f, 0.290532917f, 0.28125f},
              {0.0756894499f, 0.0552643761f, 0.0288130008f, 0.00889219996f, -0.00160284818f,
               -0.00536574516f, -0.00569782173f, -0.004737393f, -0.00352756609f, -0.00246953312f,
               -0.00166321639f, -0.00109119236f, -0.000702562393f, -0.000445992482f,
               -0.000280012988f, 0.0f}},
    .half = 0.28125f};

/* Results times `by`. */
static inline struct silu8 silu8_times(float by)
{
    struct silu8 s = {.half = silu8_usual.half * by};

    for (int i = 0; i <= SILU8_LAST; i++) {
        s.table[0][i] = silu8_usual.table[0][i] * by;
        s.table[1][i] = silu8_usual.table[1][i] * by;
        s.table[2][i] = silu8_usual.table[2][i] * by;
    }
    return s;
}

/* v: times SILU8_UNIT */
VEC_INLINE vec vec_silu8(const struct silu8 *s, vec v)
{
    vec u = vec_abs(v);
    ints at = ints_below(u, SILU8_LAST);
    vec e = vec_fma(u, vec_pick(s->table[2], at), vec_pick(s->table[1], at));

    return vec_fma(v, vec_all(s->half), vec_fma(u, e, vec_pick(s->table[0], at)));
}

#endif
