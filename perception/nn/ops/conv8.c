/* Convolutions of 8-bit numbers, ConvInteger and QLinearConv: what the windows see is laid out as
 * the columns of a matrix, and the weights are multiplied with it. */
#include <string.h>

#include "perception/nn/ops/integer.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/window.h"

struct conv8_params {
    struct window w;
    int64_t groups, C, M; /* channels of one group, in and out */
    int64_t K, pixels;    /* numbers that a window sees of one group, windows */
    bool pointwise;       /* the input is that matrix already */
};

/* Where the two operators have their inputs; -1: not at all. */
struct places {
    int w, zero_x, zero_w, scale_x, scale_w, scale_y, zero_y, bias;
};

static const struct places conv_integer = {1, 2, 3, -1, -1, -1, -1, -1};
static const struct places qlinear_conv = {3, 2, 5, 1, 4, 6, 7, 8};

static const struct places *places_of(const struct node *n)
{
    return n->op->variant ? &qlinear_conv : &conv_integer;
}

static enum err channels(struct node *n, struct conv8_params *p, const struct places *at,
                         struct why *why)
{
    const struct tensor *x = in(n, 0), *w = in(n, at->w);
    int64_t groups = attr_int(n, "group", 1);

    if (w->rank != x->rank)
        return err_say(why, ERR_FORMAT, "input of %d dimensions, weights of %d", x->rank, w->rank);
    if (groups < 1 || groups > x->dim[1] || x->dim[1] % groups || w->dim[0] < 1 ||
        w->dim[0] % groups || w->dim[1] != x->dim[1] / groups)
        return err_say(
            why, ERR_FORMAT, "%lld channels, %lld groups do not go with weights (%lld, %lld, ...)",
            (long long)x->dim[1], (long long)groups, (long long)w->dim[0], (long long)w->dim[1]);
    p->groups = groups;
    p->C = w->dim[1];
    p->M = w->dim[0] / groups;
    return OK;
}

/* Zero points, scales, bias. */
static enum err parameters(struct node *n, const struct places *at, int64_t outs, struct why *why)
{
    const int scale[] = {at->scale_x, at->scale_w, at->scale_y};
    enum err e;

    if ((e = integer_need(n, at->zero_x, 0, 1, why)) != OK ||
        (e = integer_need(n, at->zero_w, at->w, outs, why)) != OK)
        return e;
    if (at->zero_y < 0)
        return OK;
    for (int i = 0; i < 3; i++)
        if ((e = need_type(n, scale[i], T_FLOAT, why)) != OK ||
            (e = integer_need(n, scale[i], -1, scale[i] == at->scale_w ? outs : 1, why)) != OK)
            return e;
    if ((e = need_type(n, at->zero_y, T_Q8, why)) != OK ||
        (e = integer_need(n, at->zero_y, -1, 1, why)) != OK ||
        (e = need_type(n, at->bias, TYPE(DTYPE_I32), why)) != OK)
        return e;
    if (in(n, at->bias) && tensor_count(in(n, at->bias)) != outs)
        return err_say(why, ERR_FORMAT, "bias of %lld elements for %lld channels",
                       (long long)tensor_count(in(n, at->bias)), (long long)outs);
    return OK;
}

static bool is_pointwise(const struct window *w)
{
    for (int d = 0; d < SPACE; d++)
        if (w->kernel[d] != 1 || w->stride[d] != 1 || w->before[d] || w->after[d])
            return false;
    return true;
}

static enum err conv8_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct places *at = places_of(n);
    const struct tensor *x = in(n, 0), *w = in(n, at->w);
    struct conv8_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_type(n, at->w, T_Q8, why)) != OK ||
        (e = need_rank(n, 0, 3, 2 + SPACE, why)) != OK || (e = channels(n, p, at, why)) != OK ||
        (e = parameters(n, at, w->dim[0], why)) != OK ||
        (e = window_read(&p->w, n, w->dim + 2, why)) != OK ||
        (e = window_lengths(&p->w, false, why)) != OK)
        return e;
    rank = window_dims(&p->w, x->dim[0], w->dim[0], dim);
    p->K = dims_product(w->dim, 1, w->rank);
    p->pixels = (int64_t)p->w.out[0] * p->w.out[1] * p->w.out[2];
    p->pointwise = is_pointwise(&p->w);
    if ((e = set_out(n, 0, at->zero_y >= 0 ? in(n, at->zero_y)->type : DTYPE_I32, rank, dim,
                     why)) != OK)
        return e;
    n->macs = dims_product(dim, 0, rank) * p->K;
    return OK;
}

/* Bytes of the columns; a multiple of what the sums behind them need for their alignment. */
static size_t columns_bytes(const struct conv8_params *p)
{
    return p->pointwise ? 0 : ((size_t)p->K * (size_t)p->pixels + 63) / 64 * 64;
}

/* Of one group; none where they are the result. */
static size_t sums_bytes(const struct node *n)
{
    const struct conv8_params *p = n->params;

    return places_of(n)->zero_y < 0
               ? 0
               : ((size_t)p->M * (size_t)p->pixels * sizeof(int32_t) + 63) / 64 * 64;
}

static enum err conv8_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct conv8_params *p = n->params;
    double most = (double)p->K * (double)p->pixels;

    if (most > (double)g->memory_limit)
        return err_say(why, ERR_LIMIT, "%g bytes of scratch, limit %zu", most, g->memory_limit);
    n->scratch = columns_bytes(p) + sums_bytes(n) + integer_gemm_scratch(g, p->M, p->pixels, p->K);
    return OK;
}

/* What one tap of dimension d sees, window by window, begins at *at; windows [*first, *end) see the
 * picture, the others pads. */
static void seen(const struct window *w, int d, int tap, int64_t *at, int *first, int *end)
{
    int64_t stride = w->stride[d], begin = (int64_t)tap * w->dilation[d] - w->before[d];
    int64_t before = begin < 0 ? (stride - 1 - begin) / stride : 0;
    int64_t until = begin < w->in[d] ? (w->in[d] - 1 - begin) / stride + 1 : 0;

    *at = begin;
    *first = (int)(before < w->out[d] ? before : w->out[d]);
    *end = (int)(until < w->out[d] ? until : w->out[d]);
    *end = *end > *first ? *end : *first;
}

/* One row of windows of the last dimension; x: of the picture, NULL: all pads. */
static void lay_row(const struct window *w, const uint8_t *x, int tap, uint8_t pad, uint8_t *to)
{
    int first, end, length = w->out[2];
    int64_t at, stride = w->stride[2];

    if (!x) {
        memset(to, pad, (size_t)length);
        return;
    }
    seen(w, 2, tap, &at, &first, &end);
    memset(to, pad, (size_t)first);
    if (stride == 1 && end > first)
        memcpy(to + first, x + at + first, (size_t)(end - first));
    else
        for (int i = first; i < end; i++)
            to[i] = x[at + i * stride];
    memset(to + end, pad, (size_t)(length - end));
}

/* One row of the columns: what tap `tap` of all windows sees in one plane of x. */
static uint8_t *row_of_windows(const struct window *w, const uint8_t *plane, const int tap[SPACE],
                               uint8_t pad, uint8_t *to)
{
    int64_t at[2];
    int first[2], end[2];

    for (int d = 0; d < 2; d++)
        seen(w, d, tap[d], &at[d], &first[d], &end[d]);
    for (int z = 0; z < w->out[0]; z++)
        for (int y = 0; y < w->out[1]; y++, to += w->out[2]) {
            bool inside = z >= first[0] && z < end[0] && y >= first[1] && y < end[1];
            int64_t depth = at[0] + (int64_t)z * w->stride[0];
            int64_t line = at[1] + (int64_t)y * w->stride[1];

            lay_row(w, inside ? plane + (depth * w->in[1] + line) * w->in[2] : NULL, tap[2], pad,
                    to);
        }
    return to;
}

/* (C, space) -> (C, taps, windows) = (K, pixels) */
static void lay_columns(const struct conv8_params *p, const uint8_t *x, uint8_t pad, uint8_t *to)
{
    const struct window *w = &p->w;
    int64_t plane = (int64_t)w->in[0] * w->in[1] * w->in[2];
    int tap[SPACE];

    for (int64_t c = 0; c < p->C; c++)
        for (tap[0] = 0; tap[0] < w->kernel[0]; tap[0]++)
            for (tap[1] = 0; tap[1] < w->kernel[1]; tap[1]++)
                for (tap[2] = 0; tap[2] < w->kernel[2]; tap[2]++)
                    to = row_of_windows(w, x + c * plane, tap, pad, to);
}

/* The sums of one group into the result. first: its first output channel, to: its first element */
static void requantize(const struct node *n, const struct places *at, int64_t first, int64_t to,
                       int32_t *c)
{
    const struct conv8_params *p = n->params;
    const struct tensor *bias = in(n, at->bias);
    double scale_x = integer_each(in(n, at->scale_x), 0);
    double scale_y = integer_each(in(n, at->scale_y), 0);

    for (int64_t m = 0; m < p->M; m++, c += p->pixels, to += p->pixels) {
        uint32_t b = bias ? (uint32_t)number_int(bias, first + m) : 0;

        for (int64_t i = 0; b && i < p->pixels; i++)
            c[i] = (int32_t)((uint32_t)c[i] + b);
        integer_requantize(out(n, 0), to, c, p->pixels,
                           scale_x * integer_each(in(n, at->scale_w), first + m) / scale_y,
                           number_int(in(n, at->zero_y), 0));
    }
}

static enum err conv8_run(const struct node *n, const struct run *r)
{
    const struct places *at = places_of(n);
    const struct conv8_params *p = n->params;
    const struct tensor *x = in(n, 0), *w = in(n, at->w), *zx = in(n, at->zero_x);
    int64_t group_in = p->C * p->w.in[0] * p->w.in[1] * p->w.in[2], group_out = p->M * p->pixels;
    uint8_t pad = zx ? *(const uint8_t *)zx->data : 0, *columns = r->scratch;

    for (int64_t i = 0; i < x->dim[0] * p->groups; i++) {
        const uint8_t *from = (const uint8_t *)x->data + i * group_in;
        int64_t group = i % p->groups, first = group * p->M;
        struct matrix8 a = {(const uint8_t *)w->data + first * p->K, w->type == DTYPE_I8,
                            in(n, at->zero_w), first};
        struct matrix8 b = {p->pointwise ? from : columns, x->type == DTYPE_I8, zx, 0};
        int32_t *c = at->zero_y < 0 ? (int32_t *)out(n, 0)->data + i * group_out
                                    : (int32_t *)(columns + columns_bytes(p));

        if (!p->pointwise)
            lay_columns(p, from, pad, columns);
        integer_gemm(r, p->M, p->pixels, p->K, &a, &b, c,
                     columns + columns_bytes(p) + sums_bytes(n));
        if (at->zero_y >= 0)
            requantize(n, at, first, i * group_out, c);
    }
    return OK;
}

const struct op ops_conv8[] = {
    {"ConvInteger", 2, 4, 1, T_Q8, 0, conv8_infer, conv8_run, conv8_prepare, 0},
    {"QLinearConv", 8, 9, 1, T_Q8, 0, conv8_infer, conv8_run, conv8_prepare, 1},
    {NULL},
};
