/* What kernels.c enters into the table, one function per instruction set and family, and what the
 * families share below the public header. */
#ifndef OUTRIDER_KERNELS_INTERNAL_H
#define OUTRIDER_KERNELS_INTERNAL_H

#include "perception/kernels/kernels.h"

void rows_fill_c(struct kernels *k);
void rows_fill_avx2(struct kernels *k);
void rows_fill_avx512(struct kernels *k);

enum { TILE_ROWS_C = 4, TILE_COLS_C = 8, TILE_MAX_ROWS = 14, TILE_MAX_COLS = 32 };
void tile_c(int rows, int K, const float *a, const float *b, size_t ldb, float *c, size_t ldc,
            bool accumulate);
void gemm_fill_avx2(struct kernels *k);
void gemm_fill_avx512(struct kernels *k);

void taps_c(float *y, size_t n, int taps, const float *x, const int *at, const float *w,
            int stride);
void depthwise_fill_avx2(struct kernels *k);
void depthwise_fill_avx512(struct kernels *k);
void transpose_fill_avx2(struct kernels *k);

void winograd_fill_c(struct kernels *k);
void winograd_fill_avx2(struct kernels *k);
void winograd_fill_avx512(struct kernels *k);
void winograd_fill_neon(struct kernels *k);
void hwc_fill_c(struct kernels *k);
void hwc_fill_avx2(struct kernels *k);
void hwc_fill_avx512(struct kernels *k);
void hwc_fill_neon(struct kernels *k);
void hwc8_fill_c(struct kernels *k);
void hwc8_fill_avx2(struct kernels *k);
void hwc8_fill_vnni(struct kernels *k);
void hwc8_fill_neon(struct kernels *k);
void bytes_fill_c(struct kernels *k);
void bytes_fill_avx2(struct kernels *k);
void bytes_fill_avx512(struct kernels *k);
void woven8_fill_c(struct kernels *k);
void woven8_fill_vnni(struct kernels *k);

void softmax_fill_c(struct kernels *k);
void softmax_fill_avx2(struct kernels *k);
void softmax_fill_avx512(struct kernels *k);
void softmax_fill_neon(struct kernels *k);

/* The tiles and the taps against plain sums, in well under a millisecond. */
bool kernels_agree(const struct kernels *k);

/* Bytes of n floats, rounded up to a cache line so that what follows starts on one. */
static inline size_t floats_size(size_t n)
{
    return (n * sizeof(float) + 63) / 64 * 64;
}

static inline int div_up(int a, int b)
{
    return (a + b - 1) / b;
}

static inline int int_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int int_max(int a, int b)
{
    return a > b ? a : b;
}

static inline int64_t int64_clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* One row of channel c through the epilogue. at: where the row starts in the whole output. */
void epilogue_row(const struct kernels *k, float *y, const float *x, float scale, size_t n,
                  const struct epilogue *e, int c, size_t at);

/* The blocked product behind gemm, conv2d and conv_transpose2d. fill() writes rows [k0, k0 + K) and
 * columns [n0, n0 + n) of B into b, rows ldb apart; the block is padded with zeros behind it. */
struct gemm_job {
    int M, N, K;
    const float *a; /* packed */
    float *c;
    size_t ldc;
    bool accumulate;
    const struct epilogue *e; /* NULL: none */
    int channel0;             /* e's channel of row 0 */
    size_t at0;               /* where c begins in the whole output, for e->add */
    void (*fill)(const void *source, int k0, int K, int n0, int n, float *b, size_t ldb);
    const void *source;
};
size_t gemm_job_scratch(int K, int threads); /* bytes */
void gemm_job_run(const struct kernels *k, const struct gemm_job *g, void *scratch,
                  struct pool *pool);

#endif
