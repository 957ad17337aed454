/* Where every tensor lies, and the memory that a node needs while it runs. The largest gets its place
 * first, each the lowest one where nothing lies that lives at the same time: on networks, that
 * comes out at or beside the least there can be (Y. Pisarchyk and J. Lee, "Efficient Memory
 * Management for Deep Neural Net Inference", 2020, "greedy by size"). */
#include <stdlib.h>
#include <string.h>

#include "perception/base/arena.h"
#include "perception/kernels/hwc8.h"
#include "perception/nn/ops/ops.h"

/* Each block looks at those placed before it. Of more than these, the rest lies above the first,
 * so that a file of a million nodes does not take hours. */
enum { LOOKED_AT = 4096 };

struct block {
    size_t size, at;
    int born, dies, order;
    size_t *place; /* to be told `at` */
    const char *name;
};

/* Never none, and a few bytes more than there are: kernels read by fours. */
static size_t place_bytes(const struct value *v)
{
    return ((tensor_bytes(&v->t) + HWC8_SLACK) / ARENA_ALIGN + 1) * ARENA_ALIGN;
}

static void find_lives(struct graph *g)
{
    for (int i = 0; i < g->n_values; i++) {
        struct value *v = g->value[i];

        v->born = v->input ? -1 : g->n_nodes;
        v->dies = v->input || v->output ? g->n_nodes : -1;
    }
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        for (int j = 0; j < n->n_out + n->n_in; j++) {
            struct value *v = j < n->n_out ? n->out[j] : n->in[j - n->n_out];

            if (!v)
                continue;
            v->born = i < v->born ? i : v->born;
            v->dies = i > v->dies ? i : v->dies;
        }
    }
}

/* Whether what node i makes may lie where its first input lies. Reshaping always may, unless an
 * output would lie in an input or a constant; computing may once nobody else reads the input. */
static bool may_share(const struct node *n, int i)
{
    const struct value *from, *to = n->n_out ? n->out[0] : NULL;

    if (!to || !(n->op->flags & (OP_VIEW | OP_INPLACE)))
        return false;
    from = n->in[0]->base;
    if (n->op->flags & OP_VIEW)
        return !to->output || !(from->input || from->constant || from->output);
    if (from->input || from->constant || from->output || from->dies != i ||
        tensor_bytes(&n->in[0]->t) != tensor_bytes(&to->t))
        return false;
    for (int j = 1; j < n->n_in; j++)
        if (n->in[j] && n->in[j]->base == from)
            return false;
    return true;
}

/* In the order of the nodes, so that a memory's life is known as far as it goes by then: whoever
 * reads it later reads it through a value that has been counted. */
static void share_places(struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct value *to, *from;

        if (!may_share(g->node[i], i))
            continue;
        to = g->node[i]->out[0];
        from = g->node[i]->in[0]->base;
        to->base = from;
        from->dies = to->dies > from->dies ? to->dies : from->dies;
        from->output |= to->output;
    }
}

/* ---- blocks ------------------------------------------------------------------------------------ */
/* The larger one first; of the same size, the one born first. */
static int by_size(const void *x, const void *y)
{
    const struct block *a = x, *b = y;

    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    if (a->born != b->born)
        return a->born < b->born ? -1 : 1;
    return a->order - b->order;
}

/* The lowest place from `floor` on for b among n others, which are ordered by place; and how many of
 * those lie before it. */
static int find_place(struct block *b, size_t floor, struct block *const *other, int n)
{
    size_t at = floor;
    int i;

    for (i = 0; i < n; i++) {
        if (other[i]->born > b->dies || other[i]->dies < b->born)
            continue;
        if (other[i]->at >= at + b->size)
            break;
        if (other[i]->at + other[i]->size > at)
            at = other[i]->at + other[i]->size;
    }
    b->at = at;
    while (i > 0 && other[i - 1]->at > at)
        i--;
    return i;
}

/* Returns the top of all. placed: room for LOOKED_AT */
static size_t place_blocks(struct block *b, int n, struct block **placed)
{
    size_t floor = 0, top = 0;
    int n_placed = 0;

    qsort(b, (size_t)n, sizeof *b, by_size);
    for (int i = 0; i < n; i++) {
        int at;

        if (n_placed == LOOKED_AT) {
            n_placed = 0;
            floor = top;
        }
        at = find_place(&b[i], floor, placed, n_placed);
        memmove(placed + at + 1, placed + at, (size_t)(n_placed++ - at) * sizeof(struct block *));
        placed[at] = &b[i];
        *b[i].place = b[i].at;
        top = b[i].at + b[i].size > top ? b[i].at + b[i].size : top;
    }
    return top;
}

static int list_blocks(struct graph *g, struct block *b)
{
    int n = 0;

    for (int i = 0; i < g->n_values; i++) {
        struct value *v = g->value[i];

        if (v->base == v && !v->constant && v->born < g->n_nodes) {
            b[n] = (struct block){place_bytes(v), 0, v->born, v->dies, n, &v->place, v->t.name};
            n++;
        }
    }
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *node = g->node[i];
        size_t size = (node->scratch + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

        if (size) {
            b[n] = (struct block){size, 0, i, i, n, &node->scratch_place, node->name};
            n++;
        }
    }
    return n;
}

enum err graph_plan(struct graph *g, size_t *bytes, struct why *why)
{
    struct block *b = calloc((size_t)g->n_values + (size_t)g->n_nodes + 1, sizeof *b);
    struct block **placed = calloc(LOOKED_AT, sizeof(struct block *));
    enum err e = OK;

    find_lives(g);
    share_places(g);
    if (b && placed) {
        *bytes = place_blocks(b, list_blocks(g, b), placed);
        if (*bytes > g->memory_limit)
            e = err_say(why, ERR_LIMIT,
                        "all tensors need %zu bytes, limit %zu; the largest is '%.80s' with %zu",
                        *bytes, g->memory_limit, b->name, b->size);
    } else {
        e = err_say(why, ERR_NOMEM, "out of memory");
    }
    free(b);
    free(placed);
    return e;
}

void graph_place(struct graph *g, unsigned char *memory)
{
    for (int i = 0; i < g->n_values; i++)
        if (g->value[i]->base == g->value[i] && !g->value[i]->constant)
            g->value[i]->t.data = memory + g->value[i]->place;
    for (int i = 0; i < g->n_values; i++)
        g->value[i]->t.data = g->value[i]->base->t.data;
}
