/* Along one axis, in order: CumSum, TopK, ReverseSequence; and Trilu. */
#include <stdlib.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

struct scan_params {
    int axis;
    bool exclusive, reverse, largest, upper;
    int64_t diagonal; /* Trilu */
};

/* ---- CumSum -------------------------------------------------------------------------------- */
static enum err cumsum_infer(struct graph *g, struct node *n, struct why *why)
{
    struct scan_params *p = node_params(g, n, sizeof *p);
    enum err e = need_type(n, 1, T_INDEX, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (tensor_count(in(n, 1)) != 1)
        return err_say(why, ERR_FORMAT, "axis is no scalar");
    p->exclusive = attr_int(n, "exclusive", 0) != 0;
    p->reverse = attr_int(n, "reverse", 0) != 0;
    return set_out_like(n, 0, in(n, 0)->type, in(n, 0), why);
}

static void cumsum_line(const struct node *n, int64_t at, int64_t step, int64_t count)
{
    const struct scan_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    bool reals = dtype_is_float(x->type);
    double real = 0;
    uint64_t whole = 0;

    for (int64_t i = 0; i < count; i++) {
        int64_t j = at + (p->reverse ? count - 1 - i : i) * step;
        double r = reals ? number_float(x, j) : 0;
        uint64_t w = reals ? 0 : (uint64_t)number_int(x, j);

        if (reals)
            number_set_float(y, j, p->exclusive ? real : real + r);
        else
            number_set_int(y, j, (int64_t)(p->exclusive ? whole : whole + w));
        real += r;
        whole += w;
    }
}

static enum err cumsum_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0);
    int64_t axis = number_int(in(n, 1), 0), inner, outer;

    if (axis < -x->rank || axis >= x->rank)
        return node_fault(n, r, "axis %lld of %d dimensions", (long long)axis, x->rank);
    axis += axis < 0 ? x->rank : 0;
    outer = dims_product(x->dim, 0, (int)axis);
    inner = dims_product(x->dim, (int)axis + 1, x->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            cumsum_line(n, o * x->dim[axis] * inner + i, inner, x->dim[axis]);
    return OK;
}

/* ---- TopK ---------------------------------------------------------------------------------- */
struct candidate {
    double real;
    int64_t whole, index;
};

static enum err topk_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct scan_params *p = node_params(g, n, sizeof *p);
    int64_t k, dim[TENSOR_MAX_RANK];
    int count;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = axis_of(attr_int(n, "axis", -1), x->rank, &p->axis, why)) != OK)
        return e;
    if (n->opset < 10)
        k = attr_int(n, "k", -1);
    else if (!in(n, 1))
        return err_say(why, ERR_FORMAT, "k is missing");
    else if ((e = known_ints(n, 1, &k, 1, &count, why)) != OK)
        return e;
    p->largest = attr_int(n, "largest", 1) != 0;
    attr_ignore(n, "sorted"); /* ours always are */
    if (k < 0 || k > x->dim[p->axis])
        return err_say(why, ERR_FORMAT, "k = %lld of %lld", (long long)k,
                       (long long)x->dim[p->axis]);
    memcpy(dim, x->dim, sizeof dim);
    dim[p->axis] = k;
    if ((e = set_out(n, 0, x->type, x->rank, dim, why)) != OK)
        return e;
    return set_out(n, 1, DTYPE_I64, x->rank, dim, why);
}

static enum err topk_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct scan_params *p = n->params;

    (void)g;
    (void)why;
    n->scratch = (size_t)in(n, 0)->dim[p->axis] * sizeof(struct candidate);
    return OK;
}

/* Larger first; of equals the one that came first. */
static bool before(const struct candidate *a, const struct candidate *b, bool largest)
{
    int o = (a->real > b->real) - (a->real < b->real);

    if (!o)
        o = (a->whole > b->whole) - (a->whole < b->whole);
    return o ? (largest ? o > 0 : o < 0) : a->index < b->index;
}

/* A heap with the last in order at its top, so that it can be thrown out for a better one. */
static void sink(struct candidate *heap, int64_t n, int64_t i, bool largest)
{
    for (;;) {
        int64_t child = 2 * i + 1;
        struct candidate c = heap[i];

        if (child >= n)
            return;
        if (child + 1 < n && before(&heap[child], &heap[child + 1], largest))
            child++;
        if (!before(&heap[i], &heap[child], largest))
            return;
        heap[i] = heap[child];
        heap[child] = c;
        i = child;
    }
}

/* Heap sort: allocates nothing, unlike qsort(). */
static void sort(struct candidate *c, int64_t n, bool largest)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sink(c, n, i, largest);
    for (int64_t i = n - 1; i > 0; i--) {
        struct candidate last = c[0];

        c[0] = c[i];
        c[i] = last;
        sink(c, i, 0, largest);
    }
}

static enum err topk_run(const struct node *n, const struct run *r)
{
    const struct scan_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0), *where = out(n, 1);
    struct candidate *c = r->scratch;
    int64_t count = x->dim[p->axis], k = (y ? y : where)->dim[p->axis];
    int64_t inner = dims_product(x->dim, p->axis + 1, x->rank);

    for (int64_t l = 0; l < dims_product(x->dim, 0, p->axis) * inner; l++) {
        int64_t from = l / inner * count * inner + l % inner;
        int64_t to = l / inner * k * inner + l % inner;

        for (int64_t i = 0; i < count; i++)
            c[i] = dtype_is_float(x->type)
                       ? (struct candidate){number_float(x, from + i * inner), 0, i}
                       : (struct candidate){0, number_int(x, from + i * inner), i};
        sort(c, count, p->largest);
        for (int64_t i = 0; i < k; i++) {
            if (y && dtype_is_float(x->type))
                number_set_float(y, to + i * inner, c[i].real);
            else if (y)
                number_set_int(y, to + i * inner, c[i].whole);
            if (where)
                number_set_int(where, to + i * inner, c[i].index);
        }
    }
    return OK;
}

/* ---- ReverseSequence: of each batch the first so many steps, backwards ---------------------- */
static enum err reverse_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct scan_params *p = node_params(g, n, sizeof *p);
    int64_t time = attr_int(n, "time_axis", 0), batch = attr_int(n, "batch_axis", 1);
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why)) != OK ||
        (e = need_type(n, 1, TYPE(DTYPE_I64), why)) != OK)
        return e;
    if (time < 0 || time > 1 || batch != 1 - time)
        return err_say(why, ERR_FORMAT, "time_axis %lld, batch_axis %lld", (long long)time,
                       (long long)batch);
    if (tensor_count(in(n, 1)) != x->dim[batch])
        return err_say(why, ERR_FORMAT, "%lld lengths for %lld batches",
                       (long long)tensor_count(in(n, 1)), (long long)x->dim[batch]);
    p->axis = (int)time;
    return set_out_like(n, 0, x->type, x, why);
}

static enum err reverse_run(const struct node *n, const struct run *r)
{
    const struct scan_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0), *length = in(n, 1);
    int64_t times = x->dim[p->axis], batches = x->dim[1 - p->axis];
    size_t size = (size_t)dims_product(x->dim, 2, x->rank) * dtype_size(x->type);
    size_t step = p->axis == 0 ? (size_t)batches * size : size;
    size_t next = p->axis == 0 ? size : (size_t)times * size;

    for (int64_t b = 0; b < batches; b++) {
        int64_t count = number_int(length, b);
        const char *from = (const char *)x->data + (size_t)b * next;
        char *to = (char *)y->data + (size_t)b * next;

        if (count < 0 || count > times)
            return node_fault(n, r, "length %lld is %lld, of %lld", (long long)b, (long long)count,
                              (long long)times);
        for (int64_t t = 0; t < times; t++)
            memcpy(to + (size_t)t * step, from + (size_t)(t < count ? count - 1 - t : t) * step,
                   size);
    }
    return OK;
}

/* ---- Trilu --------------------------------------------------------------------------------- */
static enum err trilu_infer(struct graph *g, struct node *n, struct why *why)
{
    struct scan_params *p = node_params(g, n, sizeof *p);
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (!p)
        return ERR_NOMEM;
    p->upper = attr_int(n, "upper", 1) != 0;
    if (e == OK && in(n, 1) && tensor_count(in(n, 1)) != 1)
        e = err_say(why, ERR_FORMAT, "k is no scalar");
    return e == OK ? set_out_like(n, 0, in(n, 0)->type, in(n, 0), why) : e;
}

static enum err trilu_run(const struct node *n, const struct run *r)
{
    const struct scan_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    int64_t rows = x->dim[x->rank - 2], cols = x->dim[x->rank - 1];
    int64_t k = in(n, 1) ? number_int(in(n, 1), 0) : 0;
    size_t size = dtype_size(x->type);

    (void)r;
    k = k < -rows ? -rows : k > cols ? cols : k;
    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t row = i / cols % rows, col = i % cols;

        if (p->upper ? col - row >= k : col - row <= k)
            memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)i * size,
                   size);
    }
    return OK;
}

const struct op ops_scan[] = {
    {"CumSum", 2, 2, 1, T_NUMBER, 0, cumsum_infer, cumsum_run, NULL, 0},
    {"TopK", 1, 2, 2, T_NUMBER, 0, topk_infer, topk_run, topk_prepare, 0},
    {"ReverseSequence", 2, 2, 1, T_ANY, 0, reverse_infer, reverse_run, NULL, 0},
    {"Trilu", 1, 2, 1, T_ANY, 0, trilu_infer, trilu_run, NULL, 0},
    {NULL},
};
