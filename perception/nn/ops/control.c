/* If, Loop and Scan whose course is known only when running: an inner graph (two of an If), built when
 * loading, that runs in the node's scratch memory. So every shape in it is known beforehand: the
 * branches of an If give the same shapes, what a Loop carries keeps its shape. */
#include "perception/nn/control.h"

#include <stdlib.h>
#include <string.h>

#include "perception/nn/onnx.h"
#include "perception/nn/onnx_scope.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum { TRIPS_MAX = 1 << 24 };

/* ---- an inner graph ------------------------------------------------------------------------ */
static enum err add_input(struct graph *s, const struct tensor *like, struct value **out)
{
    struct value *v = graph_value(s, like->name ? like->name : "");

    if (!v || tensor_shape(&v->t, like->type, like->rank, like->dim, NULL) != OK)
        return ERR_NOMEM;
    v->typed = v->input = true;
    s->input[s->n_inputs++] = *out = v;
    return OK;
}

/* What is constant outside is so inside, and need not be kept there. */
static enum err add_capture(struct graph *s, const struct value *from, struct value **out)
{
    struct value *v;

    if (!from->constant)
        return add_input(s, &from->t, out);
    *out = v = graph_constant(s, from->t.name, from->t.type, from->t.rank, from->t.dim);
    if (!v)
        return ERR_NOMEM;
    memcpy(v->t.data, from->t.data, tensor_bytes(&from->t));
    return OK;
}

static enum err add_captures(struct graph *s, const struct node *n, const struct body *b,
                             struct scope *scope)
{
    enum err e = scope_init(scope, &s->region, b->p, (size_t)b->n_captured);

    for (int i = 0; e == OK && i < b->n_captured; i++) {
        const struct value *from = n->in[b->first + i];
        struct value *v;

        e = from ? add_capture(s, from, &v) : ERR_NOMEM;
        if (e == OK)
            e = scope_define(scope, b->captured[i], v);
    }
    return e;
}

/* The inner graph draws on what is left to the outer one. */
static void share_limits(struct graph *s, const struct graph *g)
{
    s->kernels = g->kernels;
    s->pool = g->pool;
    s->memory_limit = g->memory_limit;
    s->fold_budget = g->fold_budget;
    s->hold_limit = g->hold_limit - g->held;
    s->region.limit = g->region.limit ? g->region.limit - g->region.taken : 0;
}

static enum err give_back_limits(const struct graph *s, struct graph *g)
{
    g->fold_budget = s->fold_budget;
    g->region.limit -= g->region.limit ? s->region.taken : 0;
    return graph_hold(g, s->held);
}

static enum err read_inner(struct graph *s, const struct node *n, const struct body *b,
                           const struct tensor *in, int n_in, int n_out, struct why *why)
{
    struct body again = *b;
    struct scope *scope = region_take(&s->region, sizeof *scope);
    struct value **made = region_take(&s->region, (size_t)n_out * sizeof *made + 1);
    struct value **bound = region_take(&s->region, (size_t)n_in * sizeof *bound + 1);
    enum err e = OK;

    s->input = region_take(&s->region, (size_t)(n_in + b->n_captured + 1) * sizeof *s->input);
    s->output = region_take(&s->region, (size_t)n_out * sizeof *s->output + 1);
    if (!scope || !made || !bound || !s->input || !s->output)
        return ERR_NOMEM;
    for (int i = 0; e == OK && i < n_in; i++)
        e = add_input(s, &in[i], &bound[i]);
    again.scope = scope;
    if (e != OK || (e = add_captures(s, n, b, scope)) != OK ||
        (e = onnx_read_body(s, &again, bound, n_in, made, n_out, why)) != OK)
        return e;
    for (int i = 0; i < n_out;
         i++) { /* outputs are in no other's place, so that they can be kept */
        struct value *v = graph_value(s, made[i]->t.name);

        if (!v || !control_node(s, "Identity", &made[i], 1, v))
            return ERR_NOMEM;
        v->output = true;
        v->uses++;
        s->output[s->n_outputs++] = v;
    }
    return OK;
}

/* inner[which]: b with inputs like in (n_in), built. */
static enum err make_inner(struct graph *g, struct node *n, int which, const struct body *b,
                           const struct tensor *in, int n_in, int n_out, struct why *why)
{
    struct graph *s = calloc(1, sizeof *s);
    enum err e;

    if (!(n->inner[which] = s))
        return ERR_NOMEM;
    share_limits(s, g);
    if ((e = read_inner(s, n, b, in, n_in, n_out, why)) == OK)
        e = graph_build(s, NULL, why);
    if (e == ERR_NOMEM)
        e = graph_no_memory(s, why);
    for (int i = 0; e == OK && i < n_out; i++)
        if (s->output[i]->dynamic)
            e = err_say(why, ERR_UNSUPPORTED, "the shape of '%.80s' is known only when running",
                        s->output[i]->t.name);
    if (e != OK)
        return e;
    if (n->scratch < s->run_bytes)
        n->scratch = s->run_bytes;
    return give_back_limits(s, g);
}

/* Operations of one run, as folding counts them. */
static int64_t inner_cost(const struct graph *s)
{
    int64_t cost = 1;

    for (int i = 0; i < s->n_nodes; i++)
        if (__builtin_add_overflow(cost, node_cost(s->node[i]), &cost))
            return INT64_MAX / 4;
    return cost;
}

static int64_t inner_macs(const struct graph *s)
{
    int64_t macs = 0;

    for (int i = 0; i < s->n_nodes; i++)
        if (__builtin_add_overflow(macs, s->node[i]->macs, &macs))
            return INT64_MAX / 4;
    return macs;
}

static int64_t times(int64_t cost, int64_t trips)
{
    int64_t all;

    return __builtin_mul_overflow(cost, trips, &all) || all > INT64_MAX / 4 ? INT64_MAX / 4 : all;
}

/* The inner graphs have their own copies. */
static void drop_constants(struct node *n, const struct body *b)
{
    for (int i = 0; i < b->n_captured; i++)
        if (n->in[b->first + i] && n->in[b->first + i]->constant)
            node_rewire(n, b->first + i, NULL);
}

static void set_input(struct graph *s, int i, const struct tensor *from)
{
    memcpy(s->input[i]->t.data, from->data, tensor_bytes(from));
}

static void start_inner(const struct node *n, struct graph *s, const struct body *b,
                        const struct run *r, int declared)
{
    graph_place(s, r->scratch);
    for (int i = 0, at = declared; i < b->n_captured; i++)
        if (n->in[b->first + i])
            set_input(s, at++, &n->in[b->first + i]->t);
}

static enum err run_inner(struct graph *s, const struct run *r)
{
    struct run inner = *r;
    enum err e = OK;

    for (int i = 0; e == OK && i < s->n_nodes; i++) {
        inner.scratch = (unsigned char *)r->scratch + s->node[i]->scratch_place;
        e = s->node[i]->op->run(s->node[i], &inner);
    }
    return e;
}

static bool same_type(const struct tensor *a, const struct tensor *b)
{
    return a->type == b->type && a->rank == b->rank && !memcmp(a->dim, b->dim, sizeof a->dim);
}

/* ---- If ------------------------------------------------------------------------------------ */
struct if_params {
    struct body branch[2];
};

static enum err if_infer(struct graph *g, struct node *n, struct why *why)
{
    static const char *const names[] = {"then_branch", "else_branch"};
    struct if_params *p = node_params(g, n, sizeof *p);
    enum err e = OK;

    if (!p)
        return ERR_NOMEM;
    if (tensor_count(in(n, 0)) != 1)
        return err_say(why, ERR_FORMAT, "the condition is no scalar");
    for (int i = 0; i < 2; i++) {
        const struct body *b = attr_body(n, names[i]);

        if (!b || b->first < 1)
            return err_say(why, ERR_FORMAT, "no %s", names[i]);
        p->branch[i] = *b;
        if ((e = make_inner(g, n, i, b, NULL, 0, n->n_out, why)) != OK)
            return e;
        if (n->work < inner_cost(n->inner[i])) { /* the dearer one */
            n->work = inner_cost(n->inner[i]);
            n->macs = inner_macs(n->inner[i]);
        }
    }
    for (int i = 0; e == OK && i < n->n_out; i++) {
        const struct tensor *a = &n->inner[0]->output[i]->t;

        if (!same_type(a, &n->inner[1]->output[i]->t))
            return err_say(why, ERR_UNSUPPORTED,
                           "the branches give different shapes, and which is taken is known only "
                           "when running");
        e = set_out_like(n, i, a->type, a, why);
    }
    for (int i = 0; i < 2; i++)
        drop_constants(n, &p->branch[i]);
    return e;
}

static enum err if_run(const struct node *n, const struct run *r)
{
    const struct if_params *p = n->params;
    const int which = number_int(in(n, 0), 0) ? 0 : 1;
    struct graph *s = n->inner[which];
    enum err e;

    start_inner(n, s, &p->branch[which], r, 0);
    if ((e = run_inner(s, r)) != OK)
        return e;
    for (int i = 0; i < n->n_out; i++)
        if (out(n, i))
            memcpy(out(n, i)->data, s->output[i]->t.data, tensor_bytes(out(n, i)));
    return OK;
}

/* ---- Loop: most rounds, a condition, what is carried --------------------------------------- */
/* The body takes the round, the condition and what is carried; it gives a condition, what is
 * carried, and a slice of each stack. */
enum { LOOP_TRIPS, LOOP_COND, LOOP_STATE };

struct loop_params {
    struct body body;
    int state;
    int64_t most; /* rounds that there is room for */
};

static enum err carried_fits(const struct graph *s, int in, int out, struct why *why)
{
    const struct tensor *a = &s->input[in]->t, *b = &s->output[out]->t;

    return same_type(a, b)
               ? OK
               : err_say(why, ERR_UNSUPPORTED,
                         "what it carries changes its type or shape ('%.80s')", b->name);
}

/* It never ends before all its rounds are over. */
static bool goes_on(const struct node *n)
{
    const struct value *v = n->inner[0]->output[0];

    return v->constant && number_int(&v->t, 0) &&
           (!in(n, LOOP_COND) || (n->in[LOOP_COND]->constant && number_int(in(n, LOOP_COND), 0)));
}

static enum err loop_outputs(struct node *n, struct loop_params *p, struct why *why)
{
    const struct graph *s = n->inner[0];
    const bool known = in(n, LOOP_TRIPS) && n->in[LOOP_TRIPS]->constant;
    int64_t trips = known ? number_int(in(n, LOOP_TRIPS), 0) : TRIPS_MAX, dim[TENSOR_MAX_RANK];
    enum err e = OK;

    trips = trips < 0 ? 0 : trips;
    if (known && trips > TRIPS_MAX)
        return err_say(why, ERR_LIMIT, "%lld rounds, limit %d", (long long)trips, TRIPS_MAX);
    n->work = times(inner_cost(s), trips);
    n->macs = known ? times(inner_macs(s), trips) : inner_macs(s);
    p->most = known ? trips : INT64_MAX;
    for (int i = 0; e == OK && i < n->n_out; i++) {
        const struct tensor *t = &s->output[1 + i]->t;

        if (i < p->state) {
            e = set_out_like(n, i, t->type, t, why);
            continue;
        }
        if (!known)
            return err_say(why, ERR_UNSUPPORTED, "the number of rounds is known only when running");
        if (t->rank == TENSOR_MAX_RANK)
            return err_say(why, ERR_LIMIT, "more than %d dimensions", TENSOR_MAX_RANK);
        dim[0] = trips;
        memcpy(dim + 1, t->dim, (size_t)t->rank * sizeof *dim);
        e = goes_on(n) ? set_out(n, i, t->type, t->rank + 1, dim, why)
                       : set_out_bound(n, i, t->type, t->rank + 1, dim, why);
    }
    return e;
}

static enum err loop_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct body *b = attr_body(n, "body");
    struct loop_params *p = node_params(g, n, sizeof *p);
    struct tensor *like;
    enum err e = OK;

    if (!b || b->first < 2)
        return err_say(why, ERR_FORMAT, "no body, or no place for its inputs");
    like = region_take(&g->region, (size_t)b->first * sizeof *like);
    if (!p || !like)
        return ERR_NOMEM;
    p->body = *b;
    p->state = b->first - LOOP_STATE;
    if (n->n_out < p->state || onnx_body_outputs(b) != 1 + n->n_out)
        return err_say(why, ERR_FORMAT, "%d outputs, the body has %d", n->n_out,
                       onnx_body_outputs(b));
    for (int i = 0; i < 2; i++)
        if ((e = need_type(n, i, i ? T_BOOL : TYPE(DTYPE_I64), why)) != OK)
            return e;
        else if (in(n, i) && tensor_count(in(n, i)) != 1)
            return err_say(why, ERR_FORMAT, "input %d is no scalar", i);
    like[0] = (struct tensor){.type = DTYPE_I64};
    like[1] = (struct tensor){.type = DTYPE_BOOL};
    for (int i = LOOP_STATE; i < b->first; i++)
        if (!in(n, i))
            return err_say(why, ERR_FORMAT, "input %d is missing", i);
        else
            like[i] = *in(n, i);
    if ((e = make_inner(g, n, 0, b, like, b->first, 1 + n->n_out, why)) != OK)
        return e;
    if (n->inner[0]->output[0]->t.type != DTYPE_BOOL ||
        tensor_count(&n->inner[0]->output[0]->t) != 1)
        return err_say(why, ERR_FORMAT, "the body's condition is no bool");
    for (int i = 0; e == OK && i < p->state; i++)
        e = carried_fits(n->inner[0], LOOP_STATE + i, 1 + i, why);
    if (e == OK)
        e = loop_outputs(n, p, why);
    drop_constants(n, b);
    return e;
}

static enum err loop_run(const struct node *n, const struct run *r)
{
    const struct loop_params *p = n->params;
    struct graph *s = n->inner[0];
    int64_t most = in(n, LOOP_TRIPS) ? number_int(in(n, LOOP_TRIPS), 0) : INT64_MAX;
    bool more = !in(n, LOOP_COND) || number_int(in(n, LOOP_COND), 0);
    int64_t t;
    enum err e;

    most = most < p->most ? most : p->most;
    start_inner(n, s, &p->body, r, LOOP_STATE + p->state);
    for (int i = 0; i < p->state; i++)
        set_input(s, LOOP_STATE + i, in(n, LOOP_STATE + i));
    for (t = 0; t < most && more; t++) {
        if (t == TRIPS_MAX)
            return node_fault(n, r, "more than %d rounds", TRIPS_MAX);
        *(int64_t *)s->input[0]->t.data = t;
        *(uint8_t *)s->input[1]->t.data = 1;
        if ((e = run_inner(s, r)) != OK)
            return e;
        for (int i = 0; i < p->state; i++)
            set_input(s, LOOP_STATE + i, &s->output[1 + i]->t);
        for (int i = p->state; i < n->n_out; i++) {
            size_t bytes = tensor_bytes(&s->output[1 + i]->t);

            if (out(n, i))
                memcpy((char *)out(n, i)->data + (size_t)t * bytes, s->output[1 + i]->t.data,
                       bytes);
        }
        more = number_int(&s->output[0]->t, 0) != 0;
    }
    for (int i = 0; i < n->n_out; i++)
        if (out(n, i) && i < p->state)
            memcpy(out(n, i)->data, s->input[LOOP_STATE + i]->t.data, tensor_bytes(out(n, i)));
        else if (out(n, i))
            out(n, i)->dim[0] = t;
    return OK;
}

/* ---- Scan: what is carried, then what is cut into slices ----------------------------------- */
/* The body takes what is carried and a slice of each; it gives what is carried and slices. Up to
 * opset 8 the first input says how long sequences are, and all have a dimension of batches first. */
struct slicing {
    int64_t before, count, bytes; /* (before, count, bytes of what lies behind the axis) */
    bool reversed;
};

struct scan_params {
    struct body body;
    int first, state, scans; /* inputs */
    int64_t batches, length;
    struct slicing *in, *out; /* of each that is cut, of each that is put together */
};

/* Axis and direction of number i of a list. */
static enum err read_slicing(struct node *n, const char *axes, const char *directions, int i,
                             const struct tensor *whole, int skip, int *axis, struct slicing *s,
                             struct why *why)
{
    int n_axes = -1, n_directions = -1;
    const int64_t *a = axes ? attr_ints(n, axes, &n_axes) : NULL;
    const int64_t *d = directions ? attr_ints(n, directions, &n_directions) : NULL;
    enum err e;

    if ((a && n_axes <= i) || (d && n_directions <= i))
        return err_say(why, ERR_FORMAT, "too few axes or directions");
    if ((e = axis_of(a ? a[i] : 0, whole->rank - skip, axis, why)) != OK)
        return e;
    *axis += skip;
    s->reversed = d && d[i];
    s->before = dims_product(whole->dim, skip, *axis);
    s->count = whole->dim[*axis];
    s->bytes = dims_product(whole->dim, *axis + 1, whole->rank) * (int64_t)dtype_size(whole->type);
    return OK;
}

/* t without the first `skip` dimensions, and without `axis` (-1: none). */
static struct tensor without(const struct tensor *t, int skip, int axis)
{
    struct tensor s = {.name = t->name, .type = t->type};

    for (int d = skip; d < t->rank; d++)
        if (d != axis)
            s.dim[s.rank++] = t->dim[d];
    return s;
}

static enum err scan_inputs(struct node *n, struct scan_params *p, struct tensor *like, int skip,
                            struct why *why)
{
    const char *directions = skip ? "directions" : "scan_input_directions";
    enum err e;

    p->batches = -1;
    p->length = -1;
    for (int i = 0; i < p->state + p->scans; i++) {
        const struct tensor *t = in(n, p->first + i);
        int axis = -1, j = i - p->state;

        if (!t || t->rank < skip)
            return err_say(why, ERR_FORMAT, "input %d is missing, or too small", p->first + i);
        if (skip && p->batches >= 0 && t->dim[0] != p->batches)
            return err_say(why, ERR_FORMAT, "the inputs have different batches");
        p->batches = skip ? t->dim[0] : 1;
        if (j >= 0 && (e = read_slicing(n, skip ? NULL : "scan_input_axes", directions, j, t, skip,
                                        &axis, &p->in[j], why)) != OK)
            return e;
        if (j >= 0 && p->length >= 0 && p->in[j].count != p->length)
            return err_say(why, ERR_FORMAT, "sequences of %lld and %lld", (long long)p->length,
                           (long long)p->in[j].count);
        p->length = j >= 0 ? p->in[j].count : p->length;
        like[i] = without(t, skip, axis);
    }
    return OK;
}

static enum err scan_output(struct node *n, struct scan_params *p, int i, int skip, struct why *why)
{
    const struct tensor *t = &n->inner[0]->output[i]->t;
    struct tensor whole = {.name = t->name, .type = t->type};
    int n_axes = -1, axis = 0, j = i - p->state;
    const int64_t *axes = skip ? NULL : attr_ints(n, "scan_output_axes", &n_axes);
    enum err e;

    if (t->rank + skip + (j >= 0) > TENSOR_MAX_RANK)
        return err_say(why, ERR_LIMIT, "more than %d dimensions", TENSOR_MAX_RANK);
    if (j >= 0 && axes && n_axes > j && (e = axis_of(axes[j], t->rank + 1, &axis, why)) != OK)
        return e;
    if (skip)
        whole.dim[whole.rank++] = p->batches;
    for (int d = 0; d < t->rank + (j >= 0); d++)
        whole.dim[whole.rank++] = j < 0      ? t->dim[d]
                                  : d < axis ? t->dim[d]
                                  : d > axis ? t->dim[d - 1]
                                             : p->length;
    if (j >= 0 && (e = read_slicing(n, skip ? NULL : "scan_output_axes",
                                    skip ? NULL : "scan_output_directions", j, &whole, skip, &axis,
                                    &p->out[j], why)) != OK)
        return e;
    return set_out(n, i, whole.type, whole.rank, whole.dim, why);
}

static enum err scan_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct body *b = attr_body(n, "body");
    struct scan_params *p = node_params(g, n, sizeof *p);
    const int64_t scans = attr_int(n, "num_scan_inputs", 0);
    const int skip = n->opset < 9;
    struct tensor *like;
    enum err e = OK;

    if (!b || scans < 1 || scans > b->first - skip)
        return err_say(why, ERR_FORMAT, "no body, or %lld sequences", (long long)scans);
    if (skip && in(n, 0))
        return err_say(why, ERR_UNSUPPORTED, "sequence_lens");
    like = region_take(&g->region, (size_t)(b->first + 1) * sizeof *like);
    if (!p || !like || !(p->in = region_take(&g->region, (size_t)b->first * sizeof *p->in + 1)) ||
        !(p->out = region_take(&g->region, (size_t)n->n_out * sizeof *p->out + 1)))
        return ERR_NOMEM;
    p->body = *b;
    p->first = skip;
    p->scans = (int)scans;
    p->state = b->first - skip - p->scans;
    if (n->n_out < p->state || onnx_body_outputs(b) != n->n_out)
        return err_say(why, ERR_FORMAT, "%d outputs, the body has %d", n->n_out,
                       onnx_body_outputs(b));
    if ((e = scan_inputs(n, p, like, skip, why)) != OK ||
        (e = make_inner(g, n, 0, b, like, p->state + p->scans, n->n_out, why)) != OK)
        return e;
    for (int i = 0; e == OK && i < p->state; i++)
        e = carried_fits(n->inner[0], i, i, why);
    for (int i = 0; e == OK && i < n->n_out; i++)
        e = scan_output(n, p, i, skip, why);
    n->work = times(times(inner_cost(n->inner[0]), p->length), p->batches);
    n->macs = times(times(inner_macs(n->inner[0]), p->length), p->batches);
    drop_constants(n, b);
    return e;
}

/* Slice t of a whole tensor's batch b, to or from a tensor of its own. */
static void move_slice(const struct slicing *s, char *whole, int64_t b, int64_t t, char *slice,
                       bool out)
{
    int64_t at = s->reversed ? s->count - 1 - t : t;

    for (int64_t i = 0; i < s->before; i++) {
        char *w = whole + (((b * s->before) + i) * s->count + at) * s->bytes;

        memcpy(out ? w : slice + i * s->bytes, out ? slice + i * s->bytes : w, (size_t)s->bytes);
    }
}

static enum err scan_batch(const struct node *n, const struct scan_params *p, int64_t b,
                           const struct run *r)
{
    struct graph *s = n->inner[0];
    enum err e;

    for (int i = 0; i < p->state; i++) {
        size_t bytes = tensor_bytes(&s->input[i]->t);

        memcpy(s->input[i]->t.data, (char *)in(n, p->first + i)->data + (size_t)b * bytes, bytes);
    }
    for (int64_t t = 0; t < p->length; t++) {
        for (int i = 0; i < p->scans; i++)
            move_slice(&p->in[i], in(n, p->first + p->state + i)->data, b, t,
                       s->input[p->state + i]->t.data, false);
        if ((e = run_inner(s, r)) != OK)
            return e;
        for (int i = 0; i < p->state; i++)
            set_input(s, i, &s->output[i]->t);
        for (int i = p->state; i < n->n_out; i++)
            if (out(n, i))
                move_slice(&p->out[i - p->state], out(n, i)->data, b, t, s->output[i]->t.data,
                           true);
    }
    for (int i = 0; i < p->state; i++) {
        size_t bytes = tensor_bytes(&s->input[i]->t);

        if (out(n, i))
            memcpy((char *)out(n, i)->data + (size_t)b * bytes, s->input[i]->t.data, bytes);
    }
    return OK;
}

static enum err scan_run(const struct node *n, const struct run *r)
{
    const struct scan_params *p = n->params;
    enum err e = OK;

    start_inner(n, n->inner[0], &p->body, r, p->state + p->scans);
    for (int64_t b = 0; e == OK && b < p->batches; b++)
        e = scan_batch(n, p, b, r);
    return e;
}

const struct op ops_control[] = {
    {"If", 1, ANY_COUNT, NODE_MAX_OUT, T_BOOL, 0, if_infer, if_run, NULL, 0},
    {"Loop", 0, ANY_COUNT, NODE_MAX_OUT, T_ANY, 0, loop_infer, loop_run, NULL, 0},
    {"Scan", 0, ANY_COUNT, NODE_MAX_OUT, T_ANY, 0, scan_infer, scan_run, NULL, 0},
    {NULL},
};
