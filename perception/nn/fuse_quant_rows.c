/* What is done to bytes one by one: sums, batch norms, activations, also behind a convolution in the
 * same node. */
#include <math.h>
#include <string.h>

#include "perception/nn/fuse_quant.h"

enum { LOOK_BACK = 256 }; /* nodes; further away lies no convolution that may still take more in */

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
    x = walk_source(w, n, i);
    by = walk_node(w, &op_rows8, n, LAST8_INPUTS);
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
    float *gain = walk_take(w, C * sizeof *gain), *shift = walk_take(w, C * sizeof *shift);

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
    walk_epilogue(w, f, &norm->e, in(n, NORM_SLOPE));
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
        walk_epilogue(w, f, &e, one ? NULL : in(n, 1));
        return true;
    }
    if (!unary_activation(n, &e) && !clip_activation(n, &e))
        return false;
    walk_epilogue(w, f, &e, NULL);
    return true;
}

bool walk_row(struct walk *w, struct node *n)
{
    struct hwc8_finish f = {0};
    struct q8 x_as, as = {1.0f, 0};
    struct node *q = quant_target(n, &as), *by;
    struct last8 *p;

    if ((!q && !is_batch_norm(n)) || !quant_source(n, 0, &x_as) || !row_of(w, n, &f))
        return false;
    by = rows_node(w, n, 0, &x_as);
    if (!by)
        return false;
    p = by->params;
    f.unit = p->f.unit;
    f.mid = p->f.mid;
    f.as = as;
    p->f = f;
    walk_replace(w, by, n, q);
    return true;
}

/* What alone reads what n makes, if that does something to each number, and its result is quantised;
 * NULL: there is none. */
static struct node *row_behind(struct walk *w, const struct node *n, struct hwc8_finish *f)
{
    const struct value *y = n->out[0];
    struct node *row = y->uses == 1 && !y->output ? notes_of(y)->reader : NULL;
    struct q8 as;

    return row && row->n_in > 0 && row->in[0] == y && quant_target(row, &as) && row_of(w, row, f)
               ? row
               : NULL;
}

/* The addend comes when the other one has its gain: it needs that, too. */
static void take_gain(struct walk *w, struct hwc8_finish *f, const struct tensor *x)
{
    size_t C = (size_t)x->dim[1];
    float *scale = f->gain ? walk_take(w, C * sizeof *scale) : NULL;

    for (size_t c = 0; scale && c < C; c++)
        scale[c] = f->add_as.scale * f->gain[c];
    f->add_scale = scale;
}

static bool is_one_shape(const struct tensor *a, const struct tensor *b)
{
    return a && b && a->rank == b->rank &&
           !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim);
}

/* A sum, and what is done to it number by number. */
bool walk_add(struct walk *w, struct node *n)
{
    struct q8 x_as[2], as;
    struct hwc8_finish f = {0};
    struct node *row, *q, *by;
    struct last8 *p;
    struct value *other;
    int i;

    if (!quant_source(n, 0, &x_as[0]) || !quant_source(n, 1, &x_as[1]) ||
        !is_one_shape(in(n, 0), in(n, 1)))
        return false;
    row = row_behind(w, n, &f);
    q = quant_target(row ? row : n, &as);
    if (!q)
        return false;
    i = free_conv(n, 1) ? 1 : 0;
    other = walk_source(w, n, 1 - i);
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
        walk_retire(row);
    walk_replace(w, by, n, q);
    return true;
}
