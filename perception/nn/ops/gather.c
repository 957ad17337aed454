/* Elements picked by index, and put by index. Indices are data: each is checked when running. */
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

struct axis_params {
    int axis; /* or batch_dims */
    int reduction;
};

static enum err axis_params(struct graph *g, struct node *n, const char *name, int64_t otherwise,
                            struct why *why)
{
    struct axis_params *p = node_params(g, n, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    return axis_of(attr_int(n, name, otherwise), in(n, 0)->rank, &p->axis, why);
}

/* Index i of t, which may count from the end, into [0, n). */
static bool index_at(const struct tensor *t, int64_t i, int64_t n, int64_t *to)
{
    int64_t v = number_int(t, i);

    *to = v < 0 ? v + n : v;
    return *to >= 0 && *to < n;
}

static enum err bad_index(const struct node *n, const struct run *r, const struct tensor *t,
                          int64_t i, int64_t limit)
{
    return node_fault(n, r, "index %lld in '%.60s' is %lld, of %lld", (long long)i, t->name,
                      (long long)number_int(t, i), (long long)limit);
}

/* ---- Gather: whole slices along one axis --------------------------------------------------- */
static enum err gather_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    int64_t dim[2 * TENSOR_MAX_RANK];
    int rank = 0, axis;
    enum err e;

    if ((e = need_type(n, 1, T_INDEX, why)) != OK || (e = axis_params(g, n, "axis", 0, why)) != OK)
        return e;
    axis = ((struct axis_params *)n->params)->axis;
    for (int i = 0; i < axis; i++)
        dim[rank++] = x->dim[i];
    for (int i = 0; i < at->rank; i++)
        dim[rank++] = at->dim[i];
    for (int i = axis + 1; i < x->rank; i++)
        dim[rank++] = x->dim[i];
    return set_out(n, 0, x->type, rank, dim, why);
}

static enum err gather_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    int axis = ((const struct axis_params *)n->params)->axis;
    int64_t outer = dims_product(x->dim, 0, axis), along = x->dim[axis], count = tensor_count(at);
    size_t inner = (size_t)dims_product(x->dim, axis + 1, x->rank) * dtype_size(x->type);
    const char *from = x->data;
    char *to = out(n, 0)->data;
    int64_t a;

    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < count; i++, to += inner) {
            if (!index_at(at, i, along, &a))
                return bad_index(n, r, at, i, along);
            memcpy(to, from + (size_t)(o * along + a) * inner, inner);
        }
    return OK;
}

/* ---- by element ---------------------------------------------------------------------------- */
/* Where element i of the box `dim` lies in a dense tensor x, but with index a along the axis. */
static int64_t element_at(const struct tensor *box, const struct tensor *x, int64_t i, int axis,
                          int64_t a)
{
    int64_t at = 0, pitch = 1;

    for (int d = x->rank - 1; d >= 0; d--) {
        at += (d == axis ? a : i % box->dim[d]) * pitch;
        i /= box->dim[d];
        pitch *= x->dim[d];
    }
    return at;
}

static enum err same_box(const struct tensor *x, const struct tensor *at, int axis, struct why *why)
{
    if (x->rank != at->rank)
        return err_say(why, ERR_FORMAT, "input '%.80s' has %d dimensions, needed %d", at->name,
                       at->rank, x->rank);
    for (int d = 0; d < x->rank; d++)
        if (d != axis && at->dim[d] > x->dim[d])
            return err_say(why, ERR_FORMAT, "input '%.80s' is larger than the data", at->name);
    return OK;
}

static enum err gather_elements_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e;

    if ((e = need_type(n, 1, T_INDEX, why)) != OK ||
        (e = axis_params(g, n, "axis", 0, why)) != OK ||
        (e = same_box(in(n, 0), in(n, 1), ((struct axis_params *)n->params)->axis, why)) != OK)
        return e;
    return set_out_like(n, 0, in(n, 0)->type, in(n, 1), why);
}

static enum err gather_elements_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    int axis = ((const struct axis_params *)n->params)->axis;
    size_t size = dtype_size(x->type);
    int64_t a;

    for (int64_t i = 0; i < tensor_count(at); i++) {
        if (!index_at(at, i, x->dim[axis], &a))
            return bad_index(n, r, at, i, x->dim[axis]);
        memcpy((char *)out(n, 0)->data + (size_t)i * size,
               (const char *)x->data + (size_t)element_at(at, x, i, axis, a) * size, size);
    }
    return OK;
}

/* ---- by tuples of indices: the last dimension of the indices is one tuple ------------------ */
static enum err gather_nd_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    struct axis_params *p = node_params(g, n, sizeof *p);
    int64_t dim[2 * TENSOR_MAX_RANK], batch = attr_int(n, "batch_dims", 0), tuple;
    int rank = 0;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_type(n, 1, TYPE(DTYPE_I64), why)) != OK)
        return e;
    tuple = at->rank ? at->dim[at->rank - 1] : 0;
    if (batch < 0 || batch >= at->rank || batch >= x->rank || tuple < 1 || tuple > x->rank - batch)
        return err_say(why, ERR_FORMAT, "tuples of %lld, batch_dims %lld, %d dimensions",
                       (long long)tuple, (long long)batch, x->rank);
    p->axis = (int)batch;
    for (int i = 0; i < at->rank - 1; i++) {
        if (i < batch && at->dim[i] != x->dim[i])
            return err_say(why, ERR_FORMAT, "batch dimension %d differs", i);
        dim[rank++] = at->dim[i];
    }
    for (int i = (int)(batch + tuple); i < x->rank; i++)
        dim[rank++] = x->dim[i];
    return set_out(n, 0, x->type, rank, dim, why);
}

/* The slice of x that tuple i names, counted in slices; -1 if an index is out of range. */
static int64_t slice_of(const struct tensor *x, const struct tensor *at, int64_t i, int first)
{
    int64_t tuple = at->dim[at->rank - 1], slice = 0, a;

    for (int64_t j = 0; j < tuple; j++) {
        if (!index_at(at, i * tuple + j, x->dim[first + j], &a))
            return -1;
        slice = slice * x->dim[first + j] + a;
    }
    return slice;
}

static enum err gather_nd_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    int batch = ((const struct axis_params *)n->params)->axis;
    int first = batch + (int)at->dim[at->rank - 1];
    size_t inner = (size_t)dims_product(x->dim, first, x->rank) * dtype_size(x->type);
    int64_t batches = dims_product(x->dim, 0, batch);
    int64_t each = dims_product(at->dim, batch, at->rank - 1);
    int64_t slices = dims_product(x->dim, batch, first);

    for (int64_t i = 0; i < batches * each; i++) {
        int64_t s = slice_of(x, at, i, batch);

        if (s < 0)
            return node_fault(n, r, "tuple %lld in '%.60s' is out of range", (long long)i,
                              at->name);
        memcpy((char *)out(n, 0)->data + (size_t)i * inner,
               (const char *)x->data + (size_t)(i / each * slices + s) * inner, inner);
    }
    return OK;
}

/* ---- Scatter: the other way, onto a copy of the data --------------------------------------- */
enum reduction { PUT, PUT_ADD, PUT_MUL, PUT_MIN, PUT_MAX };

static enum err reduction_of(struct node *n, int *to, struct why *why)
{
    static const char *const names[] = {"none", "add", "mul", "min", "max"};
    const char *s = attr_string(n, "reduction", "none");

    for (*to = PUT; *to <= PUT_MAX; ++*to)
        if (!strcmp(s, names[*to]))
            return OK;
    return err_say(why, ERR_UNSUPPORTED, "reduction '%.40s'", s);
}

static void put(const struct tensor *y, int64_t to, const struct tensor *u, int64_t from, int how)
{
    if (dtype_is_float(y->type)) {
        double a = number_float(y, to), b = number_float(u, from);

        number_set_float(y, to,
                         how == PUT_ADD   ? a + b
                         : how == PUT_MUL ? a * b
                         : how == PUT_MIN ? (b < a ? b : a)
                         : how == PUT_MAX ? (b > a ? b : a)
                                          : b);
    } else {
        int64_t a = number_int(y, to), b = number_int(u, from);

        number_set_int(y, to,
                       how == PUT_ADD   ? (int64_t)((uint64_t)a + (uint64_t)b)
                       : how == PUT_MUL ? (int64_t)((uint64_t)a * (uint64_t)b)
                       : how == PUT_MIN ? (b < a ? b : a)
                       : how == PUT_MAX ? (b > a ? b : a)
                                        : b);
    }
}

static enum err scatter_types(struct node *n, struct why *why)
{
    enum err e = need_type(n, 1, T_INDEX, why);

    if (e == OK && in(n, 2)->type != in(n, 0)->type)
        e = err_say(why, ERR_FORMAT, "data is %s, updates %s", dtype_name(in(n, 0)->type),
                    dtype_name(in(n, 2)->type));
    return e;
}

static enum err scatter_elements_infer(struct graph *g, struct node *n, struct why *why)
{
    struct axis_params *p;
    enum err e;

    if ((e = scatter_types(n, why)) != OK || (e = axis_params(g, n, "axis", 0, why)) != OK)
        return e;
    p = n->params;
    if ((e = reduction_of(n, &p->reduction, why)) != OK ||
        (e = same_box(in(n, 0), in(n, 1), p->axis, why)) != OK)
        return e;
    if (in(n, 1)->rank != in(n, 2)->rank ||
        memcmp(in(n, 1)->dim, in(n, 2)->dim, sizeof in(n, 1)->dim) != 0)
        return err_say(why, ERR_FORMAT, "indices and updates differ in shape");
    return set_out_like(n, 0, in(n, 0)->type, in(n, 0), why);
}

static enum err scatter_elements_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1), *u = in(n, 2), *y = out(n, 0);
    const struct axis_params *p = n->params;
    int64_t a;

    memcpy(y->data, x->data, tensor_bytes(x));
    for (int64_t i = 0; i < tensor_count(at); i++) {
        if (!index_at(at, i, x->dim[p->axis], &a))
            return bad_index(n, r, at, i, x->dim[p->axis]);
        put(y, element_at(at, x, i, p->axis, a), u, i, p->reduction);
    }
    return OK;
}

static enum err scatter_nd_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1), *u = in(n, 2);
    struct axis_params *p = node_params(g, n, sizeof *p);
    int64_t tuple;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = scatter_types(n, why)) != OK || (e = reduction_of(n, &p->reduction, why)) != OK)
        return e;
    tuple = at->rank ? at->dim[at->rank - 1] : 0;
    if (tuple < 1 || tuple > x->rank || u->rank != at->rank - 1 + x->rank - (int)tuple)
        return err_say(why, ERR_FORMAT, "tuples of %lld, %d dimensions, updates of %d",
                       (long long)tuple, x->rank, u->rank);
    for (int d = 0; d < u->rank; d++)
        if (u->dim[d] != (d < at->rank - 1 ? at->dim[d] : x->dim[d - (at->rank - 1) + tuple]))
            return err_say(why, ERR_FORMAT, "dimension %d of the updates is %lld", d,
                           (long long)u->dim[d]);
    return set_out_like(n, 0, x->type, x, why);
}

static enum err scatter_nd_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1), *u = in(n, 2), *y = out(n, 0);
    const struct axis_params *p = n->params;
    int64_t inner = dims_product(x->dim, (int)at->dim[at->rank - 1], x->rank);

    memcpy(y->data, x->data, tensor_bytes(x));
    for (int64_t i = 0; i < dims_product(at->dim, 0, at->rank - 1); i++) {
        int64_t s = slice_of(x, at, i, 0);

        if (s < 0)
            return node_fault(n, r, "tuple %lld in '%.60s' is out of range", (long long)i,
                              at->name);
        for (int64_t j = 0; j < inner; j++)
            put(y, s * inner + j, u, i * inner + j, p->reduction);
    }
    return OK;
}

const struct op ops_gather[] = {
    {"Gather", 2, 2, 1, T_ANY, 0, gather_infer, gather_run, NULL, 0},
    {"GatherElements", 2, 2, 1, T_ANY, 0, gather_elements_infer, gather_elements_run, NULL, 0},
    {"GatherND", 2, 2, 1, T_ANY, 0, gather_nd_infer, gather_nd_run, NULL, 0},
    {"Scatter", 3, 3, 1, T_ANY, 0, scatter_elements_infer, scatter_elements_run, NULL, 0},
    {"ScatterElements", 3, 3, 1, T_ANY, 0, scatter_elements_infer, scatter_elements_run, NULL, 0},
    {"ScatterND", 3, 3, 1, T_ANY, 0, scatter_nd_infer, scatter_nd_run, NULL, 0},
    {NULL},
};
