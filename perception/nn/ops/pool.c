/* Pooling. float32 over one and two dimensions runs in the kernels; everything else (three
 * dimensions, 8 bit, Indices, LpPool) in one plain loop. */
#include <math.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/ops/last.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/window.h"

enum kind { POOL_MAX, POOL_AVERAGE, POOL_LP };

struct pool_params {
    struct window w;
    enum kind kind;
    bool count_pads, column_major;
    double p; /* LpPool */
};

static enum err pool_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct pool_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int rank, count;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->kind = (enum kind)n->op->variant;
    p->count_pads = p->kind == POOL_AVERAGE && attr_int(n, "count_include_pad", 0);
    p->column_major = p->kind == POOL_MAX && attr_int(n, "storage_order", 0);
    if (p->kind == POOL_LP)
        p->p = (double)attr_int(n, "p", 2);
    if (!attr_ints(n, "kernel_shape", &count))
        return err_say(why, ERR_FORMAT, "no kernel_shape");
    if ((e = window_read(&p->w, n, NULL, why)) != OK ||
        (e = window_lengths(&p->w, attr_int(n, "ceil_mode", 0) != 0, why)) != OK)
        return e;
    rank = window_dims(&p->w, x->dim[0], x->dim[1], dim);
    if ((e = set_out(n, 0, x->type, rank, dim, why)) != OK ||
        (e = set_out(n, 1, DTYPE_I64, rank, dim, why)) != OK)
        return e;
    n->work = dims_product(dim, 0, rank) * p->w.kernel[0] * p->w.kernel[1] * p->w.kernel[2];
    return OK;
}

/* The window over everything. */
static enum err global_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct pool_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 3, 2 + SPACE, why)) != OK ||
        (e = window_read(&p->w, n, x->dim + 2, why)) != OK ||
        (e = window_lengths(&p->w, false, why)) != OK)
        return e;
    p->kind = (enum kind)n->op->variant;
    if (p->kind == POOL_LP)
        p->p = (double)attr_int(n, "p", 2);
    return set_out(n, 0, x->type, window_dims(&p->w, x->dim[0], x->dim[1], dim), dim, why);
}

struct taken { /* what one window gives */
    double value;
    int64_t at; /* of the maximum, in its plane */
};

static double window_size(const struct pool_params *p, const int at[SPACE], int64_t inside)
{
    const struct window *w = &p->w;
    double n = 1;

    if (!p->count_pads)
        return (double)inside;
    for (int d = 0; d < SPACE; d++) { /* taps that lie in the padded picture */
        int64_t first = (int64_t)at[d] * w->stride[d] - w->before[d];
        int64_t room = (int64_t)w->in[d] + w->after[d] - first;
        int64_t taps = (room + w->dilation[d] - 1) / w->dilation[d];

        n *= (double)(taps < w->kernel[d] ? taps : w->kernel[d]);
    }
    return n;
}

static int64_t plane_index(const struct pool_params *p, const int at[SPACE])
{
    const int *n = p->w.in;

    if (p->column_major)
        return ((int64_t)at[2] * n[1] + at[1]) * n[0] + at[0];
    return ((int64_t)at[0] * n[1] + at[1]) * n[2] + at[2];
}

static struct taken take(const struct pool_params *p, const struct tensor *x, int64_t base,
                         const int out_at[SPACE])
{
    const struct window *w = &p->w;
    struct taken t = {p->kind == POOL_MAX ? -INFINITY : 0.0, 0};
    int64_t inside = 0;
    int at[SPACE], tap[SPACE];

    for (int i = 0; i < w->kernel[0] * w->kernel[1] * w->kernel[2]; i++) {
        bool is_inside = true;
        double v;

        tap[0] = i / w->kernel[2] / w->kernel[1];
        tap[1] = i / w->kernel[2] % w->kernel[1];
        tap[2] = i % w->kernel[2];
        for (int d = 0; d < SPACE; d++) {
            at[d] = out_at[d] * w->stride[d] + tap[d] * w->dilation[d] - w->before[d];
            is_inside &= at[d] >= 0 && at[d] < w->in[d];
        }
        if (!is_inside)
            continue;
        v = number_float(x, base + ((int64_t)at[0] * w->in[1] + at[1]) * w->in[2] + at[2]);
        if (p->kind == POOL_MAX && (inside == 0 || v > t.value))
            t = (struct taken){v, plane_index(p, at)};
        else if (p->kind != POOL_MAX)
            t.value += p->kind == POOL_LP ? pow(fabs(v), p->p) : v;
        inside++;
    }
    if (p->kind == POOL_AVERAGE)
        t.value /= window_size(p, out_at, inside);
    if (p->kind == POOL_LP)
        t.value = pow(t.value, 1.0 / p->p);
    return t;
}

static void plain_run(const struct node *n)
{
    const struct pool_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0), *where = out(n, 1);
    const struct tensor *like = y ? y : where;
    int64_t plane_in = dims_product(x->dim, 2, x->rank), to = 0;
    int at[SPACE];

    for (int64_t plane = 0; plane < like->dim[0] * like->dim[1]; plane++)
        for (at[0] = 0; at[0] < p->w.out[0]; at[0]++)
            for (at[1] = 0; at[1] < p->w.out[1]; at[1]++)
                for (at[2] = 0; at[2] < p->w.out[2]; at[2]++, to++) {
                    struct taken t = take(p, x, plane * plane_in, at);

                    if (y)
                        number_set_float(y, to, t.value);
                    if (where)
                        ((int64_t *)where->data)[to] = plane * plane_in + t.at;
                }
}

bool pool_as_last(const struct node *n, struct pool_last *to)
{
    const struct pool_params *p = n->params;
    const struct tensor *x = in(n, 0);
    int C = (int)x->dim[1];

    if ((n->op->infer != pool_infer && n->op->infer != global_infer) || p->kind == POOL_LP ||
        x->type != DTYPE_F32 || x->rank != 4 || tensor_count(x) == 0 || !out(n, 0) || out(n, 1) ||
        p->w.kernel[1] > HWC_MAX_TAPS)
        return false;
    if (p->kind == POOL_AVERAGE && (p->w.dilation[1] != 1 || p->w.dilation[2] != 1))
        return false;
    *to = (struct pool_last){.shape = window_shape(&p->w, (int)x->dim[0], C, C, C),
                             .max = p->kind == POOL_MAX,
                             .count_pads = p->count_pads};
    return true;
}

struct window *average_counting_zeros(struct node *n)
{
    struct pool_params *p = n->params;

    if (n->op->infer != pool_infer || p->kind != POOL_AVERAGE)
        return NULL;
    for (int d = 0; d < SPACE && !p->count_pads; d++)
        if (p->w.before[d] || p->w.after[d])
            return NULL;
    p->count_pads = true;
    return &p->w;
}

struct window *maximum_window(const struct node *n)
{
    struct pool_params *p = n->params;

    return n->op->infer == pool_infer && p->kind == POOL_MAX && out(n, 0) && !out(n, 1) ? &p->w
                                                                                        : NULL;
}

static enum err pool_node_run(const struct node *n, const struct run *r)
{
    const struct pool_params *p = n->params;
    const struct tensor *x = in(n, 0);
    struct conv_shape s;
    bool dilated = p->w.dilation[1] != 1 || p->w.dilation[2] != 1;

    if (tensor_count(x) == 0)
        return OK;
    if (x->type != DTYPE_F32 || !window_is_flat(&p->w) || !out(n, 0) || out(n, 1) ||
        p->kind == POOL_LP || (p->kind == POOL_AVERAGE && dilated)) {
        plain_run(n);
        return OK;
    }
    s = window_shape(&p->w, (int)x->dim[0], (int)x->dim[1], (int)x->dim[1], 1);
    if (p->kind == POOL_MAX)
        max_pool2d(r->kernels, &s, x->data, out(n, 0)->data, r->pool);
    else
        average_pool2d(r->kernels, &s, p->count_pads, x->data, out(n, 0)->data, r->pool);
    return OK;
}

const struct op ops_pool[] = {
    {"MaxPool", 1, 1, 2, T_FLOAT | T_Q8, 0, pool_infer, pool_node_run, NULL, POOL_MAX},
    {"AveragePool", 1, 1, 1, T_FLOAT, 0, pool_infer, pool_node_run, NULL, POOL_AVERAGE},
    {"LpPool", 1, 1, 1, T_FLOAT, 0, pool_infer, pool_node_run, NULL, POOL_LP},
    {"GlobalMaxPool", 1, 1, 1, T_FLOAT, 0, global_infer, pool_node_run, NULL, POOL_MAX},
    {"GlobalAveragePool", 1, 1, 1, T_FLOAT, 0, global_infer, pool_node_run, NULL, POOL_AVERAGE},
    {"GlobalLpPool", 1, 1, 1, T_FLOAT, 0, global_infer, pool_node_run, NULL, POOL_LP},
    {NULL},
};
