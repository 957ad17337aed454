/* Networks of DequantizeLinear, an operator and QuantizeLinear compute the same when they run on bytes.
 * Each graph runs twice: as it is, and with every value between also an output, which keeps all nodes
 * on real numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "perception/nn/ops/ops.h"
#include "tests/onnx_model.h"

static struct model m;
static struct why why;

typedef void build_fn(void);

/* ---- writing such networks --------------------------------------------------------------------- */
/* Steps NAME_s, NAME_z: v = (q - zero) scale, q of type u8 or i8. */
static void steps(const char *name, float scale, float zero, int type)
{
    char s[32], f[32], z[32];

    snprintf(s, sizeof s, "%s_s", name);
    snprintf(f, sizeof f, "%s_f", name);
    snprintf(z, sizeof z, "%s_z", name);
    model_f32(&m, s, "", &scale);
    model_f32(&m, f, "", &zero);
    model_attr_int(&m, model_node(&m, "Cast", f, z), "to", type);
}

/* `to` is `from` quantised in the steps and dequantised again. */
static void round_to(const char *from, const char *as, const char *to)
{
    char in[64], q[32];

    snprintf(q, sizeof q, "%s_q", to);
    snprintf(in, sizeof in, "%s,%s_s,%s_z", from, as, as);
    model_node(&m, "QuantizeLinear", in, q);
    snprintf(in, sizeof in, "%s,%s_s,%s_z", q, as, as);
    model_node(&m, "DequantizeLinear", in, to);
}

/* A convolution with weights of `dims` on bytes, in the steps "w". */
static Onnx__NodeProto *conv(const char *x, const char *dims, int seed, const char *y)
{
    char raw[32], w[32], in[64];

    snprintf(raw, sizeof raw, "%s_raw", y);
    snprintf(w, sizeof w, "%s_w", y);
    snprintf(in, sizeof in, "%s,%s", x, w);
    model_pattern(&m, raw, dims, seed);
    round_to(raw, "w", w);
    return model_node(&m, "Conv", in, y);
}

static void begin(const char *x_dims)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, x_dims);
    steps("w", 0.00471f, 0, DTYPE_I8);
    steps("a", 0.01013f, 100, DTYPE_U8);
    steps("b", 0.02177f, 60, DTYPE_U8);
    round_to("x", "a", "x0");
}

static void same_shape(const char *name, const int64_t *dims, int64_t n)
{
    char rank[8];

    snprintf(rank, sizeof rank, "%d", (int)n);
    model_i64(&m, name, rank, dims);
}

/* ---- running them ------------------------------------------------------------------------------ */
struct outcome {
    float *y;
    int64_t count;
    int integer;      /* nodes that compute on bytes, not only make them or read them */
    char types[1024]; /* of all nodes */
};

static struct outcome outcome(build_fn *build, bool open_all, unsigned cpu_mask)
{
    struct net_options opt = {.cpu_mask = cpu_mask};
    struct outcome o = {0};
    const uint8_t *bytes;
    struct net *net;
    size_t n, nodes;

    build();
    model_output(&m, "y");
    nodes = m.graph.n_node;
    for (size_t i = 0; open_all && i < nodes; i++)
        if (strcmp(m.nodes[i]->output[0], "y") != 0 && strcmp(m.nodes[i]->op_type, "Cast") != 0)
            model_output(&m, m.nodes[i]->output[0]);
    bytes = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(bytes, n, &opt, &net, &why), OK, "%s", why.text);
    for (int64_t j = 0; j < tensor_count(net_input(net, 0)); j++)
        ((float *)net_input(net, 0)->data)[j] = (float)(j * 37 % 101) / 50.0f - 1.0f;
    cr_assert_eq(net_run(net, &why), OK);
    for (int i = 0; i < net_graph(net)->n_nodes; i++) {
        const char *type = net_graph(net)->node[i]->type;
        size_t length = strlen(o.types);

        snprintf(o.types + length, sizeof o.types - length, "%s, ", type);
        o.integer +=
            strstr(type, " int8") && !strstr(type, "to int8") && !strstr(type, "from int8");
    }
    o.count = tensor_count(net_output(net, 0));
    o.y = malloc((size_t)o.count * sizeof *o.y);
    memcpy(o.y, net_output(net, 0)->data, (size_t)o.count * sizeof *o.y);
    net_close(net);
    model_free(&m);
    return o;
}

/* These nodes are left, and y is what it is on real numbers: but for sums so near the middle of two
 * steps that real numbers, rounded on the way, take the other one; no more than this share. */
static void check_within(build_fn *build, const char *types, float step, double share)
{
    struct outcome want = outcome(build, true, ~0u);
    const unsigned masks[] = {~0u, 0};

    cr_assert_eq(want.integer, 0, "%s", want.types);
    for (int level = 0; level < 2; level++) {
        struct outcome o = outcome(build, false, masks[level]);
        int64_t other = 0;
        double all = 0;

        cr_assert_str_eq(o.types, types);
        cr_assert_eq(o.count, want.count);
        for (int64_t i = 0; i < o.count; i++) {
            cr_assert_float_eq(o.y[i], want.y[i], 1.001f * step, "%g, not %g at %d", (double)o.y[i],
                               (double)want.y[i], (int)i);
            other += fabsf(o.y[i] - want.y[i]) > 0.001f * step;
            all += (double)fabsf(want.y[i]);
        }
        cr_assert_leq((double)other, share * (double)o.count, "%d of %d differ", (int)other,
                      (int)o.count);
        cr_assert_gt(all, 0.01 * (double)o.count); /* there is something to compare */
        free(o.y);
    }
    free(want.y);
}

static void check(build_fn *build, const char *types)
{
    check_within(build, types, 0.02177f, 0.002);
}

/* ---- convolutions ------------------------------------------------------------------------------ */
static void conv_chain(void)
{
    begin("1,5,9,11");
    model_attr_ints(&m, conv("x0", "19,5,3,3", 1, "c"), "pads", "1,1,1,1");
    model_node(&m, "Relu", "c", "r");
    round_to("r", "b", "r0");
    conv("r0", "7,19,1,1", 2, "d");
    round_to("d", "b", "y");
}

static void conv_silu(void)
{
    begin("1,5,9,11");
    conv("x0", "33,5,1,1", 1, "c");
    model_node(&m, "Sigmoid", "c", "s");
    model_node(&m, "Mul", "c,s", "p");
    round_to("p", "b", "y");
}

static void add_relu(void)
{
    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    round_to("c", "a", "c0");
    conv("c0", "19,19,1,1", 2, "d");
    round_to("d", "b", "d0");
    model_node(&m, "Add", "c0,d0", "s");
    model_node(&m, "Relu", "s", "r");
    round_to("r", "b", "y");
}

/* A convolution that stays on real numbers between two that do not. */
static void float_between(void)
{
    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    model_node(&m, "Softsign", "c", "s");
    round_to("s", "b", "s0");
    model_pattern(&m, "w", "8,19,1,1", 3);
    model_node(&m, "Conv", "s0,w", "d");
    round_to("d", "b", "y");
}

/* The same bytes are read by one on real numbers first, and then by one on bytes. */
static void float_before(void)
{
    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    model_node(&m, "Softsign", "c", "s");
    round_to("s", "b", "s0");
    model_pattern(&m, "v", "8,19,1,1", 3);
    model_node(&m, "Conv", "s0,v", "d");
    conv("s0", "8,19,1,1", 4, "e");
    round_to("d", "b", "d0");
    round_to("e", "b", "e0");
    model_node(&m, "Add", "d0,e0", "s1");
    round_to("s1", "b", "y");
}

static void add_batch_norm(void)
{
    const float var[] = {0.5f, 1, 1.5f, 2, 0.7f};

    begin("1,5,9,11");
    conv("x0", "5,5,1,1", 1, "c");
    round_to("c", "a", "c0");
    model_node(&m, "Add", "x0,c0", "s");
    model_pattern(&m, "scale", "5", 5);
    model_pattern(&m, "shift", "5", 6);
    model_pattern(&m, "mean", "5", 7);
    model_f32(&m, "var", "5", var);
    model_pattern(&m, "slope", "5,1,1", 8);
    model_node(&m, "BatchNormalization", "s,scale,shift,mean,var", "n");
    model_node(&m, "PRelu", "n,slope", "p");
    round_to("p", "b", "p0");
    conv("p0", "7,5,1,1", 2, "d");
    round_to("d", "b", "y");
}

Test(nn_fuse_quant, convolutions)
{
    check(conv_chain, "to int8, Conv int8, Conv int8, from int8, to planes, ");
    check(float_between,
          "to int8, Conv int8, Softsign, to int8, from int8, Conv, to int8, from int8, "
          "to planes, ");
    check(float_before,
          "to int8, Conv int8, Softsign, to int8, from int8, Conv, to int8, Conv int8, from int8, "
          "to planes, ");
    check(add_batch_norm, "to int8, Conv int8, Conv int8, from int8, to planes, ");
    check(add_relu, "to int8, Conv int8, Conv int8, from int8, to planes, ");
}

Test(nn_fuse_quant, silu)
{
    check_within(conv_silu, "to int8, Conv int8, from int8, to planes, ", 0.02177f, 0.02);
}

/* ---- concats ----------------------------------------------------------------------------------- */
static void concat(const char *first, const char *second)
{
    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    round_to("c", first, "c0");
    conv("x0", "6,5,1,1", 2, "d");
    round_to("d", second, "d0");
    model_attr_int(&m, model_node(&m, "Concat", "c0,d0", "e"), "axis", 1);
    round_to("e", "b", "e0");
    conv("e0", "7,25,1,1", 3, "f");
    round_to("f", "b", "y");
}

static void concat_equal(void)
{
    concat("b", "b");
}

static void concat_unequal(void)
{
    concat("a", "b");
}

/* A part that the concat shares with another reader, and one that it has twice. */
static void concat_shared(void)
{
    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    round_to("c", "b", "c0");
    conv("c0", "19,19,1,1", 2, "d");
    round_to("d", "b", "d0");
    model_attr_int(&m, model_node(&m, "Concat", "c0,d0,c0", "e"), "axis", 1);
    round_to("e", "b", "e0");
    conv("e0", "7,57,1,1", 3, "f");
    round_to("f", "b", "y");
}

/* Parts of all kinds, none of which needs to be copied. */
static void concat_many(void)
{
    Onnx__NodeProto *n;

    begin("1,5,9,11");
    conv("x0", "5,5,1,1", 1, "c");
    round_to("c", "b", "c0");
    model_node(&m, "Add", "x0,x0", "s");
    round_to("s", "b", "s0");
    n = model_node(&m, "AveragePool", "x0", "v");
    model_attr_ints(&m, n, "kernel_shape", "3,3");
    model_attr_ints(&m, n, "pads", "1,1,1,1");
    round_to("v", "b", "v0");
    model_attr_int(&m, model_node(&m, "Concat", "s0,c0,v0", "e"), "axis", 1);
    round_to("e", "b", "e0");
    conv("e0", "7,15,1,1", 3, "f");
    round_to("f", "b", "y");
}

/* Real numbers out of convolutions on bytes. */
static void concat_real(void)
{
    begin("1,5,9,11");
    conv("x0", "4,5,1,1", 1, "c");
    conv("x0", "1,5,1,1", 2, "d");
    model_node(&m, "Sigmoid", "d", "s");
    conv("x0", "20,5,1,1", 3, "e");
    model_attr_int(&m, model_node(&m, "Concat", "c,s,e", "y"), "axis", 1);
}

Test(nn_fuse_quant, concats)
{
    const char *types = "to int8, Conv int8, Conv int8, Concat int8, Conv int8, from int8, "
                        "to planes, ";

    check(concat_equal, "to int8, Conv int8, Conv int8, Conv int8, from int8, to planes, ");
    check(concat_unequal, types);
    check(concat_shared, types);
    check(concat_real, "to int8, Conv int8, Conv int8, Conv int8, to planes, ");
    check(concat_many, "to int8, Conv int8, elements int8, AveragePool int8, Conv int8, from int8, "
                       "to planes, ");
}

/* ---- what only moves numbers ------------------------------------------------------------------- */
/* ShuffleNet's, with a QuantizeLinear and a DequantizeLinear behind every step of it. */
static void shuffle(void)
{
    const int64_t pairs[] = {10, 2, 99}, parts[] = {2, -1, 10, 9, 11}, zero = 0, one = 1;

    begin("1,20,9,11");
    same_shape("pairs", pairs, 3);
    same_shape("parts", parts, 5);
    model_i64(&m, "zero", "", &zero);
    model_i64(&m, "one", "", &one);
    conv("x0", "20,20,1,1", 1, "c");
    round_to("c", "b", "c0");
    model_node(&m, "Reshape", "c0,pairs", "p");
    round_to("p", "b", "p0");
    model_attr_ints(&m, model_node(&m, "Transpose", "p0", "t"), "perm", "1,0,2");
    round_to("t", "b", "t0");
    model_node(&m, "Reshape", "t0,parts", "r");
    round_to("r", "b", "r0");
    model_node(&m, "Gather", "r0,zero", "g");
    round_to("g", "b", "g0");
    model_node(&m, "Gather", "r0,one", "h");
    round_to("h", "b", "h0");
    conv("h0", "7,10,1,1", 2, "d");
    round_to("d", "b", "d0");
    model_attr_int(&m, model_node(&m, "Concat", "g0,d0", "e"), "axis", 1);
    round_to("e", "b", "y");
}

static void padded_average(void)
{
    const int64_t pads[] = {0, 0, 1, 1, 0, 0, 1, 1};
    Onnx__NodeProto *n;

    begin("1,5,9,11");
    same_shape("pads", pads, 8);
    conv("x0", "19,5,1,1", 1, "c");
    round_to("c", "b", "c0");
    model_node(&m, "Pad", "c0,pads", "p");
    round_to("p", "b", "p0");
    n = model_node(&m, "AveragePool", "p0", "v");
    model_attr_ints(&m, n, "kernel_shape", "3,3");
    model_attr_ints(&m, n, "strides", "2,2");
    round_to("v", "b", "y");
}

/* Windows of 5, 9 and 13 over one picture. */
static void pyramid(void)
{
    char pads[16], kernel[16], out[8], rounded[8];

    begin("1,5,9,11");
    conv("x0", "19,5,1,1", 1, "c");
    round_to("c", "b", "c0");
    for (int i = 0; i < 3; i++) {
        Onnx__NodeProto *n;
        int k = 5 + 4 * i, p = k / 2;

        snprintf(out, sizeof out, "v%d", i);
        snprintf(rounded, sizeof rounded, "r%d", i);
        snprintf(kernel, sizeof kernel, "%d,%d", k, k);
        snprintf(pads, sizeof pads, "%d,%d,%d,%d", p, p, p, p);
        n = model_node(&m, "MaxPool", "c0", out);
        model_attr_ints(&m, n, "kernel_shape", kernel);
        model_attr_ints(&m, n, "pads", pads);
        round_to(out, "b", rounded);
    }
    model_attr_int(&m, model_node(&m, "Concat", "c0,r0,r1,r2", "e"), "axis", 1);
    round_to("e", "b", "y");
}

static void slice(const char *x, int64_t axis, int64_t start, const char *y)
{
    const int64_t end = 100, step = 2;
    char name[4][16], in[80];
    const int64_t *value[] = {&start, &end, &axis, &step};

    for (int i = 0; i < 4; i++) {
        snprintf(name[i], sizeof name[i], "%s_%d", y, i);
        model_i64(&m, name[i], "1", value[i]);
    }
    snprintf(in, sizeof in, "%s,%s,%s,%s,%s", x, name[0], name[1], name[2], name[3]);
    model_node(&m, "Slice", in, y);
}

/* YOLOX's, in the other order of rows and columns. */
static void focus(void)
{
    begin("1,3,8,12");
    for (int i = 0; i < 4; i++) {
        char half[8], half0[8], part[8], part0[8];

        snprintf(half, sizeof half, "h%d", i);
        snprintf(half0, sizeof half0, "h%d0", i);
        snprintf(part, sizeof part, "p%d", i);
        snprintf(part0, sizeof part0, "p%d0", i);
        slice("x0", 2, i % 2, half);
        round_to(half, "a", half0);
        slice(half0, 3, i / 2, part);
        round_to(part, "a", part0);
    }
    model_attr_int(&m, model_node(&m, "Concat", "p00,p10,p20,p30", "e"), "axis", 1);
    round_to("e", "a", "e0");
    model_attr_ints(&m, conv("e0", "17,12,3,3", 1, "c"), "pads", "1,1,1,1");
    round_to("c", "b", "y");
}

Test(nn_fuse_quant, moves)
{
    check(shuffle, "to int8, Conv int8, Slice int8, Slice int8, Conv int8, from int8, to planes, ");
    check(padded_average, "to int8, Conv int8, AveragePool int8, from int8, to planes, ");
    check(pyramid, "to int8, Conv int8, MaxPool int8, MaxPool int8, MaxPool int8, Concat int8, "
                   "from int8, to planes, ");
    check(focus, "to int8, Conv int8, from int8, to planes, ");
}
