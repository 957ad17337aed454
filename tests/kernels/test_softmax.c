/* Softmax on every CPU level, over rows and columns of many lengths, against the definition. */
#include "tests/kernels/sweep.h"

struct box {
    size_t outer, axis, inner;
};

static void check(const struct kernels *k, struct sweep *w, struct box b)
{
    size_t n = b.outer * b.axis * b.inner;
    float *x = sweep_floats(w, n, -30, 30), *y = sweep_floats(w, n, 0, 0);

    softmax_axis(k, y, x, b.outer, b.axis, b.inner, NULL);
    for (size_t i = 0; i < n; i++) {
        size_t first = i / (b.axis * b.inner) * (b.axis * b.inner) + i % b.inner;
        double sum = 0;

        for (size_t a = 0; a < b.axis; a++)
            sum += exp((double)x[first + a * b.inner] - x[i]);
        sweep_near(y[i], 1 / sum, 1, (int)b.axis, "softmax");
    }
    softmax_axis(k, x, x, b.outer, b.axis, b.inner, NULL); /* in place */
    cr_assert(memcmp(x, y, n * sizeof *x) == 0);
    sweep_release(w);
}

Test(softmax, along_any_axis)
{
    static const size_t axes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 67, 128, 150};
    static const size_t outers[] = {1, 2, 63, 64, 65, 131}, inners[] = {2, 5, 16, 33, 64, 131};
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct kernels k;
    struct sweep w;

    sweep_init(&w);
    for (int level = 0; level < levels; level++) {
        kernels_init(&k, masks[level]);
        for (size_t a = 0; a < sizeof axes / sizeof *axes; a++)
            for (int i = 0; i < 6; i++) {
                check(&k, &w, (struct box){outers[i], axes[a], 1});
                check(&k, &w, (struct box){2, axes[a], inners[i]});
            }
    }
}

/* What is masked weighs nothing, and where all of a row is, there is no answer. */
Test(softmax, masked)
{
    enum { N = 40 };
    unsigned masks[8];
    int levels = sweep_levels(masks);

    for (int level = 0; level < levels; level++)
        for (size_t axis = 2; axis <= N; axis += N - 2) {
            float x[N], y[N];
            struct kernels k;

            kernels_init(&k, masks[level]);
            for (size_t i = 0; i < axis; i++)
                x[i] = i % 2 ? -INFINITY : 3.0f;
            softmax_axis(&k, y, x, 1, axis, 1, NULL);
            for (size_t i = 0; i < axis; i++)
                cr_assert_float_eq(y[i], i % 2 ? 0.0f : 2.0f / (float)axis, i % 2 ? 0 : 1e-6);
            for (size_t i = 0; i < axis; i++)
                x[i] = -INFINITY;
            softmax_axis(&k, y, x, 1, axis, 1, NULL);
            cr_assert(isnan(y[0]) && isnan(y[axis - 1]));
        }
}

Test(softmax, threads_do_not_change_the_result)
{
    enum { OUTER = 1111, AXIS = 50, N = OUTER * AXIS };
    struct sweep w;
    struct kernels k;
    struct pool *pool;

    sweep_init(&w);
    kernels_init(&k, ~0u);
    cr_assert(pool_open(3, &pool) == OK);
    float *x = sweep_floats(&w, N, -5, 5), *y = sweep_floats(&w, N, 0, 0),
          *z = sweep_floats(&w, N, 1, 1);

    for (size_t axis = 10; axis <= AXIS; axis += AXIS - 10) {
        softmax_axis(&k, y, x, OUTER, axis, 1, NULL);
        softmax_axis(&k, z, x, OUTER, axis, 1, pool);
        cr_assert(memcmp(y, z, OUTER * axis * sizeof *y) == 0);
    }
    pool_close(pool);
    sweep_release(&w);
}
