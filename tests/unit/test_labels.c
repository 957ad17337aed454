/* What labels.c writes is read back: by our own readers where there are some. */
#include "sim/labels.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/object_set.h"
#include "sim/calibration.h"
#include "tests/cameras.h"
#include "tests/folder.h"

static struct truth t;
static char *text;
static size_t size;

/* A car 20 m ahead, a hidden person, a line that runs from (400, 370) to (600, 190). */
static void fill(void)
{
    scene_clear(&t.scene);
    t.scene.n_objects = 2;
    for (int i = 0; i < 2; i++) {
        struct object *o = &t.scene.object[i];

        object_clear(o);
        o->id = (uint64_t)(7 + i);
        o->n_classes = 1;
        o->length_m = 4;
        o->width_m = 1.8f;
        o->height_m = 1.5f;
        o->truncation = 0;
    }
    t.scene.object[0].classes[0].class = OBJECT_CAR;
    t.scene.object[0].box_px = (struct box){600, 150, 700, 210};
    t.scene.object[0].occlusion = 0.2f;
    t.object[0] = (struct truth_object){.visible_px = 5000, .x_m = 21.7f, .y_m = 1, .z_m = 0};
    t.scene.object[1].classes[0].class = OBJECT_PERSON;
    t.scene.object[1].box_px = (struct box){100, 160, 110, 200};
    t.scene.object[1].occlusion = 0.95f;
    t.object[1] = (struct truth_object){.visible_px = 90, .x_m = 31.7f, .y_m = 9, .yaw_rad = 1};
    t.scene.n_lanes = 1;
    struct lane_boundary *l = &t.scene.lane[0];
    lane_boundary_clear(l);
    l->role = -1;
    l->kind = LANE_LINE;
    l->n_pixels = 3;
    for (int i = 0; i < 3; i++) {
        l->pixel[i].x = 400 + 100 * (float)i;
        l->pixel[i].y = 370 - 90 * (float)i;
    }
}

static FILE *begin(void)
{
    FILE *f = open_memstream(&text, &size);

    cr_assert(f);
    return f;
}

Test(labels, yolo_is_what_eval_reads)
{
    struct camera c = front_camera();
    struct object_set set;
    struct folder f;
    struct why why;

    fill();
    folder_make(&f);
    folder_put_png(&f, "images/a.png", 1);
    folder_put_text(&f, "classes.txt", "car\ntruck\nbus\nperson\n");
    for (int ignored = 0; ignored < 2; ignored++) {
        FILE *to = begin();

        cr_expect_eq(labels_yolo(&t, &c, ignored, to), 1);
        fclose(to);
        folder_put(&f, ignored ? "ignore/a.txt" : "labels/a.txt", text, size);
        free(text);
    }
    cr_assert_eq(object_set_read(f.path, &set, &why), OK, "%s", why.text);
    cr_assert_eq(set.labels[0].n, 2);
    const struct ap_truth *car = &set.labels[0].truth[0], *person = &set.labels[0].truth[1];
    cr_expect_eq(car->classes, 1u << OBJECT_CAR);
    cr_expect_not(car->region);
    cr_expect_float_eq(car->box.x1 * c.width, 600, 0.01);
    cr_expect_float_eq(car->box.y2 * c.height, 210, 0.01);
    cr_expect_eq(person->classes, 1u << OBJECT_PERSON);
    cr_expect(person->region, "95 %% hidden: to be ignored");
    object_set_finish(&set);
    folder_remove(&f);
}

Test(labels, what_counts)
{
    struct object o = {.box_px = {0, 0, 10, 10}, .occlusion = 0.5f};
    struct truth_object m = {.visible_px = 50};

    cr_expect(label_counts(&o, &m));
    o.occlusion = NAN; /* of signs it is not known */
    cr_expect(label_counts(&o, &m));
    o.occlusion = 0.9f;
    cr_expect_not(label_counts(&o, &m));
    o.occlusion = 0;
    m.visible_px = 10;
    cr_expect_not(label_counts(&o, &m));
    m.visible_px = 50;
    o.box_px.x2 = 5;
    cr_expect_not(label_counts(&o, &m));
}

Test(labels, tusimple)
{
    struct camera c = front_camera();
    FILE *f = begin();

    fill();
    labels_tusimple(&t, &c, "images/a.png", f);
    fclose(f);
    cr_assert_eq(text[size - 1], '\n');
    json_t *j = json_loads(text, 0, NULL);
    cr_assert(j, "%s", text);
    cr_expect_str_eq(json_string_value(json_object_get(j, "raw_file")), "images/a.png");
    json_t *rows = json_object_get(j, "h_samples"), *lanes = json_object_get(j, "lanes");
    cr_assert_eq(json_array_size(lanes), 2, "left and right always");
    cr_assert_eq(json_array_size(json_array_get(lanes, 1)), json_array_size(rows));
    cr_expect_eq(json_integer_value(json_array_get(rows, 0)), 180, "below the horizon at 172.9+");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        double y = (double)json_integer_value(json_array_get(rows, i));
        double left = (double)json_integer_value(json_array_get(json_array_get(lanes, 0), i));
        double right = (double)json_integer_value(json_array_get(json_array_get(lanes, 1), i));

        cr_expect_eq(left, -2);
        if (y >= 190 && y < 369)
            cr_expect_eq(right, floor(400 + (370 - y - 0.5) / 0.9), "%g: %g", y, right);
        else
            cr_expect_eq(right, -2);
    }
    json_decref(j);
    free(text);
}

Test(labels, kitti)
{
    struct camera c = front_camera();
    FILE *f = begin();
    char type[2][20];
    int frame, id[2], cut, hidden[2];
    double v[13];

    fill();
    c.yaw_rad = 0; /* z forward = x forward, x right = -y */
    labels_kitti(&t, &c, 12, f);
    fclose(f);
    char *line = text;
    for (int i = 0; i < 2; i++) {
        int n = sscanf(line, "%d %d %19s %d %d %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf %lf",
                       &frame, &id[i], type[i], &cut, &hidden[i], &v[0], &v[1], &v[2], &v[3], &v[4],
                       &v[5], &v[6], &v[7], &v[8], &v[9], &v[10], &v[11]);

        cr_assert_eq(n, 17, "%d of: %s", n, line);
        line = strchr(line, '\n') + 1;
        cr_expect_eq(frame, 12);
        cr_expect_float_eq(v[8], i ? -9 : -1, 1e-4);
        cr_expect_float_eq(v[9], 1.65, 1e-4);
        cr_expect_float_eq(v[10], i ? 30 : 20, 1e-4);
        /* turned left by a: KITTI's is from the right, clockwise: -(pi/2) - a */
        cr_expect_float_eq(v[11], -M_PI / 2 - i, 1e-5);
    }
    cr_expect_str_eq(type[0], "Car");
    cr_expect_str_eq(type[1], "Pedestrian");
    cr_expect_eq(hidden[0], 1);
    cr_expect_eq(hidden[1], 2);
    free(text);
}

Test(labels, calibration_reads_back)
{
    struct camera c = front_camera(), back;
    FILE *f = begin();
    struct why why;

    c.pitch_rad = 0.0123f;
    c.distortion[1] = -0.25f;
    c.sigma_pitch_rad = 0.001f;
    labels_calibration(&c, f);
    fclose(f);
    cr_assert_eq(calibration_parse(text, size, "x", &back, &why), OK, "%s", why.text);
    cr_expect_eq(memcmp(&c, &back, sizeof c), 0);
    free(text);
}
