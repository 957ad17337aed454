/* Softmax, LogSoftmax, Hardmax. Up to opset 12 the axis and all behind it count as one. */
#include <math.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum kind { SOFTMAX, LOG_SOFTMAX, HARDMAX };

struct axis_params {
    int64_t outer, axis, inner;
};

static enum err axis_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct axis_params *p = node_params(g, n, sizeof *p);
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = axis_of(attr_int(n, "axis", n->opset < 13 ? 1 : -1), x->rank, &axis, why)) != OK)
        return e;
    p->outer = dims_product(x->dim, 0, axis);
    p->axis = n->opset < 13 ? dims_product(x->dim, axis, x->rank) : x->dim[axis];
    p->inner = n->opset < 13 ? 1 : dims_product(x->dim, axis + 1, x->rank);
    return set_out_like(n, 0, x->type, x, why);
}

/* One line of `axis` numbers, `step` apart. */
static void line(const struct node *n, int64_t at, int64_t step, int64_t axis)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    double top = number_float(x, at), sum = 0, v;
    int64_t first = 0;

    for (int64_t i = 1; i < axis; i++)
        if ((v = number_float(x, at + i * step)) > top) {
            top = v;
            first = i;
        }
    for (int64_t i = 0; i < axis; i++)
        sum += exp(number_float(x, at + i * step) - top);
    for (int64_t i = 0; i < axis; i++) {
        v = number_float(x, at + i * step) - top;
        number_set_float(y, at + i * step,
                         n->op->variant == HARDMAX       ? (double)(i == first)
                         : n->op->variant == LOG_SOFTMAX ? v - log(sum)
                                                         : exp(v) / sum);
    }
}

static enum err axis_run(const struct node *n, const struct run *r)
{
    const struct axis_params *p = n->params;

    if (p->axis == 0)
        return OK;
    if (n->op->variant == SOFTMAX && in(n, 0)->type == DTYPE_F32) {
        softmax_axis(r->kernels, out(n, 0)->data, in(n, 0)->data, (size_t)p->outer, (size_t)p->axis,
                     (size_t)p->inner, r->pool);
        return OK;
    }
    for (int64_t o = 0; o < p->outer; o++)
        for (int64_t i = 0; i < p->inner; i++)
            line(n, o * p->axis * p->inner + i, p->inner, p->axis);
    return OK;
}

const struct op ops_softmax[] = {
    {"Softmax", 1, 1, 1, T_FLOAT, OP_INPLACE, axis_infer, axis_run, NULL, SOFTMAX},
    {"LogSoftmax", 1, 1, 1, T_FLOAT, OP_INPLACE, axis_infer, axis_run, NULL, LOG_SOFTMAX},
    {"Hardmax", 1, 1, 1, T_FLOAT, OP_INPLACE, axis_infer, axis_run, NULL, HARDMAX},
    {NULL},
};
