/* The hot loops: one table of function pointers, filled once at start.
 * The reference in plain C goes in first, each instruction set overrides what it does better.
 * Every override is checked against the reference in tests/kernels/. Kernels never allocate;
 * scratch memory is the caller's, its size comes from the *_scratch() beside the kernel.
 * A kernel that is worth splitting takes a pool (NULL: inline); results do not depend on it. */
#ifndef OUTRIDER_KERNELS_H
#define OUTRIDER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/base/pool.h"

enum cpu {
    CPU_AVX2 = 1 << 0, /* with FMA */
    CPU_AVX512 = 1 << 1,
    CPU_VNNI = 1 << 2,
    CPU_NEON = 1 << 3,
};
unsigned cpu_detect(void);
const char *cpu_name(unsigned cpu); /* "c", "avx2", "avx512", ... the best bit set */
/* "c", "avx2", "avx512,vnni", "native" -> mask. ERR_FORMAT names the word. */
MUST_CHECK enum err cpu_parse(const char *text, unsigned *mask, struct why *why);

#endif
