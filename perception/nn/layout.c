/* Channels last wherever convolutions are.
 *
 * Kernels want the channels of a pixel side by side, files have them plane by plane. Every
 * convolution becomes one that reads and writes channels last, with a node in front and one behind
 * that turn the order around. A value that exists in both orders remembers the other (value.last),
 * so what stands between two convolutions is made on the turned values as well (elementwise
 * operators, Concat, pooling, ...) and nobody reads the values turned back: the sweep takes them
 * out. What remains are turns at the borders, and where a file turns pictures itself (the heads of
 * an SSD), not even those. Operators that stay what they are have their inputs and axes changed and
 * infer their shapes anew. */
#include <math.h>
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/last.h"
#include "perception/nn/ops/last8.h"
#include "perception/nn/ops/quant.h"

enum {
    PLANES_READ = 4,     /* so few channels a convolution reads plane by plane itself */
    MAX_NODES = 1 << 18, /* turned nodes included */
};

struct layout {
    struct graph *g;
    struct node **node;
    int n, room;
    struct why *why;
    enum err e; /* the first thing that went wrong */
};

static enum err fail(struct layout *l, enum err e)
{
    l->e = l->e == OK ? e : l->e;
    return l->e;
}

static void append(struct layout *l, struct node *n)
{
    if (l->n == l->room) {
        int room = l->room ? 2 * l->room : 256;
        struct node **more =
            room > MAX_NODES ? NULL : region_take(&l->g->region, (size_t)room * sizeof *more);

        if (!more) {
            fail(l, ERR_NOMEM);
            return;
        }
        if (l->n)
            memcpy(more, l->node, (size_t)l->n * sizeof *more);
        l->node = more;
        l->room = room;
    }
    l->node[l->n++] = n;
}

/* Where axis a of planes is when the channels are last. */
static int axis_last(int a, int rank)
{
    return a == 0 ? 0 : a == 1 ? rank - 1 : a - 1;
}

static void dims_last(const struct tensor *t, int64_t dim[TENSOR_MAX_RANK])
{
    for (int i = 0; i < t->rank; i++)
        dim[axis_last(i, t->rank)] = t->dim[i];
}

/* A value with the shape of v, channels last. NULL: no memory. */
static struct value *shaped_last(struct layout *l, const struct value *v)
{
    struct value *to = graph_value(l->g, v->t.name);
    int64_t dim[TENSOR_MAX_RANK];

    dims_last(&v->t, dim);
    if (!to || tensor_shape(&to->t, v->t.type, v->t.rank, dim, l->why) != OK) {
        fail(l, ERR_NOMEM);
        return NULL;
    }
    to->typed = true;
    return to;
}

/* One of the two orders is the other's memory. */
static bool is_view(const struct tensor *planes)
{
    return planes->dim[1] == 1 || dims_product(planes->dim, 2, planes->rank) == 1;
}

/* A new node that makes `to` from `from`. */
static struct node *node_between(struct layout *l, const struct op *op, struct value *from,
                                 struct value *to)
{
    struct node *n = region_take(&l->g->region, sizeof *n);
    struct value **ends = region_take(&l->g->region, 2 * sizeof *ends);

    if (!n || !ends || !to) {
        fail(l, ERR_NOMEM);
        return NULL;
    }
    *n = (struct node){.op = op,
                       .name = to->t.name,
                       .type = op->name,
                       .n_in = 1,
                       .n_out = 1,
                       .in = ends,
                       .out = ends + 1};
    node_rewire(n, 0, from);
    n->out[0] = to;
    to->from = n;
    return n;
}

static bool can_turn(const struct value *v)
{
    return v->t.rank >= 3 && v->t.type == DTYPE_F32;
}

/* v, channels last: made here unless there already. */
static struct value *value_last(struct layout *l, struct value *v)
{
    struct node *n;

    if (v->last)
        return v->last;
    n = node_between(l, is_view(&v->t) ? op_find("Identity") : &op_to_last, v, shaped_last(l, v));
    if (!n)
        return NULL;
    append(l, n);
    return v->last = n->out[0];
}

/* n makes output i channels last from here on; whoever wants planes reads them turned back. */
static void append_turned(struct layout *l, struct node *n)
{
    append(l, n);
    for (int i = 0; i < n->n_out && l->e == OK; i++) {
        struct value *planes = n->out[i], *last;
        struct node *back;

        if (!planes)
            continue;
        last = shaped_last(l, planes);
        if (!last)
            return;
        n->out[i] = last;
        last->from = n;
        back = node_between(l, is_view(&planes->t) ? op_find("Identity") : &op_to_planes, last,
                            planes);
        if (back)
            append(l, back);
        planes->last = last;
    }
}

/* ---- what is a kernel of its own ------------------------------------------------------------- */
static void read_last(struct layout *l, struct node *n, int i)
{
    struct value *last = n->in[i] ? value_last(l, n->in[i]) : NULL;

    if (last)
        node_rewire(n, i, last);
}

static bool turn_conv(struct layout *l, struct node *n)
{
    struct conv_params *p = n->params;
    bool transposed = is_conv_transpose(n);

    if (!conv_as_last(n))
        return false;
    p->x_planes = !transposed && !n->in[CONV_X]->last && p->groups == 1 &&
                  in(n, CONV_X)->dim[1] <= PLANES_READ && in(n, CONV_X)->dim[1] > 1;
    if (!p->x_planes)
        read_last(l, n, CONV_X);
    read_last(l, n, CONV_ADD);
    n->op = transposed ? &op_conv_transpose_last : &op_conv_last;
    append_turned(l, n);
    return true;
}

static bool turn_pool(struct layout *l, struct node *n)
{
    struct pool_last *p;

    if (!n->in[0]->last)
        return false;
    p = region_take(&l->g->region, sizeof *p);
    if (!p) {
        fail(l, ERR_NOMEM);
        return false;
    }
    if (!pool_as_last(n, p))
        return false;
    read_last(l, n, 0);
    n->params = p;
    n->op = &op_pool_last;
    append_turned(l, n);
    return true;
}

static bool turn_resize(struct layout *l, struct node *n)
{
    struct resize_last *p;

    if (!n->in[0]->last)
        return false;
    p = region_take(&l->g->region, sizeof *p);
    if (!p) {
        fail(l, ERR_NOMEM);
        return false;
    }
    if (!resize_as_last(n, p))
        return false;
    read_last(l, n, 0);
    n->params = p;
    n->op = &op_resize_last;
    append_turned(l, n);
    return true;
}

/* ---- batch norms that no convolution took: a depthwise convolution of one tap ---------------- */
static struct value *floats(struct layout *l, const char *name, int rank, const int64_t *dim)
{
    struct value *v = graph_constant(l->g, name, DTYPE_F32, rank, dim);

    if (!v)
        fail(l, ERR_NOMEM);
    return v;
}

static bool turn_batch_norm(struct layout *l, struct node *n)
{
    const struct norm_params *norm = n->params;
    const struct tensor *x = in(n, NORM_X);
    int64_t dim[4] = {x->rank == 4 ? x->dim[1] : 0, 1, 1, 1};
    struct conv_params *p = region_take(&l->g->region, sizeof *p);
    struct value **wide = region_take(&l->g->region, CONV_INPUTS * sizeof *wide), *scale, *shift;

    if (!is_batch_norm(n) || !n->in[NORM_X]->last || x->rank != 4 || dim[0] < 2 || !p || !wide)
        return false;
    for (int i = NORM_SCALE; i <= NORM_VAR; i++)
        if (!n->in[i]->constant)
            return false;
    scale = floats(l, n->name, 4, dim);
    shift = floats(l, n->name, 1, dim);
    if (!scale || !shift)
        return false;
    for (int64_t c = 0; c < dim[0]; c++) {
        float s = ((const float *)in(n, NORM_SCALE)->data)[c] /
                  sqrtf(((const float *)in(n, NORM_VAR)->data)[c] + norm->epsilon);

        ((float *)scale->t.data)[c] = s;
        ((float *)shift->t.data)[c] = ((const float *)in(n, NORM_BIAS)->data)[c] -
                                      ((const float *)in(n, NORM_MEAN)->data)[c] * s;
    }
    *p = (struct conv_params){.e = norm->e, .groups = (int)dim[0], .M = (int)dim[0]};
    p->w = (struct window){.rank = 2,
                           .in = {1, (int)x->dim[2], (int)x->dim[3]},
                           .out = {1, (int)x->dim[2], (int)x->dim[3]},
                           .kernel = {1, 1, 1},
                           .stride = {1, 1, 1},
                           .dilation = {1, 1, 1}};
    wide[CONV_X] = n->in[NORM_X];
    wide[CONV_SLOPE] = n->in[NORM_SLOPE];
    for (int i = NORM_SCALE; i <= NORM_VAR; i++)
        node_rewire(n, i, NULL);
    n->in = wide;
    n->n_in = CONV_INPUTS;
    n->params = p;
    n->op = &op_conv_last;
    node_rewire(n, CONV_W, scale);
    node_rewire(n, CONV_BIAS, shift);
    read_last(l, n, CONV_X);
    append_turned(l, n);
    return true;
}

/* ---- operators that do the same in any order ------------------------------------------------- */
/* Infers anew what n, whose inputs are channels last now, makes. */
static void append_inferred(struct layout *l, struct node *n)
{
    enum err e;

    append_turned(l, n); /* its outputs have the shape that is to come out */
    if (l->e == OK && (e = n->op->infer(l->g, n, l->why)) != OK)
        fail(l, err_prefix(l->why, e, "node '%.80s' (%.40s), channels last: ", n->name, n->type));
}

/* A constant that broadcasts against `rank` dimensions, turned. NULL: no memory. */
static struct value *constant_last(struct layout *l, const struct value *v, int rank)
{
    int64_t from[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK] = {0}, pitch = 1;
    size_t size = dtype_size(v->t.type);
    struct value *to;

    for (int i = rank - 1; i >= 0; i--) {
        int at = i - (rank - v->t.rank);

        from[i] = at >= 0 ? v->t.dim[at] : 1;
        dim[axis_last(i, rank)] = from[i];
        step[axis_last(i, rank)] = pitch;
        pitch *= from[i];
    }
    to = graph_constant(l->g, v->t.name, v->t.type, rank, dim);
    if (!to) {
        fail(l, ERR_NOMEM);
        return NULL;
    }
    for (int64_t i = 0; i < tensor_count(&to->t); i++) {
        int64_t left = i, at = 0;

        for (int d = rank - 1; d >= 0; left /= dim[d--])
            at += left % dim[d] * step[d];
        memcpy((char *)to->t.data + (size_t)i * size, (const char *)v->t.data + (size_t)at * size,
               size);
    }
    return to;
}

/* How an input of an elementwise operator may be had channels last: as it is (one number), turned
 * at load, or because it is there. */
static bool is_ready(const struct value *v, int rank)
{
    return !v || tensor_count(&v->t) == 1 || v->constant ||
           (v->t.rank == rank && can_turn(v) && (v->last || is_view(&v->t)));
}

static bool turn_elementwise(struct layout *l, struct node *n)
{
    int rank = out(n, 0) ? out(n, 0)->rank : 0;
    bool any = false;

    if (rank < 3 || out(n, 0)->type != DTYPE_F32 || (n->opset < 7 && n->n_in > 1))
        return false; /* broadcasting was by axis then */
    for (int i = 0; i < n->n_in; i++) {
        if (!is_ready(n->in[i], rank))
            return false;
        any |= n->in[i] && n->in[i]->last;
    }
    if (!any)
        return false;
    for (int i = 0; i < n->n_in && l->e == OK; i++) {
        struct value *v = n->in[i];

        if (!v || tensor_count(&v->t) == 1)
            continue;
        if (v->constant)
            v = constant_last(l, v, rank);
        else
            v = value_last(l, v);
        if (v)
            node_rewire(n, i, v);
    }
    append_inferred(l, n);
    return true;
}

/* The attribute `name`, made if it is not there. */
static void set_attr(struct layout *l, struct node *n, const char *name, int64_t v)
{
    struct attr *more;

    for (int i = 0; i < n->n_attr; i++)
        if (!strcmp(n->attr[i].name, name)) {
            n->attr[i].i = v;
            return;
        }
    more = region_take(&l->g->region, ((size_t)n->n_attr + 1) * sizeof *more);
    if (!more) {
        fail(l, ERR_NOMEM);
        return;
    }
    if (n->n_attr)
        memcpy(more, n->attr, (size_t)n->n_attr * sizeof *more);
    more[n->n_attr++] = (struct attr){.name = name, .kind = ATTR_INT, .read = true, .i = v};
    n->attr = more;
}

static bool turn_concat(struct layout *l, struct node *n)
{
    int rank = in(n, 0)->rank, axis = 0;
    int64_t there = 0, all = 0;

    for (int i = 0; i < n->n_in; i++) {
        if (!can_turn(n->in[i]))
            return false;
        all += tensor_count(in(n, i));
        there += n->in[i]->last ? tensor_count(in(n, i)) : 0;
    }
    if (2 * there <= all || axis_of(attr_int(n, "axis", 1), rank, &axis, NULL) != OK)
        return false;
    for (int i = 0; i < n->n_in && l->e == OK; i++)
        if (n->in[i]->constant && !n->in[i]->last)
            node_rewire(n, i, constant_last(l, n->in[i], rank));
        else
            read_last(l, n, i);
    set_attr(l, n, "axis", axis_last(axis, rank));
    append_inferred(l, n);
    return true;
}

/* Split and Softmax: one input, one axis. */
static bool turn_axis(struct layout *l, struct node *n)
{
    int rank = in(n, 0)->rank, axis = 0;
    bool softmax = strcmp(n->type, "Split") != 0;

    if (!n->in[0]->last || (softmax && n->opset < 13) ||
        axis_of(attr_int(n, "axis", softmax ? -1 : 0), rank, &axis, NULL) != OK)
        return false;
    read_last(l, n, 0);
    set_attr(l, n, "axis", axis_last(axis, rank));
    append_inferred(l, n);
    return true;
}

static bool turn_slice(struct layout *l, struct node *n)
{
    int rank = in(n, 0)->rank, count = 0;
    int64_t axes[TENSOR_MAX_RANK], n_axes;
    struct value *to, **wide;

    if (!n->in[0]->last || n->opset < 10 || n->n_in < 3)
        return false;
    if (in(n, 3)) {
        if (known_ints(n, 3, axes, TENSOR_MAX_RANK, &count, NULL) != OK)
            return false;
    } else {
        count = (int)tensor_count(in(n, 1));
        for (int i = 0; i < count; i++)
            axes[i] = i;
    }
    n_axes = count;
    to = graph_constant(l->g, n->name, DTYPE_I64, 1, &n_axes);
    wide = region_take(&l->g->region, 5 * sizeof *wide);
    if (!to || !wide) {
        fail(l, ERR_NOMEM);
        return false;
    }
    for (int i = 0; i < count; i++)
        ((int64_t *)to->t.data)[i] = axis_last((int)(axes[i] < 0 ? axes[i] + rank : axes[i]), rank);
    memcpy(wide, n->in, (size_t)n->n_in * sizeof *wide);
    n->in = wide;
    n->n_in = 5;
    node_rewire(n, 3, to);
    read_last(l, n, 0);
    append_inferred(l, n);
    return true;
}

/* ---- what the file itself turns or reshapes --------------------------------------------------- */
/* n becomes another name for the memory of v. */
static void become_view(struct node *n, struct value *v)
{
    n->op = op_find("Identity");
    for (int i = 1; i < n->n_in; i++)
        node_rewire(n, i, NULL);
    node_rewire(n, 0, v);
}

/* Element order: does it only move dimensions of length 1? */
static bool keeps_order(const struct tensor *t, const int64_t *perm)
{
    int64_t before = -1;

    for (int i = 0; i < t->rank; i++) {
        if (t->dim[perm[i]] == 1)
            continue;
        if (perm[i] < before)
            return false;
        before = perm[i];
    }
    return true;
}

/* Read through: from the turned value, with the two orders composed. */
static bool turn_transpose(struct layout *l, struct node *n)
{
    int rank = in(n, 0)->rank, count;
    const int64_t *perm = attr_ints(n, "perm", &count);
    int64_t *composed;
    enum err e;

    if (!n->in[0]->last || !perm)
        return false;
    composed = region_take(&l->g->region, (size_t)rank * sizeof *composed);
    if (!composed) {
        fail(l, ERR_NOMEM);
        return false;
    }
    for (int i = 0; i < rank; i++)
        composed[i] = axis_last((int)(perm[i] < 0 ? perm[i] + rank : perm[i]), rank);
    if (keeps_order(&n->in[0]->last->t, composed)) {
        become_view(n, n->in[0]->last);
    } else {
        for (int i = 0; i < n->n_attr; i++)
            if (!strcmp(n->attr[i].name, "perm"))
                n->attr[i].ints = composed;
        node_rewire(n, 0, n->in[0]->last);
        if ((e = n->op->infer(l->g, n, l->why)) != OK)
            fail(l, e);
    }
    append(l, n);
    return true;
}

/* A reshape that leaves (N, C) alone does the same to pixels. */
static bool turn_reshape(struct layout *l, struct node *n)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);

    if (!(n->op->flags & OP_VIEW) || !y || !n->in[0]->last || y->rank < 3 ||
        x->dim[0] != y->dim[0] || x->dim[1] != y->dim[1] || (n->n_out > 1 && n->out[1]))
        return false;
    become_view(n, n->in[0]->last);
    append_turned(l, n);
    return true;
}

/* ---- where bytes meet real numbers (fuse_quant.c) --------------------------------------------- */
/* Quantises what lies channels last already. */
static bool turn_quantize8(struct layout *l, struct node *n)
{
    if (!n->in[0]->last)
        return false;
    ((struct last8 *)n->params)->planes = false;
    read_last(l, n, 0);
    append(l, n);
    return true;
}

/* Makes real numbers channels last, whoever reads them. */
static bool turn_dequantize8(struct layout *l, struct node *n)
{
    ((struct last8 *)n->params)->planes = false;
    append_turned(l, n);
    return true;
}

static bool give_params(struct layout *l, struct node *n, const struct last8 *p)
{
    struct last8 *to = n ? region_take(&l->g->region, sizeof *to) : NULL;

    if (!to) {
        fail(l, ERR_NOMEM);
        return false;
    }
    *to = *p;
    n->params = to;
    return true;
}

/* The bytes that q makes of numbers which are there channels last, in that order. NULL: no memory. */
static struct value *bytes_last(struct layout *l, struct node *q, const struct q8 *as)
{
    struct value *planes = q->out[0], *to;
    struct node *by;

    if (planes->last)
        return planes->last;
    to = shaped_last(l, planes);
    if (!to)
        return NULL;
    to->t.type = DTYPE_U8;
    by = node_between(l, &op_quantize8, q->in[0]->last, to);
    if (!give_params(l, by, &(struct last8){.f.as = *as}))
        return NULL;
    append(l, by);
    return planes->last = to;
}

/* Quantised and at once dequantised in one scale: the same in any order. */
static bool turn_dequantize(struct layout *l, struct node *n)
{
    struct node *q = n->in[0]->from;
    struct q8 as, back;
    struct value *bytes;

    if (!q || !is_quantize(q) || !can_turn(q->in[0]) || !q->in[0]->last || !quant_steps(q, &as) ||
        !quant_steps(n, &back) || q->out[0]->t.type != n->in[0]->t.type)
        return false;
    bytes = bytes_last(l, q, &as);
    if (!bytes || !give_params(l, n, &(struct last8){.x_as = back}))
        return false;
    node_rewire(n, 0, bytes);
    for (int i = 1; i < n->n_in; i++)
        node_rewire(n, i, NULL);
    n->op = &op_dequantize8;
    n->type = n->op->name;
    append_turned(l, n);
    return true;
}

static bool turn_int8(struct layout *l, struct node *n)
{
    if (out(n, 0)->type == DTYPE_F32)
        append_turned(l, n);
    else
        append(l, n);
    return true;
}

/* ---- the walk --------------------------------------------------------------------------------- */
typedef bool turn(struct layout *l, struct node *n); /* false: it stays as it is */

static turn *turn_of(const struct node *n)
{
    static const struct {
        const char *type;
        turn *turn;
    } known[] = {
        {"Conv", turn_conv},
        {"ConvTranspose", turn_conv},
        {"MaxPool", turn_pool},
        {"AveragePool", turn_pool},
        {"GlobalMaxPool", turn_pool},
        {"GlobalAveragePool", turn_pool},
        {"Resize", turn_resize},
        {"Upsample", turn_resize},
        {"BatchNormalization", turn_batch_norm},
        {"Concat", turn_concat},
        {"Split", turn_axis},
        {"Softmax", turn_axis},
        {"Slice", turn_slice},
        {"Transpose", turn_transpose},
        {"DequantizeLinear", turn_dequantize},
    };

    if (n->op == &op_quantize8)
        return turn_quantize8;
    if (n->op == &op_dequantize8)
        return turn_dequantize8;
    if (n->op == &op_conv8 || n->op == &op_rows8)
        return turn_int8;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i].type, n->type))
            return known[i].turn;
    return n->op->flags & OP_VIEW          ? turn_reshape
           : n->op->flags & OP_ELEMENTWISE ? turn_elementwise
                                           : NULL;
}

enum err graph_layout(struct graph *g, struct why *why)
{
    struct layout l = {.g = g, .why = why};

    for (int i = 0; i < g->n_nodes && l.e == OK; i++) {
        struct node *n = g->node[i];
        turn *way = turn_of(n);

        if (!way || !way(&l, n))
            append(&l, n);
    }
    if (l.e != OK)
        return l.e == ERR_NOMEM ? err_say(why, l.e, "out of memory") : l.e;
    if (l.n > 0) /* else all was folded, and the old list will do */
        g->node = l.node;
    g->n_nodes = l.n;
    graph_sweep(g);
    fuse_parts(g);
    return fuse_separable(g) == OK ? OK : err_say(why, ERR_NOMEM, "out of memory");
}
