/* Random numbers of the simulator: the same on every machine for the same seed.
 * xoshiro256** (Blackman and Vigna, Scrambled Linear Pseudorandom Number Generators, 2021), its
 * state spread from the seed by splitmix64 (Steele, Lea and Flood, 2014). */
#ifndef OUTRIDER_SIM_RANDOM_H
#define OUTRIDER_SIM_RANDOM_H

#include <math.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
};

/* One step of splitmix64; also a good hash of a number: random_mix(seed ^ index). */
static inline uint64_t random_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* stream: different subjects draw from different streams of one seed, so that one more draw in
 * one of them leaves the others alone. */
static inline void random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = random_mix(seed) ^ random_mix(stream * 0xd1342543de82ef95u + 1);

    for (int i = 0; i < 4; i++)
        r->s[i] = x = random_mix(x + (uint64_t)i);
}

static inline uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->s, x = s[1] * 5, result = ((x << 7) | (x >> 57)) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

static inline double random_unit_of(uint64_t bits) /* [0, 1) */
{
    return (double)(bits >> 11) * 0x1p-53;
}
static inline double random_unit(struct random *r)
{
    return random_unit_of(random_u64(r));
}
static inline double random_range(struct random *r, double low, double high)
{
    return low + (high - low) * random_unit(r);
}
static inline int random_index(struct random *r, int n) /* 0 .. n - 1 */
{
    return (int)(random_unit(r) * n);
}
static inline int random_chance(struct random *r, double p)
{
    return random_unit(r) < p;
}
static inline double random_exponential(struct random *r, double mean)
{
    return -mean * log(1 - random_unit(r));
}
static inline double random_normal(struct random *r, double sigma) /* Box and Muller */
{
    double u = 1 - random_unit(r), v = random_unit(r);

    return sigma * sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

#endif
