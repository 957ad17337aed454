#include "perception/eval/road_scores.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "daemon/cli/road_totals.h"
#include "tests/folder.h"

static struct folder f;
static struct why why;

Test(road_scores, by_hand)
{
    const uint8_t truth[] = {1, 1, 1, 0, 0, 0, 0, 2, 2, 1},
                  guess[] = {9, 1, 0, 1, 0, 0, 0, 1, 0, 1};
    struct road_counts c = {0};

    road_counts_add(truth, guess, 10, &c);
    cr_assert_eq(c.hits, 3);
    cr_assert_eq(c.false_alarms, 1);
    cr_assert_eq(c.misses, 1);
    cr_assert_eq(c.rest, 3);
    const struct road_scores s = road_scores_of(&c);
    cr_assert_float_eq(s.iou, 3 / 5.0, 1e-12);
    cr_assert_float_eq(s.precision, 3 / 4.0, 1e-12);
    cr_assert_float_eq(s.recall, 3 / 4.0, 1e-12);
    cr_assert_float_eq(s.other_iou, 3 / 5.0, 1e-12);
    cr_assert_float_eq(s.mean_iou, 3 / 5.0, 1e-12);
}

Test(road_scores, nothing_to_divide_by)
{
    const struct road_counts none = {.rest = 7};
    const struct road_scores s = road_scores_of(&none);

    cr_assert(isnan(s.iou) && isnan(s.precision) && isnan(s.recall));
    cr_assert_float_eq(s.other_iou, 1, 1e-12);
}

/* ---- files ----------------------------------------------------------------------------------- */
static void put_mask(const char *name, int width, int height, const uint8_t *id)
{
    uint8_t rgb[3 * 64];
    const struct image im = {rgb, width, height, 3 * width};

    for (int i = 0; i < 3 * width * height; i++)
        rgb[i] = id[i / 3];
    folder_put(&f, name, "", 0);
    cr_assert_eq(png_write(folder_path(&f, name), &im, &why), OK);
}

static void make(void)
{
    static const uint8_t a[6] = {3, 3, 0, 3, 7, 0}, b[6] = {0, 0, 0, 0, 0, 3};

    folder_make(&f);
    folder_put_text(&f, "set.json", "%s", "{\"drivable_area\": \"masks == 3\"}");
    folder_put(&f, "images/a.jpg", "", 0); /* nobody looks at it */
    folder_put(&f, "images/b.jpg", "", 0);
    put_mask("masks/a.png", 3, 2, a);
    put_mask("masks/b.png", 3, 2, b);
}

static void drop(void)
{
    folder_remove(&f);
}

TestSuite(road_totals, .init = make, .fini = drop);

static enum err total(const char *lines, int ignored, struct road_totals *t)
{
    struct road_guesses g = {0};
    struct road_set set;
    enum err e = road_set_read(&(struct set_choice){.path = f.path}, &set, &why);

    folder_put_text(&f, "p.jsonl", "%s", lines);
    if (e == OK)
        e = predictions_read(folder_path(&f, "p.jsonl"), HEAD_ROAD, &g.pictures, &why);
    if (e == OK)
        e = road_totals_make(&set, &g, ignored, &(struct set_truth){0}, t, &why);
    predictions_finish(&g.pictures);
    road_set_finish(&set);
    return e;
}

#define LINE(name, counts)                                                                         \
    "{\"image\":\"" name "\",\"width\":3,\"height\":2,\"road\":{\"size\":[2,3],\"counts\":" counts \
    "}}\n"

/* Runs go down the columns: 0 then 3 pixels are (0,0) (0,1) (1,0). */
Test(road_totals, runs)
{
    struct road_totals t;

    cr_assert_eq(total(LINE("a.jpg", "[0,3,3]") LINE("b.jpg", "[6]"), -1, &t), OK, "%s", why.text);
    cr_assert_eq(t.pictures, 2);
    cr_assert_eq(t.counts.hits, 3);
    cr_assert_eq(t.counts.false_alarms, 0);
    cr_assert_eq(t.counts.misses, 1);
    cr_assert_float_eq(t.mean_of_pictures, 0.5, 1e-12);
    road_totals_finish(&t);
    cr_assert_eq(total(LINE("a.jpg", "[0,4,2]"), -1, &t), OK, "%s", why.text);
    cr_assert_eq(t.counts.false_alarms, 1, "(1,1) has id 7");
    cr_assert_eq(t.n_skipped, 1);
    road_totals_finish(&t);
    cr_assert_eq(total(LINE("a.jpg", "[0,4,2]"), 7, &t), OK, "%s", why.text);
    cr_assert_eq(t.counts.false_alarms, 0);
    road_totals_finish(&t);
}

Test(road_totals, what_is_wrong_is_named)
{
    struct road_totals t;
    struct road_set set;

    cr_assert_eq(total("{\"image\":\"a.jpg\",\"width\":2,\"height\":2,\"road\":{\"size\":[2,2],"
                       "\"counts\":[4]}}",
                       -1, &t),
                 ERR_MISMATCH);
    cr_assert(strstr(why.text, "a.jpg: the mask of the set has 3 x 2 pixels, the prediction 2 x 2"),
              "%s", why.text);
    cr_assert_eq(total("{\"image\":\"a.jpg\",\"width\":2,\"height\":2,\"road\":null}", -1, &t),
                 ERR_FORMAT);
    cr_assert(strstr(why.text, "nothing is said of the road"), "%s", why.text);
    folder_put_text(&f, "set.json", "%s", "{\"drivable_area\": \"masks = 3\"}");
    cr_assert_eq(road_set_read(&(struct set_choice){.path = f.path}, &set, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "drivable_area must be"), "%s", why.text);
    road_set_finish(&set);
    folder_put_text(&f, "set.json", "%s", "{");
    cr_assert_eq(road_set_read(&(struct set_choice){.path = f.path}, &set, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "set.json:1"), "%s", why.text);
    road_set_finish(&set);
    folder_put_text(&f, "set.json", "%s", "{}");
    folder_put_png(&f, "masks/a.png", 1);
    cr_assert_eq(total(LINE("a.jpg", "[6]"), -1, &t), ERR_FORMAT);
    cr_assert(strstr(why.text, "a.png: colours at"), "%s", why.text);
    folder_put_text(&f, "masks/a.png", "%s", "no picture");
    cr_assert_neq(total(LINE("a.jpg", "[6]"), -1, &t), OK);
    cr_assert(strstr(why.text, "a.png"), "%s", why.text);
    cr_assert_eq(road_set_read(&(struct set_choice){.path = "no/such"}, &set, &why), ERR_IO);
    cr_assert(strstr(why.text, "there is no masks/"), "%s", why.text);
    road_set_finish(&set);
}
