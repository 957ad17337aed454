/* One step of RNN, GRU and LSTM for a few sequences at once. */
#include "perception/nn/ops/recurrent.h"

#include <math.h>
#include <strings.h>

/* ---- functions ----------------------------------------------------------------------------- */
struct cell_function_row {
    const char *name;
    int uses; /* of alpha, beta */
    float alpha, beta;
    enum unary kernel;                                /* UNARY_COUNT: none */
    enum act act;                                     /* ACT_NONE: none; as the kernels know it */
    float (*plain)(float x, float alpha, float beta); /* where there is neither */
};

static float affine(float x, float alpha, float beta)
{
    return alpha * x + beta;
}
static float thresholded(float x, float alpha, float beta)
{
    (void)beta;
    return x >= alpha ? x : 0.0f;
}
static float scaled_tanh(float x, float alpha, float beta)
{
    return alpha * tanhf(beta * x);
}
static float elu(float x, float alpha, float beta)
{
    (void)beta;
    return x >= 0.0f ? x : alpha * expm1f(x);
}
static float softsign(float x, float alpha, float beta)
{
    (void)alpha;
    (void)beta;
    return x / (1.0f + fabsf(x));
}
static float softplus(float x, float alpha, float beta)
{
    (void)alpha;
    (void)beta;
    return x > 0.0f ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

static const struct cell_function_row functions[] = {
    {"Sigmoid", 0, 0, 0, UNARY_SIGMOID, ACT_NONE, NULL},
    {"Tanh", 0, 0, 0, UNARY_TANH, ACT_NONE, NULL},
    {"Relu", 0, 0, 0, UNARY_COUNT, ACT_RELU, NULL},
    {"LeakyRelu", 1, 0.01f, 0, UNARY_COUNT, ACT_LEAKY, NULL},
    {"HardSigmoid", 2, 0.2f, 0.5f, UNARY_COUNT, ACT_HARDSIGMOID, NULL},
    {"Affine", 2, 1.0f, 0.0f, UNARY_COUNT, ACT_NONE, affine},
    {"ThresholdedRelu", 1, 1.0f, 0, UNARY_COUNT, ACT_NONE, thresholded},
    {"ScaledTanh", 2, 1.0f, 1.0f, UNARY_COUNT, ACT_NONE, scaled_tanh},
    {"Elu", 1, 1.0f, 0, UNARY_COUNT, ACT_NONE, elu},
    {"Softsign", 0, 0, 0, UNARY_COUNT, ACT_NONE, softsign},
    {"Softplus", 0, 0, 0, UNARY_COUNT, ACT_NONE, softplus},
};

bool cell_function_find(const char *name, struct cell_function *f, int *uses)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strcasecmp(functions[i].name, name)) {
            *f = (struct cell_function){&functions[i], functions[i].alpha, functions[i].beta};
            *uses = functions[i].uses;
            return true;
        }
    return false;
}

/* y = f(clip(x)).  y, x (n), may be the same. */
static void apply(const struct cell_block *b, const struct cell_function *f, float *y,
                  const float *x, int n)
{
    const struct cell_function_row *row = f->row;
    struct finish act = {.scale = 1.0f, .act = row->act, .a = f->alpha, .b = f->beta};
    struct finish clip = {.scale = 1.0f, .act = ACT_CLIP, .a = -b->p->clip, .b = b->p->clip};

    if (b->p->clip < INFINITY) {
        b->k->finish(y, x, (size_t)n, &clip);
        x = y;
    }
    if (row->kernel != UNARY_COUNT)
        b->k->unary[row->kernel](y, x, (size_t)n);
    else if (row->act != ACT_NONE)
        b->k->finish(y, x, (size_t)n, &act);
    else
        for (int i = 0; i < n; i++)
            y[i] = row->plain(x[i], f->alpha, f->beta);
}

static void multiply(const struct cell_block *b, float *y, const float *x, const float *z)
{
    b->k->binary[BINARY_MUL](y, x, z, (size_t)b->p->H);
}

static void add(const struct cell_block *b, float *y, const float *x)
{
    b->k->binary[BINARY_ADD](y, y, x, (size_t)b->p->H);
}

/* gates[at...] (rows, n) += h transpose(part of R) */
static void product(struct cell_block *b, const float *h, int part, int n, float *to, size_t step)
{
    size_t H = (size_t)b->p->H, rows = (size_t)b->rows;

    b->k->transpose(b->turned, rows, h, H, rows, H);
    dense_step(b->k, b->rows, n, b->p->H, b->turned, b->weights->r[part], to, step, true);
}

/* ---- cells --------------------------------------------------------------------------------- */
static void rnn_step(struct cell_block *b)
{
    int H = b->p->H;

    product(b, b->h, 0, H, b->gates, (size_t)H);
    for (int i = 0; i < b->rows; i++)
        if (b->alive[i])
            apply(b, &b->function[0], b->h + (size_t)i * H, b->gates + (size_t)i * H, H);
}

static void add_peephole(const struct cell_block *b, float *gate, int which, const float *c)
{
    if (!b->weights->peephole)
        return;
    multiply(b, b->row, b->weights->peephole + (size_t)which * b->p->H, c);
    add(b, gate, b->row);
}

/* f = 1 - i, where input_forget couples the two. */
static void couple(const struct cell_block *b, float *forget, const float *input)
{
    struct finish f = {.scale = -1.0f, .shift = 1.0f};

    b->k->finish(forget, input, (size_t)b->p->H, &f);
}

static void lstm_row(struct cell_block *b, float *gates, float *h, float *c)
{
    int H = b->p->H;
    float *i = gates, *o = i + H, *f = o + H, *g = f + H;
    const struct cell_function *fn = b->function;

    if (b->weights->peephole || b->p->input_forget) {
        add_peephole(b, i, 0, c);
        add_peephole(b, f, 2, c);
        apply(b, &fn[0], i, i, H);
        apply(b, &fn[0], f, f, H);
        if (b->p->input_forget)
            couple(b, f, i);
    } else {
        apply(b, &fn[0], i, i, 3 * H);
    }
    apply(b, &fn[1], g, g, H);
    multiply(b, c, f, c);
    multiply(b, g, i, g);
    add(b, c, g);
    if (b->weights->peephole || b->p->input_forget) {
        add_peephole(b, o, 1, c);
        apply(b, &fn[0], o, o, H);
    }
    apply(b, &fn[2], h, c, H);
    multiply(b, h, o, h);
}

static void lstm_step(struct cell_block *b)
{
    size_t H = (size_t)b->p->H;

    product(b, b->h, 0, 4 * b->p->H, b->gates, 4 * H);
    for (int i = 0; i < b->rows; i++)
        if (b->alive[i])
            lstm_row(b, b->gates + 4 * H * (size_t)i, b->h + H * (size_t)i, b->c + H * (size_t)i);
}

/* h = (1 - z) n + z h = n + z (h - n) would lose digits where h is near n: as it is written. */
static void gru_mix(struct cell_block *b, float *z, float *n, float *h)
{
    multiply(b, h, z, h);
    couple(b, z, z);
    multiply(b, n, z, n);
    add(b, h, n);
}

static void gru_step(struct cell_block *b)
{
    int H = b->p->H;
    size_t step = 3 * (size_t)H;

    product(b, b->h, 0, 2 * H, b->gates, step);
    for (int i = 0; i < b->rows; i++) {
        float *zr = b->gates + step * (size_t)i, *after = b->after + (size_t)i * H;

        apply(b, &b->function[0], zr, zr, 2 * H);
        if (!b->p->reset_after)
            multiply(b, after, zr + H, b->h + (size_t)i * H);
        else
            for (int j = 0; j < H; j++)
                after[j] = b->weights->bias_after[j];
    }
    if (b->p->reset_after)
        product(b, b->h, 1, H, b->after, (size_t)H);
    else
        product(b, b->after, 1, H, b->gates + 2 * (size_t)H, step);
    for (int i = 0; i < b->rows; i++) {
        float *zr = b->gates + step * (size_t)i, *n = zr + 2 * (size_t)H;

        if (!b->alive[i])
            continue;
        if (b->p->reset_after) {
            multiply(b, b->row, zr + H, b->after + (size_t)i * H);
            add(b, n, b->row);
        }
        apply(b, &b->function[1], n, n, H);
        gru_mix(b, zr, n, b->h + (size_t)i * H);
    }
}

void cell_step(struct cell_block *b)
{
    static void (*const steps[])(struct cell_block *) = {
        [CELL_RNN] = rnn_step, [CELL_GRU] = gru_step, [CELL_LSTM] = lstm_step};

    steps[b->p->cell](b);
}
