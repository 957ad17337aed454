/* YOLOX: one output (1, N, 5 + C), the cells of the grids of stride 8, 16 and 32, each grid by
 * rows: centre x y in cells from the cell's corner, log of width and height in strides, objectness
 * and class probabilities. Any input size that 32 divides. */
#include "perception/heads/decoder.h"
#include "perception/heads/nms.h"

#include <math.h>
#include <stdlib.h>

#define NAME "yolox"

static const int strides[] = {8, 16, 32};
enum { STRIDES = 3 };

struct yolox {
    struct head_limits limits;
    int width, height; /* px of the input */
    int n_classes;
    const float *rows; /* (N, 5 + n_classes) */
    struct class_map map;
    struct candidates found;
};

/* The nano size; see nms.h. */
static const struct box_spread spread = {.width = 0.018f, .height = 0.04f, .input_px = 1.2f};

static bool yolox_recognise(const struct head_io *io)
{
    int64_t height = io->input[io->picture]->dim[2], width = io->input[io->picture]->dim[3];
    int64_t cells = 0;

    for (int s = 0; s < STRIDES; s++)
        cells += (width / strides[s]) * (height / strides[s]);
    return io->n_outputs == 1 && width % 32 == 0 && height % 32 == 0 &&
           TENSOR_IS(io->output[0], 1, cells, -1) && io->output[0]->dim[2] > 5 &&
           io->output[0]->dim[2] <= 5 + CLASS_MAP_MAX;
}

static enum err yolox_open(const struct head_io *io, const struct head_limits *limits, void **state,
                           struct why *why)
{
    struct class_map map;
    struct yolox *y;
    enum err e;

    if (!yolox_recognise(io))
        return head_mismatch(io, NAME,
                             "one output (1, cells of strides 8, 16 and 32, 5 + classes) "
                             "for an input that 32 divides",
                             why);
    if ((e = class_map_coco(io->classes, (int)io->output[0]->dim[2] - 5, &map, why)) != OK)
        return e;
    y = malloc(sizeof *y);
    if (!y)
        return err_say(why, ERR_NOMEM, "no memory for decoder '" NAME "'");
    *y = (struct yolox){.limits = *limits,
                        .width = (int)io->input[io->picture]->dim[3],
                        .height = (int)io->input[io->picture]->dim[2],
                        .n_classes = map.n,
                        .rows = tensor_f32(io->output[0]),
                        .map = map};
    *state = y;
    return OK;
}

/* Every class of ours that row i, at cell (column, line) of a stride, is sure enough of. */
static void yolox_row(struct yolox *y, int i, int column, int line, float stride,
                      const struct fit *fit)
{
    const float *v = y->rows + (size_t)i * (size_t)(5 + y->n_classes);

    if (!(v[4] > y->limits.score_min)) /* no class makes it more */
        return;
    float cx = (v[0] + (float)column) * stride, cy = (v[1] + (float)line) * stride;
    float width = expf(v[2]) * stride, height = expf(v[3]) * stride;
    struct box px = {(cx - width / 2) * fit->x_scale, (cy - height / 2) * fit->y_scale,
                     (cx + width / 2) * fit->x_scale, (cy + height / 2) * fit->y_scale};

    for (int c = 0; c < y->n_classes; c++) {
        float score = v[4] * v[5 + c];

        if (y->map.class[c] >= 0 && score > y->limits.score_min)
            candidates_add(&y->found, &px, score, y->map.class[c], i);
    }
}

static void yolox_decode(void *state, const struct head_io *io, const struct fit *fit,
                         struct perceived *out)
{
    struct yolox *y = state;
    int i = 0;

    (void)io;
    y->found.n = 0;
    for (int s = 0; s < STRIDES; s++)
        for (int line = 0; line < y->height / strides[s]; line++)
            for (int column = 0; column < y->width / strides[s]; column++)
                yolox_row(y, i++, column, line, (float)strides[s], fit);
    candidates_detections(&y->found, y->limits.nms_iou, fit, &spread, out);
}

const struct head_decoder head_yolox = {
    .name = NAME,
    .gives = HEAD_OBJECTS,
    .input = {.stretch_max = 1, .fill = 114, .bgr = true, .scale = 1},
    .limits = {.score_min = 0.3f, .nms_iou = 0.45f},
    .recognise = yolox_recognise,
    .open = yolox_open,
    .decode = yolox_decode,
    .close = free,
};
