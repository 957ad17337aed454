/* What our own network's outputs mean, and that a network from the trainer is read by the daemon's side. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/outrider.h"
#include "perception/train/own_network.h"
#include "tests/folder.h"
#include "tests/heads.h"

enum { W = 160, H = 96, COLUMNS = W / 8, ROWS = H / 8 };

static struct perceived out;
static struct tensor *objects[OWN_LEVELS], *lanes, *road;

static struct head_io all_outputs(void)
{
    struct head_io io = io_new(H, W);
    static const char *const name[] = {"objects8", "objects16", "objects32"};

    for (int i = 0; i < OWN_LEVELS; i++) {
        const int s = 8 << i, n = OWN_CLASSES * (W / s) * (H / s);

        objects[i] = TENSOR(name[i], 1, OWN_OBJECT, H / s, W / s);
        for (int k = 0; k < n; k++)
            ((float *)objects[i]->data)[k] = -9;
        io_output(&io, objects[i]);
    }
    lanes = TENSOR("lanes", 1, OWN_LANE, ROWS, COLUMNS);
    for (int k = 0; k < OWN_BOUNDARIES * ROWS * COLUMNS; k++)
        ((float *)lanes->data)[k] = -9;
    road = TENSOR("road", 1, 1, ROWS, COLUMNS);
    io_output(&io, lanes);
    io_output(&io, road);
    return io;
}

static float *at(const struct tensor *t, int channel, int row, int column)
{
    return (float *)t->data + (channel * t->dim[2] + row) * t->dim[3] + column;
}

/* Said by the cell (row, column) of a level as the trainer would want it. */
static void put_box(int level, int row, int column, int class, float logit, const struct box *b)
{
    const float s = (float)(8 << level), x = ((float)column + 0.5f) * s,
                y = ((float)row + 0.5f) * s;
    const float side[4] = {b->x1 - x, b->y1 - y, b->x2 - x, b->y2 - y};

    *at(objects[level], OWN_SCORE + class, row, column) = logit;
    for (int i = 0; i < 4; i++) {
        *at(objects[level], OWN_BOX + i, row, column) = side[i] / s;
        *at(objects[level], OWN_BOX_SCALE + i, row, column) = logf(0.1f);
    }
    *at(objects[level], OWN_DISTANCE, row, column) = logf(25);
    *at(objects[level], OWN_DISTANCE_SCALE, row, column) = logf(0.05f);
}

Test(outrider, boxes_with_sigmas_and_distance)
{
    static const struct box want = {40, 20, 72, 52};

    for (int level = 0; level < OWN_LEVELS; level++) {
        const struct head_io io = all_outputs();
        const int s = 8 << level;

        put_box(level, 36 / s, 56 / s, OBJECT_TRUCK, 2, &want);
        decode_once(&head_outrider, &io, -1, 2 * W, 2 * H, &out);
        cr_assert_eq(out.n_detections, 1);
        const struct detection *d = out.detection;
        cr_assert_eq(d->class, OBJECT_TRUCK);
        cr_assert_float_eq(d->score, 1 / (1 + expf(-2)), 1e-5);
        cr_assert_float_eq(d->box_px.x1, 80, 1e-3);
        cr_assert_float_eq(d->box_px.y2, 104, 1e-3);
        cr_assert_float_eq(d->sigma_px[0], sqrtf(2) * 0.1f * (float)s * 2, 1e-3);
        /* a camera of 1088 px has OWN_FOCAL at the input, which is half as large */
        cr_assert_float_eq(d->distance_per_px * 2 * OWN_FOCAL, 25, 1e-3);
        cr_assert_float_eq(d->distance_sigma, sqrtf(2) * 0.05f, 1e-5);
    }
}

Test(outrider, a_vehicle_is_one_thing_and_a_person_beside_it_another)
{
    static const struct box want = {40, 20, 72, 52};
    const struct head_io io = all_outputs();

    put_box(0, 4, 7, OBJECT_CAR, 1, &want);
    put_box(0, 4, 6, OBJECT_BUS, 2, &want);
    put_box(0, 4, 5, OBJECT_PERSON, 1, &want);
    decode_once(&head_outrider, &io, -1, W, H, &out);
    cr_assert_eq(out.n_detections, 2);
    cr_assert_eq(out.detection[0].class, OBJECT_BUS);
    cr_assert_eq(out.detection[1].class, OBJECT_PERSON);
}

/* The line of a boundary through cells from (bottom, left_at_bottom) on, `lean` columns a row. */
static void put_line(int boundary, int bottom, int top, float column, float lean)
{
    for (int row = bottom; row >= top; row--, column += lean) {
        const int c = (int)floorf(column);

        *at(lanes, OWN_LINE + boundary, row, c) = 3;
        *at(lanes, OWN_LINE_X + boundary, row, c) = column - (float)c - 0.5f;
        *at(lanes, OWN_LINE_SCALE + boundary, row, c) = logf(0.2f);
        *at(lanes, OWN_TYPE + LANE_TYPE_DASHED - 1, row, c) = 5;
        *at(lanes, OWN_COLOR + LANE_COLOR_YELLOW - 1, row, c) = 5;
    }
}

static const struct lane_curve *curve_of(enum lane_kind kind, int role)
{
    for (int i = 0; i < out.n_curves; i++)
        if (out.curve[i].kind == kind && out.curve[i].role == role)
            return &out.curve[i];
    return NULL;
}

Test(outrider, lines_by_role_with_type_and_colour)
{
    const struct head_io io = all_outputs();
    const struct lane_curve *left, *right;

    put_line(1, ROWS - 1, 4, 3.25f, 0.8f);
    put_line(2, ROWS - 1, 4, 16.75f, -1.6f);
    *at(lanes, OWN_LINE + 1, 6, 8) = -1; /* weak in a row of its own: the path goes on */
    *at(lanes, OWN_LINE + 1, 2, 18) = 3; /* a lonely cell */
    decode_once(&head_outrider, &io, -1, W, H, &out);
    cr_assert_eq(out.n_curves, 2);
    left = curve_of(LANE_LINE, 1);
    right = curve_of(LANE_LINE, -1);
    cr_assert(left && right);
    cr_assert_eq(left->n, 8);
    cr_assert_eq(left->type, LANE_TYPE_DASHED);
    cr_assert_eq(left->color, LANE_COLOR_YELLOW);
    cr_assert_gt(left->type_share, 0.9f);
    for (int i = 0; i < left->n; i++) {
        cr_assert_float_eq(left->point[i].x, 8 * (3.25f + 0.8f * (float)i), 1e-3);
        cr_assert_float_eq(left->point[i].y, H - 4 - 8 * (float)i, 1e-3);
        cr_assert_float_eq(left->point[i].sigma_x, sqrtf(2) * 0.2f * 8, 1e-3);
        cr_assert_float_eq(right->point[i].x, 8 * (16.75f - 1.6f * (float)i), 1e-3);
    }
}

Test(outrider, a_line_goes_on_to_the_bottom_unseen)
{
    const struct head_io io = all_outputs();
    const struct lane_curve *left;

    put_line(1, ROWS - 5, 3, 6.5f, 1);
    decode_once(&head_outrider, &io, -1, W, H, &out);
    left = curve_of(LANE_LINE, 1);
    cr_assert(left);
    cr_assert_eq(left->n, 5 + 4);
    for (int i = 0; i < 4; i++) {
        cr_assert_float_eq(left->point[i].y, H - 4 - 8 * (float)i, 1e-3);
        cr_assert_float_eq(left->point[i].x, 8 * (2.5f + (float)i), 1e-2);
        cr_assert_eq(left->point[i].seen, 0);
        cr_assert_gt(left->point[i].sigma_x, left->point[i + 1].sigma_x);
    }
    cr_assert_gt(left->point[4].seen, 0.5f);
}

Test(outrider, a_line_goes_on_beside_one_that_is_seen_farther)
{
    const struct head_io io = all_outputs();
    const struct lane_curve *left, *right;

    put_line(1, ROWS - 1, 6, 3.5f, 0.5f); /* the lines meet in row 1 */
    put_line(2, ROWS - 1, 2, 14.5f, -0.6f);
    decode_once(&head_outrider, &io, -1, W, H, &out);
    left = curve_of(LANE_LINE, 1);
    right = curve_of(LANE_LINE, -1);
    cr_assert(left && right);
    cr_assert_eq(right->n, 10);
    cr_assert_eq(left->n, 10, "%d", left->n);
    for (int i = 6; i < left->n; i++) {
        cr_assert_float_eq(left->point[i].x, 8 * (3.5f + 0.5f * (float)i), 0.5);
        cr_assert_eq(left->point[i].seen, 0);
    }
}

Test(outrider, an_edge_bounds_our_lane_where_no_line_does)
{
    const struct head_io io = all_outputs();

    put_line(1, ROWS - 1, 4, 5, 0.5f);
    put_line(4, ROWS - 1, 4, 2, 0.5f);
    put_line(5, ROWS - 1, 4, 18, -0.5f);
    decode_once(&head_outrider, &io, -1, W, H, &out);
    cr_assert_eq(out.n_curves, 3);
    cr_assert(curve_of(LANE_LINE, 1));
    cr_assert(curve_of(LANE_ROAD_EDGE, 0));
    cr_assert(curve_of(LANE_ROAD_EDGE, -1));
}

/* The mask lies in the decoder, which so lives until it was looked at. */
Test(outrider, road_covers_the_picture_alone)
{
    const struct head_io io = all_outputs();
    const struct fit fit = fit_picture(&head_outrider.input, W, H / 2, W, H);
    struct why why;
    void *state;

    for (int i = 0; i < ROWS * COLUMNS; i++)
        ((float *)road->data)[i] = i / COLUMNS > 3 ? 9 : -9;
    cr_assert_eq(head_outrider.open(&io, &head_outrider.limits, &state, &why), OK, "%s", why.text);
    head_outrider.decode(state, &io, &fit, &out); /* the lower half shows nothing */
    cr_assert_eq(out.road.width, COLUMNS);
    cr_assert_eq(out.road.height, ROWS / 2);
    cr_assert_eq(out.road.probability[3 * COLUMNS], 0);
    cr_assert_eq(out.road.probability[4 * COLUMNS], 255);
    head_outrider.close(state);
}

Test(outrider, hostile_numbers_are_survived)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e9f, -1e9f};

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        const struct head_io io = all_outputs();

        for (int i = 0; i < io.n_outputs; i++)
            for (int64_t j = 0; j < tensor_count(io.output[i]); j++)
                ((float *)io.output[i]->data)[j] = j % 3 ? bad[k] : 1;
        decode_once(&head_outrider, &io, -1, W, H, &out);
        for (int i = 0; i < out.n_detections; i++)
            cr_assert(isfinite(out.detection[i].box_px.x1) &&
                      isfinite(out.detection[i].sigma_px[0]) &&
                      isfinite(out.detection[i].distance_per_px));
        for (int i = 0; i < out.n_curves; i++)
            for (int n = 0; n < out.curve[i].n; n++)
                cr_assert(isfinite(out.curve[i].point[n].x) &&
                          isfinite(out.curve[i].point[n].sigma_x));
    }
}

Test(outrider, wrong_shapes_are_told)
{
    struct head_io io = all_outputs();
    struct why why;
    void *state;

    io.output[3] = TENSOR("lanes", 1, OWN_LANE - 1, ROWS, COLUMNS);
    cr_assert_not(head_outrider.recognise(&io));
    cr_assert_eq(head_outrider.open(&io, &head_outrider.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "lanes (1, 27"), "%s", why.text);
}

/* Out of the trainer, into the head. */
Test(outrider, a_network_of_the_trainer_is_read)
{
    static const char *const metadata[][2] = {{"outrider.decoder", "outrider"}};
    static uint8_t pixels[70 * 50 * 3];
    const struct train_export x = {.keep_norms = true, .n_metadata = 1, .metadata = metadata};
    const struct image picture = {pixels, 70, 50, 3 * 70};
    struct own_network n;
    struct folder f;
    struct train *t;
    struct head *head;
    struct why why;

    folder_make(&f);
    cr_assert(train_open(&(struct train_options){.cpu_mask = ~0u, .seed = 1}, &t) == OK);
    own_network_build(t, 1, 64, 96, &n);
    cr_assert(train_plan(t, &(struct train_recipe){.rate = 1e-3f}, &why) == OK, "%s", why.text);
    own_network_start(t);
    cr_assert(train_export(t, folder_path(&f, "own.onnx"), &x, &why) == OK, "%s", why.text);
    train_close(t);
    cr_assert(head_open(&(struct head_config){.model = folder_path(&f, "own.onnx"),
                                              .score_min = NAN,
                                              .nms_iou = NAN,
                                              .cpu_mask = ~0u},
                        &head, &why) == OK,
              "%s", why.text);
    cr_assert_str_eq(head_decoder(head), "outrider");
    cr_assert_eq(head_gives(head), (unsigned)(HEAD_OBJECTS | HEAD_LANES | HEAD_ROAD));
    cr_assert(head_run(head, &picture, &out, &why) == OK, "%s", why.text);
    cr_assert_eq(out.road.width, 12);
    head_close(head);
    folder_remove(&f);
}
