/* outrider train and outrider label as people call them, on a set that the simulator draws. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

static struct folder f;
static char said[1 << 16], set[96];

static int call(const char *command, const char *const *options)
{
    const char *argv[40] = {"outrider", command};
    int n = 2;

    for (int i = 0; options[i]; i++)
        argv[n++] = options[i];
    return program_run(argv, said, sizeof said);
}
#define CALL(command, ...) call(command, (const char *const[]){__VA_ARGS__, NULL})

static void setup(void)
{
    folder_make(&f);
    snprintf(set, sizeof set, "%s/set", f.path);
    cr_assert_eq(CALL("sim", "--write", set, "--frames", "6", "--size", "160x96", "--cut", "2",
                      "--rate", "1", "--quality", "0", "--seed", "3"),
                 0, "%s", said);
}

static void teardown(void)
{
    folder_remove(&f);
}

TestSuite(train, .init = setup, .fini = teardown, .timeout = 180);

#define SMALL "--size", "96x64", "--batch", "4", "--steps", "10", "--warm-up", "2", "--seed", "7"

static void path_in(char out[96], const char *name)
{
    snprintf(out, 96, "%s/%s", f.path, name);
}

static int train_to(const char *out, const char *threads)
{
    char path[96];

    path_in(path, out);
    return CALL("train", "--data", set, "--out", path, SMALL, "--threads", threads);
}

static void same_files(const char *a, const char *b)
{
    struct file x = {0}, y = {0};
    char path[96];
    struct why why;

    path_in(path, a);
    cr_assert(file_read(&x, path, 1 << 26, &why) == OK, "%s", why.text);
    path_in(path, b);
    cr_assert(file_read(&y, path, 1 << 26, &why) == OK, "%s", why.text);
    cr_assert(x.size == y.size && !memcmp(x.text, y.text, x.size), "%s and %s differ", a, b);
    file_finish(&x);
    file_finish(&y);
}

static void keep_as(const char *from, const char *to)
{
    char a[96], b[96];

    path_in(a, from);
    path_in(b, to);
    cr_assert_eq(rename(a, b), 0);
}

static int lines_of(const char *name)
{
    struct file text = {0};
    char path[96];
    int n = 0;

    path_in(path, name);
    if (file_exists(path) && file_read(&text, path, 1 << 24, NULL) == OK)
        for (size_t i = 0; i < text.size; i++)
            n += text.text[i] == '\n';
    file_finish(&text);
    return n;
}

Test(train, threads_do_not_change_a_bit)
{
    cr_assert_eq(train_to("one.onnx", "1"), 0, "%s", said);
    cr_assert_eq(train_to("two.onnx", "2"), 0, "%s", said);
    cr_assert_eq(lines_of("one.csv"), 11);
    same_files("one.csv", "two.csv");
    same_files("one.onnx", "two.onnx");
}

/* Killed without warning, wherever it is, and called again: as if nothing had been. */
Test(train, goes_on_after_kill_9)
{
    char out[96], log[96];
    int status, lines;
    pid_t pid;

    cr_assert_eq(train_to("whole.onnx", "1"), 0, "%s", said);
    path_in(out, "broken.onnx");
    path_in(log, "log");
    pid = program_start((const char *const[]){"outrider", "train", "--data", set, "--out", out,
                                              SMALL, "--threads", "1", "--save", "0", NULL},
                        log);
    for (int i = 0; i < WAIT_MS / 5 && lines_of("broken.csv") < 5; i++)
        usleep(5000);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    lines = lines_of("broken.csv");
    cr_assert(lines >= 5, "%d lines", lines);
    cr_assert_eq(train_to("broken.onnx", "2"), 0, "%s", said);
    cr_assert(lines == 11 || strstr(said, "going on behind step"), "%s", said);
    same_files("whole.csv", "broken.csv");
    same_files("whole.onnx", "broken.onnx");
}

Test(train, two_do_not_write_the_same_files)
{
    char out[96], log[96];
    int status;
    pid_t pid;

    path_in(out, "one.onnx");
    path_in(log, "log");
    pid = program_start((const char *const[]){"outrider", "train", "--data", set, "--out", out,
                                              "--size", "96x64", "--batch", "4", NULL},
                        log);
    for (int i = 0; i < WAIT_MS / 5 && lines_of("one.csv") < 2; i++)
        usleep(5000);
    cr_assert_eq(train_to("one.onnx", "1"), 1, "%s", said);
    cr_assert(strstr(said, "another training is writing it"), "%s", said);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    cr_assert_eq(train_to("one.onnx", "1"), 0, "%s", said);
}

Test(train, begins_with_given_weights_and_keeps_the_best_held_out)
{
    char first[96], second[96];

    cr_assert_eq(train_to("first.onnx", "2"), 0, "%s", said);
    path_in(first, "first.onnx");
    path_in(second, "second.onnx");
    cr_assert_eq(CALL("train", "--data", set, "--held-out", set, "--from", first, "--out", second,
                      SMALL, "--save", "0", "--patience", "3"),
                 0, "%s", said);
    cr_assert(strstr(said, "the best so far"), "%s", said);
    cr_assert_eq(CALL("infer", "--model", second, "--images", set, "-o", "-"), 1,
                 "a set is no folder of pictures: %s", said);
    char images[128];
    snprintf(images, sizeof images, "%s/images", set);
    cr_assert_eq(CALL("infer", "--model", second, "--images", images, "-o", "-"), 0, "%s", said);
    cr_assert(strstr(said, "\"road\":{"), "%s", said);
}

/* Drawn while it learns, or long before: the same weights, because a step learns from what is due. */
Test(train, the_simulator_draws_while_it_learns)
{
    char out[96], data[200];

    folder_put_text(
        &f, "small.yaml",
        "{width: 160, height: 96, fx: 136, fy: 136, cx: 80, cy: 48, x_m: 1.6, z_m: 1.4}");
    snprintf(data, sizeof data, "sim:curve,seed=4,frames=56,calibration=%s/small.yaml", f.path);
    path_in(out, "drawn.onnx");
    cr_assert_eq(CALL("train", "--data", data, "--out", out, SMALL), 0, "%s", said);
    cr_assert(strstr(said, "drawing 56 frames"), "%s", said);
    cr_assert_eq(lines_of("drawn.sim-curve-4/timestamps.txt"), 56);
    keep_as("drawn.onnx", "first.onnx");
    snprintf(data, sizeof data, "sim:curve,seed=4,frames=56,calibration=%s/small.yaml", f.path);
    cr_assert_eq(CALL("train", "--data", data, "--out", out, SMALL, "--fresh"), 0, "%s", said);
    same_files("first.onnx", "drawn.onnx");
}

static void refused(int status, const char *word)
{
    cr_assert_eq(status, 1, "%d: %s", status, said);
    cr_assert(strstr(said, word), "not '%s' but: %s", word, said);
}

Test(train, says_what_is_wrong)
{
    char out[96], odd[128], path[96];

    path_in(out, "x.onnx");
    refused(CALL("train", "--data", "/nowhere", "--out", out), "/nowhere");
    snprintf(odd, sizeof odd, "%s,only=none*", set);
    refused(CALL("train", "--data", odd, "--out", out, SMALL), "none of its 6 pictures");
    snprintf(odd, sizeof odd, "%s,wait=3", set);
    cr_assert_eq(CALL("train", "--data", odd, "--out", out), 2);
    cr_assert(strstr(said, "weight=W"), "%s", said);
    cr_assert_eq(CALL("train", "--data", set, "--out", out, "--size", "100x64"), 2);
    cr_assert_eq(CALL("train", "--data", set, "--out", "x.png"), 2);
    refused(CALL("train", "--data", "sim:nowhere", "--out", out, SMALL),
            "sim-nowhere-1.log says why");
    cr_assert_eq(CALL("train", "--data", "sim:curve,every=2/1", "--out", out), 2);
    cr_assert(strstr(said, "frames=N"), "%s", said);
    path_in(path, "set/classes.txt");
    refused(CALL("train", "--data", set, "--out", out, "--from", path, SMALL), "classes.txt");
    folder_put_text(&f, "x.checkpoint", "no checkpoint at all");
    refused(CALL("train", "--data", set, "--out", out, SMALL), "x.checkpoint: no checkpoint");
    folder_put_text(&f, "set/images/000002.jpg", "no picture");
    refused(CALL("train", "--data", set, "--out", out, SMALL, "--fresh"), "000002.jpg");
    folder_put_text(&f, "set/truth.jsonl", "{\"image\": \"images/000000.jpg\"}\n");
    refused(CALL("train", "--data", set, "--out", out, SMALL), "truth.jsonl:1: objects");
}

Test(train, sets_that_may_not_be_given_out_need_a_word)
{
    char out[96];

    folder_put_text(&f, "set/set.json",
                    "{\"train_allowed\": false, \"drivable_area\": \"road == 1\"}");
    path_in(out, "x.onnx");
    refused(CALL("train", "--data", set, "--out", out, SMALL), "--private");
    cr_assert_eq(CALL("train", "--data", set, "--out", out, SMALL, "--private"), 0, "%s", said);
}

/* ---- label --------------------------------------------------------------------------------- */

Test(train, a_network_labels_pictures_for_the_next)
{
    char teacher[96], images[128], labelled[96], out[96], path[128];

    cr_assert_eq(train_to("teacher.onnx", "2"), 0, "%s", said);
    path_in(teacher, "teacher.onnx");
    path_in(labelled, "labelled");
    path_in(out, "pupil.onnx");
    snprintf(images, sizeof images, "%s/images", set);
    folder_put_text(&f, "set/images/broken.jpg", "no picture");
    cr_assert_eq(CALL("label", "--teacher", teacher, "--data", images, "--out", labelled, "--keep",
                      "0.05", "--ignore", "0.05", "--road", "0.5,0.5"),
                 0, "%s", said);
    cr_assert(strstr(said, "broken.jpg") && strstr(said, "6 pictures"), "%s", said);
    snprintf(path, sizeof path, "%s/images/broken.jpg", labelled);
    cr_assert_not(file_exists(path));
    snprintf(path, sizeof path, "%s/road/000003.png", labelled);
    cr_assert(file_exists(path));
    snprintf(path, sizeof path, "%s/labels/000003.txt", labelled);
    cr_assert_eq(unlink(path), 0);
    refused(CALL("label", "--teacher", teacher, "--data", images, "--out", labelled),
            "with other options");
    cr_assert(!file_exists(path));
    cr_assert_eq(CALL("label", "--teacher", teacher, "--data", images, "--out", labelled, "--keep",
                      "0.05", "--ignore", "0.05", "--road", "0.5,0.5"),
                 0, "%s", said);
    cr_assert(file_exists(path), "goes on with what is missing");
    cr_assert_eq(CALL("train", "--data", labelled, "--out", out, SMALL), 0, "%s", said);
    refused(CALL("label", "--teacher", "/nowhere.onnx", "--data", images, "--out", labelled),
            "/nowhere.onnx");
    cr_assert_eq(CALL("label", "--teacher", teacher, "--data", images, "--out", labelled,
                      "--classes", "cow"),
                 2);
}

static const char *text_of(const char *name)
{
    static struct file text;
    char path[96];
    struct why why;

    path_in(path, name);
    cr_assert(file_read(&text, path, 1 << 20, &why) == OK, "%s", why.text);
    return text.text;
}

Test(train, what_a_set_says_wins_over_teachers)
{
    char teacher[96], labelled[96], path[96];

    cr_assert_eq(train_to("teacher.onnx", "2"), 0, "%s", said);
    path_in(teacher, "teacher.onnx");
    path_in(labelled, "labelled");
    folder_put_text(&f, "set/labels/000000.txt", "0 0.5 0.5 0.2 0.2 0.250\n");
    folder_put_text(&f, "set/set.json",
                    "{\"classes_labelled\": [0, 1, 2, 3, 4, 5, 6, 7], \"train_allowed\": false, "
                    "\"drivable_area\": \"road == 1\"}");
    cr_assert_eq(CALL("label", "--teacher", teacher, "--licence", "MIT", "--data", set, "--out",
                      labelled, "--keep", "0.05", "--ignore", "0.05"),
                 0, "%s", said);
    cr_assert_str_eq(text_of("labelled/labels/000000.txt"),
                     "0 0.500000 0.500000 0.200000 0.200000 0.250\n");
    same_files("labelled/road/000003.png", "set/road/000003.png");
    cr_assert(strstr(text_of("labelled/set.json"), "\"train_allowed\": false"));
    cr_assert(strstr(text_of("labelled/set.json"), "\"licence\": \"MIT\""));
    cr_assert(strstr(text_of("labelled/set.json"), "road == 1"));

    folder_put_text(&f, "set/set.json", "{\"classes_labelled\": [0], \"masks\": \"of lanes\"}");
    folder_put_text(&f, "set/masks/readme", "nothing of the road");
    path_in(path, "set/labels");
    cr_assert_eq(rename(path, folder_path(&f, "elsewhere")), 0);
    path_in(labelled, "again");
    cr_assert_eq(CALL("label", "--teacher", teacher, "--data", set, "--out", labelled), 0, "%s",
                 said);
    path_in(path, "again/road/000003.png");
    cr_assert(file_exists(path), "masks of something else do not stand for the road");
    path_in(path, "again/masks");
    cr_assert(!folder_exists(path));
}

Test(train, label_refuses_what_it_cannot_take)
{
    folder_put_text(&f, "set/set.json", "{\"train_allowed\": ");
    refused(CALL("label", "--teacher", "x.onnx", "--data", set, "--out", "/nowhere/x"),
            "set.json:1");
    cr_assert_eq(CALL("label", "--licence", "MIT", "--data", set, "--out", "x"), 2);
    cr_assert(strstr(said, "must follow its --teacher"), "%s", said);
    cr_assert_eq(CALL("label", "--teacher", "x.onnx", "--data", set, "--out", "x", "--keep", "0.2",
                      "--ignore", "0.3"),
                 2);
    cr_assert(strstr(said, "--ignore 0.3"), "%s", said);
}
