#include "daemon/cli/predictions.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/object_set.h"
#include "tests/folder.h"

static struct folder f;
static struct predictions p;
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
    return predictions_read(folder_path(&f, "p.jsonl"), &p, &why);
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
    cr_assert_eq(predictions_read("no/such", &p, &why), ERR_IO);
    cr_assert(strstr(why.text, "no/such: No such file"), "%s", why.text);
    cr_assert_neq(predictions_read("/tmp", &p, &why), OK);
}

Test(predictions, a_line_without_end)
{
    char *text = malloc(PREDICTIONS_MAX_LINE_BYTES + 1);

    memset(text, ' ', PREDICTIONS_MAX_LINE_BYTES + 1);
    cr_assert_eq(read_bytes(text, PREDICTIONS_MAX_LINE_BYTES + 1), ERR_LIMIT);
    cr_assert(strstr(why.text, ":1: the line is longer"), "%s", why.text);
    memset(text, '[', PREDICTIONS_MAX_LINE_BYTES / 2); /* nested without end */
    cr_assert_eq(read_bytes(text, PREDICTIONS_MAX_LINE_BYTES / 2), ERR_FORMAT);
    cr_assert(strstr(why.text, "depth"), "%s", why.text);
    free(text);
}
