/* What each layer is in ONNX; those of sequences stand in emit_time.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "perception/train/emit.h"

static const float norm_epsilon = 1e-5f;

static const float *weights_of(const struct emit *x, const struct layer *l, int i)
{
    return x->weights + x->t->param[l->param[i]].at;
}

static const char *param_name(const struct emit *x, const struct layer *l, int i)
{
    return x->t->param[l->param[i]].name;
}

static bool is_picture(const struct emit *x, int value)
{
    return x->t->value[value].rank == 4;
}

/* ---- activations --------------------------------------------------------------------------- */
static void emit_act(struct emit *x, const struct activation *a, const char *in, const char *out)
{
    static const char *const plain[ACT_COUNT] = {
        [ACT_RELU] = "Relu", [ACT_SIGMOID] = "Sigmoid", [ACT_TANH] = "Tanh"};
    Onnx__NodeProto *n;
    const char *s;

    switch (a->act) {
    case ACT_CLIP:
        EMIT(x, "Clip", out, in, emit_scalar(x, a->a), emit_scalar(x, a->b));
        break;
    case ACT_LEAKY:
        n = EMIT(x, "LeakyRelu", out, in);
        emit_float(x, n, "alpha", a->a);
        break;
    case ACT_SILU:
        s = emit_fresh(x);
        EMIT(x, "Sigmoid", s, in);
        EMIT(x, "Mul", out, in, s);
        break;
    case ACT_HARDSIGMOID:
        n = EMIT(x, "HardSigmoid", out, in);
        emit_float(x, n, "alpha", a->a);
        emit_float(x, n, "beta", a->b);
        break;
    case ACT_HARDSWISH:
        EMIT(x, "HardSwish", out, in);
        break;
    default:
        EMIT(x, plain[a->act] ? plain[a->act] : "Identity", out, in);
        break;
    }
}

/* ---- norms --------------------------------------------------------------------------------- */
static void norm_line(const struct emit *x, const struct layer *l, int c, float *scale,
                      float *shift)
{
    *scale = weights_of(x, l, 0)[c] / sqrtf(weights_of(x, l, 3)[c] + norm_epsilon);
    *shift = weights_of(x, l, 1)[c] - weights_of(x, l, 2)[c] * *scale;
}

static void norm_node(struct emit *x, const struct layer *l, const char *in, const char *out)
{
    int C = x->t->param[l->param[0]].dim[0];
    const char *name[4];

    for (int i = 0; i < 4; i++)
        name[i] = emit_floats(x, param_name(x, l, i), 1, &C, weights_of(x, l, i));
    emit_float(x, EMIT(x, "BatchNormalization", out, in, name[0], name[1], name[2], name[3]),
               "epsilon", norm_epsilon);
}

/* Over rows there is no such node: times scale plus shift. */
static void norm_rows(struct emit *x, const struct layer *l, const char *in, const char *out)
{
    int C = x->t->param[l->param[0]].dim[0];
    float *scale = emit_take(x, 2 * (size_t)C * sizeof *scale);
    const char *scaled = emit_fresh(x);

    for (int c = 0; scale && c < C; c++)
        norm_line(x, l, c, &scale[c], &scale[C + c]);
    if (!scale)
        return;
    EMIT(x, "Mul", scaled, in, emit_floats(x, emit_fresh(x), 1, &C, scale));
    EMIT(x, "Add", out, scaled, emit_floats(x, emit_fresh(x), 1, &C, scale + C));
}

static void emit_batch_norm(struct emit *x, const struct layer *l)
{
    const char *in = emit_in(x, l, 0), *out = emit_out(x, l);
    bool plain = l->act.act == ACT_NONE;
    const char *middle = plain || x->folded[l->index] ? out : emit_fresh(x);

    if (x->folded[l->index])
        middle = in;
    else if (is_picture(x, l->out))
        norm_node(x, l, in, middle);
    else
        norm_rows(x, l, in, middle);
    if (!plain || x->folded[l->index])
        emit_act(x, &l->act, middle, out);
}

static const char *transposed(struct emit *x, const char *in, const char *out, int rank,
                              const int *order)
{
    emit_list(x, EMIT(x, "Transpose", out, in), "perm", rank, order);
    return out;
}
static const int to_last[] = {0, 2, 3, 1}, to_front[] = {0, 3, 1, 2};

static void emit_layer_norm(struct emit *x, const struct layer *l)
{
    bool picture = is_picture(x, l->out);
    int C = x->t->param[l->param[0]].dim[0];
    const char *in = emit_in(x, l, 0), *out = picture ? emit_fresh(x) : emit_out(x, l);
    const char *scale = emit_floats(x, param_name(x, l, 0), 1, &C, weights_of(x, l, 0));
    const char *bias = emit_floats(x, param_name(x, l, 1), 1, &C, weights_of(x, l, 1));
    Onnx__NodeProto *n;

    if (picture)
        in = transposed(x, in, emit_fresh(x), 4, to_last);
    n = EMIT(x, "LayerNormalization", out, in, scale, bias);
    emit_int(x, n, "axis", -1);
    emit_float(x, n, "epsilon", norm_epsilon);
    if (picture)
        transposed(x, out, emit_out(x, l), 4, to_front);
}

/* ---- products ------------------------------------------------------------------------------ */
/* The norm that becomes part of l; NULL. */
static const struct layer *folded_into(const struct emit *x, const struct layer *l)
{
    for (int i = l->index + 1; i < x->t->n_layers; i++)
        if (x->folded[i] && x->wanted[i] && x->t->layer[i].in[0] == l->out)
            return &x->t->layer[i];
    return NULL;
}

/* Copies of weights and bias (M), the norm's line taken in; m = channel of weight j. */
static void fold(struct emit *x, const struct layer *l, int M, size_t inner, float **w, float **b)
{
    const struct layer *norm = folded_into(x, l);
    const struct param *p = &x->t->param[l->param[0]];

    *w = emit_take(x, p->n * sizeof **w);
    *b = norm || l->n_params > 1 ? emit_take(x, (size_t)M * sizeof **b) : NULL;
    if (x->e != OK)
        return;
    memcpy(*w, weights_of(x, l, 0), p->n * sizeof **w);
    if (l->n_params > 1)
        memcpy(*b, weights_of(x, l, 1), (size_t)M * sizeof **b);
    if (!norm)
        return;
    for (size_t j = 0; j < p->n; j++) {
        float scale, shift;

        norm_line(x, norm, (int)(j / inner % (size_t)M), &scale, &shift);
        (*w)[j] *= scale;
    }
    for (int m = 0; m < M; m++) {
        float scale, shift;

        norm_line(x, norm, m, &scale, &shift);
        (*b)[m] = (*b)[m] * scale + shift;
    }
}

static void emit_conv(struct emit *x, const struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    bool back = l->kind == &layer_conv_transpose;
    const struct param *p = &x->t->param[l->param[0]];
    int M = back ? s->C : s->M;
    size_t taps = (size_t)s->kh * (size_t)s->kw;
    const char *in = emit_in(x, l, 0), *weights, *bias;
    float *w, *b;
    Onnx__NodeProto *n;

    fold(x, l, M, back ? taps : taps * (size_t)(s->C / s->groups), &w, &b);
    if (x->e != OK)
        return;
    weights = emit_floats(x, p->name, 4, p->dim, w);
    bias = b ? emit_floats(x, emit_text(x, "%s.bias", l->name), 1, &M, b) : NULL;
    n = EMIT(x, back ? "ConvTranspose" : "Conv", emit_out(x, l), in, weights, bias);
    emit_list(x, n, "kernel_shape", 2, (int[]){s->kh, s->kw});
    emit_list(x, n, "strides", 2, (int[]){s->stride_y, s->stride_x});
    emit_list(x, n, "pads", 4, (int[]){s->pad_top, s->pad_left, s->pad_bottom, s->pad_right});
    emit_list(x, n, "dilations", 2, (int[]){s->dilation_y, s->dilation_x});
    emit_int(x, n, "group", s->groups);
    if (back && l->from)
        emit_list(x, n, "output_padding", 2, (int[]){l->from, l->from});
}

static void emit_linear(struct emit *x, const struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    float *w, *b, *turned = emit_take(x, (size_t)s->M * (size_t)s->C * sizeof *turned);
    const char *in = emit_in(x, l, 0), *out = emit_out(x, l), *weights, *product;

    fold(x, l, s->M, (size_t)s->C, &w, &b);
    if (x->e != OK)
        return;
    x->t->k.transpose(turned, (size_t)s->M, w, (size_t)s->C, (size_t)s->M, (size_t)s->C);
    weights = emit_floats(x, param_name(x, l, 0), 2, (int[]){s->C, s->M}, turned);
    product = b ? emit_fresh(x) : out;
    EMIT(x, "MatMul", product, in, weights);
    if (b)
        EMIT(x, "Add", out, product, emit_floats(x, emit_text(x, "%s.bias", l->name), 1, &s->M, b));
}

/* ---- moves --------------------------------------------------------------------------------- */
static int axis_in_file(const struct emit *x, int value, int axis)
{
    static const int picture[] = {0, 2, 3, 1};

    return is_picture(x, value) ? picture[axis] : axis;
}

static void emit_concat(struct emit *x, const struct layer *l)
{
    const char *in[TRAIN_MAX_JOIN];

    for (int i = 0; i < l->n_in; i++)
        in[i] = emit_in(x, l, i);
    emit_int(x, emit_node(x, "Concat", emit_out(x, l), l->n_in, in), "axis",
             axis_in_file(x, l->out, l->axis));
}

static void emit_slice(struct emit *x, const struct layer *l)
{
    int axis = axis_in_file(x, l->out, l->axis);
    int end = l->from + x->t->value[l->out].dim[l->axis];

    EMIT(x, "Slice", emit_out(x, l), emit_in(x, l, 0), emit_numbers(x, 1, &l->from),
         emit_numbers(x, 1, &end), emit_numbers(x, 1, &axis));
}

/* Numbers change places unless the channels of pictures are last, as they are here. */
static void emit_reshape(struct emit *x, const struct layer *l)
{
    const struct value *y = &x->t->value[l->out];
    const char *in = emit_in(x, l, 0), *out = y->rank == 4 ? emit_fresh(x) : emit_out(x, l);
    int dim[TRAIN_MAX_RANK];

    memcpy(dim, y->dim, sizeof dim);
    dim[0] = -1;
    if (is_picture(x, l->in[0]))
        in = transposed(x, in, emit_fresh(x), 4, to_last);
    EMIT(x, "Reshape", out, in, emit_numbers(x, y->rank, dim));
    if (y->rank == 4)
        transposed(x, out, emit_out(x, l), 4, to_front);
}

/* ---- pictures ------------------------------------------------------------------------------ */
static void emit_pool(struct emit *x, const struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    bool max = l->kind == &layer_max_pool;
    const char *in = emit_in(x, l, 0), *out = emit_out(x, l);
    Onnx__NodeProto *n;

    if (!max && s->kh == s->H && s->kw == s->W && s->pad_top == 0) {
        EMIT(x, "GlobalAveragePool", out, in);
        return;
    }
    n = EMIT(x, max ? "MaxPool" : "AveragePool", out, in);
    emit_list(x, n, "kernel_shape", 2, (int[]){s->kh, s->kw});
    emit_list(x, n, "strides", 2, (int[]){s->stride_y, s->stride_x});
    emit_list(x, n, "pads", 4, (int[]){s->pad_top, s->pad_left, s->pad_bottom, s->pad_right});
}

static void emit_resize(struct emit *x, const struct layer *l)
{
    bool nearest = l->resize == RESIZE_NEAREST;
    const float scales[] = {1, 1, (float)l->times, (float)l->times};
    Onnx__NodeProto *n = EMIT(x, "Resize", emit_out(x, l), emit_in(x, l, 0), "",
                              emit_floats(x, emit_fresh(x), 1, (int[]){4}, scales));

    emit_word(x, n, "mode", nearest ? "nearest" : "linear");
    emit_word(x, n, "coordinate_transformation_mode", nearest ? "asymmetric" : "half_pixel");
    if (nearest)
        emit_word(x, n, "nearest_mode", "floor");
}

static void emit_one_to_one(struct emit *x, const struct layer *l)
{
    const char *out = emit_out(x, l);

    if (l->kind == &layer_act)
        emit_act(x, &l->act, emit_in(x, l, 0), out);
    else if (l->kind == &layer_softmax)
        emit_int(x, EMIT(x, "Softmax", out, emit_in(x, l, 0)), "axis",
                 is_picture(x, l->out) ? 1 : -1);
    else if (l->kind == &layer_dropout)
        EMIT(x, "Identity", out, emit_in(x, l, 0));
    else
        EMIT(x, l->kind == &layer_add ? "Add" : "Mul", out, emit_in(x, l, 0), emit_in(x, l, 1));
}

void emit_layer(struct emit *x, const struct layer *l)
{
    static const struct {
        const struct layer_kind *kind;
        void (*emit)(struct emit *x, const struct layer *l);
    } table[] = {
        {&layer_conv, emit_conv},
        {&layer_conv_transpose, emit_conv},
        {&layer_linear, emit_linear},
        {&layer_batch_norm, emit_batch_norm},
        {&layer_layer_norm, emit_layer_norm},
        {&layer_concat, emit_concat},
        {&layer_slice, emit_slice},
        {&layer_reshape, emit_reshape},
        {&layer_max_pool, emit_pool},
        {&layer_average_pool, emit_pool},
        {&layer_resize, emit_resize},
        {&layer_lstm, emit_recurrent},
        {&layer_rnn, emit_recurrent},
        {&layer_attention, emit_attention},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].kind == l->kind) {
            table[i].emit(x, l);
            return;
        }
    emit_one_to_one(x, l);
}
