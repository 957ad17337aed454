/* Files made to do harm: one clear error that names the thing, in bounded memory and time.
 * Each is opened in a child whose address space may grow by ROOM only (not under a sanitizer, which
 * needs the address space itself) and which is ended after SECONDS of computing. */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perception/nn/inspect.h"
#include "tests/folder.h"
#include "tests/onnx_model.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum {
    MEMORY = 64 << 20, /* the limit that the network is given */
    ROOM = 320 << 20, /* all that loading may take: tensors, constants, tables, the file unpacked */
    SECONDS = 60,
    LITTLE = 64,
};

static struct model m;

/* ---- the child ----------------------------------------------------------------------------- */
struct answer {
    enum err e;
    int n_nodes; /* that are left, if it opened */
    char text[sizeof((struct why *)0)->text];
};

static void limit_child(void)
{
    struct rlimit cpu = {SECONDS, SECONDS}, space;
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    cr_assert(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    space.rlim_cur = space.rlim_max = pages * (unsigned long)sysconf(_SC_PAGESIZE) + ROOM;
    setrlimit(RLIMIT_CPU, &cpu);
    if (!SANITIZED)
        setrlimit(RLIMIT_AS, &space);
}

/* path: a file; otherwise these bytes. */
static struct answer open_limited(const char *path, const void *bytes, size_t n)
{
    const struct net_options opt = {.cpu_mask = ~0u, .memory_limit = MEMORY};
    struct answer a = {.e = ERR_AGAIN};
    struct why why = {""};
    struct net *net;
    int fd[2], status;
    pid_t pid;

    cr_assert_eq(pipe(fd), 0);
    if ((pid = fork()) == 0) {
        limit_child();
        a.e = path ? net_open(path, &opt, &net, &why) : net_open_memory(bytes, n, &opt, &net, &why);
        a.n_nodes = a.e == OK ? net_graph(net)->n_nodes : 0;
        memcpy(a.text, why.text, sizeof a.text);
        _exit(write(fd[1], &a, sizeof a) != sizeof a);
    }
    close(fd[1]);
    cr_assert_geq(pid, 0);
    const ssize_t got = read(fd[0], &a, sizeof a);

    close(fd[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(got == sizeof a && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "ended by signal %d", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return a;
}

static struct answer open_model(void)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);
    const struct answer a = open_limited(NULL, bytes, n);

    model_free(&m);
    return a;
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

/* Refused, with whatever error but want of memory, and the node named. */
static void node_refused(const char *type)
{
    char named[64];

    snprintf(named, sizeof named, "(%s): ", type);
    model_output(&m, "y");
    const struct answer a = open_model();

    cr_assert(a.e != OK && a.e != ERR_NOMEM, "%s: %s: %s", type, err_name(a.e), a.text);
    cr_assert(strstr(a.text, named), "'%s' is not in: %s", named, a.text);
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

static int nodes_left(void)
{
    const struct answer a = open_model();

    cr_assert_eq(a.e, OK, "%s", a.text);
    return a.n_nodes;
}

Test(nn_hostile, folding_has_a_budget_for_what_it_reads)
{
    enum { COUNT = 60000, AFFORDED = MEMORY / (4 << 18) };

    model_init(&m, 11);
    model_pattern(&m, "w", "512,512", 1); /* 1 MiB */
    repeat(model_node(&m, "ReduceSum", "w", "y"), COUNT, false);
    cr_assert_geq(nodes_left(), COUNT - AFFORDED);
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
        cr_assert_eq(nodes_left(), kernel > 3);
    }
}

Test(nn_hostile, folding_has_a_budget_for_neighbours)
{
    model_init(&m, 13);
    model_pattern(&m, "w", "1,262144,1,1", 1);
    model_attr_int(&m, model_node(&m, "LRN", "w", "y"), "size", 262143);
    model_output(&m, "y");
    cr_assert_eq(nodes_left(), 1);
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
    cr_assert_eq(nodes_left(), 0);
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
        node_refused(type);
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
    node_refused(type);
}

static void attributes(const char *type, const char *inputs, const char *name, const char *v)
{
    start();
    model_pattern(&m, "w", "1,1,3,3", 1);
    Onnx__NodeProto *n = model_node(&m, type, inputs, "y");

    model_attr_ints(&m, n, name, v);
    if (strcmp(type, "MaxPool") == 0 && strcmp(name, "kernel_shape") != 0)
        model_attr_ints(&m, n, "kernel_shape", "2,2");
    node_refused(type);
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

/* ---- operators with data that makes no sense ------------------------------------------------ */
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

Test(nn_hostile, boxes_and_grids_of_no_numbers)
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

Test(nn_hostile, more_products_than_there_is_time_for)
{
    Onnx__NodeProto *n;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "64,64");
    n = model_node(&m, "Einsum", "x,x,x,x,x,x,x,x", "y");
    model_attr_text(&m, n, "equation", "ab,cd,ef,gh,ij,kl,mn,op->");
    node_refused("Einsum");
    model_init(&m, 13);
    model_pattern(&m, "x", "64,64", 1);
    n = model_node(&m, "Einsum", "x,x,x", "y");
    model_attr_text(&m, n, "equation", "ab,cd,ef->"); /* 2^36: to be computed, but not here */
    model_output(&m, "y");
    cr_assert_eq(nodes_left(), 1);
}

Test(nn_hostile, classes_and_sequences_that_are_not_there)
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

Test(nn_hostile, signals_of_no_length)
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

Test(nn_hostile, resizing_from_far)
{
    Onnx__NodeProto *n;

    model_init(&m, 18);
    model_input(&m, "x", DTYPE_F32, "1,1,1,4194304");
    model_f32(&m, "s", "4", (float[]){1, 1, 1, 1e-6f});
    n = model_node(&m, "Resize", "x,,s", "y");
    set_attrs(n, "mode='linear';antialias=1");
    node_refused("Resize"); /* four million taps for each of four numbers */
    bounded("Resize", "x,,tiny", "mode='linear';antialias=1;axes=2,3"); /* nothing is left */
    clear_error("Resize", "x,,nan", "mode='linear';antialias=1;axes=2,3");
    clear_error("Resize", "x,,,two", "mode='cubic';antialias=1;axes=2,3");
    clear_error("QuantizeLinear", "mat,mat", "block_size=-9223372036854775808");
    clear_error("DequantizeLinear", "two,mat", "block_size=9223372036854775807");
}

/* A million boxes, all against all, that are known when loading. */
Test(nn_hostile, what_takes_long_is_not_folded)
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
    cr_assert_eq(nodes_left(), 1);
    model_init(&m, 16);
    model_pattern(&m, "x", "1,1,64,64", 1);
    model_f32(&m, "rois", "1,4", (float[]){0, 0, 63, 63});
    model_i64(&m, "zero", "1", (int64_t[]){0});
    roi = model_node(&m, "RoiAlign", "x,rois,zero", "y");
    model_attr_int(&m, roi, "output_height", 64);
    model_attr_int(&m, roi, "output_width", 64);
    model_attr_int(&m, roi, "sampling_ratio", 1024);
    model_output(&m, "y");
    cr_assert_eq(nodes_left(), 1);
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

Test(nn_hostile, outputs_without_a_name)
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
