#include "daemon/cli/object_set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/folder.h"

static struct folder f;
static struct object_set set;
static struct why why;

static void make(void)
{
    folder_make(&f);
    folder_put_text(&f, "classes.txt", "car\ntruck\nbus\nperson\n");
    folder_put_text(&f, "set.json", "{\"classes_labelled\":[0,3],\"merged\":{\"0\":[0,1,2]}}");
    folder_put_jpeg(&f, "images/a.jpg", 1);
    folder_put_jpeg(&f, "images/b.b.jpg", 2);
    folder_put_text(&f, "labels/a.txt", "0 0.5 0.5 0.25 0.5\n3 0.1 0.2 0.1 0.1\r\n\n");
    folder_put(&f, "labels/b.b.txt", "", 0);
}

static void drop(void)
{
    object_set_finish(&set);
    folder_remove(&f);
}

TestSuite(object_set, .init = make, .fini = drop);

Test(object_set, labels_merges_and_empty_pictures)
{
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_eq(set.pictures.n, 2);
    cr_assert_eq(set.scored[OBJECT_CAR], object_class_bits(OBJECT_VEHICLE));
    cr_assert_eq(set.scored[OBJECT_TRUCK], 0);
    cr_assert_eq(set.scored[OBJECT_PERSON], object_class_bits(OBJECT_PERSON));
    cr_assert_eq(set.labels[0].n, 2);
    cr_assert_eq(set.labels[1].n, 0);
    cr_assert_eq(set.labels[0].truth[0].classes, object_class_bits(OBJECT_VEHICLE));
    cr_assert_eq(set.labels[0].truth[0].box.x1, 0.375);
    cr_assert_eq(set.labels[0].truth[0].box.y2, 0.75);
    cr_assert(!set.labels[0].truth[1].region);
}

Test(object_set, a_label_that_was_merged_is_the_class_it_became)
{
    folder_put_text(&f, "labels/a.txt", "2 0.5 0.5 0.25 0.5");
    folder_put_text(&f, "ignore/a.txt", "0 0.1 0.1 0.1 0.1");
    folder_put(&f, "ignore/b.b.txt", "", 0);
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_eq(set.labels[0].n, 2);
    cr_assert_eq(set.labels[0].truth[0].classes, object_class_bits(OBJECT_VEHICLE));
    cr_assert(set.labels[0].truth[1].region);
}

Test(object_set, without_set_json_every_class_is_labelled)
{
    folder_put(&f, "set.json", "", 0);
    cr_assert_neq(object_set_read(f.path, &set, &why), OK, "an empty one is a fault");
    remove(folder_path(&f, "set.json"));
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_eq(set.scored[OBJECT_TRUCK], object_class_bits(OBJECT_TRUCK));
    cr_assert_eq(set.scored[OBJECT_CYCLIST], 0, "not in classes.txt");
}

static void check(const char *file, const char *text, const char *says)
{
    folder_put_text(&f, file, "%s", text);
    cr_assert_neq(object_set_read(f.path, &set, &why), OK, "%s", text);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
    cr_assert(strstr(why.text, file), "'%s' does not name %s", why.text, file);
}

Test(object_set, a_sixth_field_is_how_sure_the_label_is)
{
    folder_put_text(&f, "labels/a.txt", "0 0.5 0.5 0.2 0.2 0.75\n0 0.5 0.5 0.2 0.2\n");
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_float_eq(set.labels[0].truth[0].sure, 0.75f, 1e-6);
    cr_assert_eq(set.labels[0].truth[1].sure, 1);
}

Test(object_set, faults_name_file_line_and_field)
{
    check("labels/a.txt", "0 0.5 0.5 0.2 0.2\n4 0.5 0.5 0.2 0.2\n",
          "a.txt:2: class is '4', must be a whole number of 0 to 3");
    check("labels/a.txt", "0 0.5 0.5 0.2", "a.txt:1: h is ''");
    check("labels/a.txt", "0 0.5 x 0.2 0.2", "cy is 'x'");
    check("labels/a.txt", "0 0.5 nan 0.2 0.2", "cy is 'nan'");
    check("labels/a.txt", "0 1.5 0.5 0.2 0.2", "cx is '1.5', must be a number of 0 to 1");
    check("labels/a.txt", "0 0.5 0.5 0 0.2", "w is '0'");
    check("labels/a.txt", "0 0.5 0.5 0.2 0.2 1.1", "after the five fields");
    check("labels/a.txt", "0 0.5 0.5 0.2 0.2 0.9 1", "after the five fields");
    check("labels/a.txt", "0.5 0.5 0.5 0.2 0.2", "class is '0.5'");
    check("labels/a.txt", "-1 0.5 0.5 0.2 0.2", "class is '-1'");
    folder_put(&f, "labels/a.txt", "", 0);
    check("set.json", "{\"classes_labelled\":[0,3", "set.json:1:");
    check("set.json", "{\"classes_labelled\":0}", "must be an array");
    check("set.json", "{\"classes_labelled\":[\"car\"]}", "whole number");
    check("set.json", "{\"classes_labelled\":[9]}", "label 9, classes.txt has 0 to 3");
    check("set.json", "{\"classes_labelled\":[0],\"merged\":[]}", "must be an object");
    check("set.json", "{\"classes_labelled\":[0],\"merged\":{\"3\":[3]}}", "not in classes_label");
    check("set.json", "{\"classes_labelled\":[0],\"merged\":{\"x\":[3]}}", "'x' is no label");
    check("set.json", "{\"classes_labelled\":[0],\"merged\":{\"0\":3}}", "0 must be an array");
    check("classes.txt", "car\ntrick\n", "classes.txt:2: class 'trick'");
    check("classes.txt", "", "no classes");
}

Test(object_set, what_is_missing_is_named)
{
    cr_assert_eq(object_set_read("no/such", &set, &why), ERR_IO);
    cr_assert(strstr(why.text, "no/such"), "%s", why.text);
    folder_put_text(&f, "set.json", "{\"classes_labelled\":[3]}");
    cr_assert_eq(object_set_read(f.path, &set, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "a.txt:1: class 0 is not in classes_labelled"), "%s", why.text);
    remove(folder_path(&f, "labels/a.txt"));
    cr_assert_eq(object_set_read(f.path, &set, &why), ERR_IO);
    cr_assert(strstr(why.text, "labels/a.txt: No such file"), "%s", why.text);
}

Test(object_set, more_boxes_than_the_limit)
{
    static char text[(OBJECT_SET_MAX_LABELS + 1) * 12];

    for (size_t i = 0; i < sizeof text; i += 12)
        memcpy(text + i, "0 .5 .5 1 1\n", 12);
    folder_put(&f, "labels/a.txt", text, sizeof text - 12);
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    object_set_finish(&set);
    folder_put(&f, "labels/a.txt", text, sizeof text);
    cr_assert_eq(object_set_read(f.path, &set, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "a.txt:4097: more than 4096 boxes"), "%s", why.text);
}
