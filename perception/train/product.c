/* Forward products, and the gradient of the input as a convolution again: with the taps turned
 * around where the stride is 1, as a transposed convolution where it is more, and where dilation
 * comes on top, with the taps turned around over dy spread out between zeros. */
#include "perception/train/product.h"

#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/kernels_internal.h"

enum { SUM_FLOATS = 1 << 15 }; /* of a piece of column sums */

struct conv_shape product_rows(size_t n, int C, int M)
{
    return (struct conv_shape){.N = 1,
                               .C = C,
                               .H = 1,
                               .W = (int)n,
                               .M = M,
                               .OH = 1,
                               .OW = (int)n,
                               .kh = 1,
                               .kw = 1,
                               .stride_y = 1,
                               .stride_x = 1,
                               .dilation_y = 1,
                               .dilation_x = 1,
                               .groups = 1};
}

bool product_fits(const struct conv_shape *s)
{
    int reach_y = (s->kh - 1) * s->dilation_y, reach_x = (s->kw - 1) * s->dilation_x;

    return conv_hwc_fits(s) && s->pad_top <= reach_y && s->pad_bottom <= reach_y &&
           s->pad_left <= reach_x && s->pad_right <= reach_x;
}

/* ---- which way back ------------------------------------------------------------------------ */
enum way { TURNED, TRANSPOSED, SPREAD, DEPTH };

static enum way way_of(const struct conv_shape *s)
{
    if (s->stride_y == 1 && s->stride_x == 1)
        return TURNED;
    if (product_is_depthwise(s))
        return DEPTH;
    return s->dilation_y == 1 && s->dilation_x == 1 ? TRANSPOSED : SPREAD;
}

/* dy, spread out between zeros where the stride is more than 1, to dx. */
static struct conv_shape turned(const struct conv_shape *s)
{
    struct conv_shape b = *s;

    b.C = s->M;
    b.M = s->C;
    b.H = (s->OH - 1) * s->stride_y + 1;
    b.W = (s->OW - 1) * s->stride_x + 1;
    b.OH = s->H;
    b.OW = s->W;
    b.stride_y = b.stride_x = 1;
    b.pad_top = (s->kh - 1) * s->dilation_y - s->pad_top;
    b.pad_left = (s->kw - 1) * s->dilation_x - s->pad_left;
    b.pad_bottom = s->H - b.H - b.pad_top + (s->kh - 1) * s->dilation_y;
    b.pad_right = s->W - b.W - b.pad_left + (s->kw - 1) * s->dilation_x;
    return b;
}

static struct conv_shape transposed(const struct conv_shape *s)
{
    struct conv_shape b = *s;

    b.C = s->M;
    b.H = s->OH;
    b.W = s->OW;
    b.M = s->C;
    b.OH = s->H;
    b.OW = s->W;
    return b;
}

static size_t weights_of(const struct conv_shape *s)
{
    return (size_t)s->M * (size_t)(s->C / s->groups) * (size_t)s->kh * (size_t)s->kw;
}

static size_t spread_floats(const struct conv_shape *b)
{
    return (size_t)b->N * (size_t)b->H * (size_t)b->W * (size_t)b->C;
}

static size_t input_scratch(const struct train *t, const struct conv_shape *s)
{
    struct conv_shape b;
    int threads = pool_threads(t->pool);

    switch (way_of(s)) {
    case TRANSPOSED:
        b = transposed(s);
        return floats_size(conv_transpose_hwc_weights_size(&t->k, &b) / sizeof(float)) +
               conv_transpose_hwc_scratch(&t->k, &b, threads);
    case DEPTH:
        return depth_scratch(s);
    default:
        b = turned(s);
        return floats_size(weights_of(s)) + conv_hwc_weights_size(&t->k, &b) +
               conv_hwc_scratch(&t->k, &b, false, threads) +
               (way_of(s) == SPREAD ? floats_size(spread_floats(&b)) : 0);
    }
}

size_t product_scratch(const struct train *t, const struct conv_shape *s)
{
    size_t forward =
        conv_hwc_weights_size(&t->k, s) + conv_hwc_scratch(&t->k, s, false, pool_threads(t->pool));
    size_t input = input_scratch(t, s), weights = product_weights_scratch(t, s);
    size_t sums = product_sums_scratch((size_t)s->N * (size_t)s->OH * (size_t)s->OW, s->M);

    input = input > forward ? input : forward;
    weights = weights > sums ? weights : sums;
    return input > weights ? input : weights;
}

/* ---- forward ------------------------------------------------------------------------------- */
/* packed: room for the weights and, behind them, scratch memory */
static void convolve(struct train *t, const struct conv_shape *s, const float *x, const float *w,
                     const float *bias, float *y, bool add, char *packed)
{
    struct hwc_io io = {.x = x,
                        .y = y,
                        .add = add ? y : NULL,
                        .x_pitch = (size_t)s->C,
                        .y_pitch = (size_t)s->M,
                        .add_pitch = (size_t)s->M};

    conv_hwc_pack(&t->k, s, w, bias, packed);
    conv_hwc(&t->k, s, &io, packed, NULL, packed + conv_hwc_weights_size(&t->k, s), t->pool);
}

void product_forward(struct train *t, const struct conv_shape *s, const float *x, const float *w,
                     const float *bias, float *y, bool add)
{
    convolve(t, s, x, w, bias, y, add, t->scratch);
}

/* ---- the gradient of the input ------------------------------------------------------------- */
/* to (C, M / groups, kh, kw): within each group channels change sides, taps run backwards. */
static void turn_weights(const struct conv_shape *s, const float *w, float *to)
{
    int C = s->C / s->groups, M = s->M / s->groups, taps = s->kh * s->kw;

    for (int g = 0; g < s->groups; g++)
        for (int m = 0; m < M; m++)
            for (int c = 0; c < C; c++) {
                const float *from =
                    w + ((size_t)(g * M + m) * (size_t)C + (size_t)c) * (size_t)taps;
                float *out = to + ((size_t)(g * C + c) * (size_t)M + (size_t)m) * (size_t)taps;

                for (int i = 0; i < taps; i++)
                    out[i] = from[taps - 1 - i];
            }
}

static void spread(const struct conv_shape *s, const struct conv_shape *b, const float *dy,
                   float *to)
{
    size_t M = (size_t)s->M;

    memset(to, 0, spread_floats(b) * sizeof *to);
    for (int n = 0; n < s->N; n++)
        for (int y = 0; y < s->OH; y++)
            for (int x = 0; x < s->OW; x++)
                memcpy(to + (((size_t)n * (size_t)b->H + (size_t)(y * s->stride_y)) * (size_t)b->W +
                             (size_t)(x * s->stride_x)) *
                                M,
                       dy + (((size_t)n * (size_t)s->OH + (size_t)y) * (size_t)s->OW + (size_t)x) *
                                M,
                       M * sizeof *to);
}

static void input_turned(struct train *t, const struct conv_shape *s, const float *dy,
                         const float *w, const float *bias, float *dx, bool add)
{
    struct conv_shape b = turned(s);
    float *weights = (float *)(void *)t->scratch;
    char *rest = t->scratch + floats_size(weights_of(s));

    if (way_of(s) == SPREAD) {
        spread(s, &b, dy, (float *)(void *)rest);
        dy = (float *)(void *)rest;
        rest += floats_size(spread_floats(&b));
    }
    turn_weights(s, w, weights);
    convolve(t, &b, dy, weights, bias, dx, add, rest);
}

static void input_transposed(struct train *t, const struct conv_shape *s, const float *dy,
                             const float *w, const float *bias, float *dx, bool add)
{
    struct conv_shape b = transposed(s);
    struct hwc_io io = {.x = dy,
                        .y = dx,
                        .add = add ? dx : NULL,
                        .x_pitch = (size_t)b.C,
                        .y_pitch = (size_t)b.M,
                        .add_pitch = (size_t)b.M};

    conv_transpose_hwc_pack(&t->k, &b, w, bias, t->scratch);
    conv_transpose_hwc(&t->k, &b, &io, t->scratch, NULL,
                       t->scratch +
                           floats_size(conv_transpose_hwc_weights_size(&t->k, &b) / sizeof(float)),
                       t->pool);
}

void product_input(struct train *t, const struct conv_shape *s, const float *dy, const float *w,
                   const float *bias, float *dx, bool add)
{
    enum way way = way_of(s);

    if (way == DEPTH)
        depth_input(t, s, dy, w, bias, dx, add);
    else if (way == TRANSPOSED)
        input_transposed(t, s, dy, w, bias, dx, add);
    else
        input_turned(t, s, dy, w, bias, dx, add);
}

/* ---- sums over rows ------------------------------------------------------------------------ */
static size_t sum_rows(int C)
{
    return (size_t)int_max(1, SUM_FLOATS / C);
}

size_t product_sums_scratch(size_t rows, int C)
{
    return floats_size((size_t)pieces_of(rows, sum_rows(C)) * (size_t)C);
}

struct sums {
    struct train *t;
    const float *x;
    size_t rows;
    int C;
    float *part;
};

static void sums_piece(void *arg, int i, int thread)
{
    const struct sums *s = arg;
    size_t each = sum_rows(s->C), from = (size_t)i * each, left = s->rows - from;
    float *to = s->part + (size_t)i * (size_t)s->C;

    (void)thread;
    memset(to, 0, (size_t)s->C * sizeof *to);
    s->t->b.column_sums(to, s->x + from * (size_t)s->C, left < each ? left : each, s->C);
}

void product_sums(struct train *t, const float *x, size_t rows, int C, float *sum)
{
    struct sums s = {t, x, rows, C, (float *)(void *)t->scratch};
    int pieces = pieces_of(rows, sum_rows(C));

    pool_run(t->pool, pieces, sums_piece, &s);
    memset(sum, 0, (size_t)C * sizeof *sum);
    t->b.column_sums(sum, s.part, (size_t)pieces, C);
}
