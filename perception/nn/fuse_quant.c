/* DequantizeLinear, operators, QuantizeLinear: in 8 bits instead, wherever there is a kernel.
 *
 * The walk replaces an operator between the two by its like on bytes (ops/last8.h). A byte value that
 * is made so, or needed so, has a form with the channels last (value.last); where real numbers meet
 * it, nodes that quantise or dequantise stand at the border, and graph_layout() turns their float
 * side. What has no partner stays as it is. */
#include "perception/nn/fuse_quant.h"

#include <string.h>

#include "perception/nn/fuse.h"

enum err walk_fail(struct walk *w, enum err e)
{
    w->e = w->e == OK ? e : w->e;
    return w->e;
}

void *walk_take(struct walk *w, size_t size)
{
    void *p = region_take(&w->g->region, size);

    if (!p)
        walk_fail(w, ERR_NOMEM);
    return p;
}

void walk_append(struct walk *w, struct node *n)
{
    if (w->n == w->room)
        walk_fail(w, ERR_LIMIT);
    else
        w->node[w->n++] = n;
}

/* A value of four dimensions that only DequantizeLinear reads. */
static bool is_bytes(const struct value *v)
{
    return v && v->t.rank == 4 && tensor_count(&v->t) > 0 && !v->constant && !v->input &&
           !v->output && v->from && v->uses == notes_of(v)->dequants;
}

struct value *walk_bytes_last(struct walk *w, const struct value *v, enum dtype type)
{
    struct value *to = graph_value(w->g, v->t.name);
    const int64_t dim[4] = {v->t.dim[0], v->t.dim[2], v->t.dim[3], v->t.dim[1]};

    if (!to || tensor_shape(&to->t, type, 4, dim, w->why) != OK) {
        walk_fail(w, ERR_NOMEM);
        return NULL;
    }
    to->typed = true;
    return to;
}

struct node *walk_node(struct walk *w, const struct op *op, const struct node *like, int n_in)
{
    struct node *n = walk_take(w, sizeof *n);
    struct value **ends = walk_take(w, ((size_t)n_in + 1) * sizeof *ends);
    struct last8 *p = walk_take(w, sizeof *p);

    if (!n || !ends || !p)
        return NULL;
    *n = (struct node){.op = op,
                       .name = like->name,
                       .type = op->name,
                       .n_in = n_in,
                       .n_out = 1,
                       .in = ends,
                       .out = ends + n_in,
                       .macs = like->macs,
                       .params = p};
    return n;
}

void walk_makes(struct node *n, struct value *to)
{
    n->out[0] = to;
    to->from = n;
}

struct node *quant_source(const struct node *n, int i, struct q8 *as)
{
    struct value *v = i < n->n_in ? n->in[i] : NULL;

    if (!v || !v->from || !is_dequantize(v->from) || !quant_steps(v->from, as) ||
        !is_bytes(v->from->in[0]))
        return NULL;
    return (v->from->in[0]->last || is_quantize(v->from->in[0]->from)) ? v->from : NULL;
}

struct value *walk_source(struct walk *w, const struct node *n, int i)
{
    struct value *q = n->in[i]->from->in[0], *last;
    struct node *border;

    if (q->last)
        return q->last;
    border = walk_node(w, &op_quantize8, q->from, 1);
    last = walk_bytes_last(w, q, DTYPE_U8);
    if (!border || !last)
        return NULL;
    ((struct last8 *)border->params)->planes = true;
    if (!quant_steps(q->from, &((struct last8 *)border->params)->f.as)) {
        walk_fail(w, ERR_UNSUPPORTED);
        return NULL;
    }
    node_rewire(border, 0, q->from->in[0]);
    walk_makes(border, last);
    walk_append(w, border);
    return q->last = last;
}

struct node *quant_target(const struct node *n, struct q8 *as)
{
    const struct value *y = n->n_out ? n->out[0] : NULL;
    struct node *q = y && y->uses == 1 && !y->output ? notes_of(y)->reader : NULL;

    return q && is_quantize(q) && quant_steps(q, as) && is_bytes(q->out[0]) ? q : NULL;
}

void walk_retire(struct node *n)
{
    n->done = true;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i])
            node_rewire(n, i, NULL);
}

void walk_replace(struct walk *w, struct node *by, struct node *n, struct node *q)
{
    struct value *last;

    if (!q) {
        walk_makes(by, n->out[0]);
        n->n_out = 0;
        walk_retire(n);
        walk_append(w, by);
        return;
    }
    last = walk_bytes_last(w, q->out[0], DTYPE_U8);
    if (!last)
        return;
    walk_makes(by, last);
    q->out[0]->last = last;
    q->done = true;
    walk_retire(n);
    walk_append(w, by);
}

bool is_constant_or_none(const struct node *n, int i)
{
    return !n->in[i] || n->in[i]->constant;
}

float *walk_floats(struct walk *w, const struct tensor *t)
{
    size_t n = (size_t)tensor_count(t);
    float *to = walk_take(w, n * sizeof *to);

    if (to)
        memcpy(to, t->data, n * sizeof *to);
    return to;
}

void walk_epilogue(struct walk *w, struct hwc8_finish *f, const struct epilogue *e,
                   const struct tensor *slope)
{
    f->act = e->act;
    f->a = e->a;
    f->b = e->b;
    if (slope)
        f->slope = walk_floats(w, slope);
}

/* ---- the walk ---------------------------------------------------------------------------------- */
/* Out of the bytes, for those who read real numbers. */
static bool turn_dequantize(struct walk *w, struct node *n)
{
    struct value *last = n->in[0]->last;
    struct node *by;
    struct last8 *p;

    if (!last || !n->in[0]->from->done || n->out[0]->uses == 0)
        return false;
    by = walk_node(w, &op_dequantize8, n, 1);
    if (!by)
        return false;
    p = by->params;
    p->planes = true;
    if (!quant_steps(n, &p->x_as))
        return false;
    node_rewire(by, 0, last);
    walk_makes(by, n->out[0]);
    n->n_out = 0;
    walk_retire(n);
    walk_append(w, by);
    return true;
}

static void visit(struct walk *w, struct node *n)
{
    bool turned = n->done || walk_conv(w, n) || walk_row(w, n) ||
                  (!strcmp(n->type, "Add") && walk_add(w, n)) ||
                  (!strcmp(n->type, "Concat") && walk_concat(w, n)) ||
                  (!strcmp(n->type, "Slice") && walk_slice(w, n)) || walk_window(w, n) ||
                  walk_matmul(w, n);

    (void)turned; /* what is done goes with the sweep */
    walk_append(w, n);
}

static bool notes_take(struct walk *w)
{
    struct graph *g = w->g;

    for (int i = 0; i < g->n_values; i++)
        if (!(g->value[i]->notes = walk_take(w, sizeof(struct notes))))
            return false;
    for (int i = 0; i < g->n_nodes; i++)
        for (int j = 0; j < g->node[i]->n_in; j++) {
            struct value *v = g->node[i]->in[j];

            if (!v)
                continue;
            notes_of(v)->reader = g->node[i];
            notes_of(v)->dequants += j == 0 && is_dequantize(g->node[i]);
        }
    return true;
}

static void append_once(struct walk *w, struct node *n)
{
    for (int i = 0; i < w->n; i++)
        if (w->node[i] == n)
            return;
    walk_append(w, n);
}

static bool is_border(const struct node *n)
{
    return n && n->op == &op_quantize8;
}

/* Those that dequantise what the walk has made are where their first reader may need them. A border
 * stands where the first operator on bytes was; one on real numbers may come before that, and its
 * DequantizeLinear reads the same bytes in the end (layout.c): the border comes before both. */
static void finish(struct walk *w)
{
    struct node **node = w->node;
    int n = w->n;

    w->n = 0;
    w->room = 2 * n;
    w->node = walk_take(w, (size_t)w->room * sizeof *w->node + 1);
    for (int i = 0; i < n && w->e == OK; i++) {
        if (is_dequantize(node[i])) {
            const struct value *last = node[i]->in[0]->last;

            if (last && is_border(last->from))
                append_once(w, last->from);
            turn_dequantize(w, node[i]);
        }
        if (is_border(node[i]))
            append_once(w, node[i]);
        else
            walk_append(w, node[i]);
    }
}

enum err graph_fuse_quant(struct graph *g, struct why *why)
{
    struct walk w = {.g = g, .why = why};

    w.room = 3 * g->n_nodes + 1; /* each node, and a border for it and for a residual */
    for (int i = 0; i < g->n_nodes; i++)
        w.room += g->node[i]->n_in;
    w.node = walk_take(&w, (size_t)w.room * sizeof *w.node);
    if (!w.node || !notes_take(&w))
        return err_say(why, ERR_NOMEM, "out of memory");
    for (int i = 0; i < g->n_nodes && w.e == OK; i++)
        visit(&w, g->node[i]);
    if (w.e == OK)
        finish(&w);
    if (w.e != OK)
        return err_say(why, w.e, "8-bit operators: out of memory");
    g->node = w.node;
    g->n_nodes = w.n;
    graph_forget_folded(g);
    graph_sweep(g);
    fuse_pyramids(g);
    return OK;
}
