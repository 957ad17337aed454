/* Batch norm with the activation behind it in the same passes, and layer norm.
 *
 * Batch norm keeps no more than mean and deviation of each channel: the way back computes
 * the activation's slope from x again, which costs less than storing what lies between. Moments are
 * taken over pieces of a fixed size and joined in order (Chan et al. 1979). */
#include <math.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/graph.h"

enum {
    PIECE = 1 << 14, /* floats */
    MEAN = 0,
    INVERSE,
    SCALE,
    SHIFT, /* kept, (C) each */
};
static const float epsilon = 1e-5f, momentum = 0.1f;

/* ---- building ------------------------------------------------------------------------------ */
static struct layer *add_norm(struct train *t, const struct layer_kind *kind, int x)
{
    struct layer *l;
    int C;

    if (!build_has(t, x, kind->name))
        return NULL;
    C = t->value[x].dim[t->value[x].rank - 1];
    l = build_layer(t, kind, &x, 1, t->value[x].rank, t->value[x].dim);
    if (!l)
        return NULL;
    build_param(t, l, &(struct param_of){.name = "weight", .rank = 1, .dim = &C, .start = 1});
    build_param(t, l, &(struct param_of){.name = "bias", .rank = 1, .dim = &C});
    return l;
}

int train_batch_norm_with(struct train *t, int x, enum act act, float a, float b)
{
    struct layer *l = add_norm(t, &layer_batch_norm, x);
    struct param_of mean = {.name = "running_mean", .rank = 1, .still = true};
    struct param_of variance = {.name = "running_var", .rank = 1, .start = 1, .still = true};

    if (!l)
        return -1;
    l->act = (struct activation){act, a, b};
    mean.dim = variance.dim = &t->value[l->out].dim[t->value[l->out].rank - 1];
    build_param(t, l, &mean);
    build_param(t, l, &variance);
    return l->out;
}

int train_batch_norm(struct train *t, int x, enum act act)
{
    return train_batch_norm_with(t, x, act, 0, 0);
}

int train_layer_norm(struct train *t, int x)
{
    struct layer *l = add_norm(t, &layer_layer_norm, x);

    return l ? l->out : -1;
}

/* ---- pieces -------------------------------------------------------------------------------- */
static int channels_of(const struct train *t, const struct layer *l)
{
    const struct value *v = &t->value[l->out];

    return v->dim[v->rank - 1];
}

static size_t rows_of(const struct train *t, const struct layer *l)
{
    return t->value[l->out].n / (size_t)channels_of(t, l);
}

static size_t piece_rows(int C)
{
    size_t n = (size_t)PIECE / (size_t)C;

    return n < 1 ? 1 : n > BACKWARD_MAX_ROWS ? BACKWARD_MAX_ROWS : n;
}

struct pass {
    struct train *t;
    struct layer *l;
    int C;
    size_t rows, each;
    const float *x, *dy;
    float *dx, *part; /* part: (pieces, 2, C) */
    bool add;
    const float *of_d, *of_x, *one;
};

static struct pass pass_of(struct train *t, struct layer *l)
{
    int C = channels_of(t, l);

    return (struct pass){.t = t,
                         .l = l,
                         .C = C,
                         .rows = rows_of(t, l),
                         .each = piece_rows(C),
                         .x = layer_x(t, l, 0),
                         .part = (float *)(void *)t->scratch};
}

static struct norm_rows rows_of_piece(const struct pass *p, int i)
{
    size_t from = (size_t)i * p->each, left = p->rows - from;

    return (struct norm_rows){.rows = left < p->each ? left : p->each,
                              .C = p->C,
                              .x = p->x + from * (size_t)p->C,
                              .dy = p->dy ? p->dy + from * (size_t)p->C : NULL,
                              .scale = p->l->kept[SCALE],
                              .shift = p->l->kept[SHIFT],
                              .act = p->l->act};
}

static size_t scratch(const struct train *t, const struct layer *l)
{
    size_t C = (size_t)channels_of(t, l);
    int pieces = pieces_of(rows_of(t, l), piece_rows((int)C));

    return floats_size(((size_t)pieces * 2 + 3) * C) + 2 * C * sizeof(double);
}

static void place(struct train *t, struct layer *l, struct arena *a)
{
    for (int i = 0; i < 4; i++)
        l->kept[i] = arena_take(a, (size_t)channels_of(t, l) * sizeof(float));
}

/* (2 C) behind the pieces' numbers in scratch memory */
static double *channel_sums(const struct pass *p)
{
    size_t pieces = (size_t)pieces_of(p->rows, p->each);

    return (double *)(void *)(p->t->scratch + floats_size((pieces * 2 + 3) * (size_t)p->C));
}

/* ---- batch norm ---------------------------------------------------------------------------- */
static void moments_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);
    float *mean = p->part + (size_t)i * 2 * (size_t)p->C;

    (void)thread;
    p->t->b.moments(n.x, n.rows, p->C, mean, mean + p->C);
}

static void forward_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);

    (void)thread;
    p->t->b.norm_forward(layer_y(p->t, p->l) + (size_t)i * p->each * (size_t)p->C, &n);
}

/* Mean and variance of channel c from those of the pieces. */
static void join_moments(const struct pass *p, int pieces, int c, double *mean, double *variance)
{
    double n = 0, m2 = 0;

    *mean = 0;
    for (int i = 0; i < pieces; i++) {
        size_t from = (size_t)i * p->each, left = p->rows - from;
        double rows = (double)(left < p->each ? left : p->each);
        const float *of = p->part + (size_t)i * 2 * (size_t)p->C + c;
        double apart = (double)of[0] - *mean;

        m2 += (double)of[p->C] + apart * apart * n * rows / (n + rows);
        *mean += apart * rows / (n + rows);
        n += rows;
    }
    *variance = m2 / n;
}

/* Two sums of each channel over all processes. Moments go as sum of x and of its square. */
static void join_ranks(const struct pass *p)
{
    if (p->t->ranks)
        p->t->ranks->sum_doubles(p->t->ranks->state, channel_sums(p), 2 * p->C);
}

/* Rows of the whole batch. */
static double all_rows(const struct pass *p)
{
    return (double)p->rows * (p->t->ranks ? p->t->ranks->n : 1);
}

static void rank_moments(const struct pass *p, int pieces)
{
    double *sum = channel_sums(p), share = (double)p->rows / all_rows(p);

    for (int c = 0; c < p->C; c++) {
        double mean, variance;

        join_moments(p, pieces, c, &mean, &variance);
        sum[2 * c] = mean * share;
        sum[2 * c + 1] = (variance + mean * mean) * share;
    }
    join_ranks(p);
}

static void batch_moments(struct pass *p, int pieces)
{
    struct train *t = p->t;
    struct layer *l = p->l;
    float *running = layer_w(t, l, 2), *running2 = layer_w(t, l, 3);
    double n = all_rows(p), unbiased = n > 1 ? n / (n - 1) : 1, *sum = channel_sums(p);

    pool_run(t->pool, pieces, moments_piece, p);
    if (t->ranks)
        rank_moments(p, pieces);
    for (int c = 0; c < p->C; c++) {
        double mean, variance;

        if (t->ranks) {
            mean = sum[2 * c];
            variance = fmax(sum[2 * c + 1] - mean * mean, 0);
        } else {
            join_moments(p, pieces, c, &mean, &variance);
        }
        l->kept[MEAN][c] = (float)mean;
        l->kept[INVERSE][c] = (float)(1 / sqrt(variance + (double)epsilon));
        if (!isfinite(mean) || !isfinite(variance))
            continue; /* the step will be skipped: nothing of it stays */
        running[c] += momentum * ((float)mean - running[c]);
        running2[c] += momentum * ((float)(variance * unbiased) - running2[c]);
    }
}

static void batch_forward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);
    int pieces = pieces_of(p.rows, p.each);
    const float *gamma = layer_w(t, l, 0), *beta = layer_w(t, l, 1);

    if (t->training)
        batch_moments(&p, pieces);
    for (int c = 0; c < p.C; c++) {
        if (!t->training) {
            l->kept[MEAN][c] = layer_w(t, l, 2)[c];
            l->kept[INVERSE][c] = 1 / sqrtf(layer_w(t, l, 3)[c] + epsilon);
        }
        l->kept[SCALE][c] = gamma[c] * l->kept[INVERSE][c];
        l->kept[SHIFT][c] = beta[c] - l->kept[MEAN][c] * l->kept[SCALE][c];
    }
    pool_run(t->pool, pieces, forward_piece, &p);
}

static void sums_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);
    float *d = p->part + (size_t)i * 2 * (size_t)p->C;

    (void)thread;
    p->t->b.norm_sums(&n, p->l->kept[MEAN], d, d + p->C);
}

static void backward_piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);

    (void)thread;
    p->t->b.norm_backward(p->dx + (size_t)i * p->each * (size_t)p->C, &n, p->of_d, p->of_x, p->one,
                          p->add);
}

/* Channel c's two sums, piece by piece. */
static void add_pieces(const struct pass *p, int pieces, int c, double sum[2])
{
    sum[0] = sum[1] = 0;
    for (int i = 0; i < pieces; i++)
        for (int k = 0; k < 2; k++)
            sum[k] += (double)p->part[((size_t)i * 2 + (size_t)k) * (size_t)p->C + (size_t)c];
}

/* With d behind the activation and xhat = (x - mean) inverse:
 * dx = gamma inverse (d - mean of d - xhat mean of (d xhat)), as a line in d and x per channel. */
static void batch_backward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);
    int pieces = pieces_of(p.rows, p.each);
    float *dgamma = layer_dw(t, l, 0), *dbeta = layer_dw(t, l, 1);
    float *of_d = p.part + (size_t)pieces * 2 * (size_t)p.C, *of_x = of_d + p.C, *one = of_x + p.C;
    double *sum = channel_sums(&p), n = all_rows(&p);

    p.dy = layer_dy(t, l);
    p.of_d = of_d;
    p.of_x = of_x;
    p.one = one;
    pool_run(t->pool, pieces, sums_piece, &p);
    for (int c = 0; c < p.C; c++) {
        add_pieces(&p, pieces, c, sum + 2 * c);
        dbeta[c] = (float)sum[2 * c];
        dgamma[c] = (float)(sum[2 * c + 1] * (double)l->kept[INVERSE][c]);
    }
    join_ranks(&p); /* dgamma and dbeta are summed with all gradients */
    for (int c = 0; c < p.C; c++) {
        double inverse = (double)l->kept[INVERSE][c], scale = (double)l->kept[SCALE][c];
        double line = -scale * inverse * inverse * sum[2 * c + 1] / n;

        of_d[c] = (float)scale;
        of_x[c] = (float)line;
        one[c] = (float)(-scale * sum[2 * c] / n - line * (double)l->kept[MEAN][c]);
    }
    p.dx = grad_begin(t, l, 0, &p.add);
    if (p.dx)
        pool_run(t->pool, pieces, backward_piece, &p);
}

const struct layer_kind layer_batch_norm = {"norm", place, scratch, batch_forward, batch_backward};

/* ---- layer norm: a row at a time ----------------------------------------------------------- */
static void layer_rows(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);
    float *y = layer_y(p->t, p->l) + (size_t)i * p->each * (size_t)p->C;

    (void)thread;
    for (size_t r = 0; r < n.rows; r++)
        p->t->k.layernorm(y + r * (size_t)p->C, n.x + r * (size_t)p->C, (size_t)p->C,
                          layer_w(p->t, p->l, 0), layer_w(p->t, p->l, 1), epsilon);
}

static void layer_forward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);

    pool_run(t->pool, pieces_of(p.rows, p.each), layer_rows, &p);
}

/* dx of one row, and what it adds to dgamma and dbeta. */
static void layer_row_back(const struct pass *p, const float *x, const float *dy, float *dx,
                           float *dgamma, float *dbeta)
{
    const float *gamma = layer_w(p->t, p->l, 0);
    double mean = 0, variance = 0, d = 0, dxhat = 0, inverse;

    for (int c = 0; c < p->C; c++)
        mean += (double)x[c] / p->C;
    for (int c = 0; c < p->C; c++)
        variance += ((double)x[c] - mean) * ((double)x[c] - mean) / p->C;
    inverse = 1 / sqrt(variance + (double)epsilon);
    for (int c = 0; c < p->C; c++) {
        double hat = ((double)x[c] - mean) * inverse;

        dgamma[c] += (float)(hat * (double)dy[c]);
        dbeta[c] += dy[c];
        d += (double)(dy[c] * gamma[c]) / p->C;
        dxhat += (double)(dy[c] * gamma[c]) * hat / p->C;
    }
    for (int c = 0; dx && c < p->C; c++) {
        double hat = ((double)x[c] - mean) * inverse;
        float v = (float)(inverse * ((double)(dy[c] * gamma[c]) - d - hat * dxhat));

        dx[c] = p->add ? dx[c] + v : v;
    }
}

static void layer_rows_back(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    struct norm_rows n = rows_of_piece(p, i);
    float *dgamma = p->part + (size_t)i * 2 * (size_t)p->C;
    size_t at = (size_t)i * p->each * (size_t)p->C;

    (void)thread;
    memset(dgamma, 0, 2 * (size_t)p->C * sizeof *dgamma);
    for (size_t r = 0; r < n.rows; r++, at += (size_t)p->C)
        layer_row_back(p, p->x + at, p->dy + at, p->dx ? p->dx + at : NULL, dgamma, dgamma + p->C);
}

static void layer_backward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);
    int pieces = pieces_of(p.rows, p.each);
    float *both = p.part + (size_t)pieces * 2 * (size_t)p.C;

    p.dy = layer_dy(t, l);
    p.dx = grad_begin(t, l, 0, &p.add);
    pool_run(t->pool, pieces, layer_rows_back, &p);
    memset(both, 0, 2 * (size_t)p.C * sizeof *both);
    t->b.column_sums(both, p.part, (size_t)pieces, 2 * p.C);
    memcpy(layer_dw(t, l, 0), both, (size_t)p.C * sizeof *both);
    memcpy(layer_dw(t, l, 1), both + p.C, (size_t)p.C * sizeof *both);
}

const struct layer_kind layer_layer_norm = {"layer_norm", NULL, scratch, layer_forward,
                                            layer_backward};
