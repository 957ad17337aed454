/* YOLOX's Focus: every b-th pixel of a picture, from each of the b b places where one can begin, as
 * that many pictures side by side in the channels, and a convolution over them. Tap (y, x) of the
 * picture that begins at (r, c) reads pixel (y b + r, x b + c) of the original, so the two are one
 * convolution over the original with a kernel, strides and pads b times as large: the same products,
 * and nothing is moved. Where a file quantises and dequantises what is only moved, all in the same
 * steps, that changes no number and is looked through. */
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/quant.h"
#include "perception/nn/ops/slice.h"

enum { FOCUS_MAX = 4, AXIS_Y = 2, AXIS_X = 3 };

struct focus {
    struct value *x;                                                /* the original, (N, C, H, W) */
    bool stepped;                                                   /* parts are quantised, */
    struct q8 as;                                                   /* all in these steps */
    int64_t b;                                                      /* every b-th pixel */
    int64_t row[FOCUS_MAX * FOCUS_MAX], col[FOCUS_MAX * FOCUS_MAX]; /* where part i begins */
};

/* The node that makes v, or made it before it was quantised and dequantised in steps that are the
 * same wherever that happens. NULL: none, or other steps. */
static struct node *maker_in_steps(struct focus *f, const struct value *v)
{
    struct node *d = v->from, *q = d && is_dequantize(d) ? d->in[0]->from : NULL, *maker;
    struct q8 as;

    if (!q || !is_quantize(q))
        return d;
    maker = q->in[0]->from;
    if (!maker || !quant_steps(d, &as) || (f->stepped && !q8_is_same(&as, &f->as)))
        return NULL;
    f->stepped = true;
    f->as = as;
    return maker;
}

/* x was dequantised from the steps of the parts, if they have any. */
static bool is_in_steps(const struct focus *f)
{
    struct q8 as;

    return !f->stepped || (f->x->from && is_dequantize(f->x->from) &&
                           quant_steps(f->x->from, &as) && q8_is_same(&as, &f->as));
}

/* Back through the Slices that make v: which value they take pixels of, which pixels. */
static struct value *phase_of(struct focus *f, struct value *v, int64_t start[4], int64_t step[4])
{
    int64_t s[TENSOR_MAX_RANK], t[TENSOR_MAX_RANK];
    struct focus trial = *f;
    struct node *slice;

    for (int i = 0; i < 4; i++) {
        start[i] = 0;
        step[i] = 1;
    }
    while (v->t.rank == 4 && (slice = maker_in_steps(&trial, v)) && slice_is_phase(slice, s, t)) {
        *f = trial;
        for (int i = 0; i < 4; i++) { /* index j of v is s + j t of what it is taken from */
            start[i] = s[i] + start[i] * t[i];
            step[i] *= t[i];
        }
        v = slice->in[0];
    }
    return v;
}

static bool read_part(struct focus *f, struct value *v, int i)
{
    int64_t start[4], step[4];
    struct value *x = phase_of(f, v, start, step);

    if (x->t.rank != 4 || step[0] != 1 || step[1] != 1 || step[AXIS_Y] != step[AXIS_X] ||
        start[AXIS_Y] >= step[AXIS_Y] || start[AXIS_X] >= step[AXIS_X])
        return false;
    if (i == 0) {
        f->x = x;
        f->b = step[AXIS_Y];
    }
    f->row[i] = start[AXIS_Y];
    f->col[i] = start[AXIS_X];
    for (int j = 0; j < i; j++)
        if (f->row[j] == f->row[i] && f->col[j] == f->col[i])
            return false;
    return x == f->x && step[AXIS_Y] == f->b;
}

/* Each phase once: as many parts as there are, and no two the same. */
static bool is_focus(struct node *concat, struct focus *f)
{
    int axis;

    if (!concat || strcmp(concat->type, "Concat") != 0 || concat->n_in < 4 ||
        concat->n_in > FOCUS_MAX * FOCUS_MAX || in(concat, 0)->rank != 4 ||
        axis_of(attr_int(concat, "axis", 1), 4, &axis, NULL) != OK || axis != 1)
        return false;
    for (int i = 0; i < concat->n_in; i++)
        if (!read_part(f, concat->in[i], i))
            return false;
    return f->x && is_in_steps(f) && f->b * f->b == concat->n_in &&
           f->x->t.dim[AXIS_Y] % f->b == 0 && f->x->t.dim[AXIS_X] % f->b == 0;
}

/* The Concat that only n reads. */
static struct node *concat_before(struct focus *f, const struct node *n)
{
    const struct value *v = n->in[CONV_X];
    struct node *d = sole_maker(n, CONV_X), *q;

    if (!d || !is_dequantize(d))
        return d;
    q = sole_maker(d, 0);
    return q && is_quantize(q) && sole_maker(q, 0) ? maker_in_steps(f, v) : NULL;
}

/* (M, b b C, kh, kw) to (M, C, b kh, b kw) */
static struct value *spread(struct graph *g, const struct tensor *w, const struct focus *f)
{
    int64_t C = f->x->t.dim[1], kh = w->dim[2], kw = w->dim[3];
    int64_t dim[] = {w->dim[0], C, f->b * kh, f->b * kw}, at = 0;
    struct value *to = graph_constant(g, w->name, w->type, 4, dim);
    size_t size = dtype_size(w->type);

    for (int64_t m = 0; to && m < dim[0]; m++)
        for (int64_t i = 0; i < f->b * f->b; i++)
            for (int64_t c = 0; c < C; c++)
                for (int64_t tap = 0; tap < kh * kw; tap++, at++) {
                    int64_t y = tap / kw * f->b + f->row[i], x = tap % kw * f->b + f->col[i];

                    memcpy((char *)to->t.data +
                               (size_t)(((m * C + c) * dim[2] + y) * dim[3] + x) * size,
                           (const char *)w->data + (size_t)at * size, size);
                }
    return to;
}

/* The weights w, in the new order; the whole numbers that they were before, too. NULL: no memory. */
static struct value *spread_weights(struct graph *g, const struct value *w, const struct focus *f)
{
    struct value *to = spread(g, &w->t, f), *before;
    struct node *folded;
    struct value **ends;

    if (!to || !w->folded)
        return to;
    folded = region_take(&g->region, sizeof *folded);
    ends = region_take(&g->region, (size_t)w->folded->n_in * sizeof *ends);
    before = spread(g, in(w->folded, 0), f);
    if (!folded || !ends || !before)
        return NULL;
    *folded = *w->folded; /* whose scales go with output channels, and stay */
    folded->in = ends;
    node_rewire(folded, 0, before);
    for (int i = 1; i < folded->n_in; i++)
        node_rewire(folded, i, w->folded->in[i]);
    to->folded = folded;
    return to;
}

static enum err take_focus(struct graph *g, struct node *n)
{
    struct conv_params *p = is_conv(n) && n->in[CONV_W]->constant ? n->params : NULL;
    struct window *w = p ? &p->w : NULL;
    struct focus f = {0};
    struct value *to;

    if (!w || w->rank != 2 || p->groups != 1 || !is_focus(concat_before(&f, n), &f) ||
        w->kernel[1] * w->kernel[2] * f.b * f.b > HWC_MAX_TAPS)
        return OK;
    for (int d = 1; d < SPACE; d++)
        if (w->dilation[d] != 1 || w->stride[d] > WINDOW_MAX / f.b ||
            w->before[d] > WINDOW_MAX / f.b || w->after[d] > WINDOW_MAX / f.b)
            return OK;
    to = spread_weights(g, n->in[CONV_W], &f);
    if (!to)
        return ERR_NOMEM;
    for (int d = 1; d < SPACE; d++) {
        w->in[d] *= (int)f.b;
        w->kernel[d] *= (int)f.b;
        w->stride[d] *= (int)f.b;
        w->before[d] *= (int)f.b;
        w->after[d] *= (int)f.b;
    }
    node_rewire(n, CONV_W, to);
    node_rewire(n, CONV_X, f.x);
    return OK;
}

enum err fuse_focus(struct graph *g)
{
    enum err e;

    for (int i = 0; i < g->n_nodes; i++)
        if (!g->node[i]->done && (e = take_focus(g, g->node[i])) != OK)
            return e;
    return OK;
}
