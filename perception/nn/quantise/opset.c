/* What changed between opset 7 and 13: attributes that became inputs, renamed operators, softmax
 * over one axis instead of all from one axis on. */
#include <string.h>

#include "perception/nn/quantise/rewrite.h"

struct raise {
    struct qmodel *m;
    const struct graph *shapes;
    struct why *why;
};

typedef enum err raise_op(struct raise *r, Onnx__NodeProto *n);

/* Integers of attribute `name` become input i; nothing if there are none. */
static enum err ints_to_input(struct raise *r, Onnx__NodeProto *n, const char *name, size_t i)
{
    const Onnx__AttributeProto *a = qattr(n, name);
    const Onnx__TensorProto *t;
    int64_t count;

    if (!a)
        return OK;
    count = a->n_ints ? (int64_t)a->n_ints : 1; /* TopK's k is a single one */
    t = qmodel_constant(r->m, n->output[0], DTYPE_I64, 1, &count, a->n_ints ? a->ints : &a->i);
    qattr_drop(n, name);
    return t ? qnode_set_input(&r->m->region, n, i, t->name) : ERR_NOMEM;
}

static enum err float_to_input(struct raise *r, Onnx__NodeProto *n, const char *name, size_t i)
{
    const Onnx__AttributeProto *a = qattr(n, name);
    const Onnx__TensorProto *t;

    if (!a)
        return OK;
    t = qmodel_constant(r->m, n->output[0], DTYPE_F32, 0, NULL, &a->f);
    qattr_drop(n, name);
    return t ? qnode_set_input(&r->m->region, n, i, t->name) : ERR_NOMEM;
}

static enum err raise_axes(struct raise *r, Onnx__NodeProto *n)
{
    return ints_to_input(r, n, "axes", 1);
}

static enum err raise_split(struct raise *r, Onnx__NodeProto *n)
{
    return ints_to_input(r, n, "split", 1);
}

static enum err raise_topk(struct raise *r, Onnx__NodeProto *n)
{
    return ints_to_input(r, n, "k", 1);
}

static enum err raise_clip(struct raise *r, Onnx__NodeProto *n)
{
    enum err e = float_to_input(r, n, "min", 1);

    return e == OK ? float_to_input(r, n, "max", 2) : e;
}

static enum err raise_pad(struct raise *r, Onnx__NodeProto *n)
{
    enum err e = ints_to_input(r, n, "pads", 1);

    return e == OK ? float_to_input(r, n, "value", 2) : e;
}

static enum err raise_slice(struct raise *r, Onnx__NodeProto *n)
{
    enum err e;

    if ((e = ints_to_input(r, n, "starts", 1)) != OK || (e = ints_to_input(r, n, "ends", 2)) != OK)
        return e;
    return ints_to_input(r, n, "axes", 3);
}

static enum err raise_dropout(struct raise *r, Onnx__NodeProto *n)
{
    if (n->n_output > 1 && *n->output[1])
        return err_say(r->why, ERR_UNSUPPORTED, "its mask is read");
    n->op_type = (char *)"Identity";
    n->n_attribute = 0;
    n->n_input = n->n_output = 1;
    return OK;
}

static enum err raise_scatter(struct raise *r, Onnx__NodeProto *n)
{
    (void)r;
    n->op_type = (char *)"ScatterElements";
    return OK;
}

/* Upsample (scales as attribute, then as input) and the first Resize (X, scales). */
static enum err raise_resize(struct raise *r, Onnx__NodeProto *n)
{
    struct region *region = &r->m->region;
    const Onnx__AttributeProto *scales = qattr(n, "scales");
    const Onnx__AttributeProto *mode = qattr(n, "mode");
    const char *name = n->n_input > 1 ? n->input[1] : NULL;
    enum err e;

    if (r->m->opset >= 11 && !strcmp(n->op_type, "Resize"))
        return OK;
    if (scales) {
        int64_t count = (int64_t)scales->n_floats;
        const Onnx__TensorProto *t =
            qmodel_constant(r->m, n->output[0], DTYPE_F32, 1, &count, scales->floats);

        if (!t)
            return ERR_NOMEM;
        name = t->name;
        qattr_drop(n, "scales");
    }
    if (!name)
        return err_say(r->why, ERR_UNSUPPORTED, "no scales");
    n->op_type = (char *)"Resize";
    if ((e = qnode_set_input(region, n, 1, "")) != OK ||
        (e = qnode_set_input(region, n, 2, name)) != OK ||
        (e = qattr_set_text(region, n, "coordinate_transformation_mode", "asymmetric")) != OK)
        return e;
    if (!mode || (mode->s.len == 7 && !memcmp(mode->s.data, "nearest", 7)))
        return qattr_set_text(region, n, "nearest_mode", "floor");
    return OK;
}

/* Before opset 13 all axes from `axis` on count as one. */
static enum err raise_softmax(struct raise *r, Onnx__NodeProto *n)
{
    const struct graph *g = r->shapes;
    int64_t axis = qattr_int(n, "axis", 1);
    const struct tensor *x = NULL;
    int wide = 0;

    for (int i = 0; i < g->n_nodes; i++)
        if (!strcmp(g->node[i]->name, n->name) && !strcmp(g->node[i]->type, n->op_type))
            x = &g->node[i]->in[0]->t;
    if (!x) /* of constants, and folded away */
        return err_say(r->why, ERR_UNSUPPORTED, "its shape is not known");
    if (axis < 0)
        axis += x->rank;
    for (int i = (int)axis; i < x->rank; i++)
        if (x->dim[i] != 1) {
            axis = i;
            wide++;
        }
    if (wide > 1)
        return err_say(r->why, ERR_UNSUPPORTED,
                       "before opset 13 it runs over several axes at once");
    return qattr_set_int(&r->m->region, n, "axis", axis);
}

static const struct {
    const char *type;
    int until; /* the last opset with the old form */
    raise_op *raise;
} rules[] = {
    {"Squeeze", 12, raise_axes},    {"Unsqueeze", 12, raise_axes},
    {"ReduceSum", 12, raise_axes},  {"Split", 12, raise_split},
    {"TopK", 9, raise_topk},        {"Clip", 10, raise_clip},
    {"Pad", 10, raise_pad},         {"Slice", 9, raise_slice},
    {"Dropout", 11, raise_dropout}, {"Scatter", 10, raise_scatter},
    {"Upsample", 9, raise_resize},  {"Resize", 10, raise_resize},
    {"Softmax", 12, raise_softmax}, {"LogSoftmax", 12, raise_softmax},
    {"Hardmax", 12, raise_softmax},
};

static enum err raise_node(struct raise *r, Onnx__NodeProto *n)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].type, n->op_type) && r->m->opset <= rules[i].until)
            return rules[i].raise(r, n);
    if (!strcmp(n->op_type, "BatchNormalization") && r->m->opset < 9)
        qattr_drop(n, "spatial"); /* only 1 is accepted by the engine, and that is what stayed */
    return OK;
}

enum err qmodel_raise_opset(struct qmodel *m, const struct graph *shapes, struct why *why)
{
    struct raise r = {.m = m, .shapes = shapes, .why = why};

    if (m->p->ir_version < 7) {
        m->p->has_ir_version = 1;
        m->p->ir_version = 7;
    }
    if (m->opset >= QUANTISE_OPSET)
        return OK;
    for (size_t i = 0; i < m->g->n_node; i++) {
        Onnx__NodeProto *n = m->g->node[i];
        enum err e = raise_node(&r, n);

        if (e != OK)
            return e == ERR_NOMEM
                       ? e
                       : err_prefix(why, e, "node '%.80s' (%.40s), opset %d to %d: ", n->name,
                                    n->op_type, m->opset, QUANTISE_OPSET);
    }
    for (size_t i = 0; i < m->p->n_opset_import; i++) {
        Onnx__OperatorSetIdProto *o = m->p->opset_import[i];

        if (!o->domain || !*o->domain || !strcmp(o->domain, "ai.onnx")) {
            o->has_version = 1;
            o->version = QUANTISE_OPSET;
        }
    }
    m->opset = QUANTISE_OPSET;
    return qmodel_index(m);
}
