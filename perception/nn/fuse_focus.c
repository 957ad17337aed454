/* YOLOX's Focus: every b-th pixel of a picture, from each of the b b places where one can begin, as
 * that many pictures side by side in the channels, and a convolution over them. Tap (y, x) of the
 * picture that begins at (r, c) reads pixel (y b + r, x b + c) of the original, so the two are one
 * convolution over the original with a kernel, strides and pads b times as large: the same products,
 * and nothing is moved. */
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/slice.h"

enum { FOCUS_MAX = 4, AXIS_Y = 2, AXIS_X = 3 };

struct focus {
    struct value *x;                                                /* the original, (N, C, H, W) */
    int64_t b;                                                      /* every b-th pixel */
    int64_t row[FOCUS_MAX * FOCUS_MAX], col[FOCUS_MAX * FOCUS_MAX]; /* where part i begins */
};

/* Back through the Slices that make v: which value they take pixels of, which pixels. */
static struct value *phase_of(struct value *v, int64_t start[4], int64_t step[4])
{
    int64_t s[TENSOR_MAX_RANK], t[TENSOR_MAX_RANK];

    for (int i = 0; i < 4; i++) {
        start[i] = 0;
        step[i] = 1;
    }
    while (v->t.rank == 4 && v->from && slice_is_phase(v->from, s, t)) {
        for (int i = 0; i < 4; i++) { /* index j of v is s + j t of what it is taken from */
            start[i] = s[i] + start[i] * t[i];
            step[i] *= t[i];
        }
        v = v->from->in[0];
    }
    return v;
}

static bool read_part(struct focus *f, struct value *v, int i)
{
    int64_t start[4], step[4];
    struct value *x = phase_of(v, start, step);

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
    return f->x && f->b * f->b == concat->n_in && f->x->t.dim[AXIS_Y] % f->b == 0 &&
           f->x->t.dim[AXIS_X] % f->b == 0;
}

/* (M, b b C, kh, kw) to (M, C, b kh, b kw) */
static struct value *spread(struct graph *g, const struct tensor *w, const struct focus *f)
{
    int64_t C = f->x->t.dim[1], kh = w->dim[2], kw = w->dim[3];
    int64_t dim[] = {w->dim[0], C, f->b * kh, f->b * kw}, at = 0;
    struct value *to = graph_constant(g, w->name, DTYPE_F32, 4, dim);

    for (int64_t m = 0; to && m < dim[0]; m++)
        for (int64_t i = 0; i < f->b * f->b; i++)
            for (int64_t c = 0; c < C; c++)
                for (int64_t tap = 0; tap < kh * kw; tap++, at++) {
                    int64_t y = tap / kw * f->b + f->row[i], x = tap % kw * f->b + f->col[i];

                    ((float *)to->t.data)[((m * C + c) * dim[2] + y) * dim[3] + x] =
                        ((const float *)w->data)[at];
                }
    return to;
}

static enum err take_focus(struct graph *g, struct node *n)
{
    struct conv_params *p = is_conv(n) && n->in[CONV_W]->constant ? n->params : NULL;
    struct window *w = p ? &p->w : NULL;
    struct focus f = {0};
    struct value *to;

    if (!w || w->rank != 2 || p->groups != 1 || !is_focus(sole_maker(n, CONV_X), &f) ||
        w->kernel[1] * w->kernel[2] * f.b * f.b > HWC_MAX_TAPS)
        return OK;
    for (int d = 1; d < SPACE; d++)
        if (w->dilation[d] != 1 || w->stride[d] > WINDOW_MAX / f.b ||
            w->before[d] > WINDOW_MAX / f.b || w->after[d] > WINDOW_MAX / f.b)
            return OK;
    to = spread(g, in(n, CONV_W), &f);
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
