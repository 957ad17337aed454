/* A Concat copies what others have made. Where the steps are the same and nobody else reads a
 * part, its maker leaves it in its channels of the whole instead; a Concat with nothing left to copy
 * goes. Several nodes make the whole then, and it is there from the first of them on (plan.c). */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/last8.h"
#include "perception/nn/ops/quant.h"

static void take_parts(struct node *concat)
{
    const struct last8 *p = concat->params;
    struct value *whole = concat->out[0];
    size_t at = 0;
    int left = 0;

    for (int i = 0; i < concat->n_in; at += p->each_channels[i++]) {
        struct value *part = concat->in[i];
        struct node *maker = part->from;

        if (!maker || part->uses != 1 || !last8_makes_parts(maker) ||
            !q8_is_same(&p->each_as[i], &p->f.as)) {
            left++;
            continue;
        }
        node_rewire(concat, i, NULL);
        ((struct last8 *)maker->params)->at = at;
        maker->out[0] = whole;
        if (left == 0)
            whole->from = maker;
    }
    if (left > 0)
        whole->from = concat;
    concat->done = left == 0;
}

/* A Concat of real numbers, channels last, that convolutions on bytes have made: all or none. */
static bool is_of_parts(struct node *concat)
{
    int axis, rank = out(concat, 0) ? out(concat, 0)->rank : 0;

    if (strcmp(concat->type, "Concat") != 0 || out(concat, 0)->type != DTYPE_F32 ||
        axis_of(attr_int(concat, "axis", 1), rank, &axis, NULL) != OK || axis != rank - 1)
        return false;
    for (int i = 0; i < concat->n_in; i++) {
        const struct value *part = concat->in[i];

        if (!part->from || part->uses != 1 || !last8_makes_parts(part->from))
            return false;
    }
    return true;
}

static void take_real_parts(struct node *concat)
{
    struct value *whole = concat->out[0];
    size_t at = 0;

    for (int i = 0; i < concat->n_in; i++) {
        struct value *part = concat->in[i];

        ((struct last8 *)part->from->params)->at = at;
        part->from->out[0] = whole;
        whole->from = part->from;
        at += (size_t)part->t.dim[part->t.rank - 1];
        node_rewire(concat, i, NULL);
    }
    concat->done = true;
}

void fuse_parts(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->op == &op_concat8)
            take_parts(g->node[i]);
        else if (is_of_parts(g->node[i]))
            take_real_parts(g->node[i]);
    graph_sweep(g);
}
