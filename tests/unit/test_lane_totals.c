/* Offsets, sigmas, kinds and conditions of lanes, against numbers made by hand. */
#include "daemon/cli/lane_totals.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "perception/scene.h"
#include "tests/folder.h"

static struct folder f;
static struct set_truth truth;
static struct lane_labels labels;
static struct lane_guesses guesses;
static struct lane_totals t;

/* Two pictures 1640 wide with upright lines in rows 20, 40, 60, 80. a, by day: left at 50.5 (label: 50), seen 1.5
 * px to the right with sigmas of 1, 2, 1 and 0.5, as dashed and white, which it is not; nothing on the
 * right. b, at night: left at 50, missed; right at 1000, seen exactly, without sigmas. */
static void make(void)
{
    folder_make(&f);
    folder_put_text(&f, "lanes.json", "%s",
                    "{\"raw_file\":\"images/a.png\",\"h_samples\":[20,40,60,80],\"lanes\":"
                    "[[50,50,50,50],[-2,-2,-2,-2]]}\n"
                    "{\"raw_file\":\"images/b.png\",\"h_samples\":[20,40,60,80],\"lanes\":"
                    "[[50,50,50,50],[1000,1000,1000,1000]]}\n");
    folder_put_text(&f, "truth.jsonl", "%s",
                    "{\"image\":\"images/a.png\",\"conditions\":[\"day\",\"urban\"],\"boundaries\":"
                    "[{\"role\":1,\"kind\":1,\"type\":1,\"color\":1,\"pixels\":[[50.5,100],"
                    "[50.5,15]]}]}\n"
                    "{\"image\":\"images/b.png\",\"conditions\":[\"night\",\"urban\"],"
                    "\"boundaries\":[{\"role\":1,\"kind\":1,\"type\":1,\"color\":2,\"pixels\":"
                    "[[50,100],[50,15]]},{\"role\":-1,\"kind\":1,\"type\":2,\"color\":2,"
                    "\"pixels\":[[1000,100],[1000,15]]}]}\n");
    folder_put_text(&f, "p.jsonl", "%s",
                    "{\"image\":\"a.png\",\"width\":1640,\"height\":100,\"lanes\":[{\"role\":1,"
                    "\"score\":1,\"type\":\"dashed\",\"color\":\"white\",\"points\":[[52,95],"
                    "[52,80],[52,60],[52,40],[52,20]],\"sigma\":[9,1,2,1,0.5]}]}\n"
                    "{\"image\":\"b.png\",\"width\":1640,\"height\":100,\"lanes\":[{\"role\":-1,"
                    "\"score\":1,\"type\":\"dashed\",\"points\":[[1000,80],[1000,20]]}]}\n");
}

static void drop(void)
{
    lane_totals_finish(&t);
    lane_guesses_finish(&guesses);
    lane_labels_finish(&labels);
    set_truth_finish(&truth);
    folder_remove(&f);
}

TestSuite(lane_totals, .init = make, .fini = drop);

static void score(bool with_truth, bool ego)
{
    const struct lane_rules rules = {.ego = ego, .width = 1640, .height = 100};
    struct why why = {""};

    cr_assert_eq(lane_labels_read(folder_path(&f, "lanes.json"), true, &labels, &why), OK);
    cr_assert_eq(lane_guesses_read(folder_path(&f, "p.jsonl"), &guesses, &why), OK, "%s", why.text);
    cr_assert_eq(set_truth_read(with_truth ? f.path : NULL, &truth, &why), OK, "%s", why.text);
    cr_assert_eq(lane_totals_make(&labels, &guesses, &rules, &truth, &t, &why), OK, "%s", why.text);
}

Test(lane_totals, offsets_and_sigmas_by_hand)
{
    const struct lane_fit *fit = &t.all.fit;

    score(true, false);
    cr_assert_eq(t.all.culane.hits, 2);
    cr_assert_eq(t.all.culane.misses, 1, "a lane that no row shows is none");
    cr_assert_eq(t.all.culane.false_alarms, 0);
    cr_assert_eq(fit->points, 6, "the point below the last row does not count");
    cr_assert_float_eq(lane_fit_off(fit, 0), 0, 1e-9);
    cr_assert_float_eq(lane_fit_off(fit, 0.5), 1.5, 1e-9, "from 50.5, not from 50");
    cr_assert_eq(fit->told, 4);
    cr_assert_eq(fit->within1, 1);
    cr_assert_eq(fit->within2, 3, "1.5 is within 2, 4 and 2, not within 1");
}

Test(lane_totals, what_lines_are_taken_for)
{
    score(true, false);
    cr_assert_eq(t.kinds.type[LANE_TYPE_SOLID][LANE_TYPE_DASHED], 1);
    cr_assert_eq(t.kinds.type[LANE_TYPE_DASHED][LANE_TYPE_DASHED], 1);
    cr_assert_eq(t.kinds.color[LANE_COLOR_WHITE][LANE_COLOR_WHITE], 1);
    cr_assert_eq(t.kinds.color[LANE_COLOR_YELLOW][0], 1, "not told");
    json_t *j = lane_kinds_json(&t.kinds), *type = json_object_get(j, "type");
    cr_assert_float_eq(json_number_value(json_object_get(type, "accuracy")), 0.5, 1e-9);
    json_decref(j);
}

Test(lane_totals, each_condition_has_its_pictures)
{
    score(true, false);
    cr_assert_eq(t.n_conditions, 3);
    cr_assert_str_eq(t.condition[0].name, "day");
    cr_assert_eq(t.condition[0].sum.pictures, 1);
    cr_assert_float_eq(lane_f1(&t.condition[0].sum.culane), 1, 1e-9);
    cr_assert_str_eq(t.condition[1].name, "urban");
    cr_assert_eq(t.condition[1].sum.fit.points, t.all.fit.points);
    cr_assert_float_eq(lane_f1(&t.condition[2].sum.culane), 2.0 / 3, 1e-9);
    cr_assert(isnan(lane_f1(&(struct culane_score){0})));
}

/* The lane that is kept for the right side is the second one that was read. */
Test(lane_totals, marks_are_of_what_was_read)
{
    score(true, true);
    cr_assert_eq(t.picture[0].truths, 1);
    cr_assert_eq(t.picture[1].truths, 3);
    cr_assert_eq(t.picture[1].truths_hit, 2);
    cr_assert_eq(t.picture[1].guesses_hit, 1);
    cr_assert_eq(t.kinds.type[LANE_TYPE_DASHED][LANE_TYPE_DASHED], 1);
}

Test(lane_totals, without_truth_the_rows_are_what_there_is)
{
    score(false, false);
    cr_assert_eq(t.n_conditions, 0);
    cr_assert_float_eq(lane_fit_off(&t.all.fit, 0.9), 2, 1e-9);
    cr_assert(json_is_null(lane_kinds_json(&t.kinds)));
}

Test(lane_totals, predictions_in_rows_have_no_sigmas)
{
    folder_put_text(&f, "p.jsonl", "%s", "{\"raw_file\":\"a.png\",\"lanes\":[[51,51,51,-2]]}\n");
    score(true, false);
    cr_assert_eq(t.n_skipped, 1);
    cr_assert_eq(t.all.fit.points, 3);
    cr_assert_float_eq(lane_fit_off(&t.all.fit, 0.5), 0.5, 1e-9);
    cr_assert_eq(t.all.fit.told, 0);
    cr_assert_eq(t.kinds.type[LANE_TYPE_SOLID][0], 1);
}
