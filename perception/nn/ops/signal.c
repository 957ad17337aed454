/* Signals: DFT and STFT by the definition, the windows that go with them, MelWeightMatrix. */
#include <math.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

/* ---- the transform ------------------------------------------------------------------------- */
/* A line of real or complex numbers; of a complex one the parts are neighbours. */
struct line {
    const struct tensor *t;
    int64_t start, step, count;
    int parts;
};

/* cos, then sin, of j / N of a turn. (2, N) */
static void make_turns(double *turn, int64_t N)
{
    for (int64_t j = 0; j < N; j++) {
        turn[j] = cos(2 * M_PI * (double)j / (double)N);
        turn[N + j] = sin(2 * M_PI * (double)j / (double)N);
    }
}

/* to[k] = sum over j of from[j] window[j] exp(-+ 2 pi i j k / N), over N if inverse. What from lacks
 * is 0; the rest of it is not looked at. */
static void transform(const struct line *from, const struct tensor *window, const struct line *to,
                      const double *turn, int64_t N, bool inverse)
{
    const int64_t terms = from->count < N ? from->count : N;

    for (int64_t k = 0; k < to->count; k++) {
        double re = 0, im = 0, share = inverse ? 1.0 / (double)N : 1.0;
        int64_t angle = 0, at = to->start + k * to->step;

        for (int64_t j = 0; j < terms; j++, angle = (angle + k) % N) {
            int64_t f = from->start + j * from->step;
            double w = window ? number_float(window, j) : 1, a = w * number_float(from->t, f);
            double b = from->parts == 2 ? w * number_float(from->t, f + 1) : 0;
            double c = turn[angle], s = inverse ? turn[N + angle] : -turn[N + angle];

            re += a * c - b * s;
            im += a * s + b * c;
        }
        number_set_float(to->t, at, re * share);
        number_set_float(to->t, at + 1, im * share);
    }
}

struct dft_params {
    int64_t N;                    /* length of a transform */
    int64_t outer, length, inner; /* DFT: how the input falls into lines */
    int64_t step;                 /* STFT: from one frame to the next */
    bool inverse;
};

static enum err dft_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct dft_params *p = n->params;

    (void)g;
    (void)why;
    n->scratch = 2 * sizeof(double) * (size_t)p->N;
    return OK;
}

/* The last dimension: real numbers or complex ones. */
static enum err need_parts(const struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (e == OK && x->dim[x->rank - 1] != 1 && x->dim[x->rank - 1] != 2)
        e = err_say(why, ERR_FORMAT, "the last dimension is %lld, needed 1 or 2",
                    (long long)x->dim[x->rank - 1]);
    return e;
}

/* A whole number that must be known; missing: `otherwise`. */
static enum err known_int(const struct node *n, int i, int64_t otherwise, int64_t *v,
                          struct why *why)
{
    int count = 0;
    enum err e;

    *v = otherwise;
    if (!in(n, i))
        return OK;
    if ((e = known_ints(n, i, v, 1, &count, why)) == OK && count != 1)
        e = err_say(why, ERR_FORMAT, "input '%.80s' is empty", in(n, i)->name);
    return e;
}

/* A length of 1 to what one tensor can hold. */
static enum err need_length(int64_t v, const char *what, struct why *why)
{
    if (v < 1)
        return err_say(why, ERR_FORMAT, "%s %lld", what, (long long)v);
    return v > TENSOR_MAX_BYTES ? err_say(why, ERR_LIMIT, "%s %lld", what, (long long)v) : OK;
}

static enum err dft_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct dft_params *p = node_params(g, n, sizeof *p);
    bool onesided = attr_int(n, "onesided", 0) != 0;
    int64_t dim[TENSOR_MAX_RANK], where;
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->inverse = attr_int(n, "inverse", 0) != 0;
    where = n->opset < 20 ? attr_int(n, "axis", 1) : -2;
    if ((e = need_parts(n, why)) != OK || (e = known_int(n, 2, where, &where, why)) != OK ||
        (e = axis_of(where, x->rank, &axis, why)) != OK)
        return e;
    if (axis == x->rank - 1)
        return err_say(why, ERR_FORMAT, "the axis is that of the parts");
    if (onesided && (p->inverse || x->dim[x->rank - 1] == 2))
        return err_say(why, ERR_UNSUPPORTED, "onesided, inverse or of complex numbers");
    if ((e = known_int(n, 1, x->dim[axis], &p->N, why)) != OK ||
        (e = need_length(p->N, "length", why)) != OK)
        return e;
    p->outer = dims_product(x->dim, 0, axis);
    p->length = x->dim[axis];
    p->inner = dims_product(x->dim, axis + 1, x->rank - 1);
    for (int d = 0; d < x->rank; d++)
        dim[d] = d == axis ? (onesided ? p->N / 2 + 1 : p->N) : d == x->rank - 1 ? 2 : x->dim[d];
    if ((e = set_out(n, 0, x->type, x->rank, dim, why)) != OK)
        return e;
    n->work = tensor_count(out(n, 0)) * (p->N < p->length ? p->N : p->length);
    return OK;
}

static enum err dft_run(const struct node *n, const struct run *r)
{
    const struct dft_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    int parts = (int)x->dim[x->rank - 1];
    int64_t lines = p->outer * p->inner, bins = lines ? tensor_count(y) / lines / 2 : 0;

    make_turns(r->scratch, p->N);
    for (int64_t i = 0; i < lines; i++) {
        int64_t o = i / p->inner, j = i % p->inner;
        struct line from = {x, (o * p->length * p->inner + j) * parts, p->inner * parts, p->length,
                            parts};
        struct line to = {y, (o * bins * p->inner + j) * 2, p->inner * 2, bins, 2};

        transform(&from, NULL, &to, r->scratch, p->N, p->inverse);
    }
    return OK;
}

/* ---- STFT: signal (batch, length, parts), step, window (N), N ------------------------------- */
enum { STFT_SIGNAL, STFT_STEP, STFT_WINDOW, STFT_LENGTH };

static enum err stft_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, STFT_SIGNAL), *w = in(n, STFT_WINDOW);
    struct dft_params *p = node_params(g, n, sizeof *p);
    bool onesided = attr_int(n, "onesided", 1) != 0;
    int64_t dim[4];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_parts(n, why)) != OK || (e = need_rank(n, STFT_SIGNAL, 3, 3, why)) != OK ||
        (e = need_rank(n, STFT_WINDOW, 1, 1, why)) != OK ||
        (e = need_type(n, STFT_WINDOW, TYPE(x->type), why)) != OK ||
        (e = known_int(n, STFT_STEP, 0, &p->step, why)) != OK ||
        (e = known_int(n, STFT_LENGTH, w ? w->dim[0] : 0, &p->N, why)) != OK ||
        (e = need_length(p->step, "frame_step", why)) != OK ||
        (e = need_length(p->N, "frame_length", why)) != OK)
        return e;
    if (p->step < 1 || p->N > x->dim[1] || (w && w->dim[0] != p->N))
        return err_say(why, ERR_FORMAT, "frames of %lld, a signal of %lld, a window of %lld",
                       (long long)p->N, (long long)x->dim[1], (long long)(w ? w->dim[0] : p->N));
    if (onesided && x->dim[2] == 2)
        return err_say(why, ERR_FORMAT, "onesided, of complex numbers");
    dim[0] = x->dim[0];
    dim[1] = (x->dim[1] - p->N) / p->step + 1;
    dim[2] = onesided ? p->N / 2 + 1 : p->N;
    dim[3] = 2;
    if ((e = set_out(n, 0, x->type, 4, dim, why)) != OK)
        return e;
    n->work = tensor_count(out(n, 0)) * p->N;
    return OK;
}

static enum err stft_run(const struct node *n, const struct run *r)
{
    const struct dft_params *p = n->params;
    const struct tensor *x = in(n, STFT_SIGNAL), *y = out(n, 0);
    int64_t frames = y->dim[1], bins = y->dim[2];
    int parts = (int)x->dim[2];

    make_turns(r->scratch, p->N);
    for (int64_t i = 0; i < y->dim[0] * frames; i++) {
        int64_t first = i / frames * x->dim[1] + i % frames * p->step;
        struct line from = {x, first * parts, parts, p->N, parts},
                    to = {y, i * bins * 2, 2, bins, 2};

        transform(&from, in(n, STFT_WINDOW), &to, r->scratch, p->N, false);
    }
    return OK;
}

/* ---- windows: sums of cosines -------------------------------------------------------------- */
enum window_kind { HANN, HAMMING, BLACKMAN };

static enum err out_type(struct node *n, enum dtype *type, struct why *why)
{
    int64_t t = attr_int(n, "output_datatype", DTYPE_F32);

    *type = t >= 0 && t <= DTYPE_BF16 ? (enum dtype)t : DTYPE_NONE;
    return *type && (T_NUMBER & TYPE(*type))
               ? OK
               : err_say(why, ERR_UNSUPPORTED, "output_datatype %lld", (long long)t);
}

static enum err window_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t *span = node_params(g, n, sizeof *span), size;
    enum dtype type;
    enum err e;

    if (!span)
        return ERR_NOMEM;
    if ((e = out_type(n, &type, why)) != OK || (e = known_int(n, 0, 0, &size, why)) != OK)
        return e;
    if ((e = set_out(n, 0, type, 1, &size, why)) == OK)
        *span = attr_int(n, "periodic", 1) ? size : size - 1;
    return e;
}

static enum err window_run(const struct node *n, const struct run *r)
{
    static const double terms[][3] = {[HANN] = {0.5, -0.5, 0},
                                      [HAMMING] = {25.0 / 46, -21.0 / 46, 0},
                                      [BLACKMAN] = {0.42, -0.5, 0.08}};
    const double *t = terms[n->op->variant], span = (double)*(const int64_t *)n->params;

    (void)r;
    for (int64_t i = 0; i < tensor_count(out(n, 0)); i++) {
        double a = 2 * M_PI * (double)i / span;

        number_set_float(out(n, 0), i, span > 0 ? t[0] + t[1] * cos(a) + t[2] * cos(2 * a) : 1);
    }
    return OK;
}

/* ---- MelWeightMatrix: triangles, evenly spaced to the ear, over the bins of a spectrum ------ */
enum { MEL_BANDS, MEL_LENGTH, MEL_RATE, MEL_LOW, MEL_HIGH };

static enum err mel_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t dim[2], length;
    enum dtype type;
    enum err e;

    (void)g;
    if ((e = out_type(n, &type, why)) != OK || (e = need_type(n, MEL_RATE, T_INDEX, why)) != OK ||
        (e = need_type(n, MEL_LOW, T_FLOAT, why)) != OK ||
        (e = need_type(n, MEL_HIGH, T_FLOAT, why)) != OK ||
        (e = known_int(n, MEL_BANDS, 0, &dim[1], why)) != OK ||
        (e = known_int(n, MEL_LENGTH, 0, &length, why)) != OK ||
        (e = need_length(length, "dft_length", why)) != OK)
        return e;
    for (int i = MEL_RATE; i <= MEL_HIGH; i++)
        if (tensor_count(in(n, i)) != 1)
            return err_say(why, ERR_FORMAT, "input '%.80s' is no scalar", in(n, i)->name);
    dim[0] = length / 2 + 1;
    return set_out(n, 0, type, 2, dim, why);
}

static double mel_of(double hertz)
{
    return 2595 * log10(1 + hertz / 700);
}

/* The bin in which edge i of the triangles lies, within [0, bins]. */
static int64_t mel_bin(const struct node *n, int64_t i)
{
    double low = mel_of(number_float(in(n, MEL_LOW), 0));
    double high = mel_of(number_float(in(n, MEL_HIGH), 0));
    double mel = low + (double)i * (high - low) / (double)(out(n, 0)->dim[1] + 2);
    double length = number_float(in(n, MEL_LENGTH), 0), rate = number_float(in(n, MEL_RATE), 0);
    double bin = floor((length + 1) * 700 * (pow(10, mel / 2595) - 1) / rate);

    return (int64_t)fmax(0, fmin(bin, (double)out(n, 0)->dim[0])); /* of NaN: 0 */
}

static enum err mel_run(const struct node *n, const struct run *r)
{
    const struct tensor *y = out(n, 0);
    int64_t bins = y->dim[0], bands = y->dim[1];

    (void)r;
    for (int64_t i = 0; i < tensor_count(y); i++)
        number_set_float(y, i, 0);
    for (int64_t i = 0; i < bands; i++) {
        int64_t low = mel_bin(n, i), mid = mel_bin(n, i + 1), high = mel_bin(n, i + 2);

        for (int64_t j = low; j <= mid && j < bins; j++)
            number_set_float(y, j * bands + i,
                             mid > low ? (double)(j - low) / (double)(mid - low) : 1);
        for (int64_t j = mid; j < high && j < bins; j++)
            number_set_float(y, j * bands + i, (double)(high - j) / (double)(high - mid));
    }
    return OK;
}

const struct op ops_signal[] = {
    {"DFT", 1, 3, 1, T_FLOAT, 0, dft_infer, dft_run, dft_prepare, 0},
    {"STFT", 2, 4, 1, T_FLOAT, 0, stft_infer, stft_run, dft_prepare, 0},
    {"HannWindow", 1, 1, 1, T_INDEX, 0, window_infer, window_run, NULL, HANN},
    {"HammingWindow", 1, 1, 1, T_INDEX, 0, window_infer, window_run, NULL, HAMMING},
    {"BlackmanWindow", 1, 1, 1, T_INDEX, 0, window_infer, window_run, NULL, BLACKMAN},
    {"MelWeightMatrix", 5, 5, 1, T_INDEX, 0, mel_infer, mel_run, NULL, 0},
    {NULL},
};
