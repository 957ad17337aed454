/* outrider nn bench as a command: what it reports, not how fast anything was. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/harness.h"
#include "tests/folder.h"
#include "tests/onnx_model.h"

static char text[1 << 16];
static struct folder folder;
static char path[128];

/* Conv 3x3, stride 2, with bias; Relu; then Exp, which nothing can swallow. */
static void make_model(void)
{
    struct model m;
    size_t size;
    FILE *f;

    folder_make(&folder);
    snprintf(path, sizeof path, "%s/model.onnx", folder.path);
    model_init(&m, 13);
    model_input(&m, "x", 1, "1,3,16,24");
    model_pattern(&m, "w", "8,3,3,3", 1);
    Onnx__NodeProto *conv = model_node(&m, "Conv", "x,w", "c");
    model_attr_ints(&m, conv, "strides", "2,2");
    model_attr_ints(&m, conv, "pads", "1,1,1,1");
    model_node(&m, "Relu", "c", "r");
    model_node(&m, "Exp", "r", "y");
    model_output(&m, "y");
    const uint8_t *bytes = model_pack(&m, &size);
    cr_assert((f = fopen(path, "wb")));
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
    model_free(&m);
}

static void remove_model(void)
{
    folder_remove(&folder);
}

TestSuite(bench, .init = make_model, .fini = remove_model, .timeout = 180);

static json_t *report(const char *option)
{
    const char *argv[] = {"outrider", "nn", "bench",  path,   "--runs", "5",
                          "--pin",    "0",  "--json", option, NULL};
    json_t *o;

    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    cr_assert((o = json_loads(text, 0, NULL)), "%s", text);
    return o;
}

static double number(const json_t *o, const char *key)
{
    cr_assert(json_is_number(json_object_get(o, key)), "no %s in %s", key, text);
    return json_number_value(json_object_get(o, key));
}

static void expect_whole(const json_t *o)
{
    cr_expect_eq(number(o, "runs"), 5);
    cr_expect_eq(number(o, "threads"), 1);
    cr_expect_eq(json_array_size(json_object_get(o, "cpus")), 1);
    cr_expect_gt(number(o, "load_ms"), 0);
    cr_expect_gt(number(o, "arena_bytes"), 3 * 16 * 24 * 4);
    cr_expect_gt(number(o, "resident_bytes"), number(o, "arena_bytes"));
    cr_expect_gt(number(o, "peak_gflops"), 0);
    cr_expect_geq(number(o, "peak_int8_gops"), 0);
    cr_expect_gt(number(o, "min_ms"), 0);
    cr_expect_leq(number(o, "min_ms"), number(o, "median_ms"));
    cr_expect_leq(number(o, "median_ms"), number(o, "p99_ms"));
}

Test(bench, summary_as_json)
{
    json_t *o = report(NULL);

    expect_whole(o);
    cr_expect_null(json_object_get(o, "nodes"));
    json_decref(o);
}

/* Whatever way the engine goes about it: one node convolves, all of its work is counted once, and
 * what one reads in the parts adds up to what one reads in the sums. */
Test(bench, profile_as_json)
{
    json_t *o = report("--profile"), *row;
    double macs = 0, us = 0, sums = 0, count = 0;
    size_t i, nodes = json_array_size(json_object_get(o, "nodes"));
    int convs = 0;

    expect_whole(o);
    json_array_foreach(json_object_get(o, "nodes"), i, row)
    {
        const char *type = json_string_value(json_object_get(row, "operator"));

        cr_assert(type && json_string_value(json_object_get(row, "name")));
        cr_expect(json_string_value(json_object_get(row, "kernel")));
        macs += number(row, "multiply_adds");
        us += number(row, "us");
        if (strcmp(type, "Conv") != 0)
            continue;
        convs++;
        cr_expect_str_eq(json_string_value(json_object_get(row, "window")), "3x3/2");
        cr_expect_eq(json_array_size(json_object_get(row, "shape")), 4);
        cr_expect_gt(number(row, "gflops"), 0);
        cr_expect_gt(number(row, "share_of_peak"), 0);
    }
    cr_expect_eq(convs, 1);
    cr_expect_eq(macs, 8 * 8 * 12 * 27);
    json_array_foreach(json_object_get(o, "operators"), i, row)
    {
        sums += number(row, "us");
        count += number(row, "count");
    }
    cr_expect_eq(count, nodes);
    cr_expect_lt(fabs(sums - us), 1e-3 * us);
    json_decref(o);
}

Test(bench, profile_as_text)
{
    const char *argv[] = {"outrider", "nn", "bench", path, "--runs", "2", "--profile", NULL};

    cr_assert_eq(program_run(argv, text, sizeof text), 0);
    cr_expect(strstr(text, "1x8x8x12"), "%s", text);
    cr_expect(strstr(text, "Exp"), "%s", text);
    cr_expect(strstr(text, "% peak"), "%s", text);
}

/* The conversation that tests/bench/compare.py leads. */
Test(bench, interactive_answers_line_by_line)
{
    char command[512], *line, *rest = text;
    double fma, int8;
    long long a, b;

    snprintf(command, sizeof command,
             "printf 'run 1\\nload\\nrun 2\\nproducts 2\\noutputs\\npeak\\nrun 0\\n' | "
             "\"${OUTRIDER_BUILD:-build}\"/outrider nn bench %s --interactive",
             path);
    FILE *f = popen(command, "r"); /* NOLINT: a pipe is what is tested */
    cr_assert(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    cr_expect_eq(pclose(f), 0);

    cr_expect_str_eq(strsep(&rest, "\n"), "ready");
    cr_expect(strstr(strsep(&rest, "\n"), "error nothing is loaded"));
    cr_expect_gt(strtoll(strsep(&rest, "\n"), NULL, 10), 0);
    line = strsep(&rest, "\n");
    cr_expect_eq(sscanf(line, "%lld %lld", &a, &b), 2, "%s", line);
    cr_expect(a > 0 && b > 0);
    line = strsep(&rest, "\n");
    cr_expect_eq(sscanf(line, "%lld %lld", &a, &b), 2, "%s", line);
    cr_expect(a > 0 && b > 0);
    cr_expect_geq(strtod(strsep(&rest, "\n"), NULL), 1); /* exp of what is not negative */
    line = strsep(&rest, "\n");
    cr_expect_eq(sscanf(line, "%lf %lf", &fma, &int8), 2, "%s", line);
    cr_expect_gt(fma, 0);
    cr_expect(strstr(strsep(&rest, "\n"), "error no command 'run 0'"));
}

/* What tests/bench/compare.py computes; its own tests, in Python. */
Test(bench, comparison)
{
    const char *argv[] = {"/usr/bin/python3", "-B", "tests/bench/test_compare.py", NULL};
    char log[160];
    FILE *f;

    snprintf(log, sizeof log, "%s/log", folder.path);
    int status = program_wait(program_start(argv, log));
    cr_assert((f = fopen(log, "r")));
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    cr_expect_eq(status, 0, "%s", text);
}
