/* Files made to do harm: one clear error that names the thing, in bounded memory and time. Operators
 * have a file of their own, test_nn_hostile_operators.c. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/nn/inspect.h"
#include "tests/folder.h"
#include "tests/limited_net.h"
#include "tests/onnx_model.h"

enum { LITTLE = 64 };

static struct model m;

static struct answer open_model(void)
{
    return open_limited_model(&m);
}

static void check(const struct answer *a, enum err e, const char *words)
{
    cr_assert_eq(a->e, e, "%s: %s", err_name(a->e), a->text);
    cr_assert(strstr(a->text, words), "'%s' is not in: %s", words, a->text);
}

static void refused(enum err e, const char *words)
{
    const struct answer a = open_model();

    check(&a, e, words);
}

static void start(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,1,4,4");
}

/* ---- many nodes from little ---------------------------------------------------------------- */
/* count nodes like n, which has one output: in a chain, the first input of each the output of the
 * one before, or side by side, each an output of the graph. */
static void repeat(const Onnx__NodeProto *n, int count, bool chain)
{
    const size_t room = (size_t)count;
    Onnx__NodeProto *node = model_take(&m, room * sizeof *node);
    Onnx__NodeProto **list = model_take(&m, room * sizeof *list);
    Onnx__ValueInfoProto *value = model_take(&m, room * sizeof *value);
    Onnx__ValueInfoProto **outputs = model_take(&m, room * sizeof *outputs);
    char **in = model_take(&m, room * n->n_input * sizeof *in);
    char **out = model_take(&m, room * sizeof *out), *name = model_take(&m, room * 16);

    for (size_t i = 0; i < room; i++, name += 16, in += n->n_input) {
        snprintf(name, 16, "y%zu", i);
        out[i] = name;
        memcpy(in, n->input, n->n_input * sizeof *in);
        if (chain && i)
            in[0] = out[i - 1];
        node[i] = *n;
        node[i].input = in;
        node[i].output = &out[i];
        list[i] = &node[i];
        onnx__value_info_proto__init(&value[i]);
        value[i].name = name;
        outputs[i] = &value[i];
    }
    m.graph.node = list;
    m.graph.n_node = room;
    m.graph.output = chain ? &outputs[room - 1] : outputs;
    m.graph.n_output = chain ? 1 : room;
}

Test(nn_hostile, many_nodes_that_each_pack_one_weight)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,64,2,2");
    model_pattern(&m, "w", "64,64,3,3", 1);
    n = model_node(&m, "Conv", "x,w", "y");
    model_attr_ints(&m, n, "pads", "1,1,1,1");
    repeat(n, 20000, true);
    refused(ERR_LIMIT, "(Conv): constants and packed weights need more than");
}

/* The constant of each is fused into a copy of the weight. */
Test(nn_hostile, many_nodes_that_each_change_one_weight)
{
    enum { COUNT = 2000 };
    Onnx__NodeProto *conv, *mul;
    const float factor = 2;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,128,1,1");
    model_pattern(&m, "w", "128,128,1,1", 1);
    model_f32(&m, "f", "1", &factor);
    conv = model_node(&m, "Conv", "x,w", "y");
    mul = model_node(&m, "Mul", "x,f", "y");
    repeat(conv, COUNT, true);
    for (size_t i = 1; i < COUNT; i += 2) {
        m.graph.node[i]->op_type = mul->op_type;
        m.graph.node[i]->input[1] = mul->input[1];
    }
    refused(ERR_LIMIT, "(Mul): constants and packed weights need more than");
}

Test(nn_hostile, many_nodes_with_long_tables)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,1");
    model_i64(&m, "p", "4", (int64_t[]){0, 0, 0, 1000000});
    n = model_node(&m, "Pad", "x,p", "y");
    repeat(n, 10000, false);
    refused(ERR_LIMIT, "(Pad): ");
}

Test(nn_hostile, many_outputs_that_are_large)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,1");
    model_i64(&m, "s", "2", (int64_t[]){1024, 1024});
    repeat(model_node(&m, "Expand", "x,s", "y"), 60000, false);
    refused(ERR_LIMIT, "limit 67108864; the largest is 'y");
}

/* Constants that grow: folding stops, and then a limit is met. */
Test(nn_hostile, a_chain_that_doubles)
{
    model_init(&m, 13);
    model_pattern(&m, "x", "1", 1);
    model_i64(&m, "r", "1", (int64_t[]){8});
    repeat(model_node(&m, "Tile", "x,r", "y"), 40, true);
    refused(ERR_LIMIT, "node 'Tile_8' (Tile): output 'y8' has 536870912 bytes, limit 67108864");
}

Test(nn_hostile, folding_has_a_budget_for_what_it_reads)
{
    enum { COUNT = 60000, AFFORDED = LIMITED_MEMORY / (4 << 18) };

    model_init(&m, 11);
    model_pattern(&m, "w", "512,512", 1); /* 1 MiB */
    repeat(model_node(&m, "ReduceSum", "w", "y"), COUNT, false);
    cr_assert_geq(limited_nodes_left(&m), COUNT - AFFORDED);
}

Test(nn_hostile, folding_has_a_budget_for_windows)
{
    for (int kernel = 3; kernel <= 255; kernel += 252) { /* a million windows of 9 or 65025 */
        Onnx__NodeProto *n;
        char size[32];

        model_init(&m, 13);
        model_pattern(&m, "w", "1,1,512,512", 1);
        n = model_node(&m, "LpPool", "w", "y");
        snprintf(size, sizeof size, "%d,%d", kernel, kernel);
        model_attr_ints(&m, n, "kernel_shape", size);
        model_output(&m, "y");
        cr_assert_eq(limited_nodes_left(&m), kernel > 3);
    }
}

Test(nn_hostile, folding_has_a_budget_for_neighbours)
{
    model_init(&m, 13);
    model_pattern(&m, "w", "1,262144,1,1", 1);
    model_attr_int(&m, model_node(&m, "LRN", "w", "y"), "size", 262143);
    model_output(&m, "y");
    cr_assert_eq(limited_nodes_left(&m), 1);
}

/* Each would walk through 67 million rows of no columns. */
Test(nn_hostile, what_makes_nothing_is_not_run)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "67108864,1,0");
    model_i64(&m, "i", "1", (int64_t[]){0});
    n = model_node(&m, "Gather", "x,i", "y");
    model_attr_int(&m, n, "axis", 1);
    repeat(n, 60000, false);
    cr_assert_eq(limited_nodes_left(&m), 0);
}

Test(nn_hostile, a_long_cycle)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1");
    repeat(model_node(&m, "Add", "x,y49999", "y"), 50000, true);
    refused(ERR_FORMAT, "'y49999', which only a later node makes");
}

Test(nn_hostile, more_nodes_than_the_limit)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1");
    repeat(model_node(&m, "Abs", "x", "y"), NET_MAX_NODES + 1, true);
    refused(ERR_LIMIT, "65537 nodes, limit 65536");
}

/* ---- external data ------------------------------------------------------------------------- */
Test(nn_hostile, many_tensors_from_one_external_file)
{
    static const float data[1 << 18];
    struct folder f;
    size_t n;

    folder_make(&f);
    folder_put(&f, "w.bin", data, sizeof data);
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1");
    for (int i = 0; i < LITTLE; i++) { /* 1 MiB each */
        static const char *const keys[] = {"location", "w.bin"};
        char name[16];

        snprintf(name, sizeof name, "w%d", i);
        Onnx__TensorProto *t = model_f32(&m, name, "0", NULL);
        Onnx__StringStringEntryProto *e = model_take(&m, sizeof *e);

        t->dims[0] = 1 << 18;
        t->has_raw_data = 0;
        t->has_data_location = 1;
        t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
        t->external_data = model_take(&m, sizeof *t->external_data);
        t->external_data[t->n_external_data++] = e;
        onnx__string_string_entry_proto__init(e);
        e->key = model_text(&m, keys[0]);
        e->value = model_text(&m, keys[1]);
    }
    model_node(&m, "Abs", "x", "y");
    model_output(&m, "y");
    const uint8_t *bytes = model_pack(&m, &n);
    folder_put(&f, "model.onnx", bytes, n);
    const struct answer a = open_limited(folder_path(&f, "model.onnx"), NULL, 0);

    model_free(&m);
    folder_remove(&f);
    check(&a, ERR_LIMIT, "tensor 'w32': constants and packed weights need more than");
}

/* ---- sizes that lie ------------------------------------------------------------------------ */
static void initialiser(enum err e, const char *dims, const char *words)
{
    start();
    Onnx__TensorProto *t = model_f32(&m, "w", "", NULL);
    char *end = (char *)dims;

    t->dims = model_take(&m, 64 * sizeof *t->dims);
    for (t->n_dims = 0; *end; t->n_dims++)
        t->dims[t->n_dims] = strtoll(end + (*end == ','), &end, 10);
    t->raw_data.len = 0;
    model_node(&m, "Add", "x,w", "y");
    model_output(&m, "y");
    refused(e, words);
}

Test(nn_hostile, dimensions_whose_product_overflows)
{
    initialiser(ERR_LIMIT, "4294967296,4294967296", "tensor 'w'");
    initialiser(ERR_LIMIT, "2147483648,8589934592", "tensor 'w'");
    initialiser(ERR_LIMIT, "0,4611686018427387904", "tensor 'w'");
    initialiser(ERR_LIMIT, "65536,65536,65536,65536", "tensor 'w'");
    initialiser(ERR_LIMIT, "9223372036854775807", "tensor 'w'");
    initialiser(ERR_FORMAT, "-1", "tensor 'w': dimension 0 is -1");
    initialiser(ERR_FORMAT, "0,-9223372036854775808",
                "tensor 'w': dimension 1 is -9223372036854775808");
    initialiser(ERR_FORMAT, "268435456", "tensor 'w': raw_data has 0 bytes");
    initialiser(ERR_LIMIT, "1,1,1,1,1,1,1,1,1,1,1,1", "tensor 'w': 12 dimensions, limit 8");
}

/* One node over x (1,1,4,4) whose last input is a list that asks for too much. */
static void asks(const char *type, const char *inputs, int64_t a, int64_t b)
{
    const int64_t list[8] = {a, b, a, b, a, b, a, b};

    for (int n = 1; n <= 8; n *= 2) {
        char dims[8];

        start();
        snprintf(dims, sizeof dims, "%d", n);
        model_i64(&m, "s", dims, list);
        model_i64(&m, "one", "1", (int64_t[]){1});
        model_i64(&m, "big", "1", &a);
        model_node(&m, type, inputs, "y");
        limited_node_refused(&m, type);
    }
}

Test(nn_hostile, lists_that_ask_for_too_much)
{
    static const int64_t much[] = {INT64_MAX, INT64_MAX / 2, 1ll << 62, 1ll << 40, 1 << 30};

    for (size_t i = 0; i < sizeof much / sizeof *much; i++) {
        asks("Reshape", "x,s", much[i], much[i]);
        asks("Expand", "x,s", much[i], much[i]);
        asks("Tile", "x,s", much[i], much[i]);
        asks("ConstantOfShape", "s", much[i], much[i]);
        asks("Pad", "x,s", much[i], much[i]);
        asks("TopK", "x,s", much[i], much[i]);
        asks("Unsqueeze", "x,s", much[i], much[i]);
        asks("Split", "x,s", much[i], much[i]);
        asks("Resize", "x,,,s", much[i], much[i]);
    }
    asks("Reshape", "x,s", INT64_MIN, INT64_MIN);
    asks("Expand", "x,s", INT64_MIN, 1);
    asks("Tile", "x,s", INT64_MIN, 1);
    asks("ConstantOfShape", "s", INT64_MIN, 1);
    asks("Pad", "x,s", INT64_MIN, INT64_MIN);
    asks("Squeeze", "x,s", INT64_MIN, INT64_MAX);
    asks("Slice", "x,s", INT64_MIN, INT64_MAX); /* ends are missing */
    asks("Range", "one,big,one", 1ll << 62, 0);
    asks("OneHot", "one,big,s", 1ll << 62, 0);
}

static void attribute(const char *type, const char *inputs, const char *name, int64_t v)
{
    start();
    model_pattern(&m, "w", "1,1,3,3", 1);
    model_attr_int(&m, model_node(&m, type, inputs, "y"), name, v);
    limited_node_refused(&m, type);
}

static void attributes(const char *type, const char *inputs, const char *name, const char *v)
{
    start();
    model_pattern(&m, "w", "1,1,3,3", 1);
    Onnx__NodeProto *n = model_node(&m, type, inputs, "y");

    model_attr_ints(&m, n, name, v);
    if (strcmp(type, "MaxPool") == 0 && strcmp(name, "kernel_shape") != 0)
        model_attr_ints(&m, n, "kernel_shape", "2,2");
    limited_node_refused(&m, type);
}

Test(nn_hostile, attributes_that_ask_for_too_much)
{
    static const int64_t wild[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, 1ll << 32, -(1ll << 32)};

    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
        attribute("Concat", "x,x", "axis", wild[i]);
        attribute("Softmax", "x", "axis", wild[i]);
        attribute("Flatten", "x", "axis", wild[i]);
        attribute("Gather", "x,x", "axis", wild[i]);
        attribute("DepthToSpace", "x", "blocksize", wild[i]);
        attribute("SpaceToDepth", "x", "blocksize", wild[i]);
        attribute("Conv", "x,w", "group", wild[i]);
        attribute("ConvTranspose", "x,w", "group", wild[i]);
        attribute("Cast", "x", "to", wild[i]);
    }
    attributes("Conv", "x,w", "pads", "2147483647,2147483647,2147483647,2147483647");
    attributes("Conv", "x,w", "dilations", "2147483647,1");
    attributes("Conv", "x,w", "strides", "-1,1");
    attributes("ConvTranspose", "x,w", "strides", "1048576,1048576");
    attributes("ConvTranspose", "x,w", "output_shape", "9223372036854775807,1");
    attributes("MaxPool", "x", "kernel_shape", "2147483647,2147483647");
    attributes("MaxPool", "x", "pads", "9223372036854775807,0,0,0");
    attributes("Transpose", "x", "perm", "0,1,2,9223372036854775807");
    attributes("Transpose", "x", "perm", "0,0,0,0");
}

Test(nn_hostile, weights_that_are_missing)
{
    start();
    model_node(&m, "Conv", "x", "y");
    model_output(&m, "y");
    refused(ERR_FORMAT, "(Conv): input 1 is missing");
    start();
    model_node(&m, "Conv", "x,", "y");
    model_output(&m, "y");
    refused(ERR_FORMAT, "(Conv): input 1 is missing");
}

/* ---- bytes --------------------------------------------------------------------------------- */
static void bytes_refused(const char *bytes, size_t n)
{
    const struct answer a = open_limited(NULL, bytes, n);

    cr_assert_eq(a.e, ERR_FORMAT, "%s: %s", err_name(a.e), a.text);
    cr_assert(strstr(a.text, "ONNX"), "%s", a.text);
}
#define BYTES_REFUSED(text) bytes_refused(text, sizeof(text) - 1)

Test(nn_hostile, varints_that_promise_too_much)
{
    BYTES_REFUSED("\x3a\xff\xff\xff\xff\x0f");                         /* a graph of 4 GiB */
    BYTES_REFUSED("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");     /* of 2^64 bytes */
    BYTES_REFUSED("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"); /* and more */
    BYTES_REFUSED("\x3a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80");     /* without end */
    BYTES_REFUSED("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"); /* a version without end */
    BYTES_REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");         /* a tag */
    BYTES_REFUSED("\x3b");                                             /* a group */
    BYTES_REFUSED("\x3f");                                             /* no wire type */
    BYTES_REFUSED("\x3a\x04\x2a\x7f\x22\x01"); /* longer than what it is in */
}

/* The field that may be there once, again and again: each is merged with those before. */
Test(nn_hostile, a_graph_in_many_pieces)
{
    enum { COUNT = 200000 };
    char *bytes = malloc(COUNT * 4);

    for (int i = 0; i < COUNT; i++)
        memcpy(bytes + 4 * i, "\x3a\x02\x0a", 4); /* a graph of one node */
    const struct answer a = open_limited(NULL, bytes, COUNT * 4);

    check(&a, ERR_LIMIT, "unpacks to more than");
    free(bytes);
}
