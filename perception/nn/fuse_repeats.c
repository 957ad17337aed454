/* What is quantised again in the same steps, after numbers were only moved about: QuantizeLinear and
 * DequantizeLinear between the moves change nothing, and stand in the way of who looks for a pattern
 * of them. */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/quant.h"

bool only_moves(const struct node *n)
{
    static const char *const type[] = {"Slice",   "Reshape",   "Transpose", "Gather",
                                       "Squeeze", "Unsqueeze", "Flatten",   "Identity"};

    for (size_t i = 0; i < sizeof type / sizeof *type; i++)
        if (!strcmp(n->type, type[i]))
            return true;
    return false;
}

/* The DequantizeLinear whose numbers v has, moved at least once; NULL: none. */
static const struct node *moved_from(const struct value *v)
{
    bool moved = false;

    for (; v && v->from && only_moves(v->from); v = v->from->in[0])
        moved = true;
    return moved && v && v->from && is_dequantize(v->from) ? v->from : NULL;
}

struct value *made_before(const struct node *n)
{
    const struct node *q = n->in[0]->from;
    const struct node *source = q && is_quantize(q) ? moved_from(q->in[0]) : NULL;
    struct q8 as, before;

    if (!source || !quant_steps(n, &as) || !quant_steps(source, &before) ||
        !q8_is_same(&as, &before) || source->in[0]->t.type != n->in[0]->t.type)
        return NULL;
    return q->in[0];
}

void graph_drop_repeats(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        if (!only_moves(n) && !is_matmul(n))
            continue; /* others may have a kernel in 8 bits, and need the bytes; so has a product,
                         but it reads through transposes */
        for (int j = 0; j < n->n_in; j++) {
            struct value *v = n->in[j];
            struct value *before =
                v && v->from && is_dequantize(v->from) ? made_before(v->from) : NULL;

            if (before && (only_moves(n) || is_matrix_transpose(before->from)))
                node_rewire(n, j, before);
        }
    }
    graph_sweep(g);
}
