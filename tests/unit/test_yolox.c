#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/heads.h"

static struct perceived out;

static const int coco[][2] = {
    {0, OBJECT_PERSON},        {1, OBJECT_BICYCLE},       {2, OBJECT_CAR},
    {3, OBJECT_MOTORCYCLE},    {5, OBJECT_BUS},           {7, OBJECT_TRUCK},
    {9, OBJECT_TRAFFIC_LIGHT}, {11, OBJECT_TRAFFIC_SIGN}, {-1, 0}};

Test(yolox, golden)
{
    check_golden_detections(&head_yolox, "yolox_nano", -1, coco);
}

/* Cells of the grids of stride 8 and 16 for an input of 64 x 96. */
enum { GRID_8 = 8 * 12, GRID_16 = 4 * 6, GRID_32 = 2 * 3, CELLS = GRID_8 + GRID_16 + GRID_32 };

static struct head_io grid(int classes)
{
    struct head_io io = io_new(64, 96);

    io_output(&io, TENSOR("output", 1, CELLS, 5 + classes));
    return io;
}

static float *row(const struct head_io *io, int i)
{
    return (float *)io->output[0]->data + (size_t)i * (size_t)io->output[0]->dim[2];
}

/* A box that is known in the picture, written as the network would, comes back within half a
 * pixel: any stride, any picture, also where the letterbox rounds. */
Test(yolox, known_boxes_come_back)
{
    static const int sizes[][2] = {{960, 540}, {1242, 375}, {97, 341}, {33, 33}, {1001, 667}};
    static const struct {
        int stride, columns, first;
    } grids[] = {{8, 12, 0}, {16, 6, GRID_8}, {32, 3, GRID_8 + GRID_16}};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int g = 0; g < 3; g++) {
            struct head_io io = grid(80);
            int width = sizes[s][0], height = sizes[s][1];
            struct fit fit = fit_picture(&head_yolox.input, width, height, 96, 64);
            struct box want = {0.31f * (float)width, 0.22f * (float)height, 0.77f * (float)width,
                               0.93f * (float)height};
            float cx = (want.x1 + want.x2) / 2 / fit.x_scale / (float)grids[g].stride;
            float cy = (want.y1 + want.y2) / 2 / fit.y_scale / (float)grids[g].stride;
            int column = (int)cx, line = (int)cy;
            float *v = row(&io, grids[g].first + line * grids[g].columns + column);

            v[0] = cx - (float)column;
            v[1] = cy - (float)line;
            v[2] = logf((want.x2 - want.x1) / fit.x_scale / (float)grids[g].stride);
            v[3] = logf((want.y2 - want.y1) / fit.y_scale / (float)grids[g].stride);
            v[4] = 0.9f;
            v[5 + 7] = 0.8f;
            decode_once(&head_yolox, &io, -1, width, height, &out);
            cr_assert_eq(out.n_detections, 1);
            struct detection d = out.detection[0];
            cr_assert_eq(d.class, OBJECT_TRUCK);
            cr_assert_float_eq(d.score, 0.72, 1e-5);
            cr_assert_leq(fabsf(d.box_px.x1 - want.x1), 0.01f);
            cr_assert_leq(fabsf(d.box_px.y1 - want.y1), 0.01f);
            cr_assert_leq(fabsf(d.box_px.x2 - want.x2), 0.01f);
            cr_assert_leq(fabsf(d.box_px.y2 - want.y2), 0.01f);
        }
}

Test(yolox, classes_of_the_road_only)
{
    struct head_io io = grid(80);

    for (int c = 0; c < 80; c++) { /* one class a cell, far from each other */
        float *v = row(&io, c);

        v[2] = v[3] = -3;
        v[4] = v[5 + c] = 1;
    }
    decode_once(&head_yolox, &io, -1, 960, 640, &out);
    cr_assert_eq(out.n_detections, 8);
    for (int i = 0; i < 8; i++)
        cr_assert_eq((int)out.detection[i].class, coco[i][1]);
}

Test(yolox, own_classes)
{
    struct head_io io = grid(2);
    struct why why;
    void *state;

    cr_assert_eq(head_yolox.open(&io, &head_yolox.limits, &state, &why), ERR_MISMATCH);
    cr_assert(strstr(why.text, "outrider.classes"), "%s", why.text);
    io.classes = "cyclist,bus";
    row(&io, 5)[4] = row(&io, 5)[6] = 1;
    decode_once(&head_yolox, &io, -1, 96, 64, &out);
    cr_assert_eq(out.n_detections, 1);
    cr_assert_eq(out.detection[0].class, OBJECT_BUS);
}

Test(yolox, numbers_that_are_none)
{
    struct head_io io = grid(80);
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f};

    for (int k = 0; k < 4; k++)
        for (int field = 0; field < 6; field++) {
            float *v = row(&io, 6 * k + field);

            v[4] = v[5 + 2] = 1;
            v[field < 5 ? field : 7] = odd[k];
        }
    decode_once(&head_yolox, &io, 0, 960, 540, &out);
    for (int i = 0; i < out.n_detections; i++) /* exp(-inf) and 1e30 off are boxes nowhere */
        cr_assert(isfinite(out.detection[i].score) && isfinite(out.detection[i].box_px.x1) &&
                  out.detection[i].box_px.x2 <= 960);
    cr_assert_eq(out.n_detections, 0);
}

Test(yolox, other_grids_are_not_recognised)
{
    struct head_io io = io_new(64, 96), odd = io_new(60, 96);

    io_output(&io, TENSOR("output", 1, CELLS + 1, 85));
    cr_assert_not(head_yolox.recognise(&io));
    io_output(&odd, TENSOR("output", 1, 12 * 7 + 6 * 3 + 3, 85));
    cr_assert_not(head_yolox.recognise(&odd));
}
