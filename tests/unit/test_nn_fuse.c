/* Fused forms compute what the nodes they stand for compute. Each graph runs twice: as it is, and
 * with every value between also an output, which keeps all of them. */
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

struct outcome {
    float *y;
    int64_t count;
    int nodes; /* of the type asked for */
};

static struct outcome outcome(build_fn *build, bool open_all, const char *type)
{
    struct net_options opt = {.cpu_mask = ~0u};
    struct outcome o = {0};
    const uint8_t *bytes;
    struct net *net;
    size_t n;

    build();
    model_output(&m, "y");
    for (size_t i = 0; open_all && i < m.graph.n_node; i++)
        for (size_t j = 0; j < m.nodes[i]->n_output; j++)
            if (strcmp(m.nodes[i]->output[j], "y") != 0)
                model_output(&m, m.nodes[i]->output[j]);
    bytes = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(bytes, n, &opt, &net, &why), OK, "%s", why.text);
    for (int i = 0; i < net_inputs(net); i++)
        for (int64_t j = 0; j < tensor_count(net_input(net, i)); j++)
            ((float *)net_input(net, i)->data)[j] = (float)((j + i) * 37 % 101) / 50.0f - 1.0f;
    cr_assert_eq(net_run(net, &why), OK);
    for (int i = 0; i < net_graph(net)->n_nodes; i++)
        o.nodes += !strcmp(net_graph(net)->node[i]->type, type);
    o.count = tensor_count(net_output(net, 0));
    o.y = malloc((size_t)o.count * sizeof *o.y);
    memcpy(o.y, net_output(net, 0)->data, (size_t)o.count * sizeof *o.y);
    net_close(net);
    model_free(&m);
    return o;
}

/* The same numbers, and in the first `left` nodes of the type asked for, in the other more. */
static void compare(struct outcome a, struct outcome b, int left)
{
    cr_assert_eq(a.nodes, left, "%d left, expected %d", a.nodes, left);
    cr_assert_gt(b.nodes, left);
    cr_assert_eq(a.count, b.count);
    for (int64_t i = 0; i < a.count; i++)
        cr_assert_float_eq(a.y[i], b.y[i], 2e-5f * (1 + fabsf(b.y[i])), "%g and %g at %d",
                           (double)a.y[i], (double)b.y[i], (int)i);
    free(a.y);
    free(b.y);
}

/* `left` nodes of that type remain where fusing may. */
static void check(build_fn *build, const char *type, int left)
{
    compare(outcome(build, false, type), outcome(build, true, type), left);
}

/* ---- products ------------------------------------------------------------------------------- */
static void product_bias_relu(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "3,5,7");
    model_pattern(&m, "w", "7,19", 1);
    model_pattern(&m, "b", "19", 2);
    model_node(&m, "MatMul", "x,w", "p");
    model_node(&m, "Add", "b,p", "q");
    model_node(&m, "Relu", "q", "y");
}

static void product_residual(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "11,33");
    model_pattern(&m, "w", "33,33", 1);
    model_pattern(&m, "b", "1,33", 2);
    model_node(&m, "Sigmoid", "x", "s");
    model_node(&m, "MatMul", "x,w", "p");
    model_node(&m, "Add", "p,b", "q");
    model_node(&m, "Add", "s,q", "y");
}

static void product_late_residual(void) /* the addend is made behind the product */
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "11,33");
    model_pattern(&m, "w", "33,33", 1);
    model_pattern(&m, "v", "33,33", 2);
    model_node(&m, "MatMul", "x,w", "p");
    model_node(&m, "LeakyRelu", "p", "l");
    model_node(&m, "MatMul", "x,v", "q");
    model_node(&m, "Tanh", "q", "t");
    model_node(&m, "Add", "l,t", "y");
}

static void gemm_scaled(void)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "4,9");
    model_pattern(&m, "w", "21,9", 1);
    model_pattern(&m, "c", "21", 2);
    n = model_node(&m, "Gemm", "x,w,c", "p");
    model_attr_int(&m, n, "transB", 1);
    model_attr_float(&m, n, "alpha", 0.5f);
    model_attr_float(&m, n, "beta", 1.5f);
    model_node(&m, "Clip", "p", "y");
}

Test(nn_fuse, products)
{
    check(product_bias_relu, "Add", 0);
    check(product_bias_relu, "Relu", 0);
    check(product_residual, "Add", 0);
    check(product_late_residual, "Add", 0);
    check(product_late_residual, "Tanh", 0);
    check(gemm_scaled, "Clip", 0);
}

/* What is computed from its definition: alpha x w' + beta c. */
Test(nn_fuse, gemm_with_constants)
{
    struct outcome o = outcome(gemm_scaled, false, "Gemm");
    Onnx__TensorProto *w, *c;

    model_init(&m, 13);
    w = model_pattern(&m, "w", "21,9", 1);
    c = model_pattern(&m, "c", "21", 2);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 21; j++) {
            double sum = 0;

            for (int k = 0; k < 9; k++)
                sum += ((i * 9 + k) * 37 % 101 / 50.0 - 1.0) *
                       (double)((const float *)(const void *)w->raw_data.data)[j * 9 + k];
            sum = 0.5 * sum + 1.5 * (double)((const float *)(const void *)c->raw_data.data)[j];
            cr_assert_float_eq(o.y[i * 21 + j], (float)sum, 1e-5f);
        }
    model_free(&m);
    free(o.y);
}

/* ---- channel shuffle ------------------------------------------------------------------------ */
static void head_of_twelve(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,12,5,3");
    model_pattern(&m, "w", "12,12,1,1", 1);
    model_node(&m, "Conv", "x,w", "c");
}

static void tail_of_branches(const char *weights)
{
    model_pattern(&m, "v", weights, 2);
    model_attr_ints(&m, model_node(&m, "Conv", "a,v", "d"), "pads", "1,1,1,1");
    model_node(&m, "Sub", "d,b", "y");
}

/* As exporters write it: turned over, then the first and the last part. */
static void shuffle(const int64_t pairs[3], const int64_t parts[5], const char *weights)
{
    head_of_twelve();
    model_i64(&m, "pairs", "3", pairs);
    model_node(&m, "Reshape", "c,pairs", "p");
    model_attr_ints(&m, model_node(&m, "Transpose", "p", "t"), "perm", "1,0,2");
    model_i64(&m, "parts", "5", parts);
    model_node(&m, "Reshape", "t,parts", "q");
    model_i64(&m, "first", "", (int64_t[]){0});
    model_i64(&m, "last", "", (int64_t[]){-1});
    model_node(&m, "Gather", "q,first", "a");
    model_node(&m, "Gather", "q,last", "b");
    tail_of_branches(weights);
}

static void shuffle_two(void)
{
    shuffle((int64_t[]){6, 2, 15}, (int64_t[]){2, 1, 6, 5, 3}, "6,6,3,3");
}

static void shuffle_three(void)
{
    shuffle((int64_t[]){4, 3, 15}, (int64_t[]){3, 1, 4, 5, 3}, "4,4,3,3");
}

/* What it means: the channels picked one by one. */
static void picked(const char *count, const int64_t *first, const int64_t *last,
                   const char *weights)
{
    head_of_twelve();
    model_i64(&m, "first", count, first);
    model_i64(&m, "last", count, last);
    model_attr_int(&m, model_node(&m, "Gather", "c,first", "a"), "axis", 1);
    model_attr_int(&m, model_node(&m, "Gather", "c,last", "b"), "axis", 1);
    tail_of_branches(weights);
}

static void picked_two(void)
{
    picked("6", (int64_t[]){0, 2, 4, 6, 8, 10}, (int64_t[]){1, 3, 5, 7, 9, 11}, "6,6,3,3");
}

static void picked_three(void)
{
    picked("4", (int64_t[]){0, 3, 6, 9}, (int64_t[]){2, 5, 8, 11}, "4,4,3,3");
}

Test(nn_fuse, shuffles)
{
    compare(outcome(shuffle_two, false, "Gather"), outcome(picked_two, false, "Gather"), 0);
    compare(outcome(shuffle_two, false, "Transpose"), outcome(picked_two, true, "Gather"), 0);
    compare(outcome(shuffle_three, false, "Gather"), outcome(picked_three, false, "Gather"), 0);
}

/* ---- zeros around pictures ------------------------------------------------------------------ */
static const char *pad_type, *pad_weights; /* of the node behind the Pad; NULL: no weights */
static int pad_own, pad_turned;            /* its own pads; behind a convolution */

static void pad(void)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,3,7,6");
    model_i64(&m, "pads", "8", (int64_t[]){0, 0, 1, 2, 0, 0, 2, 0});
    if (pad_turned) {
        model_pattern(&m, "v", "3,3,1,1", 4);
        model_node(&m, "Conv", "x,v", "c");
    }
    model_node(&m, "Pad", pad_turned ? "c,pads" : "x,pads", "p");
    if (pad_weights) {
        model_pattern(&m, "w", pad_weights, 1);
        n = model_node(&m, pad_type, "p,w", "y");
    } else {
        n = model_node(&m, pad_type, "p", "y");
        model_attr_ints(&m, n, "kernel_shape", "4,3");
    }
    model_attr_ints(&m, n, "strides", "2,1");
    if (pad_own)
        model_attr_ints(&m, n, "pads", "1,0,0,1");
    if (pad_own == 2)
        model_attr_int(&m, n, "count_include_pad", 1);
}

/* folded: of no own pads, own pads, own pads that count */
static void check_pads(const char *type, const char *weights, const int folded[3])
{
    pad_type = type;
    pad_weights = weights;
    for (pad_turned = 0; pad_turned < 2; pad_turned++)
        for (pad_own = 0; pad_own < (folded[2] && !weights ? 3 : 2); pad_own++) {
            struct outcome o = outcome(pad, false, "Pad");

            cr_assert_eq(o.nodes, !folded[pad_own]);
            free(o.y);
            if (folded[pad_own])
                compare(outcome(pad, false, "Pad"), outcome(pad, true, "Pad"), 0);
        }
}

Test(nn_fuse, pads)
{
    check_pads("Conv", "5,3,4,3", (int[]){1, 1, 0});
    check_pads("AveragePool", NULL, (int[]){1, 0, 1});
    check_pads("MaxPool", NULL, (int[]){0, 0, 0});
}

static int64_t around[4]; /* before and after the rows and the columns; less than 0: cut off */

static void pad_rows(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "5,6");
    model_i64(&m, "pads", "4", around);
    model_f32(&m, "value", "", (float[]){9});
    model_node(&m, "Pad", "x,pads,value", "y");
}

Test(nn_fuse, pads_of_either_sign)
{
    static const int64_t some[] = {-7, -3, -1, 0, 2};

    for (int i = 0; i < 5 * 5 * 5; i++) {
        struct outcome o;

        memcpy(around,
               (int64_t[]){some[i % 5] < -3 ? 1 : some[i % 5], some[i / 5 % 5], 1, some[i / 25]},
               sizeof around);
        if (5 + around[0] + around[2] < 1 || 6 + around[1] + around[3] < 1)
            continue;
        o = outcome(pad_rows, false, "Pad");
        for (int64_t at = 0, width = 6 + around[1] + around[3]; at < o.count; at++) {
            int64_t row = at / width - around[0], col = at % width - around[1];
            bool inside = row >= 0 && row < 5 && col >= 0 && col < 6;

            cr_assert_float_eq(o.y[at],
                               inside ? (float)((row * 6 + col) * 37 % 101) / 50.0f - 1.0f : 9.0f,
                               1e-6f, "pads %d: %d", i, (int)at);
        }
        free(o.y);
    }
}

/* ---- focus ---------------------------------------------------------------------------------- */
static int focus_strides, focus_parts; /* of the convolution; of the picture */

static void focus(void)
{
    static const struct {
        const char *rows, *part;
        int64_t row, col;
    } parts[] = {{"r0", "p0", 0, 0}, {"r1", "p1", 1, 0}, {"r2", "p2", 0, 1}, {"r3", "p3", 1, 1}};
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,3,10,14");
    model_i64(&m, "axis_y", "1", (int64_t[]){2});
    model_i64(&m, "axis_x", "1", (int64_t[]){3});
    model_i64(&m, "end", "1", (int64_t[]){INT64_MAX});
    model_i64(&m, "step", "1", (int64_t[]){2});
    model_i64(&m, "0", "1", (int64_t[]){0});
    model_i64(&m, "1", "1", (int64_t[]){1});
    for (int i = 0; i < 4; i++) {
        char rows[64], cols[64];

        snprintf(rows, sizeof rows, "x,%d,end,axis_y,step", (int)parts[i].row);
        snprintf(cols, sizeof cols, "%s,%d,end,axis_x,step", parts[i].rows, (int)parts[i].col);
        model_node(&m, "Slice", rows, parts[i].rows);
        model_node(&m, "Slice", cols, parts[i].part);
    }
    n = model_node(&m, "Concat", focus_parts == 4 ? "p0,p1,p2,p3" : "p3,p1,p1,p2", "f");
    model_attr_int(&m, n, "axis", 1);
    model_pattern(&m, "w", "7,12,3,2", 1);
    model_pattern(&m, "b", "7", 2);
    n = model_node(&m, "Conv", "f,w,b", "y");
    model_attr_ints(&m, n, "pads", "1,0,0,1");
    model_attr_ints(&m, n, "strides", focus_strides == 1 ? "1,1" : "2,1");
}

Test(nn_fuse, focus)
{
    struct outcome o;

    focus_parts = 4;
    for (focus_strides = 1; focus_strides < 3; focus_strides++)
        check(focus, "Slice", 0);
    focus_parts = 3; /* one twice, one not at all */
    o = outcome(focus, false, "Concat");
    cr_assert_eq(o.nodes, 1);
    free(o.y);
}

/* ---- pyramids of maxima --------------------------------------------------------------------- */
static void pyramid(void)
{
    static const struct {
        const char *size, *pads, *to;
    } pools[] = {{"5,5", "2,2,2,2", "a"}, {"13,13", "6,6,6,6", "c"}, {"9,9", "4,4,4,4", "b"}};

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,3,11,8");
    for (int i = 0; i < 3; i++) {
        Onnx__NodeProto *n = model_node(&m, "MaxPool", "x", pools[i].to);

        model_attr_ints(&m, n, "kernel_shape", pools[i].size);
        model_attr_ints(&m, n, "pads", pools[i].pads);
    }
    model_attr_int(&m, model_node(&m, "Concat", "x,a,b,c", "y"), "axis", 1);
}

static double largest(int plane, int y, int x, int size) /* of the input as outcome() fills it */
{
    double top = -INFINITY;

    for (int v = y - size / 2; v <= y + size / 2; v++)
        for (int u = x - size / 2; u <= x + size / 2; u++)
            if (v >= 0 && v < 11 && u >= 0 && u < 8)
                top = fmax(top, ((plane * 11 + v) * 8 + u) * 37 % 101 / 50.0 - 1.0);
    return top;
}

Test(nn_fuse, pyramids)
{
    static const int size[] = {1, 5, 9, 13};
    struct outcome o = outcome(pyramid, false, "MaxPool");

    cr_assert_eq(o.nodes, 3);
    for (int i = 0; i < o.count; i++) {
        int x = i % 8, y = i / 8 % 11, plane = i / 88 % 12, image = i / 88 / 12;

        cr_assert_float_eq(o.y[i], (float)largest(image * 3 + plane % 3, y, x, size[plane / 3]),
                           1e-6f, "image %d, plane %d, %d, %d", image, plane, y, x);
    }
    free(o.y);
}

/* ---- sums of rows --------------------------------------------------------------------------- */
static void mean_of_rows(void)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "3,5,21");
    n = model_node(&m, "ReduceMean", "x", "y");
    model_attr_ints(&m, n, "axes", "1");
}

Test(nn_fuse, mean_of_rows)
{
    struct outcome o = outcome(mean_of_rows, false, "ReduceMean");

    for (int i = 0; i < 3 * 21; i++) {
        double sum = 0;

        for (int r = 0; r < 5; r++)
            sum += (i / 21 * 105 + r * 21 + i % 21) * 37 % 101 / 50.0 - 1.0;
        cr_assert_float_eq(o.y[i], (float)(sum / 5), 1e-6f);
    }
    free(o.y);
}

/* ---- layer normalisation, spelt out --------------------------------------------------------- */
static int spelling; /* bits: one Sub for both, Mul for Pow, no addend, no factor, two dimensions */

static void spelt_norm(void)
{
    static const float two = 2, epsilon = 1e-3f;
    const bool one = spelling & 1, mul = spelling & 2, bare = spelling & 8, wide = spelling & 16;
    const bool last = !(spelling & 4) && !bare;
    const char *axes = wide ? "-2,-1" : "-1";

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,5,4,21");
    model_f32(&m, "two", "", &two);
    model_f32(&m, "epsilon", "1", &epsilon);
    model_pattern(&m, "scale", wide ? "4,21" : "21", 1);
    model_pattern(&m, "shift", wide ? "1,4,21" : "1,1,21", 2);
    model_attr_ints(&m, model_node(&m, "ReduceMean", "x", "mean"), "axes", axes);
    model_node(&m, "Sub", "x,mean", "d");
    if (!one)
        model_node(&m, "Sub", "x,mean", "e");
    model_node(&m, mul ? "Mul" : "Pow", mul ? "d,d" : "d,two", "square");
    model_attr_ints(&m, model_node(&m, "ReduceMean", "square", "var"), "axes", axes);
    model_node(&m, "Add", mul ? "epsilon,var" : "var,epsilon", "sum");
    model_node(&m, "Sqrt", "sum", "root");
    model_node(&m, "Div", one ? "d,root" : "e,root", bare ? "y" : "q");
    if (!bare)
        model_node(&m, "Mul", mul ? "scale,q" : "q,scale", last ? "p" : "y");
    if (last)
        model_node(&m, "Add", one ? "p,shift" : "shift,p", "y");
}

Test(nn_fuse, layer_normalisation)
{
    for (spelling = 0; spelling < 32; spelling++) {
        struct outcome o = outcome(spelt_norm, false, "LayerNormalization");

        cr_assert_eq(o.nodes, 1, "spelling %d", spelling);
        free(o.y);
        check(spelt_norm, "Sqrt", 0);
        check(spelt_norm, "ReduceMean", 0);
    }
}

static void norm_across(void) /* along channels: rows are not neighbours */
{
    static const float two = 2, epsilon = 1e-3f;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,5,21");
    model_f32(&m, "two", "", &two);
    model_f32(&m, "epsilon", "", &epsilon);
    model_attr_ints(&m, model_node(&m, "ReduceMean", "x", "mean"), "axes", "1");
    model_node(&m, "Sub", "x,mean", "d");
    model_node(&m, "Pow", "d,two", "square");
    model_attr_ints(&m, model_node(&m, "ReduceMean", "square", "var"), "axes", "1");
    model_node(&m, "Add", "var,epsilon", "sum");
    model_node(&m, "Sqrt", "sum", "root");
    model_node(&m, "Div", "d,root", "y");
}

Test(nn_fuse, normalising_across_rows_stays)
{
    struct outcome o = outcome(norm_across, false, "LayerNormalization");

    cr_assert_eq(o.nodes, 0);
    free(o.y);
}

/* ---- Gelu, spelt out ------------------------------------------------------------------------ */
static void spelt_gelu(void)
{
    static const float root = 1.41421356f, inverse = 0.70710678f, one = 1, half = 0.5f, three = 3;
    static const float small = 0.044715f, factor = 0.79788456f;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "3,7,11");
    model_f32(&m, "root", "", &root);
    model_f32(&m, "inverse", "", &inverse);
    model_f32(&m, "one", "", &one);
    model_f32(&m, "half", "", &half);
    model_f32(&m, "three", "", &three);
    model_f32(&m, "small", "", &small);
    model_f32(&m, "factor", "", &factor);
    if (spelling & 1) {
        if (spelling & 2) {
            model_node(&m, "Mul", "x,x", "square");
            model_node(&m, "Mul", "square,x", "cube");
        } else {
            model_node(&m, "Pow", "x,three", "cube");
        }
        model_node(&m, "Mul", "cube,small", "bit");
        model_node(&m, "Add", spelling & 2 ? "bit,x" : "x,bit", "bent");
        model_node(&m, "Mul", "factor,bent", "scaled");
        model_node(&m, "Tanh", "scaled", "f");
    } else {
        model_node(&m, spelling & 2 ? "Div" : "Mul", spelling & 2 ? "x,root" : "x,inverse",
                   "scaled");
        model_node(&m, "Erf", "scaled", "f");
    }
    model_node(&m, "Add", spelling & 2 ? "f,one" : "one,f", "gate");
    if (spelling & 4) {
        model_node(&m, "Mul", "x,gate", "product");
        model_node(&m, "Mul", "product,half", "y");
    } else if (spelling & 8) {
        model_node(&m, "Mul", "half,x", "product");
        model_node(&m, "Mul", "product,gate", "y");
    } else {
        model_node(&m, "Mul", "gate,half", "product");
        model_node(&m, "Mul", "x,product", "y");
    }
}

Test(nn_fuse, gelu)
{
    for (spelling = 0; spelling < 16; spelling++) {
        struct outcome o = outcome(spelt_gelu, false, "Gelu");

        cr_assert_eq(o.nodes, 1, "spelling %d", spelling);
        free(o.y);
        check(spelt_gelu, "Mul", 0);
    }
}

/* ---- parts of a whole ----------------------------------------------------------------------- */
static const char *parts_joined; /* of a: convolution, pool of it, separable of it, enlarged */

static void parts_of_a_whole(void)
{
    static const float scales[] = {1, 1, 2, 2};
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2,5,8,6");
    model_pattern(&m, "w", "19,5,3,3", 1);
    model_pattern(&m, "deep", "19,1,3,3", 2);
    model_pattern(&m, "point", "7,19,1,1", 3);
    model_pattern(&m, "half", "3,5,2,2", 4);
    model_f32(&m, "scales", "4", scales);
    model_attr_ints(&m, model_node(&m, "Conv", "x,w", "conv"), "pads", "1,1,1,1");
    n = model_node(&m, "MaxPool", "conv", "pool");
    model_attr_ints(&m, n, "kernel_shape", "3,3");
    model_attr_ints(&m, n, "pads", "1,1,1,1");
    n = model_node(&m, "Conv", "conv,deep", "d");
    model_attr_ints(&m, n, "pads", "1,1,1,1");
    model_attr_int(&m, n, "group", 19);
    model_node(&m, "Conv", "d,point", "separable");
    model_attr_ints(&m, model_node(&m, "Conv", "x,half", "h"), "strides", "2,2");
    model_node(&m, "Resize", "h,,scales", "large");
    model_attr_int(&m, model_node(&m, "Concat", parts_joined, "whole"), "axis", 1);
    model_node(&m, "Relu", "whole", "y");
}

Test(nn_fuse, parts_stay_where_they_are_made)
{
    parts_joined = "separable,pool,large";
    check(parts_of_a_whole, "Concat", 0);
    parts_joined = "large,separable";
    check(parts_of_a_whole, "Concat", 0);
}

/* One that others read too is still copied, wherever it stands. */
Test(nn_fuse, some_parts_are_copied)
{
    static const char *const joined[] = {"conv,pool,large", "large,conv,separable",
                                         "pool,pool,large", "separable,large,conv"};

    for (size_t i = 0; i < sizeof joined / sizeof *joined; i++) {
        struct outcome some, none;

        parts_joined = joined[i];
        some = outcome(parts_of_a_whole, false, "Concat");
        none = outcome(parts_of_a_whole, true, "Concat");
        cr_assert_eq(some.nodes, 1);
        cr_assert_arr_eq(some.y, none.y, (size_t)some.count * sizeof *some.y);
        free(some.y);
        free(none.y);
    }
}
