/* What the kernel tests share: every CPU level this machine has, repeatable random numbers, and
 * buffers that end at a page nobody may touch, so that reading or writing one past the end stops
 * the test and the start is as badly aligned as the size makes it. In front stands a canary. */
#ifndef OUTRIDER_TESTS_KERNELS_SWEEP_H
#define OUTRIDER_TESTS_KERNELS_SWEEP_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "perception/kernels/kernels.h"

enum { PAGE = 4096, CANARY = 0x5a, MAX_BUFFERS = 16 };

struct sweep {
    uint64_t state;
    struct {
        unsigned char *base, *at;
        size_t bytes;
    } buffer[MAX_BUFFERS];
    int buffers;
};

static inline void sweep_init(struct sweep *s)
{
    const char *seed = getenv("TEST_SEED");

    *s = (struct sweep){.state = seed ? strtoull(seed, NULL, 0) : 1};
}

static inline uint32_t sweep_bits(struct sweep *s)
{
    s->state = s->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(s->state >> 32);
}

static inline int sweep_int(struct sweep *s, int low, int high) /* both included */
{
    return low + (int)(sweep_bits(s) % (uint32_t)(high - low + 1));
}

static inline float sweep_float(struct sweep *s, float low, float high)
{
    return low + (high - low) * (float)(sweep_bits(s) >> 8) * 0x1p-24f;
}

static inline void *sweep_bytes(struct sweep *s, size_t bytes)
{
    size_t room = (bytes + 64 + PAGE - 1) / PAGE * PAGE;
    unsigned char *base =
        mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(base != MAP_FAILED && s->buffers < MAX_BUFFERS);
    cr_assert(mprotect(base + room, PAGE, PROT_NONE) == 0);
    memset(base, CANARY, room);
    s->buffer[s->buffers].base = base;
    s->buffer[s->buffers].at = base + room - bytes;
    s->buffer[s->buffers++].bytes = bytes;
    return base + room - bytes;
}

static inline float *sweep_floats(struct sweep *s, size_t n, float low, float high)
{
    float *x = sweep_bytes(s, n * sizeof *x);

    for (size_t i = 0; i < n; i++)
        x[i] = sweep_float(s, low, high);
    return x;
}

/* Check all canaries and give the buffers back. */
static inline void sweep_release(struct sweep *s)
{
    for (int i = 0; i < s->buffers; i++) {
        unsigned char *base = s->buffer[i].base, *at = s->buffer[i].at;

        for (unsigned char *p = base; p < at; p++)
            cr_assert(*p == CANARY, "buffer %d: %zd bytes in front were written", i, at - p);
        munmap(base, (size_t)(at - base) + s->buffer[i].bytes + PAGE);
    }
    s->buffers = 0;
}

/* The levels this machine has: 0, 1 ... n - 1. Level 0 is the reference. */
static inline int sweep_levels(unsigned masks[8])
{
    static const unsigned all[] = {0, CPU_AVX2, CPU_AVX2 | CPU_AVX512,
                                   CPU_AVX2 | CPU_AVX512 | CPU_VNNI, CPU_NEON};
    int n = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if ((all[i] & ~cpu_detect()) == 0)
            masks[n++] = all[i];
    return n;
}

/* Sums in another order may differ by this share of the sum of magnitudes. */
static inline void sweep_near(float got, double want, double magnitude, int terms, const char *what)
{
    double limit = 1e-6 + magnitude * (terms + 4) * 0x1p-24;

    cr_assert(fabs(got - want) <= limit, "%s: %.9g, expected %.9g within %.3g", what, got, want,
              limit);
}

#endif
