/* QLinearConv on the kernels for bytes. The same network twice: with its weights as constants, which
 * are packed and fused, and as inputs, which leaves it to plain sums. Scales are powers of two, so
 * that no rounding but the one that ONNX asks for happens in either: the bytes must be equal. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "perception/kernels/kernels.h"
#include "perception/nn/inspect.h"
#include "perception/nn/tensor.h"
#include "tests/onnx_model.h"

enum { MAX_BYTES = 1 << 14 };

/* One kind of network. Weights (M, C / group, 3, 3). */
struct form {
    int type;     /* of the weights */
    uint8_t zero; /* of the weights, all */
    bool each;    /* a scale for every channel */
    bool bias;
    int64_t group;                          /* of the second convolution */
    int left;                               /* QLinearConv that stay */
    const char *strides, *dilations, *pads; /* of the first; NULL: 1 everywhere */
};

static struct model m;
static struct why why;
static uint8_t made[2][MAX_BYTES];

static void fill(uint8_t *to, size_t n, int seed)
{
    uint32_t state = (uint32_t)seed * 2654435761u + 1;

    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        to[i] = (uint8_t)(state >> 24);
    }
}

static void weights(const struct form *f, const char *name, const char *dims, size_t n, bool fixed)
{
    static uint8_t w[MAX_BYTES];

    fill(w, n, name[1]);
    if (fixed)
        model_tensor(&m, name, dims, f->type, w, 1);
    else
        model_input(&m, name, f->type, dims);
}

/* A QLinearConv of 8 output channels; inputs: x, its steps, weights and theirs. */
static Onnx__NodeProto *conv(const struct form *f, const char *inputs, const char *pads,
                             const char *output)
{
    char all[64];
    Onnx__NodeProto *n;

    snprintf(all, sizeof all, "%s,ys,yz%s", inputs, f->bias ? ",b" : "");
    n = model_node(&m, "QLinearConv", all, output);
    model_attr_ints(&m, n, "pads", pads);
    return n;
}

/* x -> bytes -> convolution -> maxima -> convolution, with groups -> beside the maxima -> y */
static void build(const struct form *f, bool fixed)
{
    static const float scale[8] = {0x1p-6f, 0x1p-7f, 0x1p-6f, 0x1p-8f,
                                   0x1p-7f, 0x1p-6f, 0x1p-9f, 0x1p-7f};
    static const int32_t bias[8] = {100, -2000, 30, 0, 7, 900, -400, 5};
    const char *dims = f->each ? "8" : "";
    uint8_t zeros[8];
    Onnx__NodeProto *n;

    memset(zeros, f->zero, sizeof zeros);
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,4,9,11");
    model_f32(&m, "xs", "", (float[]){0x1p-5f});
    model_tensor(&m, "xz", "", DTYPE_U8, (uint8_t[]){120}, 1);
    model_f32(&m, "ys", "", (float[]){0x1p-3f});
    model_tensor(&m, "yz", "", DTYPE_U8, (uint8_t[]){131}, 1);
    model_f32(&m, "ws", dims, scale);
    model_tensor(&m, "wz", dims, f->type, zeros, 1);
    if (f->bias)
        model_tensor(&m, "b", "8", DTYPE_I32, bias, 4);
    weights(f, "w1", "8,4,3,3", 8 * 4 * 9, fixed);
    weights(f, "w2", f->group == 8 ? "8,1,3,3" : "8,8,3,3", 8 * (f->group == 8 ? 1 : 8) * 9, fixed);
    model_node(&m, "QuantizeLinear", "x,xs,xz", "q");
    n = conv(f, "q,xs,xz,w1,ws,wz", f->pads ? f->pads : "1,1,1,1", "c");
    model_attr_ints(&m, n, "strides", f->strides ? f->strides : "1,1");
    model_attr_ints(&m, n, "dilations", f->dilations ? f->dilations : "1,1");
    model_attr_ints(&m, model_node(&m, "MaxPool", "c", "p"), "kernel_shape", "2,2");
    model_attr_int(&m, conv(f, "p,ys,yz,w2,ws,wz", "1,1,1,1", "d"), "group", f->group);
    model_attr_int(&m, model_node(&m, "Concat", "d,p", "y"), "axis", 1);
    model_output(&m, "y");
}

static size_t outcome(const struct form *f, bool fixed, unsigned mask, uint8_t *to, int *left)
{
    struct net_options opt = {.cpu_mask = mask};
    size_t n, bytes;
    const uint8_t *file;
    struct net *net;

    build(f, fixed);
    file = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(file, n, &opt, &net, &why), OK, "%s", why.text);
    for (int i = 0; i < net_inputs(net); i++) {
        struct tensor *t = net_input(net, i);

        if (t->type != DTYPE_F32)
            fill(t->data, (size_t)tensor_count(t), t->name[1]);
        for (int64_t j = 0; t->type == DTYPE_F32 && j < tensor_count(t); j++)
            ((float *)t->data)[j] = (float)(j * 37 % 101) / 16.0f - 3.0f;
    }
    cr_assert_eq(net_run(net, &why), OK);
    *left = 0;
    for (int i = 0; i < net_graph(net)->n_nodes; i++)
        *left += !strcmp(net_graph(net)->node[i]->type, "QLinearConv");
    bytes = (size_t)tensor_count(net_output(net, 0));
    cr_assert(net_output(net, 0)->type == DTYPE_U8 && bytes <= MAX_BYTES);
    memcpy(to, net_output(net, 0)->data, bytes);
    net_close(net);
    model_free(&m);
    return bytes;
}

static void check(struct form f)
{
    const unsigned masks[] = {0, CPU_AVX2, ~0u};
    int left;
    size_t n = outcome(&f, false, ~0u, made[0], &left);

    cr_assert_eq(left, 2);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(outcome(&f, true, masks[i], made[1], &left), n);
        cr_assert_eq(left, f.left);
        cr_assert_arr_eq(made[1], made[0], n);
    }
    for (size_t i = 0; i < n; i++) /* not everything saturates */
        if (made[0][i] != 0 && made[0][i] != 255 && made[0][i] != made[0][0])
            return;
    cr_assert(false, "all the same");
}

Test(nn_qoperator, signed_weights)
{
    check((struct form){.type = DTYPE_I8, .group = 1});
    check((struct form){.type = DTYPE_I8, .group = 1, .bias = true});
    check((struct form){.type = DTYPE_I8, .group = 8, .each = true, .bias = true});
}

Test(nn_qoperator, strides_dilations_and_pads)
{
    struct form f = {.type = DTYPE_I8, .group = 1, .strides = "2,3", .dilations = "2,1"};

    for (const char *const *p = (const char *const[]){"1,1,1,3", "0,3,6,0", "0,0,0,0", NULL}; *p;
         p++) {
        f.pads = *p;
        check(f);
        f.type = DTYPE_U8; /* and those that stay, against themselves on other levels */
        f.zero = 7;
        f.left = 2;
        check(f);
        f = (struct form){.type = DTYPE_I8, .group = 1, .strides = "1,2", .dilations = "3,2"};
    }
}

Test(nn_qoperator, weights_that_count_from_the_middle)
{
    check((struct form){.type = DTYPE_U8, .zero = 128, .group = 1, .each = true, .bias = true});
    check((struct form){.type = DTYPE_U8, .zero = 128, .group = 8});
}

/* Nine bits with their sign: for plain sums. */
Test(nn_qoperator, other_weights_stay)
{
    check((struct form){.type = DTYPE_U8, .zero = 100, .group = 1, .bias = true, .left = 2});
    check((struct form){.type = DTYPE_I8, .zero = 3, .group = 8, .each = true, .left = 2});
}

/* What is wrong is told as it was, with the node's name. */
Test(nn_qoperator, wrong_ones_are_refused)
{
    const struct form f = {.type = DTYPE_I8, .group = 1};
    struct net *net;
    size_t n;

    build(&f, true);
    m.graph.node[1]->input[1] = model_text(&m, "ws2"); /* two scales for one tensor */
    model_f32(&m, "ws2", "2", (float[]){1, 1});
    const uint8_t *file = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(file, n, NULL, &net, &why), ERR_UNSUPPORTED);
    cr_assert(strstr(why.text, "(QLinearConv)"), "%s", why.text);
    model_free(&m);
}
