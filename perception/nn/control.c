#include "perception/nn/control.h"

#include <stdlib.h>
#include <string.h>

#include "perception/nn/onnx.h"
#include "perception/nn/onnx_scope.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum { UNROLLED_MAX = 4096 }; /* nodes */

struct node *control_node(struct graph *g, const char *type, struct value *const *in, int n_in,
                          struct value *out)
{
    struct node *n = region_take(&g->region, sizeof *n);

    if (!n || !out || !(n->in = region_take(&g->region, (size_t)n_in * sizeof *in + 1)) ||
        !(n->out = region_take(&g->region, sizeof *n->out)) || graph_push(g, n, NULL) != OK)
        return NULL;
    n->op = op_find(type);
    n->type = n->name = n->op->name;
    n->opset = 13;
    n->n_in = n_in;
    n->n_out = 1;
    n->out[0] = out;
    out->from = n;
    for (int i = 0; i < n_in; i++) {
        n->in[i] = in[i];
        in[i]->uses++;
    }
    return n;
}

static enum err add_attr(struct graph *g, struct node *n, const char *name, int64_t v)
{
    struct attr *a = region_take(&g->region, sizeof *a);

    if (!a)
        return ERR_NOMEM;
    *a = (struct attr){.name = name, .kind = ATTR_INT, .i = v};
    n->attr = a;
    n->n_attr = 1;
    return OK;
}

/* Nodes [from, end) to the place behind `at`. */
static enum err move_up(struct graph *g, int from, int at)
{
    const size_t added = (size_t)(g->n_nodes - from), after = (size_t)(from - at - 1);
    struct node **keep = malloc(added * sizeof *keep + 1), **to = g->node + at + 1;

    if (!keep)
        return ERR_NOMEM;
    memcpy(keep, g->node + from, added * sizeof *keep);
    memmove(to + added, to, after * sizeof *keep);
    memcpy(to, keep, added * sizeof *keep);
    free(keep);
    return OK;
}

/* ---- If ------------------------------------------------------------------------------------ */
static bool is_known(const struct node *n, int i)
{
    return in(n, i) && n->in[i]->constant && tensor_count(in(n, i)) == 1;
}

static enum err splice_if(struct graph *g, struct node *n, struct why *why)
{
    const char *branch = number_int(in(n, 0), 0) ? "then_branch" : "else_branch";
    const struct body *b = attr_body(n, branch);
    struct value **made = region_take(&g->region, (size_t)n->n_out * sizeof *made + 1);
    enum err e;

    if (!made)
        return ERR_NOMEM;
    if (!b)
        return err_say(why, ERR_FORMAT, "no %s", branch);
    if ((e = onnx_read_body(g, b, NULL, 0, made, n->n_out, why)) != OK)
        return e;
    for (int i = 0; i < n->n_out; i++)
        if (n->out[i] && !control_node(g, "Identity", &made[i], 1, n->out[i]))
            return ERR_NOMEM;
    return OK;
}

/* ---- Loop ---------------------------------------------------------------------------------- */
/* The value that the body hands on as its condition is the one that came in. */
static bool keeps_condition(const Onnx__GraphProto *p)
{
    const char *name = p->n_output && p->n_input > 1 ? p->output[0]->name : NULL;
    size_t hops = 0;

    while (name && p->input[1]->name && strcmp(name, p->input[1]->name) != 0) {
        const char *from = NULL;

        for (size_t i = 0; i < p->n_node; i++) {
            const Onnx__NodeProto *n = p->node[i];

            if (n->n_output == 1 && n->n_input == 1 && !strcmp(n->output[0], name) && n->op_type &&
                !strcmp(n->op_type, "Identity"))
                from = n->input[0];
        }
        name = hops++ < p->n_node ? from : NULL;
    }
    return name != NULL;
}

struct unrolled {
    const struct body *b;
    int64_t trips;
    int n_in, n_out;          /* of the body */
    struct value **in, **out; /* of one round */
    struct value **stacked;   /* (scans, trips): what is to be concatenated */
};

/* One round: from in to out, and from there to in again. */
static enum err unroll_one(struct graph *g, struct unrolled *u, int64_t trip, struct why *why)
{
    const int state = u->n_in - 2;
    const int64_t one = 1;
    struct value *pair[2]; /* a slice, and [0]: graph_constant() gives zeros */
    enum err e;

    if (!(u->in[0] = graph_constant(g, "", DTYPE_I64, 0, NULL)))
        return ERR_NOMEM;
    *(int64_t *)u->in[0]->t.data = trip;
    if ((e = onnx_read_body(g, u->b, u->in, u->n_in, u->out, u->n_out, why)) != OK)
        return e;
    for (int i = 0; i < state; i++)
        u->in[2 + i] = u->out[1 + i];
    for (int i = 1 + state; i < u->n_out; i++) {
        struct value *to = graph_value(g, "");

        pair[0] = u->out[i];
        pair[1] = graph_constant(g, "", DTYPE_I64, 1, &one);
        if (!to || !pair[1] || !control_node(g, "Unsqueeze", pair, 2, to))
            return ERR_NOMEM;
        u->stacked[(i - 1 - state) * u->trips + trip] = to;
    }
    return OK;
}

static enum err unroll(struct graph *g, struct node *n, struct unrolled *u, struct why *why)
{
    const int state = u->n_in - 2;
    enum err e = OK;

    for (int i = 0; i < state; i++)
        u->in[2 + i] = n->in[2 + i];
    if (!(u->in[1] = graph_constant(g, "", DTYPE_BOOL, 0, NULL)))
        return ERR_NOMEM;
    *(uint8_t *)u->in[1]->t.data = 1;
    for (int64_t t = 0; e == OK && t < u->trips; t++)
        e = unroll_one(g, u, t, why);
    for (int i = 0; e == OK && i < n->n_out; i++) {
        struct value **from = i < state ? &u->in[2 + i] : &u->stacked[(i - state) * u->trips];
        struct node *made;

        if (!n->out[i])
            continue;
        made = control_node(g, i < state ? "Identity" : "Concat", from,
                            i < state ? 1 : (int)u->trips, n->out[i]);
        if (!made || (i >= state && add_attr(g, made, "axis", 0) != OK))
            return ERR_NOMEM;
    }
    return e;
}

/* Few rounds, all of them taken for certain. */
static bool can_unroll(struct node *n, const struct body *b)
{
    int64_t trips = is_known(n, 0) ? number_int(in(n, 0), 0) : 0;

    if (!b || trips < 1 || trips > UNROLLED_MAX || (in(n, 1) && !is_known(n, 1)) ||
        (in(n, 1) && !number_int(in(n, 1), 0)) || b->first != onnx_body_inputs(b) ||
        onnx_body_outputs(b) != 1 + n->n_out || onnx_body_inputs(b) - 2 > n->n_out)
        return false;
    for (int i = 2; i < b->first; i++)
        if (!n->in[i])
            return false;
    return trips * (1 + onnx_body_nodes(b)) <= UNROLLED_MAX && keeps_condition(b->p);
}

static enum err splice_loop(struct graph *g, struct node *n, const struct body *b, struct why *why)
{
    struct unrolled u = {.b = b,
                         .trips = number_int(in(n, 0), 0),
                         .n_in = onnx_body_inputs(b),
                         .n_out = onnx_body_outputs(b)};
    const size_t ends = (size_t)u.n_in + (size_t)u.n_out;

    u.in = region_take(&g->region, ends * sizeof *u.in);
    u.stacked = region_take(&g->region, (size_t)u.n_out * (size_t)u.trips * sizeof *u.stacked);
    if (!u.in || !u.stacked)
        return ERR_NOMEM;
    u.out = u.in + u.n_in;
    return unroll(g, n, &u, why);
}

enum err control_splice(struct graph *g, int at, struct why *why)
{
    struct node *n = g->node[at];
    const struct body *b = NULL;
    const int from = g->n_nodes;
    enum err e;

    if (!strcmp(n->type, "If") && n->n_in && is_known(n, 0) && in(n, 0)->type == DTYPE_BOOL)
        e = splice_if(g, n, why);
    else if (!strcmp(n->type, "Loop") && n->n_in >= 2 && can_unroll(n, b = attr_body(n, "body")))
        e = splice_loop(g, n, b, why);
    else
        return OK;
    n->done = true;
    return e == OK ? move_up(g, from, at) : e;
}
