/* Convolutions on bytes, and products of two pictures. */
#include <math.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/fuse_quant.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/number.h"

enum {
    PRODUCT_MIN = 64,    /* shorter sums of a product are as fast with real numbers */
    PRODUCT_MAX = 32768, /* longer ones might not fit 32 bits */
};

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

bool walk_conv(struct walk *w, struct node *n)
{
    const struct conv_params *conv = n->params;
    struct node *folded = can_be_bytes(n) ? n->in[CONV_W]->folded : NULL, *by, *q;
    struct q8 x_as, add_as, as = {1.0f, 0};
    struct last8 *p;
    float *product;

    if (!folded || !quant_source(n, CONV_X, &x_as) ||
        (n->in[CONV_ADD] && !quant_source(n, CONV_ADD, &add_as)))
        return false;
    q = quant_target(n, &as);
    product = walk_take(w, (size_t)conv->M * sizeof *product);
    if (!product || !product_scales(n, folded, x_as.scale, product))
        return false;
    by = walk_node(w, &op_conv8, n, LAST8_INPUTS);
    if (!by)
        return false;
    p = by->params;
    *p = (struct last8){.shape = window_shape(&conv->w, (int)in(n, CONV_X)->dim[0],
                                              (int)in(n, CONV_X)->dim[1], conv->M, conv->groups),
                        .transposed = is_conv_transpose(n),
                        .x_as = x_as,
                        .product = product};
    if (n->in[CONV_BIAS])
        p->bias = walk_floats(w, in(n, CONV_BIAS));
    walk_epilogue(w, &p->f, &conv->e, in(n, CONV_SLOPE));
    node_rewire(by, LAST8_X, walk_source(w, n, CONV_X));
    node_rewire(by, LAST8_W, folded->in[0]);
    if (n->in[CONV_ADD]) {
        node_rewire(by, LAST8_ADD, walk_source(w, n, CONV_ADD));
        p->f.add_as = add_as;
        p->f.add_after = conv->e.add_after;
    }
    p->f.as = as;
    walk_replace(w, by, n, q);
    return true;
}

/* ---- products ---------------------------------------------------------------------------------- */
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
    border = walk_node(w, &op_quantize_flat8, q, 1);
    if (!to || !border ||
        tensor_shape(&to->t, DTYPE_U8, in(d, 0)->rank, in(d, 0)->dim, w->why) != OK) {
        walk_fail(w, ERR_NOMEM);
        return NULL;
    }
    to->typed = true;
    ((struct last8 *)border->params)->f.as = *as;
    node_rewire(border, 0, q->in[0]);
    walk_makes(border, to);
    walk_append(w, border);
    return to;
}

/* Long sums of two byte pictures. */
bool walk_matmul(struct walk *w, struct node *n)
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
    by = x ? walk_node(w, &op_matmul8, n, LAST8_INPUTS) : NULL;
    if (!by)
        return false;
    *(struct last8 *)by->params =
        (struct last8){.shape = product_hwc8(s.N, s.K, s.M), .x_as = x_as, .a_as = a_as};
    node_rewire(by, LAST8_X, x);
    node_rewire(by, LAST8_ADD, a);
    walk_replace(w, by, n, NULL);
    return true;
}
