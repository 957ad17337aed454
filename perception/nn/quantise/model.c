#include "perception/nn/quantise/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/onnx_parse.h"

static void *region_alloc(void *r, size_t n)
{
    return region_take(r, n ? n : 1);
}

static void region_free(void *r, void *p)
{
    (void)r;
    (void)p;
}

/* ---- parts --------------------------------------------------------------------------------- */
char *qname(struct region *r, const char *fmt, ...)
{
    va_list args;
    char *s;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !(s = region_take(r, (size_t)n + 1)))
        return NULL;
    va_start(args, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, args);
    va_end(args);
    return s;
}

Onnx__TensorProto *qtensor(struct region *r, const char *name, enum dtype type, int rank,
                           const int64_t *dim, const void *data)
{
    Onnx__TensorProto *t = region_take(r, sizeof *t);
    size_t n = dtype_size(type);

    if (!t)
        return NULL;
    onnx__tensor_proto__init(t);
    t->name = (char *)name;
    t->has_data_type = t->has_raw_data = 1;
    t->data_type = (int)type;
    t->n_dims = (size_t)rank;
    t->dims = region_take(r, ((size_t)rank + 1) * sizeof *t->dims);
    for (int i = 0; t->dims && i < rank; i++) {
        t->dims[i] = dim[i];
        n *= (size_t)dim[i];
    }
    t->raw_data.len = n;
    t->raw_data.data = region_take(r, n + 1);
    if (!t->dims || !t->raw_data.data)
        return NULL;
    if (data && n)
        memcpy(t->raw_data.data, data, n);
    return t;
}

static bool add_initializer(struct qmodel *m, Onnx__TensorProto *t)
{
    size_t n = m->g->n_initializer;
    Onnx__TensorProto **more;

    if ((n & (n - 1)) == 0 || !m->fresh) { /* full at powers of two, and as read */
        more = region_take(&m->region, 2 * (n + 1) * sizeof(Onnx__TensorProto *));
        if (!more)
            return false;
        if (n)
            memcpy(more, m->g->initializer, n * sizeof(Onnx__TensorProto *));
        m->g->initializer = more;
    }
    m->g->initializer[m->g->n_initializer++] = t;
    m->fresh++;
    return true;
}

Onnx__TensorProto *qmodel_constant(struct qmodel *m, const char *like, enum dtype type, int rank,
                                   const int64_t *dim, const void *data)
{
    const char *name = qname(&m->region, "%s_outrider_%d", like, m->fresh);
    Onnx__TensorProto *t = name ? qtensor(&m->region, name, type, rank, dim, data) : NULL;

    return t && add_initializer(m, t) ? t : NULL;
}

int64_t qtensor_count(const Onnx__TensorProto *t)
{
    int64_t n = 1;

    for (size_t i = 0; i < t->n_dims; i++)
        n *= t->dims[i];
    return n;
}

const float *qtensor_floats(const Onnx__TensorProto *t)
{
    return t && t->data_type == DTYPE_F32 ? (const float *)(const void *)t->raw_data.data : NULL;
}

Onnx__NodeProto *qnode_new(struct region *r, const char *type, const char *name, int n_in,
                           int n_out)
{
    Onnx__NodeProto *n = region_take(r, sizeof *n);

    if (!n)
        return NULL;
    onnx__node_proto__init(n);
    n->op_type = (char *)type;
    n->name = (char *)name;
    n->n_input = (size_t)n_in;
    n->n_output = (size_t)n_out;
    n->input = region_take(r, ((size_t)n_in + 1) * sizeof *n->input);
    n->output = region_take(r, ((size_t)n_out + 1) * sizeof *n->output);
    return n->input && n->output ? n : NULL;
}

enum err qnode_set_input(struct region *r, Onnx__NodeProto *n, size_t i, const char *name)
{
    char **more;

    if (i >= n->n_input) {
        if (!(more = region_take(r, (i + 1) * sizeof *more)))
            return ERR_NOMEM;
        for (size_t j = 0; j <= i; j++)
            more[j] = j < n->n_input ? n->input[j] : (char *)"";
        n->input = more;
        n->n_input = i + 1;
    }
    n->input[i] = (char *)name;
    return OK;
}

const Onnx__AttributeProto *qattr(const Onnx__NodeProto *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && !strcmp(n->attribute[i]->name, name))
            return n->attribute[i];
    return NULL;
}

int64_t qattr_int(const Onnx__NodeProto *n, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *a = qattr(n, name);

    return a ? a->i : otherwise;
}

float qattr_float(const Onnx__NodeProto *n, const char *name, float otherwise)
{
    const Onnx__AttributeProto *a = qattr(n, name);

    return a ? a->f : otherwise;
}

void qattr_drop(Onnx__NodeProto *n, const char *name)
{
    size_t keep = 0;

    for (size_t i = 0; i < n->n_attribute; i++)
        if (!n->attribute[i]->name || strcmp(n->attribute[i]->name, name) != 0)
            n->attribute[keep++] = n->attribute[i];
    n->n_attribute = keep;
}

static Onnx__AttributeProto *attr_new(struct region *r, Onnx__NodeProto *n, const char *name,
                                      int type)
{
    Onnx__AttributeProto *a = region_take(r, sizeof *a), **more;

    qattr_drop(n, name);
    more = region_take(r, (n->n_attribute + 1) * sizeof(Onnx__AttributeProto *));
    if (!a || !more)
        return NULL;
    if (n->n_attribute)
        memcpy(more, n->attribute, n->n_attribute * sizeof(Onnx__AttributeProto *));
    onnx__attribute_proto__init(a);
    a->name = (char *)name;
    a->has_type = 1;
    a->type = (Onnx__AttributeProto__AttributeType)type;
    n->attribute = more;
    n->attribute[n->n_attribute++] = a;
    return a;
}

enum err qattr_set_int(struct region *r, Onnx__NodeProto *n, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attr_new(r, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    if (!a)
        return ERR_NOMEM;
    a->has_i = 1;
    a->i = v;
    return OK;
}

enum err qattr_set_text(struct region *r, Onnx__NodeProto *n, const char *name, const char *v)
{
    Onnx__AttributeProto *a = attr_new(r, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

    if (!a)
        return ERR_NOMEM;
    a->has_s = 1;
    a->s.data = (uint8_t *)v;
    a->s.len = strlen(v);
    return OK;
}

const Onnx__TensorProto *qnode_constant(const struct qmodel *m, const struct qnode *n, int i)
{
    return i < n->n_in && n->in[i] >= 0 ? m->value[n->in[i]].constant : NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */
static enum err to_raw(struct qmodel *m, Onnx__TensorProto *p, const char *name, const char *folder,
                       Onnx__TensorProto **to, struct why *why)
{
    struct tensor t;
    enum err e = onnx_tensor(p, folder, name, &t, why);

    if (e != OK)
        return e;
    *to = qtensor(&m->region, name, t.type, t.rank, t.dim, t.data);
    free(t.data);
    return *to ? OK : ERR_NOMEM;
}

static enum err read_initializers(struct qmodel *m, const char *folder, struct why *why)
{
    Onnx__GraphProto *g = m->g;
    size_t keep = 0;
    enum err e = OK;

    for (size_t i = 0; e == OK && i < g->n_initializer; i++)
        e = to_raw(m, g->initializer[i], g->initializer[i]->name, folder, &g->initializer[i], why);
    for (size_t i = 0; i < g->n_input; i++) { /* old files list initialisers as inputs too */
        bool input = true;

        for (size_t j = 0; input && j < g->n_initializer; j++)
            input = strcmp(g->input[i]->name, g->initializer[j]->name) != 0;
        if (input)
            g->input[keep++] = g->input[i];
    }
    g->n_input = keep;
    return e;
}

/* A Constant node as an initialiser of its output's name. */
static enum err constant_tensor(struct qmodel *m, const Onnx__NodeProto *n, const char *folder,
                                Onnx__TensorProto **to, struct why *why)
{
    const Onnx__AttributeProto *a = n->n_attribute == 1 ? n->attribute[0] : NULL;
    const char *name = n->n_output ? n->output[0] : "";
    struct region *r = &m->region;

    if (a && a->t)
        return to_raw(m, a->t, name, folder, to, why);
    if (a && !strcmp(a->name, "value_float"))
        *to = qtensor(r, name, DTYPE_F32, 0, NULL, &a->f);
    else if (a && !strcmp(a->name, "value_int"))
        *to = qtensor(r, name, DTYPE_I64, 0, NULL, &a->i);
    else if (a && !strcmp(a->name, "value_floats"))
        *to = qtensor(r, name, DTYPE_F32, 1, &(int64_t){(int64_t)a->n_floats}, a->floats);
    else if (a && !strcmp(a->name, "value_ints"))
        *to = qtensor(r, name, DTYPE_I64, 1, &(int64_t){(int64_t)a->n_ints}, a->ints);
    else
        return err_say(why, ERR_UNSUPPORTED, "node '%.80s' (Constant): what it holds", n->name);
    return *to ? OK : ERR_NOMEM;
}

static enum err read_nodes(struct qmodel *m, const char *folder, struct why *why)
{
    Onnx__GraphProto *g = m->g;
    size_t keep = 0;
    enum err e;

    for (size_t i = 0; i < g->n_node; i++) {
        Onnx__NodeProto *n = g->node[i];
        Onnx__TensorProto *t = NULL;

        if ((!n->name || !*n->name) && !(n->name = qname(&m->region, "%s_%zu", n->op_type, i)))
            return ERR_NOMEM;
        if (!strcmp(n->op_type, "QuantizeLinear") || !strcmp(n->op_type, "DequantizeLinear"))
            return err_say(why, ERR_UNSUPPORTED, "node '%.80s' (%s): quantised already", n->name,
                           n->op_type);
        for (size_t j = 0; j < n->n_attribute; j++)
            if (n->attribute[j]->g || n->attribute[j]->n_graphs)
                return err_say(why, ERR_UNSUPPORTED, "node '%.80s' (%s): a graph in it", n->name,
                               n->op_type);
        if (strcmp(n->op_type, "Constant") != 0) {
            g->node[keep++] = n;
            continue;
        }
        if ((e = constant_tensor(m, n, folder, &t, why)) != OK)
            return e;
        if (!add_initializer(m, t))
            return ERR_NOMEM;
    }
    g->n_node = keep;
    return OK;
}

static enum err read_opset(struct qmodel *m, struct why *why)
{
    m->opset = 1;
    for (size_t i = 0; i < m->p->n_opset_import; i++) {
        const Onnx__OperatorSetIdProto *o = m->p->opset_import[i];

        if (!o->domain || !*o->domain || !strcmp(o->domain, "ai.onnx"))
            m->opset = (int)o->version;
    }
    if (m->opset < QUANTISE_OPSET_MIN)
        return err_say(why, ERR_UNSUPPORTED, "opset %d: models from opset %d on can be quantised",
                       m->opset, QUANTISE_OPSET_MIN);
    return OK;
}

enum err qmodel_read(struct qmodel *m, const void *bytes, size_t n, const char *folder,
                     struct why *why)
{
    ProtobufCAllocator allocator = {region_alloc, region_free, &m->region};
    ProtobufCMessage *checked;
    enum err e;

    *m = (struct qmodel){0};
    /* Once within bounds; then again into the region, where it can be changed at will. */
    if (!(checked = onnx_unpack(&onnx__model_proto__descriptor, bytes, n, &e, why)))
        return e;
    protobuf_c_message_free_unpacked(checked, NULL);
    m->p = onnx__model_proto__unpack(&allocator, n, bytes);
    if (!m->p)
        return ERR_NOMEM;
    if (!(m->g = m->p->graph))
        return err_say(why, ERR_FORMAT, "not an ONNX model: no graph");
    m->g->n_value_info = 0; /* about values that will not be there any more */
    if ((e = read_opset(m, why)) != OK || (e = read_initializers(m, folder, why)) != OK ||
        (e = read_nodes(m, folder, why)) != OK)
        return e;
    return qmodel_index(m);
}

void qmodel_finish(struct qmodel *m)
{
    region_finish(&m->region);
    *m = (struct qmodel){0};
}

/* ---- index --------------------------------------------------------------------------------- */
static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct qvalue *)a)->name, ((const struct qvalue *)b)->name);
}

int qmodel_find(const struct qmodel *m, const char *name)
{
    const struct qvalue key = {.name = name}, *v;

    v = bsearch(&key, m->value, (size_t)m->n_values, sizeof *m->value, by_name);
    return v ? (int)(v - m->value) : -1;
}

static enum err index_values(struct qmodel *m)
{
    Onnx__GraphProto *g = m->g;
    size_t n = g->n_input + g->n_initializer;

    for (size_t i = 0; i < g->n_node; i++)
        n += g->node[i]->n_output;
    m->value = region_take(&m->region, (n + 1) * sizeof *m->value);
    if (!m->value)
        return ERR_NOMEM;
    m->n_values = 0;
    for (size_t i = 0; i < g->n_input; i++)
        m->value[m->n_values++] =
            (struct qvalue){.name = g->input[i]->name, .maker = -1, .input = true};
    for (size_t i = 0; i < g->n_initializer; i++)
        m->value[m->n_values++] = (struct qvalue){
            .name = g->initializer[i]->name, .maker = -1, .constant = g->initializer[i]};
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t j = 0; j < g->node[i]->n_output; j++)
            if (*g->node[i]->output[j])
                m->value[m->n_values++] =
                    (struct qvalue){.name = g->node[i]->output[j], .maker = (int)i};
    qsort(m->value, (size_t)m->n_values, sizeof *m->value, by_name);
    for (size_t i = 0; i < g->n_output; i++)
        m->value[qmodel_find(m, g->output[i]->name)].output = true;
    return OK;
}

static enum err index_node(struct qmodel *m, struct qnode *n, Onnx__NodeProto *p)
{
    *n = (struct qnode){.p = p, .n_in = (int)p->n_input, .n_out = (int)p->n_output};
    n->in = region_take(&m->region, (p->n_input + 1) * sizeof *n->in);
    n->out = region_take(&m->region, (p->n_output + 1) * sizeof *n->out);
    if (!n->in || !n->out)
        return ERR_NOMEM;
    for (int i = 0; i < n->n_in; i++) {
        n->in[i] = *p->input[i] ? qmodel_find(m, p->input[i]) : -1;
        if (n->in[i] >= 0)
            m->value[n->in[i]].n_readers++;
    }
    for (int i = 0; i < n->n_out; i++)
        n->out[i] = *p->output[i] ? qmodel_find(m, p->output[i]) : -1;
    return OK;
}

enum err qmodel_index(struct qmodel *m)
{
    enum err e = index_values(m);

    m->n_nodes = (int)m->g->n_node;
    m->node = region_take(&m->region, (m->g->n_node + 1) * sizeof *m->node);
    if (e != OK || !m->node)
        return ERR_NOMEM;
    for (int i = 0; i < m->n_nodes; i++)
        if ((e = index_node(m, &m->node[i], m->g->node[i])) != OK)
            return e;
    for (int i = 0; i < m->n_values; i++) {
        struct qvalue *v = &m->value[i];

        v->reader = region_take(&m->region, ((size_t)v->n_readers + 1) * sizeof *v->reader);
        if (!v->reader)
            return ERR_NOMEM;
        v->n_readers = 0;
    }
    for (int i = 0; i < m->n_nodes; i++)
        for (int j = 0; j < m->node[i].n_in; j++)
            if (m->node[i].in[j] >= 0) {
                struct qvalue *v = &m->value[m->node[i].in[j]];

                v->reader[v->n_readers++] = i;
            }
    return OK;
}

/* ---- writing ------------------------------------------------------------------------------- */
static Onnx__ValueInfoProto *float_output(struct region *r, const char *name)
{
    Onnx__ValueInfoProto *v = region_take(r, sizeof *v);
    Onnx__TypeProto *t = region_take(r, sizeof *t);
    Onnx__TypeProto__Tensor *tensor = region_take(r, sizeof *tensor);

    if (!v || !t || !tensor)
        return NULL;
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(t);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type = DTYPE_F32;
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tensor;
    v->name = (char *)name;
    v->type = t;
    return v;
}

static enum err pack(const Onnx__ModelProto *p, unsigned char **bytes, size_t *n)
{
    *n = onnx__model_proto__get_packed_size(p);
    *bytes = malloc(*n + 1);
    if (!*bytes)
        return ERR_NOMEM;
    onnx__model_proto__pack(p, *bytes);
    return OK;
}

enum err qmodel_pack(const struct qmodel *m, const int *outputs, int n_outputs,
                     unsigned char **bytes, size_t *n)
{
    struct region r = {0};
    Onnx__ModelProto p = *m->p;
    Onnx__GraphProto g = *m->g;
    enum err e = OK;

    p.graph = &g;
    g.output = region_take(&r, (g.n_output + (size_t)n_outputs + 1) * sizeof *g.output);
    if (!g.output)
        e = ERR_NOMEM;
    for (size_t i = 0; e == OK && i < g.n_output; i++)
        g.output[i] = m->g->output[i];
    for (int i = 0; e == OK && i < n_outputs; i++)
        if (!(g.output[g.n_output++] = float_output(&r, m->value[outputs[i]].name)))
            e = ERR_NOMEM;
    if (e == OK)
        e = pack(&p, bytes, n);
    region_finish(&r);
    return e;
}
