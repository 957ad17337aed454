/* What a simulator's truth.jsonl tells of pictures: conditions, and lines in the order of lanes.json. */
#include "daemon/cli/set_truth.h"

#include <criterion/criterion.h>
#include <string.h>

#include "perception/scene.h"
#include "tests/folder.h"

static struct folder f;
static struct set_truth t;
static struct why why;

static void make(void)
{
    folder_make(&f);
}

static void drop(void)
{
    set_truth_finish(&t);
    folder_remove(&f);
}

TestSuite(set_truth, .init = make, .fini = drop);

#define LINE(role, kind, type, color)                                                              \
    "{\"role\":" #role ",\"kind\":" #kind ",\"type\":" #type ",\"color\":" #color                  \
    ",\"pixels\":[[1.5,40],[3,10]]}"

Test(set_truth, conditions_are_numbered_as_they_come)
{
    folder_put_text(
        &f, "truth.jsonl", "%s",
        "{\"image\":\"images/b.png\",\"conditions\":[\"night\",\"rain\"],\"boundaries\":[]}\n"
        "{\"image\":\"images/a.png\",\"conditions\":[\"day\",\"rain\"],\"boundaries\":[]}\n"
        "{\"image\":\"images/c.png\",\"boundaries\":[]}\n"
        "{\"image\":\"images/d.pn"); /* still being written */
    cr_assert_eq(set_truth_read(f.path, &t, &why), OK, "%s", why.text);
    cr_assert(t.known);
    cr_assert_eq(t.n, 3);
    cr_assert_eq(t.n_conditions, 3);
    cr_assert_str_eq(t.condition[1], "rain");
    cr_assert_eq(set_truth_conditions(&t, "b.png"), 3);
    cr_assert_eq(set_truth_conditions(&t, "images/a.png"), 4 | 2, "by the end of the path");
    cr_assert_eq(set_truth_conditions(&t, "c.png"), 0);
    cr_assert_eq(set_truth_conditions(&t, "d.png"), 0);
}

Test(set_truth, lines_come_in_the_order_of_lanes_json)
{
    folder_put_text(&f, "truth.jsonl", "%s",
                    "{\"image\":\"a.png\",\"boundaries\":[" LINE(-2, 1, 4, 3) "," LINE(
                        -1, 2, 0, 0) "," LINE(0, 2, 0, 0) "," LINE(1, 1, 2, 1) "]}\n");
    cr_assert_eq(set_truth_read(f.path, &t, &why), OK, "%s", why.text);
    const struct set_picture *p = set_truth_find(&t, "a.png");
    cr_assert_not_null(p);
    cr_assert_eq(p->n_lines, 3);
    cr_assert_eq(p->line[0].type, LANE_TYPE_DASHED);
    cr_assert_eq(p->line[0].n, 2);
    cr_assert_eq(p->line[0].point[1][0], 3);
    cr_assert_eq(p->line[1].n, 0, "an edge of the road is no line, the place stays");
    cr_assert_eq(p->line[2].type, LANE_TYPE_BOTTS_DOTS);
    cr_assert_eq(p->line[2].color, LANE_COLOR_OTHER);
}

Test(set_truth, other_sets_know_nothing)
{
    cr_assert_eq(set_truth_read(f.path, &t, &why), OK);
    cr_assert(!t.known);
    cr_assert_eq(set_truth_read(NULL, &t, &why), OK);
    cr_assert_eq(set_truth_conditions(&t, "a.png"), 0);
}

static void refuse(const char *text, const char *words)
{
    folder_put_text(&f, "truth.jsonl", "%s", text);
    cr_assert_eq(set_truth_read(f.path, &t, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, words), "%s", why.text);
}

Test(set_truth, damage_is_told_with_its_line)
{
    refuse("{\"image\":\"a.png\",\"boundaries\":[]}\n{\n", "truth.jsonl:2: ");
    refuse("{\"boundaries\":[]}\n", "image: must be");
    refuse("{\"image\":\"a.png\",\"boundaries\":[" LINE(1, 1, 9, 1) "]}\n", "type, color");
    refuse("{\"image\":\"a.png\",\"boundaries\":[{\"role\":1,\"kind\":1,\"type\":1,\"color\":1,"
           "\"pixels\":[[1,2],[3]]}]}\n",
           "pixels: must be pairs");
}
