#include "perception/nn/graph.h"

#include <stdlib.h>
#include <string.h>

#include "perception/base/arena.h"
#include "perception/nn/net.h"
#include "perception/nn/onnx.h"

/* What a model may make of each of its bytes: the smallest node and its value, a few hundred bytes in
 * memory; weights, kept, fused and packed. */
enum { REGION_PER_BYTE = 128, HOLD_PER_BYTE = 16 };

void graph_limit(struct graph *g, size_t file_bytes, size_t memory_limit)
{
    g->memory_limit = memory_limit;
    g->region.limit = memory_limit / 4 + file_bytes * REGION_PER_BYTE;
    g->hold_limit = memory_limit / 2 + file_bytes * HOLD_PER_BYTE;
}

static void node_finish(struct node *n)
{
    free(n->packed);
    for (int i = 0; i < n->n_attr; i++)
        free(n->attr[i].tensor.data);
    for (int i = 0; i < 2; i++)
        if (n->inner[i]) {
            graph_finish(n->inner[i]);
            free(n->inner[i]);
        }
}

void graph_finish(struct graph *g)
{
    onnx_forget(g);
    for (int i = 0; i < g->n_values; i++)
        if (g->value[i]->constant)
            free(g->value[i]->t.data);
    for (int i = 0; i < g->n_nodes; i++)
        node_finish(g->node[i]);
    free(g->value);
    region_finish(&g->region);
    *g = (struct graph){0};
}

enum err graph_push(struct graph *g, struct node *n, struct why *why)
{
    if (g->n_nodes == NET_MAX_NODES)
        return err_say(why, ERR_LIMIT, "more than %d nodes", NET_MAX_NODES);
    if (g->n_nodes == g->room) {
        int room = g->room ? 2 * g->room : 64;
        struct node **more = region_take(&g->region, (size_t)room * sizeof(struct node *));

        if (!more)
            return ERR_NOMEM;
        if (g->n_nodes)
            memcpy(more, g->node, (size_t)g->n_nodes * sizeof(struct node *));
        g->node = more;
        g->room = room;
    }
    g->node[g->n_nodes++] = n;
    return OK;
}

struct value *graph_value(struct graph *g, const char *name)
{
    struct value *v;

    if ((g->n_values & (g->n_values - 1)) == 0) { /* full at powers of two */
        size_t room = g->n_values ? 2 * (size_t)g->n_values : 1;
        struct value **more = realloc(g->value, room * sizeof *more);

        if (!more)
            return NULL;
        g->value = more;
    }
    v = region_take(&g->region, sizeof *v);
    if (!v || !(v->t.name = region_copy(&g->region, name)))
        return NULL;
    v->base = v;
    g->value[g->n_values++] = v;
    return v;
}

struct value *graph_constant(struct graph *g, const char *name, enum dtype type, int rank,
                             const int64_t *dim)
{
    struct value *v = graph_value(g, name);

    if (!v || tensor_shape(&v->t, type, rank, dim, NULL) != OK ||
        graph_hold(g, tensor_bytes(&v->t)) != OK || tensor_allocate(&v->t) != OK)
        return NULL;
    v->typed = v->constant = true;
    return v;
}

enum err graph_hold(struct graph *g, size_t n)
{
    g->hold_full = n > g->hold_limit - g->held;
    if (g->hold_full)
        return ERR_NOMEM;
    g->held += n;
    return OK;
}

enum err graph_no_memory(const struct graph *g, struct why *why)
{
    if (g->hold_full)
        return err_say(why, ERR_LIMIT, "constants and packed weights need more than %zu bytes",
                       g->hold_limit);
    if (g->region.full)
        return err_say(why, ERR_LIMIT, "names, attributes and tables need more than %zu bytes",
                       g->region.limit);
    return err_say(why, ERR_NOMEM, "out of memory");
}

enum err tensor_shape(struct tensor *t, enum dtype type, int rank, const int64_t *dim,
                      struct why *why)
{
    int64_t room = TENSOR_MAX_BYTES / (int64_t)(dtype_size(type) ? dtype_size(type) : 1);

    if (!dtype_size(type))
        return err_say(why, ERR_UNSUPPORTED, "tensor '%s': element type %d (%s)", t->name,
                       (int)type, dtype_name(type));
    if (rank > TENSOR_MAX_RANK)
        return err_say(why, ERR_LIMIT, "tensor '%s': %d dimensions, limit %d", t->name, rank,
                       TENSOR_MAX_RANK);
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 0)
            return err_say(why, ERR_FORMAT, "tensor '%s': dimension %d is %lld", t->name, i,
                           (long long)dim[i]);
        if (dim[i] > room)
            return err_say(why, ERR_LIMIT, "tensor '%s': more than %d bytes", t->name,
                           TENSOR_MAX_BYTES);
        if (dim[i])
            room /= dim[i];
    }
    t->type = type;
    t->rank = rank;
    memset(t->dim, 0, sizeof t->dim);
    if (rank > 0)
        memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    return OK;
}

size_t tensor_bytes(const struct tensor *t)
{
    return (size_t)tensor_count(t) * dtype_size(t->type);
}

enum err tensor_allocate(struct tensor *t)
{
    size_t n = (tensor_bytes(t) / ARENA_ALIGN + 1) * ARENA_ALIGN; /* never 0 */

    t->data = aligned_alloc(ARENA_ALIGN, n);
    if (!t->data)
        return ERR_NOMEM;
    memset(t->data, 0, n);
    return OK;
}

void value_release(struct value *v)
{
    if (!v->constant || v->uses > 0)
        return;
    free(v->t.data);
    v->t.data = NULL;
    v->constant = false;
}

void node_rewire(struct node *n, int i, struct value *to)
{
    struct value *old = n->in[i];

    if (to)
        to->uses++;
    n->in[i] = to;
    if (old) {
        old->uses--;
        value_release(old);
    }
}

void graph_forget_folded(struct graph *g)
{
    for (int i = 0; i < g->n_values; i++) {
        struct node *n = g->value[i]->folded;

        g->value[i]->folded = NULL;
        for (int j = 0; n && j < n->n_in; j++)
            if (n->in[j])
                node_rewire(n, j, NULL);
    }
}

static bool needed(const struct node *n)
{
    if (n->done)
        return false;
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] && n->out[i]->uses > 0)
            return true;
    return false;
}

void graph_sweep(struct graph *g)
{
    int keep = g->n_nodes;

    for (int i = g->n_nodes - 1; i >= 0; i--) { /* backwards: readers go before what they read */
        struct node *n = g->node[i];

        if (needed(n)) {
            g->node[--keep] = n;
            continue;
        }
        for (int j = 0; j < n->n_in; j++)
            if (n->in[j])
                node_rewire(n, j, NULL);
        node_finish(n);
    }
    g->n_nodes -= keep;
    if (g->n_nodes)
        memmove(g->node, g->node + keep, (size_t)g->n_nodes * sizeof *g->node);
}
