/* The same foldings as fuse.c makes on the graph when it runs, here on the file: a batch norm that
 * stays would be a float island, and weights should be quantised as they are used. */
#include <math.h>
#include <string.h>

#include "perception/nn/quantise/rewrite.h"

enum {
    CONV_IN_W = 1,
    CONV_IN_BIAS = 2,
    MAX_PASSES = 8, /* as many nodes in a row go into one convolution */
};

/* y = x scale[c] + shift[c] */
struct affine {
    int n; /* 1: the same for all channels */
    double *scale, *shift;
};

static bool is_conv_type(const struct qnode *n)
{
    return qnode_is(n, "Conv") || qnode_is(n, "ConvTranspose");
}

/* Channels out; weights are (M, C / groups, ...) or, transposed, (C, M / groups, ...). */
static int64_t conv_channels(const struct qnode *n, const Onnx__TensorProto *w)
{
    return qnode_is(n, "Conv") ? w->dims[0] : w->dims[1] * qattr_int(n->p, "group", 1);
}

static bool affine_room(struct qmodel *m, struct affine *a, int64_t n)
{
    a->n = (int)n;
    a->scale = region_take(&m->region, (size_t)n * sizeof(double));
    a->shift = region_take(&m->region, (size_t)n * sizeof(double));
    return a->scale && a->shift;
}

static enum err batch_norm_affine(struct qmodel *m, const struct qnode *n, struct affine *a)
{
    const float *p[4];
    double epsilon = (double)qattr_float(n->p, "epsilon", 1e-5f);

    for (int i = 0; i < 4; i++) {
        const Onnx__TensorProto *t = qnode_constant(m, n, i + 1);

        if (!t || !(p[i] = qtensor_floats(t)) || qtensor_count(t) != a->n)
            return ERR_MISMATCH;
    }
    for (int c = 0; c < a->n; c++) {
        a->scale[c] = (double)p[0][c] / sqrt((double)p[3][c] + epsilon);
        a->shift[c] = (double)p[1][c] - (double)p[2][c] * a->scale[c];
    }
    return OK;
}

/* A constant of one number, or of one per channel of a tensor of that rank. */
static bool per_channel(const Onnx__TensorProto *t, int rank, int64_t channels)
{
    int64_t n = qtensor_count(t);
    int at = (int)t->n_dims - (rank - 1);

    if ((int)t->n_dims > rank || !qtensor_floats(t))
        return false;
    return n == 1 || (n == channels && at >= 0 && at <= 1 && t->dims[at] == channels);
}

/* What node n does to input i per channel; ERR_MISMATCH if it is nothing of the kind. */
static enum err affine_of(struct qmodel *m, const struct qnode *n, int i, int rank,
                          int64_t channels, struct affine *a)
{
    const Onnx__TensorProto *t = qnode_constant(m, n, 1 - i);
    bool mul = qnode_is(n, "Mul"), add = qnode_is(n, "Add"), sub = qnode_is(n, "Sub") && i == 0,
         norm = qnode_is(n, "BatchNormalization") && i == 0;

    if (!mul && !add && !sub && !norm)
        return ERR_MISMATCH;
    if (!norm && (!t || !per_channel(t, rank, channels)))
        return ERR_MISMATCH;
    if (!affine_room(m, a, channels))
        return ERR_NOMEM;
    if (norm)
        return n->n_out > 1 && n->out[1] >= 0 ? ERR_MISMATCH : batch_norm_affine(m, n, a);
    for (int64_t c = 0; c < channels; c++) {
        double v = (double)qtensor_floats(t)[qtensor_count(t) == 1 ? 0 : c];

        a->scale[c] = mul ? v : 1.0;
        a->shift[c] = add ? v : sub ? -v : 0.0;
    }
    return OK;
}

static int64_t channel_of_weight(const struct qnode *conv, const Onnx__TensorProto *w, int64_t i)
{
    int64_t taps = 1, groups = qattr_int(conv->p, "group", 1);

    for (size_t d = 2; d < w->n_dims; d++)
        taps *= w->dims[d];
    if (qnode_is(conv, "Conv"))
        return i / taps / w->dims[1];
    return i / taps / w->dims[1] / (w->dims[0] / groups) * w->dims[1] + i / taps % w->dims[1];
}

static enum err apply(struct qmodel *m, struct qnode *conv, const struct affine *a)
{
    const Onnx__TensorProto *w = qnode_constant(m, conv, CONV_IN_W),
                            *b = qnode_constant(m, conv, CONV_IN_BIAS);
    int64_t M = a->n;
    Onnx__TensorProto *nw = qmodel_constant(m, w->name, DTYPE_F32, (int)w->n_dims, w->dims,
                                            w->raw_data.data),
                      *nb = qmodel_constant(m, (b ? b : w)->name, DTYPE_F32, 1, &M, NULL);
    enum err e;

    if (!nw || !nb)
        return ERR_NOMEM;
    for (int64_t i = 0; i < qtensor_count(w); i++)
        ((float *)(void *)nw->raw_data.data)[i] =
            (float)((double)qtensor_floats(w)[i] * a->scale[channel_of_weight(conv, w, i)]);
    for (int64_t c = 0; c < M; c++) {
        double old = b ? (double)qtensor_floats(b)[c] : 0.0;

        ((float *)(void *)nb->raw_data.data)[c] = (float)(old * a->scale[c] + a->shift[c]);
    }
    if ((e = qnode_set_input(&m->region, conv->p, CONV_IN_W, nw->name)) != OK)
        return e;
    return qnode_set_input(&m->region, conv->p, CONV_IN_BIAS, nb->name);
}

/* Not yet changed, and weights (and bias) are float32 initialisers. */
static bool conv_foldable(const struct qmodel *m, const struct qnode *conv)
{
    const Onnx__TensorProto *w = qnode_constant(m, conv, CONV_IN_W);

    if (conv->touched || conv->gone || !is_conv_type(conv) || !w || !qtensor_floats(w) ||
        w->n_dims < 3)
        return false;
    return conv->n_in <= CONV_IN_BIAS || conv->in[CONV_IN_BIAS] < 0 ||
           qtensor_floats(qnode_constant(m, conv, CONV_IN_BIAS));
}

/* Node n into the convolution before it; ERR_MISMATCH if it cannot be. */
static enum err fold_behind(struct qmodel *m, const struct qnode *n)
{
    for (int i = 0; i < n->n_in && i < 2; i++) {
        const struct qvalue *v = n->in[i] >= 0 ? &m->value[n->in[i]] : NULL;
        struct qnode *conv = v && v->maker >= 0 ? &m->node[v->maker] : NULL;
        const Onnx__TensorProto *w;
        struct affine a;
        enum err e;

        if (!conv || v->n_readers != 1 || v->output || !conv_foldable(m, conv))
            continue;
        w = qnode_constant(m, conv, CONV_IN_W);
        e = affine_of(m, n, i, (int)w->n_dims, conv_channels(conv, w), &a);
        if (e == OK && (e = apply(m, conv, &a)) == OK)
            conv->p->output[0] = n->p->output[0];
        conv->touched |= e == OK;
        if (e != ERR_MISMATCH)
            return e;
    }
    return ERR_MISMATCH;
}

/* A factor for all channels into the convolution that alone reads it: padding stays 0. */
static enum err fold_before(struct qmodel *m, const struct qnode *n)
{
    const struct qvalue *v = n->n_out == 1 && n->out[0] >= 0 ? &m->value[n->out[0]] : NULL;
    struct qnode *conv = v && v->n_readers == 1 && !v->output ? &m->node[v->reader[0]] : NULL;
    const Onnx__TensorProto *w, *t, *nw;

    if (!conv || !qnode_is(n, "Mul") || !conv_foldable(m, conv) || conv->in[0] != n->out[0])
        return ERR_MISMATCH;
    for (int i = 0; i < 2; i++) {
        t = qnode_constant(m, n, 1 - i);
        w = qnode_constant(m, conv, CONV_IN_W);
        if (!t || !qtensor_floats(t) || qtensor_count(t) != 1 || t->n_dims > w->n_dims)
            continue;
        nw = qmodel_constant(m, w->name, DTYPE_F32, (int)w->n_dims, w->dims, w->raw_data.data);
        if (!nw)
            return ERR_NOMEM;
        for (int64_t k = 0; k < qtensor_count(w); k++)
            ((float *)(void *)nw->raw_data.data)[k] *= qtensor_floats(t)[0];
        conv->p->input[0] = n->p->input[i];
        conv->touched = true;
        return qnode_set_input(&m->region, conv->p, CONV_IN_W, nw->name);
    }
    return ERR_MISMATCH;
}

/* Initialisers that nobody reads any more. */
static void drop_constants(struct qmodel *m)
{
    size_t keep = 0;

    for (size_t i = 0; i < m->g->n_initializer; i++) {
        Onnx__TensorProto *t = m->g->initializer[i];
        const struct qvalue *v = &m->value[qmodel_find(m, t->name)];

        if (v->n_readers > 0 || v->output)
            m->g->initializer[keep++] = t;
    }
    m->g->n_initializer = keep;
}

/* Take out the nodes that went into others; the index holds again. */
static enum err remove_gone(struct qmodel *m)
{
    size_t keep = 0;

    for (int i = 0; i < m->n_nodes; i++)
        if (!m->node[i].gone)
            m->g->node[keep++] = m->g->node[i];
    m->g->n_node = keep;
    return qmodel_index(m);
}

/* One more node into each convolution at most: then the index is old. */
static enum err fold_once(struct qmodel *m, bool *more)
{
    *more = false;
    for (int i = 0; i < m->n_nodes; i++) {
        enum err e = fold_behind(m, &m->node[i]);

        if (e == ERR_MISMATCH)
            e = fold_before(m, &m->node[i]);
        if (e == ERR_MISMATCH)
            continue;
        if (e != OK)
            return e;
        m->node[i].gone = *more = true;
    }
    return remove_gone(m);
}

enum err qmodel_fold(struct qmodel *m)
{
    bool more = true;
    enum err e;

    for (int pass = 0; more && pass < MAX_PASSES; pass++)
        if ((e = fold_once(m, &more)) != OK)
            return e;
    drop_constants(m);
    return qmodel_index(m);
}
