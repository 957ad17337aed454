/* Products of byte matrices: the blocked form against plain loops, on every CPU level. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/ops/integer.h"

static uint32_t state;

static int number(int low, int high)
{
    state = state * 1664525u + 1013904223u;
    return low + (int)((state >> 16) % (uint32_t)(high - low + 1));
}

/* Where extreme, sums as large as they get, but for their last bits. */
static uint8_t *bytes(size_t n, bool extreme, bool is_signed)
{
    uint8_t *p = malloc(n);

    cr_assert(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(extreme ? number(250, 255) - (is_signed ? 128 : 0) : number(0, 255));
    return p;
}

/* A zero point for all lines or one for each, or none. */
static void zeros(struct matrix8 *m, struct tensor *t, int64_t lines)
{
    int kind = number(0, 2);
    int64_t n = kind == 1 ? 1 : lines + 2; /* two lines of another group in front */

    *t = (struct tensor){.type = m->is_signed ? DTYPE_I8 : DTYPE_U8, .rank = 1, .dim = {n}};
    t->data = bytes((size_t)n, false, false);
    m->zero = kind ? t : NULL;
    m->zero_first = kind == 2 ? 2 : 0;
}

static void check(const struct run *r, int64_t M, int64_t N, int64_t K, bool extreme)
{
    const struct graph g = {.kernels = *r->kernels, .pool = r->pool};
    const size_t size = integer_gemm_scratch(&g, M, N, K);
    struct matrix8 a = {.is_signed = number(0, 1)}, b = {.is_signed = number(0, 1)};
    struct tensor a_zero, b_zero;
    int32_t *c = malloc((size_t)(M * N) * sizeof *c),
            *want = malloc((size_t)(M * N) * sizeof *want);
    void *scratch = aligned_alloc(64, size ? size : 64);

    cr_assert(c && want && scratch);
    a.data = bytes((size_t)(M * K), extreme, a.is_signed);
    b.data = bytes((size_t)(K * N), extreme, b.is_signed);
    zeros(&a, &a_zero, M);
    zeros(&b, &b_zero, N);
    integer_gemm(r, M, N, K, &a, &b, c, scratch);
    integer_gemm_plain(M, N, K, &a, &b, want);
    cr_assert_arr_eq(c, want, (size_t)(M * N) * sizeof *c, "%lld x %lld x %lld", (long long)M,
                     (long long)N, (long long)K);
    free((void *)a.data);
    free((void *)b.data);
    free(a_zero.data);
    free(b_zero.data);
    free(c);
    free(want);
    free(scratch);
}

Test(integer, blocks_equal_plain_sums)
{
    const unsigned masks[] = {0, CPU_AVX2, CPU_AVX2 | CPU_AVX512, ~0u};
    struct pool *pool;

    cr_assert_eq(pool_open(2, &pool), OK);
    for (int i = 0; i < 4; i++) {
        struct kernels k;
        struct run r = {.kernels = &k};

        kernels_init(&k, masks[i]);
        state = 1;
        for (int j = 0; j < 60; j++) {
            r.pool = j % 2 ? pool : NULL;
            check(&r, number(1, 40), number(1, 70), number(1, 90), j % 3 == 0);
        }
        check(&r, 261, 20, 530, false); /* more than a block of each */
        check(&r, 9, 515, 1030, true);
    }
    pool_close(pool);
}
