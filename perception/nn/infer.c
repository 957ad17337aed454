/* Shapes, in the order of the nodes; and whatever depends on constants alone is computed on the
 * way, because exporters compute shapes in the graph. */
#include <stdlib.h>

#include "perception/nn/control.h"
#include "perception/nn/ops/quant.h"

enum { FOLD_SMALL_BYTES = 1 << 20 }; /* anything up to this may be folded */

static enum err check_counts(const struct node *n, struct why *why)
{
    const struct op *o = n->op;

    if (n->n_in > o->max_in)
        return err_say(why, ERR_FORMAT, "%d inputs, at most %d", n->n_in, o->max_in);
    for (int i = 0; i < o->min_in; i++)
        if (!in(n, i))
            return err_say(why, ERR_FORMAT, "input %d is missing", i);
    for (int i = o->max_out; i < n->n_out; i++)
        if (n->out[i])
            return err_say(why, ERR_UNSUPPORTED, "output %d", i);
    return OK;
}

static enum err check_known(const struct node *n, struct why *why)
{
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] && !n->in[i]->typed)
            return err_say(why, ERR_FORMAT, "input '%.80s' is nothing", n->in[i]->t.name);
        else if (n->in[i] && n->in[i]->dynamic)
            return err_say(why, ERR_UNSUPPORTED, "the shape of '%.80s' is known only when running",
                           n->in[i]->t.name);
    return OK;
}

static enum err check_types(const struct node *n, struct why *why)
{
    const struct op *o = n->op;
    enum err e = OK;

    for (int i = 0; e == OK && i < n->n_in; i++)
        if (i == 0)
            e = need_type(n, i, o->types, why);
        else if ((o->flags & OP_SAME) && in(n, i) && in(n, 0) && in(n, i)->type != in(n, 0)->type)
            e = err_say(why, ERR_FORMAT, "inputs are %s and %s", dtype_name(in(n, 0)->type),
                        dtype_name(in(n, i)->type));
    return e;
}

static enum err check_attrs(const struct node *n, struct why *why)
{
    if (n->bad_attr)
        return err_say(why, ERR_FORMAT, "attribute '%.80s' is of the wrong kind", n->bad_attr);
    for (int i = 0; i < n->n_attr; i++)
        if (!n->attr[i].read)
            return err_say(why, ERR_UNSUPPORTED, "attribute '%.80s' at opset %d", n->attr[i].name,
                           n->opset);
    return OK;
}

static enum err node_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e, bad;

    if ((e = check_counts(n, why)) != OK || (e = check_types(n, why)) != OK)
        return e;
    e = n->op->infer(g, n, why);
    if ((e == OK || n->bad_attr) && (bad = check_attrs(n, why)) != OK)
        return bad;
    for (int i = 0; e == OK && i < n->n_out; i++) {
        if (n->out[i] && !n->out[i]->typed)
            e = err_say(why, ERR_UNSUPPORTED, "output %d", i);
        else if (n->out[i] && tensor_bytes(out(n, i)) > g->memory_limit)
            e = err_say(why, ERR_LIMIT, "output '%.80s' has %zu bytes, limit %zu", out(n, i)->name,
                        tensor_bytes(out(n, i)), g->memory_limit);
    }
    return e;
}

/* What computing a node costs: bytes that it reads and writes, and operations beside. */
int64_t node_cost(const struct node *n)
{
    int64_t cost = n->macs + n->work;

    for (int i = 0; i < n->n_in && !(n->op->flags & OP_SHAPE); i++)
        if (n->in[i])
            cost += (int64_t)tensor_bytes(in(n, i));
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            cost += (int64_t)tensor_bytes(out(n, i));
    return cost;
}

/* No element comes out, so nothing is to be computed, whatever goes in. Operators may walk through
 * a billion rows of no columns all the same. */
static bool makes_nothing(const struct node *n)
{
    int64_t bytes = 0;

    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            bytes += (int64_t)tensor_bytes(out(n, i));
    return bytes == 0;
}

/* Constant inputs, results of a sensible size, and still something in the purse. */
static bool foldable(const struct graph *g, const struct node *n)
{
    int64_t bytes_in = 0, bytes_out = 0;

    if (makes_nothing(n))
        return true;
    for (int i = 0; i < n->n_in; i++) {
        if (!n->in[i])
            continue;
        if (!n->in[i]->constant && !(n->op->flags & OP_SHAPE))
            return false;
        bytes_in += (int64_t)tensor_bytes(in(n, i));
    }
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i])
            bytes_out += (int64_t)tensor_bytes(out(n, i));
    return (bytes_out <= FOLD_SMALL_BYTES || bytes_out / 8 <= bytes_in) &&
           node_cost(n) <= g->fold_budget;
}

static enum err fold_run(struct graph *g, struct node *n, struct why *why)
{
    struct run r = {.kernels = &g->kernels, .pool = g->pool, .why = why};
    enum err e = OK;

    for (int i = 0; e == OK && i < n->n_out; i++)
        if (n->out[i]) {
            e = tensor_allocate(&n->out[i]->t);
            n->out[i]->constant = e == OK;
        }
    if (makes_nothing(n))
        return e;
    g->fold_budget -= node_cost(n);
    if (e == OK && n->op->prepare)
        e = n->op->prepare(g, n, why);
    if (e == OK && n->scratch > g->memory_limit)
        e = err_say(why, ERR_LIMIT, "needs %zu bytes to work in, limit %zu", n->scratch,
                    g->memory_limit);
    if (e == OK && n->scratch && !(r.scratch = aligned_alloc(64, (n->scratch + 63) / 64 * 64)))
        e = ERR_NOMEM;
    if (e == OK)
        e = n->op->run(n, &r);
    free(r.scratch);
    free(n->packed);
    n->packed = NULL;
    return e;
}

/* Constant has its output already. */
static bool is_folded(const struct node *n)
{
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] && !n->out[i]->constant)
            return false;
    return true;
}

/* A weight's scale and integers stay known: fuse_quant.c asks for them. */
static enum err remember(struct graph *g, struct node *n)
{
    struct node *kept = region_take(&g->region, sizeof *kept);
    struct value **ends = region_take(&g->region, (size_t)n->n_in * sizeof *ends);

    if (!kept || !ends)
        return ERR_NOMEM;
    *kept = *n;
    kept->in = ends;
    kept->n_attr = 0;
    for (int i = 0; i < n->n_in; i++)
        node_rewire(kept, i, n->in[i]);
    n->out[0]->folded = kept;
    return OK;
}

static enum err fold(struct graph *g, struct node *n, struct why *why)
{
    enum err e = OK;

    if (!is_folded(n))
        e = fold_run(g, n, why);
    if (e == OK && is_dequantize(n) && n->out[0])
        e = remember(g, n);
    n->done = true;
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i]) {
            n->out[i]->from = NULL;
            n->out[i]->dynamic = false;
        }
    return e;
}

enum err graph_infer(struct graph *g, struct why *why)
{
    enum err e;

    for (int i = 0; i < g->n_values; i++)
        value_release(g->value[i]);
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        if ((e = check_known(n, why)) != OK || (e = control_splice(g, i, why)) != OK ||
            (!n->done && (e = node_infer(g, n, why)) != OK) ||
            (!n->done && foldable(g, n) && (e = fold(g, n, why)) != OK)) {
            if (e == ERR_NOMEM)
                e = graph_no_memory(g, why);
            if (e == ERR_MISMATCH) /* node_fault() has named the node; the file is at fault */
                return ERR_FORMAT;
            return err_prefix(why, e, "node '%.80s' (%.40s): ", n->name, n->type);
        }
    }
    graph_sweep(g);
    return OK;
}
