/* Zeros put around a picture in front of a convolution or an average are pads of its own. Not of a
 * maximum: its pads are lower than any number. */
#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/pad.h"
#include "perception/nn/ops/quant.h"

/* Whether w, over the padded picture, can have these as its own: never a whole window of pads. */
static bool fits(const struct window *w, int d, int64_t before, int64_t after)
{
    int64_t extent = (int64_t)(w->kernel[d] - 1) * w->dilation[d] + 1;

    return before + w->before[d] < extent && after + w->after[d] < extent;
}

/* The Pad before n; also one whose result is quantised in the very steps its input came from, which
 * know 0 exactly and change nothing. */
static struct node *pad_before(const struct node *n)
{
    struct node *d = sole_maker(n, 0), *q = d && is_dequantize(d) ? sole_maker(d, 0) : NULL;
    struct node *pad = q && is_quantize(q) ? sole_maker(q, 0) : NULL;
    const struct node *source = pad && pad->n_in > 0 && pad->in[0] ? pad->in[0]->from : NULL;
    struct q8 as, before;

    if (!q)
        return d;
    return source && is_dequantize(source) && quant_steps(d, &as) && quant_steps(source, &before) &&
                   q8_is_same(&as, &before)
               ? pad
               : NULL;
}

static void take_pad(struct node *n)
{
    struct node *pad = pad_before(n);
    int64_t before[TENSOR_MAX_RANK], after[TENSOR_MAX_RANK];
    struct window *w;

    if (!pad || !pad_is_zeros(pad, 2, before, after))
        return;
    w = is_conv(n) ? &((struct conv_params *)n->params)->w : average_counting_zeros(n);
    for (int i = 0; w && i < w->rank; i++)
        if (!fits(w, SPACE - w->rank + i, before[2 + i], after[2 + i]))
            return;
    if (!w)
        return;
    for (int i = 0; i < w->rank; i++) {
        int d = SPACE - w->rank + i;

        w->in[d] -= (int)(before[2 + i] + after[2 + i]);
        w->before[d] += (int)before[2 + i];
        w->after[d] += (int)after[2 + i];
    }
    node_rewire(n, 0, pad->in[0]);
}

void fuse_pads(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (!g->node[i]->done)
            take_pad(g->node[i]);
}
