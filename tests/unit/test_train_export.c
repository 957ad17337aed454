/* What training computes and what the engine computes from the exported file. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/net.h"
#include "tests/gradients.h"

static struct train *t;

static void begin(void)
{
    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 5}, &t) == OK);
}

static const char *const about[][2] = {{"outrider.decoder", "lane_masks"}};

/* Value v, first of the batch, as the file has it: channels of pictures in front. */
static float in_file(int v, size_t i)
{
    size_t C = (size_t)train_dim(t, v, train_rank(t, v) - 1);
    size_t pixels = train_count(t, v) / (size_t)train_dim(t, v, 0) / C;

    return train_data(t, v)[train_rank(t, v) == 4 ? i % pixels * C + i / pixels : i];
}

static void compare(struct net *net, const int *inputs, int n_in, const int *outputs, int n_out,
                    const char *what)
{
    struct why why;

    for (int i = 0; i < n_in; i++) {
        float *to = net_input(net, i)->data;

        cr_assert_eq((size_t)tensor_count(net_input(net, i)) * (size_t)train_dim(t, inputs[i], 0),
                     train_count(t, inputs[i]), "%s: input %s", what, net_input(net, i)->name);
        for (int64_t j = 0; j < tensor_count(net_input(net, i)); j++)
            to[j] = in_file(inputs[i], (size_t)j);
    }
    cr_assert(net_run(net, &why) == OK, "%s: %s", what, why.text);
    for (int i = 0; i < n_out; i++) {
        const struct tensor *y = net_output(net, i);

        cr_assert_eq((size_t)tensor_count(y) * (size_t)train_dim(t, outputs[i], 0),
                     train_count(t, outputs[i]));
        for (int64_t j = 0; j < tensor_count(y); j++) {
            float a = ((const float *)y->data)[j], b = in_file(outputs[i], (size_t)j);

            cr_assert(fabsf(a - b) <= 2e-4f * (1 + fabsf(b)), "%s: output %d at %d: %g, trained %g",
                      what, i, (int)j, (double)a, (double)b);
        }
    }
}

/* Some steps, so that running statistics and the average are their own; then both ways to export. */
static void check(const int *inputs, int n_in, const int *outputs, int n_out, const char *what)
{
    struct train_recipe recipe = {.rate = 1e-3f, .ema = 0.5f};
    struct train_report r;
    struct why why;

    gradients_loss(t, outputs[0]);
    for (int i = 0; i < n_out; i++)
        train_output(t, (const char *[]){"first", "second"}[i], outputs[i]);
    cr_assert(train_plan(t, &recipe, &why) == OK, "%s: %s", what, why.text);
    for (int step = 0; step < 4; step++) {
        for (int i = 0; i < n_in; i++)
            gradients_fill(t, inputs[i], (unsigned)(10 * i + step), -1, 2);
        train_step(t, &r);
    }
    for (int i = 0; i < 4; i++) {
        struct train_export x = {
            .averaged = i % 2, .keep_norms = i / 2, .n_metadata = 1, .metadata = about};
        struct net *net;
        unsigned char *bytes;
        size_t n;

        train_reset(t, -1);
        train_evaluate(t, i % 2, &r);
        cr_assert(train_export_bytes(t, &x, &bytes, &n, &why) == OK, "%s: %s", what, why.text);
        cr_assert(net_open_memory(bytes, n, &(struct net_options){.cpu_mask = ~0u}, &net, &why) ==
                      OK,
                  "%s: %s", what, why.text);
        cr_assert_str_eq(net_metadata(net, "outrider.decoder"), "lane_masks");
        compare(net, inputs, n_in, outputs, n_out, what);
        net_close(net);
        free(bytes);
    }
    train_close(t);
}

Test(train_export, a_network_on_pictures)
{
    int image, x, skip, up, gate, y, z;

    begin();
    image = train_input(t, "image", 4, (int[]){2, 24, 32, 3});
    x = train_batch_norm(t, train_conv(t, image, 16, 3, 2, 1), ACT_RELU);
    skip = train_batch_norm(t, train_conv(t, x, 16, 3, 1, 16), ACT_SILU);
    x = train_batch_norm_with(t, train_conv(t, skip, 24, 1, 1, 1), ACT_CLIP, 0, 6);
    x = train_max_pool(t, x, 3, 2, 1);
    x = train_batch_norm_with(t, train_conv(t, x, 32, 3, 1, 4), ACT_LEAKY, 0.1f, 0);
    gate = train_act(t, train_conv(t, train_global_average(t, x), 32, 1, 1, 1), ACT_HARDSIGMOID,
                     0.2f, 0.5f);
    x = train_layer_norm(t, train_mul(t, x, gate));
    up = train_batch_norm(t,
                          train_conv_transpose(t, x,
                                               &(struct train_conv){.channels = 8,
                                                                    .kernel_y = 2,
                                                                    .kernel_x = 2,
                                                                    .stride_y = 2,
                                                                    .stride_x = 2,
                                                                    .bias = true},
                                               0),
                          ACT_HARDSWISH);
    up = train_concat(t, (int[]){up, skip, train_resize(t, x, 2, RESIZE_LINEAR)}, 3, 3);
    y = train_softmax(t, train_slice(t, train_conv(t, up, 6, 3, 1, 1), 3, 1, 5));
    z = train_average_pool(t, train_resize(t, up, 2, RESIZE_NEAREST), 3, 2, 1);
    z = train_reshape(t, train_batch_norm(t, z, ACT_TANH), 3, (int[]){2, 12 * 16, 56});
    z = train_dropout(t, train_linear(t, z, 5, true), 0.5f);
    check((int[]){image}, 1, (int[]){y, z}, 2, "pictures");
}

Test(train_export, a_network_in_time)
{
    struct train_recurrent r = {.hidden = 12, .mask = -1};
    int x, seen, y, q, a, b;

    begin();
    x = train_input(t, "x", 3, (int[]){2, 7, 5});
    seen = train_input(t, "seen", 2, (int[]){2, 7});
    y = train_lstm(t, train_batch_norm(t, train_linear(t, x, 8, false), ACT_SIGMOID), &r);
    q = train_add(t, y, train_parameter(t, "position", 3, (int[]){1, 7, 12}, 0.5f));
    a = train_attention(t, train_linear(t, q, 12, true), train_linear(t, q, 12, true), y, 3, -1,
                        true);
    b = train_attention(t, q, q, a, 2, seen, false);
    b = train_rnn(t, train_layer_norm(t, train_add(t, b, a)), &r);
    gradients_loss(t, b);
    train_output(t, "first", b);
    {
        struct train_report report;
        struct train_export e = {.n_metadata = 1, .metadata = about};
        unsigned char *bytes;
        struct net *net;
        struct why why;
        size_t n;

        gradients_plan(t);
        gradients_fill(t, x, 4, -1, 1);
        for (int i = 0; i < 14; i++)
            train_data(t, seen)[i] = i % 3 != 0;
        train_step(t, &report);
        train_evaluate(t, false, &report);
        cr_assert(train_export_bytes(t, &e, &bytes, &n, &why) == OK, "%s", why.text);
        cr_assert(net_open_memory(bytes, n, &(struct net_options){.cpu_mask = ~0u}, &net, &why) ==
                      OK,
                  "%s", why.text);
        compare(net, (int[]){x, seen}, 2, (int[]){b}, 1, "time");
        net_close(net);
        free(bytes);
        train_close(t);
    }
}

/* A carried state goes in and out of the file: two halves are the whole. */
Test(train_export, carried_states)
{
    struct train_recurrent r = {.hidden = 6, .mask = -1, .carry = true};
    struct train_report report;
    unsigned char *bytes;
    struct net *net;
    struct why why;
    size_t n;
    int x, y;

    begin();
    x = train_input(t, "x", 3, (int[]){1, 4, 3});
    train_name(t, "memory");
    y = train_lstm(t, x, &r);
    train_output(t, "y", y);
    cr_assert(train_plan(t, &(struct train_recipe){.rate = 0}, &why) == OK);
    gradients_fill(t, x, 1, -1, 1);
    cr_assert(train_export_bytes(t, &(struct train_export){0}, &bytes, &n, &why) == OK);
    cr_assert(net_open_memory(bytes, n, &(struct net_options){0}, &net, &why) == OK, "%s",
              why.text);
    cr_assert(net_inputs(net) == 3 && net_outputs(net) == 3);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < net_inputs(net); i++)
            for (int o = 0; o < net_outputs(net); o++) {
                char from[32];

                snprintf(from, sizeof from, "%s_in", net_output(net, o)->name);
                if (half && strcmp(from, net_input(net, i)->name) == 0)
                    memcpy(net_input(net, i)->data, net_output(net, o)->data, 6 * sizeof(float));
                else if (strcmp(net_input(net, i)->name, "x") == 0)
                    memcpy(net_input(net, i)->data, train_data(t, x), 12 * sizeof(float));
                else if (!half)
                    memset(net_input(net, i)->data, 0, 6 * sizeof(float));
            }
        cr_assert(net_run(net, &why) == OK);
        train_evaluate(t, false, &report);
        for (int o = 0; o < net_outputs(net); o++)
            for (int i = 0; strcmp(net_output(net, o)->name, "y") == 0 && i < 24; i++)
                cr_assert_float_eq(((const float *)net_output(net, o)->data)[i],
                                   train_data(t, y)[i], 1e-5);
    }
    net_close(net);
    free(bytes);
    train_close(t);
}

/* ---- and back ------------------------------------------------------------------------------ */
static int small_network(uint64_t seed, int channels)
{
    struct train_recurrent r = {.hidden = 6, .mask = -1};
    const struct train_recipe recipe = {.rate = 1e-2f, .ema = 0.9f};
    struct why why;
    int x, y;

    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = seed}, &t) == OK);
    x = train_input(t, "image", 4, (int[]){2, 6, 5, 3});
    y = train_batch_norm(t, train_conv(t, x, channels, 3, 1, 1), ACT_RELU);
    y = train_batch_norm(t, train_conv(t, y, channels, 3, 1, channels), ACT_RELU);
    y = train_add(t, y, train_parameter(t, "place", 4, (int[]){1, 6, 5, channels}, 0.3f));
    y = train_conv_with(
        t, y, &(struct train_conv){.channels = 4, .kernel_y = 1, .kernel_x = 1, .bias = true});
    y = train_lstm(t, train_reshape(t, y, 3, (int[]){2, 30, 4}), &r);
    y = train_linear(t, y, 5, true);
    train_output(t, "y", y);
    gradients_loss(t, y);
    cr_assert(train_plan(t, &recipe, &why) == OK, "%s", why.text);
    gradients_fill(t, x, 3, -1, 2);
    return y;
}

Test(train_import, gives_back_what_was_exported)
{
    struct train_report r;
    unsigned char *bytes;
    struct why why;
    float *was;
    size_t n, count;
    int y = small_network(1, 8);

    for (int i = 0; i < 5; i++)
        train_step(t, &r);
    train_evaluate(t, true, &r);
    count = train_count(t, y);
    was = malloc(count * sizeof *was);
    cr_assert(was);
    memcpy(was, train_data(t, y), count * sizeof *was);
    cr_assert(train_export_bytes(t, &(struct train_export){.averaged = true, .keep_norms = true},
                                 &bytes, &n, &why) == OK);
    train_close(t);

    y = small_network(2, 8);
    cr_assert(train_import_bytes(t, bytes, n, &why) == OK, "%s", why.text);
    for (int averaged = 0; averaged < 2; averaged++) {
        train_evaluate(t, averaged, &r);
        for (size_t i = 0; i < count; i++)
            cr_assert_float_eq(train_data(t, y)[i], was[i], 1e-5, "%zu: %g, was %g", i,
                               (double)train_data(t, y)[i], (double)was[i]);
    }
    train_close(t);
    free(bytes);
    free(was);
}

Test(train_import, takes_all_or_nothing)
{
    struct train_report before, after;
    unsigned char *bytes;
    struct why why;
    size_t n;

    small_network(1, 8);
    cr_assert(train_export_bytes(t, &(struct train_export){0}, &bytes, &n, &why) == OK);
    train_evaluate(t, false, &before);
    cr_assert(train_import_bytes(t, bytes, n, &why) == ERR_MISMATCH);
    cr_assert(strstr(why.text, "without its norms"), "%s", why.text);
    cr_assert(train_import_bytes(t, bytes, n / 2, &why) != OK);
    train_evaluate(t, false, &after);
    cr_assert_eq(before.loss, after.loss);
    free(bytes);
    cr_assert(train_export_bytes(t, &(struct train_export){.keep_norms = true}, &bytes, &n, &why) ==
              OK);
    train_close(t);
    small_network(1, 12);
    cr_assert(train_import_bytes(t, bytes, n, &why) == ERR_MISMATCH);
    cr_assert(strstr(why.text, "shape"), "%s", why.text);
    train_close(t);
    free(bytes);
}
