/* LSTM and GRU against plain loops, for what ONNX's own data leaves out: both directions with
 * lengths of their own, peepholes, clipping, coupled gates, resetting after the product, odd sizes
 * and more sequences than go through a step together. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/net.h"
#include "tests/onnx_model.h"

enum { MAX = 70 };

struct trial {
    int T, B, I, H, D;
    bool lstm, peepholes, coupled, after;
    double clip;
    const float *x, *w, *r, *b, *p; /* of the file: (T, B, I), (D, gates H, I), ... */
    int lengths[MAX];
};

static double sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

static double clipped(const struct trial *t, double v)
{
    return fmin(fmax(v, -t->clip), t->clip);
}

/* Gate g, unit u: x W' + Wb, and h R' + Rb where that is wanted. */
static double gate(const struct trial *t, int d, int g, int u, const float *x, const double *h)
{
    int gates = t->lstm ? 4 : 3, row = (d * gates + g) * t->H + u;
    const float *b = t->b + (size_t)d * 2 * gates * t->H + g * t->H + u;
    double sum = h ? (double)b[gates * t->H] : (double)b[0];

    for (int i = 0; !h && i < t->I; i++)
        sum += (double)t->w[row * t->I + i] * (double)x[i];
    for (int i = 0; h && i < t->H; i++)
        sum += (double)t->r[row * t->H + i] * h[i];
    return sum;
}

static void lstm_step(const struct trial *t, int d, const float *x, double *h, double *c)
{
    double old[MAX];

    memcpy(old, h, sizeof old);
    for (int u = 0; u < t->H; u++) {
        double v[4], i, f, o;
        const float *p = t->p ? t->p + d * 3 * t->H + u : NULL;

        for (int g = 0; g < 4; g++)
            v[g] = gate(t, d, g, u, x, NULL) + gate(t, d, g, u, x, old);
        i = sigmoid(clipped(t, v[0] + (p ? (double)p[0] * c[u] : 0)));
        f = sigmoid(clipped(t, v[2] + (p ? (double)p[2 * t->H] * c[u] : 0)));
        f = t->coupled ? 1 - i : f;
        c[u] = f * c[u] + i * tanh(clipped(t, v[3]));
        o = sigmoid(clipped(t, v[1] + (p ? (double)p[t->H] * c[u] : 0)));
        h[u] = o * tanh(clipped(t, c[u]));
    }
}

static void gru_step(const struct trial *t, int d, const float *x, double *h)
{
    double old[MAX], reset[MAX], scaled[MAX];

    memcpy(old, h, sizeof old);
    for (int u = 0; u < t->H; u++) {
        reset[u] = sigmoid(clipped(t, gate(t, d, 1, u, x, NULL) + gate(t, d, 1, u, x, old)));
        scaled[u] = reset[u] * old[u];
    }
    for (int u = 0; u < t->H; u++) {
        double z = sigmoid(clipped(t, gate(t, d, 0, u, x, NULL) + gate(t, d, 0, u, x, old)));
        double n = gate(t, d, 2, u, x, NULL);

        n += t->after ? reset[u] * gate(t, d, 2, u, x, old) : gate(t, d, 2, u, x, scaled);
        h[u] = (1 - z) * tanh(clipped(t, n)) + z * old[u];
    }
}

/* Y (T, D, B, H) as it should be; steps behind a sequence's end are 0. */
static void check(const struct trial *t, const float *y)
{
    for (int d = 0; d < t->D; d++)
        for (int b = 0; b < t->B; b++) {
            double h[MAX] = {0}, c[MAX] = {0};
            int n = t->lengths[b];

            for (int s = 0; s < t->T; s++) {
                int at = d == 0 ? s : s < n ? n - 1 - s : s;
                const float *got = y + (((size_t)at * t->D + d) * t->B + b) * t->H;

                if (s < n && t->lstm)
                    lstm_step(t, d, t->x + ((size_t)at * t->B + b) * t->I, h, c);
                else if (s < n)
                    gru_step(t, d, t->x + ((size_t)at * t->B + b) * t->I, h);
                for (int u = 0; u < t->H; u++)
                    cr_assert_float_eq(got[u], s < n ? h[u] : 0, 2e-5,
                                       "step %d direction %d sequence %d unit %d: %g, expected %g",
                                       at, d, b, u, (double)got[u], s < n ? h[u] : 0);
            }
        }
}

static const float *pattern(struct model *m, const char *name, int seed, int a, int b, int c)
{
    char dims[64];

    if (c)
        snprintf(dims, sizeof dims, "%d,%d,%d", a, b, c);
    else
        snprintf(dims, sizeof dims, "%d,%d", a, b);
    return (const float *)(const void *)model_pattern(m, name, dims, seed)->raw_data.data;
}

static void run(struct trial *t)
{
    struct net_options opt = {.cpu_mask = ~0u};
    int gates = t->lstm ? 4 : 3;
    struct model m;
    struct why why;
    struct net *net;
    Onnx__NodeProto *n;
    const uint8_t *bytes;
    float lengths[MAX];
    char dims[64];
    size_t size;

    model_init(&m, 14);
    t->x = pattern(&m, "x", 1, t->T, t->B, t->I);
    t->w = pattern(&m, "w", 2, t->D, gates * t->H, t->I);
    t->r = pattern(&m, "r", 3, t->D, gates * t->H, t->H);
    t->b = pattern(&m, "b", 4, t->D, 2 * gates * t->H, 0);
    t->p = t->peepholes ? pattern(&m, "p", 5, t->D, 3 * t->H, 0) : NULL;
    for (int i = 0; i < t->B; i++)
        lengths[i] = (float)t->lengths[i];
    snprintf(dims, sizeof dims, "%d", t->B);
    model_f32(&m, "lf", dims, lengths);
    model_attr_int(&m, model_node(&m, "Cast", "lf", "l"), "to", DTYPE_I32);
    model_input(&m, "zero", DTYPE_F32, "1"); /* so that nothing is known before it runs */
    model_node(&m, "Add", "x,zero", "xz");
    n = model_node(&m, t->lstm ? "LSTM" : "GRU", t->peepholes ? "xz,w,r,b,l,,,p" : "xz,w,r,b,l",
                   "y");
    model_attr_int(&m, n, "hidden_size", t->H);
    model_attr_text(&m, n, "direction", t->D == 2 ? "bidirectional" : "forward");
    if (isfinite(t->clip))
        model_attr_float(&m, n, "clip", (float)t->clip);
    if (t->coupled)
        model_attr_int(&m, n, "input_forget", 1);
    if (t->after)
        model_attr_int(&m, n, "linear_before_reset", 1);
    model_output(&m, "y");
    bytes = model_pack(&m, &size);
    cr_assert_eq(net_open_memory(bytes, size, &opt, &net, &why), OK, "%s", why.text);
    cr_assert_eq(net_run(net, &why), OK, "%s", why.text);
    check(t, net_output(net, 0)->data);
    net_close(net);
    model_free(&m);
}

Test(recurrent_cell, lstm_and_gru_as_plain_loops)
{
    static const int sizes[][4] = {{1, 1, 1, 1}, {5, 3, 7, 5}, {4, 17, 3, 33}, {3, 64, 12, 32}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int way = 0; way < 32; way++) {
            struct trial t = {.T = sizes[s][0],
                              .B = sizes[s][1],
                              .I = sizes[s][2],
                              .H = sizes[s][3],
                              .D = way & 1 ? 2 : 1,
                              .lstm = way & 2,
                              .clip = way & 4 ? 0.4 : INFINITY};

            t.peepholes = t.lstm && way & 8;
            t.coupled = t.lstm && way & 16;
            t.after = !t.lstm && way & 8;
            for (int b = 0; b < t.B; b++)
                t.lengths[b] = b % 3 ? t.T : 1 + b % t.T;
            run(&t);
        }
}
