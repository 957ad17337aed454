/* Operators whose data makes no sense, while constants fold: one clear error that names the node, or
 * some result, in bounded memory and time. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "tests/limited_net.h"

static struct model m;

static struct answer open_model(void)
{
    return open_limited_model(&m);
}

/* attrs: "name=1;name='text';name=1,2": numbers, text, lists */
static void set_attrs(Onnx__NodeProto *n, const char *attrs)
{
    char copy[256], *save = NULL;

    snprintf(copy, sizeof copy, "%s", attrs);
    for (char *a = strtok_r(copy, ";", &save); a; a = strtok_r(NULL, ";", &save)) {
        char *value = strchr(a, '=');

        *value++ = '\0';
        if (*value == '\'') {
            value[strlen(value) - 1] = '\0';
            model_attr_text(&m, n, a, value + 1);
        } else if (strchr(value, ',')) {
            model_attr_ints(&m, n, a, value);
        } else {
            model_attr_int(&m, n, a, strtoll(value, NULL, 10));
        }
    }
}

/* Constants to choose from: what folds is run while loading. */
static void constants(void)
{
    static const float wild[8] = {NAN, INFINITY, -INFINITY, 1e38f, -1e38f, -1, 0, 1e-38f};
    static const int64_t far[8] = {-1, 5, INT64_MAX, INT64_MIN, 1ll << 40, -7, 0, 3};

    model_input(&m, "x", DTYPE_F32, "1,1,4,4");
    model_pattern(&m, "p", "1,1,4,4", 1);
    model_pattern(&m, "mat", "4,4", 2);
    model_pattern(&m, "seq", "3,2,4", 3);
    model_pattern(&m, "w3", "1,12,4", 4);
    model_pattern(&m, "r3", "1,12,3", 5);
    model_f32(&m, "boxes", "1,2,4", wild);
    model_f32(&m, "scores", "1,1,2", wild);
    model_f32(&m, "nan", "", wild);
    model_f32(&m, "tiny", "2", (float[]){1e-9f, 1e-9f});
    model_f32(&m, "rois", "2,4", wild);
    model_f32(&m, "grid", "1,2,2,2", wild);
    model_f32(&m, "row", "4", wild);
    model_i64(&m, "far", "8", far);
    model_i64(&m, "two", "2", far);
    model_i64(&m, "zeros", "2", (int64_t[]){0, 0});
    model_i64(&m, "classes", "4", (int64_t[]){0, 1, 2, 4});
    model_i64(&m, "minus", "", far);
    model_i64(&m, "huge", "", (int64_t[]){1ll << 40});
    model_i64(&m, "most", "", (int64_t[]){INT64_MAX});
    model_i64(&m, "least", "", (int64_t[]){INT64_MIN});
}

static struct answer answer_of(const char *type, const char *inputs, const char *attrs)
{
    model_init(&m, 20);
    constants();
    set_attrs(model_node(&m, type, inputs, "y"), attrs);
    model_output(&m, "y");
    return open_model();
}

/* One clear error that names the node. */
static void clear_error(const char *type, const char *inputs, const char *attrs)
{
    const struct answer a = answer_of(type, inputs, attrs);
    char named[64];

    snprintf(named, sizeof named, "(%s): ", type);
    cr_assert(a.e == ERR_FORMAT || a.e == ERR_LIMIT || a.e == ERR_UNSUPPORTED, "%s(%s) %s: %s: %s",
              type, inputs, attrs, err_name(a.e), a.text);
    cr_assert(strstr(a.text, named), "%s: %s", type, a.text);
}

/* A result, whatever it is. */
static void bounded(const char *type, const char *inputs, const char *attrs)
{
    const struct answer a = answer_of(type, inputs, attrs);

    cr_assert_eq(a.e, OK, "%s(%s) %s: %s: %s", type, inputs, attrs, err_name(a.e), a.text);
}

Test(nn_hostile_operators, boxes_and_grids_of_no_numbers)
{
    bounded("NonMaxSuppression", "boxes,scores", "");
    bounded("NonMaxSuppression", "boxes,scores,most,nan,nan", "");
    bounded("NonMaxSuppression", "boxes,scores,least", "center_point_box=1");
    clear_error("NonMaxSuppression", "boxes,scores,far", "");
    clear_error("NonMaxSuppression", "boxes,boxes", "");
    clear_error("RoiAlign", "p,rois,zeros", "sampling_ratio=2");
    clear_error("RoiAlign", "p,rois,two", "");
    clear_error("RoiAlign", "p,rois,zeros", "output_height=1048576");
    clear_error("RoiAlign", "p,rois,zeros", "sampling_ratio=-1");
    clear_error("RoiAlign", "p,rois,zeros", "sampling_ratio=1048576");
    for (int mode = 0; mode < 9; mode++) {
        static const char *const modes[] = {"linear", "nearest", "cubic"};
        static const char *const pads[] = {"zeros", "border", "reflection"};
        char attrs[64];

        snprintf(attrs, sizeof attrs, "mode='%s';padding_mode='%s'", modes[mode % 3],
                 pads[mode / 3]);
        bounded("GridSample", "p,grid", attrs);
    }
}

Test(nn_hostile_operators, more_products_than_there_is_time_for)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "64,64");
    n = model_node(&m, "Einsum", "x,x,x,x,x,x,x,x", "y");
    model_attr_text(&m, n, "equation", "ab,cd,ef,gh,ij,kl,mn,op->");
    limited_node_refused(&m, "Einsum");
    model_init(&m, 13);
    model_pattern(&m, "x", "64,64", 1);
    n = model_node(&m, "Einsum", "x,x,x", "y");
    model_attr_text(&m, n, "equation", "ab,cd,ef->"); /* 2^36: to be computed, but not here */
    model_output(&m, "y");
    cr_assert_eq(limited_nodes_left(&m), 1);
}

Test(nn_hostile_operators, classes_and_sequences_that_are_not_there)
{
    clear_error("NegativeLogLikelihoodLoss", "mat,classes", "");
    clear_error("SoftmaxCrossEntropyLoss", "mat,classes", "ignore_index=2");
    bounded("SoftmaxCrossEntropyLoss", "mat,classes", "ignore_index=4");
    clear_error("NegativeLogLikelihoodLoss", "mat,two", "");
    clear_error("NegativeLogLikelihoodLoss", "mat,classes,tiny", "");
    clear_error("LSTM", "seq,w3,r3", "hidden_size=-3");
    clear_error("LSTM", "seq,w3,r3", "hidden_size=9223372036854775807");
    clear_error("LSTM", "seq,w3,mat", "hidden_size=3");
    clear_error("LSTM", "seq,w3,r3,,two", "hidden_size=3");
    clear_error("LSTM", "seq,w3,r3", "hidden_size=3;direction='both'");
    clear_error("QLinearConv", "p,nan,minus,p,nan,minus,nan,minus", "");
    clear_error("ConvInteger", "p,p,far", "");
    clear_error("MatMulInteger", "mat,mat", "");
}

Test(nn_hostile_operators, signals_of_no_length)
{
    static const char *const lengths[] = {"minus", "huge", "most", "least"};
    char inputs[64];

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        snprintf(inputs, sizeof inputs, "p,%s,minus", lengths[i]);
        clear_error("DFT", inputs, "");
        clear_error("HannWindow", lengths[i], "");
        clear_error("HammingWindow", lengths[i], "periodic=0");
        snprintf(inputs, sizeof inputs, "seq,%s,row", lengths[i]);
        clear_error("STFT", inputs, "");
        snprintf(inputs, sizeof inputs, "%s,%s,minus,nan,nan", lengths[i], lengths[i]);
        clear_error("MelWeightMatrix", inputs, "");
    }
    clear_error("DFT", "x,,most", "");
    clear_error("DFT", "x", "");
    clear_error("HannWindow", "far", "");
    clear_error("HannWindow", "huge", "output_datatype=-1");
    clear_error("Det", "seq", "");
    bounded("Det", "mat", "");
    clear_error("MeanVarianceNormalization", "p", "axes=0,4");
    clear_error("MeanVarianceNormalization", "p", "axes=-9223372036854775808,0");
}

Test(nn_hostile_operators, resizing_from_far)
{
    Onnx__NodeProto *n;

    model_init(&m, 18);
    model_input(&m, "x", DTYPE_F32, "1,1,1,4194304");
    model_f32(&m, "s", "4", (float[]){1, 1, 1, 1e-6f});
    n = model_node(&m, "Resize", "x,,s", "y");
    set_attrs(n, "mode='linear';antialias=1");
    limited_node_refused(&m, "Resize"); /* four million taps for each of four numbers */
    bounded("Resize", "x,,tiny", "mode='linear';antialias=1;axes=2,3"); /* nothing is left */
    clear_error("Resize", "x,,nan", "mode='linear';antialias=1;axes=2,3");
    clear_error("Resize", "x,,,two", "mode='cubic';antialias=1;axes=2,3");
    clear_error("QuantizeLinear", "mat,mat", "block_size=-9223372036854775808");
    clear_error("DequantizeLinear", "two,mat", "block_size=9223372036854775807");
}

/* A million boxes, all against all, that are known when loading. */
Test(nn_hostile_operators, what_takes_long_is_not_folded)
{
    Onnx__TensorProto *t;
    const int64_t n = 1 << 18;
    const int64_t most = INT64_MAX;
    Onnx__NodeProto *roi;

    model_init(&m, 13);
    t = model_f32(&m, "boxes", "1,0,4", NULL);
    t->dims[1] = n;
    t->raw_data.data = model_take(&m, t->raw_data.len = (size_t)n * 16);
    t = model_f32(&m, "scores", "1,1,0", NULL);
    t->dims[2] = n;
    t->raw_data.data = model_take(&m, t->raw_data.len = (size_t)n * 4);
    model_i64(&m, "most", "", &most);
    model_node(&m, "NonMaxSuppression", "boxes,scores,most", "y");
    model_output(&m, "y");
    cr_assert_eq(limited_nodes_left(&m), 1);
    model_init(&m, 16);
    model_pattern(&m, "x", "1,1,64,64", 1);
    model_f32(&m, "rois", "1,4", (float[]){0, 0, 63, 63});
    model_i64(&m, "zero", "1", (int64_t[]){0});
    roi = model_node(&m, "RoiAlign", "x,rois,zero", "y");
    model_attr_int(&m, roi, "output_height", 64);
    model_attr_int(&m, roi, "output_width", 64);
    model_attr_int(&m, roi, "sampling_ratio", 1024);
    model_output(&m, "y");
    cr_assert_eq(limited_nodes_left(&m), 1);
}

/* Nobody gave the first output a name; the second, if there is one, is read. */
static void nameless(const char *type, const char *inputs, const char *outputs)
{
    model_init(&m, 15);
    model_input(&m, "x", DTYPE_F32, "2,4");
    model_pattern(&m, "c", "2,4", 1);
    model_pattern(&m, "w", "4", 2);
    model_i64(&m, "k", "1", (int64_t[]){1});
    model_i64(&m, "i", "2", (int64_t[]){1, 3});
    Onnx__NodeProto *n = model_node(&m, type, inputs, outputs);

    if (!strcmp(type, "Einsum"))
        model_attr_text(&m, n, "equation", "ij->j");
    if (!strcmp(type, "BatchNormalization"))
        model_attr_int(&m, n, "training_mode", 1);
    if (!strcmp(type, "Split"))
        model_attr_int(&m, n, "axis", 1);
    model_node(&m, "Size", *outputs ? "b" : "x", "y");
    model_output(&m, "y");
    const struct answer a = open_model();

    cr_assert_eq(a.e, OK, "%s: %s", type, a.text);
}

Test(nn_hostile_operators, outputs_without_a_name)
{
    nameless("Relu", "x", "");
    nameless("Relu", "c", "");
    nameless("Softmax", "x", "");
    nameless("MatMul", "x,w", "");
    nameless("MatMul", "c,w", "");
    nameless("Einsum", "x", "");
    nameless("Einsum", "c", "");
    nameless("Transpose", "c", "");
    nameless("Gather", "c,k", "");
    nameless("ReduceSum", "c,k", "");
    for (int known = 0; known < 2; known++) {
        nameless("TopK", known ? "c,k" : "x,k", ",b");
        nameless("Split", known ? "c" : "x", ",b");
        nameless("Dropout", known ? "c" : "x", ",b");
        nameless("LayerNormalization", known ? "c,w" : "x,w", ",b");
        nameless("DynamicQuantizeLinear", known ? "c" : "x", ",b");
        nameless("SoftmaxCrossEntropyLoss", known ? "c,i" : "x,i", ",b");
        nameless("BatchNormalization", known ? "c,w,w,w,w" : "x,w,w,w,w", ",b");
    }
}
