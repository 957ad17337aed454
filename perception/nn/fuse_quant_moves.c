/* What moves bytes about or looks through windows: Concat, Slice, pools, Resize. */
#include "perception/nn/fuse_quant.h"
#include "perception/nn/ops/last.h"
#include "perception/nn/ops/slice.h"

bool walk_concat(struct walk *w, struct node *n)
{
    struct q8 as, *each;
    size_t *channels;
    struct node *q = quant_target(n, &as), *by;
    int axis;

    if (!q || out(n, 0)->rank != 4 || axis_of(attr_int(n, "axis", 1), 4, &axis, NULL) != OK ||
        axis != 1)
        return false;
    each = walk_take(w, (size_t)n->n_in * sizeof *each);
    for (int i = 0; each && i < n->n_in; i++)
        if (!quant_source(n, i, &each[i]))
            return false;
    channels = walk_take(w, (size_t)n->n_in * sizeof *channels);
    by = each && channels ? walk_node(w, &op_concat8, n, n->n_in) : NULL;
    if (!by)
        return false;
    for (int i = 0; i < n->n_in; i++) {
        channels[i] = (size_t)in(n, i)->dim[1];
        node_rewire(by, i, walk_source(w, n, i));
    }
    *(struct last8 *)by->params =
        (struct last8){.each_as = each, .each_channels = channels, .f = {.as = as}};
    walk_replace(w, by, n, q);
    return true;
}

/* Pools and Resize to the nearest. */
bool walk_window(struct walk *w, struct node *n)
{
    struct q8 x_as, as;
    struct node *q = quant_target(n, &as), *by;
    struct pool_last pool;
    struct resize_last resize;
    struct last8 p = {0};
    const struct op *op;

    if (!q || !quant_source(n, 0, &x_as))
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
    by = walk_node(w, op, n, 1);
    if (!by)
        return false;
    p.x_as = x_as;
    p.f.as = as;
    *(struct last8 *)by->params = p;
    node_rewire(by, 0, walk_source(w, n, 0));
    walk_replace(w, by, n, q);
    return true;
}

/* Every so manieth channel. */
bool walk_slice(struct walk *w, struct node *n)
{
    int64_t start[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    struct q8 x_as, as;
    struct node *q = quant_target(n, &as), *by;

    if (!q || !quant_source(n, 0, &x_as) || !q8_is_same(&x_as, &as) ||
        !slice_is_phase(n, start, step))
        return false;
    for (int i = 0; i < 4; i++)
        if (i != 1 && step[i] != 1)
            return false;
    by = walk_node(w, &op_slice8, n, 1);
    if (!by)
        return false;
    *(struct last8 *)by->params = (struct last8){.start = (int)start[1], .step = (int)step[1]};
    node_rewire(by, 0, walk_source(w, n, 0));
    walk_replace(w, by, n, q);
    return true;
}
