/* MaxUnpool: the numbers that MaxPool kept, back where its Indices say they were. */
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/window.h"

struct unpool_params {
    int64_t dim[TENSOR_MAX_RANK]; /* the shape that the indices count in */
};

static enum err unpool_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *at = in(n, 1);
    struct unpool_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int count;
    struct window w;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_type(n, 1, TYPE(DTYPE_I64), why)) != OK ||
        (e = window_read(&w, n, NULL, why)) != OK ||
        (e = ints_either(n, 2, NULL, dim, TENSOR_MAX_RANK, &count, why)) != OK)
        return e;
    if (at->rank != x->rank || memcmp(at->dim, x->dim, sizeof x->dim) != 0)
        return err_say(why, ERR_FORMAT, "input and indices differ in shape");
    p->dim[0] = x->dim[0];
    p->dim[1] = x->dim[1];
    for (int i = 0; i < w.rank; i++) {
        int d = SPACE - w.rank + i;

        p->dim[2 + i] =
            (int64_t)(w.in[d] - 1) * w.stride[d] + w.kernel[d] - w.before[d] - w.after[d];
    }
    if (count < 0)
        return set_out(n, 0, x->type, x->rank, p->dim, why);
    if (count != x->rank)
        return err_say(why, ERR_FORMAT, "output_shape has %d dimensions, needed %d", count,
                       x->rank);
    for (int i = 0; i < count; i++)
        if (dim[i] < p->dim[i] || p->dim[i] < 0)
            return err_say(why, ERR_FORMAT, "output_shape has %lld at %d, needed %lld",
                           (long long)dim[i], i, (long long)p->dim[i]);
    return set_out(n, 0, x->type, x->rank, dim, why);
}

static enum err unpool_run(const struct node *n, const struct run *r)
{
    const struct unpool_params *p = n->params;
    const struct tensor *x = in(n, 0), *at = in(n, 1), *y = out(n, 0);
    int64_t limit = dims_product(p->dim, 0, x->rank);
    size_t size = dtype_size(x->type);

    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t rest = number_int(at, i), to = 0, pitch = 1;

        if (rest < 0 || rest >= limit)
            return node_fault(n, r, "index %lld is %lld, of %lld", (long long)i, (long long)rest,
                              (long long)limit);
        for (int d = x->rank - 1; d >= 0; d--) {
            to += rest % p->dim[d] * pitch;
            rest /= p->dim[d];
            pitch *= y->dim[d];
        }
        memcpy((char *)y->data + (size_t)to * size, (const char *)x->data + (size_t)i * size, size);
    }
    return OK;
}

const struct op ops_unpool[] = {
    {"MaxUnpool", 2, 3, 1, T_FLOAT, 0, unpool_infer, unpool_run, NULL, 0},
    {NULL},
};
