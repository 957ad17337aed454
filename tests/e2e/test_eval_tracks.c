/* `outrider eval tracks` beside a second implementation, tests/golden/track_scores.py, on the same
 * files. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/harness.h"
#include "tests/folder.h"
#include "tests/models.h"

#define PYTHON "/usr/bin/python3"

enum { TEXT_BYTES = 1 << 18, SEQUENCES = 3, FRAMES = 14, THINGS = 8 };

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

TestSuite(eval_tracks, .init = make, .fini = drop, .timeout = 240);

/* ---- random sequences ------------------------------------------------------------------------ */
static uint32_t state;

static int random_below(int n)
{
    state = state * 1664525u + 1013904223u;
    return (int)((state >> 8) % (unsigned)n);
}

static int put_kitti(char *to, int frame, int id, const double b[4], bool truth)
{
    static const char *const types[] = {"Car", "Car", "Car", "Van", "Pedestrian", "Cyclist"};

    return sprintf(to, "%d %d %s %d %d -10 %.2f %.2f %.2f %.2f -1 -1 -1 -1000 -1000 -1000 -10\n",
                   frame, id, truth ? types[id % 6] : "Car", truth && !random_below(8),
                   truth ? random_below(14) / 4 : 0, b[0], b[1], b[2], b[3]);
}

static int put_mot(char *to, int frame, int id, const double b[4], bool truth)
{
    static const int classes[] = {1, 1, 1, 8, 3, 7};

    return sprintf(to, "%d,%d,%.2f,%.2f,%.2f,%.2f,%d,%d,1\n", frame + 1, id, b[0], b[1],
                   b[2] - b[0], b[3] - b[1], !truth || random_below(8),
                   truth ? classes[id % 6] : 1);
}

/* Things that drift and cross, followed with jitter, holes and exchanged identities. */
static void random_sequence(int number, bool mot)
{
    int (*const put)(char *, int, int, const double[4], bool) = mot ? put_mot : put_kitti;
    static char truth[TEXT_BYTES], guess[TEXT_BYTES];
    double x[THINGS], v[THINGS];
    int id[THINGS], next = 100;
    size_t t = 0, g = 0;
    char name[32];

    truth[0] = guess[0] = 0;
    for (int i = 0; i < THINGS; i++) {
        x[i] = 400 + random_below(300);
        v[i] = random_below(41) - 20;
        id[i] = next++;
    }
    for (int frame = 0; frame < FRAMES; frame++)
        for (int i = 0; i < THINGS; i++, x[i - 1] += v[i - 1]) {
            const double h = 20 + 12 * i, b[4] = {x[i], 200 - h, x[i] + 90, 200};
            const double j = random_below(30) - 15 + random_below(100) / 100.0;
            const double seen[4] = {b[0] + j, b[1] - j / 8, b[2] + j, b[3] + j / 9};

            if (random_below(9))
                t += (size_t)put(truth + t, frame, i, b, true);
            if (!random_below(12))
                id[i] = random_below(3) ? next++ : id[random_below(THINGS)];
            bool twice = false;
            for (int k = 0; k < i; k++)
                twice |= id[k] == id[i];
            if (!twice && random_below(6))
                g += (size_t)put(guess + g, frame, id[i], seen, false);
        }
    if (!mot)
        t += (size_t)sprintf(truth + t, "3 -1 DontCare -1 -1 -10 300 100 700 150\n"
                                        "4 -1 DontCare -1 -1 -10 300 50 400 250\n");
    snprintf(name, sizeof name, "truth/%d.txt", number);
    folder_put(&f, name, truth, t);
    snprintf(name, sizeof name, "tracks/%d.txt", number);
    folder_put(&f, name, guess, g);
}

/* ---- both ------------------------------------------------------------------------------------ */
static json_t *says(const char *const *argv)
{
    cr_assert_eq(program_run(argv, text, sizeof text), 0, "%s", text);
    json_t *j = json_loads(text, 0, NULL);

    cr_assert_not_null(j, "%s", text);
    return j;
}

static void compare_row(const json_t *got, json_t *want, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach(want, key, value)
    {
        const json_t *mine = json_object_get(got, key);

        cr_assert(json_is_number(mine), "%s: no %s", name, key);
        cr_assert_float_eq(json_number_value(mine), json_number_value(value), 1e-6,
                           "%s: %s is %.9g, not %.9g", name, key, json_number_value(mine),
                           json_number_value(value));
    }
}

/* ours: "sequences" as an array; theirs: as an object. Returns what is said of all. */
static json_t *compare(const char *truth, const char *tracks, bool mot)
{
    const char *ours[] = {"outrider", "eval", "tracks", "--truth",  truth,
                          "--tracks", tracks, "--json", "--format", mot ? "mot" : "kitti",
                          NULL};
    const char *theirs[] = {PYTHON,
                            "tests/golden/track_scores.py",
                            mot ? "--mot" : truth,
                            mot ? truth : tracks,
                            mot ? tracks : NULL,
                            NULL};
    json_t *a = says(ours), *b = says(theirs), *row, *all;
    size_t i;

    cr_assert_eq(json_array_size(json_object_get(a, "sequences")),
                 json_object_size(json_object_get(b, "sequences")));
    json_array_foreach(json_object_get(a, "sequences"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));

        compare_row(row, json_object_get(json_object_get(b, "sequences"), name), name);
    }
    all = json_incref(json_object_get(a, "all"));
    compare_row(all, json_object_get(b, "all"), "all");
    json_decref(a);
    json_decref(b);
    return all;
}

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static void compare_random(bool mot)
{
    const char *seed = getenv("TEST_SEED");

    for (int i = 0; i < 5; i++) {
        state = (uint32_t)((seed ? atoi(seed) : 0) + i) * 2654435761u + 1;
        for (int s = 0; s < SEQUENCES; s++)
            random_sequence(s, mot);
        json_t *all = compare(folder_path(&f, "truth"), folder_path(&f, "tracks"), mot);

        cr_assert(number(all, "hota") > 0.1 && number(all, "hota") < 0.9, "it tells something");
        cr_assert_gt(number(all, "switches"), 2);
        cr_assert_gt(number(all, "fragments"), 2);
        cr_assert_gt(number(all, "mota"), 0);
        json_decref(all);
    }
}

Test(eval_tracks, random_sequences_score_as_in_the_second_implementation)
{
    compare_random(false);
}

Test(eval_tracks, so_do_those_of_motchallenge)
{
    compare_random(true);
}

/* Real cars, a real detector, our trackers. */
static void check_kitti(const char *tracker, double hota, double idf1, double switches)
{
    const char *labels = shared_path("data/kitti_tracking/labels");
    const char *detections = shared_path("data/kitti_tracking/detections_pointrcnn");
    const char *track[] = {"outrider", "track", "--detections", detections, "--format", "kitti",
                           "-o",       f.path,  "--tracker",    tracker,    NULL};
    json_t *all;

    need_shared();
    cr_assert_eq(program_run(track, text, sizeof text), 0, "%s", text);
    all = compare(labels, f.path, false);
    cr_assert_eq(number(all, "truths"), 15326);
    cr_assert_gt(number(all, "hota"), hota);
    cr_assert_gt(number(all, "idf1"), idf1);
    cr_assert_lt(number(all, "switches"), switches);
    json_decref(all);
}

Test(eval_tracks, kitti)
{
    check_kitti("kalman", 0.725, 0.86, 75);
}

Test(eval_tracks, kitti_lstm)
{
    check_kitti("lstm", 0.725, 0.865, 60);
}

/* ---- usage ----------------------------------------------------------------------------------- */
static void check(int status, const char *words, const char *const *arguments)
{
    const char *argv[16] = {"outrider", "eval", "tracks"};

    for (int i = 0; arguments[i]; i++)
        argv[3 + i] = arguments[i];
    const int got = program_run(argv, text, sizeof text);
    cr_assert_eq(got, status, "status %d: %s", got, text);
    cr_assert(strstr(text, words), "'%s' does not say '%s'", text, words);
}
#define CHECK(status, words, ...) check(status, words, (const char *const[]){__VA_ARGS__, NULL})

Test(eval_tracks, usage)
{
    folder_put_text(&f, "a.txt", "%s", "0 1 Car 0 0 0 10 10 60 60\n1 1 Car 0 0 0 10 10 60 60\n");
    folder_put_text(&f, "b.txt", "%s", "0 1 Car 0 0 0 10 10 60 60\n1 1 Car 0 0 0 10 10\n");
    const char *a = folder_path(&f, "a.txt"), *b = folder_path(&f, "b.txt");

    CHECK(0, "usage: outrider eval tracks", "--help");
    CHECK(2, "--truth and --tracks are needed", "--truth", "x");
    CHECK(2, "--format must be kitti or mot, not x", "--format", "x");
    CHECK(2, "--class must be one of", "--class", "dontcare");
    CHECK(2, "knows people only", "--truth", "x", "--tracks", "y", "--format", "mot", "--class",
          "car");
    CHECK(1, "no/such: No such file", "--truth", "no/such", "--tracks", "y");
    CHECK(0, "1.0000", "--truth", a, "--tracks", a);
    CHECK(0, "\"hota\":1.0", "--truth", a, "--tracks", a, "--json");
    CHECK(1, "b.txt:2: x2 is missing, the line has 8 fields", "--truth", a, "--tracks", b);
    CHECK(1, "one is a folder", "--truth", a, "--tracks", f.path);
    CHECK(1, "no sequence can be chosen", "--truth", a, "--tracks", a, "--sequence", "a");
}
