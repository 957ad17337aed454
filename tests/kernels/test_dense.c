/* Products with packed weights at every CPU level against sums in double precision. */
#include "tests/kernels/sweep.h"

static void check(struct sweep *w, const struct kernels *k, int M, int N, int K, bool add)
{
    size_t ldx = (size_t)K + 3, ldy = (size_t)N + 5;
    size_t n_x = (size_t)(M - 1) * ldx + (size_t)K, n_y = (size_t)(M - 1) * ldy + (size_t)N;
    float *x = sweep_floats(w, n_x, -1, 1),
          *weights = sweep_floats(w, (size_t)N * (size_t)K, -1, 1);
    float *y = sweep_floats(w, n_y, -1, 1), *before = sweep_floats(w, n_y, 0, 0);
    void *packed = sweep_bytes(w, dense_pack_size(k, N, K));
    void *scratch = sweep_bytes(w, dense_scratch(k, K, 1));

    if (!add)
        y[0] = NAN; /* must not be read */
    memcpy(before, y, n_y * sizeof *y);
    dense_pack(k, N, K, weights, packed);
    dense(k, M, N, K, x, ldx, packed, y, ldy, add, scratch, NULL);
    for (size_t at = 0; at < n_y; at++) {
        size_t m = at / ldy, n = at % ldy;
        double sum = add ? (double)before[at] : 0, size = fabs(sum);

        if (n >= (size_t)N) {
            cr_assert(y[at] == before[at], "wrote between the rows");
            continue;
        }
        for (size_t i = 0; i < (size_t)K; i++) {
            double p = (double)x[m * ldx + i] * (double)weights[n * (size_t)K + i];

            sum += p, size += fabs(p);
        }
        sweep_near(y[at], sum, size, K, "dense");
    }
    sweep_release(w);
}

Test(dense, every_level_and_size)
{
    static const int rows[] = {1, 2, 13, 15, 64}, cols[] = {1, 7, 32, 33, 600};
    static const int depths[] = {1, 5, 32, 129};
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct kernels k;
    struct sweep w;

    sweep_init(&w);
    for (int i = 0; i < levels * 100; i++) {
        kernels_init(&k, masks[i / 100]);
        check(&w, &k, rows[i % 5], cols[i / 5 % 5], depths[i / 25 % 4], i % 2);
    }
}
