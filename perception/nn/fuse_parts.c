/* A Concat copies what others have made. Where the steps are the same and nobody else reads a
 * part, its maker leaves it in its channels of the whole instead; a Concat with nothing left to copy
 * goes. Several nodes make the whole then, and it is there from the first of them on (plan.c). */
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/last.h"
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

/* A Concat of real numbers, channels last. */
static bool joins_channels(struct node *n)
{
    int axis, rank = out(n, 0) ? out(n, 0)->rank : 0;

    return !strcmp(n->type, "Concat") && out(n, 0)->type == DTYPE_F32 &&
           axis_of(attr_int(n, "axis", 1), rank, &axis, NULL) == OK && axis == rank - 1;
}

/* Where the maker of a part that nobody else reads says where it leaves it; NULL: it cannot. */
static size_t *place_of(const struct value *part)
{
    struct node *maker = part->from;

    if (!maker || part->uses != 1 || part->output || maker->out[0] != part)
        return NULL;
    return last8_makes_parts(maker) ? &((struct last8 *)maker->params)->at : last_part_at(maker);
}

static void take_real_parts(struct node *concat)
{
    struct value *whole = concat->out[0];
    int left = 0;

    for (int64_t i = 0, at = 0; i < concat->n_in; i++) {
        struct value *part = concat->in[i];
        size_t *place = place_of(part);

        if (place) {
            *place = (size_t)at;
            part->from->out[0] = whole;
            if (left == 0)
                whole->from = part->from;
            node_rewire(concat, (int)i, NULL);
        } else {
            left++;
        }
        at += part->t.dim[part->t.rank - 1];
    }
    if (left > 0)
        whole->from = concat;
    concat->done = left == 0;
}

void fuse_parts(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->node[i]->op == &op_concat8)
            take_parts(g->node[i]);
        else if (joins_channels(g->node[i]))
            take_real_parts(g->node[i]);
    graph_sweep(g);
}
