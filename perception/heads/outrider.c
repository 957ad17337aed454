/* Our own network (heads/outrider.h): its objects and its road. Its lanes: outrider_lanes.c. */
#include "perception/heads/outrider.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "perception/heads/decoder.h"
#include "perception/heads/nms.h"
#include "perception/heads/outrider_lanes.h"

#define NAME "outrider"

struct level {
    int stride, width, height, first; /* first: index of its first cell among all */
    const float *plane;               /* (OWN_OBJECT, height, width) */
};

struct own {
    struct head_limits limits;
    struct level level[OWN_LEVELS];
    const float *road; /* (input height / 8, input width / 8) logits */
    uint8_t *probability;
    struct own_lanes lanes;
    struct candidates found;
};

static const struct tensor *find_output(const struct head_io *io, const char *name, int channels,
                                        int stride)
{
    const int64_t *in = io->input[io->picture]->dim;
    const struct tensor *t = head_output(io, name);

    return t && TENSOR_IS(t, 1, channels, in[2] / stride, in[3] / stride) ? t : NULL;
}

static const struct tensor *find_level(const struct head_io *io, int i)
{
    char name[16];

    snprintf(name, sizeof name, "objects%d", 8 << i);
    return find_output(io, name, OWN_OBJECT, 8 << i);
}

static bool own_recognise(const struct head_io *io)
{
    const int64_t *in = io->input[io->picture]->dim;

    return in[2] % 32 == 0 && in[3] % 32 == 0 && find_level(io, 0) && find_level(io, 1) &&
           find_level(io, 2) && find_output(io, "lanes", OWN_LANE, 8) &&
           find_output(io, "road", 1, 8);
}

static void own_close(void *state)
{
    struct own *o = state;

    if (!o)
        return;
    own_lanes_finish(&o->lanes);
    free(o->probability);
    free(o);
}

static enum err own_open(const struct head_io *io, const struct head_limits *limits, void **state,
                         struct why *why)
{
    static const char expected[] =
        "objects8, objects16, objects32 (1, 18, H / 8, W / 8) and so on, lanes (1, 27, H / 8, "
        "W / 8) and road (1, 1, H / 8, W / 8) for an input that 32 divides";
    struct own *o;
    int first = 0;

    *state = NULL;
    if (!own_recognise(io))
        return head_mismatch(io, NAME, expected, why);
    if (!(o = calloc(1, sizeof *o)))
        return err_say(why, ERR_NOMEM, "no memory for decoder '" NAME "'");
    o->limits = *limits;
    for (int i = 0; i < OWN_LEVELS; i++) {
        const struct tensor *t = find_level(io, i);

        o->level[i] = (struct level){8 << i, (int)t->dim[3], (int)t->dim[2], first, tensor_f32(t)};
        first += o->level[i].width * o->level[i].height;
    }
    o->road = tensor_f32(head_output(io, "road"));
    o->probability = malloc((size_t)o->level[0].width * (size_t)o->level[0].height);
    if (!o->probability || own_lanes_init(&o->lanes, tensor_f32(head_output(io, "lanes")),
                                          o->level[0].width, o->level[0].height) != OK) {
        own_close(o);
        return err_say(why, ERR_NOMEM, "no memory for decoder '" NAME "'");
    }
    *state = o;
    return OK;
}

/* ---- objects ------------------------------------------------------------------------------- */

/* A car is never a truck as well: what vehicles there are compete for a box. */
static int rival(int class)
{
    return class == OBJECT_TRUCK || class == OBJECT_BUS ? OBJECT_CAR : class;
}

static float number(const struct level *l, int channel, int cell)
{
    return l->plane[(size_t)channel * (size_t)(l->width * l->height) + (size_t)cell];
}

/* The class of a cell, and its logit. */
static int best_class(const struct level *l, int cell, float *logit)
{
    int best = 0;

    for (int c = 1; c < OWN_CLASSES; c++)
        if (number(l, OWN_SCORE + c, cell) > number(l, OWN_SCORE + best, cell))
            best = c;
    *logit = number(l, OWN_SCORE + best, cell);
    return best;
}

static void add_cells(struct own *o, const struct level *l, const struct fit *fit)
{
    const float least = logf(o->limits.score_min / (1 - o->limits.score_min));
    const float sx = fit->x_scale * (float)l->stride, sy = fit->y_scale * (float)l->stride;

    for (int i = 0; i < l->width * l->height; i++) {
        const int row = i / l->width, column = i % l->width;
        const float x = (float)column + 0.5f, y = (float)row + 0.5f;
        float logit;
        const int class = best_class(l, i, &logit);

        if (!(logit > least))
            continue;
        const struct box px = {
            (x + number(l, OWN_BOX, i)) * sx, (y + number(l, OWN_BOX + 1, i)) * sy,
            (x + number(l, OWN_BOX + 2, i)) * sx, (y + number(l, OWN_BOX + 3, i)) * sy};
        candidates_add(&o->found, &px, head_sigmoid(logit), rival(class), l->first + i);
    }
}

/* Laplace's b, as logarithm -> standard deviation. */
static float deviation(float log_b)
{
    return 1.41421356f * expf(fminf(fmaxf(log_b, -10), 10));
}

static void add_detection(const struct own *o, const struct candidate *c, const struct fit *fit,
                          struct perceived *out)
{
    const struct level *l = o->level;
    float sigma[4], logit;

    while (l < o->level + OWN_LEVELS - 1 && c->index >= l[1].first)
        l++;
    const int cell = c->index - l->first;
    for (int i = 0; i < 4; i++)
        sigma[i] = deviation(number(l, OWN_BOX_SCALE + i, cell)) * (float)l->stride *
                   (i % 2 ? fit->y_scale : fit->x_scale);
    struct detection *d = candidate_detection(c, fit, sigma, out);
    if (!d)
        return;
    d->class = (enum object_class)best_class(l, cell, &logit);
    d->distance_per_px =
        expf(fminf(number(l, OWN_DISTANCE, cell), 10)) / ((float)OWN_FOCAL * fit->x_scale);
    d->distance_sigma = deviation(number(l, OWN_DISTANCE_SCALE, cell));
}

static void objects_decode(struct own *o, const struct fit *fit, struct perceived *out)
{
    o->found.n = 0;
    for (int i = 0; i < OWN_LEVELS; i++)
        add_cells(o, &o->level[i], fit);
    candidates_suppress(&o->found, o->limits.nms_iou);
    for (int i = 0; i < o->found.n; i++)
        add_detection(o, &o->found.item[i], fit, out);
}

/* ---- road ---------------------------------------------------------------------------------- */

static void road_decode(struct own *o, const struct fit *fit, struct perceived *out)
{
    const int width = head_covered(o->level[0].width, fit->width, fit->input_width),
              height = head_covered(o->level[0].height, fit->height, fit->input_height);

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const float p = 255 * head_sigmoid(o->road[y * o->level[0].width + x]);

            o->probability[y * width + x] = (uint8_t)(p > 0 ? p + 0.5f : 0); /* NAN reads as 0 */
        }
    out->road = (struct road_mask){width, height, o->probability};
}

static void own_decode(void *state, const struct head_io *io, const struct fit *fit,
                       struct perceived *out)
{
    struct own *o = state;

    (void)io;
    objects_decode(o, fit, out);
    own_lanes_decode(&o->lanes, fit, out);
    road_decode(o, fit, out);
}

const struct head_decoder head_outrider = {
    .name = NAME,
    .gives = HEAD_OBJECTS | HEAD_LANES | HEAD_ROAD,
    .input = {.stretch_max = 1,
              .fill = 128,
              .scale = 1.0f / 255,
              .mean = {0.5f, 0.5f, 0.5f},
              .deviation = {0.25f, 0.25f, 0.25f}},
    .limits = {.score_min = 0.3f, .nms_iou = 0.6f},
    .recognise = own_recognise,
    .open = own_open,
    .decode = own_decode,
    .close = own_close,
};
