/* QLinearConv as DequantizeLinear, Conv, QuantizeLinear: the other way to write the same network in 8
 * bits, which fuse_quant.c then runs on bytes from end to end. Before shapes are known, so only
 * what the initialisers show decides; what does not fit stays, with loops of its own (ops/conv8.c).
 * What only moves bytes about between such operators (MaxPool, nearest Resize, Concat) does the same
 * to the real numbers they stand for. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/quant.h"

/* Inputs of QLinearConv. */
enum { Q_X, Q_X_SCALE, Q_X_ZERO, Q_W, Q_W_SCALE, Q_W_ZERO, Q_Y_SCALE, Q_Y_ZERO, Q_BIAS };

struct spelling {
    struct graph *g;
    struct node **node; /* the list as it will be */
    int n, room;
};

/* A list of nodes with room for `more`. */
static bool make_room(struct spelling *s, int more)
{
    struct node **wider;

    if (s->n + more <= s->room)
        return true;
    s->room = 2 * (s->n + more);
    wider = region_take(&s->g->region, (size_t)s->room * sizeof *wider);
    if (wider && s->n)
        memcpy(wider, s->node, (size_t)s->n * sizeof *wider);
    s->node = wider;
    return wider != NULL;
}

/* ---- what is known ----------------------------------------------------------------------------- */
/* Input i, if it is a constant of one of these types with one or `several` elements. */
static const struct tensor *known(const struct node *n, int i, unsigned types, int64_t several)
{
    const struct tensor *t = i < n->n_in && n->in[i] && n->in[i]->constant ? &n->in[i]->t : NULL;

    if (!t || !(TYPE(t->type) & types) || t->rank > 1 ||
        (tensor_count(t) != 1 && tensor_count(t) != several))
        return NULL;
    return t;
}

/* Whether every byte comes back through a scale: it and its reciprocal are normal. */
static bool is_scale(const struct tensor *t)
{
    for (int64_t i = 0; t && i < tensor_count(t); i++) {
        float v = ((const float *)t->data)[i];

        if (!isnormal(v) || v < 0 || !isnormal(1.0f / v) || !isfinite(256.0f * v))
            return false;
    }
    return t != NULL;
}

static bool counts_from(const struct tensor *zero, int64_t from)
{
    for (int64_t i = 0; zero && i < tensor_count(zero); i++)
        if (number_int(zero, i) != from)
            return false;
    return zero != NULL;
}

/* Constants all, weights of four dimensions that are signed, or can be. */
static bool conv_fits(const struct node *n)
{
    const struct tensor *w = n->n_in > Q_W ? in(n, Q_W) : NULL;
    int64_t M;

    if (strcmp(n->type, "QLinearConv") != 0 || n->n_in <= Q_Y_ZERO || n->n_out != 1 || !n->out[0] ||
        !n->in[Q_X] || !w || !n->in[Q_W]->constant || w->rank != 4 || !(T_Q8 & TYPE(w->type)))
        return false;
    M = w->dim[0];
    return is_scale(known(n, Q_X_SCALE, T_F32, 1)) && is_scale(known(n, Q_W_SCALE, T_F32, M)) &&
           is_scale(known(n, Q_Y_SCALE, T_F32, 1)) && known(n, Q_X_ZERO, T_Q8, 1) &&
           known(n, Q_Y_ZERO, T_Q8, 1) &&
           counts_from(known(n, Q_W_ZERO, TYPE(w->type), M), w->type == DTYPE_U8 ? 128 : 0) &&
           (!in(n, Q_BIAS) ||
            (known(n, Q_BIAS, TYPE(DTYPE_I32), M) && tensor_count(in(n, Q_BIAS)) == M));
}

/* ---- nodes and constants ----------------------------------------------------------------------- */
/* A QuantizeLinear or DequantizeLinear of x with the given steps (zero may be NULL), made into a value
 * of that name. NULL: no memory. */
static struct node *steps_node(struct spelling *s, const char *type, const struct node *like,
                               struct value *const in[3], struct value *to)
{
    struct node *n = region_take(&s->g->region, sizeof *n);
    struct value **ends = region_take(&s->g->region, 4 * sizeof *ends);

    if (!n || !ends || !to || !in[0] || !make_room(s, 1))
        return NULL;
    *n = (struct node){.op = op_find(type),
                       .name = like->name,
                       .type = type,
                       .opset = like->opset,
                       .n_in = 3,
                       .n_out = 1,
                       .in = ends,
                       .out = ends + 3};
    for (int i = 0; i < 3; i++)
        node_rewire(n, i, in[i]);
    n->out[0] = to;
    to->from = n;
    s->node[s->n++] = n;
    return n;
}

/* Real numbers in the place of input i. */
static bool dequantized(struct spelling *s, struct node *n, int i, struct value *scale,
                        struct value *zero)
{
    struct value *x = n->in[i], *to = graph_value(s->g, x->t.name);

    if (!steps_node(s, "DequantizeLinear", n, (struct value *[]){x, scale, zero}, to))
        return false;
    node_rewire(n, i, to);
    return true;
}

/* n makes real numbers, and a QuantizeLinear behind it what n made. Appends both. */
static bool quantized(struct spelling *s, struct node *n, struct value *scale, struct value *zero)
{
    struct value *y = n->out[0], *real = graph_value(s->g, y->t.name);

    if (!real || !make_room(s, 1))
        return false;
    s->node[s->n++] = n;
    n->out[0] = real;
    real->from = n;
    return steps_node(s, "QuantizeLinear", n, (struct value *[]){real, scale, zero}, y) != NULL;
}

/* ---- convolutions ------------------------------------------------------------------------------ */
/* Weights that count from 128, counting from 0. */
static struct value *signed_weights(struct graph *g, struct value *w)
{
    struct value *to = w;

    if (w->t.type == DTYPE_I8)
        return w;
    to = graph_constant(g, w->t.name, DTYPE_I8, w->t.rank, w->t.dim);
    for (int64_t i = 0; to && i < tensor_count(&w->t); i++)
        ((int8_t *)to->t.data)[i] = (int8_t)(((const uint8_t *)w->t.data)[i] - 128);
    return to;
}

/* The bias counts in products of both scales. */
static struct value *real_bias(struct graph *g, const struct node *n)
{
    const struct tensor *b = in(n, Q_BIAS), *ws = in(n, Q_W_SCALE);
    float scale = *(const float *)in(n, Q_X_SCALE)->data;
    struct value *to = graph_constant(g, b->name, DTYPE_F32, 1, &in(n, Q_W)->dim[0]);

    for (int64_t m = 0; to && m < tensor_count(b); m++)
        ((float *)to->t.data)[m] =
            (float)((const int32_t *)b->data)[m] *
            (scale * ((const float *)ws->data)[tensor_count(ws) == 1 ? 0 : m]);
    return to;
}

/* Scales of weights go along their first dimension. */
static bool weights_dequantized(struct spelling *s, struct node *n, struct value *w)
{
    struct value *scale = n->in[Q_W_SCALE], *to = graph_value(s->g, w->t.name);
    struct attr *axis = region_take(&s->g->region, sizeof *axis);
    struct node *by = steps_node(s, "DequantizeLinear", n, (struct value *[]){w, scale, NULL}, to);

    if (!by || !axis)
        return false;
    *axis = (struct attr){.name = "axis", .kind = ATTR_INT};
    by->attr = axis;
    by->n_attr = 1;
    node_rewire(n, Q_W, to);
    return true;
}

static bool spell_conv(struct spelling *s, struct node *n)
{
    struct value *w = signed_weights(s->g, n->in[Q_W]);
    struct value *bias = in(n, Q_BIAS) ? real_bias(s->g, n) : NULL;

    if (!w || (in(n, Q_BIAS) && !bias) ||
        !dequantized(s, n, Q_X, n->in[Q_X_SCALE], n->in[Q_X_ZERO]) ||
        !weights_dequantized(s, n, w) || !quantized(s, n, n->in[Q_Y_SCALE], n->in[Q_Y_ZERO]))
        return false;
    node_rewire(n, 1, n->in[Q_W]);
    node_rewire(n, 2, bias);
    for (int i = 3; i < n->n_in; i++)
        node_rewire(n, i, NULL);
    n->n_in = 3;
    n->type = "Conv";
    n->op = op_find(n->type);
    return true;
}

/* ---- what moves bytes -------------------------------------------------------------------------- */
/* The QuantizeLinear that makes input i, with steps that are known; NULL: there is none. */
static const struct node *maker(const struct node *n, int i)
{
    const struct node *q = i < n->n_in && n->in[i] ? n->in[i]->from : NULL;

    if (!q || strcmp(q->type, "QuantizeLinear") != 0 || !is_scale(known(q, 1, T_F32, 1)) ||
        (in(q, 2) && !known(q, 2, T_Q8, 1)))
        return NULL;
    return q;
}

static bool same_steps(const struct node *a, const struct node *b)
{
    return *(const float *)in(a, 1)->data == *(const float *)in(b, 1)->data &&
           (in(a, 2) ? number_int(in(a, 2), 0) : 0) == (in(b, 2) ? number_int(in(b, 2), 0) : 0);
}

/* How many of its inputs n reads bytes from that all count alike, and only moves; 0: none. */
static int moved(struct node *n)
{
    bool concat = !strcmp(n->type, "Concat");
    const struct node *first = n->n_in ? maker(n, 0) : NULL;

    if (!first || n->n_out != 1 || !n->out[0])
        return 0;
    if (!strcmp(n->type, "MaxPool") ||
        (!strcmp(n->type, "Resize") && !strcmp(attr_string(n, "mode", "nearest"), "nearest")))
        return 1;
    for (int i = 1; concat && i < n->n_in; i++)
        if (!maker(n, i) || !same_steps(first, maker(n, i)))
            return 0;
    return concat ? n->n_in : 0;
}

static bool spell_move(struct spelling *s, struct node *n, int inputs)
{
    const struct node *q = maker(n, 0);

    for (int i = 0; i < inputs; i++)
        if (!dequantized(s, n, i, q->in[1], q->in[2]))
            return false;
    return quantized(s, n, q->in[1], q->in[2]);
}

static bool is_spelt(const struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (conv_fits(g->node[i]))
            return false;
    return true;
}

enum err graph_spell_out(struct graph *g, struct why *why)
{
    struct spelling s = {.g = g};

    if (is_spelt(g))
        return OK;
    for (int i = 0; i < g->n_nodes; i++) {
        struct node *n = g->node[i];
        int inputs = moved(n);
        bool fine;

        if (conv_fits(n))
            fine = spell_conv(&s, n);
        else if (inputs)
            fine = spell_move(&s, n, inputs);
        else if ((fine = make_room(&s, 1)))
            s.node[s.n++] = n;
        if (!fine)
            return err_prefix(why, graph_no_memory(g, why), "node '%.80s' (%.40s): ", n->name,
                              n->type);
    }
    g->node = s.node;
    g->n_nodes = s.n;
    g->room = s.room;
    return OK;
}
