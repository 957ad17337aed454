/* Labels must lie where the picture shows the thing, wherever chance puts it. */
#include "perception/train/compose.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "perception/heads/outrider.h"

enum { W = 320, H = 192, IN_W = 160, IN_H = 128, CELLS = IN_W / 8 * (IN_H / 8) };

static uint8_t pixels[W * H * 3], mask[W * H];
static struct sample sample;
static float input[IN_W * IN_H * 3];
static uint8_t road[CELLS];
static struct labels out;
static struct canvas_memory *memory;

/* A white car at (120, 80)-(200, 140) on black, road below row 96, a line on each side. */
static void make(void)
{
    static const struct label_boundary line[2] = {
        {.role = 1,
         .kind = LANE_LINE,
         .type = LANE_TYPE_SOLID,
         .n = 2,
         .point = {{40, 190}, {140, 100}}},
        {.role = -1, .kind = LANE_LINE, .n = 2, .point = {{280, 190}, {180, 100}}}};

    memset(pixels, 0, sizeof pixels);
    for (int y = 80; y < 140; y++)
        memset(pixels + 3 * (y * W + 120), 255, 3 * 80);
    for (int i = 0; i < W * H; i++)
        mask[i] = i / W >= 96;
    sample = (struct sample){.rgb = {pixels, W, H, 3 * W}, .focal_px = 272, .forward = true};
    sample.labels.classes = 0xff;
    sample.labels.n_objects = 1;
    sample.labels.object[0] = (struct label_object){
        .box = {120, 80, 200, 140}, .classes = 1, .weight = 1, .distance_m = 20};
    sample.labels.boundaries = 2 | 4;
    sample.labels.n_boundaries = 2;
    memcpy(sample.labels.boundary, line, sizeof line);
    sample.labels.boundary_y[0] = 100;
    sample.labels.boundary_y[1] = 190;
    sample.labels.road = mask;
    sample.labels.road_width = W;
    sample.labels.road_height = H;
    memory = canvas_open(IN_W, IN_H);
    cr_assert(memory);
}

static void drop(void)
{
    canvas_close(memory);
}

TestSuite(compose, .init = make, .fini = drop);

static void run(float strength, int n, uint64_t seed)
{
    const struct sample *tile[4] = {&sample, &sample, &sample, &sample};

    compose(&(struct compose){IN_W, IN_H, strength}, memory, tile, n, seed, input, road, &out);
}

static float grey(int x, int y)
{
    const float *p = input + 3 * (y * IN_W + x);

    return (p[0] + p[1] + p[2]) / 3;
}

Test(compose, unchanged_it_lies_as_when_it_is_used)
{
    run(0, 1, 1);
    cr_assert_eq(out.n_objects, 1);
    cr_assert_float_eq(out.object[0].box.x1, 60, 1e-3);
    cr_assert_float_eq(out.object[0].box.y2, 70, 1e-3);
    /* half the size: focal length 136 px, a quarter of OWN_FOCAL, so it looks as far as 4 times */
    cr_assert_float_eq(out.object[0].distance_m, 20.0f * OWN_FOCAL / 136, 1e-3);
    cr_assert_float_eq(grey(80, 55), (1 - 0.5f) * 4, 0.02);
    cr_assert_float_eq(grey(10, 10), -2, 0.02);
    cr_assert_float_eq(grey(80, 120), (128 / 255.0f - 0.5f) * 4, 0.02, "grey below the picture");
    cr_assert_eq(out.classes, 0xffu);
    cr_assert_eq(out.boundaries, 6u);
    cr_assert_float_eq(out.boundary[0].point[0][0], 20, 1e-3);
    cr_assert_float_eq(out.boundary[0].point[0][1], 95, 1e-3);
    cr_assert_float_eq(out.boundary_y[0], 50, 1e-3);
    cr_assert_eq(road[5 * (IN_W / 8) + 3], 0);
    cr_assert_eq(road[7 * (IN_W / 8) + 3], 1);
    cr_assert_eq(road[13 * (IN_W / 8) + 3], LABELS_ROAD_UNKNOWN);
}

/* Bright pixels inside the box, dark ones around it. */
static void check_box(const struct box *b, uint64_t seed)
{
    const int x0 = (int)b->x1, y0 = (int)b->y1, x1 = (int)b->x2, y1 = (int)b->y2;
    double in = 0, around = 0;
    int n_in = 0, n_around = 0;

    for (int y = y0 - 6; y < y1 + 6; y++)
        for (int x = x0 - 6; x < x1 + 6; x++) {
            if (x < 0 || y < 0 || x >= IN_W || y >= IN_H)
                continue;
            if (x > x0 + 2 && x < x1 - 2 && y > y0 + 2 && y < y1 - 2)
                in += grey(x, y), n_in++;
            else if (x < x0 - 2 || x >= x1 + 3 || y < y0 - 2 || y >= y1 + 3)
                around += grey(x, y), n_around++;
        }
    if (n_in < 20 || n_around < 20)
        return;
    cr_assert_gt(in / n_in, around / n_around + 0.05, "seed %d: %g inside, %g around", (int)seed,
                 in / n_in, around / n_around);
}

Test(compose, boxes_go_with_the_picture)
{
    int seen = 0;

    sample.mirrors = true;
    for (uint64_t seed = 0; seed < 400; seed++) {
        run(1, seed % 3 ? 1 : 4, seed);
        for (int i = 0; i < out.n_objects; i++) {
            const struct box *b = &out.object[i].box;

            cr_assert(b->x1 >= 0 && b->y1 >= 0 && b->x2 <= IN_W && b->y2 <= IN_H);
            cr_assert(b->x2 > b->x1 && b->y2 > b->y1);
            if (!out.object[i].ignore) {
                check_box(b, seed);
                seen++;
            }
        }
    }
    cr_assert_gt(seen, 400, "%d boxes in 400 pictures", seen);
}

Test(compose, left_stays_left_when_mirrored)
{
    int mirrored = 0;

    sample.mirrors = true;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const struct label_boundary *left = out.boundary, *right = out.boundary + 1;

        run(1, 1, seed);
        cr_assert_eq(out.n_boundaries, 2);
        cr_assert_eq(out.boundaries, 6u);
        if (left->role < 0) {
            const struct label_boundary *swap = left;

            left = right;
            right = swap;
            mirrored++;
            cr_assert_eq(right->type, LANE_TYPE_SOLID);
        }
        cr_assert(left->role == 1 && right->role == -1);
        cr_assert_lt(left->point[0][0], right->point[0][0]);
    }
    cr_assert(mirrored > 20 && mirrored < 80, "%d of 100", mirrored);
}

Test(compose, distances_follow_the_size)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        run(1, seed % 2 ? 4 : 1, seed);
        for (int i = 0; i < out.n_objects; i++) {
            const struct label_object *o = &out.object[i];
            const float width = o->box.x2 - o->box.x1;

            if (o->ignore || isnan(o->distance_m) || o->box.x1 <= 0 || o->box.x2 >= IN_W)
                continue;
            /* 80 px wide at 20 m and 272 px; turning and stretching change it by some */
            const float expected = 20 * (80.0f / 272) * OWN_FOCAL / width;
            if (o->box.y1 > 0 && o->box.y2 < IN_H && out.boundaries)
                cr_assert_float_eq(o->distance_m, expected, 0.25f * expected, "%g, expected %g",
                                   (double)o->distance_m, (double)expected);
        }
    }
    sample.focal_px = 0;
    run(1, 1, 1);
    for (int i = 0; i < out.n_objects; i++)
        cr_assert(isnan(out.object[i].distance_m));
}

static double apart(const float a[2], const float b[2])
{
    return hypot((double)a[0] - (double)b[0], (double)a[1] - (double)b[1]);
}

/* Points at 0, 1, 2, 4 of a line stay on a line and keep their cross ratio, 3/2, whatever a pinhole camera is
 * turned to; that the near half stays as long as the far one would only be so of a picture that is moved. */
Test(compose, the_camera_is_turned_not_the_picture)
{
    struct label_boundary *line = sample.labels.boundary;
    int leaning = 0;

    sample.labels.n_boundaries = 1;
    line->n = 4;
    for (int i = 0; i < 4; i++) {
        const float at = (float[]){0, 1, 2, 4}[i];

        line->point[i][0] = 10 + 70 * at;
        line->point[i][1] = 190 - 40 * at;
    }
    for (uint64_t seed = 0; seed < 100; seed++) {
        const float(*p)[2] = out.boundary[0].point;

        run(1, 1, seed);
        cr_assert_eq(out.n_boundaries, 1);
        const double ab = apart(p[0], p[1]), bc = apart(p[1], p[2]), cd = apart(p[2], p[3]);
        cr_assert_float_eq(ab + bc + cd, apart(p[0], p[3]), 1e-3);
        cr_assert_float_eq((ab + bc) * (bc + cd) / (bc * (ab + bc + cd)), 1.5, 1e-3);
        leaning += fabs(ab / bc - 1) > 0.01;
    }
    cr_assert_gt(leaning, 30, "%d of 100", leaning);
}

Test(compose, a_mosaic_has_no_lanes_and_says_what_all_its_parts_say)
{
    struct sample other = sample;
    const struct sample *tile[4] = {&sample, &other, &sample, &sample};

    other.labels.classes = 3;
    other.labels.road = NULL;
    compose(&(struct compose){IN_W, IN_H, 1}, memory, tile, 4, 3, input, road, &out);
    cr_assert_eq(out.classes, 3u);
    cr_assert_eq(out.boundaries, 0u);
    cr_assert_eq(out.n_boundaries, 0);
    cr_assert(memchr(road, LABELS_ROAD_UNKNOWN, sizeof road));
}

Test(compose, the_same_seed_is_the_same_sample)
{
    static float again[IN_W * IN_H * 3];

    run(1, 4, 9);
    memcpy(again, input, sizeof again);
    run(1, 4, 10);
    cr_assert(memcmp(again, input, sizeof again) != 0);
    run(1, 4, 9);
    cr_assert(memcmp(again, input, sizeof again) == 0);
}
