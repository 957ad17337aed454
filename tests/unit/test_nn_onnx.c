/* Files that are wrong, each in one way: refused with a reason that names the thing. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perception/nn/inspect.h"
#include "perception/nn/onnx.h"
#include "tests/onnx_model.h"

static struct model m;
static struct why why;

static enum err open_model(struct net **net)
{
    size_t n;
    const uint8_t *bytes = model_pack(&m, &n);

    memset(&why, 0, sizeof why);
    return net_open_memory(bytes, n, NULL, net, &why);
}

/* Refused with e, and the reason has these words. */
static void refused(enum err e, const char *words)
{
    struct net *net;
    enum err got = open_model(&net);

    cr_assert_null(net);
    cr_assert_eq(got, e, "%s: %s", err_name(got), why.text);
    cr_assert(strstr(why.text, words), "'%s' is not in: %s", words, why.text);
    model_free(&m);
}

/* x (1,2,4,4) -> Relu -> y */
static void plain(void)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,2,4,4");
    model_node(&m, "Relu", "x", "y");
    model_output(&m, "y");
}

Test(nn_onnx, a_fine_one_opens_and_runs)
{
    struct net *net;

    plain();
    cr_assert_eq(open_model(&net), OK, "%s", why.text);
    cr_assert_eq(net_inputs(net), 1);
    cr_assert_str_eq(net_input(net, 0)->name, "x");
    cr_assert_eq(strlen(net_id(net)), 16u);
    ((float *)net_input(net, 0)->data)[0] = -1;
    ((float *)net_input(net, 0)->data)[1] = 2;
    cr_assert_eq(net_run(net, &why), OK);
    cr_assert_eq(((const float *)net_output(net, 0)->data)[0], 0.0f);
    cr_assert_eq(((const float *)net_output(net, 0)->data)[1], 2.0f);
    net_close(net);
    model_free(&m);
}

Test(nn_onnx, every_cut_is_refused_or_fine)
{
    size_t n;
    const uint8_t *bytes;

    plain();
    model_pattern(&m, "w", "2,2,3,3", 1);
    model_node(&m, "Conv", "y,w", "z");
    model_output(&m, "z");
    bytes = model_pack(&m, &n);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* a sanitizer sees a read behind it */
        struct net *net;

        memcpy(exact, bytes, cut);
        if (net_open_memory(exact, cut, NULL, &net, &why) == OK)
            net_close(net);
        else
            cr_assert(*why.text);
        free(exact);
    }
    model_free(&m);
}

Test(nn_onnx, every_flipped_byte_is_refused_or_fine)
{
    struct net_options opt = {.cpu_mask = ~0u, .memory_limit = 1 << 20};
    size_t n;
    const uint8_t *bytes;
    uint8_t *copy;

    plain();
    model_pattern(&m, "w", "2,2,3,3", 1);
    model_attr_ints(&m, model_node(&m, "Conv", "y,w", "z"), "pads", "1,1,1,1");
    model_output(&m, "z");
    bytes = model_pack(&m, &n);
    copy = malloc(n);
    for (size_t i = 0; i < n * 8; i++) {
        struct net *net;

        memcpy(copy, bytes, n);
        copy[i / 8] ^= (uint8_t)(1 << i % 8);
        if (net_open_memory(copy, n, &opt, &net, &why) == OK) {
            enum err e = net_run(net, &why);

            cr_assert(e == OK || e == ERR_MISMATCH);
            net_close(net);
        }
    }
    free(copy);
    model_free(&m);
}

Test(nn_onnx, nonsense)
{
    struct net *net;

    cr_assert_eq(net_open_memory("", 0, NULL, &net, &why), ERR_FORMAT);
    cr_assert_eq(net_open_memory("hello, world", 12, NULL, &net, &why), ERR_FORMAT);
    cr_assert_eq(net_open("/nowhere/at/all.onnx", NULL, &net, &why), ERR_IO);
    cr_assert(strstr(why.text, "/nowhere/at/all.onnx"));
    cr_assert_eq(net_open("/tmp", NULL, &net, &why), ERR_IO);
}

Test(nn_onnx, cycle)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "4");
    model_node(&m, "Add", "x,b", "a");
    model_node(&m, "Relu", "a", "b");
    model_output(&m, "b");
    refused(ERR_FORMAT, "'b', which only a later node makes");
}

Test(nn_onnx, node_that_reads_itself)
{
    model_init(&m, 13);
    model_node(&m, "Relu", "a", "a");
    model_output(&m, "a");
    refused(ERR_FORMAT, "Relu");
}

Test(nn_onnx, missing_input)
{
    plain();
    model_node(&m, "Add", "x,ghost", "z");
    refused(ERR_FORMAT, "'ghost', which nothing makes");
}

Test(nn_onnx, duplicate_names)
{
    plain();
    model_node(&m, "Exp", "x", "y");
    refused(ERR_FORMAT, "'y' is made twice");
    plain();
    model_pattern(&m, "w", "2", 1);
    model_pattern(&m, "w", "2", 2);
    refused(ERR_FORMAT, "'w' is made twice");
    plain();
    model_input(&m, "x", DTYPE_F32, "1");
    refused(ERR_FORMAT, "'x' is made twice");
}

Test(nn_onnx, output_of_nothing)
{
    plain();
    model_output(&m, "ghost");
    refused(ERR_FORMAT, "output 'ghost'");
    model_init(&m, 13);
    refused(ERR_FORMAT, "no outputs");
}

Test(nn_onnx, wrong_data_length)
{
    plain();
    model_pattern(&m, "w", "2,3", 1)->raw_data.len = 23;
    refused(ERR_FORMAT, "'w': raw_data has 23 bytes, its shape needs 24");
    plain();
    model_pattern(&m, "w", "2,3", 1)->has_raw_data = 0;
    refused(ERR_FORMAT, "'w': 0 elements of float32, its shape needs 6");
}

Test(nn_onnx, sizes_that_are_none)
{
    int64_t dims[] = {1 << 20, 1 << 20, 1 << 20};

    plain();
    model_pattern(&m, "w", "2,3,1", 1)->dims = dims;
    refused(ERR_LIMIT, "'w'");
    plain();
    model_pattern(&m, "w", "2", 1)->dims[0] = -2;
    refused(ERR_FORMAT, "'w': dimension 0 is -2");
    plain();
    model_input(&m, "huge", DTYPE_F32, "4000000000,4000000000");
    refused(ERR_LIMIT, "'huge'");
    plain();
    model_input(&m, "deep", DTYPE_F32, "1,1,1,1,1,1,1,1,1");
    refused(ERR_LIMIT, "'deep': 9 dimensions");
}

Test(nn_onnx, zero_where_there_must_be_something)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,2,0,4");
    model_pattern(&m, "w", "2,2,1,1", 1);
    model_node(&m, "Conv", "x,w", "y");
    model_output(&m, "y");
    refused(ERR_FORMAT, "dimension of 0");
}

Test(nn_onnx, wrong_types)
{
    plain();
    model_input(&m, "i", DTYPE_I32, "1,2,4,4");
    model_node(&m, "Add", "x,i", "z");
    refused(ERR_FORMAT, "(Add): inputs are float32 and int32");
    plain();
    model_input(&m, "s", 8, "1");
    refused(ERR_UNSUPPORTED, "'s': element type 8");
    plain();
    model_node(&m, "Not", "x", "z");
    refused(ERR_UNSUPPORTED, "(Not): input 'x' is float32");
}

Test(nn_onnx, wrong_attributes)
{
    plain();
    model_attr_int(&m, model_node(&m, "Exp", "x", "z"), "base", 2);
    refused(ERR_UNSUPPORTED, "(Exp): attribute 'base'");
    plain();
    model_attr_float(&m, model_node(&m, "Concat", "x,x", "z"), "axis", 1.0f);
    refused(ERR_FORMAT, "'axis' is of the wrong kind");
    plain();
    model_attr_int(&m, model_node(&m, "Concat", "x,x", "z"), "axis", 4);
    refused(ERR_FORMAT, "axis 4 of 4 dimensions");
    plain();
    model_pattern(&m, "w", "2,2,3,3", 1);
    model_attr_ints(&m, model_node(&m, "Conv", "x,w", "z"), "strides", "0,1");
    refused(ERR_LIMIT, "strides has 0");
    plain();
    model_attr_ints(&m, model_node(&m, "MaxPool", "x", "z"), "kernel_shape", "9,9");
    refused(ERR_FORMAT, "window of 9 over 4");
}

Test(nn_onnx, unknown_operators)
{
    plain();
    model_node(&m, "Frobnicate", "x", "z")->name = model_text(&m, "the_node");
    refused(ERR_UNSUPPORTED, "'the_node' (Frobnicate)");
    plain();
    model_node(&m, "Relu", "x", "z")->domain = model_text(&m, "com.example");
    refused(ERR_UNSUPPORTED, "com.example");
    plain();
    m.opset.version = 99;
    refused(ERR_UNSUPPORTED, "opset 99");
}

Test(nn_onnx, shape_that_hangs_on_data)
{
    struct tensor fixed = {.name = "s", .type = DTYPE_I64, .rank = 1, .dim = {2}};
    struct net_options opt = {.cpu_mask = ~0u, .fixed = &fixed, .n_fixed = 1};
    int64_t shape[] = {8, 4};
    const uint8_t *bytes;
    struct net *net;
    size_t n;

    fixed.data = shape;
    for (int twice = 0; twice < 2; twice++) {
        plain();
        model_input(&m, "s", DTYPE_I64, "2");
        model_node(&m, "Reshape", "x,s", "z");
        model_output(&m, "z");
        if (twice)
            break;
        refused(ERR_UNSUPPORTED, "run-time value of 's'");
    }
    bytes = model_pack(&m, &n); /* once it is known, it is fine */
    cr_assert_eq(net_open_memory(bytes, n, &opt, &net, &why), OK, "%s", why.text);
    cr_assert_eq(net_output(net, 1)->dim[0], 8);
    net_close(net);
    model_free(&m);
}

Test(nn_onnx, too_much_memory)
{
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "1,1");
    model_i64(&m, "s", "2", (int64_t[]){16384, 16384});
    for (int i = 0; i < 8; i++) {
        char name[] = {'y', (char)('0' + i), 0};

        model_node(&m, "Expand", "x,s", name);
        model_output(&m, name);
    }
    refused(ERR_LIMIT, "need 8589935168 bytes, limit 1073741824");
}

/* Lists in lists, as bytes: Model.graph { node { attribute { g { node ... */
Test(nn_onnx, deep_nesting)
{
    enum { LEVELS = 3000, BYTES = 4 * LEVELS };
    static uint8_t bytes[BYTES];
    size_t at = BYTES;
    static const uint8_t tags[] = {0x0a, 0x2a, 0x32}; /* node = 1, attribute = 5, g = 6 */
    struct net *net;

    for (int i = LEVELS - 1; i >= 0; i--) { /* from the inside out */
        size_t n = BYTES - at;
        uint8_t tag = i == 0 ? 0x3a : tags[(i - 1) % 3]; /* graph = 7 */

        if (n > 127) {
            bytes[--at] = (uint8_t)(n >> 7);
            bytes[--at] = (uint8_t)(n | 0x80);
        } else {
            bytes[--at] = (uint8_t)n;
        }
        bytes[--at] = tag;
    }
    cr_assert_eq(net_open_memory(bytes + at, BYTES - at, NULL, &net, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "nested deeper than"));
}

Test(nn_onnx, many_empty_messages)
{
    enum { COUNT = 1 << 21 };
    uint8_t *bytes = malloc(2 * COUNT + 8), *p = bytes;
    uint32_t n = 2 * COUNT;
    struct net *net;

    *p++ = 0x3a; /* graph, of n bytes */
    for (; n > 127; n >>= 7)
        *p++ = (uint8_t)(n | 0x80);
    *p++ = (uint8_t)n;
    for (int i = 0; i < COUNT; i++) { /* nodes of no bytes */
        *p++ = 0x0a;
        *p++ = 0;
    }
    cr_assert_eq(net_open_memory(bytes, (size_t)(p - bytes), NULL, &net, &why), ERR_LIMIT);
    free(bytes);
}

/* ---- external data ------------------------------------------------------------------------- */
static char folder[64];

static void in_folder(const char *name, const void *bytes, size_t n)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    cr_assert(f);
    fwrite(bytes, 1, n, f);
    fclose(f);
}

static void entry(Onnx__TensorProto *t, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *e = model_take(&m, sizeof *e);

    onnx__string_string_entry_proto__init(e);
    e->key = model_text(&m, key);
    e->value = model_text(&m, value);
    t->external_data[t->n_external_data++] = e;
}

/* A model whose addend (2 floats) lies in `location` from `offset` on; opened from its folder. */
static enum err open_external(const char *location, const char *offset, float *first)
{
    Onnx__TensorProto *t;
    struct net *net = NULL;
    char path[512];
    size_t n;
    const uint8_t *bytes;
    enum err e;

    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "2");
    t = model_f32(&m, "w", "2", NULL);
    t->has_raw_data = 0;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->external_data = model_take(&m, 4 * sizeof *t->external_data);
    entry(t, "location", location);
    entry(t, "offset", offset);
    entry(t, "length", "8");
    model_node(&m, "Add", "x,w", "y");
    model_output(&m, "y");
    bytes = model_pack(&m, &n);
    in_folder("model.onnx", bytes, n);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    e = net_open(path, NULL, &net, &why);
    if (e == OK) {
        cr_assert_eq(net_run(net, &why), OK);
        *first = *(const float *)net_output(net, 0)->data;
    }
    net_close(net);
    model_free(&m);
    return e;
}

Test(nn_onnx, external_data)
{
    const float data[] = {1, 2, 3, 4};
    char path[512], outside[] = "/tmp/outrider-outside-XXXXXX";
    float first = 0;
    int fd = mkstemp(outside);

    snprintf(folder, sizeof folder, "/tmp/outrider-onnx-XXXXXX");
    cr_assert(mkdtemp(folder));
    cr_assert(fd >= 0 && write(fd, data, sizeof data) == sizeof data);
    close(fd);
    in_folder("w.bin", data, sizeof data);
    snprintf(path, sizeof path, "%s/sub", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    in_folder("sub/w.bin", data, sizeof data);
    snprintf(path, sizeof path, "%s/link.bin", folder);
    cr_assert_eq(symlink(outside, path), 0);
    snprintf(path, sizeof path, "%s/linked", folder);
    cr_assert_eq(symlink("/tmp", path), 0);

    cr_expect_eq(open_external("w.bin", "0", &first), OK, "%s", why.text);
    cr_expect_eq(first, 1.0f);
    cr_expect_eq(open_external("sub/w.bin", "8", &first), OK, "%s", why.text);
    cr_expect_eq(first, 3.0f);
    cr_expect_eq(open_external("w.bin", "12", &first), ERR_FORMAT); /* only 4 bytes left */
    cr_expect_eq(open_external("w.bin", "-8", &first), ERR_FORMAT);
    cr_expect_eq(open_external("w.bin", "9223372036854775807", &first), ERR_FORMAT);
    cr_expect_eq(open_external("link.bin", "0", &first), ERR_IO);
    cr_expect_eq(open_external(outside, "0", &first), ERR_IO);
    cr_expect_eq(open_external("sub/../w.bin", "0", &first), ERR_IO);
    snprintf(path, sizeof path, "../%s", outside + 5);
    cr_expect_eq(open_external(path, "0", &first), ERR_IO);
    cr_expect(strstr(why.text, "within the model's folder"), "%s", why.text);
    snprintf(path, sizeof path, "linked/%s", outside + 5);
    cr_expect_eq(open_external(path, "0", &first), ERR_IO);
    cr_expect_eq(open_external("sub", "0", &first), ERR_FORMAT);
    cr_expect_eq(open_external("absent.bin", "0", &first), ERR_IO);
    cr_expect(strstr(why.text, "'w'") && strstr(why.text, "absent.bin"), "%s", why.text);

    unlink(outside);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"w.bin", "sub/w.bin", "link.bin", "linked"};

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
    rmdir(folder);
}

Test(nn_onnx, tensors_survive_writing_and_reading)
{
    float data[] = {1.5f, -2.0f, 0.0f, 1e30f, 3.0f, 4.0f};
    struct tensor t = {.name = "t", .type = DTYPE_F32, .rank = 2, .dim = {2, 3}}, back;
    unsigned char *bytes;
    size_t n;

    t.data = data;
    cr_assert_eq(onnx_write_tensor(&t, &bytes, &n), OK);
    cr_assert_eq(onnx_read_tensor(bytes, n, &back, &why), OK, "%s", why.text);
    cr_assert_str_eq(back.name, "t");
    cr_assert_eq(back.rank, 2);
    cr_assert_eq(back.dim[1], 3);
    cr_assert_arr_eq(back.data, data, sizeof data);
    free(back.data);
    free((char *)back.name);
    free(bytes);
}

/* ---- a file that is cut short while it is read --------------------------------------------------- */
static struct {
    char path[300];
    const uint8_t *bytes;
    size_t n;
    atomic_bool enough;
} cut;

static void *cut_and_mend(void *none)
{
    int fd = open(cut.path, O_WRONLY);

    while (!atomic_load(&cut.enough) && ftruncate(fd, 0) == 0 &&
           pwrite(fd, cut.bytes, cut.n, 0) == (ssize_t)cut.n)
        ;
    close(fd);
    return none;
}

/* Whenever it happens there is an answer, and no signal. */
Test(nn_onnx, a_file_cut_short_meanwhile)
{
    pthread_t thread;
    int refused_times = 0;

    snprintf(folder, sizeof folder, "/tmp/outrider-onnx-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(cut.path, sizeof cut.path, "%s/cut.onnx", folder);
    model_init(&m, 13);
    model_input(&m, "x", DTYPE_F32, "400000");
    model_pattern(&m, "w", "400000", 1);
    model_node(&m, "Add", "x,w", "y");
    model_output(&m, "y");
    cut.bytes = model_pack(&m, &cut.n);
    in_folder("cut.onnx", cut.bytes, cut.n);
    cr_assert_eq(pthread_create(&thread, NULL, cut_and_mend, NULL), 0);
    for (int i = 0; i < 100 || refused_times == 0; i++) {
        struct net *net;
        enum err e = net_open(cut.path, NULL, &net, &why);

        refused_times += e != OK;
        cr_assert(e == OK || e == ERR_IO || e == ERR_FORMAT, "%s", why.text);
        net_close(net);
    }
    atomic_store(&cut.enough, true);
    pthread_join(thread, NULL);
    model_free(&m);
    unlink(cut.path);
    rmdir(folder);
}
