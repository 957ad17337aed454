/* The same numbers under another shape, and the shape as numbers. */
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

/* plan.c lets the output lie where the input lies, where it may. */
static enum err view_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);

    (void)r;
    if (y && y->data != x->data)
        memcpy(y->data, x->data, tensor_bytes(x));
    return OK;
}

static enum err reshape_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t dim[TENSOR_MAX_RANK], known = 1, total = tensor_count(x);
    bool allow_zero = attr_int(n, "allowzero", 0) != 0;
    int rank, open = -1;
    enum err e = ints_either(n, 1, "shape", dim, TENSOR_MAX_RANK, &rank, why);

    (void)g;
    if (e != OK)
        return e;
    if (rank < 0)
        return err_say(why, ERR_FORMAT, "no shape");
    for (int i = 0; i < rank; i++) {
        if (dim[i] == 0 && !allow_zero) {
            if (i >= x->rank)
                return err_say(why, ERR_FORMAT, "0 at place %d copies from %d dimensions", i,
                               x->rank);
            dim[i] = x->dim[i];
        }
        if (dim[i] < -1 || (dim[i] == -1 && open >= 0))
            return err_say(why, ERR_FORMAT, "shape has %lld at place %d", (long long)dim[i], i);
        if (dim[i] == -1)
            open = i;
        else if (dim[i] > 0 && known > total / dim[i] && total > 0)
            return err_say(why, ERR_FORMAT, "%lld elements do not fit the new shape",
                           (long long)total);
        else
            known *= dim[i];
    }
    if (open >= 0)
        dim[open] = known ? total / known : 0;
    if (open >= 0 ? known && total % known : known != total)
        return err_say(why, ERR_FORMAT, "%lld elements do not fit the new shape", (long long)total);
    return set_out(n, 0, x->type, rank, dim, why);
}

static enum err squeeze_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t axes[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK];
    bool flag[TENSOR_MAX_RANK];
    int count, rank = 0;
    enum err e =
        ints_either(n, 1, n->opset < 13 ? "axes" : NULL, axes, TENSOR_MAX_RANK, &count, why);

    (void)g;
    if (e != OK || (e = axes_of(axes, count, x->rank, flag, why)) != OK)
        return e;
    for (int i = 0; i < x->rank; i++) {
        if (flag[i] && x->dim[i] != 1)
            return err_say(why, ERR_FORMAT, "axis %d has %lld elements", i, (long long)x->dim[i]);
        if (count < 0 ? x->dim[i] != 1 : !flag[i])
            dim[rank++] = x->dim[i];
    }
    return set_out(n, 0, x->type, rank, dim, why);
}

static enum err unsqueeze_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t axes[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK];
    bool flag[TENSOR_MAX_RANK];
    int count, from = 0;
    enum err e =
        ints_either(n, 1, n->opset < 13 ? "axes" : NULL, axes, TENSOR_MAX_RANK, &count, why);

    (void)g;
    if (e != OK)
        return e;
    if (count < 0)
        return err_say(why, ERR_FORMAT, "no axes");
    if (x->rank + count > TENSOR_MAX_RANK)
        return err_say(why, ERR_LIMIT, "%d dimensions, limit %d", x->rank + count, TENSOR_MAX_RANK);
    if ((e = axes_of(axes, count, x->rank + count, flag, why)) != OK)
        return e;
    for (int i = 0; i < x->rank + count; i++)
        dim[i] = flag[i] ? 1 : x->dim[from++];
    return set_out(n, 0, x->type, x->rank + count, dim, why);
}

static enum err flatten_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t axis = attr_int(n, "axis", 1), dim[2];

    (void)g;
    if (axis < -x->rank || axis > x->rank)
        return err_say(why, ERR_FORMAT, "axis %lld of %d dimensions", (long long)axis, x->rank);
    if (axis < 0)
        axis += x->rank;
    dim[0] = dims_product(x->dim, 0, (int)axis);
    dim[1] = dims_product(x->dim, (int)axis, x->rank);
    return set_out(n, 0, x->type, 2, dim, why);
}

static enum err identity_infer(struct graph *g, struct node *n, struct why *why)
{
    (void)g;
    return set_out_like(n, 0, in(n, 0)->type, in(n, 0), why);
}

/* Whether a constant is 0; false if it is not known. */
static bool is_known_zero(const struct node *n, int i)
{
    return in(n, i) && n->in[i]->constant && tensor_count(in(n, i)) == 1 &&
           number_float(in(n, i), 0) == 0;
}

static bool may_drop(const struct node *n)
{
    return in(n, 2) && !is_known_zero(n, 2) && !is_known_zero(n, 1);
}

/* Outside of training, and where the share to drop is 0, it changes nothing, and its mask is all
 * true. */
static enum err dropout_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e;

    (void)g;
    attr_ignore(n, "ratio");
    attr_ignore(n, "seed");
    if (n->opset < 7 && !attr_int(n, "is_test", 0))
        return err_say(why, ERR_UNSUPPORTED, "training");
    if (may_drop(n))
        return err_say(why, ERR_UNSUPPORTED, "training_mode is true, or known only when running");
    if ((e = set_out_like(n, 0, in(n, 0)->type, in(n, 0), why)) != OK)
        return e;
    return set_out_like(n, 1, n->opset < 10 ? in(n, 0)->type : DTYPE_BOOL, in(n, 0), why);
}

static enum err dropout_run(const struct node *n, const struct run *r)
{
    const struct tensor *mask = out(n, 1);

    for (int64_t i = 0; mask && i < tensor_count(mask); i++)
        number_set_int(mask, i, 1);
    return view_run(n, r);
}

/* ---- the shape itself ---------------------------------------------------------------------- */
struct shape_params {
    int start, end;
};

static int clamp_axis(int64_t axis, int rank)
{
    if (axis < 0)
        axis += rank;
    return axis < 0 ? 0 : axis > rank ? rank : (int)axis;
}

static enum err shape_infer(struct graph *g, struct node *n, struct why *why)
{
    struct shape_params *p = node_params(g, n, sizeof *p);
    int rank = in(n, 0)->rank;
    int64_t dim;

    if (!p)
        return ERR_NOMEM;
    p->start = clamp_axis(attr_int(n, "start", 0), rank);
    p->end = clamp_axis(attr_int(n, "end", rank), rank);
    dim = p->end > p->start ? p->end - p->start : 0;
    return set_out(n, 0, DTYPE_I64, 1, &dim, why);
}

static enum err shape_run(const struct node *n, const struct run *r)
{
    const struct shape_params *p = n->params;

    (void)r;
    for (int i = p->start; i < p->end; i++)
        ((int64_t *)out(n, 0)->data)[i - p->start] = in(n, 0)->dim[i];
    return OK;
}

static enum err size_infer(struct graph *g, struct node *n, struct why *why)
{
    (void)g;
    return set_out(n, 0, DTYPE_I64, 0, NULL, why);
}

static enum err size_run(const struct node *n, const struct run *r)
{
    (void)r;
    *(int64_t *)out(n, 0)->data = tensor_count(in(n, 0));
    return OK;
}

const struct op ops_shape[] = {
    {"Reshape", 1, 2, 1, T_ANY, OP_VIEW, reshape_infer, view_run, NULL, 0},
    {"Squeeze", 1, 2, 1, T_ANY, OP_VIEW, squeeze_infer, view_run, NULL, 0},
    {"Unsqueeze", 1, 2, 1, T_ANY, OP_VIEW, unsqueeze_infer, view_run, NULL, 0},
    {"Flatten", 1, 1, 1, T_ANY, OP_VIEW, flatten_infer, view_run, NULL, 0},
    {"Identity", 1, 1, 1, T_ANY, OP_VIEW, identity_infer, view_run, NULL, 0},
    {"Dropout", 1, 3, 2, T_FLOAT, OP_VIEW, dropout_infer, dropout_run, NULL, 0},
    {"Shape", 1, 1, 1, T_ANY, OP_SHAPE, shape_infer, shape_run, NULL, 0},
    {"Size", 1, 1, 1, T_ANY, OP_SHAPE, size_infer, size_run, NULL, 0},
    {NULL},
};
