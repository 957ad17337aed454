/* Products with weights, for few rows at a time: gemm() lays its right side out anew in every call,
 * which a recurrent network's single step cannot afford. Here the weights are laid out once, in
 * panels of one tile's columns, and only the rows are turned. Each element of y sums in the order
 * of k, whatever the split. */
#include <string.h>

#include "perception/kernels/kernels_internal.h"

enum { PIECE_PANELS = 16 }; /* columns that one piece of work goes through: tiles */

size_t dense_pack_size(const struct kernels *k, int N, int K)
{
    return floats_size((size_t)div_up(N, k->tile_cols) * (size_t)k->tile_cols * (size_t)K);
}

void dense_pack(const struct kernels *k, int N, int K, const float *w, void *packed)
{
    size_t width = (size_t)k->tile_cols;
    float *to = packed;

    memset(packed, 0, dense_pack_size(k, N, K));
    for (int n = 0; n < N; n += k->tile_cols, to += width * (size_t)K)
        k->transpose(to, width, w + (size_t)n * (size_t)K, (size_t)K,
                     (size_t)int_min(k->tile_cols, N - n), (size_t)K);
}

/* The last, narrow columns: a whole tile aside, then the part that exists. */
static void edge(const struct kernels *k, int rows, int K, const float *turned, const float *panel,
                 float *y, size_t ldy, int cols, bool accumulate)
{
    float whole[TILE_MAX_ROWS * TILE_MAX_COLS] = {0};
    size_t width = (size_t)k->tile_cols;

    for (int i = 0; i < rows && accumulate; i++)
        memcpy(whole + i * width, y + i * ldy, (size_t)cols * sizeof *y);
    k->tile(rows, K, turned, panel, width, whole, width, accumulate);
    for (int i = 0; i < rows; i++)
        memcpy(y + i * ldy, whole + i * width, (size_t)cols * sizeof *y);
}

/* Panels [p0, p1). */
static void panels(const struct kernels *k, int rows, int N, int K, const float *turned,
                   const float *packed, int p0, int p1, float *y, size_t ldy, bool accumulate)
{
    size_t width = (size_t)k->tile_cols;

    for (int p = p0; p < p1; p++) {
        const float *panel = packed + (size_t)p * width * (size_t)K;
        int cols = int_min(k->tile_cols, N - p * k->tile_cols);

        if (cols == k->tile_cols)
            k->tile(rows, K, turned, panel, width, y + p * width, ldy, accumulate);
        else
            edge(k, rows, K, turned, panel, y + p * width, ldy, cols, accumulate);
    }
}

void dense_step(const struct kernels *k, int rows, int N, int K, const float *turned,
                const void *packed, float *y, size_t ldy, bool accumulate)
{
    panels(k, rows, N, K, turned, packed, 0, div_up(N, k->tile_cols), y, ldy, accumulate);
}

struct job {
    const struct kernels *k;
    int M, N, K;
    const float *x;
    const void *packed;
    float *y;
    size_t ldx, ldy;
    bool accumulate;
    char *scratch;
    int splits; /* of the columns */
};

static void piece(void *arg, int i, int thread)
{
    const struct job *j = arg;
    int row = i / j->splits * j->k->tile_rows, rows = int_min(j->k->tile_rows, j->M - row);
    int p0 = i % j->splits * PIECE_PANELS;
    int p1 = int_min(p0 + PIECE_PANELS, div_up(j->N, j->k->tile_cols));
    float *turned = (float *)(void *)(j->scratch + (size_t)thread * dense_scratch(j->k, j->K, 1));

    j->k->transpose(turned, (size_t)rows, j->x + (size_t)row * j->ldx, j->ldx, (size_t)rows,
                    (size_t)j->K);
    panels(j->k, rows, j->N, j->K, turned, j->packed, p0, p1, j->y + (size_t)row * j->ldy, j->ldy,
           j->accumulate);
}

size_t dense_scratch(const struct kernels *k, int K, int threads)
{
    return (size_t)threads * floats_size((size_t)k->tile_rows * (size_t)K);
}

void dense(const struct kernels *k, int M, int N, int K, const float *x, size_t ldx,
           const void *packed, float *y, size_t ldy, bool accumulate, void *scratch,
           struct pool *pool)
{
    struct job j = {k,   M,          N,       K,
                    x,   packed,     y,       ldx,
                    ldy, accumulate, scratch, div_up(div_up(N, k->tile_cols), PIECE_PANELS)};

    if (M > 0 && N > 0)
        pool_run(pool, div_up(M, k->tile_rows) * j.splits, piece, &j);
}
