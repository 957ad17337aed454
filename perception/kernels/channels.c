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

/* ---- softmax --------------------------------------------------------------------------------- */
enum {
    FEW = 4,      /* numbers, which need no squares to stand up */
    SHORT = 16,   /* rows up to this long go many at a time, a row in each lane */
    STANDING = 64 /* so many */
};

struct softmax {
    const struct kernels *k;
    float *y;
    const float *x;
    size_t outer, axis, inner;
    int pieces;
};

/* n rows of cols numbers into columns STANDING apart, and back. */
static void stand_up(const struct kernels *k, float *standing, const float *x, size_t n,
                     size_t cols)
{
    if (cols > FEW)
        k->transpose(standing, STANDING, x, cols, n, cols);
    for (size_t c = 0; c < cols && cols <= FEW; c++)
        k->copy_strided(standing + c * STANDING, x + c, n, (int)cols);
}

static void lay_down(const struct kernels *k, float *y, const float *standing, size_t n,
                     size_t cols)
{
    if (cols > FEW)
        k->transpose(y, cols, standing, STANDING, cols, n);
    else
        k->interleave_few(y, standing, STANDING, (int)cols, n);
}

static void softmax_short_rows(const struct softmax *s, size_t from, size_t to)
{
    float standing[SHORT * STANDING];

    for (size_t o = from; o < to; o += STANDING) {
        size_t n = to - o < STANDING ? to - o : STANDING, at = o * s->axis;

        stand_up(s->k, standing, s->x + at, n, s->axis);
        s->k->softmax_columns(standing, standing, s->axis, STANDING, n);
        lay_down(s->k, s->y + at, standing, n, s->axis);
    }
}

static void softmax_piece(void *arg, int i, int thread)
{
    const struct softmax *s = arg;
    size_t from = s->outer * (size_t)i / (size_t)s->pieces;
    size_t to = s->outer * (size_t)(i + 1) / (size_t)s->pieces, size = s->axis * s->inner;

    (void)thread;
    if (s->inner == 1 && s->axis <= SHORT) {
        softmax_short_rows(s, from, to);
        return;
    }
    for (size_t o = from; o < to; o++)
        if (s->inner == 1)
            s->k->softmax(s->y + o * size, s->x + o * size, s->axis);
        else
            s->k->softmax_columns(s->y + o * size, s->x + o * size, s->axis, s->inner, s->inner);
}

void softmax_axis(const struct kernels *k, float *y, const float *x, size_t outer, size_t axis,
                  size_t inner, struct pool *pool)
{
    size_t pieces = outer * axis * inner / PIECE + 1;
    struct softmax s = {k, y, x, outer, axis, inner, (int)(pieces < outer ? pieces : outer)};

    if (axis > 0 && outer > 0)
        pool_run(pool, s.pieces, softmax_piece, &s);
}
