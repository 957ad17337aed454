/* `outrider infer` as people call it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/models.h"

static char folder[64];

/* A shell command; its output (standard and error) in *text. Returns the exit status. */
static int shell(char **text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int shell(char **text, const char *fmt, ...)
{
    static char output[1 << 20];
    char command[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    FILE *f = popen(command, "r");
    cr_assert_not_null(f);
    size_t n = fread(output, 1, sizeof output - 1, f);
    output[n] = 0;
    if (text)
        *text = output;
    int status = pclose(f);
    cr_assert(WIFEXITED(status), "%s", command);
    return WEXITSTATUS(status);
}

static const char *outrider(void)
{
    static char path[256];
    const char *build = getenv("OUTRIDER_BUILD");

    snprintf(path, sizeof path, "%s/outrider", build ? build : "build");
    return path;
}

static const char *model(const char *name)
{
    return shared_path("models/%s/model.onnx", name);
}

/* A folder with a good picture, twice, and two damaged ones. */
static void setup(void)
{
    need_shared();
    snprintf(folder, sizeof folder, "/tmp/outrider-infer-XXXXXX");
    cr_assert(mkdtemp(folder));
    cr_assert_eq(shell(NULL,
                       "mkdir %s/in && cp %s %s/in/b.jpg && cd %s/in && cp b.jpg a.jpg && "
                       "head -c 300 b.jpg > c.jpg && echo no > readme.txt && echo no > d.png",
                       folder, shared_path("models/frame.jpg"), folder, folder),
                 0);
}

static void teardown(void)
{
    if (*folder)
        shell(NULL, "rm -r %s", folder);
}

/* Line i of a file. */
static json_t *line(const char *file, int i)
{
    static char text[1 << 20];
    FILE *f = fopen(file, "r");

    cr_assert_not_null(f, "%s", file);
    for (int k = 0; k <= i; k++)
        cr_assert_not_null(fgets(text, sizeof text, f), "%s has no line %d", file, i);
    fclose(f);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert_not_null(j, "%s", text);
    return j;
}

static const char *word(json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));

    return s ? s : "";
}

static const char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

Test(infer, a_folder_of_pictures, .fini = teardown)
{
    char *text;

    setup();
    cr_assert_eq(shell(&text,
                       "%s infer --model %s --model %s --images %s/in -o %s/out.jsonl "
                       "--overlay %s/drawn --threads 2 2>&1",
                       outrider(), model("vehicle-detection-adas-0002"), model("twinlitenet"),
                       folder, folder, folder),
                 1, "%s", text);
    cr_assert(strstr(text, "2 of 4 pictures"), "%s", text);
    for (int i = 0; i < 2; i++) {
        json_t *j = line(in_folder("out.jsonl"), i);
        json_t *objects = json_object_get(j, "objects"), *first = json_array_get(objects, 0);

        cr_assert_str_eq(word(j, "image"), i ? "b.jpg" : "a.jpg");
        cr_assert_eq(json_integer_value(json_object_get(j, "width")), 960);
        cr_assert_eq(json_integer_value(json_object_get(j, "height")), 540);
        cr_assert_eq(json_array_size(objects), 5);
        cr_assert_str_eq(word(first, "class"), "car");
        cr_assert_eq(json_array_size(json_object_get(first, "merged")), 3);
        cr_assert_float_eq(json_number_value(json_object_get(first, "score")), 0.9995, 0.002);
        cr_assert_float_eq(json_number_value(json_array_get(json_object_get(first, "box"), 3)),
                           348.52, 0.5);
        cr_assert_geq(json_array_size(json_object_get(j, "lanes")), 2);
        cr_assert(json_is_object(json_object_get(j, "road")));
    }
    cr_assert_str_eq(word(line(in_folder("out.jsonl"), 2), "image"), "c.jpg");
    cr_assert_neq(word(line(in_folder("out.jsonl"), 2), "error")[0], 0);
    cr_assert_str_eq(word(line(in_folder("out.jsonl"), 3), "image"), "d.png");
    shell(&text, "cd %s/drawn && ls && file a.png 2>/dev/null", folder);
    cr_assert(strstr(text, "a.png\nb.png\n") == text, "%s", text);
}

Test(infer, one_picture_to_the_standard_output, .fini = teardown)
{
    char one[4096], *text;

    setup();
    cr_assert_eq(shell(&text, "%s infer --model %s --images %s -o - --score-min 0.5 --threads 1",
                       outrider(), model("yolox_nano"), in_folder("in/a.jpg")),
                 0);
    snprintf(one, sizeof one, "%s", text);
    cr_assert(strstr(one, "\"class\":\"car\"") && !strstr(one, "truck"), "%s", one);
    cr_assert(strstr(one, "\"road\":null"));
    /* the same bytes on any number of threads */
    cr_assert_eq(shell(&text,
                       "%s infer --model %s --decoder yolox --images %s -o - "
                       "--score-min 0.5 --threads 3",
                       outrider(), model("yolox_nano"), in_folder("in/a.jpg")),
                 0);
    cr_assert_str_eq(text, one);
}

static void check_usage(int status, const char *says, const char *arguments)
{
    char *text;
    int got = shell(&text, "%s infer %s 2>&1", outrider(), arguments);

    cr_assert_eq(got, status, "%s: status %d: %s", arguments, got, text);
    cr_assert(strstr(text, says), "%s: '%s' does not say '%s'", arguments, text, says);
}

Test(infer, wrong_usage_is_named)
{
    check_usage(0, "usage: outrider infer", "--help");
    check_usage(2, "--model, --images and -o", "");
    check_usage(2, "--score-min is 'x', must be 0 to 1", "--score-min x");
    check_usage(2, "--score-min is '1.5'", "--score-min 1.5");
    check_usage(2, "--threads is '0'", "--threads 0");
    check_usage(2, "after the --model", "--decoder ssd --model m");
    check_usage(2, "one too many", "--model a --model b --model c --model d --model e");
    check_usage(2, "argument 'b'", "--model a --images x -o - b");
    check_usage(2, "--nonsense", "--nonsense");
    check_usage(1, "no/such", "--model a --images no/such -o -");
    check_usage(1, "a.onnx", "--model a.onnx --images Makefile -o -");
    check_usage(1, "no .jpg", "--model a.onnx --images daemon -o -");
}

Test(infer, a_disk_that_is_full_is_an_error, .fini = teardown)
{
    char *text;

    setup();
    cr_assert_eq(shell(&text, "%s infer --model %s --images %s -o /dev/full 2>&1", outrider(),
                       model("fastestdet"), in_folder("in/a.jpg")),
                 1);
    cr_assert(strstr(text, "No space left"), "%s", text);
}
