#include "perception/nn/quantise/layer.h"

#include <math.h>
#include <stdlib.h>

/* Biases stay below this many steps, so that sums have room. */
static const double BIAS_MAX = 1 << 30;

/* Where weight i of a layer comes from and goes to. */
struct wiring {
    bool conv, transposed, turned; /* turned: Gemm's weights as (N, K) */
    int64_t taps, second;          /* second: length of axis 1 */
    int64_t per_group_in, per_group_out;
    int64_t outputs;
};

static struct wiring wiring_of(const struct qnode *n, const Onnx__TensorProto *w)
{
    struct wiring g = {.taps = 1, .second = w->dims[1]};
    int64_t groups = qattr_int(n->p, "group", 1);

    g.conv = qnode_is(n, "Conv");
    g.transposed = qnode_is(n, "ConvTranspose");
    g.turned = qnode_is(n, "Gemm") && qattr_int(n->p, "transB", 0);
    for (size_t d = 2; d < w->n_dims; d++)
        g.taps *= w->dims[d];
    if (g.transposed) {
        g.per_group_in = w->dims[0] / groups;
        g.per_group_out = w->dims[1];
        g.outputs = w->dims[1] * groups;
    } else {
        g.per_group_in = w->dims[1];
        g.per_group_out = w->dims[0] / groups;
        g.outputs = g.conv || g.turned ? w->dims[0] : w->dims[1];
    }
    return g;
}

static int64_t input_of(const struct wiring *g, int64_t i)
{
    int64_t row = i / g->taps / g->second, column = i / g->taps % g->second;

    if (g->conv)
        return row / g->per_group_out * g->per_group_in + column;
    return g->turned ? column : row;
}

static int64_t output_of(const struct wiring *g, int64_t i)
{
    int64_t row = i / g->taps / g->second, column = i / g->taps % g->second;

    if (g->transposed)
        return row / g->per_group_in * g->per_group_out + column;
    return g->conv || g->turned ? row : column;
}

/* ---- weights ------------------------------------------------------------------------------- */
struct gather {
    int64_t *at;
    float *importance;
};

/* The weights of scale s. */
static void gather_channel(const struct layer *l, const struct wiring *g, const struct observed *x,
                           int64_t s, struct gather *to)
{
    int64_t k = 0;

    for (int64_t b = 0; b < l->shape.before; b++)
        for (int64_t a = 0; a < l->shape.after; a++, k++) {
            int64_t i = (b * l->shape.channels + s) * l->shape.after + a, c = input_of(g, i);

            to->at[k] = i;
            to->importance[k] = c < x->channels ? (float)x->square[c] + 1e-12f : 1.0f;
        }
}

static void round_channel(const struct weights_view *v, float scale, int8_t *q)
{
    for (int64_t k = 0; k < v->n; k++) {
        double r = rint((double)v->w[v->at[k]] / (double)scale);

        q[v->at[k]] = (int8_t)(r > 127 ? 127 : r >= -127 ? r : -127); /* NaN too */
    }
}

/* Channels with hardly any weights, or none, get a scale at which their bias can be said. */
static float least_scale(const struct layer *l, double x_scale, const float *bias, int64_t outputs,
                         int64_t s)
{
    double most = 0;

    for (int64_t c = s; bias && c < outputs; c += l->shape.channels)
        most = fmax(most, fabs((double)bias[c]));
    return most > 0 ? (float)(2 * most / x_scale / BIAS_MAX) : 1e-30f;
}

static enum err quantise_weights(struct layer *l, const struct wiring *g, const float *w,
                                 const struct observed *x, const float *bias, double x_scale)
{
    int64_t n = l->shape.before * l->shape.after;
    struct gather to = {calloc((size_t)n + 1, sizeof *to.at),
                        calloc((size_t)n + 1, sizeof *to.importance)};
    struct weights_view v = {.w = w, .n = n, .at = to.at, .importance = to.importance};

    for (int64_t s = 0; to.at && to.importance && s < l->shape.channels; s++) {
        float *scale = (float *)(void *)l->scale->raw_data.data + s;

        gather_channel(l, g, x, s, &to);
        *scale = fmaxf(weights_scale(&v), least_scale(l, x_scale, bias, g->outputs, s));
        round_channel(&v, *scale, (int8_t *)l->weights->raw_data.data);
    }
    free(to.at);
    free(to.importance);
    return to.at && to.importance ? OK : ERR_NOMEM;
}

/* ---- bias ---------------------------------------------------------------------------------- */
/* What the layer adds now; NULL where it has no bias that we understand. */
static const float *float_bias(const struct qmodel *m, const struct qnode *n, int64_t outputs)
{
    const Onnx__TensorProto *b = qnode_constant(m, n, 2);

    return b && b->n_dims == 1 && b->dims[0] == outputs ? qtensor_floats(b) : NULL;
}

/* Outputs of a transposed convolution each see a part of the taps. */
static double share_of_taps(const struct qnode *n)
{
    const Onnx__AttributeProto *strides = qattr(n->p, "strides");
    double share = 1;

    for (size_t i = 0; qnode_is(n, "ConvTranspose") && strides && i < strides->n_ints; i++)
        share /= (double)strides->ints[i];
    return share;
}

static void add_correction(const struct layer *l, const struct qnode *n, const struct wiring *g,
                           const float *w, const struct observed *x, double *bias)
{
    const float *scale = (const float *)(const void *)l->scale->raw_data.data;
    const int8_t *q = (const int8_t *)l->weights->raw_data.data;
    double share = share_of_taps(n);
    int64_t count = l->shape.before * l->shape.channels * l->shape.after;

    for (int64_t i = 0; i < count; i++) {
        int64_t s = i / l->shape.after % l->shape.channels, c = input_of(g, i);
        double error = (double)w[i] - (double)scale[s] * q[i];

        if (c < x->channels && isfinite(x->mean[c]))
            bias[output_of(g, i)] += error * x->mean[c] * share;
    }
}

static enum err quantise_bias(struct layer *l, struct region *r, const double *bias,
                              int64_t outputs, double x_scale)
{
    const float *scale = (const float *)(const void *)l->scale->raw_data.data;
    const char *name = l->weights->name;

    l->bias = qtensor(r, qname(r, "%s_bias", name), DTYPE_I32, 1, &outputs, NULL);
    l->bias_scale = qtensor(r, qname(r, "%s_bias_scale", name), DTYPE_F32, 1, &outputs, NULL);
    l->bias_zero = qtensor(r, qname(r, "%s_bias_zero_point", name), DTYPE_I32, 1, &outputs, NULL);
    if (!l->bias || !l->bias_scale || !l->bias_zero)
        return ERR_NOMEM;
    for (int64_t c = 0; c < outputs; c++) {
        float step = (float)x_scale * scale[c % l->shape.channels];
        double q = step > 0 ? rint(bias[c] / (double)step) : 0; /* too small: nothing */

        q = q > BIAS_MAX ? BIAS_MAX : q >= -BIAS_MAX ? q : -BIAS_MAX;
        ((float *)(void *)l->bias_scale->raw_data.data)[c] = step;
        ((int32_t *)(void *)l->bias->raw_data.data)[c] = (int32_t)q;
    }
    return OK;
}

/* Products without a bias stay so: MatMul has no place for one. A bias of another shape than one
 * number per output stays as it is. */
static bool has_place_for_bias(const struct qnode *n)
{
    return !qnode_is(n, "MatMul");
}

enum err layer_quantise(struct layer *l, struct region *r, const struct qmodel *m,
                        const struct observed *x, struct range input)
{
    const struct qnode *n = &m->node[l->node];
    const Onnx__TensorProto *w = qnode_constant(m, n, 1);
    struct wiring g = wiring_of(n, w);
    const float *b = float_bias(m, n, g.outputs);
    const char *name = m->value[n->in[1]].n_readers == 1 ? w->name : n->p->output[0];
    double *bias;
    enum err e = OK;

    l->weights =
        qtensor(r, qname(r, "%s_quantized", name), DTYPE_I8, (int)w->n_dims, w->dims, NULL);
    l->scale =
        qtensor(r, qname(r, "%s_weight_scale", name), DTYPE_F32, 1, &l->shape.channels, NULL);
    l->zero =
        qtensor(r, qname(r, "%s_weight_zero_point", name), DTYPE_I8, 1, &l->shape.channels, NULL);
    if (!l->weights || !l->scale || !l->zero ||
        quantise_weights(l, &g, qtensor_floats(w), x, b, (double)input.scale) != OK)
        return ERR_NOMEM;
    if (!has_place_for_bias(n) || (!b && n->n_in > 2 && n->in[2] >= 0))
        return OK;
    if (!(bias = calloc((size_t)g.outputs + 1, sizeof *bias)))
        return ERR_NOMEM;
    for (int64_t c = 0; b && c < g.outputs; c++)
        bias[c] = (double)b[c];
    add_correction(l, n, &g, qtensor_floats(w), x, bias);
    e = quantise_bias(l, r, bias, g.outputs, (double)input.scale);
    free(bias);
    return e;
}
