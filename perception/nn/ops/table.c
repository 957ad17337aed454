#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

const struct op *op_find(const char *type)
{
    static const struct op *const families[] = {
        ops_unary,   ops_binary, ops_logic,  ops_cast,    ops_shape,   ops_move,      ops_gather,
        ops_pad,     ops_conv,   ops_pool,   ops_resize,  ops_matmul,  ops_norm,      ops_softmax,
        ops_reduce,  ops_scan,   ops_quant,  ops_make,    ops_parts,   ops_select,    ops_nms,
        ops_matmul8, ops_conv8,  ops_sample, ops_roi,     ops_unpool,  ops_recurrent, ops_einsum,
        ops_loss,    ops_signal, ops_det,    ops_moments, ops_control,
    };

    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        for (const struct op *o = families[i]; o->name; o++)
            if (!strcmp(o->name, type))
                return o;
    return NULL;
}

/* The attribute if it is there and of that kind. */
static struct attr *attr_get(struct node *n, const char *name, enum attr_kind kind)
{
    for (int i = 0; i < n->n_attr; i++) {
        if (strcmp(n->attr[i].name, name) != 0)
            continue;
        n->attr[i].read = true;
        if (n->attr[i].kind == kind)
            return &n->attr[i];
        n->bad_attr = n->attr[i].name;
        return NULL;
    }
    return NULL;
}

int64_t attr_int(struct node *n, const char *name, int64_t otherwise)
{
    const struct attr *a = attr_get(n, name, ATTR_INT);

    return a ? a->i : otherwise;
}

float attr_float(struct node *n, const char *name, float otherwise)
{
    const struct attr *a = attr_get(n, name, ATTR_FLOAT);

    return a ? a->f : otherwise;
}

const char *attr_string(struct node *n, const char *name, const char *otherwise)
{
    const struct attr *a = attr_get(n, name, ATTR_STRING);

    return a ? a->s : otherwise;
}

const int64_t *attr_ints(struct node *n, const char *name, int *count)
{
    const struct attr *a = attr_get(n, name, ATTR_INTS);

    *count = a ? (int)a->n : -1;
    return a ? a->ints : NULL;
}

const float *attr_floats(struct node *n, const char *name, int *count)
{
    const struct attr *a = attr_get(n, name, ATTR_FLOATS);

    *count = a ? (int)a->n : -1;
    return a ? a->floats : NULL;
}

const char *const *attr_strings(struct node *n, const char *name, int *count)
{
    const struct attr *a = attr_get(n, name, ATTR_STRINGS);

    *count = a ? (int)a->n : -1;
    return a ? a->strings : NULL;
}

struct attr *attr_tensor(struct node *n, const char *name)
{
    return attr_get(n, name, ATTR_TENSOR);
}

struct body *attr_body(struct node *n, const char *name)
{
    struct attr *a = attr_get(n, name, ATTR_GRAPH);

    return a ? a->body : NULL;
}

void attr_ignore(struct node *n, const char *name)
{
    for (int i = 0; i < n->n_attr; i++)
        if (!strcmp(n->attr[i].name, name))
            n->attr[i].read = true;
}

enum err set_out(struct node *n, int i, enum dtype type, int rank, const int64_t *dim,
                 struct why *why)
{
    if (!out(n, i))
        return OK;
    n->out[i]->typed = true;
    return tensor_shape(&n->out[i]->t, type, rank, dim, why);
}

enum err set_out_bound(struct node *n, int i, enum dtype type, int rank, const int64_t *dim,
                       struct why *why)
{
    if (out(n, i))
        n->out[i]->dynamic = true;
    return set_out(n, i, type, rank, dim, why);
}

enum err set_out_like(struct node *n, int i, enum dtype type, const struct tensor *t,
                      struct why *why)
{
    return set_out(n, i, type, t->rank, t->dim, why);
}

void *node_params(struct graph *g, struct node *n, size_t size)
{
    n->params = region_take(&g->region, size);
    return n->params;
}

enum err need_type(const struct node *n, int i, unsigned types, struct why *why)
{
    const struct tensor *t = in(n, i);

    if (!t || (types & TYPE(t->type)))
        return OK;
    return err_say(why, ERR_UNSUPPORTED, "input '%.80s' is %s", t->name, dtype_name(t->type));
}

enum err need_rank(const struct node *n, int i, int lo, int hi, struct why *why)
{
    const struct tensor *t = in(n, i);

    if (!t || (t->rank >= lo && t->rank <= hi))
        return OK;
    return err_say(why, ERR_FORMAT, "input '%.80s' has %d dimensions, needed %d to %d", t->name,
                   t->rank, lo, hi);
}

enum err known_ints(const struct node *n, int i, int64_t *v, int max, int *count, struct why *why)
{
    const struct tensor *t = in(n, i);
    enum err e;

    if ((e = need_type(n, i, T_INDEX, why)) != OK || (e = need_rank(n, i, 0, 1, why)) != OK)
        return e;
    if (!n->in[i]->constant)
        return err_say(why, ERR_UNSUPPORTED, "the shape depends on the run-time value of '%.80s'",
                       t->name);
    if (tensor_count(t) > max)
        return err_say(why, ERR_LIMIT, "input '%.80s' has %lld elements, limit %d", t->name,
                       (long long)tensor_count(t), max);
    *count = (int)tensor_count(t);
    for (int j = 0; j < *count; j++)
        v[j] = number_int(t, j);
    return OK;
}

enum err ints_either(struct node *n, int i, const char *name, int64_t *v, int max, int *count,
                     struct why *why)
{
    const int64_t *a = name ? attr_ints(n, name, count) : NULL;

    if (in(n, i))
        return a ? err_say(why, ERR_FORMAT, "'%s' as attribute and as input", name)
                 : known_ints(n, i, v, max, count, why);
    if (!a) {
        *count = -1;
        return OK;
    }
    if (*count > max)
        return err_say(why, ERR_LIMIT, "'%s' has %d elements, limit %d", name, *count, max);
    memcpy(v, a, (size_t)*count * sizeof *v);
    return OK;
}

enum err axis_of(int64_t axis, int rank, int *to, struct why *why)
{
    if (axis < -rank || axis >= rank)
        return err_say(why, ERR_FORMAT, "axis %lld of %d dimensions", (long long)axis, rank);
    *to = (int)(axis < 0 ? axis + rank : axis);
    return OK;
}

enum err axes_of(const int64_t *axes, int count, int rank, bool flag[TENSOR_MAX_RANK],
                 struct why *why)
{
    memset(flag, 0, TENSOR_MAX_RANK * sizeof *flag);
    for (int i = 0; i < count; i++) {
        int a = 0;
        enum err e = axis_of(axes[i], rank, &a, why);

        if (e != OK)
            return e;
        if (flag[a])
            return err_say(why, ERR_FORMAT, "axis %d is named twice", a);
        flag[a] = true;
    }
    return OK;
}

enum err node_fault(const struct node *n, const struct run *r, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_say(r->why, ERR_MISMATCH, "node '%.80s' (%.40s): %s", n->name, n->type, text);
}

int64_t dims_product(const int64_t *dim, int from, int to)
{
    int64_t n = 1;

    for (int i = from; i < to; i++)
        n *= dim[i];
    return n;
}
