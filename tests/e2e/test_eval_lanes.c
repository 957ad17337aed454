/* `outrider eval lanes` beside a second implementation, tests/golden/lane_scores.py, on the same
 * files; `outrider eval road` as people call it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"
#include "tests/models.h"

#define PYTHON "/usr/bin/python3"

enum { TEXT_BYTES = 1 << 18, PICTURES = 12, ROWS = 8, WIDTH = 160, HEIGHT = 90 };

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

TestSuite(eval_lanes, .init = make, .fini = drop, .timeout = 240);
TestSuite(eval_road, .init = make, .fini = drop, .timeout = 240);

/* ---- random lanes ---------------------------------------------------------------------------- */
static uint32_t state;

static int random_below(int n)
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 8) % (unsigned)n);
}

/* Straight, a few pixels off here and there. */
static int put_rows(char *to, double at, double slope, int jitter)
{
    const int from = random_below(4);
    int n = sprintf(to, "[");

    for (int i = 0; i < ROWS; i++)
        n += sprintf(to + n, "%s%.2f", i ? "," : "",
                     i < from ? -2 : at + slope * i + random_below(2 * jitter + 1) - jitter);
    return n + sprintf(to + n, "]");
}

static int put_points(char *to, double at, double slope, int role)
{
    int n = sprintf(to, "{\"role\":%d,\"score\":0.5,\"points\":[", role);

    for (int i = ROWS - random_below(3), first = i; i >= random_below(3); i -= 1 + random_below(2))
        n += sprintf(to + n, "%s[%.2f,%.2f]", i == first ? "" : ",",
                     at + slope * i + random_below(2) / 2.0, 10.0 + 10 * i + random_below(3));
    return n + sprintf(to + n, "]}");
}

/* The predictions: infer's lines, with or without roles, or TuSimple's. */
static void random_set(int seed)
{
    static char truth[TEXT_BYTES], guess[TEXT_BYTES];
    const bool rows = seed % 3 == 0;
    int t = 0, g = 0;

    state = (uint32_t)seed * 2654435761u + 1;
    for (int i = 0; i < PICTURES; i++) {
        const int n = random_below(6);

        t += sprintf(truth + t,
                     "{\"raw_file\":\"clips/%d.jpg\",\"h_samples\":[10,20,30,40,50,60,"
                     "70,80],\"lanes\":[",
                     i);
        g += rows ? sprintf(guess + g, "{\"raw_file\":\"clips/%d.jpg\",\"lanes\":[", i)
                  : sprintf(guess + g,
                            "{\"image\":\"%d.jpg\",\"width\":%d,\"height\":%d,\"lanes\":[", i,
                            WIDTH, HEIGHT);
        for (int k = 0, guesses = 0; k < n; k++) {
            const double at = 20 + 30 * k, slope = random_below(9) - 4;

            t += sprintf(truth + t, k ? "," : "");
            t += put_rows(truth + t, at, slope, 0);
            if (!random_below(4))
                continue;
            g += sprintf(guess + g, guesses++ ? "," : "");
            g += rows ? put_rows(guess + g, at, slope, random_below(2))
                      : put_points(guess + g, at, slope, seed % 3 == 1 ? 2 - k : 0);
        }
        t += sprintf(truth + t, "]}\n");
        g += sprintf(guess + g, "]}\n");
    }
    folder_put(&f, "labels.json", truth, (size_t)t);
    folder_put(&f, "p.jsonl", guess, (size_t)g);
}

/* ---- both ------------------------------------------------------------------------------------ */
static json_t *says(const char *const *argv)
{
    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    json_t *j = json_loads(text, 0, NULL);

    cr_assert_not_null(j, "%s", text);
    return j;
}

static double number(const json_t *j, const char *part, const char *key)
{
    const json_t *v = json_object_get(part ? json_object_get(j, part) : j, key);

    cr_assert(json_is_number(v), "%s %s", part, key);
    return json_number_value(v);
}

/* Returns TuSimple's accuracy and adds CULane's hits. */
static double compare(const char *labels, const char *predictions, bool ego, double *hits)
{
    static const char *const keys[][2] = {{NULL, "pictures"},         {"tusimple", "accuracy"},
                                          {"tusimple", "fp"},         {"tusimple", "fn"},
                                          {"culane", "hits"},         {"culane", "misses"},
                                          {"culane", "false_alarms"}, {"culane", "f1"}};
    const char *ours[] = {"outrider",
                          "eval",
                          "lanes",
                          "--truth",
                          labels,
                          "--json",
                          "--size",
                          "160x90",
                          "--predictions",
                          predictions,
                          ego ? "--ego" : NULL,
                          NULL};
    const char *theirs[] = {PYTHON,   "tests/golden/lane_scores.py", labels, predictions,
                            "160x90", ego ? "--ego" : NULL,          NULL};
    json_t *a = says(ours), *b = says(theirs);

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const double x = number(a, keys[i][0], keys[i][1]), y = number(b, keys[i][0], keys[i][1]);

        cr_assert_float_eq(x, y, 1e-6, "%s: %.9g, not %.9g", keys[i][1], x, y);
    }
    const double accuracy = number(a, "tusimple", "accuracy");
    *hits += number(a, "culane", "hits");
    json_decref(a);
    json_decref(b);
    return accuracy;
}

Test(eval_lanes, random_sets_score_as_in_the_second_implementation)
{
    const char *seed = getenv("TEST_SEED");
    double hits = 0;

    for (int i = 0; i < 6; i++) {
        random_set((seed ? atoi(seed) : 0) + i);
        for (int ego = 0; ego < 2; ego++) {
            const double accuracy =
                compare(folder_path(&f, "labels.json"), folder_path(&f, "p.jsonl"), ego, &hits);
            cr_assert(accuracy > 0.1 && accuracy < 0.95, "it tells something: %g", accuracy);
        }
    }
    cr_assert(hits > 30, "%g", hits);
}

/* Ten frames of a real drive, through a network. */
Test(eval_lanes, a_real_set)
{
    static const char script[] =
        "mkdir -p \"$1\"/images && cd \"$2\" && awk 'NR % 22 == 1' labels_tusimple.json > "
        "\"$1\"/labels_tusimple.json && cd images && "
        "for i in $(sed 's/.*images.//; s/\".*//' \"$1\"/labels_tusimple.json); do "
        "cp $i \"$1\"/images || exit 1; done";
    char images[96], lines[96], labels[128], model[512];
    double hits = 0;

    need_shared();
    char *from = realpath(shared_path("data/lanes_udacity/train"), NULL);
    const char *copy[] = {"/bin/sh", "-c", script, "sh", f.path, from, NULL};
    cr_assert_eq(program_run(copy, text, sizeof text), 0, "%s", text);
    free(from);
    snprintf(images, sizeof images, "%s/images", f.path);
    snprintf(lines, sizeof lines, "%s/p.jsonl", f.path);
    snprintf(labels, sizeof labels, "%s/labels_tusimple.json", f.path);
    snprintf(model, sizeof model, "%s", shared_path("models/twinlitenet/model.onnx"));
    const char *infer[] = {"outrider", "infer", "--model",   model, "--images", images,
                           "-o",       lines,   "--threads", "2",   NULL};
    cr_assert_eq(program_run(infer, text, sizeof text), 0, "%s", text);
    cr_assert_gt(compare(labels, lines, true, &hits), 0.95);
    cr_assert_gt(hits, 20);
    const char *direct[] = {"outrider", "eval", "lanes", "--set",  f.path,
                            "--model",  model,  "--ego", "--json", NULL};
    json_t *j = says(direct);
    cr_assert_eq(number(j, NULL, "pictures"), 11);
    cr_assert_gt(number(j, "culane", "f1"), 0.95);
    json_decref(j);
}

/* ---- a simulator's set, by hand -------------------------------------------------------------- */
/* An id in every pixel. */
static void put_grey_png(const char *name, uint8_t id)
{
    static uint8_t pixels[48][64][3];
    const struct image im = {pixels[0][0], 64, 48, 3 * 64};
    struct why why;

    memset(pixels, id, sizeof pixels);
    folder_put_text(&f, name, "%s", "");
    cr_assert_eq(png_write(folder_path(&f, name), &im, &why), OK, "%s", why.text);
}

/* Two pictures of 64 x 48: by night the line is found and the left half of the road, by day the line is
 * missed and all of the road is found. */
static void put_set(void)
{
    static const char halves[] =
        "{\"image\":\"%s.png\",\"width\":64,\"height\":48,\"objects\":[],"
        "\"lanes\":[%s],\"road\":{\"size\":[48,64],\"counts\":[0,%d,%d]}}\n";
    char a[400], b[400];

    for (int i = 0; i < 2; i++) {
        char name[32];

        snprintf(name, sizeof name, "images/%c.png", 'a' + i);
        folder_put_png(&f, name, i);
        snprintf(name, sizeof name, "road/%c.png", 'a' + i);
        put_grey_png(name, 1);
    }
    folder_put_text(&f, "lanes.json", "%s",
                    "{\"raw_file\":\"images/a.png\",\"h_samples\":[10,20,30,40],\"lanes\":"
                    "[[20,20,20,20],[-2,-2,-2,-2]]}\n"
                    "{\"raw_file\":\"images/b.png\",\"h_samples\":[10,20,30,40],\"lanes\":"
                    "[[20,20,20,20],[-2,-2,-2,-2]]}\n");
    folder_put_text(
        &f, "truth.jsonl", "%s",
        "{\"image\":\"images/a.png\",\"conditions\":[\"night\"],\"boundaries\":[{"
        "\"role\":1,\"kind\":1,\"type\":2,\"color\":1,\"pixels\":[[20,48],[20,8]]}]}\n"
        "{\"image\":\"images/b.png\",\"conditions\":[\"day\"],\"boundaries\":[{"
        "\"role\":1,\"kind\":1,\"type\":2,\"color\":1,\"pixels\":[[20,48],[20,8]]}]}\n");
    snprintf(a, sizeof a, halves, "a",
             "{\"role\":1,\"score\":1,\"type\":\"solid\",\"color\":\"white\",\"points\":"
             "[[20.06,40],[20.06,10]],\"sigma\":[0.05,0.07]}",
             32 * 48, 32 * 48);
    snprintf(b, sizeof b, halves, "b", "", 64 * 48, 0);
    folder_put_text(&f, "p.jsonl", "%s%s", a, b);
}

static json_t *errors_of(const char *what, const char *folder)
{
    char predictions[128], errors[128];

    snprintf(predictions, sizeof predictions, "%s", folder_path(&f, "p.jsonl"));
    snprintf(errors, sizeof errors, "%s", folder_path(&f, folder));
    const char *argv[] = {"outrider",  "eval",   what,       "--set", f.path, "--predictions",
                          predictions, "--json", "--errors", errors,  NULL};
    return says(argv);
}

static bool is_there(const char *name)
{
    FILE *file = fopen(folder_path(&f, name), "rb");

    if (file)
        fclose(file);
    return file;
}

Test(eval_lanes, a_simulators_set_tells_more)
{
    put_set();
    json_t *j = errors_of("lanes", "worst"), *matched = json_object_get(j, "matched"),
           *conditions = json_object_get(j, "conditions");

    cr_assert_float_eq(number(matched, NULL, "median_px"), 0.06, 1e-9);
    cr_assert_float_eq(number(matched, NULL, "within_1_sigma"), 0.5, 1e-9);
    cr_assert_float_eq(number(matched, NULL, "within_2_sigma"), 1, 1e-9);
    cr_assert_float_eq(number(json_object_get(j, "kinds"), "type", "accuracy"), 0, 1e-9);
    cr_assert_float_eq(number(json_object_get(j, "kinds"), "color", "accuracy"), 1, 1e-9);
    cr_assert_eq(json_array_size(conditions), 2);
    cr_assert_float_eq(number(json_array_get(conditions, 0), "culane", "f1"), 1, 1e-9);
    cr_assert_float_eq(number(json_array_get(conditions, 1), "culane", "f1"), 0, 1e-9);
    json_decref(j);
    cr_assert(is_there("worst/01_b.png") && is_there("worst/02_a.png") &&
              is_there("worst/sheet.png"));
}

Test(eval_road, a_simulators_set_tells_more)
{
    put_set();
    json_t *j = errors_of("road", "worst"), *conditions = json_object_get(j, "conditions");

    cr_assert_float_eq(number(j, NULL, "iou"), 0.75, 1e-9);
    cr_assert_eq(json_array_size(conditions), 2);
    cr_assert_float_eq(number(json_array_get(conditions, 0), NULL, "iou"), 0.5, 1e-9);
    cr_assert_float_eq(number(json_array_get(conditions, 1), NULL, "iou"), 1, 1e-9);
    json_decref(j);
    cr_assert(is_there("worst/01_a.png") && is_there("worst/sheet.png"));
    cr_assert(!is_there("worst/02_b.png"), "nothing is wrong with it");
}

/* ---- usage ----------------------------------------------------------------------------------- */
static void check(const char *what, int status, const char *words, const char *const *arguments)
{
    const char *argv[16] = {"outrider", "eval", what};

    for (int i = 0; arguments[i]; i++)
        argv[3 + i] = arguments[i];
    const int got = program_run(argv, text, sizeof text);
    cr_assert_eq(got, status, "status %d: %s", got, text);
    cr_assert(strstr(text, words), "'%s' does not say '%s'", text, words);
}
#define CHECK(what, status, words, ...)                                                            \
    check(what, status, words, (const char *const[]){__VA_ARGS__, NULL})

Test(eval_lanes, usage)
{
    folder_put_text(&f, "l.json", "%s",
                    "{\"raw_file\":\"a.jpg\",\"h_samples\":[10,20],\"lanes\":[[5,6]]}\n"
                    "{\"raw_file\":\"b.jpg\",\"h_samples\":[10,20],\"lanes\":[[5,6]]}\n");
    folder_put_text(&f, "p.json", "%s", "{\"raw_file\":\"a.jpg\",\"lanes\":[[5,6,7]]}\n");
    folder_put_text(&f, "q.json", "%s",
                    "{\"image\":\"a.jpg\",\"width\":64,\"height\":48,\"lanes\":[]}\n"
                    "{\"image\":\"b.jpg\",\"error\":\"it is damaged\"}\n");
    folder_put_text(&f, "r.json", "%s", "{\"image\":\"a.jpg\",\"width\":64,\"heig");
    folder_put_text(&f, "s.json", "%s", "\n");
    const char *l = folder_path(&f, "l.json");
    char truth[128];

    snprintf(truth, sizeof truth, "%s", l);
    CHECK("lanes", 0, "usage: outrider eval lanes", "--help");
    CHECK("lanes", 2, "one of --set and --truth", "--predictions", "x");
    CHECK("lanes", 2, "one of --predictions and --model", "--set", "x");
    CHECK("lanes", 2, "needs a --set", "--truth", "x", "--model", "m");
    CHECK("lanes", 2, "needs a --set", "--truth", "x", "--predictions", "y", "--errors", "d");
    CHECK("lanes", 2, "--size must be WxH", "--size", "3x");
    CHECK("lanes", 1, "no/such/labels_tusimple.json: No such file", "--set", "no/such",
          "--predictions", "x");
    CHECK("lanes", 1, "its rows are not those of the labels", "--truth", truth, "--predictions",
          folder_path(&f, "p.json"));
    CHECK("lanes", 0, "1 of 2 pictures", "--truth", truth, "--predictions",
          folder_path(&f, "q.json"));
    cr_assert(strstr(text, "without prediction: 1 pictures\n    b.jpg"), "%s", text);
    CHECK("lanes", 1, "r.json:1: ", "--truth", truth, "--predictions", folder_path(&f, "r.json"));
    CHECK("lanes", 1, "s.json: it is empty", "--truth", truth, "--predictions",
          folder_path(&f, "s.json"));
    CHECK("lanes", 0, "accuracy 1.0000", "--truth", truth, "--predictions", truth);
}

Test(eval_road, usage)
{
    CHECK("road", 0, "usage: outrider eval road", "--help");
    CHECK("road", 2, "--set is needed", "--predictions", "x");
    CHECK("road", 2, "one of --predictions and --model", "--set", "x");
    CHECK("road", 2, "--road '256'", "--road", "256");
    CHECK("road", 1, "there is no masks/", "--set", "no/such", "--predictions", "x");
}

/* A real set: masks are their own perfect prediction; a network does as it does by way of infer. */
Test(eval_road, a_real_set)
{
    static const char script[] =
        "cd \"$1\" && mkdir images masks && cp \"$2\"/set.json . && for i in $(ls \"$2\"/images | "
        "awk 'NR % 60 == 1 { sub(/\\.jpg$/, \"\"); print }'); do cp \"$2\"/images/$i.jpg images && "
        "cp \"$2\"/masks/$i.png masks || exit 1; done";
    char images[96], lines[96], masks[96], model[512];

    need_shared();
    char *from = realpath(shared_path("data/road_area/train"), NULL);
    const char *copy[] = {"/bin/sh", "-c", script, "sh", f.path, from, NULL};
    cr_assert_eq(program_run(copy, text, sizeof text), 0, "%s", text);
    free(from);
    snprintf(images, sizeof images, "%s/images", f.path);
    snprintf(masks, sizeof masks, "%s/masks", f.path);
    snprintf(lines, sizeof lines, "%s/p.jsonl", f.path);
    snprintf(model, sizeof model, "%s", shared_path("models/twinlitenet/model.onnx"));
    CHECK("road", 0, "IoU 1.0000  precision 1.0000  recall 1.0000", "--set", f.path,
          "--predictions", masks);
    const char *infer[] = {"outrider", "infer", "--model",   model, "--images", images,
                           "-o",       lines,   "--threads", "2",   NULL};
    cr_assert_eq(program_run(infer, text, sizeof text), 0, "%s", text);
    const char *direct[] = {"outrider", "eval", "road",   "--set", f.path,
                            "--model",  model,  "--json", NULL};
    const char *stored[] = {"outrider",      "eval", "road",   "--set", f.path,
                            "--predictions", lines,  "--json", NULL};
    json_t *a = says(direct), *b = says(stored);

    cr_assert_eq(number(a, NULL, "hits"), number(b, NULL, "hits"));
    cr_assert_eq(number(a, NULL, "misses"), number(b, NULL, "misses"));
    cr_assert(number(a, NULL, "iou") > 0.2 && number(a, NULL, "precision") > 0.8);
    json_decref(a);
    json_decref(b);
}
