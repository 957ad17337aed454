/* Bands of distance, coverage of their sigmas and conditions, against numbers made by hand. */
#include "daemon/cli/object_conditions.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/folder.h"

static struct folder f;

/* Cars at 10, 30, 30 m by night, all found; one at 100 m by day, missed. fx is 100: a car at 10 m has 0.1
 * m for each px. Logarithms are off by 0.1, -0.3 and 0.5; every sigma is 0.2. */
static void make(void)
{
    static const double at_m[] = {10, 30, 30}, off[] = {0.1, -0.3, 0.5};
    char objects[600] = "", guesses[600] = "", labels[300] = "";

    for (int i = 0; i < 3; i++) {
        const int x = 8 + 16 * i;

        sprintf(objects + strlen(objects),
                "%s{\"class\":\"car\",\"id\":%d,\"box\":[%d,8,%d,18],\"full\":[%d,8,%d,18],"
                "\"at\":[%g,0,0],\"size\":[4,2,1.5],\"yaw\":0,\"counts\":true}",
                i ? "," : "", i + 1, x, x + 10, x, x + 10, at_m[i]);
        sprintf(guesses + strlen(guesses),
                "%s{\"class\":\"car\",\"score\":0.9,\"box\":[%d,8,%d,18],"
                "\"distance\":{\"per_px\":%.12g,\"sigma\":0.2}}",
                i ? "," : "", x, x + 10, at_m[i] / 100 * exp(off[i]));
        sprintf(labels + strlen(labels), "0 %.10g %.10g %.10g %.10g\n", (x + 5) / 64.0, 13 / 48.0,
                10 / 64.0, 10 / 48.0);
    }
    folder_make(&f);
    folder_put_text(&f, "classes.txt", "car\n");
    folder_put_text(&f, "calibration.yaml",
                    "width: 64\nheight: 48\nfx: 100\nfy: 100\ncx: 32\ncy: 24\nx_m: 0\ny_m: 0\n"
                    "z_m: 1.4\nroll_rad: 0\npitch_rad: 0\nyaw_rad: 0\n");
    folder_put_png(&f, "images/a.png", 1);
    folder_put_png(&f, "images/b.png", 2);
    folder_put_text(&f, "labels/a.txt", "%s", labels);
    folder_put_text(&f, "labels/b.txt", "0 0.5 0.5 0.25 0.25\n");
    folder_put_text(&f, "truth.jsonl",
                    "{\"image\":\"images/a.png\",\"conditions\":[\"night\"],\"objects\":[%s],"
                    "\"boundaries\":[]}\n"
                    "{\"image\":\"images/b.png\",\"conditions\":[\"day\"],\"objects\":[{\"class\":"
                    "\"car\",\"id\":9,\"box\":[24,18,40,30],\"full\":[24,18,40,30],\"at\":"
                    "[100,0,0],\"size\":[4,2,1.5],\"yaw\":0,\"counts\":true}],\"boundaries\":[]}\n",
                    objects);
    folder_put_text(&f, "p.jsonl",
                    "{\"image\":\"a.png\",\"width\":64,\"height\":48,\"objects\":[%s]}\n"
                    "{\"image\":\"b.png\",\"width\":64,\"height\":48,\"objects\":[]}\n",
                    guesses);
}

static void drop(void)
{
    folder_remove(&f);
}

TestSuite(object_conditions, .init = make, .fini = drop);

static void score(struct object_conditions *out)
{
    const struct object_rules rules = {100, 0.3};
    struct object_set set;
    struct predictions p;
    struct object_scores s;
    struct why why = {""};

    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_eq(predictions_read(folder_path(&f, "p.jsonl"), HEAD_OBJECTS, &p, &why), OK, "%s",
                 why.text);
    cr_assert_eq(object_scores_make(&set, &p, &rules, &s, &why), OK, "%s", why.text);
    cr_assert_eq(object_conditions_make(&set, &s, rules.error_score, out, &why), OK, "%s",
                 why.text);
    object_scores_finish(&s);
    predictions_finish(&p);
    object_set_finish(&set);
}

Test(object_conditions, bands_and_sigmas_by_hand)
{
    struct object_conditions c;

    score(&c);
    cr_assert(c.known);
    cr_assert_eq(c.band[0].truths, 1);
    cr_assert_eq(c.band[0].told, 1);
    cr_assert_float_eq(c.band[0].bias, 0.1, 1e-6);
    cr_assert_eq(c.band[0].within1, 1, "0.1 is within 0.2");
    cr_assert_eq(c.band[1].truths, 2);
    cr_assert_eq(c.band[1].found, 2);
    cr_assert_float_eq(c.band[1].bias, 0.1, 1e-6);
    cr_assert_float_eq(fabs(c.band[1].error[0]), 0.3, 1e-6, "sorted by size");
    cr_assert_float_eq(fabs(c.band[1].error[1]), 0.5, 1e-6);
    cr_assert_eq(c.band[1].within1, 0);
    cr_assert_eq(c.band[1].within2, 1, "0.3 is within 0.4, 0.5 is not");
    cr_assert_eq(c.band[2].truths, 0);
    cr_assert(isnan(c.band[2].bias));
    cr_assert_eq(c.band[3].truths, 1);
    cr_assert_eq(c.band[3].found, 0);
    object_conditions_finish(&c);
}

Test(object_conditions, each_condition_has_its_pictures)
{
    struct object_conditions c;

    score(&c);
    cr_assert_eq(c.n, 2);
    cr_assert_str_eq(c.condition[0].name, "night");
    cr_assert_eq(c.condition[0].pictures, 1);
    cr_assert_float_eq(c.condition[0].vehicles.at[0], 1, 1e-9);
    cr_assert_str_eq(c.condition[1].name, "day");
    cr_assert_eq(c.condition[1].vehicles.truths, 1);
    cr_assert_float_eq(c.condition[1].vehicles.at[0], 0, 1e-9);
    object_conditions_finish(&c);
}

Test(object_conditions, a_set_without_truth_lacks_the_rows)
{
    struct object_conditions c;

    cr_assert_eq(remove(folder_path(&f, "truth.jsonl")), 0);
    score(&c);
    cr_assert(!c.known);
    cr_assert_eq(c.n, 0);
    object_conditions_finish(&c);
}
