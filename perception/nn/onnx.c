#include "perception/nn/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/net.h"
#include "perception/nn/onnx_parse.h"
#include "perception/nn/onnx_scope.h"
#include "perception/nn/ops/ops.h"

enum { BODY_MAX_DEPTH = 8 };

struct reader {
    struct graph *g;
    const char *folder;
    const struct tensor *fixed;
    int n_fixed, opset;
    int depth; /* graphs around this one */
    struct scope *scope;
    struct why *why;
};

/* A new value with a name of its own. */
static enum err define(struct reader *r, const char *name, struct value **out)
{
    if (scope_find_here(r->scope, name)) {
        err_say(r->why, ERR_FORMAT, "tensor '%s' is made twice", name);
        return ERR_FORMAT;
    }
    *out = graph_value(r->g, name);
    return *out ? scope_define(r->scope, (*out)->t.name, *out) : ERR_NOMEM;
}

static enum err read_initializers(struct reader *r, const Onnx__GraphProto *p)
{
    enum err e;

    if (p->n_sparse_initializer)
        return err_say(r->why, ERR_UNSUPPORTED, "sparse initialisers");
    for (size_t i = 0; i < p->n_initializer; i++) {
        Onnx__TensorProto *t = p->initializer[i];
        struct value *v;

        if (!t->name || !*t->name)
            return err_say(r->why, ERR_FORMAT, "initialiser %zu has no name", i);
        if ((e = define(r, t->name, &v)) != OK ||
            (e = onnx_tensor(t, r->folder, v->t.name, &v->t, r->why)) != OK)
            return e;
        v->typed = v->constant = true;
        if (graph_hold(r->g, tensor_bytes(&v->t)) != OK)
            return err_prefix(r->why, graph_no_memory(r->g, r->why), "tensor '%.80s': ", v->t.name);
        r->g->parameters += tensor_count(&v->t);
        if (r->depth > 0)
            continue;           /* an inner graph may be read again */
        free(t->raw_data.data); /* copied: a large model is not held twice */
        t->raw_data = (ProtobufCBinaryData){0};
    }
    return OK;
}

static enum err input_shape(struct reader *r, const Onnx__ValueInfoProto *p, struct value *v)
{
    const Onnx__TypeProto *type = p->type;
    int64_t dim[TENSOR_MAX_RANK];
    const Onnx__TensorShapeProto *shape;

    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return err_say(r->why, ERR_UNSUPPORTED, "input '%s' is not a tensor", p->name);
    shape = type->tensor_type->shape;
    if (!shape)
        return err_say(r->why, ERR_UNSUPPORTED, "input '%s' has no shape", p->name);
    if (shape->n_dim > TENSOR_MAX_RANK)
        return err_say(r->why, ERR_LIMIT, "input '%s': %zu dimensions, limit %d", p->name,
                       shape->n_dim, TENSOR_MAX_RANK);
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];

        dim[i] = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                     ? d->dim_value
                     : 1;
    }
    v->typed = true;
    return tensor_shape(&v->t, (enum dtype)type->tensor_type->elem_type, (int)shape->n_dim, dim,
                        r->why);
}

static enum err fix_input(struct reader *r, struct value *v)
{
    for (int i = 0; i < r->n_fixed; i++) {
        const struct tensor *t = &r->fixed[i];
        enum err e;

        if (strcmp(t->name, v->t.name) != 0)
            continue;
        if (t->type != v->t.type)
            return err_say(r->why, ERR_MISMATCH, "input '%s' is %s, its fixed value %s", v->t.name,
                           dtype_name(v->t.type), dtype_name(t->type));
        if ((e = tensor_shape(&v->t, t->type, t->rank, t->dim, r->why)) != OK ||
            (e = tensor_allocate(&v->t)) != OK)
            return e;
        memcpy(v->t.data, t->data, tensor_bytes(t));
        v->constant = true;
        v->uses++; /* stays, for whoever asks for the inputs */
    }
    return OK;
}

static void node_name(const Onnx__GraphProto *g, size_t at, char name[96])
{
    const Onnx__NodeProto *p = g->node[at];

    if (p->name && *p->name)
        snprintf(name, 96, "%.80s", p->name);
    else
        snprintf(name, 96, "%.64s_%zu", p->op_type ? p->op_type : "", at);
}

/* An input is at fault: say which operator wants it. */
static enum err fault_of_input(struct reader *r, const Onnx__GraphProto *g, const char *input,
                               enum err e)
{
    char name[96];

    for (size_t i = 0; i < g->n_node; i++)
        for (size_t j = 0; j < g->node[i]->n_input; j++)
            if (!strcmp(g->node[i]->input[j], input)) {
                node_name(g, i, name);
                return err_prefix(r->why, e, "node '%.80s' (%.40s): ", name,
                                  g->node[i]->op_type ? g->node[i]->op_type : "");
            }
    return e;
}

static enum err read_inputs(struct reader *r, const Onnx__GraphProto *p)
{
    struct graph *g = r->g;
    enum err e;

    g->input = region_take(&g->region, (p->n_input + 1) * sizeof(struct value *));
    if (!g->input)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n_input; i++) {
        const char *name = p->input[i]->name;
        struct value *v;

        if (!name || !*name)
            return err_say(r->why, ERR_FORMAT, "input %zu has no name", i);
        v = scope_find_here(r->scope, name);
        if (v && v->constant && !v->input)
            continue; /* an initialiser that may be overridden; nobody does */
        if ((e = define(r, name, &v)) != OK)
            return e;
        if ((e = input_shape(r, p->input[i], v)) != OK || (e = fix_input(r, v)) != OK)
            return fault_of_input(r, p, name, e);
        v->input = true;
        g->input[g->n_inputs++] = v;
    }
    return OK;
}

static enum attr_kind attr_kind(const Onnx__AttributeProto *p)
{
    static const enum attr_kind kinds[] = {
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT] = ATTR_FLOAT,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT] = ATTR_INT,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING] = ATTR_STRING,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR] = ATTR_TENSOR,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH] = ATTR_GRAPH,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS] = ATTR_FLOATS,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS] = ATTR_INTS,
        [ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS] = ATTR_STRINGS,
    };

    if (p->has_type && p->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
        return p->type > 0 && p->type <= ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS
                   ? kinds[p->type]
                   : ATTR_OTHER;
    /* Files from before the type was written down. */
    return p->has_f       ? ATTR_FLOAT
           : p->has_i     ? ATTR_INT
           : p->has_s     ? ATTR_STRING
           : p->t         ? ATTR_TENSOR
           : p->g         ? ATTR_GRAPH
           : p->n_floats  ? ATTR_FLOATS
           : p->n_ints    ? ATTR_INTS
           : p->n_strings ? ATTR_STRINGS
                          : ATTR_OTHER;
}

/* Bytes from a file as a string: cut at the first zero. NULL: no memory. */
static const char *copy_bytes(struct region *region, const ProtobufCBinaryData *b)
{
    char *s = region_take(region, b->len + 1);

    if (s && b->len)
        memcpy(s, b->data, b->len);
    return s;
}

static enum err read_strings(struct reader *r, const Onnx__AttributeProto *p, struct attr *a)
{
    const char **s = region_take(&r->g->region, (p->n_strings + 1) * sizeof *s);

    a->strings = s;
    a->n = p->n_strings;
    if (!s)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n_strings; i++)
        if (!(s[i] = copy_bytes(&r->g->region, &p->strings[i])))
            return ERR_NOMEM;
    return OK;
}

/* A graph in a graph: the node of its attribute reads whatever that graph may read. */
static enum err read_body(struct reader *r, const Onnx__AttributeProto *p, struct attr *a,
                          struct node *n)
{
    struct body *b = region_take(&r->g->region, sizeof *b);

    if (!b)
        return ERR_NOMEM;
    if (!p->g)
        return err_say(r->why, ERR_FORMAT, "attribute '%s' has no graph", a->name);
    if (r->depth == BODY_MAX_DEPTH)
        return err_say(r->why, ERR_LIMIT, "graphs in graphs, more than %d deep", BODY_MAX_DEPTH);
    *b = (struct body){.p = p->g,
                       .scope = r->scope,
                       .folder = r->folder,
                       .opset = r->opset,
                       .depth = r->depth + 1};
    a->body = b;
    return body_capture(b, &r->g->region, &n->in, &n->n_in);
}

static enum err read_attr(struct reader *r, const Onnx__AttributeProto *p, struct attr *a,
                          struct node *n)
{
    struct region *region = &r->g->region;
    int64_t *ints = NULL;
    float *floats = NULL;
    enum err e;

    if (!p->name || !*p->name)
        return err_say(r->why, ERR_FORMAT, "an attribute has no name");
    a->kind = p->ref_attr_name && *p->ref_attr_name ? ATTR_OTHER : attr_kind(p);
    a->name = region_copy(region, p->name);
    if (!a->name)
        return ERR_NOMEM;
    switch (a->kind) {
    case ATTR_INT:
        a->i = p->i;
        break;
    case ATTR_FLOAT:
        a->f = p->f;
        break;
    case ATTR_STRING:
        if (!(a->s = copy_bytes(region, &p->s)))
            return ERR_NOMEM;
        break;
    case ATTR_INTS:
        if (!(a->ints = ints = region_take(region, (p->n_ints + 1) * sizeof *ints)))
            return ERR_NOMEM;
        if ((a->n = p->n_ints))
            memcpy(ints, p->ints, a->n * sizeof *ints);
        break;
    case ATTR_FLOATS:
        if (!(a->floats = floats = region_take(region, (p->n_floats + 1) * sizeof *floats)))
            return ERR_NOMEM;
        if ((a->n = p->n_floats))
            memcpy(floats, p->floats, a->n * sizeof *floats);
        break;
    case ATTR_TENSOR:
        if (!p->t)
            return err_say(r->why, ERR_FORMAT, "attribute '%s' has no tensor", a->name);
        e = onnx_tensor(p->t, r->folder, a->name, &a->tensor, r->why);
        return e == OK ? graph_hold(r->g, tensor_bytes(&a->tensor)) : e;
    case ATTR_STRINGS:
        return read_strings(r, p, a);
    case ATTR_GRAPH:
        return read_body(r, p, a, n);
    case ATTR_OTHER:
        break;
    }
    return OK;
}

/* Why a name is unknown: made by nobody, or only later. */
static enum err unknown_input(struct reader *r, const Onnx__GraphProto *p, const char *name)
{
    for (size_t i = 0; i < p->n_node; i++)
        for (size_t j = 0; j < p->node[i]->n_output; j++)
            if (!strcmp(p->node[i]->output[j], name))
                return err_say(r->why, ERR_FORMAT,
                               "reads '%s', which only a later node makes (a cycle?)", name);
    return err_say(r->why, ERR_FORMAT, "reads '%s', which nothing makes", name);
}

/* Operators count on their first output, also where nobody gave it a name. */
static enum err add_first_output(struct reader *r, struct node *n)
{
    n->out[0] = graph_value(r->g, "");
    if (!n->out[0])
        return ERR_NOMEM;
    n->out[0]->from = n;
    n->n_out = n->n_out ? n->n_out : 1;
    return OK;
}

static enum err read_node_values(struct reader *r, const Onnx__GraphProto *g,
                                 const Onnx__NodeProto *p, struct node *n)
{
    enum err e;

    for (size_t i = 0; i < p->n_input; i++) {
        if (!*p->input[i])
            continue;
        n->in[i] = scope_find(r->scope, p->input[i]);
        if (!n->in[i])
            return unknown_input(r, g, p->input[i]);
        n->in[i]->uses++;
    }
    for (size_t i = 0; i < p->n_output; i++) {
        if (!*p->output[i])
            continue;
        if ((e = define(r, p->output[i], &n->out[i])) != OK)
            return e;
        n->out[i]->from = n;
    }
    return n->out[0] ? OK : add_first_output(r, n);
}

static enum err read_node(struct reader *r, const Onnx__GraphProto *g, size_t at)
{
    const Onnx__NodeProto *p = g->node[at];
    struct region *region = &r->g->region;
    struct node *n = region_take(region, sizeof *n);
    char name[96];
    enum err e;

    node_name(g, at, name);
    if (!n || !(n->type = region_copy(region, p->op_type ? p->op_type : "")) ||
        !(n->name = region_copy(region, p->name && *p->name ? p->name : name)) ||
        !(n->in = region_take(region, (p->n_input + 1) * sizeof *n->in)) ||
        !(n->out = region_take(region, (p->n_output + 1) * sizeof *n->out)) ||
        !(n->attr = region_take(region, (p->n_attribute + 1) * sizeof *n->attr)))
        return ERR_NOMEM;
    if ((e = graph_push(r->g, n, r->why)) != OK)
        return e;
    n->opset = r->opset;
    n->n_in = (int)p->n_input;
    n->n_out = (int)p->n_output;
    n->n_attr = (int)p->n_attribute;
    if (p->domain && *p->domain && strcmp(p->domain, "ai.onnx") != 0)
        e = err_say(r->why, ERR_UNSUPPORTED, "operator of domain '%s'", p->domain);
    else if (!(n->op = op_find(n->type)))
        e = err_say(r->why, ERR_UNSUPPORTED, "operator not known");
    else
        e = read_node_values(r, g, p, n);
    for (int i = 0; e == OK && i < n->n_attr; i++)
        e = read_attr(r, p->attribute[i], &n->attr[i], n);
    if (e == ERR_NOMEM)
        e = graph_no_memory(r->g, r->why);
    return e == OK ? OK : err_prefix(r->why, e, "node '%.80s' (%.40s): ", n->name, n->type);
}

static enum err read_outputs(struct reader *r, const Onnx__GraphProto *p)
{
    struct graph *g = r->g;

    if (!p->n_output)
        return err_say(r->why, ERR_FORMAT, "the graph has no outputs");
    g->output = region_take(&g->region, p->n_output * sizeof(struct value *));
    if (!g->output)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n_output; i++) {
        const char *name = p->output[i]->name;
        struct value *v = name ? scope_find_here(r->scope, name) : NULL;

        if (!v)
            return err_say(r->why, ERR_FORMAT, "nothing makes the graph's output '%s'",
                           name ? name : "");
        v->output = true;
        v->uses++;
        g->output[g->n_outputs++] = v;
    }
    return OK;
}

static enum err read_nodes(struct reader *r, const Onnx__GraphProto *p)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < p->n_node; i++)
        e = read_node(r, p, i);
    return e;
}

static enum err read_graph(struct reader *r, const Onnx__GraphProto *p)
{
    enum err e;

    if (p->n_node > NET_MAX_NODES)
        return err_say(r->why, ERR_LIMIT, "%zu nodes, limit %d", p->n_node, NET_MAX_NODES);
    r->scope = region_take(&r->g->region, sizeof *r->scope);
    if (!r->scope)
        return ERR_NOMEM;
    if ((e = scope_init(r->scope, &r->g->region, p, 0)) != OK ||
        (e = read_initializers(r, p)) != OK || (e = read_inputs(r, p)) != OK ||
        (e = read_nodes(r, p)) != OK)
        return e;
    return read_outputs(r, p);
}

/* ---- graphs in graphs ---------------------------------------------------------------------- */
static enum err bind_inputs(struct reader *r, const struct body *b, struct value *const *in,
                            int n_in)
{
    if (b->p->n_input != (size_t)n_in)
        return err_say(r->why, ERR_FORMAT, "the graph has %zu inputs, needed %d", b->p->n_input,
                       n_in);
    for (int i = 0; i < n_in; i++) {
        const char *name = b->p->input[i]->name;

        if (!name || !*name || scope_find_here(r->scope, name))
            return err_say(r->why, ERR_FORMAT, "input %d of the graph has no name of its own", i);
        if (scope_define(r->scope, name, in[i]) != OK)
            return ERR_NOMEM;
    }
    return OK;
}

static enum err find_outputs(struct reader *r, const struct body *b, struct value **out, int n_out)
{
    if (b->p->n_output < (size_t)n_out)
        return err_say(r->why, ERR_FORMAT, "the graph has %zu outputs, needed %d", b->p->n_output,
                       n_out);
    for (int i = 0; i < n_out; i++) {
        const char *name = b->p->output[i]->name;

        if (!(out[i] = name ? scope_find(r->scope, name) : NULL))
            return err_say(r->why, ERR_FORMAT, "nothing makes the graph's output '%s'",
                           name ? name : "");
    }
    return OK;
}

enum err onnx_read_body(struct graph *g, const struct body *b, struct value *const *in, int n_in,
                        struct value **out, int n_out, struct why *why)
{
    struct scope *scope = region_take(&g->region, sizeof *scope);
    struct reader r = {.g = g,
                       .folder = b->folder,
                       .opset = b->opset,
                       .depth = b->depth,
                       .scope = scope,
                       .why = why};
    enum err e;

    if (!scope)
        return ERR_NOMEM;
    scope->up = b->scope;
    if ((e = scope_init(scope, &g->region, b->p, 0)) != OK ||
        (e = bind_inputs(&r, b, in, n_in)) != OK || (e = read_initializers(&r, b->p)) != OK ||
        (e = read_nodes(&r, b->p)) != OK)
        return e;
    return find_outputs(&r, b, out, n_out);
}

int onnx_body_inputs(const struct body *b)
{
    return (int)b->p->n_input;
}

int onnx_body_outputs(const struct body *b)
{
    return (int)b->p->n_output;
}

int onnx_body_nodes(const struct body *b)
{
    return (int)b->p->n_node;
}

static enum err read_properties(struct reader *r, const Onnx__ModelProto *p)
{
    struct graph *g = r->g;
    size_t n = p->n_metadata_props;

    g->property = region_take(&g->region, (n + 1) * sizeof *g->property);
    if (!g->property)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const Onnx__StringStringEntryProto *s = p->metadata_props[i];
        struct property *to = &g->property[g->n_properties];

        if (!(to->key = region_copy(&g->region, s->key ? s->key : "")) ||
            !(to->value = region_copy(&g->region, s->value ? s->value : "")))
            return ERR_NOMEM;
        g->n_properties++;
    }
    return OK;
}

static enum err read_opset(struct reader *r, const Onnx__ModelProto *p)
{
    int64_t version = 1; /* what files say that say nothing */

    for (size_t i = 0; i < p->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = p->opset_import[i];

        if (!o->domain || !*o->domain || !strcmp(o->domain, "ai.onnx"))
            version = o->version;
    }
    if (version < OPSET_MIN || version > OPSET_MAX)
        return err_say(r->why, ERR_UNSUPPORTED, "opset %lld, known are %d to %d",
                       (long long)version, OPSET_MIN, OPSET_MAX);
    r->opset = (int)version;
    return OK;
}

/* Bodies of If, Loop and Scan are read from the file once the shapes around them are known. */
static bool has_bodies(const struct graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i]->n_attr; k++)
            if (g->node[i]->attr[k].kind == ATTR_GRAPH)
                return true;
    return false;
}

enum err onnx_read_model(struct graph *g, const void *bytes, size_t n, const char *folder,
                         const struct tensor *fixed, int n_fixed, struct why *why)
{
    struct reader r = {.g = g, .folder = folder, .fixed = fixed, .n_fixed = n_fixed, .why = why};
    enum err e;
    Onnx__ModelProto *p =
        (Onnx__ModelProto *)onnx_unpack(&onnx__model_proto__descriptor, bytes, n, &e, why);

    if (!p)
        return e;
    if (!p->graph)
        e = err_say(why, ERR_FORMAT, "not an ONNX model: no graph");
    else if ((e = read_opset(&r, p)) == OK && (e = read_properties(&r, p)) == OK)
        e = read_graph(&r, p->graph);
    g->source = p;
    if (!has_bodies(g))
        onnx_forget(g);
    return e == ERR_NOMEM ? graph_no_memory(g, why) : e;
}

void onnx_forget(struct graph *g)
{
    if (g->source)
        protobuf_c_message_free_unpacked(g->source, NULL);
    g->source = NULL;
}
