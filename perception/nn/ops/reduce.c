/* Many numbers into one: the Reduce family, ArgMax and ArgMin. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum kind { SUM, MEAN, MAX, MIN, PROD, L1, L2, SUM_SQUARE, LOG_SUM, LOG_SUM_EXP, ARG_MAX, ARG_MIN };

enum { FEW_ROWS = 64 };

/* The input as two boxes: what stays, and what becomes one. */
struct reduce_params {
    int n_keep, n_gone;
    int64_t keep[TENSOR_MAX_RANK], keep_step[TENSOR_MAX_RANK];
    int64_t gone[TENSOR_MAX_RANK], gone_step[TENSOR_MAX_RANK];
    int64_t count; /* how many become one */
    bool last;     /* ArgMax: of equals the last */
    bool noop;
};

static enum err set_reduced(struct node *n, struct reduce_params *p, enum dtype type,
                            const bool gone[TENSOR_MAX_RANK], bool keepdims, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t dim[TENSOR_MAX_RANK];
    int rank = 0;

    p->count = 1;
    for (int d = 0; d < x->rank; d++) {
        int64_t step = dims_product(x->dim, d + 1, x->rank);

        if (!gone[d]) {
            dim[rank++] = x->dim[d];
            p->keep[p->n_keep] = x->dim[d];
            p->keep_step[p->n_keep++] = step;
            continue;
        }
        if (keepdims)
            dim[rank++] = 1;
        p->count *= x->dim[d];
        if (p->n_gone > 0 && p->gone_step[p->n_gone - 1] == step * x->dim[d]) {
            p->gone[p->n_gone - 1] *= x->dim[d]; /* neighbours walk as one */
            p->gone_step[p->n_gone - 1] = step;
        } else {
            p->gone[p->n_gone] = x->dim[d];
            p->gone_step[p->n_gone++] = step;
        }
    }
    if (p->n_gone == 0) {
        p->gone[p->n_gone] = 1;
        p->gone_step[p->n_gone++] = 1;
    }
    return set_out(n, 0, type, rank, dim, why);
}

static enum err reduce_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct reduce_params *p = node_params(g, n, sizeof *p);
    int since = n->op->variant == SUM ? 13 : 18; /* axes became an input */
    int64_t axes[TENSOR_MAX_RANK];
    bool gone[TENSOR_MAX_RANK];
    int count;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = ints_either(n, 1, n->opset < since ? "axes" : NULL, axes, TENSOR_MAX_RANK, &count,
                         why)) != OK ||
        (e = axes_of(axes, count, x->rank, gone, why)) != OK)
        return e;
    p->noop = n->opset >= since && attr_int(n, "noop_with_empty_axes", 0) && count <= 0;
    for (int d = 0; count <= 0 && d < x->rank; d++)
        gone[d] = !p->noop;
    return set_reduced(n, p, x->type, gone, attr_int(n, "keepdims", 1) != 0, why);
}

static enum err arg_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct reduce_params *p = node_params(g, n, sizeof *p);
    int64_t axis = attr_int(n, "axis", 0);
    bool gone[TENSOR_MAX_RANK];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->last = attr_int(n, "select_last_index", 0) != 0;
    if ((e = axes_of(&axis, 1, x->rank, gone, why)) != OK ||
        (e = set_reduced(n, p, DTYPE_I64, gone, attr_int(n, "keepdims", 1) != 0, why)) != OK)
        return e;
    if (p->count == 0)
        return err_say(why, ERR_FORMAT, "the axis has no elements");
    return OK;
}

static double real_start(enum kind k)
{
    return k == MAX ? -INFINITY : k == MIN ? INFINITY : k == PROD ? 1.0 : 0.0;
}

static double real_step(enum kind k, double a, double v)
{
    switch (k) {
    case MAX:
        return v > a || v != v ? v : a;
    case MIN:
        return v < a || v != v ? v : a;
    case PROD:
        return a * v;
    case L1:
        return a + fabs(v);
    case L2:
    case SUM_SQUARE:
        return a + v * v;
    default:
        return a + v;
    }
}

static double real_end(enum kind k, double a, int64_t count)
{
    switch (k) {
    case MEAN:
        return a / (double)count;
    case L2:
        return sqrt(a);
    case LOG_SUM:
        return log(a);
    default:
        return a;
    }
}

static int64_t int_step(enum kind k, int64_t a, int64_t v, bool first)
{
    switch (k) {
    case MAX:
        return first || v > a ? v : a;
    case MIN:
        return first || v < a ? v : a;
    case PROD:
        return first ? v : (int64_t)((uint64_t)a * (uint64_t)v);
    case L1:
        return (int64_t)((uint64_t)a + (v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
    case L2:
    case SUM_SQUARE:
        return (int64_t)((uint64_t)a + (uint64_t)v * (uint64_t)v);
    default:
        return (int64_t)((uint64_t)a + (uint64_t)v);
    }
}

/* Where element i of the gone box lies, relative to its first. */
static int64_t gone_at(const struct reduce_params *p, int64_t i)
{
    int64_t at = 0;

    for (int d = p->n_gone - 1; d >= 0; d--) {
        at += i % p->gone[d] * p->gone_step[d];
        i /= p->gone[d];
    }
    return at;
}

/* One row of the innermost gone dimension in float32, the common case. */
static double f32_row(enum kind k, const struct kernels *f, const float *x, int64_t n, int64_t step,
                      double a)
{
    if (step == 1 && (k == SUM || k == MEAN))
        return a + (double)f->sum(x, (size_t)n);
    if (step == 1 && k == MAX && n > 0)
        return real_step(k, a, (double)f->max(x, (size_t)n));
    for (int64_t i = 0; i < n; i++)
        a = real_step(k, a, (double)x[i * step]);
    return a;
}

static double log_sum_exp(const struct reduce_params *p, const struct tensor *x, int64_t base)
{
    double top = -INFINITY, sum = 0;

    for (int64_t i = 0; i < p->count; i++)
        top = fmax(top, number_float(x, base + gone_at(p, i)));
    if (isinf(top))
        return top;
    for (int64_t i = 0; i < p->count; i++)
        sum += exp(number_float(x, base + gone_at(p, i)) - top);
    return log(sum) + top;
}

static void reduce_one(const struct node *n, const struct run *r, int64_t base, int64_t to)
{
    const struct reduce_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    enum kind k = (enum kind)n->op->variant;
    double a = real_start(k);
    int64_t whole = 0, row = p->gone[p->n_gone - 1], step = p->gone_step[p->n_gone - 1];

    if (k == LOG_SUM_EXP) {
        number_set_float(y, to, log_sum_exp(p, x, base));
        return;
    }
    if (!dtype_is_float(x->type) && k != LOG_SUM) {
        for (int64_t i = 0; i < p->count; i++)
            whole = int_step(k, whole, number_int(x, base + gone_at(p, i)), i == 0);
        if (p->count == 0 && k == PROD)
            whole = 1;
        number_set_int(y, to,
                       k == MEAN && p->count ? whole / p->count
                       : k == L2             ? (int64_t)sqrt((double)whole)
                                             : whole);
        return;
    }
    for (int64_t i = 0; i < p->count; i += row) {
        int64_t at = base + gone_at(p, i);

        if (x->type == DTYPE_F32)
            a = f32_row(k, r->kernels, (const float *)x->data + at, row, step, a);
        else
            for (int64_t j = 0; j < row; j++)
                a = real_step(k, a, number_float(x, at + j * step));
    }
    number_set_float(y, to, real_end(k, a, p->count));
}

static void arg_one(const struct node *n, int64_t base, int64_t to)
{
    const struct reduce_params *p = n->params;
    const struct tensor *x = in(n, 0);
    bool whole = !dtype_is_float(x->type), largest = n->op->variant == ARG_MAX;
    int64_t best = 0;

    for (int64_t i = 1; i < p->count; i++) {
        int64_t a = base + gone_at(p, i), b = base + gone_at(p, best);
        int sign =
            whole ? (number_int(x, a) > number_int(x, b)) - (number_int(x, a) < number_int(x, b))
                  : (number_float(x, a) > number_float(x, b)) -
                        (number_float(x, a) < number_float(x, b));

        if ((largest ? sign > 0 : sign < 0) || (sign == 0 && p->last))
            best = i;
    }
    ((int64_t *)out(n, 0)->data)[to] = best;
}

/* Few rows onto each other, each as long as what lies behind the axis: in float32, since a short sum
 * loses nothing that matters. */
static bool is_few_rows(const struct node *n)
{
    const struct reduce_params *p = n->params;

    return (n->op->variant == SUM || n->op->variant == MEAN) && in(n, 0)->type == DTYPE_F32 &&
           p->n_gone == 1 && p->gone_step[0] > 1 && p->count > 0 && p->count <= FEW_ROWS;
}

static void sum_rows(const struct node *n, const struct run *r)
{
    const struct reduce_params *p = n->params;
    size_t inner = (size_t)p->gone_step[0], count = (size_t)p->count;
    size_t outer = (size_t)tensor_count(out(n, 0)) / inner;
    const float *x = in(n, 0)->data;
    float *y = out(n, 0)->data;

    for (size_t o = 0; o < outer; o++, x += count * inner, y += inner) {
        memcpy(y, x, inner * sizeof *y);
        for (size_t i = 1; i < count; i++)
            r->kernels->binary[BINARY_ADD](y, y, x + i * inner, inner);
        if (n->op->variant == MEAN)
            r->kernels->scalar[BINARY_DIV](y, y, (float)count, inner);
    }
}

static enum err reduce_run(const struct node *n, const struct run *r)
{
    const struct reduce_params *p = n->params;
    int64_t at[TENSOR_MAX_RANK] = {0}, base = 0;

    if (p->noop) {
        memcpy(out(n, 0)->data, in(n, 0)->data, tensor_bytes(in(n, 0)));
        return OK;
    }
    if (is_few_rows(n)) {
        sum_rows(n, r);
        return OK;
    }
    for (int64_t to = 0; to < tensor_count(out(n, 0)); to++) {
        if (n->op->variant >= ARG_MAX)
            arg_one(n, base, to);
        else
            reduce_one(n, r, base, to);
        for (int d = p->n_keep - 1; d >= 0; d--) {
            base += p->keep_step[d];
            if (++at[d] < p->keep[d])
                break;
            base -= p->keep_step[d] * p->keep[d];
            at[d] = 0;
        }
    }
    return OK;
}

#define ROW(name, k)                                                                               \
    {                                                                                              \
        name, 1, 2, 1, T_NUMBER, 0, reduce_infer, reduce_run, NULL, k                              \
    }
const struct op ops_reduce[] = {
    ROW("ReduceSum", SUM),
    ROW("ReduceMean", MEAN),
    ROW("ReduceMax", MAX),
    ROW("ReduceMin", MIN),
    ROW("ReduceProd", PROD),
    ROW("ReduceL1", L1),
    ROW("ReduceL2", L2),
    ROW("ReduceSumSquare", SUM_SQUARE),
    ROW("ReduceLogSum", LOG_SUM),
    ROW("ReduceLogSumExp", LOG_SUM_EXP),
    {"ArgMax", 1, 1, 1, T_NUMBER, 0, arg_infer, reduce_run, NULL, ARG_MAX},
    {"ArgMin", 1, 1, 1, T_NUMBER, 0, arg_infer, reduce_run, NULL, ARG_MIN},
    {NULL},
};
