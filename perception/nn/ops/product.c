#include "perception/nn/ops/product.h"

#include <stdlib.h>

#include "perception/kernels/hwc.h"

/* Rows are the pixels of a picture of one line. */
static struct conv_shape shape_of(const struct node *n)
{
    const struct product_params *p = n->params;

    return (struct conv_shape){.N = 1,
                               .C = p->K,
                               .H = 1,
                               .W = p->rows,
                               .M = p->N,
                               .OH = 1,
                               .OW = p->rows,
                               .kh = 1,
                               .kw = 1,
                               .stride_y = 1,
                               .stride_x = 1,
                               .dilation_y = 1,
                               .dilation_x = 1,
                               .groups = 1};
}

static enum err product_prepare(struct graph *g, struct node *n, struct why *why)
{
    const float *bias = in(n, PRODUCT_BIAS) ? in(n, PRODUCT_BIAS)->data : NULL;
    struct conv_shape s = shape_of(n);

    n->kernel = "pointwise";
    n->scratch = conv_hwc_scratch(&g->kernels, &s, false, pool_threads(g->pool));
    n->packed = aligned_alloc(64, (conv_hwc_weights_size(&g->kernels, &s) + 64) / 64 * 64);
    if (!n->packed)
        return err_say(why, ERR_NOMEM, "out of memory");
    conv_hwc_pack(&g->kernels, &s, in(n, PRODUCT_W)->data, bias, n->packed);
    node_rewire(n, PRODUCT_BIAS, NULL); /* it is in the packing */
    return OK;
}

static enum err product_run(const struct node *n, const struct run *r)
{
    const struct product_params *p = n->params;
    struct conv_shape s = shape_of(n);
    struct hwc_io io = {.x = in(n, PRODUCT_X)->data,
                        .add = in(n, PRODUCT_ADD) ? in(n, PRODUCT_ADD)->data : NULL,
                        .y = out(n, 0)->data,
                        .x_pitch = (size_t)p->K,
                        .add_pitch = (size_t)p->N,
                        .y_pitch = (size_t)p->N};

    conv_hwc(r->kernels, &s, &io, n->packed, &p->e, r->scratch, r->pool);
    return OK;
}

const struct op op_product = {"MatMul", 2,           PRODUCT_INPUTS,  1, T_F32, 0,
                              NULL,     product_run, product_prepare, 0};
