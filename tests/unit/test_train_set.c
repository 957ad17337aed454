/* Sets of every kind, as the trainer sees them. */
#include "daemon/cli/train_set.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "daemon/cli/train_loader.h"
#include "daemon/decode.h"
#include "perception/heads/outrider.h"
#include "tests/folder.h"

static struct folder f;
static struct train_set set;
static struct train_reader *reader;
static struct sample sample;
static struct why why;

static void make(void)
{
    folder_make(&f);
    folder_put_jpeg(&f, "images/a.jpg", 1);
    folder_put_jpeg(&f, "images/b.jpg", 2);
    reader = train_reader_open();
    cr_assert(reader);
}

static void drop(void)
{
    train_reader_close(reader);
    train_set_finish(&set);
    folder_remove(&f);
}

TestSuite(train_set, .init = make, .fini = drop);

static enum err open_set(void)
{
    return train_set_open(&(struct set_choice){.path = f.path, .weight = 1}, &set, &why);
}

static void read_first(void)
{
    cr_assert_eq(open_set(), OK, "%s", why.text);
    cr_assert_eq(train_set_read(&set, 0, reader, &sample, &why), OK, "%s", why.text);
}

Test(train_set, objects_say_what_their_set_labels)
{
    folder_put_text(&f, "classes.txt", "car\ntruck\nbus\nperson\n");
    folder_put_text(
        &f, "set.json",
        "{\"classes_labelled\":[0,3],\"merged\":{\"0\":[0,1,2]},\"train_allowed\":false}");
    folder_put_text(&f, "labels/a.txt", "0 0.5 0.5 0.25 0.5\n3 0.1 0.2 0.1 0.1 0.6\n");
    folder_put_text(&f, "ignore/a.txt", "0 0.1 0.1 0.1 0.1\n");
    folder_put(&f, "labels/b.txt", "", 0);
    folder_put(&f, "ignore/b.txt", "", 0);
    read_first();
    cr_assert_not(set.permitted);
    cr_assert_not(set.has_road || set.has_lanes);
    cr_assert_eq(set.n_use, 2);
    cr_assert_eq(sample.labels.classes, 0xfu);
    cr_assert_eq(sample.labels.n_objects, 3);
    cr_assert_eq(sample.labels.object[0].classes, 7u);
    cr_assert_float_eq(sample.labels.object[0].box.x1, 0.375f * 64, 1e-4);
    cr_assert_float_eq(sample.labels.object[1].weight, 0.6f, 1e-6);
    cr_assert(sample.labels.object[2].ignore);
    cr_assert(isnan(sample.labels.object[0].distance_m));
    cr_assert_eq(sample.labels.boundaries, 0u);
    cr_assert_null(sample.labels.road);
    cr_assert_not(sample.forward);
}

Test(train_set, lanes_left_then_right)
{
    folder_put_text(&f, "labels_tusimple.json",
                    "{\"raw_file\":\"images/a.jpg\",\"h_samples\":[20,30,40],"
                    "\"lanes\":[[30,20,10],[-2,44,54]]}\n");
    read_first();
    cr_assert_eq(set.n_use, 1, "b.jpg has no labels");
    cr_assert_eq(sample.labels.classes, 0u, "nothing is said of objects");
    cr_assert_eq(sample.labels.n_boundaries, 2);
    cr_assert_eq(sample.labels.boundary[0].role, 1);
    cr_assert_eq(sample.labels.boundary[0].n, 3);
    cr_assert_eq(sample.labels.boundary[0].point[0][1], 40, "from the bottom upwards");
    cr_assert_eq(sample.labels.boundary[1].role, -1);
    cr_assert_eq(sample.labels.boundary[1].n, 2);
    cr_assert_eq(sample.labels.boundaries, 1u << 1 | 1u << 2);
    cr_assert_eq(sample.labels.boundary_y[0], 20);
    cr_assert_eq(sample.labels.boundary_y[1], 40);
}

static void put_mask(const char *name, const uint8_t *id)
{
    uint8_t rgb[4 * 2 * 3];
    const struct image im = {rgb, 4, 2, 12};

    for (int i = 0; i < 8; i++)
        memset(rgb + 3 * i, id[i], 3);
    folder_put(&f, name, "", 0);
    cr_assert_eq(png_write(folder_path(&f, name), &im, &why), OK, "%s", why.text);
}

Test(train_set, road_with_what_is_not_known)
{
    static const uint8_t id[8] = {0, 3, 3, 255, 7, 3, 0, 3}, is[8] = {0, 1, 1, 255, 0, 1, 0, 1};

    folder_put_text(&f, "set.json", "{\"drivable_area\": \"masks == 3\"}");
    put_mask("masks/a.png", id);
    put_mask("masks/b.png", id);
    read_first();
    cr_assert_eq(sample.labels.road_width, 4);
    cr_assert_eq(memcmp(sample.labels.road, is, sizeof is), 0);
}

Test(train_set, masks_of_other_things_are_no_road)
{
    folder_put_text(&f, "set.json", "{\"masks\": \"1 left 2 right\"}");
    folder_put(&f, "masks/a.png", "", 0);
    cr_assert_eq(open_set(), ERR_FORMAT);
    cr_assert(strstr(why.text, "no labels"), "%s", why.text);
}

#define CAR                                                                                        \
    "{\"class\": \"car\", \"box\": [10, 20, 30, 40], \"at\": [21.5, 3, 0], \"counts\": true}"
#define LINE(role, kind, x, y)                                                                     \
    "{\"role\": " #role ", \"kind\": " #kind ", \"type\": 1, \"color\": 2, \"pixels\": [[" #x      \
    ", " #y "], [32, 26]]}"

Test(train_set, all_that_a_simulator_knows)
{
    folder_put_text(&f, "calibration.yaml",
                    "{width: 64, height: 48, fx: 50, fy: 50, cx: 32, cy: 24, x_m: 1.5, z_m: 1.4}");
    folder_put_text(
        &f, "truth.jsonl",
        "{\"image\": \"images/a.jpg\", \"objects\": [" CAR
        "], \"boundaries\": [" LINE(1, 1, 12, 47) ", " LINE(0, 2, 0, 40) ", " LINE(
            0, 2, 4, 47) ", " LINE(-1, 2, 60, 47) ", " LINE(0, 2, 40,
                                                            25) "]}\n"
                                                                "{\"image\": \"images/b.jpg\", ");
    read_first();
    cr_assert_eq(set.n_use, 1, "a line that is not finished is none");
    cr_assert_eq(sample.focal_px, 50);
    cr_assert_float_eq(sample.labels.object[0].distance_m, hypotf(20, 3), 1e-4);
    cr_assert_eq(sample.labels.boundaries, (1u << OWN_BOUNDARIES) - 1);
    cr_assert_eq(sample.labels.n_boundaries, 3, "a line, and the nearest edge on each side");
    cr_assert_eq(sample.labels.boundary[0].color, LANE_COLOR_YELLOW);
    cr_assert_eq(sample.labels.boundary[1].kind, LANE_ROAD_EDGE);
    cr_assert_eq(sample.labels.boundary[1].role, 1);
    cr_assert_eq(sample.labels.boundary[1].point[0][0], 4);
    cr_assert_eq(sample.labels.boundary[2].role, -1);
    cr_assert_eq(sample.labels.boundary[2].point[0][0], 60);
}

static void bad_truth(const char *line, const char *says)
{
    folder_put_text(&f, "truth.jsonl", "%s\n", line);
    cr_assert_eq(open_set(), ERR_FORMAT, "%s", line);
    cr_assert(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
    cr_assert(strstr(why.text, "truth.jsonl:1: "), "%s", why.text);
}

Test(train_set, a_bad_truth_is_named)
{
    bad_truth("{", "");
    bad_truth("{\"objects\": [], \"boundaries\": []}", "image");
    bad_truth("{\"image\": \"a.jpg\", \"boundaries\": []}", "objects");
    bad_truth("{\"image\": \"a.jpg\", \"objects\": [{\"class\": \"cow\"}], \"boundaries\": []}",
              "'cow'");
    bad_truth("{\"image\": \"a.jpg\", \"objects\": [{\"class\": \"car\", \"box\": [1, 2, 3]}], "
              "\"boundaries\": []}",
              "box: must be four numbers");
    bad_truth("{\"image\": \"a.jpg\", \"objects\": [], \"boundaries\": [" LINE(99, 1, 0, 0) "]}",
              "role");
    bad_truth("{\"image\": \"a.jpg\", \"objects\": [], \"boundaries\": [" LINE(1, 3, 0, 0) "]}",
              "kind");
    bad_truth("{\"image\": \"a.jpg\", \"objects\": [], \"boundaries\": [{\"role\": 1, \"kind\": 1, "
              "\"type\": 1, \"color\": 1, \"pixels\": [[1, 1e9]]}]}",
              "pixels[0]");
}

/* ---- batches ------------------------------------------------------------------------------- */

enum { W = 64, H = 32, BATCH = 6 };

static void draw(int threads, int batch, int rank, int ranks, float *input, struct labels *labels)
{
    struct train_loader *l;
    struct pool *pool;
    struct train_loader_options o = {.set = &set,
                                     .n_sets = 1,
                                     .compose = {W, H, 1},
                                     .batch = batch,
                                     .rank = rank,
                                     .ranks = ranks,
                                     .seed = 4};

    cr_assert_eq(pool_open(threads, &pool), OK);
    o.pool = pool;
    cr_assert_eq(train_loader_open(&o, &l, &why), OK, "%s", why.text);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(train_loader_next(l, input, labels, &why), OK, "%s", why.text);
    train_loader_close(l);
    pool_close(pool);
}

Test(train_set, batches_are_the_same_for_any_threads_and_ranks)
{
    static float one[BATCH * W * H * 3], other[BATCH * W * H * 3];
    static struct labels labels[BATCH];

    folder_put_text(&f, "classes.txt", "car\n");
    folder_put_text(&f, "labels/a.txt", "0 0.5 0.5 0.25 0.5\n");
    folder_put_text(&f, "labels/b.txt", "0 0.3 0.5 0.25 0.5\n");
    cr_assert_eq(open_set(), OK, "%s", why.text);
    draw(1, BATCH, 0, 1, one, labels);
    draw(3, BATCH, 0, 1, other, labels);
    cr_assert(memcmp(one, other, sizeof one) == 0);
    draw(2, BATCH / 2, 0, 2, other, labels);
    draw(2, BATCH / 2, 1, 2, other + BATCH / 2 * W * H * 3, labels);
    cr_assert(memcmp(one, other, sizeof one) == 0);
}
