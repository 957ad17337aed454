/* Concat and Split: a whole whose rows are those of the parts, side by side. */
#include <string.h>

#include "perception/nn/ops/ops.h"

enum { STRIP_BYTES = 1 << 15 }; /* of the whole at a time: it stays near while the parts go by */

struct part {
    size_t length, at; /* bytes of a row; where in the row of the whole */
};

struct parts {
    size_t rows, length; /* of the whole; bytes of a row */
    struct part *part;
    int n;
    bool words; /* elements of four bytes */
};

/* Part i is next, `length` elements of a row. */
static void next_part(struct parts *p, int i, int64_t length, enum dtype type)
{
    p->part[i].length = (size_t)length * dtype_size(type);
    p->part[i].at = i ? p->part[i - 1].at + p->part[i - 1].length : 0;
    p->length = p->part[i].at + p->part[i].length;
}

static struct parts *parts_of(struct graph *g, struct node *n, int count)
{
    struct parts *p = node_params(g, n, sizeof *p);

    if (!p || !(p->part = region_take(&g->region, (size_t)count * sizeof *p->part)))
        return NULL;
    p->n = count;
    p->words = dtype_size(in(n, 0)->type) == sizeof(float);
    return p;
}

static enum err concat_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct parts *p = parts_of(g, n, n->n_in);
    int64_t dim[TENSOR_MAX_RANK];
    int axis;
    enum err e = axis_of(attr_int(n, "axis", 1), x->rank, &axis, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    memcpy(dim, x->dim, sizeof dim);
    for (int i = 1; i < n->n_in; i++) {
        const struct tensor *t = in(n, i);

        if (!t)
            return err_say(why, ERR_FORMAT, "input %d is missing", i);
        for (int d = 0; d < x->rank || t->rank != x->rank; d++)
            if (t->rank != x->rank || (d != axis && t->dim[d] != x->dim[d]))
                return err_say(why, ERR_FORMAT, "input '%.80s' differs beside axis %d", t->name,
                               axis);
        dim[axis] += t->dim[axis];
    }
    p->rows = (size_t)dims_product(dim, 0, axis);
    for (int i = 0; i < n->n_in; i++)
        next_part(p, i, dims_product(in(n, i)->dim, axis, x->rank), x->type);
    return set_out(n, 0, x->type, x->rank, dim, why);
}

/* The lengths of the parts: given, or as equal as may be (the last one smaller, since opset 18). */
static enum err split_lengths(struct node *n, int64_t total, int64_t *part, struct why *why)
{
    int count, n_out = n->n_out;
    int64_t each, sum = 0;
    enum err e = ints_either(n, 1, n->opset < 13 ? "split" : NULL, part, NODE_MAX_OUT, &count, why);

    if (e != OK)
        return e;
    if (n->opset >= 18 && attr_int(n, "num_outputs", n_out) != n_out)
        return err_say(why, ERR_FORMAT, "num_outputs is not %d", n_out);
    if (count >= 0 && count != n_out)
        return err_say(why, ERR_FORMAT, "%d lengths for %d outputs", count, n_out);
    each = (total + n_out - 1) / n_out;
    if (count < 0 && n->opset < 18 && total % n_out)
        return err_say(why, ERR_FORMAT, "%lld elements in %d equal parts", (long long)total, n_out);
    for (int i = 0; i < n_out; i++) {
        if (count < 0)
            part[i] = total - sum < each ? total - sum : each;
        if (part[i] < 0 || part[i] > total - sum)
            return err_say(why, ERR_FORMAT, "part %d has %lld of %lld elements", i,
                           (long long)part[i], (long long)total);
        sum += part[i];
    }
    return sum == total ? OK
                        : err_say(why, ERR_FORMAT, "the parts have %lld of %lld elements",
                                  (long long)sum, (long long)total);
}

static enum err split_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct parts *p = parts_of(g, n, n->n_out);
    int64_t dim[TENSOR_MAX_RANK], part[NODE_MAX_OUT];
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = axis_of(attr_int(n, "axis", 0), x->rank, &axis, why)) != OK ||
        (e = split_lengths(n, x->dim[axis], part, why)) != OK)
        return e;
    memcpy(dim, x->dim, sizeof dim);
    p->rows = (size_t)dims_product(dim, 0, axis);
    for (int i = 0; i < n->n_out; i++) {
        dim[axis] = part[i];
        next_part(p, i, dims_product(dim, axis, x->rank), x->type);
        if ((e = set_out(n, i, x->type, x->rank, dim, why)) != OK)
            return e;
    }
    return OK;
}

/* ---- running --------------------------------------------------------------------------------- */
struct copying {
    const struct parts *p;
    const struct node *n;
    const struct kernels *k;
    size_t strips;
};

static void copy_rows(const struct copying *c, char *to, size_t to_step, const char *from,
                      size_t from_step, size_t length, size_t rows)
{
    if (length == from_step && length == to_step)
        memcpy(to, from, length * rows);
    else if (c->p->words)
        c->k->hwc_copy((float *)(void *)to, to_step / sizeof(float),
                       (const float *)(const void *)from, from_step / sizeof(float),
                       length / sizeof(float), rows);
    else
        for (size_t i = 0; i < rows; i++)
            memcpy(to + i * to_step, from + i * from_step, length);
}

static void copy_strip(void *arg, int strip, int thread)
{
    const struct copying *c = arg;
    const struct parts *p = c->p;
    size_t from = p->rows * (size_t)strip / c->strips;
    size_t rows = p->rows * ((size_t)strip + 1) / c->strips - from;
    bool concat = c->n->op->variant == 0;

    (void)thread;
    for (int i = 0; i < p->n; i++) {
        const struct tensor *part = concat ? in(c->n, i) : out(c->n, i);
        const struct tensor *whole = concat ? out(c->n, 0) : in(c->n, 0);
        size_t length = p->part[i].length, at = from * p->length + p->part[i].at;

        if (part && length && concat)
            copy_rows(c, (char *)whole->data + at, p->length,
                      (const char *)part->data + from * length, length, length, rows);
        else if (part && length)
            copy_rows(c, (char *)part->data + from * length, length, (const char *)whole->data + at,
                      p->length, length, rows);
    }
}

static enum err parts_run(const struct node *n, const struct run *r)
{
    struct copying c = {.p = n->params, .n = n, .k = r->kernels};
    size_t bytes = c.p->rows * c.p->length;

    c.strips = bytes / STRIP_BYTES + 1;
    if (c.strips > c.p->rows)
        c.strips = c.p->rows;
    pool_run(r->pool, (int)c.strips, copy_strip, &c);
    return OK;
}

const struct op ops_parts[] = {
    {"Concat", 1, ANY_COUNT, 1, T_ANY, OP_SAME, concat_infer, parts_run, NULL, 0},
    {"Split", 1, 2, NODE_MAX_OUT, T_ANY, 0, split_infer, parts_run, NULL, 1},
    {NULL},
};
