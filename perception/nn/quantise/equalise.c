#include "perception/nn/quantise/equalise.h"

#include <math.h>
#include <stdlib.h>

/* s[c] = range[c]^a / (largest weight that reads c)^(1 - a) */
static const double exponents[] = {0.5, 0.75, 1.0};

enum { MAX_READERS = 8 };

/* A tensor between a convolution and those that read it. */
struct seam {
    Onnx__TensorProto *weights, *bias; /* of the maker; bias may be NULL */
    Onnx__TensorProto *reader[MAX_READERS];
    int64_t per_group[MAX_READERS]; /* rows of reader weights per group */
    int n_readers;
    int64_t channels;
    const struct observed *x;
};

static float *floats(const Onnx__TensorProto *t)
{
    return (float *)(void *)t->raw_data.data;
}

static int64_t taps_of(const Onnx__TensorProto *w)
{
    int64_t taps = 1;

    for (size_t d = 2; d < w->n_dims; d++)
        taps *= w->dims[d];
    return taps;
}

/* The initialiser that is input i of n, if nobody else reads it: it may be changed. */
static Onnx__TensorProto *own_constant(const struct qmodel *m, const struct qnode *n, int i)
{
    const struct qvalue *v = i < n->n_in && n->in[i] >= 0 ? &m->value[n->in[i]] : NULL;

    return v && v->constant && v->n_readers == 1 && !v->output && qtensor_floats(v->constant)
               ? v->constant
               : NULL;
}

static bool is_homogeneous(const struct qnode *n)
{
    return qnode_is(n, "Relu") || qnode_is(n, "LeakyRelu") || qnode_is(n, "PRelu");
}

/* The value that the convolution's channels arrive in; -1. */
static int behind(const struct qmodel *m, const struct qnode *conv)
{
    const struct qvalue *v = &m->value[conv->out[0]];
    const struct qnode *act = v->n_readers == 1 && !v->output ? &m->node[v->reader[0]] : NULL;

    return act && is_homogeneous(act) && act->in[0] == conv->out[0] ? act->out[0] : conv->out[0];
}

static bool seam_readers(struct seam *s, const struct qmodel *m, int at)
{
    const struct qvalue *v = &m->value[at];

    if (v->output || v->n_readers == 0 || v->n_readers > MAX_READERS)
        return false;
    for (int i = 0; i < v->n_readers; i++) {
        const struct qnode *n = &m->node[v->reader[i]];
        int64_t groups = qattr_int(n->p, "group", 1);
        Onnx__TensorProto *w = qnode_is(n, "Conv") && n->in[0] == at ? own_constant(m, n, 1) : NULL;

        if (!w || w->n_dims < 3 || w->dims[1] * groups != s->channels)
            return false;
        s->reader[s->n_readers] = w;
        s->per_group[s->n_readers++] = w->dims[0] / groups;
    }
    return true;
}

static bool seam_at(struct seam *s, const struct qmodel *m, const struct calibration *c,
                    const struct qnode *conv)
{
    int at;

    *s = (struct seam){0};
    if (!qnode_is(conv, "Conv") || !(s->weights = own_constant(m, conv, 1)))
        return false;
    if (conv->n_in > 2 && conv->in[2] >= 0 && !(s->bias = own_constant(m, conv, 2)))
        return false;
    s->channels = s->weights->dims[0];
    at = behind(m, conv);
    s->x = c->seen[at];
    return s->x && s->x->channels == s->channels && seam_readers(s, m, at);
}

/* Channel of x that weight i of reader r multiplies. */
static int64_t channel_of(const struct seam *s, int r, int64_t i)
{
    const Onnx__TensorProto *w = s->reader[r];
    int64_t row = i / taps_of(w) / w->dims[1], column = i / taps_of(w) % w->dims[1];

    return row / s->per_group[r] * w->dims[1] + column;
}

static double range_of(const struct seam *s, int64_t c)
{
    return fmax((double)s->x->most[c], -(double)s->x->least[c]);
}

/* Of rounding x, and of rounding the weights, in the outputs of reader r; scale (channels). */
static double reader_noise(const struct seam *s, int r, const double *scale, double step)
{
    const Onnx__TensorProto *w = s->reader[r];
    int64_t per_row = taps_of(w) * w->dims[1];
    double noise = 0;

    for (int64_t row = 0; row < w->dims[0]; row++) {
        double largest = 0, from_x = 0, from_w = 0;

        for (int64_t i = row * per_row; i < (row + 1) * per_row; i++) {
            int64_t c = channel_of(s, r, i);
            double v = fabs((double)floats(w)[i]) * scale[c];

            largest = fmax(largest, v);
            from_x += v * v;
            from_w += s->x->square[c] / (scale[c] * scale[c]);
        }
        noise += step * step * from_x + largest * largest / (127.0 * 127.0) * from_w;
    }
    return noise / 12;
}

static double seam_noise(const struct seam *s, const double *scale)
{
    double low = 0, high = 0, noise = 0;

    for (int64_t c = 0; c < s->channels; c++) {
        low = fmin(low, (double)s->x->least[c] / scale[c]);
        high = fmax(high, (double)s->x->most[c] / scale[c]);
    }
    for (int r = 0; r < s->n_readers; r++)
        noise += reader_noise(s, r, scale, (high - low) / 255);
    return noise;
}

/* reach (channels): the largest weight that reads each channel. */
static void candidate(const struct seam *s, const double *reach, double exponent, double *scale)
{
    double widest = 0, largest = 0;

    for (int64_t c = 0; c < s->channels; c++) {
        widest = fmax(widest, range_of(s, c));
        largest = fmax(largest, reach[c]);
    }
    for (int64_t c = 0; c < s->channels; c++) {
        double range = fmax(range_of(s, c) / widest, 1e-3), w = fmax(reach[c] / largest, 1e-3);

        scale[c] = pow(range, exponent) / pow(w, 1 - exponent);
    }
}

static void apply(const struct seam *s, const double *scale)
{
    int64_t per_row = qtensor_count(s->weights) / s->channels;

    for (int64_t i = 0; i < s->channels * per_row; i++)
        floats(s->weights)[i] = (float)((double)floats(s->weights)[i] / scale[i / per_row]);
    for (int64_t c = 0; s->bias && c < s->channels; c++)
        floats(s->bias)[c] = (float)((double)floats(s->bias)[c] / scale[c]);
    for (int r = 0; r < s->n_readers; r++)
        for (int64_t i = 0; i < qtensor_count(s->reader[r]); i++)
            floats(s->reader[r])[i] =
                (float)((double)floats(s->reader[r])[i] * scale[channel_of(s, r, i)]);
}

/* The best of the candidates and of leaving it as it is. memory (3 channels). */
static bool equalise_seam(const struct seam *s, double *memory)
{
    double *reach = memory, *scale = memory + s->channels, *best = scale + s->channels, least;
    bool better = false;

    for (int64_t c = 0; c < s->channels; c++) {
        reach[c] = 0;
        best[c] = 1;
    }
    for (int r = 0; r < s->n_readers; r++)
        for (int64_t i = 0; i < qtensor_count(s->reader[r]); i++) {
            double *to = &reach[channel_of(s, r, i)];

            *to = fmax(*to, fabs((double)floats(s->reader[r])[i]));
        }
    least = seam_noise(s, best);
    for (size_t k = 0; k < sizeof exponents / sizeof *exponents && least > 0; k++) {
        double noise;

        candidate(s, reach, exponents[k], scale);
        noise = seam_noise(s, scale);
        if (!(noise < least))
            continue;
        least = noise;
        better = true;
        for (int64_t c = 0; c < s->channels; c++)
            best[c] = scale[c];
    }
    if (better)
        apply(s, best);
    return better;
}

enum err equalise(struct qmodel *m, const struct place *p, const struct calibration *c,
                  int *changed)
{
    *changed = 0;
    for (int i = 0; i < m->n_nodes; i++) {
        struct seam s;
        double *memory;

        if (p->kind[i] != KIND_LAYER || !seam_at(&s, m, c, &m->node[i]))
            continue;
        if (!(memory = calloc(3 * (size_t)s.channels + 1, sizeof *memory)))
            return ERR_NOMEM;
        *changed += equalise_seam(&s, memory);
        free(memory);
    }
    return OK;
}
