/* The network as an ONNX file: what the outputs need of it, layer by layer. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/train/emit.h"

enum { OPSET = 17, IR_VERSION = 8, DTYPE_FLOAT = 1, DTYPE_INT64 = 7 };

/* ---- memory -------------------------------------------------------------------------------- */
void *emit_take(struct emit *x, size_t n)
{
    void *p = x->e == OK ? region_take(&x->region, n + 1) : NULL;

    if (!p && x->e == OK)
        x->e = err_say(x->why, ERR_NOMEM, "no memory");
    return p;
}

char *emit_text(struct emit *x, const char *fmt, ...)
{
    va_list args;
    char *s;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    s = n < 0 ? NULL : emit_take(x, (size_t)n + 1);
    if (!s)
        return NULL;
    va_start(args, fmt);
    vsnprintf(s, (size_t)n + 1, fmt, args);
    va_end(args);
    return s;
}

const char *emit_fresh(struct emit *x)
{
    return emit_text(x, "t%d", x->fresh++);
}

/* Room for one more pointer in a list of n. */
static bool grow(struct emit *x, void *list, size_t n, size_t *room)
{
    void *old, *more;

    if (n < *room)
        return x->e == OK;
    more = emit_take(x, (2 * *room + 16) * sizeof(void *));
    if (!more)
        return false;
    memcpy(&old, list, sizeof(void *));
    if (n)
        memcpy(more, old, n * sizeof(void *));
    memcpy(list, &more, sizeof(void *));
    *room = 2 * *room + 16;
    return true;
}

/* ---- parts --------------------------------------------------------------------------------- */
Onnx__NodeProto *emit_node(struct emit *x, const char *type, const char *out, int n_in,
                           const char *const *in)
{
    enum { ATTRIBUTES = 8 };
    Onnx__NodeProto *n;

    if (!grow(x, &x->g.node, x->g.n_node, &x->node_room) || !(n = emit_take(x, sizeof *n)))
        return NULL;
    onnx__node_proto__init(n);
    n->op_type = (char *)type;
    n->name = emit_text(x, "%s_%zu", type, x->g.n_node);
    n->input = emit_take(x, (size_t)n_in * sizeof(char *));
    n->output = emit_take(x, 4 * sizeof(char *));
    n->attribute = emit_take(x, ATTRIBUTES * sizeof(Onnx__AttributeProto *));
    if (x->e != OK)
        return NULL;
    for (int i = 0; i < n_in && in[i]; i++)
        n->input[n->n_input++] = (char *)in[i];
    n->output[n->n_output++] = (char *)out;
    x->g.node[x->g.n_node++] = n;
    return n;
}

static Onnx__AttributeProto *attribute(struct emit *x, Onnx__NodeProto *n, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = n ? emit_take(x, sizeof *a) : NULL;

    if (!a)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = (char *)name;
    a->has_type = 1;
    a->type = type;
    return n->attribute[n->n_attribute++] = a;
}

void emit_int(struct emit *x, Onnx__NodeProto *n, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attribute(x, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    if (a)
        a->has_i = 1, a->i = v;
}

void emit_float(struct emit *x, Onnx__NodeProto *n, const char *name, float v)
{
    Onnx__AttributeProto *a = attribute(x, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

    if (a)
        a->has_f = 1, a->f = v;
}

void emit_word(struct emit *x, Onnx__NodeProto *n, const char *name, const char *v)
{
    Onnx__AttributeProto *a = attribute(x, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

    if (a)
        a->has_s = 1, a->s.data = (uint8_t *)(char *)v, a->s.len = strlen(v);
}

void emit_list(struct emit *x, Onnx__NodeProto *n, const char *name, int count, const int *v)
{
    Onnx__AttributeProto *a = attribute(x, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

    if (!a || !(a->ints = emit_take(x, (size_t)count * sizeof *a->ints)))
        return;
    a->n_ints = (size_t)count;
    for (int i = 0; i < count; i++)
        a->ints[i] = v[i];
}

static Onnx__TensorProto *tensor(struct emit *x, const char *name, int type, int rank,
                                 const int *dim, size_t size)
{
    Onnx__TensorProto *t;
    size_t n = size;

    if (!grow(x, &x->g.initializer, x->g.n_initializer, &x->tensor_room) ||
        !(t = emit_take(x, sizeof *t)))
        return NULL;
    onnx__tensor_proto__init(t);
    t->name = (char *)name;
    t->has_data_type = t->has_raw_data = 1;
    t->data_type = type;
    t->n_dims = (size_t)rank;
    t->dims = emit_take(x, (size_t)rank * sizeof *t->dims);
    for (int i = 0; t->dims && i < rank; i++) {
        t->dims[i] = dim[i];
        n *= (size_t)dim[i];
    }
    t->raw_data.len = n;
    t->raw_data.data = emit_take(x, n);
    if (x->e != OK)
        return NULL;
    x->g.initializer[x->g.n_initializer++] = t;
    return t;
}

const char *emit_floats(struct emit *x, const char *name, int rank, const int *dim, const float *v)
{
    Onnx__TensorProto *t = tensor(x, name, DTYPE_FLOAT, rank, dim, sizeof *v);

    if (t)
        memcpy(t->raw_data.data, v, t->raw_data.len);
    return name;
}

const char *emit_numbers(struct emit *x, int count, const int *v)
{
    const char *name = emit_fresh(x);
    Onnx__TensorProto *t = tensor(x, name, DTYPE_INT64, 1, &count, sizeof(int64_t));

    for (int i = 0; t && i < count; i++) {
        int64_t wide = v[i];

        memcpy(t->raw_data.data + (size_t)i * sizeof wide, &wide, sizeof wide);
    }
    return name;
}

const char *emit_scalar(struct emit *x, float v)
{
    return emit_floats(x, emit_fresh(x), 0, NULL, &v);
}

static Onnx__ValueInfoProto *value_info(struct emit *x, const char *name, int rank, const int *dim)
{
    Onnx__ValueInfoProto *v = emit_take(x, sizeof *v);
    Onnx__TypeProto *type = emit_take(x, sizeof *type);
    Onnx__TypeProto__Tensor *tensor_type = emit_take(x, sizeof *tensor_type);
    Onnx__TensorShapeProto *shape = emit_take(x, sizeof *shape);

    if (x->e != OK)
        return NULL;
    onnx__value_info_proto__init(v);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor_type);
    onnx__tensor_shape_proto__init(shape);
    shape->dim = emit_take(x, (size_t)rank * sizeof *shape->dim);
    for (int i = 0; i < rank && x->e == OK; i++) {
        Onnx__TensorShapeProto__Dimension *d = emit_take(x, sizeof *d);

        if (!d)
            break;
        onnx__tensor_shape_proto__dimension__init(d);
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = dim[i];
        shape->dim[shape->n_dim++] = d;
    }
    tensor_type->has_elem_type = 1;
    tensor_type->elem_type = DTYPE_FLOAT;
    tensor_type->shape = shape;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor_type;
    v->name = (char *)name;
    v->type = type;
    return x->e == OK ? v : NULL;
}

void emit_input(struct emit *x, const char *name, int rank, const int *dim)
{
    Onnx__ValueInfoProto *v = value_info(x, name, rank, dim);

    if (v && grow(x, &x->g.input, x->g.n_input, &x->input_room))
        x->g.input[x->g.n_input++] = v;
}

void emit_output(struct emit *x, const char *name, int rank, const int *dim)
{
    Onnx__ValueInfoProto *v = value_info(x, name, rank, dim);

    if (v && grow(x, &x->g.output, x->g.n_output, &x->output_room))
        x->g.output[x->g.n_output++] = v;
}

/* ---- values -------------------------------------------------------------------------------- */
/* Channels of a picture in front. */
static void shape_in_file(const struct value *v, int dim[TRAIN_MAX_RANK])
{
    static const int order[] = {0, 3, 1, 2};

    for (int i = 0; i < v->rank; i++)
        dim[i] = v->dim[v->rank == 4 ? order[i] : i];
}

int emit_batch(const struct emit *x, int built)
{
    return x->options->keep_batch ? built : 1;
}

/* A parameter that is a value: an initialiser. */
static const char *emit_parameter(struct emit *x, const struct value *v)
{
    int dim[TRAIN_MAX_RANK];
    float *turned;
    const float *w = x->weights + x->t->param[v->param].at;
    size_t C = (size_t)v->dim[v->rank - 1], pixels = v->n / C / (size_t)v->dim[0];

    shape_in_file(v, dim);
    if (v->rank == 4) {
        if (!(turned = emit_take(x, v->n * sizeof *turned)))
            return v->name;
        for (int n = 0; n < v->dim[0]; n++)
            x->t->k.transpose(turned + (size_t)n * pixels * C, pixels, w + (size_t)n * pixels * C,
                              C, pixels, C);
        w = turned;
    }
    return emit_floats(x, v->name, v->rank, dim, w);
}

const char *emit_in(struct emit *x, const struct layer *l, int i)
{
    int at = l->in[i], dim[TRAIN_MAX_RANK];
    const struct value *v = &x->t->value[at];

    if (x->name[at])
        return x->name[at];
    x->name[at] = v->name;
    if (v->param >= 0) {
        emit_parameter(x, v);
    } else {
        shape_in_file(v, dim);
        dim[0] = emit_batch(x, dim[0]);
        emit_input(x, v->name, v->rank, dim);
    }
    return x->name[at];
}

const char *emit_out(struct emit *x, const struct layer *l)
{
    const struct value *v = &x->t->value[l->out];

    if (!x->name[l->out])
        x->name[l->out] = v->name[0] ? v->name : emit_text(x, "%s_out", l->name);
    return x->name[l->out];
}

/* ---- which layers -------------------------------------------------------------------------- */
static void find_wanted(struct emit *x)
{
    for (int i = x->t->n_layers - 1; i >= 0; i--) {
        const struct layer *l = &x->t->layer[i];

        x->wanted[i] = l->out >= 0 && (x->t->value[l->out].output || x->readers[l->out] > 0);
        for (int j = 0; x->wanted[i] && j < l->n_in; j++)
            if (l->in[j] >= 0)
                x->readers[l->in[j]]++;
    }
}

/* A norm whose product nobody else reads becomes part of it. */
static void find_folded(struct emit *x)
{
    for (int i = 0; i < x->t->n_layers; i++) {
        const struct layer *l = &x->t->layer[i];
        const struct value *v = l->n_in ? &x->t->value[l->in[0]] : NULL;
        const struct layer *before = v && v->maker >= 0 ? &x->t->layer[v->maker] : NULL;

        x->folded[i] = !x->options->keep_norms && l->kind == &layer_batch_norm && before &&
                       x->readers[l->in[0]] == 1 && !v->output &&
                       (before->kind == &layer_conv || before->kind == &layer_linear ||
                        (before->kind == &layer_conv_transpose && before->shape.groups == 1));
    }
}

static enum err emit_graph(struct emit *x)
{
    int dim[TRAIN_MAX_RANK] = {0}, outputs = 0;

    find_wanted(x);
    find_folded(x);
    for (int i = 0; i < x->t->n_layers && x->e == OK; i++)
        if (x->wanted[i])
            emit_layer(x, &x->t->layer[i]);
    for (int i = 0; i < x->t->n_values && x->e == OK; i++) {
        const struct value *v = &x->t->value[i];

        if (!v->output)
            continue;
        if (v->maker < 0)
            return err_say(x->why, ERR_UNSUPPORTED, "output '%s' is an input", v->name);
        shape_in_file(v, dim);
        dim[0] = emit_batch(x, dim[0]);
        emit_output(x, x->name[i], v->rank, dim);
        outputs++;
    }
    if (x->e == OK && outputs == 0)
        return err_say(x->why, ERR_MISMATCH, "no train_output(): nothing to export");
    return x->e;
}

/* ---- the file ------------------------------------------------------------------------------ */
static Onnx__StringStringEntryProto **metadata(struct emit *x)
{
    size_t n = (size_t)x->options->n_metadata;
    Onnx__StringStringEntryProto **list = emit_take(x, (n + 1) * sizeof(void *));

    for (size_t i = 0; list && i < n; i++) {
        Onnx__StringStringEntryProto *p = emit_take(x, sizeof *p);

        if (!p)
            return NULL;
        onnx__string_string_entry_proto__init(p);
        p->key = (char *)x->options->metadata[i][0];
        p->value = (char *)x->options->metadata[i][1];
        list[i] = p;
    }
    return list;
}

static enum err pack(struct emit *x, unsigned char **bytes, size_t *n)
{
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *opsets[] = {&opset};

    opset.has_version = 1;
    opset.version = OPSET;
    m.has_ir_version = 1;
    m.ir_version = IR_VERSION;
    m.producer_name = (char *)"outrider";
    m.producer_version = (char *)OUTRIDER_VERSION;
    m.opset_import = opsets;
    m.n_opset_import = 1;
    m.graph = &x->g;
    m.metadata_props = metadata(x);
    m.n_metadata_props = (size_t)x->options->n_metadata;
    if (x->e != OK)
        return x->e;
    *n = onnx__model_proto__get_packed_size(&m);
    *bytes = malloc(*n);
    if (!*bytes)
        return err_say(x->why, ERR_NOMEM, "no memory for %zu bytes", *n);
    onnx__model_proto__pack(&m, *bytes);
    return OK;
}

enum err train_export_bytes(struct train *t, const struct train_export *options,
                            unsigned char **bytes, size_t *n, struct why *why)
{
    struct emit x = {.t = t, .options = options, .why = why, .g = ONNX__GRAPH_PROTO__INIT};

    *bytes = NULL;
    x.weights = options->averaged && t->average ? t->average : t->weights;
    x.g.name = (char *)"outrider";
    x.name = emit_take(&x, (size_t)t->n_values * sizeof *x.name);
    x.wanted = emit_take(&x, (size_t)t->n_layers);
    x.folded = emit_take(&x, (size_t)t->n_layers);
    x.readers = emit_take(&x, (size_t)t->n_values * sizeof *x.readers);
    if (x.e == OK)
        x.e = emit_graph(&x);
    if (x.e == OK)
        x.e = pack(&x, bytes, n);
    region_finish(&x.region);
    return x.e;
}

enum err train_export(struct train *t, const char *path, const struct train_export *options,
                      struct why *why)
{
    unsigned char *bytes;
    size_t n = 0;
    enum err e = train_export_bytes(t, options, &bytes, &n, why);

    if (e == OK)
        e = file_replace(path, bytes, n, why);
    free(bytes);
    return e;
}
