/* Lane-line and drivable-area masks (TwinLiteNet, Che et al. 2023): two outputs of two class logits
 * per pixel, of any size, each covering the whole picture. */
#include "perception/heads/decoder.h"
#include "perception/heads/lane_trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TABLE = 1024 }; /* logit difference -> probability, to less than one step of 255 */
static const float TABLE_RANGE = 8;

struct lane_masks {
    int line, road; /* which output is which */
    float score_min;
    struct lane_trace *trace;
    uint8_t *probability; /* (H, W) of the road */
    uint8_t table[TABLE];
};

static bool is_mask(const struct tensor *t)
{
    return TENSOR_IS(t, 1, 2, -1, -1) && t->dim[2] >= 16 && t->dim[3] >= 16 &&
           t->dim[2] <= LANE_TRACE_MAX_SIDE && t->dim[3] <= LANE_TRACE_MAX_SIDE;
}

static bool masks_recognise(const struct head_io *io)
{
    return io->n_outputs == 2 && is_mask(io->output[0]) && is_mask(io->output[1]);
}

static bool names_lines(const char *name)
{
    return strncasecmp(name, "lane", 4) == 0 || strncasecmp(name, "ll", 2) == 0;
}

static void masks_close(void *state)
{
    struct lane_masks *m = state;

    if (!m)
        return;
    lane_trace_close(m->trace);
    free(m->probability);
    free(m);
}

static enum err masks_open(const struct head_io *io, const struct head_limits *limits, void **state,
                           struct why *why)
{
    static const char expected[] = "two outputs (1, 2, H, W), 16 to 2048 a side";

    *state = NULL;
    if (!masks_recognise(io))
        return head_mismatch(io, "lane-masks", expected, why);
    struct lane_masks *m = calloc(1, sizeof *m);
    if (!m)
        return err_say(why, ERR_NOMEM, "lane-masks: no memory");
    /* The family's order is road, lines; a model that names them may have it the other way. */
    m->line = names_lines(io->output[0]->name) && !names_lines(io->output[1]->name) ? 0 : 1;
    m->road = 1 - m->line;
    m->score_min = limits->score_min;
    for (int i = 0; i < TABLE; i++) {
        float d = ((float)i + 0.5f - TABLE / 2.0f) * (2 * TABLE_RANGE / TABLE);

        m->table[i] = (uint8_t)lrintf(255 / (1 + expf(-d)));
    }
    const int64_t *line = io->output[m->line]->dim, *road = io->output[m->road]->dim;
    enum err e = lane_trace_open((int)line[3], (int)line[2], &m->trace, why);
    if (e == OK && !(m->probability = malloc((size_t)road[2] * (size_t)road[3])))
        e = err_say(why, ERR_NOMEM, "lane-masks: no memory");
    if (e != OK) {
        masks_close(m);
        return e;
    }
    *state = m;
    return OK;
}

static void lines_decode(struct lane_masks *m, const struct tensor *t, const struct fit *fit,
                         struct perceived *out)
{
    const float *logit = tensor_f32(t);
    const struct lane_mask mask = {
        .other = logit,
        .line = logit + t->dim[2] * t->dim[3],
        .width = head_covered(t->dim[3], fit->width, fit->input_width),
        .height = head_covered(t->dim[2], fit->height, fit->input_height),
        .stride = (int)t->dim[3],
        .x_scale = fit->x_scale * (float)fit->input_width / (float)t->dim[3],
        .y_scale = fit->y_scale * (float)fit->input_height / (float)t->dim[2],
        .picture_width = fit->picture_width,
        .picture_height = fit->picture_height,
    };

    lane_trace_run(m->trace, &mask, m->score_min, out);
}

static void road_decode(struct lane_masks *m, const struct tensor *t, const struct fit *fit,
                        struct perceived *out)
{
    const int width = head_covered(t->dim[3], fit->width, fit->input_width);
    const int height = head_covered(t->dim[2], fit->height, fit->input_height);
    const int64_t plane = t->dim[2] * t->dim[3];

    for (int y = 0; y < height; y++) {
        const float *other = tensor_f32(t) + y * t->dim[3], *road = other + plane;
        uint8_t *p = m->probability + (ptrdiff_t)y * width;

        for (int x = 0; x < width; x++) {
            float at = (road[x] - other[x]) * (TABLE / (2 * TABLE_RANGE)) + TABLE / 2.0f;

            p[x] = m->table[(int)fminf(fmaxf(at, 0), TABLE - 1)]; /* NAN reads as 0 */
        }
    }
    out->road = (struct road_mask){width, height, m->probability};
}

static void masks_decode(void *state, const struct head_io *io, const struct fit *fit,
                         struct perceived *out)
{
    struct lane_masks *m = state;

    lines_decode(m, io->output[m->line], fit, out);
    road_decode(m, io->output[m->road], fit, out);
}

const struct head_decoder head_lane_masks = {
    .name = "lane-masks",
    .gives = HEAD_LANES | HEAD_ROAD,
    .input = {.aspect_width = 16, .aspect_height = 9, .stretch_max = 1.5f, .scale = 1.0f / 255},
    .limits = {.score_min = 0.3f, .nms_iou = NAN},
    .recognise = masks_recognise,
    .open = masks_open,
    .decode = masks_decode,
    .close = masks_close,
};
