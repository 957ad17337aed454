/* What opsets 18 to 21 changed about older operators: attributes that became inputs, blocks of one
 * scale, resizing that smooths, new names for old modes. Numbers are those of the definitions'
 * examples, or worked out here. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "perception/nn/net.h"
#include "perception/nn/tensor.h"
#include "tests/onnx_model.h"

static struct model m;
static struct why why;

/* An input x that counts from 1. */
static void start(int opset, const char *dims)
{
    model_init(&m, opset);
    model_input(&m, "x", DTYPE_F32, dims);
}

static struct net *run(void)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    struct net *net;
    const enum err e = net_open_memory(bytes, n, NULL, &net, &why);

    cr_assert_eq(e, OK, "%s", why.text);
    model_free(&m);
    for (int64_t i = 0; net_inputs(net) && i < tensor_count(net_input(net, 0)); i++)
        ((float *)net_input(net, 0)->data)[i] = (float)(i + 1);
    cr_assert_eq(net_run(net, &why), OK, "%s", why.text);
    return net;
}

static void refused(enum err want, const char *words)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    struct net *net;
    const enum err e = net_open_memory(bytes, n, NULL, &net, &why);

    net_close(net);
    model_free(&m);
    cr_assert_eq(e, want, "%s: %s", err_name(e), why.text);
    cr_assert(strstr(why.text, words), "%s", why.text);
}

static void is(const struct net *net, int i, const char *dims, const float *want)
{
    const struct tensor *t = net_output(net, i);
    char text[64] = "";

    for (int d = 0; d < t->rank; d++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d", d ? "," : "",
                 (int)t->dim[d]);
    cr_assert_str_eq(text, dims);
    for (int j = 0; j < tensor_count(t); j++)
        cr_assert(fabsf(((const float *)t->data)[j] - want[j]) <= 2e-6f * (1 + fabsf(want[j])),
                  "[%d]: %.8g, not %.8g", j, (double)((const float *)t->data)[j], (double)want[j]);
}

static void gives(const char *dims, const float *want)
{
    model_output(&m, "y");
    struct net *net = run();

    is(net, 0, dims, want);
    net_close(net);
}

/* ---- blocks of one scale -------------------------------------------------------------------- */
static Onnx__TensorProto *bytes(const char *name, const char *dims, const uint8_t *data)
{
    int64_t wide[64] = {0}, n = 1;
    Onnx__TensorProto *t;

    for (const char *p = dims; *p; p++)
        n *= *p != ',' ? *p - '0' : 1;
    for (int64_t i = 0; i < n; i++)
        wide[i] = data[i];
    t = model_i64(&m, name, dims, wide);
    for (int64_t i = 0; i < n; i++)
        t->raw_data.data[i] = data[i];
    t->raw_data.len = (size_t)n;
    t->data_type = DTYPE_U8;
    return t;
}

static void block(Onnx__NodeProto *n, int axis, int size)
{
    model_attr_int(&m, n, "axis", axis);
    model_attr_int(&m, n, "block_size", size);
}

Test(opsets, dequantize_in_blocks_along_the_last_axis)
{
    model_init(&m, 21);
    bytes("q", "2,5", (uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    model_f32(&m, "s", "2,3", (float[]){1, 10, 100, 0.5f, 2, 3});
    bytes("z", "2,3", (uint8_t[]){0, 3, 1, 6, 0, 0});
    block(model_node(&m, "DequantizeLinear", "q,s,z", "y"), 1, 2);
    gives("2,5", (float[]){1, 2, 0, 10, 400, 0, 0.5f, 16, 18, 30});
}

Test(opsets, dequantize_in_blocks_along_the_first_axis)
{
    model_init(&m, 21);
    bytes("q", "3,2", (uint8_t[]){1, 2, 3, 4, 5, 6});
    model_f32(&m, "s", "2,2", (float[]){1, 10, 100, 1000});
    block(model_node(&m, "DequantizeLinear", "q,s", "y"), 0, 2);
    gives("3,2", (float[]){1, 20, 3, 40, 500, 6000});
}

Test(opsets, quantize_in_blocks)
{
    static const uint8_t want[] = {1, 2, 3, 14, 15, 3, 4, 4, 11, 12};

    start(21, "2,5");
    model_f32(&m, "s", "2,2", (float[]){1, 1, 2, 1});
    bytes("z", "2,2", (uint8_t[]){0, 10, 0, 2});
    block(model_node(&m, "QuantizeLinear", "x,s,z", "y"), 1, 3);
    model_output(&m, "y");
    struct net *net = run();

    for (int i = 0; i < 10; i++)
        cr_assert_eq(((const uint8_t *)net_output(net, 0)->data)[i], want[i], "[%d]", i);
    net_close(net);
}

Test(opsets, blocks_that_do_not_fit)
{
    for (int size = -1; size < 4; size++) { /* 2 would */
        if (size == 0 || size == 2)
            continue;
        start(21, "2,5");
        model_f32(&m, "s", "2,3", (float[]){1, 1, 1, 1, 1, 1});
        block(model_node(&m, "QuantizeLinear", "x,s", "y"), 1, size);
        model_output(&m, "y");
        refused(ERR_FORMAT, "do not fit blocks of");
    }
}

/* ---- Resize --------------------------------------------------------------------------------- */
static Onnx__NodeProto *smooth(const char *mode)
{
    Onnx__NodeProto *n;

    start(18, "1,1,4,4");
    n = model_node(&m, "Resize", "x,,scales,sizes", "y");
    model_attr_text(&m, n, "mode", mode);
    model_attr_int(&m, n, "antialias", 1);
    return n;
}

static void by_scales(const char *mode, const float *want)
{
    Onnx__NodeProto *n = smooth(mode);

    n->n_input = 3;
    model_f32(&m, "scales", "4", (float[]){1, 1, 0.6f, 0.6f});
    gives("1,1,2,2", want);
}

static void by_sizes(const char *mode, const float *want)
{
    Onnx__NodeProto *n = smooth(mode);

    n->input[2] = model_text(&m, "");
    model_i64(&m, "sizes", "4", (int64_t[]){1, 1, 3, 3});
    gives("1,1,3,3", want);
}

Test(opsets, resize_smooths_what_it_shrinks)
{
    by_scales("linear", (float[]){2.875f, 4.5f, 9.375f, 11.0f});
    by_scales("cubic", (float[]){2.5180721f, 4.2858863f, 9.589329f, 11.357142f});
    by_sizes("linear", (float[]){2.3636363f, 3.590909f, 4.818182f, 7.2727275f, 8.5f, 9.727273f,
                                 12.181818f, 13.409091f, 14.636364f});
    by_sizes("cubic", (float[]){1.7750092f, 3.1200073f, 4.4650054f, 7.1550016f, 8.5f, 9.844998f,
                                12.534994f, 13.8799925f, 15.224991f});
}

static void aspect(const char *policy, const char *axes, const int64_t sizes[2], const char *dims)
{
    Onnx__NodeProto *n;
    static const float ones[98];

    start(18, "1,1,2,4");
    n = model_node(&m, "Resize", "x,,,sizes", "r");
    model_i64(&m, "sizes", "2", sizes);
    model_attr_ints(&m, n, "axes", axes);
    model_attr_text(&m, n, "keep_aspect_ratio_policy", policy);
    model_f32(&m, "zero", "", ones);
    model_node(&m, "Mul", "r,zero", "y");
    gives(dims, ones);
}

Test(opsets, resize_keeps_the_aspect_along_some_axes)
{
    aspect("stretch", "2,3", (int64_t[]){7, 8}, "1,1,7,8");
    aspect("stretch", "3,2", (int64_t[]){7, 8}, "1,1,8,7");
    aspect("not_larger", "2,3", (int64_t[]){7, 8}, "1,1,4,8");
    aspect("not_smaller", "2,3", (int64_t[]){7, 8}, "1,1,7,14");
    aspect("not_larger", "-1,-2", (int64_t[]){8, 7}, "1,1,4,8");
}

/* ---- attributes that became inputs ---------------------------------------------------------- */
Test(opsets, reduce_axes_as_input)
{
    start(18, "2,3");
    model_i64(&m, "axes", "1", (int64_t[]){-1});
    model_attr_int(&m, model_node(&m, "ReduceMax", "x,axes", "y"), "keepdims", 0);
    gives("2", (float[]){3, 6});
    start(18, "2,3");
    model_node(&m, "ReduceMean", "x", "y");
    gives("1,1", (float[]){3.5f});
    start(18, "2,3");
    model_attr_int(&m, model_node(&m, "ReduceL2", "x", "y"), "noop_with_empty_axes", 1);
    gives("2,3", (float[]){1, 2, 3, 4, 5, 6});
}

Test(opsets, split_into_a_number_of_parts)
{
    start(18, "7");
    model_attr_int(&m, model_node(&m, "Split", "x", "a,b,c"), "num_outputs", 3);
    model_output(&m, "a");
    model_output(&m, "b");
    model_output(&m, "c");
    struct net *net = run();

    is(net, 0, "3", (float[]){1, 2, 3});
    is(net, 1, "3", (float[]){4, 5, 6});
    is(net, 2, "1", (float[]){7});
    net_close(net);
}

Test(opsets, pad_along_some_axes)
{
    start(18, "1,2,2");
    model_i64(&m, "pads", "2", (int64_t[]){1, 2});
    model_i64(&m, "axes", "1", (int64_t[]){-1});
    model_f32(&m, "nine", "", (float[]){9});
    model_node(&m, "Pad", "x,pads,nine,axes", "y");
    gives("1,2,5", (float[]){9, 1, 2, 9, 9, 9, 3, 4, 9, 9});
    start(19, "1,3");
    model_i64(&m, "pads", "2", (int64_t[]){2, 1});
    model_i64(&m, "axes", "1", (int64_t[]){1});
    model_attr_text(&m, model_node(&m, "Pad", "x,pads,,axes", "y"), "mode", "wrap");
    gives("1,6", (float[]){2, 3, 1, 2, 3, 1});
}

/* ---- new names, new operators --------------------------------------------------------------- */
static void sample(int opset, const char *mode, float y[3])
{
    Onnx__NodeProto *n;

    start(opset, "1,1,3,4");
    model_f32(&m, "grid", "1,1,3,2", (float[]){-0.3f, 0.2f, 0.7f, -0.9f, 0.1f, 0.5f});
    n = model_node(&m, "GridSample", "x,grid", "y");
    model_attr_text(&m, n, "mode", mode);
    model_output(&m, "y");
    struct net *net = run();

    memcpy(y, net_output(net, 0)->data, 3 * sizeof *y);
    net_close(net);
}

Test(opsets, grid_sample_goes_by_new_names)
{
    float old[3], new[3];

    sample(16, "bilinear", old);
    sample(20, "linear", new);
    cr_assert_arr_eq(old, new, sizeof old);
    sample(16, "bicubic", old);
    sample(20, "cubic", new);
    cr_assert_arr_eq(old, new, sizeof old);
}

Test(opsets, average_pool_with_dilations)
{
    Onnx__NodeProto *n;

    start(19, "1,1,4,4");
    n = model_node(&m, "AveragePool", "x", "y");
    model_attr_ints(&m, n, "kernel_shape", "2,2");
    model_attr_ints(&m, n, "dilations", "2,2");
    gives("1,1,2,2", (float[]){6, 7, 10, 11});
}

Test(opsets, gelu_and_mish)
{
    start(20, "2");
    model_node(&m, "Gelu", "x", "y");
    gives("2", (float[]){0.8413447f, 1.9544997f});
    start(20, "2");
    model_attr_text(&m, model_node(&m, "Gelu", "x", "y"), "approximate", "tanh");
    gives("2", (float[]){0.8411920f, 1.9545977f});
    start(20, "2");
    model_attr_text(&m, model_node(&m, "Gelu", "x", "y"), "approximate", "roughly");
    model_output(&m, "y");
    refused(ERR_FORMAT, "(Gelu): approximate 'roughly'");
    start(18, "2");
    model_node(&m, "Mish", "x", "y");
    gives("2", (float[]){0.8650984f, 1.9439590f});
}

Test(opsets, group_normalization_scales_channels)
{
    Onnx__NodeProto *n;

    start(21, "1,4,1");
    model_f32(&m, "s", "4", (float[]){1, 2, 3, 4});
    model_f32(&m, "b", "4", (float[]){0, 0, 0, 1});
    n = model_node(&m, "GroupNormalization", "x,s,b", "y");
    model_attr_int(&m, n, "num_groups", 2);
    model_attr_float(&m, n, "epsilon", 0.75f); /* so that the spread, 1/4, becomes 1 */
    gives("1,4,1", (float[]){-0.5f, 1, -1.5f, 3});
}

Test(opsets, dft_axis_as_input)
{
    start(20, "1,4,1");
    model_i64(&m, "axis", "", (int64_t[]){1});
    model_attr_int(&m, model_node(&m, "DFT", "x,,axis", "y"), "onesided", 1);
    gives("1,3,2", (float[]){10, 0, -2, 2, -2, 0});
}
