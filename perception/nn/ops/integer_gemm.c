/* The product of two byte matrices by the convolution on bytes (kernels/hwc8.h): rows of the left one
 * are pixels, columns of the right one output channels. The kernel takes unsigned bytes on the
 * left, signed ones on the right, so each side is moved by 128 where its type is the other; what
 * zero points and moves come to is a sum along a row or a column:
 *     sum (a' + da) (b' + db) = sum a' b' + da sum b' + db sum a' + K da db
 * It hands out sums as floats, which are exact below 2^24: so many products are added up at once. */
#include <string.h>

#include "perception/kernels/hwc8.h"
#include "perception/nn/ops/integer.h"

enum {
    ROWS = 256,    /* of a block of the left matrix */
    COLUMNS = 512, /* of the right one */
    DEPTH = 512,   /* 255 128 DEPTH < 2^24 */
    WORTH = 8,     /* shorter sides are not worth the packing */
};

/* Scratch memory, placed by lay_out(). */
struct blocks {
    uint8_t *a;        /* (ROWS, DEPTH), HWC8_SLACK */
    int8_t *b;         /* (COLUMNS, DEPTH) */
    void *packed;      /* b for the kernel */
    float *one;        /* (COLUMNS) */
    float *sums;       /* (ROWS, COLUMNS) */
    uint32_t *a_sum;   /* (M) */
    uint32_t *b_sum;   /* (N) */
    uint32_t *b_far;   /* (N) db */
    void *convolution; /* the kernel's own */
};

static struct conv_shape block_shape(int64_t M, int64_t N, int64_t K)
{
    struct conv_shape s = product_hwc8((int)M, (int)K, (int)N);

    s.kh = 1; /* one signed byte a weight, not two */
    return s;
}

static bool is_worth_it(int64_t M, int64_t N, int64_t K)
{
    return M >= WORTH && N >= WORTH && K >= WORTH;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* n bytes behind *at; NULL while measuring. */
static void *cut(unsigned char *memory, size_t *at, size_t n)
{
    size_t from = *at;

    *at += (n + 63) / 64 * 64;
    return memory ? memory + from : NULL;
}

static size_t lay_out(const struct kernels *k, int threads, int64_t M, int64_t N, int64_t K,
                      void *memory, struct blocks *to)
{
    size_t rows = (size_t)least(M, ROWS), columns = (size_t)least(N, COLUMNS), at = 0;
    size_t depth = (size_t)least(K, DEPTH);
    struct conv_shape s = block_shape((int64_t)rows, (int64_t)columns, (int64_t)depth);

    to->a = cut(memory, &at, rows * depth + HWC8_SLACK);
    to->b = cut(memory, &at, columns * depth);
    to->packed = cut(memory, &at, conv_hwc8_weights_size(k, &s, false));
    to->one = cut(memory, &at, columns * sizeof *to->one);
    to->sums = cut(memory, &at, rows * columns * sizeof *to->sums);
    to->a_sum = cut(memory, &at, (size_t)M * sizeof *to->a_sum);
    to->b_sum = cut(memory, &at, (size_t)N * sizeof *to->b_sum);
    to->b_far = cut(memory, &at, (size_t)N * sizeof *to->b_far);
    to->convolution = cut(memory, &at, conv_hwc8_scratch(&s, false, threads));
    return at;
}

size_t integer_gemm_scratch(const struct graph *g, int64_t M, int64_t N, int64_t K)
{
    struct blocks b;

    return is_worth_it(M, N, K) ? lay_out(&g->kernels, pool_threads(g->pool), M, N, K, NULL, &b)
                                : 0;
}

/* ---- the matrices ------------------------------------------------------------------------------ */
/* Rows [m0, m0 + M), columns [k0, k0 + K) of a, K wide in all, without sign. */
static void copy_rows(const struct matrix8 *a, int64_t wide, int64_t m0, int64_t M, int64_t k0,
                      int64_t K, uint8_t *to)
{
    uint8_t turn = a->is_signed ? 0x80 : 0;

    for (int64_t m = 0; m < M; m++, to += K) {
        const uint8_t *from = (const uint8_t *)a->data + (m0 + m) * wide + k0;

        for (int64_t k = 0; k < K; k++)
            to[k] = from[k] ^ turn;
    }
}

/* The same of b, turned over and with sign; a few columns at a time, whose cache lines fit. */
static void copy_columns(const struct matrix8 *b, int64_t wide, int64_t n0, int64_t N, int64_t k0,
                         int64_t K, int8_t *to)
{
    enum { STRIP = 16 };
    uint8_t turn = b->is_signed ? 0 : 0x80;

    for (int64_t strip = 0; strip < N; strip += STRIP, to += STRIP * K) {
        const uint8_t *from = (const uint8_t *)b->data + k0 * wide + n0 + strip;
        int64_t n_strip = least(N - strip, STRIP);

        for (int64_t k = 0; k < K; k++, from += wide)
            for (int64_t n = 0; n < n_strip; n++)
                to[n * K + k] = (int8_t)(from[n] ^ turn);
    }
}

static void add_up_rows(const struct matrix8 *a, int64_t M, int64_t K, uint32_t *sum)
{
    uint8_t turn = a->is_signed ? 0x80 : 0;
    const uint8_t *from = a->data;

    for (int64_t m = 0; m < M; m++, from += K) {
        sum[m] = 0;
        for (int64_t k = 0; k < K; k++)
            sum[m] += (uint32_t)(from[k] ^ turn);
    }
}

static void add_up_columns(const struct matrix8 *b, int64_t N, int64_t K, uint32_t *sum)
{
    uint8_t turn = b->is_signed ? 0 : 0x80;
    const uint8_t *from = b->data;

    memset(sum, 0, (size_t)N * sizeof *sum);
    for (int64_t k = 0; k < K; k++, from += N)
        for (int64_t n = 0; n < N; n++)
            sum[n] += (uint32_t)(int8_t)(from[n] ^ turn);
}

/* What zero points and moves come to. */
static void start(int64_t M, int64_t N, int64_t K, const struct matrix8 *a, const struct matrix8 *b,
                  const struct blocks *w, uint32_t *c)
{
    uint32_t a_move = a->is_signed ? (uint32_t)-128 : 0, b_move = b->is_signed ? 0 : 128;

    add_up_rows(a, M, K, w->a_sum);
    add_up_columns(b, N, K, w->b_sum);
    for (int64_t n = 0; n < N; n++) {
        w->b_far[n] = b_move - integer_zero(b, n);
        w->b_sum[n] += (uint32_t)K * w->b_far[n];
    }
    for (int64_t m = 0; m < M; m++, c += N) {
        uint32_t a_far = a_move - integer_zero(a, m);

        for (int64_t n = 0; n < N; n++)
            c[n] = a_far * w->b_sum[n] + w->a_sum[m] * w->b_far[n];
    }
}

/* ---- the product ------------------------------------------------------------------------------- */
struct product {
    const struct run *r;
    int64_t M, N, K;
    const struct matrix8 *a;
    struct blocks w;
    uint32_t *c;
};

/* Rows from m0 on times the packed block of columns [n0, n0 + N) and [k0, k0 + K) of the sum. */
static void add_block(const struct product *p, int64_t m0, int64_t n0, int64_t N, int64_t k0,
                      int64_t K)
{
    int64_t M = least(p->M - m0, ROWS);
    struct conv_shape s = block_shape(M, N, K);
    struct hwc8_finish f = {.as = {1.0f, 0}, .real = p->w.sums, .y_step = N};

    copy_rows(p->a, p->K, m0, M, k0, K, p->w.a);
    conv_hwc8(p->r->kernels, &s, false, p->w.a, 0, p->w.packed, &f, p->w.convolution, p->r->pool);
    for (int64_t m = 0; m < M; m++) {
        uint32_t *c = p->c + (m0 + m) * p->N + n0;
        const float *sum = p->w.sums + m * N;

        for (int64_t n = 0; n < N; n++)
            c[n] += (uint32_t)(int32_t)sum[n];
    }
}

void integer_gemm(const struct run *r, int64_t M, int64_t N, int64_t K, const struct matrix8 *a,
                  const struct matrix8 *b, int32_t *c, void *scratch)
{
    struct product p = {.r = r, .M = M, .N = N, .K = K, .a = a, .c = (uint32_t *)c};

    if (!is_worth_it(M, N, K)) {
        integer_gemm_plain(M, N, K, a, b, c);
        return;
    }
    lay_out(r->kernels, pool_threads(r->pool), M, N, K, scratch, &p.w);
    for (int64_t n = 0; n < least(N, COLUMNS); n++)
        p.w.one[n] = 1.0f;
    start(M, N, K, a, b, &p.w, p.c);
    for (int64_t n0 = 0; n0 < N; n0 += COLUMNS)
        for (int64_t k0 = 0; k0 < K; k0 += DEPTH) {
            int64_t columns = least(N - n0, COLUMNS), depth = least(K - k0, DEPTH);
            struct conv_shape s = block_shape(1, columns, depth);
            struct hwc8_weights w = {.w = p.w.b, .scale = p.w.one};

            copy_columns(b, N, n0, columns, k0, depth, p.w.b);
            conv_hwc8_pack(r->kernels, &s, false, &w, p.w.packed);
            for (int64_t m0 = 0; m0 < M; m0 += ROWS)
                add_block(&p, m0, n0, columns, k0, depth);
        }
}
