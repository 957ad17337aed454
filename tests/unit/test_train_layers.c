/* Every layer's way back against central differences, at odd sizes and at each CPU level. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/gradients.h"

static struct train *t;
static struct pool *pool;

static void begin(unsigned mask, int threads)
{
    cr_assert(pool_open(threads, &pool) == OK);
    cr_assert(train_open(&(struct train_options){.cpu_mask = mask, .pool = pool, .seed = 3}, &t) ==
              OK);
}

static void end(void)
{
    train_close(t);
    pool_close(pool);
}

static void check(int y, const char *what)
{
    gradients_loss(t, y);
    gradients_plan(t);
    gradients_check(t, what, 12);
    end();
}

static int picture(int n, int h, int w, int c)
{
    return train_parameter(t, "x", 4, (int[]){n, h, w, c}, 1);
}

static int sequence(const char *name, int n, int len, int c)
{
    return train_parameter(t, name, 3, (int[]){n, len, c}, 1);
}

/* n h w c | channels kernel stride dilation groups | pads: top left bottom right */
static const int convs[][14] = {
    {2, 7, 9, 5, 6, 3, 1, 1, 1, 1, 1, 1, 1},     {1, 5, 4, 3, 17, 1, 1, 1, 1, 0, 0, 0, 0},
    {2, 9, 8, 4, 8, 3, 2, 1, 1, 1, 1, 1, 1},     {1, 10, 11, 3, 5, 5, 3, 1, 1, 2, 0, 1, 2},
    {1, 9, 10, 4, 3, 3, 1, 2, 1, 2, 2, 2, 2},    {2, 9, 11, 6, 4, 3, 2, 2, 1, 2, 1, 2, 2},
    {1, 7, 7, 6, 6, 3, 1, 1, 6, 1, 1, 1, 1},     {2, 8, 9, 20, 20, 5, 2, 1, 20, 2, 2, 2, 2},
    {1, 6, 7, 8, 12, 3, 1, 1, 4, 1, 1, 1, 1},    {1, 8, 7, 8, 4, 3, 2, 1, 2, 1, 1, 1, 1},
    {1, 16, 14, 32, 33, 3, 1, 1, 1, 1, 1, 1, 1}, {1, 9, 9, 5, 7, 1, 2, 1, 1, 0, 0, 0, 0},
    {1, 11, 8, 6, 6, 3, 2, 2, 6, 2, 2, 2, 2},    {3, 30, 30, 32, 5, 1, 1, 1, 1, 0, 0, 0, 0},
    {1, 6, 5, 64, 12, 3, 1, 1, 1, 1, 1, 1, 1},
};

static void conv_case(const int *c, bool bias)
{
    struct train_conv s = {.channels = c[4],
                           .kernel_y = c[5],
                           .kernel_x = c[5],
                           .stride_y = c[6],
                           .stride_x = c[6],
                           .dilation_y = c[7],
                           .dilation_x = c[7],
                           .groups = c[8],
                           .pad_top = c[9],
                           .pad_left = c[10],
                           .pad_bottom = c[11],
                           .pad_right = c[12],
                           .bias = bias};
    char what[64];

    snprintf(what, sizeof what, "conv %dx%dx%d to %d, kernel %d, stride %d", c[1], c[2], c[3], c[4],
             c[5], c[6]);
    check(train_conv_with(t, picture(c[0], c[1], c[2], c[3]), &s), what);
}

Test(train_layers, conv)
{
    for (size_t i = 0; i < sizeof convs / sizeof convs[0]; i++) {
        begin(i % 3 == 0 ? 0 : i % 3 == 1 ? CPU_AVX2 : ~0u, 1 + (int)i % 2);
        conv_case(convs[i], i % 2);
    }
}

Test(train_layers, conv_transpose)
{
    static const int cases[][8] = {/* h w c channels kernel stride pad out_pad */
                                   {5, 4, 6, 3, 2, 2, 0, 0},
                                   {4, 5, 3, 5, 3, 2, 1, 1},
                                   {6, 3, 4, 4, 4, 2, 1, 0},
                                   {5, 5, 2, 7, 3, 1, 1, 0}};

    for (int i = 0; i < 4; i++) {
        const int *c = cases[i];
        struct train_conv s = {.channels = c[3],
                               .kernel_y = c[4],
                               .kernel_x = c[4],
                               .stride_y = c[5],
                               .stride_x = c[5],
                               .pad_top = c[6],
                               .pad_left = c[6],
                               .pad_bottom = c[6],
                               .pad_right = c[6],
                               .bias = i % 2};

        begin(i % 2 ? 0 : ~0u, 2);
        check(train_conv_transpose(t, picture(2, c[0], c[1], c[2]), &s, c[7]), "transposed");
    }
}

Test(train_layers, linear)
{
    begin(~0u, 2);
    check(train_linear(t, sequence("x", 3, 5, 7), 19, true), "linear");
    begin(0, 1);
    check(train_linear(t, train_parameter(t, "x", 2, (int[]){1, 33}, 1), 3, false), "linear 1 row");
}

Test(train_layers, batch_norm)
{
    static const enum act acts[] = {ACT_NONE, ACT_RELU,  ACT_SILU, ACT_HARDSWISH,
                                    ACT_TANH, ACT_LEAKY, ACT_CLIP};

    for (int i = 0; i < 7; i++) {
        int C = i % 2 ? 19 : 5;

        begin(i % 3 ? ~0u : 0, 2);
        check(train_batch_norm_with(t, picture(2, 5, 3 + i, C), acts[i],
                                    acts[i] == ACT_LEAKY ? 0.1f : 0, acts[i] == ACT_CLIP ? 1 : 0),
              "batch norm");
    }
}

/* So many rows that they are cut into pieces. */
Test(train_layers, batch_norm_in_pieces)
{
    int x;

    begin(~0u, 2);
    x = train_parameter(t, "x", 2, (int[]){9001, 3}, 1);
    check(train_batch_norm(t, x, ACT_SILU), "batch norm in pieces");
}

Test(train_layers, layer_norm)
{
    begin(~0u, 2);
    check(train_layer_norm(t, sequence("x", 3, 4, 21)), "layer norm");
}

Test(train_layers, activations)
{
    static const struct {
        enum act act;
        float a, b;
    } acts[] = {{ACT_RELU, 0, 0},
                {ACT_LEAKY, 0.2f, 0},
                {ACT_SIGMOID, 0, 0},
                {ACT_TANH, 0, 0},
                {ACT_SILU, 0, 0},
                {ACT_HARDSWISH, 0, 0},
                {ACT_HARDSIGMOID, 0.2f, .5f},
                {ACT_CLIP, -0.5f, 1}};

    for (int i = 0; i < 8; i++) {
        begin(i % 2 ? ~0u : 0, 1);
        check(train_act(t, sequence("x", 2, 5, 9), acts[i].act, acts[i].a, acts[i].b), "act");
    }
}

Test(train_layers, softmax_and_dropout)
{
    begin(~0u, 2);
    check(train_softmax(t, sequence("x", 2, 5, 9)), "softmax");
    begin(~0u, 2);
    check(train_dropout(t, sequence("x", 2, 50, 9), 0.3f), "dropout");
}

Test(train_layers, sums_and_products)
{
    for (int i = 0; i < 6; i++) {
        static const int b_of[][4] = {{2, 3, 5, 7}, {2, 1, 1, 7}, {1, 3, 5, 1}};
        int x, y;

        begin(i % 2 ? ~0u : 0, 2);
        x = picture(2, 3, 5, 7);
        y = train_parameter(t, "y", 4, b_of[i / 2], 1);
        check(i % 2 ? train_add(t, x, y) : train_mul(t, x, y), i % 2 ? "add" : "mul");
    }
}

Test(train_layers, concat_slice_reshape)
{
    int a, b, c;

    begin(~0u, 2);
    a = picture(2, 3, 5, 4);
    b = train_parameter(t, "b", 4, (int[]){2, 3, 5, 3}, 1);
    c = train_concat(t, (int[]){a, b, a}, 3, 3);
    c = train_slice(t, train_slice(t, c, 3, 2, 10), 1, 1, 3);
    check(train_reshape(t, c, 3, (int[]){2, 10, 8}), "concat, slice, reshape");
    begin(~0u, 1);
    a = sequence("a", 2, 3, 5);
    b = sequence("b", 2, 4, 5);
    check(train_concat(t, (int[]){a, b}, 2, 1), "concat in time");
}

Test(train_layers, pooling)
{
    for (int i = 0; i < 4; i++) {
        int x;

        begin(i % 2 ? ~0u : 0, 2);
        x = picture(2, 7, 8, 5);
        check(i == 0   ? train_max_pool(t, x, 2, 2, 0)
              : i == 1 ? train_max_pool(t, x, 3, 2, 1)
              : i == 2 ? train_average_pool(t, x, 3, 2, 1)
                       : train_global_average(t, x),
              "pooling");
    }
}

Test(train_layers, resize)
{
    for (int i = 0; i < 4; i++) {
        begin(i % 2 ? ~0u : 0, 2);
        check(
            train_resize(t, picture(2, 3, 4, 5), 2 + i / 2, i % 2 ? RESIZE_LINEAR : RESIZE_NEAREST),
            "resize");
    }
}

static void recurrent_case(bool lstm, bool masked, int n, int len, int c, int hidden)
{
    struct train_recurrent r = {.hidden = hidden, .mask = -1};
    int x, y, z;

    begin(masked ? ~0u : 0, 2);
    x = sequence("x", n, len, c);
    if (masked)
        r.mask = train_input(t, "mask", 2, (int[]){n, len});
    y = lstm ? train_lstm(t, x, &r) : train_rnn(t, x, &r);
    z = lstm ? train_lstm(t, y, &r) : train_rnn(t, y, &r); /* two, one on the other */
    gradients_loss(t, train_add(t, y, z));
    gradients_plan(t);
    for (int i = 0; masked && i < n * len; i++)
        train_data(t, r.mask)[i] = i % 3 != 1;
    gradients_check(t, lstm ? "lstm" : "rnn", 8);
    end();
}

Test(train_layers, recurrent)
{
    for (int i = 0; i < 4; i++)
        recurrent_case(i % 2, i / 2, 3, 5, 4, 6);
    recurrent_case(true, true, 1, 7, 3, 18);
}

Test(train_layers, attention)
{
    static const int cases[][6] = {/* Tq Tk depth width heads masked|2 causal */
                                   {5, 7, 6, 4, 2, 1},
                                   {6, 6, 8, 8, 4, 2},
                                   {3, 19, 33, 5, 1, 0}};

    for (int i = 0; i < 3; i++) {
        const int *c = cases[i];
        int q, k, v, mask;

        begin(i % 2 ? 0 : ~0u, 2);
        q = sequence("q", 2, c[0], c[2]);
        k = sequence("k", 2, c[1], c[2]);
        v = sequence("v", 2, c[1], c[3]);
        mask = c[5] & 1 ? train_input(t, "mask", 2, (int[]){2, c[1]}) : -1;
        gradients_loss(t, train_attention(t, q, k, v, c[4], mask, c[5] & 2));
        gradients_plan(t);
        for (int j = 0; mask >= 0 && j < 2 * c[1]; j++)
            train_data(t, mask)[j] = j < c[1] && j % 3 != 0; /* the second sees nothing */
        gradients_check(t, "attention", 10);
        end();
    }
}

/* One value read by several layers: their gradients add up, whichever comes first. */
Test(train_layers, branches)
{
    int x, a, b;

    begin(~0u, 2);
    x = train_conv(t, picture(2, 8, 8, 3), 8, 3, 1, 1);
    a = train_conv(t, x, 8, 3, 1, 1);
    b = train_batch_norm(t, x, ACT_SILU);
    a = train_add(t, train_mul(t, a, b), x);
    a = train_resize(t, train_max_pool(t, a, 2, 2, 0), 2, RESIZE_NEAREST);
    a = train_concat(t, (int[]){a, b, train_conv(t, x, 8, 3, 1, 8)}, 3, 3);
    check(train_mul(t, a, train_act(t, train_global_average(t, a), ACT_SIGMOID, 0, 0)), "branches");
}

/* Nothing hangs on the number of threads. */
Test(train_layers, same_for_any_pool)
{
    static float first[1 << 16];
    size_t n = 0;

    for (int threads = 1; threads <= 3; threads++) {
        struct train_report r;
        size_t at = 0;
        int x;

        begin(~0u, threads);
        x = train_batch_norm(t, train_conv(t, picture(3, 40, 40, 3), 32, 3, 2, 1), ACT_RELU);
        x = train_batch_norm(t, train_conv(t, x, 32, 3, 1, 32), ACT_RELU);
        x = train_batch_norm(t, train_conv(t, x, 40, 3, 1, 1), ACT_SILU);
        x = train_reshape(t, x, 3, (int[]){3, 400, 40});
        x = train_lstm(t, x, &(struct train_recurrent){.hidden = 8, .mask = -1});
        gradients_loss(t, train_attention(t, x, x, x, 2, -1, true));
        gradients_plan(t);
        train_gradients(t, &r);
        for (int i = 0; i < train_parameters(t); i++) {
            struct train_weights_view v = train_parameter_view(t, i);

            for (size_t j = 0; v.gradient && j < v.n; j++, at++) {
                cr_assert(at < sizeof first / sizeof *first);
                if (threads == 1)
                    first[at] = v.gradient[j], n = at + 1;
                else
                    cr_assert(first[at] == v.gradient[j], "%s with %d threads", v.name, threads);
            }
        }
        cr_assert(at == n && r.gradient > 0);
        end();
    }
}

Test(train_layers, mistakes_are_told)
{
    struct why why;
    int x;

    begin(0, 1);
    x = train_input(t, "x", 4, (int[]){1, 8, 8, 3});
    x = train_conv(t, x, 8, 3, 1, 2); /* 2 groups of 3 channels */
    x = train_batch_norm(t, x, ACT_RELU);
    train_output(t, "y", x);
    cr_assert(train_plan(t, &(struct train_recipe){.rate = 1}, &why) == ERR_MISMATCH);
    cr_assert(strstr(why.text, "2 groups divide neither 3 nor 8"), "%s", why.text);
    end();
}
