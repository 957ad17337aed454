#include "perception/nn/quantise/place.h"

#include <string.h>

/* A product of K x N weights makes N numbers of K: with fewer multiplications than this for each
 * number that has to be quantised or brought back, integers gain nothing. */
enum { PRODUCT_WORTH = 32 };

static const struct {
    const char *type;
    enum node_kind kind;
    bool all_data; /* every input carries data; otherwise the first */
} kinds[] = {
    {"Conv", KIND_LAYER, false},        {"ConvTranspose", KIND_LAYER, false},
    {"Gemm", KIND_LAYER, false},        {"MatMul", KIND_LAYER, true},
    {"MaxPool", KIND_SAME, false},      {"AveragePool", KIND_SAME, false},
    {"Resize", KIND_SAME, false},       {"Concat", KIND_SAME, true},
    {"Reshape", KIND_SAME, false},      {"Flatten", KIND_SAME, false},
    {"Squeeze", KIND_SAME, false},      {"Unsqueeze", KIND_SAME, false},
    {"Transpose", KIND_SAME, false},    {"Slice", KIND_SAME, false},
    {"Split", KIND_SAME, false},        {"Gather", KIND_SAME, false},
    {"Pad", KIND_SAME, false},          {"DepthToSpace", KIND_SAME, false},
    {"SpaceToDepth", KIND_SAME, false}, {"Identity", KIND_SAME, false},
    {"Add", KIND_MATH, true},           {"Sub", KIND_MATH, true},
    {"Mul", KIND_MATH, true},           {"GlobalAveragePool", KIND_MATH, false},
    {"Relu", KIND_MATH, false},         {"LeakyRelu", KIND_MATH, false},
    {"PRelu", KIND_MATH, false},        {"Clip", KIND_MATH, false},
    {"Sigmoid", KIND_MATH, false},      {"HardSigmoid", KIND_MATH, false},
    {"HardSwish", KIND_MATH, false},    {"Tanh", KIND_MATH, false},
    {"Elu", KIND_MATH, false},          {"BatchNormalization", KIND_MATH, false},
};

static int kind_row(const struct qnode *n)
{
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++)
        if (qnode_is(n, kinds[i].type))
            return i;
    return -1;
}

bool place_is_data(const struct qmodel *m, const struct qnode *n, int i)
{
    int row = kind_row(n);

    if (i >= n->n_in || n->in[i] < 0 || m->value[n->in[i]].constant)
        return false;
    return i == 0 || (row >= 0 && kinds[row].all_data);
}

/* ---- layers -------------------------------------------------------------------------------- */
static bool product_shape(const struct qnode *n, const Onnx__TensorProto *w, struct weight_shape *s)
{
    int64_t K, N;

    if (w->n_dims != 2)
        return false;
    s->axis = qnode_is(n, "Gemm") && qattr_int(n->p, "transB", 0) ? 0 : 1;
    N = w->dims[s->axis];
    K = w->dims[1 - s->axis];
    if (qnode_is(n, "Gemm") &&
        (qattr_int(n->p, "transA", 0) || qattr_float(n->p, "alpha", 1.0f) != 1.0f ||
         qattr_float(n->p, "beta", 1.0f) != 1.0f))
        return false;
    return K * N >= PRODUCT_WORTH * (K + N);
}

bool layer_weights(const struct qmodel *m, const struct qnode *n, struct weight_shape *s)
{
    const Onnx__TensorProto *w = qnode_constant(m, n, 1);
    int row = kind_row(n);

    *s = (struct weight_shape){.before = 1, .after = 1};
    if (row < 0 || kinds[row].kind != KIND_LAYER || !w || !qtensor_floats(w) || n->in[0] < 0 ||
        m->value[n->in[0]].constant || qtensor_count(w) == 0)
        return false;
    if (qnode_is(n, "Conv"))
        s->axis = 0;
    else if (qnode_is(n, "ConvTranspose"))
        s->axis = 1;
    else if (!product_shape(n, w, s))
        return false;
    s->channels = w->dims[s->axis];
    for (int d = 0; d < (int)w->n_dims; d++)
        *(d < s->axis ? &s->before : &s->after) *= d == s->axis ? 1 : w->dims[d];
    return true;
}

/* ---- what belongs together ----------------------------------------------------------------- */
static bool one_constant(const struct qmodel *m, const struct qnode *n)
{
    return n->n_in == 2 && (qnode_constant(m, n, 0) || qnode_constant(m, n, 1));
}

/* Computed from one number at a time, with a constant per channel at most. */
static bool is_activation(const struct qmodel *m, const struct qnode *n)
{
    if (qnode_is(n, "Add") || qnode_is(n, "Sub") || qnode_is(n, "Mul"))
        return one_constant(m, n);
    return !qnode_is(n, "GlobalAveragePool");
}

/* v sigmoid(v): the two readers of v are the gate and the product. */
static bool is_gated(const struct place *p, const struct qmodel *m, const struct qvalue *v)
{
    for (int i = 0; v->n_readers == 2 && i < 2; i++) {
        const struct qnode *gate = &m->node[v->reader[i]], *mul = &m->node[v->reader[1 - i]];

        if ((qnode_is(gate, "Sigmoid") || qnode_is(gate, "HardSigmoid")) && qnode_is(mul, "Mul") &&
            p->kind[v->reader[1 - i]] == KIND_MATH && m->value[gate->out[0]].n_readers == 1 &&
            m->value[gate->out[0]].reader[0] == v->reader[1 - i])
            return true;
    }
    return false;
}

static void find_inner(struct place *p, const struct qmodel *m)
{
    for (int i = 0; i < m->n_values; i++) {
        const struct qvalue *v = &m->value[i];
        const struct qnode *maker = v->maker >= 0 ? &m->node[v->maker] : NULL;

        if (!maker || v->output || v->n_readers == 0)
            continue;
        if (p->kind[v->maker] != KIND_LAYER && !qnode_is(maker, "Add") && !qnode_is(maker, "Sub") &&
            !qnode_is(maker, "Mul") && !qnode_is(maker, "BatchNormalization"))
            continue;
        if (v->n_readers == 1)
            p->inner[i] =
                p->kind[v->reader[0]] == KIND_MATH && is_activation(m, &m->node[v->reader[0]]);
        else if (is_gated(p, m, v)) {
            p->inner[i] = true;
            for (int j = 0; j < 2; j++) /* and what the gate makes */
                if (!qnode_is(&m->node[v->reader[j]], "Mul"))
                    p->inner[m->node[v->reader[j]].out[0]] = true;
        }
    }
}

/* In the order of the nodes. raw: the network's input, moved at most; arithmetic on it stays
 * float, as it would round a second time what is rounded only once later. */
static void find_derived(struct place *p, const struct qmodel *m, bool *raw)
{
    for (int i = 0; i < m->n_values; i++)
        raw[i] = p->derived[i] = m->value[i].input;
    for (int i = 0; i < m->n_nodes; i++) {
        const struct qnode *n = &m->node[i];
        bool all = p->kind[i] != KIND_FLOAT, all_raw = p->kind[i] == KIND_SAME, any = false;

        for (int j = 0; j < n->n_in && p->kind[i] != KIND_LAYER; j++)
            if (place_is_data(m, n, j)) {
                all = all && p->derived[n->in[j]];
                all_raw = all_raw && raw[n->in[j]];
                if (p->kind[i] == KIND_MATH && raw[n->in[j]])
                    all = false;
                any = true;
            }
        if (p->kind[i] != KIND_LAYER && !any)
            all = false;
        if (p->kind[i] != KIND_LAYER && !all)
            p->kind[i] = KIND_FLOAT;
        for (int j = 0; j < n->n_out; j++)
            if (n->out[j] >= 0) {
                p->derived[n->out[j]] = all;
                raw[n->out[j]] = all && all_raw;
            }
    }
}

/* Constants where the operator has them on integers too. */
static bool moves_plainly(const struct qmodel *m, const struct qnode *n)
{
    const Onnx__AttributeProto *mode = qattr(n->p, "mode");

    if (qnode_is(n, "Resize") && mode && mode->s.len == 5 && !memcmp(mode->s.data, "cubic", 5))
        return false; /* overshoots the range of its input */
    if (qnode_is(n, "Pad") && n->n_in > 2 && n->in[2] >= 0) {
        const Onnx__TensorProto *v = qnode_constant(m, n, 2);

        return v && qtensor_floats(v) && qtensor_count(v) == 1 && qtensor_floats(v)[0] == 0.0f;
    }
    for (int i = 0; i < n->n_in; i++) /* Concat: none of them constant */
        if (qnode_is(n, "Concat") && (n->in[i] < 0 || m->value[n->in[i]].constant))
            return false;
    return true;
}

enum err place_init(struct place *p, struct qmodel *m)
{
    struct region *r = &m->region;
    size_t nodes = (size_t)m->n_nodes + 1, values = (size_t)m->n_values + 1;
    bool *raw = region_take(r, values);

    *p = (struct place){.n_nodes = m->n_nodes, .n_values = m->n_values};
    p->kind = region_take(r, nodes * sizeof *p->kind);
    p->derived = region_take(r, values);
    p->inner = region_take(r, values);
    p->integer = region_take(r, nodes);
    p->eight = region_take(r, values);
    if (!raw || !p->kind || !p->derived || !p->inner || !p->integer || !p->eight)
        return ERR_NOMEM;
    for (int i = 0; i < m->n_nodes; i++) {
        int row = kind_row(&m->node[i]);
        struct weight_shape s;

        p->kind[i] = row < 0 ? KIND_FLOAT : kinds[row].kind;
        if (p->kind[i] == KIND_LAYER && !layer_weights(m, &m->node[i], &s))
            p->kind[i] = KIND_FLOAT;
        if (p->kind[i] == KIND_SAME && !moves_plainly(m, &m->node[i]))
            p->kind[i] = KIND_FLOAT;
    }
    find_derived(p, m, raw);
    find_inner(p, m);
    return OK;
}

/* ---- a choice ------------------------------------------------------------------------------ */
/* Does an integer node read v as data? */
static bool leads_on(const struct place *p, const struct qmodel *m, int v)
{
    for (int i = 0; i < m->value[v].n_readers; i++) {
        int reader = m->value[v].reader[i];
        const struct qnode *n = &m->node[reader];

        for (int j = 0; p->integer[reader] && j < n->n_in; j++)
            if (n->in[j] == v && place_is_data(m, n, j))
                return true;
    }
    return false;
}

void place_choose(struct place *p, const struct qmodel *m, const bool *layer)
{
    for (int i = m->n_nodes - 1; i >= 0; i--) {
        const struct qnode *n = &m->node[i];

        p->integer[i] = p->kind[i] == KIND_LAYER && layer[i];
        for (int j = 0; j < n->n_out; j++)
            if (p->kind[i] > KIND_LAYER && n->out[j] >= 0 && leads_on(p, m, n->out[j]))
                p->integer[i] = true;
    }
    for (int v = 0; v < m->n_values; v++)
        p->eight[v] = !m->value[v].constant && !p->inner[v] && leads_on(p, m, v);
}
