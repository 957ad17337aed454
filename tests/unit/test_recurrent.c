/* RNN, GRU and LSTM against the operators' formulas, written out number by number: odd sizes, more
 * sequences than go through a step together, lengths, both directions. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/net.h"
#include "perception/nn/tensor.h"
#include "tests/onnx_model.h"

enum { D = 2, MAX_H = 40 };

struct sizes {
    int T, B, I, H;
};

static struct model m;
static struct why why;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Gate g, number j: the products and biases of one step; *rec is R's share, with its bias. */
static double gate(const struct sizes *s, int gates, int d, int g, int j, const float *x,
                   const double *h, const float *w, const float *r, const float *b, double *rec)
{
    int row = (d * gates + g) * s->H + j;
    double sum = b[2 * d * gates * s->H + g * s->H + j];

    *rec = b[(2 * d + 1) * gates * s->H + g * s->H + j];
    for (int i = 0; i < s->I; i++)
        sum += (double)w[row * s->I + i] * (double)x[i];
    for (int i = 0; i < s->H; i++)
        *rec += (double)r[row * s->H + i] * h[i];
    return sum;
}

static void plain_lstm(const struct sizes *s, int d, const float *x, double *h, double *c,
                       const float *w, const float *r, const float *b)
{
    double next[MAX_H], v[4], rec;

    for (int j = 0; j < s->H; j++) {
        for (int g = 0; g < 4; g++)
            v[g] = gate(s, 4, d, g, j, x, h, w, r, b, &rec) + rec;
        c[j] = sigmoid(v[2]) * c[j] + sigmoid(v[0]) * tanh(v[3]);
        next[j] = sigmoid(v[1]) * tanh(c[j]);
    }
    memcpy(h, next, (size_t)s->H * sizeof *h);
}

static void plain_gru(const struct sizes *s, int d, const float *x, double *h, double *c,
                      const float *w, const float *r, const float *b) /* resets after the product */
{
    double next[MAX_H], z, reset, rec;

    (void)c;
    for (int j = 0; j < s->H; j++) {
        z = gate(s, 3, d, 0, j, x, h, w, r, b, &rec);
        z = sigmoid(z + rec);
        reset = gate(s, 3, d, 1, j, x, h, w, r, b, &rec);
        reset = sigmoid(reset + rec);
        next[j] = gate(s, 3, d, 2, j, x, h, w, r, b, &rec);
        next[j] = (1 - z) * tanh(next[j] + reset * rec) + z * h[j];
    }
    memcpy(h, next, (size_t)s->H * sizeof *h);
}

static void plain_rnn(const struct sizes *s, int d, const float *x, double *h, double *c,
                      const float *w, const float *r, const float *b)
{
    double next[MAX_H], rec;

    (void)c;
    for (int j = 0; j < s->H; j++) {
        next[j] = gate(s, 1, d, 0, j, x, h, w, r, b, &rec);
        next[j] = tanh(next[j] + rec);
    }
    memcpy(h, next, (size_t)s->H * sizeof *h);
}

static const struct {
    const char *type;
    int gates;
    void (*step)(const struct sizes *, int, const float *, double *, double *, const float *,
                 const float *, const float *);
} cells[] = {{"LSTM", 4, plain_lstm}, {"GRU", 3, plain_gru}, {"RNN", 1, plain_rnn}};

static int length_of(const struct sizes *s, int b)
{
    return (b * 5 + 1) % (s->T + 1);
}

static const float *weights(const char *name, int rows, int cols, int seed)
{
    char dims[64];

    snprintf(dims, sizeof dims, cols ? "%d,%d,%d" : "%d,%d", D, rows, cols);
    return (const float *)(const void *)model_pattern(&m, name, dims, seed)->raw_data.data;
}

static struct net *opened(int cell, const struct sizes *s, const float *data[3], struct pool *pool)
{
    struct net_options opt = {.cpu_mask = ~0u, .pool = pool};
    int gates = cells[cell].gates * s->H;
    Onnx__TensorProto *lengths;
    Onnx__NodeProto *n;
    struct net *net;
    char dims[64];
    size_t size;
    const uint8_t *bytes;

    model_init(&m, 14);
    snprintf(dims, sizeof dims, "%d,%d,%d", s->T, s->B, s->I);
    model_input(&m, "x", DTYPE_F32, dims);
    data[0] = weights("w", gates, s->I, 1);
    data[1] = weights("r", gates, s->H, 2);
    data[2] = weights("b", 2 * gates, 0, 3);
    snprintf(dims, sizeof dims, "%d", s->B);
    lengths = model_f32(&m, "lengths", dims, NULL);
    lengths->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT32;
    for (int b = 0; b < s->B; b++)
        ((int32_t *)(void *)lengths->raw_data.data)[b] = length_of(s, b);
    n = model_node(&m, cells[cell].type, "x,w,r,b,lengths", "y,yh");
    model_attr_int(&m, n, "hidden_size", s->H);
    model_attr_text(&m, n, "direction", "bidirectional");
    if (!strcmp(cells[cell].type, "GRU"))
        model_attr_int(&m, n, "linear_before_reset", 1);
    model_output(&m, "y");
    model_output(&m, "yh");
    bytes = model_pack(&m, &size);
    cr_assert_eq(net_open_memory(bytes, size, &opt, &net, &why), OK, "%s", why.text);
    return net;
}

static void compare(struct net *net, int cell, const struct sizes *s, const float *data[3])
{
    const float *x = net_input(net, 0)->data, *y = net_output(net, 0)->data;
    const float *last = net_output(net, 1)->data;

    for (int d = 0; d < D; d++)
        for (int b = 0; b < s->B; b++) {
            double h[MAX_H] = {0}, c[MAX_H] = {0};
            int length = length_of(s, b);

            for (int step = 0; step < s->T; step++) {
                int t = d && step < length ? length - 1 - step : step;
                const float *row = y + ((t * D + d) * s->B + b) * s->H;

                if (step < length)
                    cells[cell].step(s, d, x + (t * s->B + b) * s->I, h, c, data[0], data[1],
                                     data[2]);
                for (int j = 0; j < s->H; j++)
                    cr_assert_float_eq(row[j], step < length ? h[j] : 0, 2e-5,
                                       "%s d %d b %d t %d [%d]", cells[cell].type, d, b, t, j);
            }
            for (int j = 0; j < s->H; j++)
                cr_assert_float_eq(last[(d * s->B + b) * s->H + j], h[j], 2e-5);
        }
}

static void run_all(struct pool *pool)
{
    static const struct sizes sizes[] = {
        {1, 1, 1, 1}, {7, 3, 5, 9}, {4, 31, 8, 33}, {5, 64, 6, 32}};

    for (int cell = 0; cell < 3; cell++)
        for (int i = 0; i < 4; i++) {
            const float *data[3];
            struct net *net = opened(cell, &sizes[i], data, pool);
            struct tensor *x = net_input(net, 0);

            for (int64_t e = 0; e < tensor_count(x); e++)
                ((float *)x->data)[e] = (float)(e * 37 % 101) / 50.0f - 1.0f;
            cr_assert_eq(net_run(net, &why), OK, "%s", why.text);
            compare(net, cell, &sizes[i], data);
            net_close(net);
            model_free(&m);
        }
}

Test(recurrent, equals_the_formulas)
{
    run_all(NULL);
}

Test(recurrent, threads_make_no_difference_to_that)
{
    struct pool *pool;

    cr_assert_eq(pool_open(3, &pool), OK);
    run_all(pool);
    pool_close(pool);
}

static void refused(const char *name, const char *value, enum err want)
{
    size_t n;
    struct net *net;
    const uint8_t *bytes;
    Onnx__NodeProto *node;

    model_init(&m, 14);
    model_input(&m, "x", DTYPE_F32, "2,1,3");
    model_pattern(&m, "w", "1,8,3", 1);
    model_pattern(&m, "r", "1,8,2", 2);
    node = model_node(&m, "LSTM", "x,w,r", "y");
    if (!strcmp(name, "hidden_size"))
        model_attr_int(&m, node, name, atoi(value));
    else if (!strcmp(name, "clip"))
        model_attr_float(&m, node, name, strtof(value, NULL));
    else
        model_attr_text(&m, node, name, value);
    model_output(&m, "y");
    bytes = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(bytes, n, NULL, &net, &why), want, "%s %s", name, value);
    net_close(net);
    model_free(&m);
}

Test(recurrent, what_does_not_fit_is_refused)
{
    refused("hidden_size", "3", ERR_FORMAT);
    refused("direction", "sideways", ERR_FORMAT);
    refused("clip", "-1", ERR_FORMAT);
    refused("direction", "bidirectional", ERR_FORMAT); /* the weights are for one */
    refused("hidden_size", "2", OK);
}
