#include "tests/onnx_model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *model_take(struct model *m, size_t n)
{
    void *p = calloc(1, n + 1);

    assert(p && m->n_blocks < (int)(sizeof m->blocks / sizeof *m->blocks));
    return m->blocks[m->n_blocks++] = p;
}

char *model_text(struct model *m, const char *s)
{
    return strcpy(model_take(m, strlen(s)), s);
}

void model_init(struct model *m, int opset)
{
    *m = (struct model){.p = ONNX__MODEL_PROTO__INIT, .graph = ONNX__GRAPH_PROTO__INIT};
    m->opset = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    m->opset.has_version = 1;
    m->opset.version = opset;
    m->opsets[0] = &m->opset;
    m->p.has_ir_version = 1;
    m->p.ir_version = 8;
    m->p.opset_import = m->opsets;
    m->p.n_opset_import = 1;
    m->p.graph = &m->graph;
    m->graph.name = (char *)"test";
    m->graph.node = m->nodes;
    m->graph.initializer = m->tensors;
    m->graph.input = m->inputs;
    m->graph.output = m->outputs;
}

void model_free(struct model *m)
{
    for (int i = 0; i < m->n_blocks; i++)
        free(m->blocks[i]);
    m->n_blocks = 0;
}

/* "1,2,3" -> numbers; their count */
static size_t numbers(struct model *m, const char *s, int64_t **v)
{
    size_t n = 0;
    char *end;

    *v = model_take(m, (strlen(s) + 1) * sizeof **v);
    while (*s) {
        (*v)[n++] = strtoll(s, &end, 10);
        s = *end == ',' ? end + 1 : end;
    }
    return n;
}

/* "a,,c" -> names; their count */
static size_t names(struct model *m, const char *s, char ***v)
{
    size_t n = 0;

    *v = model_take(m, (strlen(s) + 2) * sizeof **v);
    for (;;) {
        size_t length = strcspn(s, ",");

        (*v)[n] = model_take(m, length);
        memcpy((*v)[n++], s, length);
        if (!s[length])
            return n;
        s += length + 1;
    }
}

Onnx__ValueInfoProto *model_input(struct model *m, const char *name, int type, const char *dims)
{
    Onnx__ValueInfoProto *v = model_take(m, sizeof *v);
    Onnx__TypeProto *t = model_take(m, sizeof *t);
    Onnx__TypeProto__Tensor *tensor = model_take(m, sizeof *tensor);
    Onnx__TensorShapeProto *shape = model_take(m, sizeof *shape);
    int64_t *dim;

    onnx__value_info_proto__init(v);
    onnx__type_proto__init(t);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = numbers(m, dims, &dim);
    shape->dim = model_take(m, (shape->n_dim + 1) * sizeof *shape->dim);
    for (size_t i = 0; i < shape->n_dim; i++) {
        shape->dim[i] = model_take(m, sizeof **shape->dim);
        onnx__tensor_shape_proto__dimension__init(shape->dim[i]);
        shape->dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        shape->dim[i]->dim_value = dim[i];
    }
    tensor->has_elem_type = 1;
    tensor->elem_type = type;
    tensor->shape = shape;
    t->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    t->tensor_type = tensor;
    v->name = model_text(m, name);
    v->type = t;
    return m->inputs[m->graph.n_input++] = v;
}

void model_output(struct model *m, const char *name)
{
    Onnx__ValueInfoProto *v = model_take(m, sizeof *v);

    onnx__value_info_proto__init(v);
    v->name = model_text(m, name);
    m->outputs[m->graph.n_output++] = v;
}

Onnx__TensorProto *model_tensor(struct model *m, const char *name, const char *dims, int type,
                                const void *data, size_t size)
{
    Onnx__TensorProto *t = model_take(m, sizeof *t);
    size_t n = 1;

    onnx__tensor_proto__init(t);
    t->name = model_text(m, name);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = numbers(m, dims, &t->dims);
    for (size_t i = 0; i < t->n_dims; i++)
        n *= (size_t)t->dims[i];
    t->has_raw_data = 1;
    t->raw_data.len = n * size;
    t->raw_data.data = model_take(m, n * size);
    if (data && n)
        memcpy(t->raw_data.data, data, n * size);
    return m->tensors[m->graph.n_initializer++] = t;
}

Onnx__TensorProto *model_f32(struct model *m, const char *name, const char *dims, const float *data)
{
    return model_tensor(m, name, dims, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, data, 4);
}

Onnx__TensorProto *model_pattern(struct model *m, const char *name, const char *dims, int seed)
{
    Onnx__TensorProto *t = model_f32(m, name, dims, NULL);
    uint32_t state = (uint32_t)seed * 2654435761u + 1;

    for (size_t i = 0; i < t->raw_data.len / 4; i++) {
        state = state * 1664525u + 1013904223u;
        ((float *)t->raw_data.data)[i] = (float)(state >> 16) / 65536.0f - 0.4f;
    }
    return t;
}

Onnx__TensorProto *model_i64(struct model *m, const char *name, const char *dims,
                             const int64_t *data)
{
    return model_tensor(m, name, dims, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, data, 8);
}

Onnx__NodeProto *model_node(struct model *m, const char *type, const char *inputs,
                            const char *outputs)
{
    Onnx__NodeProto *n = model_take(m, sizeof *n);

    onnx__node_proto__init(n);
    n->op_type = model_text(m, type);
    n->n_input = *inputs ? names(m, inputs, &n->input) : 0;
    n->n_output = names(m, outputs, &n->output);
    n->attribute = model_take(m, 16 * sizeof *n->attribute);
    return m->nodes[m->graph.n_node++] = n;
}

static Onnx__AttributeProto *attribute(struct model *m, Onnx__NodeProto *n, const char *name,
                                       Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = model_take(m, sizeof *a);

    onnx__attribute_proto__init(a);
    a->name = model_text(m, name);
    a->has_type = 1;
    a->type = type;
    assert(n->n_attribute < 16);
    return n->attribute[n->n_attribute++] = a;
}

void model_attr_int(struct model *m, Onnx__NodeProto *n, const char *name, int64_t v)
{
    Onnx__AttributeProto *a = attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    a->has_i = 1;
    a->i = v;
}

void model_attr_float(struct model *m, Onnx__NodeProto *n, const char *name, float v)
{
    Onnx__AttributeProto *a = attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);

    a->has_f = 1;
    a->f = v;
}

void model_attr_ints(struct model *m, Onnx__NodeProto *n, const char *name, const char *v)
{
    Onnx__AttributeProto *a = attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

    a->n_ints = numbers(m, v, &a->ints);
}

void model_attr_text(struct model *m, Onnx__NodeProto *n, const char *name, const char *v)
{
    Onnx__AttributeProto *a = attribute(m, n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);

    a->has_s = 1;
    a->s.data = (uint8_t *)model_text(m, v);
    a->s.len = strlen(v);
}

const uint8_t *model_pack(struct model *m, size_t *n)
{
    uint8_t *bytes;

    *n = onnx__model_proto__get_packed_size(&m->p);
    bytes = model_take(m, *n);
    onnx__model_proto__pack(&m->p, bytes);
    return bytes;
}
