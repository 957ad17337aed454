/* Matrix products. A is packed once into panels of a few rows, each stored column by column; B goes
 * through a block of some columns and at most DEPTH rows that stays in the second-level cache, and
 * one tile's columns of it in the first. The table's tile does the work in registers.
 *
 * Every element of C sums its products in the order of k, in blocks of DEPTH, wherever the split
 * into pieces falls, so neither it nor the number of threads shows in the result. */
#include "perception/kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"

enum {
    DEPTH = 256,
    BLOCK = DEPTH * 256, /* floats of B in the cache: the shallower, the wider */
    MAX_COLS = 512,
    GAP = 16,        /* makes rows of B an odd number of cache lines: columns use all sets */
    PIECES = 8,      /* with fewer blocks of columns than this, rows are split as well ... */
    PIECE_ROWS = 48, /* ... into no fewer than these, since each piece fills its own block */
};

void tile_c(int rows, int K, const float *a, const float *b, size_t ldb, float *c, size_t ldc,
            bool accumulate)
{
    float sum[TILE_ROWS_C][TILE_COLS_C] = {{0}};

    if (accumulate)
        for (int i = 0; i < rows; i++)
            memcpy(sum[i], c + i * ldc, sizeof sum[i]);
    for (int k = 0; k < K; k++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < TILE_COLS_C; j++)
                sum[i][j] += a[(size_t)k * rows + i] * b[k * ldb + j];
    for (int i = 0; i < rows; i++)
        memcpy(c + i * ldc, sum[i], sizeof sum[i]);
}

/* n things dealt evenly to some parts; the first parts get one more. */
struct deal {
    int parts, each, more;
};

static struct deal deal(int n, int parts)
{
    return (struct deal){parts, n / parts, n % parts};
}

/* Where part p begins; for p = parts, where the last one ends. */
static int deal_start(const struct deal *d, int p)
{
    return p * d->each + int_min(p, d->more);
}

/* M rows make as few panels as possible. */
static struct deal panels_of(const struct kernels *k, int M)
{
    return deal(M, div_up(M, k->tile_rows));
}

/* K is cut into equal blocks of at most DEPTH. */
static int block_depth(int K)
{
    return div_up(K, div_up(K, DEPTH));
}

static int block_cols(int K)
{
    return int_min(BLOCK / block_depth(K) / 64 * 64, MAX_COLS);
}

size_t gemm_job_scratch(int K, int threads)
{
    return (size_t)threads * floats_size((size_t)block_depth(K) * (block_cols(K) + GAP));
}

struct run {
    const struct kernels *k;
    const struct gemm_job *g;
    char *scratch;
    size_t scratch_step;
    int cols;           /* of a block */
    size_t ldb;         /* floats from row to row of it */
    int blocks;         /* of columns */
    struct deal panels; /* of rows */
    struct deal splits; /* of panels */
};

/* The last, narrow columns of C: a whole tile aside, then the part that exists. */
static void tile_edge(const struct run *r, int rows, int K, const float *a, const float *b,
                      float *c, int cols, bool accumulate)
{
    float whole[TILE_MAX_ROWS * TILE_MAX_COLS];
    size_t width = (size_t)r->k->tile_cols;

    if (accumulate)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < (int)width; j++)
                whole[i * width + j] = j < cols ? c[i * r->g->ldc + j] : 0.0f;
    r->k->tile(rows, K, a, b, r->ldb, whole, width, accumulate);
    for (int i = 0; i < rows; i++)
        memcpy(c + i * r->g->ldc, whole + i * width, (size_t)cols * sizeof *c);
}

static void block_multiply(const struct run *r, const float *b, int k0, int K, int n0, int n,
                           int p0, int p1)
{
    const struct gemm_job *g = r->g;
    bool accumulate = g->accumulate || k0 > 0;
    int width = r->k->tile_cols;

    for (int j = 0; j < n; j += width)
        for (int p = p0; p < p1; p++) {
            int row = deal_start(&r->panels, p), rows = deal_start(&r->panels, p + 1) - row;
            const float *a = g->a + (size_t)row * g->K + (size_t)k0 * rows;
            float *c = g->c + row * g->ldc + n0 + j;

            if (j + width <= n)
                r->k->tile(rows, K, a, b + j, r->ldb, c, g->ldc, accumulate);
            else
                tile_edge(r, rows, K, a, b + j, c, n - j, accumulate);
        }
}

static void piece_run(void *arg, int i, int thread)
{
    const struct run *r = arg;
    const struct gemm_job *g = r->g;
    float *b = (float *)(void *)(r->scratch + (size_t)thread * r->scratch_step);
    int split = i / r->blocks, n0 = i % r->blocks * r->cols;
    int n = int_min(r->cols, g->N - n0);
    int p0 = deal_start(&r->splits, split), p1 = deal_start(&r->splits, split + 1);
    int whole = div_up(n, r->k->tile_cols) * r->k->tile_cols;
    int depth = block_depth(g->K);

    for (int k0 = 0; k0 < g->K; k0 += depth) {
        int K = int_min(depth, g->K - k0);

        g->fill(g->source, k0, K, n0, n, b, r->ldb);
        if (n < whole)
            for (int k = 0; k < K; k++)
                memset(b + k * r->ldb + n, 0, (size_t)(whole - n) * sizeof *b);
        block_multiply(r, b, k0, K, n0, n, p0, p1);
    }
    if (!g->e)
        return;
    for (int m = deal_start(&r->panels, p0); m < deal_start(&r->panels, p1); m++) {
        size_t at = m * g->ldc + n0;

        epilogue_row(r->k, g->c + at, g->c + at, 1.0f, (size_t)n, g->e, g->channel0 + m,
                     g->at0 + at);
    }
}

void gemm_job_run(const struct kernels *k, const struct gemm_job *g, void *scratch,
                  struct pool *pool)
{
    struct run r = {.k = k, .g = g, .scratch = scratch};
    int splits = 1;

    if (g->M == 0 || g->N == 0)
        return;
    assert(g->M > 0 && g->N > 0 && g->K > 0);
    r.scratch_step = gemm_job_scratch(g->K, 1);
    r.cols = block_cols(g->K);
    r.ldb = (size_t)r.cols + GAP;
    r.blocks = div_up(g->N, r.cols);
    r.panels = panels_of(k, g->M);
    if (r.blocks < PIECES)
        splits = int_max(1, int_min(div_up(PIECES, r.blocks), g->M / PIECE_ROWS));
    r.splits = deal(r.panels.parts, splits);
    pool_run(pool, r.blocks * splits, piece_run, &r);
}

/* ---- the public entries -------------------------------------------------------------------- */

size_t gemm_pack_a_size(const struct kernels *k, int M, int K)
{
    (void)k;
    return floats_size((size_t)M * K);
}

void gemm_pack_a(const struct kernels *k, const struct gemm_shape *s, const float *a, void *packed)
{
    struct deal panels = {0};
    float *out = packed;

    if (s->M > 0)
        panels = panels_of(k, s->M);
    for (int p = 0; p < panels.parts; p++) {
        int m0 = deal_start(&panels, p);
        size_t rows = (size_t)(deal_start(&panels, p + 1) - m0);

        if (s->trans_a)
            for (int i = 0; i < s->K; i++)
                memcpy(out + i * rows, a + i * s->lda + m0, rows * sizeof *a);
        else
            k->transpose(out, rows, a + m0 * s->lda, s->lda, rows, (size_t)s->K);
        out += rows * (size_t)s->K;
    }
    if (s->alpha != 1.0f)
        k->scalar[BINARY_MUL](packed, packed, s->alpha, (size_t)s->M * s->K);
}

struct matrix {
    const struct kernels *k;
    const float *b;
    size_t ld;
    bool trans;
};

static void matrix_fill(const void *source, int k0, int K, int n0, int n, float *b, size_t ldb)
{
    const struct matrix *m = source;

    if (m->trans)
        m->k->transpose(b, ldb, m->b + (size_t)n0 * m->ld + k0, m->ld, (size_t)n, (size_t)K);
    else
        for (int k = 0; k < K; k++)
            memcpy(b + k * ldb, m->b + (size_t)(k0 + k) * m->ld + n0, (size_t)n * sizeof *b);
}

size_t gemm_packed_scratch(const struct kernels *k, const struct gemm_shape *s, int threads)
{
    (void)k;
    return s->K > 0 ? gemm_job_scratch(s->K, threads) : 0;
}

void gemm_packed(const struct kernels *k, const struct gemm_shape *s, const void *packed,
                 const float *b, float *c, const struct epilogue *e, void *scratch,
                 struct pool *pool)
{
    struct matrix source = {k, b, s->ldb, s->trans_b};
    struct gemm_job g = {
        .M = s->M,
        .N = s->N,
        .K = s->K,
        .a = packed,
        .c = c,
        .ldc = s->ldc,
        .accumulate = s->beta != 0.0f,
        .e = e,
        .fill = matrix_fill,
        .source = &source,
    };

    for (int m = 0; m < s->M && s->N > 0; m++) {
        float *row = c + m * s->ldc;

        if (s->K == 0 && s->beta == 0.0f)
            memset(row, 0, (size_t)s->N * sizeof *row);
        else if (s->beta != 0.0f && s->beta != 1.0f)
            k->scalar[BINARY_MUL](row, row, s->beta, (size_t)s->N);
        if (s->K == 0 && e)
            epilogue_row(k, row, row, 1.0f, (size_t)s->N, e, m, m * s->ldc);
    }
    if (s->K > 0)
        gemm_job_run(k, &g, scratch, pool);
}

size_t gemm_scratch(const struct kernels *k, const struct gemm_shape *s, int threads)
{
    return gemm_pack_a_size(k, s->M, s->K) + gemm_packed_scratch(k, s, threads);
}

void gemm(const struct kernels *k, const struct gemm_shape *s, const float *a, const float *b,
          float *c, void *scratch, struct pool *pool)
{
    gemm_pack_a(k, s, a, scratch);
    gemm_packed(k, s, scratch, b, c, NULL, (char *)scratch + gemm_pack_a_size(k, s->M, s->K), pool);
}
