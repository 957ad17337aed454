/* DequantizeLinear, operators, QuantizeLinear: in 8 bits instead, wherever there is a kernel.
 *
 * The walk replaces an operator between the two by its like on bytes (ops/last8.h). A byte value that
 * is made so, or needed so, has a form with the channels last (value.last); where real numbers meet
 * it, nodes that quantise or dequantise stand at the border, and graph_layout() turns their float
 * side. What has no partner stays as it is. */
#include <math.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/last.h"
#include "perception/nn/ops/last8.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/quant.h"
#include "perception/nn/ops/slice.h"

enum {
    PRODUCT_MIN = 64,    /* shorter sums of a product are as fast with real numbers */
    PRODUCT_MAX = 32768, /* longer ones might not fit 32 bits */
};
enum { LOOK_BACK = 256 }; /* nodes; further away lies no convolution that may still take more in */

/* What is known of a value while the walk lasts. */
struct notes {
    struct node *reader; /* the only one, if uses is 1 */
    int dequants;        /* readers that dequantise it */
};

struct walk {
    struct graph *g;
    struct node **node;
    int n, room;
    struct why *why;
    enum err e;
};

static enum err fail(struct walk *w, enum err e)
{
    w->e = w->e == OK ? e : w->e;
    return w->e;
}

static void *take(struct walk *w, size_t size)
{
    void *p = region_take(&w->g->region, size);

    if (!p)
        fail(w, ERR_NOMEM);
    return p;
}

static void append(struct walk *w, struct node *n)
{
    if (w->n == w->room)
        fail(w, ERR_LIMIT);
    else
        w->node[w->n++] = n;
}

static struct notes *notes_of(const struct value *v)
{
    return v->notes;
}

/* ---- bytes ------------------------------------------------------------------------------------- */
/* A value of four dimensions that only DequantizeLinear reads. */
static bool is_bytes(const struct value *v)
{
    return v && v->t.rank == 4 && tensor_count(&v->t) > 0 && !v->constant && !v->input &&
           !v->output && v->from && v->uses == notes_of(v)->dequants;
}

static struct value *bytes_last(struct walk *w, const struct value *v, enum dtype type)
{
    struct value *to = graph_value(w->g, v->t.name);
    const int64_t dim[4] = {v->t.dim[0], v->t.dim[2], v->t.dim[3], v->t.dim[1]};

    if (!to || tensor_shape(&to->t, type, 4, dim, w->why) != OK) {
        fail(w, ERR_NOMEM);
        return NULL;
    }
    to->typed = true;
    return to;
}

/* A node of n_in inputs, to be filled in, with parameters of its own. NULL: no memory. */
static struct node *node_new(struct walk *w, const struct op *op, const struct node *like, int n_in)
{
    struct node *n = take(w, sizeof *n);
    struct value **ends = take(w, ((size_t)n_in + 1) * sizeof *ends);
    struct last8 *p = take(w, sizeof *p);

    if (!n || !ends || !p)
        return NULL;
    *n = (struct node){.op = op,
                       .name = like->name,
                       .type = op->name,
                       .n_in = n_in,
                       .n_out = 1,
                       .in = ends,
                       .out = ends + n_in,
                       .macs = like->macs,
                       .params = p};
    return n;
}

static void node_makes(struct node *n, struct value *to)
{
    n->out[0] = to;
    to->from = n;
}

/* The DequantizeLinear behind input i of n, with bytes in front of it; NULL: there is none. */
static struct node *source_of(const struct node *n, int i, struct q8 *as)
{
    struct value *v = i < n->n_in ? n->in[i] : NULL;

    if (!v || !v->from || !is_dequantize(v->from) || !quant_steps(v->from, as) ||
        !is_bytes(v->from->in[0]))
        return NULL;
    return (v->from->in[0]->last || is_quantize(v->from->in[0]->from)) ? v->from : NULL;
}

/* The bytes that input i of n stands for, channels last: quantised here unless there already. */
static struct value *source_last(struct walk *w, const struct node *n, int i)
{
    struct value *q = n->in[i]->from->in[0], *last;
    struct node *border;

    if (q->last)
        return q->last;
    border = node_new(w, &op_quantize8, q->from, 1);
    last = bytes_last(w, q, DTYPE_U8);
    if (!border || !last)
        return NULL;
    ((struct last8 *)border->params)->planes = true;
    if (!quant_steps(q->from, &((struct last8 *)border->params)->f.as)) {
        fail(w, ERR_UNSUPPORTED);
        return NULL;
    }
    node_rewire(border, 0, q->from->in[0]);
    node_makes(border, last);
    append(w, border);
    return q->last = last;
}

/* The only reader of what n makes, if it quantises that; its steps. */
static struct node *target_of(const struct node *n, struct q8 *as)
{
    const struct value *y = n->n_out ? n->out[0] : NULL;
    struct node *q = y && y->uses == 1 && !y->output ? notes_of(y)->reader : NULL;

    return q && is_quantize(q) && quant_steps(q, as) && is_bytes(q->out[0]) ? q : NULL;
}

/* n reads nothing any more; the sweep takes it. */
static void retire(struct node *n)
{
    n->done = true;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i])
            node_rewire(n, i, NULL);
}

/* `by` stands for n and its QuantizeLinear q. q NULL: for n alone; it makes real numbers, which
 * graph_layout() turns. */
static void replace(struct walk *w, struct node *by, struct node *n, struct node *q)
{
    struct value *last;

    if (!q) {
        node_makes(by, n->out[0]);
        n->n_out = 0;
        retire(n);
        append(w, by);
        return;
    }
    last = bytes_last(w, q->out[0], DTYPE_U8);
    if (!last)
        return;
    node_makes(by, last);
    q->out[0]->last = last;
    q->done = true;
    retire(n);
    append(w, by);
}

/* ---- convolutions ------------------------------------------------------------------------------ */
/* Scales of the products of conv n with weights that `folded` dequantised; false: not in this form. */
static bool product_scales(const struct node *n, const struct node *folded, float x_scale,
                           float *product)
{
    const struct conv_params *p = n->params;
    const struct tensor *s = in(folded, 1), *w = in(folded, 0);
    int64_t count, inner, per_group = p->M / p->groups;
    int64_t taps = dims_product(w->dim, 2, w->rank);

    quant_lines_of(folded, &count, &inner);
    if (w->type != DTYPE_I8 || s->type != DTYPE_F32)
        return false;
    for (int64_t i = 0; in(folded, 2) && i < count; i++)
        if (number_int(in(folded, 2), i) != 0)
            return false;
    if (count != 1 && (is_conv(n) ? count != p->M || inner != tensor_count(w) / p->M
                                  : count != per_group || inner != taps))
        return false;
    for (int64_t m = 0; m < p->M; m++) {
        product[m] = x_scale * ((const float *)s->data)[m % count];
        if (!isfinite(product[m]))
            return false;
    }
    return true;
}

static bool is_constant_or_none(const struct node *n, int i)
{
    return !n->in[i] || n->in[i]->constant;
}

/* A copy of a constant that lives as long as the graph. */
static float *floats_kept(struct walk *w, const struct tensor *t)
{
    size_t n = (size_t)tensor_count(t);
    float *to = take(w, n * sizeof *to);

    if (to)
        memcpy(to, t->data, n * sizeof *to);
    return to;
}

static void take_epilogue(struct walk *w, struct hwc8_finish *f, const struct epilogue *e,
                          const struct tensor *slope)
{
    f->act = e->act;
    f->a = e->a;
    f->b = e->b;
    if (slope)
        f->slope = floats_kept(w, slope);
}

static bool can_be_bytes(const struct node *n)
{
    const struct conv_params *p = n->params;
    struct conv_shape s;

    if ((!is_conv(n) && !is_conv_transpose(n)) || in(n, CONV_X)->rank != 4 || !n->in[CONV_W] ||
        !n->in[CONV_W]->folded || !is_constant_or_none(n, CONV_BIAS) ||
        !is_constant_or_none(n, CONV_SLOPE))
        return false;
    s = window_shape(&p->w, (int)in(n, CONV_X)->dim[0], (int)in(n, CONV_X)->dim[1], p->M,
                     p->groups);
    return is_conv(n) ? conv_hwc_fits(&s) : conv_transpose_hwc_fits(&s);
}

static bool turn_conv(struct walk *w, struct node *n)
{
    const struct conv_params *conv = n->params;
    struct node *folded = can_be_bytes(n) ? n->in[CONV_W]->folded : NULL, *by, *q;
    struct q8 x_as, add_as, as = {1.0f, 0};
    struct last8 *p;
    float *product;

    if (!folded || !source_of(n, CONV_X, &x_as) ||
        (n->in[CONV_ADD] && !source_of(n, CONV_ADD, &add_as)))
        return false;
    q = target_of(n, &as);
    product = take(w, (size_t)conv->M * sizeof *product);
    if (!product || !product_scales(n, folded, x_as.scale, product))
        return false;
    by = node_new(w, &op_conv8, n, LAST8_INPUTS);
    if (!by)
        return false;
    p = by->params;
    *p = (struct last8){.shape = window_shape(&conv->w, (int)in(n, CONV_X)->dim[0],
                                              (int)in(n, CONV_X)->dim[1], conv->M, conv->groups),
                        .transposed = is_conv_transpose(n),
                        .x_as = x_as,
                        .product = product};
    if (n->in[CONV_BIAS])
        p->bias = floats_kept(w, in(n, CONV_BIAS));
    take_epilogue(w, &p->f, &conv->e, in(n, CONV_SLOPE));
    node_rewire(by, LAST8_X, source_last(w, n, CONV_X));
    node_rewire(by, LAST8_W, folded->in[0]);
    if (n->in[CONV_ADD]) {
        node_rewire(by, LAST8_ADD, source_last(w, n, CONV_ADD));
        p->f.add_as = add_as;
        p->f.add_after = conv->e.add_after;
    }
    p->f.as = as;
    replace(w, by, n, q);
    return true;
}

/* ---- numbers one by one ------------------------------------------------------------------------ */
/* A convolution that has made the bytes behind input i of n for n alone, and does nothing to them yet
 * but round. */
static struct node *free_conv(const struct node *n, int i)
{
    const struct value *q = n->in[i]->from->in[0];
    struct node *conv = q->last ? q->last->from : NULL;
    const struct last8 *p = conv ? conv->params : NULL;

    if (!conv || conv->op != &op_conv8 || q->last->uses > 0 || q->uses != 1 ||
        n->in[i]->uses != 1 || n->in[i]->output || p->f.act != ACT_NONE || conv->in[LAST8_ADD] ||
        p->f.mid.scale > 0 || p->f.gain)
        return NULL;
    return conv;
}

/* Such a convolution out of the list, to be appended again where n is. */
static struct node *take_back(struct walk *w, const struct node *n, int i)
{
    struct node *conv = free_conv(n, i);

    for (int j = w->n - 1; conv && j >= 0 && j >= w->n - LOOK_BACK; j--)
        if (w->node[j] == conv) {
            memmove(w->node + j, w->node + j + 1, (size_t)(--w->n - j) * sizeof *w->node);
            return conv;
        }
    return NULL;
}

/* The node that computes what follows input i of n: the convolution before it, or a new one. */
static struct node *rows_node(struct walk *w, const struct node *n, int i, const struct q8 *x_as)
{
    struct node *by = take_back(w, n, i);
    struct value *x;
    struct last8 *p;

    if (by) {
        p = by->params;
        p->f.mid = p->f.as;
        return by;
    }
    x = source_last(w, n, i);
    by = node_new(w, &op_rows8, n, LAST8_INPUTS);
    if (!x || !by)
        return NULL;
    p = by->params;
    p->x_as = *x_as;
    p->f.unit = x_as->scale;
    node_rewire(by, LAST8_X, x);
    return by;
}

static void take_batch_norm(struct walk *w, struct hwc8_finish *f, const struct node *n)
{
    const struct norm_params *norm = n->params;
    size_t C = (size_t)in(n, NORM_X)->dim[1];
    float *gain = take(w, C * sizeof *gain), *shift = take(w, C * sizeof *shift);

    if (!gain || !shift)
        return;
    for (size_t c = 0; c < C; c++) {
        gain[c] = ((const float *)in(n, NORM_SCALE)->data)[c] /
                  sqrtf(((const float *)in(n, NORM_VAR)->data)[c] + norm->epsilon);
        shift[c] = ((const float *)in(n, NORM_BIAS)->data)[c] -
                   ((const float *)in(n, NORM_MEAN)->data)[c] * gain[c];
    }
    f->gain = gain;
    f->shift = shift;
    take_epilogue(w, f, &norm->e, in(n, NORM_SLOPE));
}

/* A slope per channel, or one. */
static bool is_slope(const struct value *v, const struct tensor *x)
{
    return v && v->constant && v->t.type == DTYPE_F32 &&
           (tensor_count(&v->t) == 1 ||
            (tensor_count(&v->t) == x->dim[1] && v->t.rank >= 3 && v->t.dim[v->t.rank - 3] > 1));
}

/* What n does to one number; false: it is nothing of the kind. */
static bool row_of(struct walk *w, const struct node *n, struct hwc8_finish *f)
{
    struct epilogue e = {0};

    if (is_batch_norm(n)) {
        for (int i = NORM_SCALE; i < NORM_INPUTS; i++)
            if (!is_constant_or_none(n, i))
                return false;
        take_batch_norm(w, f, n);
        return true;
    }
    if (!strcmp(n->type, "PRelu") && is_slope(n->in[1], in(n, 0))) {
        bool one = tensor_count(in(n, 1)) == 1;

        e.act = ACT_LEAKY;
        e.a = one ? *(const float *)in(n, 1)->data : 0;
        take_epilogue(w, f, &e, one ? NULL : in(n, 1));
        return true;
    }
    if (!unary_activation(n, &e) && !clip_activation(n, &e))
        return false;
    take_epilogue(w, f, &e, NULL);
    return true;
}

static bool turn_row(struct walk *w, struct node *n)
{
    struct hwc8_finish f = {0};
    struct q8 x_as, as = {1.0f, 0};
    struct node *q = target_of(n, &as), *by;
    struct last8 *p;

    if ((!q && !is_batch_norm(n)) || !source_of(n, 0, &x_as) || !row_of(w, n, &f))
        return false;
    by = rows_node(w, n, 0, &x_as);
    if (!by)
        return false;
    p = by->params;
    f.unit = p->f.unit;
    f.mid = p->f.mid;
    f.as = as;
    p->f = f;
    replace(w, by, n, q);
    return true;
}

/* What alone reads what n makes, if that does something to each number, and its result is quantised;
 * NULL: there is none. */
static struct node *row_behind(struct walk *w, const struct node *n, struct hwc8_finish *f)
{
    const struct value *y = n->out[0];
    struct node *row = y->uses == 1 && !y->output ? notes_of(y)->reader : NULL;
    struct q8 as;

    return row && row->n_in > 0 && row->in[0] == y && target_of(row, &as) && row_of(w, row, f)
               ? row
               : NULL;
}

/* The addend comes when the other one has its gain: it needs that, too. */
static void take_gain(struct walk *w, struct hwc8_finish *f, const struct tensor *x)
{
    size_t C = (size_t)x->dim[1];
    float *scale = f->gain ? take(w, C * sizeof *scale) : NULL;

    for (size_t c = 0; scale && c < C; c++)
        scale[c] = f->add_as.scale * f->gain[c];
    f->add_scale = scale;
}

/* A sum, and what is done to it number by number. */
static bool turn_add(struct walk *w, struct node *n)
{
    struct q8 x_as[2], as;
    struct hwc8_finish f = {0};
    struct node *row, *q, *by;
    struct last8 *p;
    struct value *other;
    int i;

    if (!source_of(n, 0, &x_as[0]) || !source_of(n, 1, &x_as[1]) ||
        memcmp(in(n, 0)->dim, in(n, 1)->dim, sizeof in(n, 0)->dim) != 0)
        return false;
    row = row_behind(w, n, &f);
    q = target_of(row ? row : n, &as);
    if (!q)
        return false;
    i = free_conv(n, 1) ? 1 : 0;
    other = source_last(w, n, 1 - i);
    by = other ? rows_node(w, n, i, &x_as[i]) : NULL;
    if (!by)
        return false;
    p = by->params;
    f.unit = p->f.unit;
    f.mid = p->f.mid;
    f.as = as;
    f.add_as = x_as[1 - i];
    take_gain(w, &f, in(n, 0));
    p->f = f;
    node_rewire(by, LAST8_ADD, other);
    if (row)
        retire(row);
    replace(w, by, n, q);
    return true;
}

/* ---- the rest ---------------------------------------------------------------------------------- */
static bool turn_concat(struct walk *w, struct node *n)
{
    struct q8 as, *each;
    size_t *channels;
    struct node *q = target_of(n, &as), *by;
    int axis;

    if (!q || out(n, 0)->rank != 4 || axis_of(attr_int(n, "axis", 1), 4, &axis, NULL) != OK ||
        axis != 1)
        return false;
    each = take(w, (size_t)n->n_in * sizeof *each);
    for (int i = 0; each && i < n->n_in; i++)
        if (!source_of(n, i, &each[i]))
            return false;
    channels = take(w, (size_t)n->n_in * sizeof *channels);
    by = each && channels ? node_new(w, &op_concat8, n, n->n_in) : NULL;
    if (!by)
        return false;
    for (int i = 0; i < n->n_in; i++) {
        channels[i] = (size_t)in(n, i)->dim[1];
        node_rewire(by, i, source_last(w, n, i));
    }
    *(struct last8 *)by->params =
        (struct last8){.each_as = each, .each_channels = channels, .f = {.as = as}};
    replace(w, by, n, q);
    return true;
}

/* Pools and Resize to the nearest. */
static bool turn_window(struct walk *w, struct node *n)
{
    struct q8 x_as, as;
    struct node *q = target_of(n, &as), *by;
    struct pool_last pool;
    struct resize_last resize;
    struct last8 p = {0};
    const struct op *op;

    if (!q || !source_of(n, 0, &x_as))
        return false;
    if (pool_as_last(n, &pool)) {
        op = pool.max ? &op_max_pool8 : &op_average_pool8;
        p.shape = pool.shape;
        p.count_pads = pool.count_pads;
    } else if (resize_as_last(n, &resize) && resize.shape.mode == RESIZE_NEAREST) {
        op = &op_resize8;
        p.resize = resize.shape;
    } else {
        return false;
    }
    if (op != &op_average_pool8 && !q8_is_same(&x_as, &as))
        return false;
    by = node_new(w, op, n, 1);
    if (!by)
        return false;
    p.x_as = x_as;
    p.f.as = as;
    *(struct last8 *)by->params = p;
    node_rewire(by, 0, source_last(w, n, 0));
    replace(w, by, n, q);
    return true;
}

/* Every so manieth channel. */
static bool turn_slice(struct walk *w, struct node *n)
{
    int64_t start[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    struct q8 x_as, as;
    struct node *q = target_of(n, &as), *by;

    if (!q || !source_of(n, 0, &x_as) || !q8_is_same(&x_as, &as) || !slice_is_phase(n, start, step))
        return false;
    for (int i = 0; i < 4; i++)
        if (i != 1 && step[i] != 1)
            return false;
    by = node_new(w, &op_slice8, n, 1);
    if (!by)
        return false;
    *(struct last8 *)by->params = (struct last8){.start = (int)start[1], .step = (int)step[1]};
    node_rewire(by, 0, source_last(w, n, 0));
    replace(w, by, n, q);
    return true;
}

/* Bytes of what the DequantizeLinear behind input i was before it was quantised, in its own order. */
static struct value *source_flat(struct walk *w, const struct node *n, int i, struct q8 *as)
{
    const struct node *d = n->in[i] ? n->in[i]->from : NULL;
    const struct node *q = d && is_dequantize(d) ? d->in[0]->from : NULL;
    struct value *to;
    struct node *border;

    if (!q || q->done || !is_quantize(q) || !quant_steps(d, as) ||
        in(d, 0)->type != out(q, 0)->type || in(d, 0)->rank < 1)
        return NULL;
    to = graph_value(w->g, q->out[0]->t.name);
    border = node_new(w, &op_quantize_flat8, q, 1);
    if (!to || !border ||
        tensor_shape(&to->t, DTYPE_U8, in(d, 0)->rank, in(d, 0)->dim, w->why) != OK) {
        fail(w, ERR_NOMEM);
        return NULL;
    }
    to->typed = true;
    ((struct last8 *)border->params)->f.as = *as;
    node_rewire(border, 0, q->in[0]);
    node_makes(border, to);
    append(w, border);
    return to;
}

/* Long sums of two byte pictures. */
static bool turn_matmul(struct walk *w, struct node *n)
{
    struct gemm_shape s;
    int batches;
    struct q8 x_as, a_as;
    struct value *a, *x;
    struct node *by;

    if (!is_matmul(n) || !matmul_is_batch(n, &s, &batches) || batches != 1 || s.trans_a ||
        !s.trans_b || s.K < PRODUCT_MIN || s.K > PRODUCT_MAX)
        return false;
    a = source_flat(w, n, 0, &a_as);
    x = a ? source_flat(w, n, 1, &x_as) : NULL;
    by = x ? node_new(w, &op_matmul8, n, LAST8_INPUTS) : NULL;
    if (!by)
        return false;
    *(struct last8 *)by->params =
        (struct last8){.shape = product_hwc8(s.N, s.K, s.M), .x_as = x_as, .a_as = a_as};
    node_rewire(by, LAST8_X, x);
    node_rewire(by, LAST8_ADD, a);
    replace(w, by, n, NULL);
    return true;
}

/* Out of the bytes, for those who read real numbers. */
static bool turn_dequantize(struct walk *w, struct node *n)
{
    struct value *last = n->in[0]->last;
    struct node *by;
    struct last8 *p;

    if (!last || !n->in[0]->from->done || n->out[0]->uses == 0)
        return false;
    by = node_new(w, &op_dequantize8, n, 1);
    if (!by)
        return false;
    p = by->params;
    p->planes = true;
    if (!quant_steps(n, &p->x_as))
        return false;
    node_rewire(by, 0, last);
    node_makes(by, n->out[0]);
    n->n_out = 0;
    retire(n);
    append(w, by);
    return true;
}

static void visit(struct walk *w, struct node *n)
{
    bool turned = n->done || turn_conv(w, n) || turn_row(w, n) ||
                  (!strcmp(n->type, "Add") && turn_add(w, n)) ||
                  (!strcmp(n->type, "Concat") && turn_concat(w, n)) ||
                  (!strcmp(n->type, "Slice") && turn_slice(w, n)) || turn_window(w, n) ||
                  turn_matmul(w, n);

    (void)turned; /* what is done goes with the sweep */
    append(w, n);
}

static bool notes_take(struct walk *w)
{
    struct graph *g = w->g;

    for (int i = 0; i < g->n_values; i++)
        if (!(g->value[i]->notes = take(w, sizeof(struct notes))))
            return false;
    for (int i = 0; i < g->n_nodes; i++)
        for (int j = 0; j < g->node[i]->n_in; j++) {
            struct value *v = g->node[i]->in[j];

            if (!v)
                continue;
            notes_of(v)->reader = g->node[i];
            notes_of(v)->dequants += j == 0 && is_dequantize(g->node[i]);
        }
    return true;
}

/* Those that dequantise what the walk has made are where their first reader may need them. */
static void finish(struct walk *w)
{
    struct node **node = w->node;
    int n = w->n;

    w->n = 0;
    w->room = 2 * n;
    w->node = take(w, (size_t)w->room * sizeof *w->node + 1);
    for (int i = 0; i < n && w->e == OK; i++) {
        if (is_dequantize(node[i]))
            turn_dequantize(w, node[i]);
        append(w, node[i]);
    }
}

enum err graph_fuse_quant(struct graph *g, struct why *why)
{
    struct walk w = {.g = g, .why = why};

    w.room = 3 * g->n_nodes + 1; /* each node, and a border for it and for a residual */
    for (int i = 0; i < g->n_nodes; i++)
        w.room += g->node[i]->n_in;
    w.node = take(&w, (size_t)w.room * sizeof *w.node);
    if (!w.node || !notes_take(&w))
        return err_say(why, ERR_NOMEM, "out of memory");
    for (int i = 0; i < g->n_nodes && w.e == OK; i++)
        visit(&w, g->node[i]);
    if (w.e == OK)
        finish(&w);
    if (w.e != OK)
        return err_say(why, w.e, "8-bit operators: out of memory");
    g->node = w.node;
    g->n_nodes = w.n;
    graph_forget_folded(g);
    graph_sweep(g);
    fuse_pyramids(g);
    return OK;
}
