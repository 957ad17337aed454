/* outrider run: a drive in, lines of JSON and pictures out, the same every time. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"
#include "tests/models.h"

static struct folder f;
static char said[4096];

static void setup(void)
{
    folder_make(&f);
    for (int i = 0; i < 4; i++) {
        char name[32];

        snprintf(name, sizeof name, "images/%d.png", i);
        folder_put_png(&f, name, i);
    }
    folder_put_text(&f, "c.yaml", "cameras: [{name: left}, {name: front, rate_hz: 10}]\n");
}

static void teardown(void)
{
    folder_remove(&f);
}

TestSuite(run, .init = setup, .fini = teardown);

/* outrider run -c CONFIG --input IMAGES -o OUT and up to 4 words; its exit status. */
static int run_with(const char *images, const char *out, const char *const more[4])
{
    const char *argv[16] = {"outrider", "run",  "-c", folder_path(&f, "c.yaml"),
                            "--input",  images, "-o", out};

    for (int i = 0; i < 4 && more[i]; i++)
        argv[8 + i] = more[i];
    return program_run(argv, said, sizeof said);
}
#define RUN(images, out, ...)                                                                      \
    run_with(folder_path(&f, images), folder_path(&f, out), (const char *const[4]){__VA_ARGS__})

static struct file text_of(const char *name)
{
    struct file text = {0};
    struct why why;

    cr_assert_eq(file_read(&text, folder_path(&f, name), 1 << 24, &why), OK, "%s", why.text);
    return text;
}

static void same_bytes(const char *a, const char *b)
{
    struct file x = text_of(a), y = text_of(b);

    cr_assert_gt(x.size, 0);
    cr_assert(x.size == y.size && !memcmp(x.text, y.text, x.size), "%s and %s differ", a, b);
    file_finish(&x);
    file_finish(&y);
}

static void has_no(const json_t *header, const char *key)
{
    cr_expect_null(json_object_get(header, key), "%s", key);
}

Test(run, a_line_for_each_message)
{
    cr_assert_eq(RUN("images", "out.jsonl", "--camera", "front", "--count", "3"), 0, "%s", said);
    cr_assert(strstr(said, "3 frames in "), "%s", said);
    struct file text = text_of("out.jsonl");
    char *at = text.text;
    for (int i = 0; i < 6; i++) {
        char *end = strchr(at, '\n');

        cr_assert(end);
        *end = 0;
        json_t *line = json_loads(at, 0, NULL);
        cr_assert(line, "%s", at);
        const json_t *header = json_object_get(line, "header");
        cr_assert_str_eq(json_string_value(json_object_get(line, "topic")),
                         i % 2 ? "lanes/front" : "objects/front");
        cr_assert_eq(json_integer_value(json_object_get(header, "frame_id")), i / 2);
        cr_assert_eq(json_integer_value(json_object_get(header, "t_sof_ns")), i / 2 * 100000000);
        has_no(header, "t_recv_ns");
        has_no(header, "t_infer_begin_ns");
        has_no(header, "t_infer_end_ns");
        has_no(header, "t_publish_ns");
        json_decref(line);
        at = end + 1;
    }
    cr_assert_eq(*at, 0);
    file_finish(&text);
}

Test(run, the_same_every_time)
{
    folder_put_text(&f, "images/3.png", "\x89PNG broken"); /* answered: it cannot be decoded */
    cr_assert_eq(RUN("images", "1.jsonl"), 0, "%s", said);
    cr_assert(strstr(said, "frame 3: "), "%s", said);
    cr_assert_eq(RUN("images", "2.jsonl"), 0, "%s", said);
    same_bytes("1.jsonl", "2.jsonl");
}

Test(run, overlays)
{
    cr_assert_eq(RUN("images", "out.jsonl", "--overlay", folder_path(&f, "drawn")), 0, "%s", said);
    cr_assert(file_exists(folder_path(&f, "drawn/0.png")) &&
              file_exists(folder_path(&f, "drawn/3.png")));
}

Test(run, what_is_wrong_is_said)
{
    cr_expect_eq(RUN("images", "out.mcap"), 1);
    cr_expect(strstr(said, "out.mcap: MCAP is not written yet"), "%s", said);
    cr_expect_eq(RUN("images", "no/out.jsonl"), 1);
    cr_expect(strstr(said, "no/out.jsonl: No such file"), "%s", said);
    cr_expect_eq(RUN("nothing", "out.jsonl"), 1);
    cr_expect(strstr(said, "nothing: No such file"), "%s", said);
    cr_expect_eq(RUN("images", "out.jsonl", "--camera", "rear"), 1);
    cr_expect(strstr(said, "--camera rear: "), "%s", said);
    cr_expect_eq(RUN("images", "out.jsonl", "--set", "cameras.0.rate_hz=fast"), 1);
    cr_expect(strstr(said, "rate_hz"), "%s", said);
    cr_expect_eq(RUN("images", "out.jsonl", "--count", "0"), 2);
    cr_expect_not(file_exists(folder_path(&f, "out.jsonl")));
    folder_put_text(&f, "images/0.png", "%s", "");
    cr_expect_eq(RUN("images", "out.jsonl", "--count", "1"), 1);
    cr_expect(strstr(said, "no frame could be read"), "%s", said);
}

Test(run, real_drive_and_networks)
{
    char model[4096], config[5000];

    need_shared();
    cr_assert(realpath(shared_path("models/fastestdet/model.onnx"), model));
    snprintf(config, sizeof config, "networks: [{model: %s}]\ncameras: [{name: front}]\n", model);
    folder_put(&f, "c.yaml", config, strlen(config));
    const char *images = shared_path("data/kitti_sequence/png");
    const char *const more[4] = {"--count", "3"};
    cr_assert_eq(run_with(images, folder_path(&f, "1.jsonl"), more), 0, "%s", said);
    cr_assert_eq(run_with(images, folder_path(&f, "2.jsonl"), more), 0, "%s", said);
    same_bytes("1.jsonl", "2.jsonl");
    struct file text = text_of("1.jsonl");
    cr_assert(strstr(text.text, "\"class\"") || strstr(text.text, "object_class"), "no object");
    cr_assert(strstr(text.text, "calibration_id"));
    file_finish(&text);
}
