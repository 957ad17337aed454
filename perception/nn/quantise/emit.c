#include "perception/nn/quantise/emit.h"

#include <stdlib.h>
#include <string.h>

struct emitter {
    struct region region; /* of what exists only in this file */
    const struct qmodel *m;
    const struct place *p;
    const struct groups *s;
    struct layer *const *layer_of;
    Onnx__NodeProto **node;
    Onnx__TensorProto **tensor;
    size_t n_nodes, n_tensors;
    char **eight_name; /* (n_values) what integer nodes read in place of a value */
    bool *group_there; /* (groups) its tensors are in the file */
    int *reads;        /* (n_values) readers that are left */
};

static enum err emitter_init(struct emitter *x)
{
    struct region *r = &x->region;
    size_t values = (size_t)x->m->n_values + 1, nodes = (size_t)x->m->n_nodes + 1;

    x->node = region_take(r, (3 * nodes + 2 * values) * sizeof(Onnx__NodeProto *));
    x->tensor = region_take(r, (x->m->g->n_initializer + 2 * values + 6 * nodes) *
                                   sizeof(Onnx__TensorProto *));
    x->eight_name = region_take(r, values * sizeof(char *));
    x->group_there = region_take(r, values);
    x->reads = region_take(r, values * sizeof *x->reads);
    if (!x->node || !x->tensor || !x->eight_name || !x->group_there || !x->reads)
        return ERR_NOMEM;
    for (int v = 0; v < x->m->n_values; v++)
        x->reads[v] = x->m->value[v].n_readers;
    return OK;
}

/* A node of that type from three inputs. Returns the name of its output; NULL: no memory. */
static char *emit_linear(struct emitter *x, const char *type, const char *suffix, const char *like,
                         const char *const in[3])
{
    struct region *r = &x->region;
    Onnx__NodeProto *n = qnode_new(r, type, qname(r, "%s_%s", like, type), 3, 1);

    if (!n || !n->name || !(n->output[0] = qname(r, "%s_%s", like, suffix)))
        return NULL;
    for (int i = 0; i < 3; i++)
        n->input[i] = (char *)in[i];
    x->node[x->n_nodes++] = n;
    return n->output[0];
}

/* Behind the maker of value v. */
static enum err emit_eight(struct emitter *x, int v)
{
    const char *name = x->m->value[v].name, *q;
    int at = x->s->of[v];
    const struct group *g = &x->s->group[at];

    if (!x->group_there[at]) {
        x->tensor[x->n_tensors++] = g->scale;
        x->tensor[x->n_tensors++] = g->zero;
        x->group_there[at] = true;
    }
    q = emit_linear(x, "QuantizeLinear", "quantized", name,
                    (const char *[]){name, g->scale->name, g->zero->name});
    if (!q)
        return ERR_NOMEM;
    x->eight_name[v] = emit_linear(x, "DequantizeLinear", "dequantized", name,
                                   (const char *[]){q, g->scale->name, g->zero->name});
    return x->eight_name[v] ? OK : ERR_NOMEM;
}

/* A constant in integers, brought back by a node of its own, as input i of n. */
static enum err emit_constant(struct emitter *x, Onnx__NodeProto *n, size_t i,
                              Onnx__TensorProto *const t[3], int axis)
{
    char *name = emit_linear(x, "DequantizeLinear", "dequantized", t[0]->name,
                             (const char *[]){t[0]->name, t[1]->name, t[2]->name});

    for (int k = 0; k < 3; k++)
        x->tensor[x->n_tensors++] = t[k];
    if (!name || qattr_set_int(&x->region, x->node[x->n_nodes - 1], "axis", axis) != OK)
        return ERR_NOMEM;
    return qnode_set_input(&x->region, n, i, name);
}

static enum err emit_weights(struct emitter *x, const struct qnode *n, const struct layer *l,
                             Onnx__NodeProto *copy)
{
    Onnx__TensorProto *weights[] = {l->weights, l->scale, l->zero},
                      *bias[] = {l->bias, l->bias_scale, l->bias_zero};
    enum err e = emit_constant(x, copy, 1, weights, l->shape.axis);

    x->reads[n->in[1]]--;
    if (e != OK || !l->bias)
        return e;
    if (n->n_in > 2 && n->in[2] >= 0)
        x->reads[n->in[2]]--;
    return emit_constant(x, copy, 2, bias, 0);
}

/* Integer nodes read the 8 bit form. Others do so where there is no other: its maker is integer. */
static bool reads_eight(const struct emitter *x, int node, int v)
{
    int maker = x->m->value[v].maker;

    return x->eight_name[v] && (x->p->integer[node] || (maker >= 0 && x->p->integer[maker]));
}

static enum err emit_node(struct emitter *x, int i)
{
    const struct qnode *n = &x->m->node[i];
    Onnx__NodeProto *copy = region_take(&x->region, sizeof *copy);
    enum err e = OK;

    if (!copy)
        return ERR_NOMEM;
    *copy = *n->p;
    copy->input = region_take(&x->region, (copy->n_input + 1) * sizeof *copy->input);
    if (!copy->input)
        return ERR_NOMEM;
    for (int j = 0; j < n->n_in; j++)
        copy->input[j] =
            n->in[j] >= 0 && reads_eight(x, i, n->in[j]) ? x->eight_name[n->in[j]] : n->p->input[j];
    if (x->layer_of[i] && x->p->integer[i])
        e = emit_weights(x, n, x->layer_of[i], copy);
    x->node[x->n_nodes++] = copy;
    for (int j = 0; e == OK && j < n->n_out; j++)
        if (n->out[j] >= 0 && x->p->eight[n->out[j]])
            e = emit_eight(x, n->out[j]);
    return e;
}

static enum err emit_graph(struct emitter *x)
{
    const struct qmodel *m = x->m;
    enum err e = OK;

    for (int v = 0; e == OK && v < m->n_values; v++)
        if (m->value[v].input && x->p->eight[v])
            e = emit_eight(x, v);
    for (int i = 0; e == OK && i < m->n_nodes; i++)
        e = emit_node(x, i);
    for (size_t i = 0; e == OK && i < m->g->n_initializer; i++) {
        int v = qmodel_find(m, m->g->initializer[i]->name);

        if (x->reads[v] > 0 || m->value[v].output)
            x->tensor[x->n_tensors++] = m->g->initializer[i];
    }
    return e;
}

enum err quantised_pack(const struct qmodel *m, const struct place *p, const struct groups *s,
                        struct layer *const *layer_of, unsigned char **bytes, size_t *n)
{
    struct emitter x = {.m = m, .p = p, .s = s, .layer_of = layer_of};
    struct qmodel written = *m;
    Onnx__GraphProto g = *m->g;
    enum err e = emitter_init(&x);

    if (e == OK)
        e = emit_graph(&x);
    g.node = x.node;
    g.n_node = x.n_nodes;
    g.initializer = x.tensor;
    g.n_initializer = x.n_tensors;
    written.g = &g;
    if (e == OK)
        e = qmodel_pack(&written, NULL, 0, bytes, n);
    region_finish(&x.region);
    return e;
}
