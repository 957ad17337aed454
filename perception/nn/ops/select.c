/* Operators that keep some of their input; how much, the data say: NonZero, Compress, Unique. */
#include <assert.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"
#include "perception/nn/ops/order.h"

struct select_params {
    bool flat; /* no axis: the input counts as one line */
    int axis;
    bool sorted;
};

/* ---- NonZero: the indices of what is not 0, (rank, count) ---------------------------------- */
static enum err nonzero_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    int64_t dim[2] = {x->rank ? x->rank : 1, tensor_count(x)};

    (void)g;
    return set_out_bound(n, 0, DTYPE_I64, 2, dim, why);
}

static bool is_nonzero(const struct tensor *x, int64_t i)
{
    return dtype_is_float(x->type) ? number_float(x, i) != 0 : number_int(x, i) != 0;
}

static enum err nonzero_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0);
    struct tensor *y = out(n, 0);
    int64_t count = 0, column = 0, *to = y->data;

    (void)r;
    for (int64_t i = 0; i < tensor_count(x); i++)
        count += is_nonzero(x, i);
    y->dim[1] = count;
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t rest = i;

        if (!is_nonzero(x, i))
            continue;
        for (int d = x->rank - 1; d >= 0; d--) {
            to[d * count + column] = rest % x->dim[d];
            rest /= x->dim[d];
        }
        if (x->rank == 0)
            to[column] = 0;
        column++;
    }
    return OK;
}

/* ---- Compress: slices along an axis whose flag is set -------------------------------------- */
static enum err read_axis(struct graph *g, struct node *n, const struct tensor *x, struct why *why)
{
    struct select_params *p = node_params(g, n, sizeof *p);
    int64_t axis = attr_int(n, "axis", INT64_MIN);

    if (!p)
        return ERR_NOMEM;
    p->flat = axis == INT64_MIN;
    return p->flat ? OK : axis_of(axis, x->rank, &p->axis, why);
}

/* How the input falls into slices. */
struct slices {
    int64_t outer, along, inner;
};

static struct slices slices_of(const struct tensor *x, const struct select_params *p)
{
    if (p->flat)
        return (struct slices){1, tensor_count(x), 1};
    return (struct slices){dims_product(x->dim, 0, p->axis), x->dim[p->axis],
                           dims_product(x->dim, p->axis + 1, x->rank)};
}

static int64_t flags_set(const struct tensor *flag, int64_t limit)
{
    int64_t count = 0;

    for (int64_t i = 0; i < tensor_count(flag) && i < limit; i++)
        count += number_int(flag, i);
    return count;
}

static enum err compress_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *flag = in(n, 1);
    const struct select_params *p;
    int64_t dim[TENSOR_MAX_RANK], along, *length;
    enum err e;

    assert(x && flag); /* there are as many as min_in says */
    if ((e = read_axis(g, n, x, why)) != OK || (e = need_type(n, 1, T_BOOL, why)) != OK ||
        (e = need_rank(n, 1, 1, 1, why)) != OK)
        return e;
    p = n->params;
    along = slices_of(x, p).along;
    if (tensor_count(flag) > along)
        return err_say(why, ERR_FORMAT, "%lld flags for %lld slices", (long long)flag->dim[0],
                       (long long)along);
    memcpy(dim, x->dim, sizeof dim);
    length = p->flat ? dim : &dim[p->axis];
    *length = n->in[1]->constant ? flags_set(flag, along) : flag->dim[0];
    return (n->in[1]->constant ? set_out : set_out_bound)(n, 0, x->type, p->flat ? 1 : x->rank, dim,
                                                          why);
}

static enum err compress_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *flag = in(n, 1);
    const struct select_params *p = n->params;
    struct slices s = slices_of(x, p);
    struct tensor *y = out(n, 0);
    size_t size = (size_t)s.inner * dtype_size(x->type);
    const char *from = x->data;
    char *to = y->data;

    (void)r;
    y->dim[p->flat ? 0 : p->axis] = flags_set(flag, s.along);
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t i = 0; i < s.along; i++, from += size)
            if (i < flag->dim[0] && number_int(flag, i)) {
                memcpy(to, from, size);
                to += size;
            }
    return OK;
}

/* ---- Unique: slices that differ ------------------------------------------------------------ */
enum { UNIQUE_Y, UNIQUE_FIRST, UNIQUE_INVERSE, UNIQUE_COUNT };

static enum err unique_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct select_params *p;
    int64_t dim[TENSOR_MAX_RANK], along;
    enum err e;

    assert(x);
    if ((e = read_axis(g, n, x, why)) != OK)
        return e;
    p = n->params;
    p->sorted = attr_int(n, "sorted", 1) != 0;
    along = slices_of(x, p).along;
    memcpy(dim, x->dim, sizeof dim);
    if (p->flat)
        dim[0] = along;
    if ((e = set_out_bound(n, UNIQUE_Y, x->type, p->flat ? 1 : x->rank, dim, why)) != OK ||
        (e = set_out_bound(n, UNIQUE_FIRST, DTYPE_I64, 1, &along, why)) != OK ||
        (e = set_out_bound(n, UNIQUE_COUNT, DTYPE_I64, 1, &along, why)) != OK)
        return e;
    return set_out(n, UNIQUE_INVERSE, DTYPE_I64, 1, &along, why);
}

static enum err unique_prepare(struct graph *g, struct node *n, struct why *why)
{
    (void)g;
    (void)why;
    n->scratch = 3 * (size_t)slices_of(in(n, 0), n->params).along * sizeof(int64_t);
    return OK;
}

struct comparison {
    const struct tensor *x;
    struct slices s;
};

/* < 0, 0 or > 0; NaN is last, and all of them are one. */
static int compare(const struct tensor *x, int64_t i, int64_t j)
{
    double a, b;

    if (!dtype_is_float(x->type)) {
        int64_t m = number_int(x, i), k = number_int(x, j);

        return x->type == DTYPE_U64 ? ((uint64_t)m > (uint64_t)k) - ((uint64_t)m < (uint64_t)k)
                                    : (m > k) - (m < k);
    }
    a = number_float(x, i);
    b = number_float(x, j);
    return a != a || b != b ? (a != a) - (b != b) : (a > b) - (a < b);
}

static int compare_slices(const struct comparison *c, int64_t a, int64_t b)
{
    const struct slices *s = &c->s;

    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int order =
                compare(c->x, (o * s->along + a) * s->inner + i, (o * s->along + b) * s->inner + i);

            if (order)
                return order;
        }
    return 0;
}

static bool slice_before(const void *data, int64_t a, int64_t b)
{
    int order = compare_slices(data, a, b);

    return order ? order < 0 : a < b;
}

static void copy_slice(const struct tensor *x, int64_t from, struct tensor *y, int64_t to,
                       const struct slices *s, int64_t along_y)
{
    size_t size = (size_t)s->inner * dtype_size(x->type);

    for (int64_t o = 0; o < s->outer; o++)
        memcpy((char *)y->data + (size_t)(o * along_y + to) * size,
               (const char *)x->data + (size_t)(o * s->along + from) * size, size);
}

/* What is written of each group of equal slices: leader[i] is the first slice that equals i,
 * place[leader] the group's number. */
static void write_groups(const struct node *n, const struct slices *s, const int64_t *leader,
                         const int64_t *place, int64_t groups)
{
    struct tensor *y = out(n, UNIQUE_Y), *first = out(n, UNIQUE_FIRST);
    struct tensor *inverse = out(n, UNIQUE_INVERSE), *count = out(n, UNIQUE_COUNT);
    const struct select_params *p = n->params;

    if (y)
        y->dim[p->flat ? 0 : p->axis] = groups;
    if (first)
        first->dim[0] = groups;
    if (count) {
        count->dim[0] = groups;
        memset(count->data, 0, tensor_bytes(count));
    }
    for (int64_t i = 0; i < s->along; i++) {
        int64_t to = place[leader[i]];

        if (y && leader[i] == i)
            copy_slice(in(n, 0), i, y, to, s, groups);
        if (first && leader[i] == i)
            ((int64_t *)first->data)[to] = i;
        if (inverse)
            ((int64_t *)inverse->data)[i] = to;
        if (count)
            ((int64_t *)count->data)[to]++;
    }
}

static enum err unique_run(const struct node *n, const struct run *r)
{
    const struct select_params *p = n->params;
    struct comparison c = {in(n, 0), slices_of(in(n, 0), p)};
    int64_t along = c.s.along, groups = 0;
    int64_t *order = r->scratch, *leader = order + along, *place = leader + along;

    for (int64_t i = 0; i < along; i++)
        order[i] = i;
    order_sort(order, along, slice_before, &c);
    for (int64_t i = 0; i < along; i++)
        leader[order[i]] = i > 0 && compare_slices(&c, order[i - 1], order[i]) == 0
                               ? leader[order[i - 1]]
                               : order[i];
    for (int64_t i = 0; i < along; i++) {
        int64_t slice = p->sorted ? order[i] : i;

        if (leader[slice] == slice)
            place[slice] = groups++;
    }
    write_groups(n, &c.s, leader, place, groups);
    return OK;
}

const struct op ops_select[] = {
    {"NonZero", 1, 1, 1, T_ANY, 0, nonzero_infer, nonzero_run, NULL, 0},
    {"Compress", 2, 2, 1, T_ANY, 0, compress_infer, compress_run, NULL, 0},
    {"Unique", 1, 1, 4, T_NUMBER, 0, unique_infer, unique_run, unique_prepare, 0},
    {NULL},
};
