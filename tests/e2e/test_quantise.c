/* `outrider nn quantise` as people call it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perception/nn/tensor.h"
#include "tests/folder.h"
#include "tests/onnx_model.h"

static struct folder folder;
static struct model m;
static char output[1 << 16];

/* A network of masks: two outputs of the picture's size. */
static void setup(void)
{
    const uint8_t *bytes;
    size_t n;

    folder_make(&folder);
    model_init(&m, 11);
    model_input(&m, "images", DTYPE_F32, "1,3,32,64");
    model_pattern(&m, "w1", "8,3,3,3", 1);
    model_pattern(&m, "w2", "2,8,1,1", 2);
    model_pattern(&m, "w3", "2,8,1,1", 3);
    model_attr_ints(&m, model_node(&m, "Conv", "images,w1", "c"), "pads", "1,1,1,1");
    model_node(&m, "Relu", "c", "r");
    model_node(&m, "Conv", "r,w2", "da");
    model_node(&m, "Conv", "r,w3", "ll");
    model_output(&m, "da");
    model_output(&m, "ll");
    bytes = model_pack(&m, &n);
    folder_put(&folder, "model.onnx", bytes, n);
    model_free(&m);
    for (int i = 0; i < 5; i++) {
        char name[32];

        snprintf(name, sizeof name, "set/images/%d.png", i);
        folder_put_png(&folder, name, i);
    }
}

static void teardown(void)
{
    folder_remove(&folder);
}

TestSuite(quantise_command, .init = setup, .fini = teardown, .timeout = 180);

/* Runs outrider in the folder; its output goes to `output`. Returns the exit status. */
static int outrider(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int outrider(const char *fmt, ...)
{
    const char *build = getenv("OUTRIDER_BUILD");
    char arguments[512], command[1024];
    va_list args;
    FILE *f;
    size_t n;
    int status;

    va_start(args, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, args);
    va_end(args);
    snprintf(command, sizeof command, "top=$PWD; cd %s && ${top}/%s/outrider %s 2>&1", folder.path,
             build ? build : "build", arguments);
    if (build && build[0] == '/')
        snprintf(command, sizeof command, "cd %s && %s/outrider %s 2>&1", folder.path, build,
                 arguments);
    f = popen(command, "r");
    cr_assert_not_null(f);
    n = fread(output, 1, sizeof output - 1, f);
    output[n] = '\0';
    status = pclose(f);
    cr_assert(WIFEXITED(status), "%s", command);
    return WEXITSTATUS(status);
}

Test(quantise_command, writes_a_model_that_infers_and_reports)
{
    json_t *report, *info;

    cr_assert_eq(outrider("nn quantise model.onnx --calib set -o out.onnx --json"), 0, "%s",
                 output);
    report = json_loads(output, 0, NULL);
    cr_assert(report, "%s", output);
    cr_expect_eq(json_integer_value(json_object_get(report, "images")), 5);
    cr_expect_eq(json_integer_value(json_object_get(report, "opset_from")), 11);
    cr_expect_eq(json_array_size(json_object_get(report, "layers")), 3);
    cr_expect_eq(json_array_size(json_object_get(report, "outputs")), 2);
    json_decref(report);
    cr_assert_eq(outrider("nn info out.onnx --json"), 0, "%s", output);
    info = json_loads(output, 0, NULL);
    cr_assert(info, "%s", output);
    cr_expect_str_eq(json_string_value(json_object_get(
                         json_array_get(json_object_get(info, "outputs"), 0), "name")),
                     "da");
    json_decref(info);
    cr_expect_eq(outrider("infer --model out.onnx --images set/images -o -"), 0, "%s", output);
}

Test(quantise_command, the_file_depends_on_neither_run_nor_threads)
{
    cr_assert_eq(outrider("nn quantise model.onnx --calib set -o a.onnx --threads 1"), 0);
    cr_assert_eq(outrider("nn quantise model.onnx --calib set/images -o b.onnx --threads 3"), 0);
    cr_expect_eq(outrider("nn info a.onnx && cmp a.onnx b.onnx"), 0, "%s", output);
}

Test(quantise_command, mistakes_are_named)
{
    cr_expect_eq(outrider("nn quantise model.onnx -o out.onnx"), 2);
    cr_expect(strstr(output, "--calib"), "%s", output);
    cr_expect_eq(outrider("nn quantise model.onnx --calib set -o out.onnx --images 0"), 2);
    cr_expect(strstr(output, "1..100000"), "%s", output);
    cr_expect_eq(outrider("nn quantise model.onnx --calib none -o out.onnx"), 1);
    cr_expect(strstr(output, "none"), "%s", output);
    cr_expect_eq(outrider("nn quantise none.onnx --calib set -o out.onnx"), 1);
    cr_expect(strstr(output, "none.onnx"), "%s", output);
    cr_expect_eq(outrider("nn quantise model.onnx --calib set -o none/out.onnx"), 1);
    cr_expect(strstr(output, "none/out.onnx"), "%s", output);
    cr_expect_eq(outrider("nn quantise model.onnx --calib set -o out.onnx --keep nobody"), 1);
    cr_expect(strstr(output, "'nobody'"), "%s", output);
}
