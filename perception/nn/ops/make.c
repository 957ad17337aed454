/* Tensors out of nothing, or nearly. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

/* Constant: one of five attributes. The data changes hands, nothing is left to run. */
static enum err constant_infer(struct graph *g, struct node *n, struct why *why)
{
    struct attr *a = attr_tensor(n, "value");
    struct value *v = n->n_out ? n->out[0] : NULL;
    int ints_n, floats_n;
    const int64_t *ints = attr_ints(n, "value_ints", &ints_n);
    const float *floats = attr_floats(n, "value_floats", &floats_n);
    int64_t i = attr_int(n, "value_int", 0), dim;
    float f = attr_float(n, "value_float", 0.0f);
    bool has_f = false, has_i = false;
    enum err e;

    (void)g;
    for (int j = 0; j < n->n_attr; j++) {
        has_f |= !strcmp(n->attr[j].name, "value_float");
        has_i |= !strcmp(n->attr[j].name, "value_int");
    }
    if (!v || n->bad_attr)
        return OK;
    if (a) {
        if ((e = set_out_like(n, 0, a->tensor.type, &a->tensor, why)) != OK)
            return e;
        v->t.data = a->tensor.data;
        a->tensor.data = NULL;
        v->constant = true;
        return OK;
    }
    dim = ints ? ints_n : floats_n;
    if (!ints && !floats && !has_f && !has_i)
        return err_say(why, ERR_UNSUPPORTED, "no value of a known kind");
    if ((e = set_out(n, 0, floats || has_f ? DTYPE_F32 : DTYPE_I64, ints || floats ? 1 : 0, &dim,
                     why)) != OK)
        return e;
    if (tensor_allocate(&v->t) != OK)
        return ERR_NOMEM;
    memcpy(v->t.data,
           ints     ? (const void *)ints
           : floats ? (const void *)floats
           : has_f  ? (const void *)&f
                    : (const void *)&i,
           tensor_bytes(&v->t));
    v->constant = true;
    return OK;
}

static enum err nothing_run(const struct node *n, const struct run *r)
{
    (void)n;
    (void)r;
    return OK;
}

/* ---- ConstantOfShape ----------------------------------------------------------------------- */
struct fill_params {
    uint64_t bits; /* one element */
    int64_t diagonal;
};

static void fill(const struct tensor *t, const void *element)
{
    size_t size = dtype_size(t->type);

    for (int64_t i = 0; i < tensor_count(t); i++)
        memcpy((char *)t->data + (size_t)i * size, element, size);
}

static enum err constant_of_shape_infer(struct graph *g, struct node *n, struct why *why)
{
    struct fill_params *p = node_params(g, n, sizeof *p);
    const struct attr *a = attr_tensor(n, "value");
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e = known_ints(n, 0, dim, TENSOR_MAX_RANK, &rank, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (a && tensor_count(&a->tensor) != 1)
        return err_say(why, ERR_FORMAT, "value has %lld elements",
                       (long long)tensor_count(&a->tensor));
    if (a)
        memcpy(&p->bits, a->tensor.data, dtype_size(a->tensor.type));
    return set_out(n, 0, a ? a->tensor.type : DTYPE_F32, rank, dim, why);
}

static enum err constant_of_shape_run(const struct node *n, const struct run *r)
{
    (void)r;
    fill(out(n, 0), &((const struct fill_params *)n->params)->bits);
    return OK;
}

static enum err eye_infer(struct graph *g, struct node *n, struct why *why)
{
    struct fill_params *p = node_params(g, n, sizeof *p);
    int64_t type = attr_int(n, "dtype", in(n, 0)->type);
    enum err e = need_rank(n, 0, 2, 2, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    p->diagonal = attr_int(n, "k", 0);
    if (type < 0 || type > DTYPE_BF16)
        return err_say(why, ERR_UNSUPPORTED, "element type %lld", (long long)type);
    return set_out_like(n, 0, (enum dtype)type, in(n, 0), why);
}

static enum err eye_run(const struct node *n, const struct run *r)
{
    const struct fill_params *p = n->params;
    const struct tensor *y = out(n, 0);

    (void)r;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < y->dim[0]; i++)
        if (p->diagonal >= -i && p->diagonal < y->dim[1] - i)
            number_set_int(y, i * y->dim[1] + i + p->diagonal, 1);
    return OK;
}

/* ---- Range: its length hangs on its inputs, so they must be known -------------------------- */
static enum err range_infer(struct graph *g, struct node *n, struct why *why)
{
    double count, v[3];
    int64_t dim;

    (void)g;
    for (int i = 0; i < 3; i++) {
        if (!n->in[i]->constant)
            return err_say(why, ERR_UNSUPPORTED,
                           "the shape depends on the run-time value of '%.80s'", in(n, i)->name);
        if (tensor_count(in(n, i)) != 1)
            return err_say(why, ERR_FORMAT, "input '%.80s' is no scalar", in(n, i)->name);
        v[i] = number_float(in(n, i), 0);
    }
    count = ceil((v[1] - v[0]) / v[2]);
    if (!(count < (double)TENSOR_MAX_BYTES)) /* or NaN: 0 / 0 */
        return err_say(why, ERR_LIMIT, "%g elements", count);
    dim = count > 0 ? (int64_t)count : 0;
    return set_out(n, 0, in(n, 0)->type, 1, &dim, why);
}

static enum err range_run(const struct node *n, const struct run *r)
{
    const struct tensor *y = out(n, 0), *start = in(n, 0), *delta = in(n, 2);

    (void)r;
    for (int64_t i = 0; i < y->dim[0]; i++)
        if (dtype_is_float(y->type))
            number_set_float(y, i, number_float(start, 0) + (double)i * number_float(delta, 0));
        else
            number_set_int(y, i,
                           (int64_t)((uint64_t)number_int(start, 0) +
                                     (uint64_t)i * (uint64_t)number_int(delta, 0)));
    return OK;
}

/* ---- OneHot -------------------------------------------------------------------------------- */
static enum err one_hot_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct fill_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK + 1], depth;
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if (!n->in[1]->constant)
        return err_say(why, ERR_UNSUPPORTED, "the shape depends on the run-time value of '%.80s'",
                       in(n, 1)->name);
    if (tensor_count(in(n, 1)) != 1 || tensor_count(in(n, 2)) != 2)
        return err_say(why, ERR_FORMAT, "depth is no scalar, or values are no pair");
    depth = number_int(in(n, 1), 0);
    if ((e = axis_of(attr_int(n, "axis", -1), x->rank + 1, &axis, why)) != OK)
        return e;
    for (int i = 0; i <= x->rank; i++)
        dim[i] = i < axis ? x->dim[i] : i == axis ? depth : x->dim[i - 1];
    p->diagonal = axis;
    return set_out(n, 0, in(n, 2)->type, x->rank + 1, dim, why);
}

static enum err one_hot_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *pair = in(n, 2), *y = out(n, 0);
    int axis = (int)((const struct fill_params *)n->params)->diagonal;
    size_t size = dtype_size(y->type);
    int64_t depth = y->dim[axis], inner = dims_product(y->dim, axis + 1, y->rank);

    (void)r;
    fill(y, pair->data);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t v = number_int(x, i);

        v += v < 0 ? depth : 0;
        if (v >= 0 && v < depth) /* others are all off, says the definition */
            memcpy((char *)y->data + (size_t)((i / inner * depth + v) * inner + i % inner) * size,
                   (const char *)pair->data + size, size);
    }
    return OK;
}

const struct op ops_make[] = {
    {"Constant", 0, 0, 1, T_ANY, 0, constant_infer, nothing_run, NULL, 0},
    {"ConstantOfShape", 1, 1, 1, TYPE(DTYPE_I64), 0, constant_of_shape_infer, constant_of_shape_run,
     NULL, 0},
    {"EyeLike", 1, 1, 1, T_ANY, OP_SHAPE, eye_infer, eye_run, NULL, 0},
    {"Range", 3, 3, 1, T_NUMBER, OP_SAME, range_infer, range_run, NULL, 0},
    {"OneHot", 3, 3, 1, T_NUMBER, 0, one_hot_infer, one_hot_run, NULL, 0},
    {NULL},
};
