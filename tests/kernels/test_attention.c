/* attention() of random shapes, each operand turned or not, against sums in double precision. */
#include "perception/kernels/attention.h"
#include "tests/kernels/sweep.h"

enum { SHAPES = 40 };

static double at(const float *x, bool turned, int rows, int cols, int r, int c)
{
    return (double)(turned ? x[(size_t)c * rows + r] : x[(size_t)r * cols + c]);
}

/* Row `query` of one batch: the scores' softmax in p, and what comes out of it. */
static void check_query(const struct attention_shape *s, const float *q, const float *k,
                        const float *v, const float *out, int query, double *p)
{
    double top = -INFINITY, sum = 0;

    for (int j = 0; j < s->keys; j++) {
        p[j] = 0;
        for (int d = 0; d < s->depth; d++)
            p[j] += at(q, s->q_turned, s->queries, s->depth, query, d) *
                    at(k, s->k_turned, s->keys, s->depth, j, d);
        p[j] *= (double)s->scale;
        top = fmax(top, p[j]);
    }
    for (int j = 0; j < s->keys; j++)
        sum += p[j] = exp(p[j] - top);
    for (int e = 0; e < s->width; e++) {
        double want = 0;

        for (int j = 0; j < s->keys; j++)
            want += p[j] / sum * at(v, s->v_turned, s->keys, s->width, j, e);
        sweep_near((float)at(out, s->out_turned, s->queries, s->width, query, e), want, 8,
                   s->keys + s->depth, "attention");
    }
}

static void check_random(const struct kernels *k, struct sweep *w, struct pool *pool)
{
    struct attention_shape s = {.batches = sweep_int(w, 1, 3),
                                .queries = sweep_int(w, 1, 40),
                                .keys = sweep_int(w, 1, 90),
                                .depth = sweep_int(w, 1, 20),
                                .width = sweep_int(w, 1, 40),
                                .scale = sweep_float(w, 0.1f, 1),
                                .q_turned = sweep_int(w, 0, 1),
                                .k_turned = sweep_int(w, 0, 1),
                                .v_turned = sweep_int(w, 0, 1),
                                .out_turned = sweep_int(w, 0, 1)};
    size_t nq = (size_t)s.queries * s.depth, nk = (size_t)s.keys * s.depth;
    size_t nv = (size_t)s.keys * s.width, n = (size_t)s.queries * s.width, b = (size_t)s.batches;
    float *q = sweep_floats(w, b * nq, -1, 1), *keys = sweep_floats(w, b * nk, -1, 1);
    float *v = sweep_floats(w, b * nv, -1, 1), *out = sweep_floats(w, b * n, 0, 0);
    void *scratch = sweep_bytes(w, attention_scratch(k, &s, pool_threads(pool)));
    double *p = sweep_bytes(w, (size_t)s.keys * sizeof *p);

    attention(k, &s, q, keys, v, out, scratch, pool);
    for (size_t i = 0; i < b; i++)
        for (int query = 0; query < s.queries; query++)
            check_query(&s, q + i * nq, keys + i * nk, v + i * nv, out + i * n, query, p);
    sweep_release(w);
}

Test(attention, random_shapes)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);
    struct sweep w;
    struct pool *pool = NULL;

    cr_assert_eq(pool_open(3, &pool), OK);
    sweep_init(&w);
    for (int i = 0; i < levels; i++) {
        struct kernels k;

        kernels_init(&k, masks[i]);
        for (int j = 0; j < SHAPES; j++)
            check_random(&k, &w, j % 2 ? NULL : pool);
    }
    pool_close(pool);
}
