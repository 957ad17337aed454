/* Pad in all its modes, through one list per axis: which input index each output index reads. */
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/pad.h"

enum mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

struct pad_params {
    int32_t *from[TENSOR_MAX_RANK]; /* per axis: input index, or -1 outside */
    double value;                   /* the attribute of old opsets */
    enum mode mode;
    int64_t before[TENSOR_MAX_RANK], after[TENSOR_MAX_RANK];
};

static int64_t mod(int64_t a, int64_t n)
{
    a %= n;
    return a < 0 ? a + n : a;
}

/* Input index for index i (relative to the input's first) of n, -1: the constant. */
static int64_t reads(enum mode m, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    switch (m) {
    case PAD_CONSTANT:
        return -1;
    case PAD_EDGE:
        return i < 0 ? 0 : n - 1;
    case PAD_WRAP:
        return mod(i, n);
    case PAD_REFLECT:
        if (n == 1)
            return 0;
        i = mod(i, 2 * (n - 1));
        return i < n ? i : 2 * (n - 1) - i;
    }
    return -1;
}

static enum err mode_of(struct node *n, enum mode *m, struct why *why)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *s = attr_string(n, "mode", "constant");

    for (*m = PAD_CONSTANT; *m <= PAD_WRAP; ++*m)
        if (!strcmp(s, names[*m]))
            return OK;
    return err_say(why, ERR_UNSUPPORTED, "mode '%.40s'", s);
}

/* The pads of all axes, in front and behind. */
static enum err pads_of(struct node *n, int64_t before[TENSOR_MAX_RANK],
                        int64_t after[TENSOR_MAX_RANK], struct why *why)
{
    int64_t pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    int count, n_axes, rank = in(n, 0)->rank;
    bool flag[TENSOR_MAX_RANK];
    enum err e;

    if ((e = ints_either(n, 1,
                         n->opset < 2    ? "paddings"
                         : n->opset < 11 ? "pads"
                                         : NULL,
                         pads, 2 * TENSOR_MAX_RANK, &count, why)) != OK ||
        (e = ints_either(n, 3, NULL, axes, TENSOR_MAX_RANK, &n_axes, why)) != OK)
        return e;
    if (n_axes < 0)
        for (n_axes = 0; n_axes < rank; n_axes++)
            axes[n_axes] = n_axes;
    if ((e = axes_of(axes, n_axes, rank, flag, why)) != OK)
        return e;
    if (count != 2 * n_axes)
        return err_say(why, ERR_FORMAT, "%d pads for %d axes", count, n_axes);
    memset(before, 0, TENSOR_MAX_RANK * sizeof *before);
    memset(after, 0, TENSOR_MAX_RANK * sizeof *after);
    for (int i = 0; i < n_axes; i++) {
        int a = (int)(axes[i] < 0 ? axes[i] + rank : axes[i]);

        before[a] = pads[i];
        after[a] = pads[i + n_axes];
    }
    return OK;
}

static enum err pad_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct pad_params *p = node_params(g, n, sizeof *p);
    int64_t *before, *after, dim[TENSOR_MAX_RANK];
    enum mode mode;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if (n->opset < 11)
        p->value = (double)attr_float(n, "value", 0.0f);
    before = p->before;
    after = p->after;
    if ((e = mode_of(n, &mode, why)) != OK || (e = pads_of(n, before, after, why)) != OK)
        return e;
    p->mode = mode;
    if (in(n, 2) && (in(n, 2)->type != x->type || tensor_count(in(n, 2)) != 1))
        return err_say(why, ERR_FORMAT, "input '%.80s' is no scalar of the data's type",
                       in(n, 2)->name);
    for (int i = 0; i < x->rank; i++) {
        if (before[i] < -TENSOR_MAX_BYTES || before[i] > TENSOR_MAX_BYTES ||
            after[i] < -TENSOR_MAX_BYTES || after[i] > TENSOR_MAX_BYTES)
            return err_say(why, ERR_LIMIT, "pad of axis %d", i);
        dim[i] = x->dim[i] + before[i] + after[i];
        if (mode != PAD_CONSTANT && x->dim[i] == 0 && dim[i] > 0)
            return err_say(why, ERR_FORMAT, "nothing to repeat along axis %d", i);
    }
    if ((e = set_out(n, 0, x->type, x->rank, dim, why)) != OK)
        return e;
    for (int i = 0; i < x->rank; i++) {
        if (tensor_count(out(n, 0)) == 0)
            break;
        if ((size_t)dim[i] * sizeof *p->from[i] > g->memory_limit / 16)
            return err_say(why, ERR_LIMIT, "axis %d has %lld elements", i, (long long)dim[i]);
        p->from[i] = region_take(&g->region, (size_t)dim[i] * sizeof *p->from[i]);
        if (!p->from[i])
            return ERR_NOMEM;
        for (int64_t j = 0; j < dim[i]; j++)
            p->from[i][j] = (int32_t)reads(mode, j - before[i], x->dim[i]);
    }
    return OK;
}

static char *fill(char *to, const char *value, size_t size, int64_t n)
{
    for (int64_t i = 0; i < n; i++, to += size)
        memcpy(to, value, size);
    return to;
}

/* What pad_row() does, where what is read lies together. */
static void pad_constant_row(const struct node *n, int64_t base, const char *value, char *to)
{
    const struct pad_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    size_t size = dtype_size(x->type);
    int last = y->rank - 1;
    int64_t from = p->before[last] < 0 ? -p->before[last] : 0;
    int64_t front = p->before[last] > 0 ? p->before[last] : 0, all = y->dim[last], inside;

    front = front < all && base >= 0 ? front : all;
    inside = x->dim[last] - from < all - front ? x->dim[last] - from : all - front;
    inside = inside > 0 ? inside : 0;
    to = fill(to, value, size, front);
    if (inside)
        memcpy(to, (const char *)x->data + (size_t)(base + from) * size, (size_t)inside * size);
    fill(to + (size_t)inside * size, value, size, all - front - inside);
}

/* One innermost row: base is where it starts in the input, -1 if all of it lies outside. */
static void pad_row(const struct node *n, int64_t base, const char *value, char *to)
{
    const struct pad_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    size_t size = dtype_size(x->type);
    int last = y->rank - 1;

    if (p->mode == PAD_CONSTANT) {
        pad_constant_row(n, base, value, to);
        return;
    }
    for (int64_t i = 0; i < y->dim[last]; i++, to += size) {
        int64_t from = base < 0 ? -1 : p->from[last][i];

        if (from < 0)
            memcpy(to, value, size);
        else
            memcpy(to, (const char *)x->data + (size_t)(base + from) * size, size);
    }
}

static enum err pad_run(const struct node *n, const struct run *r)
{
    const struct pad_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    struct tensor value = {.type = x->type};
    uint64_t bits = 0;
    int64_t at[TENSOR_MAX_RANK] = {0}, rows, row = y->rank ? y->dim[y->rank - 1] : 1;

    (void)r;
    value.data = in(n, 2) ? in(n, 2)->data : &bits;
    if (!in(n, 2))
        number_set_float(&value, 0, p->value);
    if (y->rank == 0)
        memcpy(y->data, x->data, dtype_size(x->type));
    rows = y->rank && row ? tensor_count(y) / row : 0;
    for (int64_t i = 0; i < rows; i++) {
        int64_t base = 0;

        for (int d = 0; d < y->rank - 1; d++) {
            int64_t from = p->from[d][at[d]];

            base = base < 0 || from < 0 ? -1 : base * x->dim[d] + from;
        }
        pad_row(n, base < 0 ? -1 : base * x->dim[y->rank - 1], value.data,
                (char *)y->data + (size_t)(i * row) * dtype_size(y->type));
        for (int d = y->rank - 2; d >= 0 && ++at[d] == y->dim[d]; d--)
            at[d] = 0;
    }
    return OK;
}

bool pad_is_zeros(const struct node *n, int first, int64_t before[TENSOR_MAX_RANK],
                  int64_t after[TENSOR_MAX_RANK])
{
    const struct pad_params *p = n->params;

    if (n->op->infer != pad_infer || p->mode != PAD_CONSTANT || (in(n, 2) && !n->in[2]->constant) ||
        (in(n, 2) ? number_float(in(n, 2), 0) : p->value) != 0.0)
        return false;
    for (int i = 0; i < in(n, 0)->rank; i++)
        if (p->before[i] < 0 || p->after[i] < 0 || (i < first && p->before[i] + p->after[i] > 0))
            return false;
    memcpy(before, p->before, sizeof p->before);
    memcpy(after, p->after, sizeof p->after);
    return true;
}

const struct op ops_pad[] = {
    {"Pad", 1, 4, 1, T_ANY, 0, pad_infer, pad_run, NULL, 0},
    {NULL},
};
