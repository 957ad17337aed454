/* Fewer passes over memory: what follows a convolution per channel (batch norm, a constant factor
 * or addend) goes into its weights, activations and residuals into the way out of it. The node that
 * stays takes over the output of the one that goes, so no reader notices. */
#include <malloc.h>
#include <math.h>
#include <string.h>

#include "perception/nn/fuse.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/number.h"

struct node *sole_maker(const struct node *n, int i)
{
    const struct value *v = i < n->n_in ? n->in[i] : NULL;

    return v && v->from && v->uses == 1 && !v->output ? v->from : NULL;
}

void absorb(struct node *by, struct node *gone)
{
    by->out[0] = gone->out[0];
    by->out[0]->from = by;
    gone->out = NULL; /* it makes nothing any more */
    gone->n_out = 0;
    gone->done = true;
    for (int i = 0; i < gone->n_in; i++)
        if (gone->in[i])
            node_rewire(gone, i, NULL);
}

static bool is_any_conv(const struct node *n)
{
    return n && (is_conv(n) || is_conv_transpose(n));
}

/* Nothing is done to the sums yet. */
static bool is_bare(const struct node *n)
{
    const struct epilogue *e = n->params;

    return e->act == ACT_NONE && !(is_any_conv(n) && n->in[CONV_ADD]);
}

/* ---- per channel: v scale + shift ---------------------------------------------------------- */
struct affine {
    const struct tensor *scale, *shift, *mean, *var; /* each may be missing */
    double epsilon;
};

static double affine_scale(const struct affine *a, int64_t c)
{
    double s = a->scale ? number_float(a->scale, tensor_count(a->scale) == 1 ? 0 : c) : 1.0;

    return a->var ? s / sqrt(number_float(a->var, c) + a->epsilon) : s;
}

static double affine_shift(const struct affine *a, int64_t c)
{
    double b = a->shift ? number_float(a->shift, tensor_count(a->shift) == 1 ? 0 : c) : 0.0;

    return a->mean ? b - number_float(a->mean, c) * affine_scale(a, c) : b;
}

/* A constant with one number per channel of x, or one for all. */
static bool is_per_channel(const struct value *v, const struct tensor *x)
{
    if (!v || !v->constant || v->t.type != DTYPE_F32 || v->t.rank > x->rank)
        return false;
    if (tensor_count(&v->t) == 1)
        return true;
    return v->t.rank >= x->rank - 1 && v->t.dim[v->t.rank - (x->rank - 1)] == x->dim[1] &&
           tensor_count(&v->t) == x->dim[1];
}

static bool affine_of(const struct node *n, int other, struct affine *a)
{
    const struct value *c = other < n->n_in ? n->in[other] : NULL;

    *a = (struct affine){0};
    if (is_batch_norm(n)) {
        for (int i = NORM_SCALE; i <= NORM_VAR; i++)
            if (!n->in[i]->constant)
                return false;
        *a = (struct affine){in(n, NORM_SCALE), in(n, NORM_BIAS), in(n, NORM_MEAN), in(n, NORM_VAR),
                             (double)((const struct norm_params *)n->params)->epsilon};
        return is_bare(n);
    }
    if (!out(n, 0) || !is_per_channel(c, out(n, 0)))
        return false;
    if (!strcmp(n->type, "Mul"))
        a->scale = &c->t;
    else if (!strcmp(n->type, "Add"))
        a->shift = &c->t;
    else
        return false;
    return true;
}

static enum err scale_weights(struct graph *g, struct node *conv, const struct affine *a)
{
    const struct tensor *w = in(conv, CONV_W);
    const struct conv_params *p = conv->params;
    struct value *to = graph_constant(g, w->name, DTYPE_F32, w->rank, w->dim);
    int64_t taps = dims_product(w->dim, 2, w->rank), per_group = p->M / p->groups;
    float *y;

    if (!to)
        return ERR_NOMEM;
    y = to->t.data;
    for (int64_t i = 0; i < tensor_count(w); i++) {
        int64_t row = i / taps / w->dim[1], col = i / taps % w->dim[1];
        int64_t m = is_conv(conv) ? row /* (M, C / groups), or (C, M / groups) */
                                  : row / (w->dim[0] / p->groups) * per_group + col;

        y[i] = (float)((double)((const float *)w->data)[i] * affine_scale(a, m));
    }
    node_rewire(conv, CONV_W, to);
    return OK;
}

static enum err scale_bias(struct graph *g, struct node *conv, const struct affine *a)
{
    const struct tensor *b = in(conv, CONV_BIAS);
    int64_t M = ((const struct conv_params *)conv->params)->M;
    struct value *to = graph_constant(g, b ? b->name : in(conv, CONV_W)->name, DTYPE_F32, 1, &M);

    if (!to)
        return ERR_NOMEM;
    for (int64_t m = 0; m < M; m++) {
        double old = b ? (double)((const float *)b->data)[m] : 0.0;

        ((float *)to->t.data)[m] = (float)(old * affine_scale(a, m) + affine_shift(a, m));
    }
    node_rewire(conv, CONV_BIAS, to);
    return OK;
}

static enum err fuse_affine(struct graph *g, struct node *n)
{
    struct affine a;
    enum err e;

    for (int i = 0; i < 2; i++) {
        struct node *conv = sole_maker(n, i);

        if (!is_any_conv(conv) || !is_bare(conv) || !conv->in[CONV_W]->constant ||
            (conv->in[CONV_BIAS] && !conv->in[CONV_BIAS]->constant) || !affine_of(n, 1 - i, &a) ||
            (is_batch_norm(n) && i != 0))
            continue;
        if (tensor_count(out(n, 0)) != tensor_count(out(conv, 0)) ||
            out(n, 0)->rank != out(conv, 0)->rank)
            continue; /* the constant is the larger one */
        if (((a.scale || a.var) && (e = scale_weights(g, conv, &a)) != OK) ||
            (e = scale_bias(g, conv, &a)) != OK)
            return e;
        absorb(conv, n);
        return OK;
    }
    return OK;
}

/* ---- activations --------------------------------------------------------------------------- */
/* PRelu with a slope per channel, as one more input. */
static bool fuse_prelu(struct node *by, struct node *n, int slope_input)
{
    struct epilogue *e = by->params;
    struct value *slope = n->in[1];

    if (!is_per_channel(slope, out(n, 0)))
        return false; /* before opset 7 the slope has one dimension, and stays as it is */
    e->act = ACT_LEAKY;
    if (tensor_count(&slope->t) == 1)
        e->a = *(const float *)slope->t.data;
    else
        node_rewire(by, slope_input, slope);
    absorb(by, n);
    return true;
}

static void fuse_activation(struct node *n)
{
    struct node *by = sole_maker(n, 0);
    struct epilogue *e = by ? by->params : NULL, act = {0};

    if (!by || !(is_any_conv(by) || is_batch_norm(by)) || e->act != ACT_NONE || e->add_after)
        return;
    if (!strcmp(n->type, "PRelu")) {
        fuse_prelu(by, n, is_batch_norm(by) ? (int)NORM_SLOPE : (int)CONV_SLOPE);
        return;
    }
    if (!unary_activation(n, &act) && !clip_activation(n, &act))
        return;
    e->act = act.act;
    e->a = act.a;
    e->b = act.b;
    absorb(by, n);
}

/* v sigmoid(v), or v hardsigmoid(v) with the parameters of HardSwish, as exporters spell them. */
static void fuse_silu(struct node *mul)
{
    for (int i = 0; i < 2 && !strcmp(mul->type, "Mul"); i++) {
        struct node *gate = sole_maker(mul, 1 - i), *by = mul->in[i] ? mul->in[i]->from : NULL;
        struct epilogue *e = by ? by->params : NULL, act = {0};

        if (!by || !gate || !(is_any_conv(by) || is_batch_norm(by)) || e->act != ACT_NONE ||
            e->add_after || gate->n_in < 1 || gate->in[0] != mul->in[i] || mul->in[i]->uses != 2 ||
            mul->in[i]->output || !unary_activation(gate, &act))
            continue;
        if (act.act == ACT_SIGMOID)
            e->act = ACT_SILU;
        else if (act.act == ACT_HARDSIGMOID && fabsf(act.a - 1.0f / 6) < 1e-6f && act.b == 0.5f)
            e->act = ACT_HARDSWISH;
        else
            continue;
        absorb(by, mul);
        gate->done = true; /* nobody reads it: the sweep takes it */
        return;
    }
}

/* ---- residuals: the other addend becomes one more input ------------------------------------ */
bool is_there_before(const struct graph *g, const struct value *v, const struct node *n, int at)
{
    while (at > 0 && g->node[at] != n && g->node[at] != v->from)
        at--;
    return !v->from || g->node[at] != v->from;
}

/* at: place of the node in the graph, so that the addend is there in time. */
static void fuse_residual(struct node *add, const struct graph *g, int at)
{
    for (int i = 0; i < 2 && !strcmp(add->type, "Add"); i++) {
        struct node *by = sole_maker(add, i);
        struct value *other = add->in[1 - i];
        struct epilogue *e = by ? by->params : NULL;

        if (!is_any_conv(by) || by->in[CONV_ADD] || other == add->in[i] ||
            other->t.type != DTYPE_F32 || other->t.rank != out(by, 0)->rank ||
            memcmp(other->t.dim, out(by, 0)->dim, sizeof other->t.dim) != 0 ||
            !is_there_before(g, other, by, at))
            continue;
        e->add_after = e->act != ACT_NONE;
        node_rewire(by, CONV_ADD, other);
        absorb(by, add);
        return;
    }
}

/* ---- copies that nobody needs: exporters leave them, and so do inlined branches ------------- */
static bool is_identity(const struct node *n)
{
    return n && !n->done && !strcmp(n->type, "Identity");
}

static void skip_identity(struct node *n)
{
    for (int i = 0; i < n->n_in; i++)
        while (n->in[i] && is_identity(n->in[i]->from))
            node_rewire(n, i, n->in[i]->from->in[0]);
    if (is_identity(n) && sole_maker(n, 0) && n->in[0]->from->out[0] == n->in[0])
        absorb(n->in[0]->from, n);
}

/* ---- repeats that the reader would make by itself ------------------------------------------ */
static bool broadcasts(const struct node *n)
{
    return n->op->infer == ops_binary[0].infer; /* that of all with two inputs */
}

static void skip_expand(struct node *n)
{
    for (int i = 0; i < 2 && n->n_in == 2 && broadcasts(n); i++) {
        struct node *expand = sole_maker(n, i);
        const struct tensor *other = in(n, 1 - i), *y = out(n, 0);

        if (expand && y && !strcmp(expand->type, "Expand") && other->rank == y->rank &&
            !memcmp(other->dim, y->dim, sizeof y->dim))
            node_rewire(n, i, expand->in[0]);
    }
}

/* ---- transposes that a product reads through ----------------------------------------------- */
static void skip_transpose(struct node *n)
{
    for (int i = 0; i < 2 && is_matmul(n); i++) {
        struct node *transpose = sole_maker(n, i);

        if (transpose && is_matrix_transpose(transpose)) {
            matmul_turn(n, i);
            node_rewire(n, i, transpose->in[0]);
        }
    }
}

enum err graph_fuse(struct graph *g, struct why *why)
{
    for (int i = 0; i < g->n_nodes; i++)
        skip_identity(g->node[i]);
    graph_sweep(g);
    if (fuse_norms(g) != OK || fuse_gelus(g) != OK)
        return graph_no_memory(g, why);
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        skip_expand(n);
        skip_transpose(n);
        if (fuse_affine(g, n) != OK)
            return err_prefix(why, graph_no_memory(g, why), "node '%.80s' (%.40s): ", n->name,
                              n->type);
        if (!n->done)
            fuse_activation(n);
        if (!n->done)
            fuse_silu(n);
        if (!n->done)
            fuse_residual(n, g, i);
    }
    graph_sweep(g); /* what was skipped no longer reads anything */
    fuse_pads(g);
    if (fuse_attention(g) != OK || fuse_products(g) != OK || fuse_shuffles(g) != OK ||
        fuse_focus(g) != OK)
        return err_say(why, ERR_NOMEM, "out of memory");
    graph_sweep(g);
    return OK;
}

enum err graph_prepare(struct graph *g, struct why *why)
{
    enum err e;

    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];

        e = n->op->prepare ? n->op->prepare(g, n, why) : OK;
        if (e == OK && n->packed) /* the allocator knows, so no operator can forget to say */
            e = graph_hold(g, malloc_usable_size(n->packed));
        if (e == ERR_NOMEM)
            e = graph_no_memory(g, why);
        if (e != OK)
            return err_prefix(why, e, "node '%.80s' (%.40s): ", n->name, n->type);
        if (n->packed) /* the weights live on in the packing */
            node_rewire(n, CONV_W, NULL);
    }
    return OK;
}
