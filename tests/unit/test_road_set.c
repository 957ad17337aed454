#include "daemon/cli/road_set.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/folder.h"

static struct folder f;
static struct road_set set;
static struct why why;

static void make(void)
{
    folder_make(&f);
    folder_put_png(&f, "images/a.png", 1);
    folder_put_png(&f, "masks/a.png", 2);
}

static void drop(void)
{
    road_set_finish(&set);
    folder_remove(&f);
}

TestSuite(road_set, .init = make, .fini = drop);

static enum err read_set(void)
{
    return road_set_read(&(struct set_choice){.path = f.path}, &set, &why);
}

Test(road_set, masks_are_of_the_road_unless_something_else_is_said)
{
    cr_assert_eq(read_set(), OK, "%s", why.text);
    cr_assert_str_eq(set.folder, "masks");
    cr_assert_eq(set.road, 1);
    cr_assert_eq(set.pictures.n, 1);
}

Test(road_set, the_folder_is_the_one_that_is_named)
{
    folder_put_png(&f, "road/a.png", 3);
    folder_put_text(&f, "set.json", "{\"drivable_area\": \"road == 1\"}");
    cr_assert_eq(read_set(), OK, "%s", why.text);
    cr_assert_str_eq(set.folder, "road");
    road_set_finish(&set);
    folder_put_text(&f, "set.json", "{\"drivable_area\": \"masks == 3\"}");
    cr_assert_eq(read_set(), OK, "%s", why.text);
    cr_assert_str_eq(set.folder, "masks");
    cr_assert_eq(set.road, 3);
}

static void check(const char *json)
{
    folder_put_text(&f, "set.json", "%s", json);
    cr_assert_eq(read_set(), ERR_FORMAT, "%s", json);
    cr_assert(strstr(why.text, "set.json"), "%s", why.text);
}

Test(road_set, a_folder_that_is_not_there_or_an_id_that_cannot_be_is_a_fault)
{
    check("{\"drivable_area\": \"road == 1\"}");
    check("{\"drivable_area\": \"masks == 256\"}");
    check("{\"drivable_area\": \"masks == 1, 2\"}");
    check("{\"drivable_area\": 1}");
    check("[]");
}
