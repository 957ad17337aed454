/* gemm and gemm_packed against sums in double precision, on every CPU level. */
#include "tests/kernels/sweep.h"

static const int sizes[][3] = {
    {1, 1, 1},      {1, 16, 3},     {6, 16, 8},    {7, 17, 9},    {5, 15, 31},
    {14, 32, 5},    {13, 31, 2},    {64, 128, 27}, {3, 129, 256}, {97, 40, 257},
    {100, 260, 70}, {2, 1000, 513}, {240, 3, 33},  {17, 1, 100},  {33, 16, 24},
    {8, 33, 2},     {29, 100, 9},   {9, 1, 7},     {70, 64, 1},
};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static float at(const float *x, size_t ld, bool trans, int r, int c)
{
    return trans ? x[c * ld + r] : x[r * ld + c];
}

static void check(struct sweep *w, const struct kernels *k, const struct gemm_shape *s)
{
    size_t rows_a = (size_t)(s->trans_a ? s->K : s->M), rows_b = (size_t)(s->trans_b ? s->N : s->K);
    size_t cols_a = (size_t)(s->trans_a ? s->M : s->K), cols_b = (size_t)(s->trans_b ? s->K : s->N);
    float *a = sweep_floats(w, (rows_a - 1) * s->lda + cols_a, -1, 1);
    float *b = sweep_floats(w, (rows_b - 1) * s->ldb + cols_b, -1, 1);
    size_t n = (size_t)(s->M - 1) * s->ldc + (size_t)s->N;
    float *c = sweep_floats(w, n, -1, 1), *c0 = sweep_floats(w, n, 0, 0);
    void *scratch = sweep_bytes(w, gemm_scratch(k, s, 1));

    if (s->beta == 0.0f)
        c[0] = NAN; /* must not be read */
    memcpy(c0, c, n * sizeof *c);
    gemm(k, s, a, b, c, scratch, NULL);
    for (int i = 0; i < s->M; i++)
        for (int j = 0; j < (int)s->ldc && i * s->ldc + j < n; j++) {
            double sum = 0, size = 0;

            if (j >= s->N) {
                cr_assert(c[i * s->ldc + j] == c0[i * s->ldc + j], "wrote between the rows of C");
                continue;
            }
            for (int l = 0; l < s->K; l++) {
                double p = (double)at(a, s->lda, s->trans_a, i, l) *
                           at(b, s->ldb, s->trans_b, l, j) * s->alpha;
                sum += p, size += fabs(p);
            }
            if (s->beta != 0.0f)
                sum += (double)s->beta * c0[i * s->ldc + j], size += 1;
            sweep_near(c[i * s->ldc + j], sum, size, s->K, "gemm");
        }
    sweep_release(w);
}

Test(gemm, every_level_size_and_transpose)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (int i = 0; i < SIZES; i++)
            for (int way = 0; way < 4; way++) {
                static const float betas[] = {0.0f, 1.0f, -0.5f};
                struct kernels k;
                struct gemm_shape s = {.M = sizes[i][0], .N = sizes[i][1], .K = sizes[i][2]};

                kernels_init(&k, masks[level]);
                s.trans_a = way & 1;
                s.trans_b = way & 2;
                s.alpha = way == 3 ? 0.75f : 1.0f;
                s.beta = betas[(i + way) % 3];
                s.lda = (size_t)(s.trans_a ? s.M : s.K) + (size_t)(i % 3);
                s.ldb = (size_t)(s.trans_b ? s.K : s.N) + (size_t)(i % 2);
                s.ldc = (size_t)s.N + (size_t)(way % 2) * 3;
                check(&w, &k, &s);
            }
}

Test(gemm, empty_inner_dimension_scales_c)
{
    struct gemm_shape s = {
        .M = 2, .N = 3, .K = 0, .alpha = 1, .beta = 0.5f, .lda = 1, .ldb = 3, .ldc = 3};
    float c[6] = {2, 4, 6, 8, 10, 12}, none[1] = {0};
    struct kernels k;

    kernels_init(&k, ~0u);
    gemm(&k, &s, none, none, c, none, NULL);
    cr_assert(c[0] == 1 && c[5] == 6);
    s.beta = 0;
    gemm(&k, &s, none, none, c, none, NULL);
    cr_assert(c[0] == 0 && c[5] == 0);
}

/* The way for small second matrices: the same sums, and nothing written between the rows. */
static bool check_rows(struct sweep *w, const struct kernels *k, const struct gemm_shape *s)
{
    size_t rows_b = (size_t)(s->trans_b ? s->N : s->K), cols_b = (size_t)(s->trans_b ? s->K : s->N);
    size_t n = (size_t)(s->M - 1) * s->ldc + (size_t)s->N;
    float *a = sweep_floats(w, (size_t)(s->M - 1) * s->lda + (size_t)s->K, -1, 1);
    float *b = sweep_floats(w, (rows_b - 1) * s->ldb + cols_b, -1, 1);
    float *c = sweep_floats(w, n, 2, 2);
    bool fits = gemm_rows_fits(s);

    if (fits)
        gemm_rows(k, s, a, b, c, sweep_bytes(w, gemm_rows_scratch(k, s)), NULL);
    for (size_t i = 0; fits && i < n; i++) {
        int row = (int)(i / s->ldc), col = (int)(i % s->ldc);
        double sum = 0, size = 0;

        for (int l = 0; l < s->K && col < s->N; l++) {
            double p = (double)a[row * s->lda + l] * at(b, s->ldb, s->trans_b, l, col);
            sum += p, size += fabs(p);
        }
        sweep_near(c[i], col < s->N ? sum : 2, size, s->K, "gemm_rows");
    }
    sweep_release(w);
    return fits;
}

Test(gemm, rows_times_a_small_matrix)
{
    unsigned masks[8];
    int levels = sweep_levels(masks), checked = 0;
    struct kernels k;
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++)
        for (int i = 0; i < 2 * SIZES; i++) {
            const int *size = sizes[i / 2];
            struct gemm_shape s = {.M = size[0],
                                   .N = size[1],
                                   .K = size[2],
                                   .alpha = 1,
                                   .trans_b = i % 2,
                                   .lda = (size_t)size[2] + 1,
                                   .ldb = (size_t)size[i % 2 ? 2 : 1] + 2,
                                   .ldc = (size_t)size[1] + 3};

            kernels_init(&k, masks[level]);
            checked += check_rows(&w, &k, &s);
        }
    cr_assert_geq(checked, 8 * levels);
}

/* Neither the split into pieces nor the threads may show. */
Test(gemm, threads_give_the_same_bits)
{
    struct gemm_shape s = {
        .M = 200, .N = 300, .K = 300, .alpha = 1, .lda = 300, .ldb = 300, .ldc = 300};
    struct pool *pool;
    struct kernels k;
    struct sweep w;

    kernels_init(&k, ~0u);
    sweep_init(&w);
    cr_assert(pool_open(3, &pool) == OK);
    float *a = sweep_floats(&w, 200 * 300, -1, 1), *b = sweep_floats(&w, 300 * 300, -1, 1);
    float *c1 = sweep_floats(&w, 200 * 300, 0, 0), *c3 = sweep_floats(&w, 200 * 300, 0, 0);
    void *scratch = sweep_bytes(&w, gemm_scratch(&k, &s, 3));

    gemm(&k, &s, a, b, c1, scratch, NULL);
    gemm(&k, &s, a, b, c3, scratch, pool);
    cr_assert(memcmp(c1, c3, 200 * 300 * sizeof *c1) == 0);
    pool_close(pool);
    sweep_release(&w);
}
