#include "daemon/cli/predictions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/object_set.h"
#include "tests/folder.h"

static struct folder f;
static struct predictions p;
static unsigned parts = HEAD_OBJECTS;
static struct why why;

static void make(void)
{
    folder_make(&f);
}

static void drop(void)
{
    predictions_finish(&p);
    folder_remove(&f);
}

TestSuite(predictions, .init = make, .fini = drop);

static enum err read_bytes(const char *text, size_t n)
{
    predictions_finish(&p);
    folder_put(&f, "p.jsonl", text, n);
    return predictions_read(folder_path(&f, "p.jsonl"), parts, &p, &why);
}

#define LINE(image, objects)                                                                       \
    "{\"image\":\"" image "\",\"width\":64,\"height\":48,\"objects\":[" objects "],\"lanes\":[]}"  \
    "\n"
#define CAR "{\"class\":\"car\",\"score\":0.5,\"box\":[1,2,30.5,40]}"

Test(predictions, lines_become_pictures_by_name)
{
    const char *text = LINE("b.jpg", CAR) "\n" LINE("a.jpg", "") //
        LINE(
            "c.jpg",
            "{\"class\":\"car\",\"merged\":[\"car\",\"truck\",\"bus\"],\"score\":1,"
            "\"box\":[0,0,1,1]}, {\"class\":\"vehicle\",\"score\":0,\"box\":[0,0,1,1]}") "{\"image"
                                                                                         "\":\"d."
                                                                                         "jpg\","
                                                                                         "\"error\""
                                                                                         ":\"damage"
                                                                                         "d\"}"; /* and no newline */

    cr_assert_eq(read_bytes(text, strlen(text)), OK, "%s", why.text);
    cr_assert_eq(p.n, 4);
    cr_assert_str_eq(p.picture[0].image, "a.jpg");
    const struct prediction *b = predictions_find(&p, "b.jpg");

    cr_assert_eq(b->line, 1);
    cr_assert_eq(b->width, 64);
    cr_assert_eq(b->n, 1);
    cr_assert_eq(b->guess[0].box.x2, 30.5);
    cr_assert_eq(b->guess[0].classes, object_class_bits(OBJECT_CAR));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(predictions_find(&p, "c.jpg")->guess[i].classes,
                     object_class_bits(OBJECT_VEHICLE));
    cr_assert_str_eq(predictions_find(&p, "d.jpg")->error, "damaged");
    cr_assert_null(predictions_find(&p, "e.jpg"));
}

static void check(const char *line, const char *says)
{
    char text[512];

    snprintf(text, sizeof text, "%s%s\n", LINE("first.jpg", ""), line);
    cr_assert_neq(read_bytes(text, strlen(text)), OK, "%s", line);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
    cr_assert(strstr(why.text, "p.jsonl:2: "), "'%s'", why.text);
}

Test(predictions, faults_name_file_line_and_field)
{
    check("{\"image\":\"a.jpg\",\"width\":64", "expected");
    check("[]", "a line must be a JSON object");
    check("{\"image\":3}", "image must be");
    check("{\"image\":\"first.jpg\",\"error\":\"\"}", "image 'first.jpg' is also in line 1");
    check("{\"image\":\"a\",\"width\":\"64\",\"height\":48,\"objects\":[]}", "width must be");
    check("{\"image\":\"a\",\"width\":64,\"height\":0,\"objects\":[]}", "height must be");
    check("{\"image\":\"a\",\"width\":64,\"height\":48}", "objects must be an array");
    check(LINE("a", "7"), "objects must be an array of objects");
    check(LINE("a", "{\"class\":7,\"score\":0.5,\"box\":[1,2,3,4]}"), "class must be");
    check(LINE("a", "{\"class\":\"cat\",\"score\":0.5,\"box\":[1,2,3,4]}"), "class 'cat' is none");
    check(LINE("a", "{\"class\":\"car\",\"score\":\"1\",\"box\":[1,2,3,4]}"), "score must be");
    check(LINE("a", "{\"class\":\"car\",\"score\":1.5,\"box\":[1,2,3,4]}"), "of 0 to 1");
    check(LINE("a", "{\"class\":\"car\",\"score\":1,\"box\":[1,2,3]}"), "array of four");
    check(LINE("a", "{\"class\":\"car\",\"score\":1,\"box\":[1,2,3,true]}"), "four numbers");
    check(LINE("a", "{\"class\":\"car\",\"score\":1,\"box\":[1,2,3,1e9]}"), "of pixels");
    check(LINE("a", "{\"class\":\"car\",\"score\":1,\"box\":[3,2,1,4]}"), "x1 <= x2");
    check(LINE("a", "{\"class\":\"car\",\"merged\":[],\"score\":1,\"box\":[1,2,3,4]}"), "merged");
    check("{\"image\":\"a\",\"image\":\"b\"}", "duplicate");
}

Test(predictions, bytes_that_are_no_text)
{
    cr_assert_neq(read_bytes("{}\0{}\n", 6), OK);
    cr_assert(strstr(why.text, ":1: a byte of 0"), "%s", why.text);
    cr_assert_neq(read_bytes("\0\n", 2), OK);
    cr_assert_neq(read_bytes("\xff\xfe\n", 3), OK);
    cr_assert_eq(predictions_read("no/such", HEAD_OBJECTS, &p, &why), ERR_IO);
    cr_assert(strstr(why.text, "no/such: No such file"), "%s", why.text);
    cr_assert_neq(predictions_read("/tmp", HEAD_OBJECTS, &p, &why), OK);
}

Test(predictions, a_line_without_end)
{
    char *text = malloc(JSON_LINES_MAX_BYTES + 1);

    memset(text, ' ', JSON_LINES_MAX_BYTES + 1);
    cr_assert_eq(read_bytes(text, JSON_LINES_MAX_BYTES + 1), ERR_LIMIT);
    cr_assert(strstr(why.text, ":1: the line is longer"), "%s", why.text);
    memset(text, '[', JSON_LINES_MAX_BYTES / 2); /* nested without end */
    cr_assert_eq(read_bytes(text, JSON_LINES_MAX_BYTES / 2), ERR_FORMAT);
    cr_assert(strstr(why.text, "depth"), "%s", why.text);
    free(text);
}

/* ---- lanes and road -------------------------------------------------------------------------- */
#define SIDES "{\"image\":\"a\",\"width\":4,\"height\":3,"

static void check_part(unsigned part, const char *line, const char *says)
{
    parts = part;
    cr_assert_neq(read_bytes(line, strlen(line)), OK, "%s", line);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
}

Test(predictions, lanes_with_sigmas_and_kinds)
{
    const char *text = SIDES "\"lanes\":[{\"points\":[[1,2],[3,4]],\"sigma\":[0.5,2],\"type\":"
                             "\"botts_dots\",\"color\":\"yellow\"},{\"points\":[[1,2]]}]}";

    parts = HEAD_LANES;
    cr_assert_eq(read_bytes(text, strlen(text)), OK, "%s", why.text);
    const struct predicted_lane *lane = p.picture[0].lane;
    cr_assert_eq(lane[0].sigma[1], 2);
    cr_assert_eq(lane[0].type, LANE_TYPE_BOTTS_DOTS);
    cr_assert_eq(lane[0].color, LANE_COLOR_YELLOW);
    cr_assert_null(lane[1].sigma);
    cr_assert_eq(lane[1].type, 0);
}

Test(predictions, lanes)
{
    const char *text = SIDES "\"lanes\":[{\"role\":-1,\"score\":1,\"points\":[[1,2.5],[3,4]]},"
                             "{\"points\":[]}],\"objects\":7}";

    parts = HEAD_LANES;
    cr_assert_eq(read_bytes(text, strlen(text)), OK, "%s", why.text);
    cr_assert_eq(p.picture[0].n_lanes, 2);
    cr_assert_eq(p.picture[0].lane[0].role, -1);
    cr_assert_eq(p.picture[0].lane[0].n, 2);
    cr_assert_eq(p.picture[0].lane[0].point[0].y, 2.5);
    cr_assert_eq(p.picture[0].lane[1].role, 0);
    check_part(HEAD_LANES, SIDES "\"objects\":[]}", "lanes must be an array");
    check_part(HEAD_LANES, SIDES "\"lanes\":[7]}", "lanes: points must be an array");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[[1]]}]}", "pairs of numbers");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[[1,\"2\"]]}]}", "pairs of numbers");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[[1,1e9]]}]}", "pairs of numbers");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[[1,2]],\"sigma\":[1,2]}]}",
               "as long as points");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[[1,2]],\"sigma\":[-1]}]}",
               "numbers of pixels");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[],\"type\":\"wavy\"}]}",
               "type must be solid");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"points\":[],\"color\":\"red\"}]}",
               "color must be white");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"role\":1.5,\"points\":[]}]}", "role must be");
    check_part(HEAD_LANES, SIDES "\"lanes\":[{\"role\":99,\"points\":[]}]}", "role must be");
}

Test(predictions, road)
{
    const char *text = SIDES "\"road\":{\"size\":[3,4],\"counts\":[0,5,7]}}",
               *none = SIDES "\"road\":null}";

    parts = HEAD_ROAD;
    cr_assert_eq(read_bytes(text, strlen(text)), OK, "%s", why.text);
    cr_assert_eq(p.picture[0].road.n, 3);
    cr_assert_eq(p.picture[0].road.run[1], 5);
    cr_assert_eq(read_bytes(none, strlen(none)), OK, "%s", why.text);
    cr_assert_eq(p.picture[0].road.n, 0);
    check_part(HEAD_ROAD, SIDES "\"road\":7}", "road must be null or an object");
    check_part(HEAD_ROAD, SIDES "\"objects\":[]}", "road must be null or an object");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[4,3],\"counts\":[12]}}", "size must be");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[3,4],\"counts\":[]}}", "counts must be");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[3,4],\"counts\":[11]}}", "add up to");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[3,4],\"counts\":[13]}}", "add up to");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[3,4],\"counts\":[-1,13]}}", "add up to");
    check_part(HEAD_ROAD, SIDES "\"road\":{\"size\":[3,4],\"counts\":[6,\"6\"]}}", "add up to");
}
