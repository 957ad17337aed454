/* Where every tensor lies. Values get their places in the order in which they are born, each in
 * the smallest gap that fits; at a value's death its place becomes a gap again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "perception/base/arena.h"
#include "perception/kernels/hwc8.h"
#include "perception/nn/ops/ops.h"

struct gap {
    size_t at, size;
};

struct plan {
    struct gap *gap; /* by place, none touching the next */
    int n_gaps, room;
    size_t top; /* everything lies below */
    size_t peak;
};

/* Never none, and a few bytes more than there are: kernels read by fours. */
static size_t place_bytes(const struct value *v)
{
    return ((tensor_bytes(&v->t) + HWC8_SLACK) / ARENA_ALIGN + 1) * ARENA_ALIGN;
}

static size_t plan_take(struct plan *p, size_t size)
{
    int best = -1;
    size_t at;

    for (int i = 0; i < p->n_gaps; i++)
        if (p->gap[i].size >= size && (best < 0 || p->gap[i].size < p->gap[best].size))
            best = i;
    if (best < 0) {
        at = p->top;
        if (p->n_gaps && p->gap[p->n_gaps - 1].at + p->gap[p->n_gaps - 1].size == p->top)
            at = p->gap[--p->n_gaps].at;
        p->top = at + size;
        if (p->top > p->peak)
            p->peak = p->top;
        return at;
    }
    at = p->gap[best].at;
    p->gap[best].at += size;
    p->gap[best].size -= size;
    if (!p->gap[best].size)
        memmove(&p->gap[best], &p->gap[best + 1], (size_t)(--p->n_gaps - best) * sizeof *p->gap);
    return at;
}

static void plan_give(struct plan *p, size_t at, size_t size)
{
    int i = p->n_gaps;

    while (i > 0 && p->gap[i - 1].at > at)
        i--;
    if (i > 0 && p->gap[i - 1].at + p->gap[i - 1].size == at) {
        p->gap[i - 1].size += size;
        i--;
    } else {
        assert(p->n_gaps < p->room);
        memmove(&p->gap[i + 1], &p->gap[i], (size_t)(p->n_gaps - i) * sizeof *p->gap);
        p->gap[i] = (struct gap){at, size};
        p->n_gaps++;
    }
    if (i + 1 < p->n_gaps && p->gap[i].at + p->gap[i].size == p->gap[i + 1].at) {
        p->gap[i].size += p->gap[i + 1].size;
        memmove(&p->gap[i + 1], &p->gap[i + 2], (size_t)(p->n_gaps - i - 2) * sizeof *p->gap);
        p->n_gaps--;
    }
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

static enum err take_place(struct graph *g, struct plan *p, struct value *v, struct why *why)
{
    v->place = plan_take(p, place_bytes(v));
    v->placed = true;
    if (p->peak > g->memory_limit)
        return err_say(why, ERR_LIMIT, "tensor '%.80s': all tensors need more than %zu bytes",
                       v->t.name, g->memory_limit);
    return OK;
}

enum err graph_plan(struct graph *g, size_t *bytes, struct why *why)
{
    struct plan p = {.room = g->n_values + 1};
    size_t scratch = 0;
    enum err e = OK;

    find_lives(g);
    share_places(g);
    p.gap = calloc((size_t)p.room + 1, sizeof *p.gap);
    if (!p.gap)
        return err_say(why, ERR_NOMEM, "out of memory");
    for (int i = 0; e == OK && i < g->n_inputs; i++)
        if (!g->input[i]->constant)
            e = take_place(g, &p, g->input[i], why);
    for (int i = 0; e == OK && i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        scratch = n->scratch > scratch ? n->scratch : scratch;
        for (int j = 0; e == OK && j < n->n_out; j++)
            if (n->out[j] && n->out[j]->base == n->out[j])
                e = take_place(g, &p, n->out[j], why);
        for (int j = 0; e == OK && j < n->n_out + n->n_in; j++) {
            struct value *v = j < n->n_out ? n->out[j] : n->in[j - n->n_out];

            if (!v || !v->base->placed || v->base->dies != i)
                continue;
            v->base->placed = false; /* once, though several may read it */
            plan_give(&p, v->base->place, place_bytes(v->base));
        }
    }
    free(p.gap);
    g->scratch_place = p.peak;
    *bytes = p.peak + scratch;
    if (e == OK && *bytes > g->memory_limit)
        e = err_say(why, ERR_LIMIT, "tensors and scratch need %zu bytes, limit %zu", *bytes,
                    g->memory_limit);
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
