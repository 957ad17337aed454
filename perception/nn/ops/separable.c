#include "perception/nn/ops/separable.h"

#include <stdlib.h>

#include "perception/kernels/hwc.h"

static struct conv_shape shape_of(const struct conv_params *p, const struct tensor *x)
{
    return window_shape(&p->w, (int)x->dim[0], (int)x->dim[3], p->M, p->groups);
}

/* The second's input is what the first makes: (N, OH, OW, M). */
static struct conv_shape point_shape(const struct separable_params *p, const struct tensor *x)
{
    return window_shape(&p->point.w, (int)x->dim[0], p->depth.M, p->point.M, p->point.groups);
}

bool separable_fits(const struct node *depth, const struct node *point)
{
    const struct conv_params *d = depth->params, *p = point->params;
    struct conv_shape a, b;

    if (d->x_planes || p->x_planes || out(depth, 0)->dim[3] != d->M || in(depth, CONV_ADD) ||
        in(depth, CONV_SLOPE))
        return false;
    a = shape_of(d, in(depth, CONV_X));
    b = shape_of(p, in(point, CONV_X));
    return separable_hwc_fits(&a, &b);
}

static const float *floats_of(const struct node *n, int i)
{
    return in(n, i) ? in(n, i)->data : NULL;
}

static enum err separable_prepare(struct graph *g, struct node *n, struct why *why)
{
    struct separable_params *p = n->params;
    struct conv_shape depth = shape_of(&p->depth, in(n, CONV_X));
    struct conv_shape point = point_shape(p, in(n, CONV_X));
    const struct kernels *k = &g->kernels;

    n->kernel = "depthwise, pointwise";
    n->scratch = separable_hwc_scratch(&depth, pool_threads(g->pool));
    p->point_at = (conv_hwc_weights_size(k, &depth) + 63) / 64 * 64;
    n->packed = aligned_alloc(64, p->point_at + (conv_hwc_weights_size(k, &point) + 63) / 64 * 64);
    if (!n->packed)
        return err_say(why, ERR_NOMEM, "out of memory");
    conv_hwc_pack(k, &depth, floats_of(n, SEPARABLE_W), floats_of(n, SEPARABLE_BIAS), n->packed);
    conv_hwc_pack(k, &point, floats_of(n, CONV_W), floats_of(n, CONV_BIAS),
                  (char *)n->packed + p->point_at);
    node_rewire(n, SEPARABLE_W, NULL); /* they are in the packing */
    node_rewire(n, SEPARABLE_BIAS, NULL);
    node_rewire(n, CONV_BIAS, NULL);
    return OK;
}

static enum err separable_run(const struct node *n, const struct run *r)
{
    const struct separable_params *p = n->params;
    struct conv_shape depth = shape_of(&p->depth, in(n, CONV_X));
    struct conv_shape point = point_shape(p, in(n, CONV_X));
    struct epilogue second = p->point.e;
    struct hwc_io io = {.x = in(n, CONV_X)->data,
                        .add = floats_of(n, CONV_ADD),
                        .y = (float *)out(n, 0)->data + p->point.at,
                        .x_pitch = (size_t)depth.C,
                        .add_pitch = (size_t)point.M,
                        .y_pitch = (size_t)out(n, 0)->dim[3]};

    second.slope = floats_of(n, CONV_SLOPE);
    separable_hwc(r->kernels, &depth, &point, &io, n->packed, (const char *)n->packed + p->point_at,
                  &p->depth.e, &second, r->scratch, r->pool);
    return OK;
}

const struct op op_separable = {
    "Separable", 2, SEPARABLE_INPUTS, 1, T_F32, 0, NULL, separable_run, separable_prepare, 0};
