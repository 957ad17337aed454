/* Small networks, quantised: what is written, and how far it is from the float one. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "perception/nn/onnx_parse.h"
#include "perception/nn/quantise/quantise.h"
#include "perception/nn/quantise/range.h"
#include "tests/onnx_model.h"

static struct model m;
static struct why why;
static struct quantise_report report;
static Onnx__ModelProto *written; /* what quantise() wrote, unpacked */
static unsigned char *bytes;
static size_t n_bytes;

static float shift; /* of all samples */

/* Sample i: numbers of shift -1..1 that differ from sample to sample. */
static enum err sample(void *user, int i, struct net *net, struct why *w)
{
    struct tensor *t = net_input(net, 0);
    uint32_t state = (uint32_t)i * 2654435761u + 7;

    (void)user;
    (void)w;
    for (int64_t k = 0; k < tensor_count(t); k++) {
        state = state * 1664525u + 1013904223u;
        ((float *)t->data)[k] = (float)(state >> 8) / (1 << 23) - 1.0f + shift;
    }
    return OK;
}

static struct quantise_options options(void)
{
    return (struct quantise_options){
        .samples = 8, .sample = sample, .cpu_mask = ~0u, .trials = 4, .keep_db = -100};
}

static enum err run(const struct quantise_options *o)
{
    size_t n;
    const uint8_t *file = model_pack(&m, &n);
    enum err e = quantise(file, n, NULL, o, &bytes, &n_bytes, &report, &why);

    written = NULL;
    if (e == OK) {
        written = onnx__model_proto__unpack(NULL, n_bytes, bytes);
        cr_assert(written);
    }
    return e;
}

static void finish(void)
{
    if (written)
        onnx__model_proto__free_unpacked(written, NULL);
    free(bytes);
    quantise_report_finish(&report);
    model_free(&m);
    shift = 0;
    written = NULL;
    bytes = NULL;
}

TestSuite(quantise, .fini = finish);

static const Onnx__NodeProto *maker(const char *value)
{
    for (size_t i = 0; i < written->graph->n_node; i++)
        for (size_t j = 0; j < written->graph->node[i]->n_output; j++)
            if (!strcmp(written->graph->node[i]->output[j], value))
                return written->graph->node[i];
    return NULL;
}

static const Onnx__TensorProto *constant(const char *name)
{
    for (size_t i = 0; i < written->graph->n_initializer; i++)
        if (!strcmp(written->graph->initializer[i]->name, name))
            return written->graph->initializer[i];
    return NULL;
}

static int count(const char *type)
{
    int n = 0;

    for (size_t i = 0; i < written->graph->n_node; i++)
        n += !strcmp(written->graph->node[i]->op_type, type);
    return n;
}

/* x (1, 3, 8, 8) -> conv 3x3 -> relu -> conv 1x1 -> y */
static void two_convolutions(int opset)
{
    model_init(&m, opset);
    model_input(&m, "x", DTYPE_F32, "1,3,8,8");
    model_pattern(&m, "w1", "4,3,3,3", 1);
    model_pattern(&m, "b1", "4", 2);
    model_pattern(&m, "w2", "2,4,1,1", 3);
    model_node(&m, "Conv", "x,w1,b1", "c1")->name = model_text(&m, "first");
    model_attr_ints(&m, m.nodes[0], "pads", "1,1,1,1");
    model_node(&m, "Relu", "c1", "r1");
    model_node(&m, "Conv", "r1,w2", "y")->name = model_text(&m, "second");
    model_output(&m, "y");
}

/* ---- what is written ----------------------------------------------------------------------- */
Test(quantise, convolutions_read_integers_and_give_floats)
{
    const struct quantise_options o = options();
    const Onnx__NodeProto *y, *w, *x, *b;

    two_convolutions(13);
    cr_assert_eq(run(&o), OK, "%s", why.text);
    y = maker("y");
    cr_assert_str_eq(y->op_type, "Conv");
    x = maker(y->input[0]);
    w = maker(y->input[1]);
    b = maker(y->input[2]);
    cr_assert(x && w && b);
    cr_expect_str_eq(x->op_type, "DequantizeLinear");
    cr_expect_str_eq(maker(x->input[0])->op_type, "QuantizeLinear");
    cr_expect_str_eq(maker(x->input[0])->input[0], "r1"); /* behind the activation */
    cr_expect_str_eq(maker("r1")->input[0], "c1");        /* and not before it */
    cr_expect_eq(constant(w->input[0])->data_type, DTYPE_I8);
    cr_expect_eq(constant(b->input[0])->data_type, DTYPE_I32);
    cr_expect_eq(constant(x->input[2])->data_type, DTYPE_U8);
    cr_expect_eq(constant(x->input[2])->raw_data.data[0], 0, "zero point after ReLU");
    cr_expect_null(constant("w2"), "float weights have gone");
    cr_expect_eq(written->graph->n_output, 1);
    cr_expect_eq(count("Conv"), 2);
}

Test(quantise, weights_have_a_scale_per_output_channel)
{
    const struct quantise_options o = options();
    const Onnx__TensorProto *q, *scale, *zero;

    two_convolutions(13);
    for (int i = 0; i < 27; i++) /* channel 2 a hundred times as large */
        ((float *)(void *)m.tensors[0]->raw_data.data)[2 * 27 + i] *= 100;
    cr_assert_eq(run(&o), OK, "%s", why.text);
    q = constant(maker(maker("c1")->input[1])->input[0]);
    scale = constant(maker(maker("c1")->input[1])->input[1]);
    zero = constant(maker(maker("c1")->input[1])->input[2]);
    cr_assert(q && scale && zero);
    cr_assert_eq(scale->dims[0], 4);
    for (int c = 0; c < 4; c++) {
        int largest = 0;

        cr_expect_eq(zero->raw_data.data[c], 0);
        for (int i = 0; i < 27; i++) {
            int v = abs((int8_t)q->raw_data.data[c * 27 + i]);

            largest = v > largest ? v : largest;
        }
        cr_expect(largest >= 100 && largest <= 127, "channel %d: %d", c, largest);
    }
}

Test(quantise, bias_scale_is_that_of_input_times_weights)
{
    const struct quantise_options o = options();
    const Onnx__NodeProto *conv;
    const float *x, *w, *b;

    two_convolutions(13);
    cr_assert_eq(run(&o), OK, "%s", why.text);
    conv = maker("c1");
    x = (const float *)(const void *)constant(maker(conv->input[0])->input[1])->raw_data.data;
    w = (const float *)(const void *)constant(maker(conv->input[1])->input[1])->raw_data.data;
    b = (const float *)(const void *)constant(maker(conv->input[2])->input[1])->raw_data.data;
    for (int c = 0; c < 4; c++)
        cr_expect_float_eq(b[c], x[0] * w[c], 1e-6f * b[c]);
}

/* ---- how far it is off --------------------------------------------------------------------- */
/* Rounding to steps s makes an error of mean square s^2 / 12; 255 steps over a range of at most 2
 * ranges of the numbers' own spread leave about 45 dB, and four roundings (input, weights, middle,
 * weights) a quarter of that. 30 dB is far below, and far above anything that is wrong. */
Test(quantise, outputs_stay_close)
{
    const struct quantise_options o = options();
    struct net *a, *b;
    size_t n;
    double noise = 0, signal = 0;

    two_convolutions(13);
    cr_assert_eq(run(&o), OK, "%s", why.text);
    const uint8_t *file = model_pack(&m, &n);
    cr_assert_eq(net_open_memory(file, n, NULL, &a, &why), OK);
    cr_assert_eq(net_open_memory(bytes, n_bytes, NULL, &b, &why), OK, "%s", why.text);
    for (int i = 20; i < 24; i++) { /* samples that it has not seen */
        cr_assert_eq(sample(NULL, i, a, NULL), OK);
        cr_assert_eq(sample(NULL, i, b, NULL), OK);
        cr_assert_eq(net_run(a, &why), OK);
        cr_assert_eq(net_run(b, &why), OK);
        for (int k = 0; k < 2 * 64; k++) {
            double y = (double)((const float *)net_output(a, 0)->data)[k],
                   d = y - (double)((const float *)net_output(b, 0)->data)[k];

            noise += d * d;
            signal += y * y;
        }
    }
    cr_expect(10 * log10(signal / noise) > 30, "%.1f dB", 10 * log10(signal / noise));
    cr_expect(noise > 0, "nothing was rounded");
    cr_expect(report.output[0].snr_db > 25, "%.1f dB", report.output[0].snr_db);
    net_close(a);
    net_close(b);
}

/* The mean error of each of C channels of the output, over some samples. */
static void mean_errors(double *mean, int C)
{
    struct net *a, *b;
    size_t n;
    const uint8_t *file = model_pack(&m, &n);

    cr_assert_eq(net_open_memory(file, n, NULL, &a, &why), OK);
    cr_assert_eq(net_open_memory(bytes, n_bytes, NULL, &b, &why), OK, "%s", why.text);
    memset(mean, 0, (size_t)C * sizeof *mean);
    for (int i = 0; i < 8; i++) {
        int inner = (int)(tensor_count(net_output(a, 0)) / C);

        cr_assert(sample(NULL, i, a, NULL) == OK && sample(NULL, i, b, NULL) == OK);
        cr_assert(net_run(a, &why) == OK && net_run(b, &why) == OK);
        for (int k = 0; k < C * inner; k++)
            mean[k / inner] += ((double)((const float *)net_output(b, 0)->data)[k] -
                                (double)((const float *)net_output(a, 0)->data)[k]) /
                               inner / 8;
    }
    net_close(a);
    net_close(b);
}

/* Inputs of mean 3 and weights off by up to half a step s would shift each output by some s: with
 * n weights, by about 3 s sqrt(n / 12). */
Test(quantise, biases_make_up_for_rounded_weights)
{
    const struct quantise_options o = options();
    const double step = 0.6 / 127; /* the largest weight of model_pattern() */
    double mean[6];

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,12,8,8");
    model_pattern(&m, "w", "6,6,3,3", 1);
    model_attr_int(&m, model_node(&m, "Conv", "x,w", "y"), "group", 2);
    model_output(&m, "y");
    shift = 3;
    cr_assert_eq(run(&o), OK, "%s", why.text);
    mean_errors(mean, 6); /* 54 weights: 6.4 steps */
    for (int c = 0; c < 6; c++)
        cr_expect(fabs(mean[c]) < 0.6 * step, "channel %d: %g steps", c, mean[c] / step);
    finish();
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,12,8,8");
    model_pattern(&m, "w", "12,3,2,2", 1);
    model_attr_int(&m, model_node(&m, "ConvTranspose", "x,w", "y"), "group", 2);
    model_attr_ints(&m, m.nodes[0], "strides", "2,2");
    model_output(&m, "y");
    shift = 3;
    cr_assert_eq(run(&o), OK, "%s", why.text);
    mean_errors(mean, 6); /* 6 weights an output: 2.1 steps, a quarter of taps each */
    for (int c = 0; c < 6; c++)
        cr_expect(fabs(mean[c]) < 0.2 * step, "channel %d: %g steps", c, mean[c] / step);
}

Test(quantise, channels_of_different_size_are_evened_out)
{
    const struct quantise_options o = options();
    const float size[] = {1, 0.01f, 3, 0.002f};

    model_init(&m, 13); /* conv -> relu -> depthwise conv, which sees each channel by itself */
    model_input(&m, "x", DTYPE_F32, "1,3,8,8");
    model_pattern(&m, "w1", "4,3,1,1", 1);
    model_pattern(&m, "w2", "4,1,3,3", 3);
    for (int i = 0; i < 12; i++)
        ((float *)(void *)m.tensors[0]->raw_data.data)[i] *= size[i / 3];
    for (int i = 0; i < 36; i++)
        ((float *)(void *)m.tensors[1]->raw_data.data)[i] /= size[i / 9];
    model_node(&m, "Conv", "x,w1", "c1");
    model_node(&m, "Relu", "c1", "r1");
    model_attr_int(&m, model_node(&m, "Conv", "r1,w2", "y"), "group", 4);
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect(report.output[0].snr_db > 30, "%.1f dB", report.output[0].snr_db);
}

Test(quantise, products_and_transposed_convolutions_are_layers_too)
{
    const struct quantise_options o = options();

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "5,64");
    model_pattern(&m, "w1", "96,64", 1);
    model_pattern(&m, "b1", "96", 2);
    model_pattern(&m, "w2", "96,64", 3);
    model_pattern(&m, "b2", "64", 4);
    model_attr_int(&m, model_node(&m, "Gemm", "x,w1,b1", "g"), "transB", 1);
    model_node(&m, "Relu", "g", "r");
    model_node(&m, "MatMul", "r,w2", "p");
    model_node(&m, "Add", "p,b2", "y");
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_eq(report.n_layers, 2);
    cr_expect_eq(constant(maker(maker("g")->input[1])->input[1])->dims[0], 96);
    cr_expect_eq(constant(maker(maker("p")->input[1])->input[1])->dims[0], 64);
    cr_expect(report.output[0].snr_db > 30, "%.1f dB", report.output[0].snr_db);
    finish();
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,4,6,6");
    model_pattern(&m, "w", "4,3,3,3", 1); /* 2 groups of 2 in and 3 out */
    model_pattern(&m, "b", "6", 2);
    model_attr_int(&m, model_node(&m, "ConvTranspose", "x,w,b", "t"), "group", 2);
    model_attr_ints(&m, m.nodes[0], "strides", "2,2");
    model_pattern(&m, "f", "1,6,1,1", 3);
    model_node(&m, "Mul", "t,f", "y"); /* into the weights */
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_eq(count("Mul"), 0);
    cr_expect(report.output[0].snr_db > 30, "%.1f dB", report.output[0].snr_db);
}

/* ---- foldings and islands ------------------------------------------------------------------ */
Test(quantise, batch_norms_and_addends_go_into_the_convolution)
{
    const struct quantise_options o = options();
    const float var[] = {0.5f, 1, 2, 4};

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,3,8,8");
    model_pattern(&m, "w", "4,3,3,3", 1);
    model_pattern(&m, "s", "4", 2);
    model_pattern(&m, "b", "4", 3);
    model_pattern(&m, "mean", "4", 4);
    model_f32(&m, "var", "4", var);
    model_pattern(&m, "add", "1,4,1,1", 5);
    model_node(&m, "Conv", "x,w", "c");
    model_node(&m, "BatchNormalization", "c,s,b,mean,var", "n");
    model_node(&m, "Add", "add,n", "y");
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_eq(count("BatchNormalization"), 0);
    cr_expect_eq(count("Add"), 0);
    cr_expect_str_eq(maker("y")->op_type, "Conv");
    cr_expect(report.output[0].snr_db > 30, "%.1f dB", report.output[0].snr_db);
}

Test(quantise, what_concat_joins_shares_a_scale)
{
    const struct quantise_options o = options();
    const Onnx__NodeProto *concat;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,3,8,8");
    model_pattern(&m, "w1", "4,3,1,1", 1);
    model_pattern(&m, "w2", "4,3,1,1", 2);
    model_pattern(&m, "w3", "2,8,1,1", 3);
    model_node(&m, "Conv", "x,w1", "a");
    model_node(&m, "Conv", "x,w2", "b");
    model_attr_int(&m, model_node(&m, "Concat", "a,b", "c"), "axis", 1);
    model_node(&m, "Conv", "c,w3", "d");
    model_node(&m, "Exp", "d", "y"); /* no layer behind it: float */
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    concat = maker("c");
    cr_expect_str_eq(maker(concat->input[0])->input[1], maker(concat->input[1])->input[1]);
    cr_expect_str_eq(maker(concat->input[0])->input[1], maker(maker("d")->input[0])->input[1]);
    cr_expect_str_eq(maker("y")->input[0], "d");
}

/* ---- layers that stay float ---------------------------------------------------------------- */
Test(quantise, a_named_layer_stays_float)
{
    static const char *const keep[] = {"first"}, *const none[] = {"third"};
    struct quantise_options o = options();

    two_convolutions(13);
    o.keep = keep;
    o.n_keep = 1;
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_not_null(constant("w1"));
    cr_expect_str_eq(maker("c1")->input[0], "x");
    cr_expect_str_eq(maker(maker("y")->input[0])->op_type, "DequantizeLinear");
    finish();
    two_convolutions(13);
    o.keep = none;
    cr_assert_eq(run(&o), ERR_MISMATCH);
    cr_expect(strstr(why.text, "'third'"), "%s", why.text);
}

Test(quantise, the_most_sensitive_layer_stays_float_within_the_share)
{
    struct quantise_options o = options();

    two_convolutions(13);
    o.keep_db = 200; /* every layer is too bad, but only the second fits: 2 x 4 of 2 x 4 + 4 x 27 */
    o.keep_share = 0.1;
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_assert_eq(report.n_layers, 2);
    cr_expect(report.layer[0].snr_db <= report.layer[1].snr_db);
    for (int i = 0; i < 2; i++)
        cr_expect_eq(report.layer[i].kept, !strcmp(report.layer[i].name, "second"));
    finish();
    two_convolutions(13);
    o.keep_share = 1;
    cr_assert_eq(run(&o), ERR_UNSUPPORTED);
    cr_expect(strstr(why.text, "every layer"), "%s", why.text);
}

/* The engine makes one node of these two; each counts by itself all the same. */
Test(quantise, a_depthwise_convolution_has_its_own_share)
{
    const struct quantise_options o = options();

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,16,20,20");
    model_pattern(&m, "w1", "16,1,3,3", 1);
    model_pattern(&m, "w2", "32,16,1,1", 3);
    model_attr_int(&m, model_node(&m, "Conv", "x,w1", "c1"), "group", 16);
    model_node(&m, "Conv", "c1,w2", "y");
    model_output(&m, "y");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_assert_eq(report.n_layers, 2);
    cr_expect_float_eq(fmin(report.layer[0].macs, report.layer[1].macs), 18 * 18 * 16 * 9, 0.5);
    cr_expect_float_eq(fmax(report.layer[0].macs, report.layer[1].macs), 18 * 18 * 16 * 32, 0.5);
    finish();
}

/* ---- older files --------------------------------------------------------------------------- */
Test(quantise, an_older_opset_is_raised)
{
    const struct quantise_options o = options();

    two_convolutions(9);
    m.graph.n_output = 0;
    model_attr_float(&m, model_node(&m, "Clip", "y", "c"), "min", -0.5f);
    model_attr_float(&m, m.nodes[3], "max", 0.5f);
    model_attr_ints(&m, model_node(&m, "Pad", "c", "p"), "pads", "0,0,0,1,0,0,0,1");
    model_attr_ints(&m, model_node(&m, "Slice", "p", "s"), "starts", "1");
    model_attr_ints(&m, m.nodes[5], "ends", "3");
    model_attr_ints(&m, m.nodes[5], "axes", "2");
    model_attr_ints(&m, model_node(&m, "ReduceSum", "s", "r"), "axes", "2");
    model_attr_ints(&m, model_node(&m, "Squeeze", "r", "q"), "axes", "0");
    model_attr_int(&m, model_node(&m, "Softmax", "q", "z"), "axis", 2);
    model_output(&m, "z");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_eq(report.opset_from, 9);
    cr_expect_eq(report.opset_to, 13);
    cr_expect_eq(written->opset_import[0]->version, 13);
    cr_expect_eq(maker("q")->n_input, 2);
    cr_expect_eq(maker("q")->n_attribute, 0);
    cr_expect(report.output[0].snr_db > 20, "%.1f dB", report.output[0].snr_db);
}

/* The engine makes one operator of all three; its scores have a shape nevertheless. */
Test(quantise, the_softmax_of_an_attention_is_raised)
{
    const struct quantise_options o = options();

    two_convolutions(11);
    m.graph.n_output = 0;
    model_node(&m, "MatMul", "y,y", "s");
    model_attr_int(&m, model_node(&m, "Softmax", "s", "p"), "axis", 3);
    model_node(&m, "MatMul", "p,y", "z");
    model_output(&m, "z");
    cr_assert_eq(run(&o), OK, "%s", why.text);
    cr_expect_eq(report.opset_from, 11);
}

Test(quantise, what_opset_13_cannot_say_is_refused)
{
    const struct quantise_options o = options();

    two_convolutions(11);
    m.graph.n_output = 0;
    model_node(&m, "Softmax", "y", "z")->name = model_text(&m, "all"); /* over 2 x 8 x 8 numbers */
    model_output(&m, "z");
    cr_assert_eq(run(&o), ERR_UNSUPPORTED);
    cr_expect(strstr(why.text, "'all'") && strstr(why.text, "opset 11"), "%s", why.text);
}

/* ---- refusals ------------------------------------------------------------------------------ */
Test(quantise, a_model_without_layers_and_a_quantised_one_are_refused)
{
    const struct quantise_options o = options();
    unsigned char *again;
    struct quantise_report r;
    size_t n;

    two_convolutions(13);
    cr_assert_eq(run(&o), OK);
    cr_expect_eq(quantise(bytes, n_bytes, NULL, &o, &again, &n, &r, &why), ERR_UNSUPPORTED);
    cr_expect(strstr(why.text, "quantised already"), "%s", why.text);
    finish();
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,3,8,8");
    model_node(&m, "Relu", "x", "y");
    model_output(&m, "y");
    cr_expect_eq(run(&o), ERR_UNSUPPORTED);
    cr_expect(strstr(why.text, "nothing to quantise"), "%s", why.text);
}

/* Whatever the bytes are: a model or a reason. */
Test(quantise, damaged_files_are_refused_or_work)
{
    struct quantise_options o = options();
    size_t n;
    int refused = 0;

    o.samples = o.trials = 1;
    two_convolutions(9);
    const uint8_t *file = model_pack(&m, &n);
    uint8_t *copy = malloc(n);
    cr_assert_not_null(copy);
    for (size_t at = 0; at < n; at += 1 + at % 3) {
        struct quantise_report r;
        unsigned char *out;
        size_t size = at % 7 == 0 ? at : n, n_out;

        memcpy(copy, file, n);
        copy[at] ^= (uint8_t)(1u << at % 8);
        why.text[0] = '\0';
        if (quantise(copy, size, NULL, &o, &out, &n_out, &r, &why) != OK) {
            cr_assert(*why.text && !out && !r.memory);
            refused++;
        }
        free(out);
        quantise_report_finish(&r);
    }
    free(copy);
    cr_expect(refused > 20, "%d", refused);
}

/* ---- ranges -------------------------------------------------------------------------------- */
static struct histogram histogram;

Test(quantise, a_byte_picture_is_exact)
{
    float x[256];

    for (int i = 0; i < 256; i++)
        x[i] = (float)i;
    histogram_init(&histogram);
    histogram_add(&histogram, x, 256);
    cr_expect_eq(range_best(&histogram).scale, 1.0f);
    cr_expect_eq(range_best(&histogram).zero, 0);
}

Test(quantise, one_stray_number_does_not_coarsen_the_rest)
{
    static struct histogram few;
    static float x[10001];
    float stray = 4, nan = NAN;

    histogram_init(&histogram);
    histogram_init(&few);
    for (int i = 0; i < 10001; i++)
        x[i] = (float)(i - 5000) / 5000;
    for (int i = 0; i < 50; i++) {
        histogram_add(&few, x, 10001);
        histogram_add(&histogram, x, 10001);
    }
    histogram_add(&histogram, &stray, 1);
    histogram_add(&histogram, &nan, 1);
    histogram_merge(&histogram, &few);
    cr_expect_eq(histogram.total, 1000101);
    cr_expect_eq(histogram.max, 4);
    cr_expect_eq(histogram.min, -1);
    struct range best = range_best(&histogram), whole = range_whole(&histogram);
    cr_expect_float_eq(whole.scale, 5.0f / 255, 1e-6f);
    cr_expect(best.scale < 0.6f * whole.scale, "%g", (double)best.scale);
    cr_expect(range_error(&histogram, best) < range_error(&histogram, whole));
}
