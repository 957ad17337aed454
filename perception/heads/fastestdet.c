/* FastestDet: one output (1, 5 + C, H, W), one box a cell of the grid of stride 16: objectness,
 * offset of the centre in cells before tanh, size as a share of the picture before the sigmoid,
 * class probabilities. */
#include "perception/heads/decoder.h"
#include "perception/heads/nms.h"

#include <math.h>
#include <stdlib.h>

#define NAME "fastestdet"

enum { STRIDE = 16 };

struct fastestdet {
    struct head_limits limits;
    int width, height;   /* cells */
    const float *planes; /* (5 + classes, height, width) */
    struct class_map map;
    struct candidates found;
};

/* See nms.h. */
static const struct box_spread spread = {.width = 0.05f, .height = 0.06f, .input_px = 1.4f};

static bool fastestdet_recognise(const struct head_io *io)
{
    int64_t height = io->input[io->picture]->dim[2], width = io->input[io->picture]->dim[3];

    return io->n_outputs == 1 && height % STRIDE == 0 && width % STRIDE == 0 &&
           TENSOR_IS(io->output[0], 1, -1, height / STRIDE, width / STRIDE) &&
           io->output[0]->dim[1] > 5 && io->output[0]->dim[1] <= 5 + CLASS_MAP_MAX;
}

static enum err fastestdet_open(const struct head_io *io, const struct head_limits *limits,
                                void **state, struct why *why)
{
    struct class_map map;
    struct fastestdet *f;
    enum err e;

    if (!fastestdet_recognise(io))
        return head_mismatch(io, NAME, "one output (1, 5 + classes, height / 16, width / 16)", why);
    if ((e = class_map_coco(io->classes, (int)io->output[0]->dim[1] - 5, &map, why)) != OK)
        return e;
    f = malloc(sizeof *f);
    if (!f)
        return err_say(why, ERR_NOMEM, "no memory for decoder '" NAME "'");
    *f = (struct fastestdet){.limits = *limits,
                             .width = (int)io->output[0]->dim[3],
                             .height = (int)io->output[0]->dim[2],
                             .planes = tensor_f32(io->output[0]),
                             .map = map};
    *state = f;
    return OK;
}

/* The box of cell i in px of the picture; value k of the cell lies k planes on. */
static struct box fastestdet_box(const struct fastestdet *f, int i, const struct fit *fit)
{
    const float *v = f->planes + i;
    const int plane = f->width * f->height, line = i / f->width, column = i % f->width;
    const float x_scale = (float)fit->input_width * fit->x_scale;
    const float y_scale = (float)fit->input_height * fit->y_scale;
    float cx = ((float)column + tanhf(v[plane])) / (float)f->width * x_scale;
    float cy = ((float)line + tanhf(v[2 * plane])) / (float)f->height * y_scale;
    float width = head_sigmoid(v[3 * plane]) * x_scale,
          height = head_sigmoid(v[4 * plane]) * y_scale;

    return (struct box){cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2};
}

static void fastestdet_decode(void *state, const struct head_io *io, const struct fit *fit,
                              struct perceived *out)
{
    struct fastestdet *f = state;
    const int plane = f->width * f->height;

    (void)io;
    f->found.n = 0;
    for (int i = 0; i < plane; i++) {
        float object = powf(f->planes[i], 0.6f);

        if (!(object > f->limits.score_min)) /* no class makes it more */
            continue;
        struct box px = fastestdet_box(f, i, fit);

        for (int c = 0; c < f->map.n; c++) {
            float score = object * powf(f->planes[i + (5 + c) * plane], 0.4f);

            if (f->map.class[c] >= 0 && score > f->limits.score_min)
                candidates_add(&f->found, &px, score, f->map.class[c], i);
        }
    }
    candidates_detections(&f->found, f->limits.nms_iou, fit, &spread, out);
}

const struct head_decoder head_fastestdet = {
    .name = NAME,
    .gives = HEAD_OBJECTS,
    .input = {.aspect_width = 4,
              .aspect_height = 3,
              .stretch_max = 1.5f,
              .bgr = true,
              .scale = 1 / 255.0f},
    .limits = {.score_min = 0.5f, .nms_iou = 0.45f},
    .recognise = fastestdet_recognise,
    .open = fastestdet_open,
    .decode = fastestdet_decode,
    .close = free,
};
