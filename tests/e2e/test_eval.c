/* `outrider eval` as people call it, and its scores beside those of a second implementation,
 * tests/golden/coco_ap.py, on the same files. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/harness.h"
#include "tests/folder.h"
#include "tests/models.h"

#define PYTHON "/usr/bin/python3"

enum { TEXT_BYTES = 1 << 18, PICTURES = 12, TRUTHS = 6, GUESSES = 14 };

static char text[TEXT_BYTES];
static struct folder f;

static void make(void)
{
    folder_make(&f);
}

static void drop(void)
{
    folder_remove(&f);
}

TestSuite(eval, .init = make, .fini = drop, .timeout = 240);

/* ---- random sets --------------------------------------------------------------------------- */
static uint32_t state;

static int random_below(int n)
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 8) % (unsigned)n);
}

struct labelled {
    int class, x, y, w, h; /* px */
};

/* On a coarse grid of a 256 x 256 picture: equal overlaps are frequent, and all numbers are exact in
 * both implementations. */
static struct labelled random_label(void)
{
    static const int classes[] = {0, 1, 3, 8, 6}; /* 1 is merged into 0, 6 into 8 */

    return (struct labelled){classes[random_below(5)], 8 * random_below(16), 8 * random_below(16),
                             16 * (1 + random_below(7)), 16 * (1 + random_below(7))};
}

/* A quarter of the pictures have none. Returns how many. */
static int random_labels(const char *folder, int picture, int at_most, struct labelled *out)
{
    const int n = random_below(4) ? random_below(at_most + 1) : 0;
    char name[64], lines[96 * TRUTHS] = "";

    for (int i = 0; i < n; i++) {
        const struct labelled l = out[i] = random_label();

        sprintf(lines + strlen(lines), "%d %.10g %.10g %.10g %.10g\n", l.class,
                (l.x + l.w / 2) / 256.0, (l.y + l.h / 2) / 256.0, l.w / 256.0, l.h / 256.0);
    }
    snprintf(name, sizeof name, "%s/%d.txt", folder, picture);
    folder_put(&f, name, lines, strlen(lines));
    return n;
}

/* Two of three guesses lie near a truth. Few scores, so that they tie within a picture and between
 * pictures; in some sets networks that do not tell classes apart. */
static void random_line(char *to, int picture, bool vague, const struct labelled *truth, int n)
{
    static const char *const names[] = {
        "car",           "truck",        "bus",
        "person",        "cyclist",      "",
        "traffic_light", "traffic_sign", "car\",\"merged\":[\"car\",\"person\"],\"x\":\""};

    to += sprintf(to, "{\"image\":\"%d.jpg\",\"width\":256,\"height\":256,\"objects\":[", picture);
    for (int i = 0, count = random_below(GUESSES); i < count; i++) {
        struct labelled l = random_label();

        if (n && random_below(3)) {
            l = truth[random_below(n)];
            l.x += 4 * (random_below(5) - 2);
            l.w -= 8 * random_below(2);
        }
        if (l.class == 8)
            l.class = vague && random_below(2) ? 8 : 7;
        to += sprintf(to, "%s{\"class\":\"%s\",\"score\":%.1f,\"box\":[%d,%d,%d,%d]}", i ? "," : "",
                      names[l.class], random_below(11) / 10.0, l.x, l.y, l.x + l.w, l.y + l.h);
    }
    sprintf(to, "]}\n");
}

static void random_set(int seed)
{
    size_t n = 0;

    state = (uint32_t)seed * 2654435761u + 1;
    folder_put_text(&f, "classes.txt",
                    "car\ntruck\nbus\nperson\ncyclist\nmotorcycle\ntraffic_light\n"
                    "traffic_sign\nsign_or_light\n");
    folder_put_text(&f, "set.json", "%s",
                    "{\"classes_labelled\":[0,3,8],\"merged\":{\"0\":[0,1,2],\"8\":[6,7]}}");
    for (int i = 0; i < PICTURES; i++) {
        struct labelled truth[TRUTHS], region[2];
        char name[64];

        snprintf(name, sizeof name, "images/%d.jpg", i);
        folder_put(&f, name, "", 0); /* nobody looks at it */
        const int n_truths = random_labels("labels", i, TRUTHS, truth);
        random_labels("ignore", i, 2, region);
        if (random_below(10) == 0) /* a picture without predictions */
            continue;
        random_line(text + n, i, seed % 4 == 0, truth, n_truths);
        n += strlen(text + n);
    }
    folder_put(&f, "p.jsonl", text, n);
}

/* ---- both ---------------------------------------------------------------------------------- */
/* What a command says of its first set; the caller's. */
static json_t *first_set(const char *const *argv)
{
    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    json_t *j = json_loads(text, 0, NULL);
    json_t *set = json_incref(json_array_get(json_object_get(j, "sets"), 0));

    cr_assert_not_null(set, "%s", text);
    json_decref(j);
    return set;
}

static json_t *ours(const char *set, const char *predictions)
{
    const char *argv[] = {"outrider",      "eval",      "objects", "--set", set,
                          "--predictions", predictions, "--json",  NULL};

    return first_set(argv);
}

static json_t *theirs(const char *set, const char *predictions)
{
    const char *argv[] = {PYTHON, "tests/golden/coco_ap.py", set, predictions, NULL};

    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    json_t *j = json_loads(text, 0, NULL);

    cr_assert_not_null(j, "%s", text);
    return j;
}

static void compare_confusion(json_t *got, json_t *want)
{
    const char *truth, *guess;
    json_t *row, *count;

    cr_assert_gt(json_object_size(want), 0);
    cr_assert_eq(json_object_size(got), json_object_size(want));
    json_object_foreach(want, truth, row)
    {
        json_t *mine = json_object_get(got, truth);

        cr_assert_eq(json_object_size(mine), json_object_size(row), "%s", truth);
        json_object_foreach(row, guess, count)
            cr_assert_eq(json_integer_value(json_object_get(mine, guess)),
                         json_integer_value(count), "%s taken for %s", truth, guess);
    }
}

/* The number of classes with an AP that is neither 0, 1 nor unknown. */
static int compare(const char *set, const char *predictions)
{
    static const char *const keys[] = {"truths", "detections", "ambiguous", "ap50",    "ap75",
                                       "ap",     "ap_small",   "ap_medium", "ap_large"};
    json_t *a = ours(set, predictions), *b = theirs(set, predictions), *want, *got;
    json_t *rows = json_object_get(b, "classes");
    const json_int_t pictures = json_integer_value(json_object_get(a, "pictures"));
    int telling = 0;
    size_t i;

    cr_assert_eq(pictures, json_integer_value(json_object_get(b, "pictures")));
    cr_assert_eq(json_array_size(json_object_get(a, "classes")), json_object_size(rows));
    json_array_foreach(json_object_get(a, "classes"), i, got)
    {
        const char *class = json_string_value(json_object_get(got, "class"));
        const double ap = json_number_value(json_object_get(got, "ap"));

        want = json_object_get(rows, class);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            const json_t *x = json_object_get(got, keys[k]), *y = json_object_get(want, keys[k]);

            cr_assert(x && y, "%s %s", class, keys[k]);
            cr_assert_eq(json_is_null(x), json_is_null(y), "%s %s", class, keys[k]);
            cr_assert_float_eq(json_number_value(x), json_number_value(y), 1e-6, "%s %s", class,
                               keys[k]);
        }
        const json_t *ece = json_object_get(json_object_get(got, "calibration"), "ece");
        cr_assert_eq(json_is_null(ece), json_is_null(json_object_get(want, "ece")), "%s", class);
        cr_assert_float_eq(json_number_value(ece), json_number_value(json_object_get(want, "ece")),
                           1e-6, "%s", class);
        telling += ap > 0 && ap < 1;
    }
    compare_confusion(json_object_get(a, "confusion"), json_object_get(b, "confusion"));
    json_decref(a);
    json_decref(b);
    return telling;
}

Test(eval, random_sets_score_as_in_the_second_implementation)
{
    const char *seed = getenv("TEST_SEED");
    int telling = 0;

    for (int i = 0; i < 12; i++) {
        random_set((seed ? atoi(seed) : 0) + i);
        telling += compare(f.path, folder_path(&f, "p.jsonl"));
    }
    cr_assert_geq(telling, 36, "most of the 48 rows say something: %d", telling);
}

/* Every fifth picture of the set, with what goes with it. */
static void copy_part(const char *from)
{
    static const char script[] =
        "cd \"$1\" && mkdir images labels ignore && cp \"$2\"/classes.txt \"$2\"/set.json . && "
        "for i in $(ls \"$2\"/images | awk 'NR % 5 == 1 { sub(/\\.jpg$/, \"\"); print }'); do "
        "cp \"$2\"/images/$i.jpg images && cp \"$2\"/labels/$i.txt labels && "
        "cp \"$2\"/ignore/$i.txt ignore || exit 1; done";
    char *absolute = realpath(from, NULL);
    const char *argv[] = {"/bin/sh", "-c", script, "sh", f.path, absolute, NULL};

    cr_assert_not_null(absolute, "%s", from);
    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    free(absolute);
}

static double vehicle_ap50(const json_t *set)
{
    json_t *first = json_array_get(json_object_get(set, "classes"), 0);

    cr_assert_str_eq(json_string_value(json_object_get(first, "class")), "vehicle");
    return json_number_value(json_object_get(first, "ap50"));
}

Test(eval, a_real_set_scores_as_in_the_second_implementation)
{
    char images[96], lines[96], model[512];

    need_shared();
    copy_part(shared_path("data/camvid/val"));
    snprintf(images, sizeof images, "%s/images", f.path);
    snprintf(lines, sizeof lines, "%s/p.jsonl", f.path);
    snprintf(model, sizeof model, "%s", shared_path("models/fastestdet/model.onnx"));
    const char *infer[] = {"outrider",  "infer", "--model", model,         "--images",
                           images,      "-o",    lines,     "--score-min", "0.01",
                           "--threads", "1",     NULL};
    cr_assert_eq(program_run(infer, text, sizeof text), 0, "%s", text);
    cr_assert_eq(compare(f.path, lines), 5, "vehicles, cars, people, cyclists, signs");

    const char *direct[] = {"outrider", "eval",   "objects",   "--model", model, "--set",
                            f.path,     "--json", "--threads", "1",       NULL};
    json_t *written = ours(f.path, lines), *run = first_set(direct);
    const double ap = vehicle_ap50(written);

    cr_assert(ap > 0.4 && ap < 0.8, "%g", ap);
    cr_assert_float_eq(vehicle_ap50(run), ap, 2e-3, "but for what infer rounds");
    json_decref(written);
    json_decref(run);
}

/* ---- usage --------------------------------------------------------------------------------- */
static void check(int status, const char *says, const char *const *arguments)
{
    const char *argv[16] = {"outrider", "eval"};

    for (int i = 0; arguments[i]; i++)
        argv[2 + i] = arguments[i];
    const int got = program_run(argv, text, sizeof text);
    cr_assert_eq(got, status, "status %d: %s", got, text);
    cr_assert(strstr(text, says), "'%s' does not say '%s'", text, says);
}
#define CHECK(status, says, ...) check(status, says, (const char *const[]){__VA_ARGS__, NULL})

Test(eval, usage)
{
    CHECK(0, "objects ", "--help");
    CHECK(2, "no 'tea'", "tea");
    CHECK(0, "usage: outrider eval objects", "objects", "--help");
    CHECK(2, "--set is needed", "objects");
    CHECK(2, "--predictions or --model is needed for x", "objects", "--set", "x");
    CHECK(2, "exclude each other", "objects", "--set", "x", "--predictions", "p", "--model", "m");
    CHECK(2, "must stand behind a --set", "objects", "--predictions", "p", "--set", "x");
    CHECK(2, "--max-detections '0'", "objects", "--max-detections", "0");
    CHECK(2, "--score-min '2'", "objects", "--score-min", "2");
    CHECK(2, "not x", "objects", "x");
    CHECK(2, "--worst and --pictures go together", "objects", "--set", "x", "--worst", "3");
    CHECK(2, "take one --set", "objects", "--set", "x", "--set", "y", "--model", "m", "--errors",
          "d");
    CHECK(2, "--worst '0'", "objects", "--worst", "0");
    CHECK(2, "--error-score '-1'", "objects", "--error-score", "-1");
    CHECK(1, "no/such", "objects", "--set", "no/such", "--predictions", "p");
    CHECK(1, "no.onnx", "objects", "--set", "x", "--model", "no.onnx");
}

/* Two pictures; in the second a car is missed and a person seen that is none. */
Test(eval, worst_pictures_and_details)
{
    char drawn[96];

    folder_put_text(&f, "classes.txt", "car\nperson\n");
    folder_put_png(&f, "images/a.png", 1);
    folder_put_png(&f, "images/b.png", 2);
    folder_put_text(&f, "labels/a.txt", "0 0.5 0.5 0.5 0.5\n");
    folder_put_text(&f, "labels/b.txt", "0 0.5 0.5 0.5 0.5\n");
    folder_put_text(&f, "p.jsonl", "%s",
                    "{\"image\":\"a.png\",\"width\":64,\"height\":48,\"objects\":[{\"class\":"
                    "\"car\",\"score\":0.9,\"box\":[16,13,48,37.5],\"sigma\":[1,0.4,1,1]}]}\n"
                    "{\"image\":\"b.png\",\"width\":64,\"height\":48,\"objects\":[{\"class\":"
                    "\"person\",\"score\":0.4,\"box\":[0,0,9,9]}]}\n");
    snprintf(drawn, sizeof drawn, "%s/drawn", f.path);
    CHECK(0, "of 2 pictures", "objects", "--set", f.path, "--predictions",
          folder_path(&f, "p.jsonl"), "--details", "--worst", "5", "--pictures", drawn);
    cr_assert(strstr(text, "0.5000   0.7500"), "edges within 1 and 2 sigmas: %s", text);
    cr_assert_eq(access(folder_path(&f, "drawn/01_b.png"), R_OK), 0);
    cr_assert_neq(access(folder_path(&f, "drawn/02_a.png"), R_OK), 0, "it has no errors");
    CHECK(0, "of 2 pictures", "objects", "--set", f.path, "--predictions",
          folder_path(&f, "p.jsonl"), "--errors", drawn);
    cr_assert_eq(access(folder_path(&f, "drawn/sheet.png"), R_OK), 0);
    cr_assert_eq(access(folder_path(&f, "drawn/confusion.png"), R_OK), 0);
    cr_assert_eq(access(folder_path(&f, "drawn/reliability.png"), R_OK), 0);
    const char *argv[] = {"outrider", "eval",   "objects",       "--set",
                          f.path,     "--json", "--predictions", folder_path(&f, "p.jsonl"),
                          NULL};
    json_t *set = first_set(argv), *confusion = json_object_get(set, "confusion");
    json_t *car = json_object_get(confusion, "car"),
           *nothing = json_object_get(confusion, "nothing");
    cr_assert_eq(json_integer_value(json_object_get(car, "car")), 1);
    cr_assert_eq(json_integer_value(json_object_get(car, "nothing")), 1);
    cr_assert_eq(json_integer_value(json_object_get(nothing, "person")), 1);
    json_decref(set);
}

Test(eval, skipped_pictures_are_named)
{
    const char *set = f.path, *lines;

    random_set(1);
    folder_put_text(&f, "q.jsonl", "%s",
                    "{\"image\":\"1.jpg\",\"width\":256,\"height\":256,\"objects\":[]}\n"
                    "{\"image\":\"2.jpg\",\"error\":\"it is damaged\"}\n"
                    "{\"image\":\"x.jpg\",\"width\":256,\"height\":256,\"objects\":[]}\n");
    lines = folder_path(&f, "q.jsonl");
    CHECK(0, "1 of 12 pictures", "objects", "--set", set, "--predictions", lines);
    cr_assert(strstr(text, "skipped: 12 pictures"), "%s", text);
    cr_assert(strstr(text, "0.jpg: no prediction"), "%s", text);
    CHECK(0, "{\"image\":\"2.jpg\",\"why\":\"it is damaged\"}", "objects", "--json", "--set", set,
          "--predictions", lines);
    cr_assert(strstr(text, "{\"image\":\"x.jpg\",\"why\":\"not in the set\"}"), "%s", text);
    folder_put_text(&f, "r.jsonl", "%s", "{\"image\":\"2.jpg\",\"error\":\"it is damaged\"}\n");
    CHECK(1, "none was predicted", "objects", "--set", set, "--predictions",
          folder_path(&f, "r.jsonl"));
    folder_put_text(&f, "s.jsonl", "%s", "{\"image\":\"2.jp");
    CHECK(1, "s.jsonl:1: ", "objects", "--set", set, "--predictions", folder_path(&f, "s.jsonl"));
}
