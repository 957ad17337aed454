#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "tests/heads.h"

static struct perceived out;

Test(fastestdet, golden)
{
    static const int coco[][2] = {{2, OBJECT_CAR}, {7, OBJECT_TRUCK}, {-1, 0}};

    check_golden_detections(&head_fastestdet, "fastestdet", -1, coco);
}

enum { LINES = 4, COLUMNS = 6, PLANE = LINES * COLUMNS };

static struct head_io grid(void)
{
    struct head_io io = io_new(16 * LINES, 16 * COLUMNS);

    io_output(&io, TENSOR("output", 1, 85, LINES, COLUMNS));
    return io;
}

static float *cell(const struct head_io *io, int line, int column, int k)
{
    return (float *)io->output[0]->data + k * PLANE + line * COLUMNS + column;
}

static float logit(float p)
{
    return logf(p / (1 - p));
}

Test(fastestdet, known_boxes_come_back)
{
    static const int sizes[][2] = {{960, 540}, {1242, 375}, {97, 341}, {1, 3}, {1001, 667}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct head_io io = grid();
        float width = (float)sizes[s][0], height = (float)sizes[s][1];
        struct box want = {0.12f * width, 0.3f * height, 0.5f * width, 0.44f * height};
        struct fit fit =
            fit_picture(&head_fastestdet.input, sizes[s][0], sizes[s][1], 16 * COLUMNS, 16 * LINES);
        float x = (float)fit.width / (16 * COLUMNS), y = (float)fit.height / (16 * LINES);
        float cx = 0.31f * x * COLUMNS, cy = 0.37f * y * LINES;

        *cell(&io, (int)cy, (int)cx, 0) = 0.9f;
        *cell(&io, (int)cy, (int)cx, 1) = atanhf(cx - floorf(cx));
        *cell(&io, (int)cy, (int)cx, 2) = atanhf(cy - floorf(cy));
        *cell(&io, (int)cy, (int)cx, 3) = logit(0.38f * x);
        *cell(&io, (int)cy, (int)cx, 4) = logit(0.14f * y);
        *cell(&io, (int)cy, (int)cx, 5 + 5) = 0.7f;
        *cell(&io, (int)cy, (int)cx, 5 + 6) = 0.9f; /* a train: not ours */
        decode_once(&head_fastestdet, &io, -1, sizes[s][0], sizes[s][1], &out);
        cr_assert_eq(out.n_detections, 1);
        struct detection d = out.detection[0];
        cr_assert_eq(d.class, OBJECT_BUS);
        cr_assert_float_eq(d.score, pow(0.9, 0.6) * pow(0.7, 0.4), 1e-5);
        cr_assert_leq(fabsf(d.box_px.x1 - want.x1), 0.01f);
        cr_assert_leq(fabsf(d.box_px.y1 - want.y1), 0.01f);
        cr_assert_leq(fabsf(d.box_px.x2 - want.x2), 0.01f);
        cr_assert_leq(fabsf(d.box_px.y2 - want.y2), 0.01f);
    }
}

Test(fastestdet, numbers_that_are_none)
{
    struct head_io io = grid();
    const float odd[] = {NAN, INFINITY, -INFINITY};

    for (int k = 0; k < 3; k++)
        for (int field = 0; field < 6; field++) {
            *cell(&io, k, field, 0) = *cell(&io, k, field, 5) = 1;
            *cell(&io, k, field, field) = odd[k];
        }
    decode_once(&head_fastestdet, &io, 0, 960, 540, &out);
    for (int i = 0; i < out.n_detections; i++) {
        struct detection d = out.detection[i];

        cr_assert(d.score >= 0 && d.score <= 1 && d.box_px.x1 >= 0 && d.box_px.x1 < d.box_px.x2 &&
                  d.box_px.x2 <= 960 && d.box_px.y1 >= 0 && d.box_px.y1 < d.box_px.y2 &&
                  d.box_px.y2 <= 540);
    }
}

Test(fastestdet, other_shapes_are_not_recognised)
{
    struct head_io masks = io_new(64, 96), strided = io_new(64, 96);

    io_output(&masks, TENSOR("da", 1, 2, 64, 96));
    cr_assert_not(head_fastestdet.recognise(&masks));
    io_output(&strided, TENSOR("output", 1, 85, 8, 12));
    cr_assert_not(head_fastestdet.recognise(&strided));
}
