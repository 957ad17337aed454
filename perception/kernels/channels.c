/* Work on whole planes that the table's row kernels do a row at a time. */
#include "perception/kernels/kernels.h"

#include "perception/kernels/kernels_internal.h"

enum { PIECE = 16384 }; /* floats: long enough that handing it out costs nothing */

void epilogue_row(const struct kernels *k, float *y, const float *x, float scale, size_t n,
                  const struct epilogue *e, int c, size_t at)
{
    struct finish f = {
        .scale = scale,
        .shift = e->bias ? e->bias[c] : 0.0f,
        .add = e->add ? e->add + at : NULL,
        .add_after = e->add_after,
        .act = e->act,
        .a = e->slope ? e->slope[c] : e->a,
        .b = e->b,
    };

    if (scale != 1.0f || f.shift != 0.0f || f.add || f.act != ACT_NONE || x != y)
        k->finish(y, x, n, &f);
}

struct planes {
    const struct kernels *k;
    float *y;
    const float *x, *scale;
    int C;
    size_t n;
    int pieces; /* of each plane */
    const struct epilogue *e;
};

static void planes_piece(void *arg, int i, int thread)
{
    const struct planes *p = arg;
    int c = i / p->pieces;
    size_t from = p->n * (size_t)(i % p->pieces) / (size_t)p->pieces;
    size_t to = p->n * (size_t)(i % p->pieces + 1) / (size_t)p->pieces;
    size_t at = (size_t)c * p->n + from;

    (void)thread;
    epilogue_row(p->k, p->y + at, p->x + at, p->scale ? p->scale[c] : 1.0f, to - from, p->e, c, at);
}

void channels_finish(const struct kernels *k, float *y, const float *x, const float *scale, int C,
                     size_t n, const struct epilogue *e, struct pool *pool)
{
    int pieces = (int)(n / PIECE) + 1;
    struct planes p = {k, y, x, scale, C, n, pieces, e};

    pool_run(pool, C * pieces, planes_piece, &p);
}

void channels_binary(const struct kernels *k, enum binary op, float *y, const float *x,
                     const float *b, int C, size_t n)
{
    for (int c = 0; c < C; c++)
        k->scalar[op](y + c * n, x + c * n, b[c], n);
}

/* Softmax down columns: n of them, side by side. */
static void softmax_columns(const struct kernels *k, float *y, const float *x, size_t axis,
                            size_t inner, size_t n)
{
    float top[64], sum[64];

    for (size_t j = 0; j < n; j++)
        top[j] = x[j], sum[j] = 0.0f;
    for (size_t a = 1; a < axis; a++)
        k->binary[BINARY_MAX](top, top, x + a * inner, n);
    for (size_t a = 0; a < axis; a++) {
        float *row = y + a * inner;

        k->binary[BINARY_SUB](row, x + a * inner, top, n);
        k->unary[UNARY_EXP](row, row, n);
        k->binary[BINARY_ADD](sum, sum, row, n);
    }
    for (size_t a = 0; a < axis; a++)
        k->binary[BINARY_DIV](y + a * inner, y + a * inner, sum, n);
}

void softmax_axis(const struct kernels *k, float *y, const float *x, size_t outer, size_t axis,
                  size_t inner)
{
    for (size_t o = 0; o < outer && axis > 0; o++) {
        size_t at = o * axis * inner;

        if (inner == 1)
            k->softmax(y + at, x + at, axis);
        else
            for (size_t i = 0; i < inner; i += 64)
                softmax_columns(k, y + at + i, x + at + i, axis, inner,
                                inner - i < 64 ? inner - i : 64);
    }
}
