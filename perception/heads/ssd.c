/* SSD, the single shot detector, in the two forms that files come in:
 *   decoded: boxes (1, N, 4) x1 y1 x2 y2 as shares of the picture, scores (1, N, C)
 *   raw:     offsets (1, 4N) or (1, N, 4), scores (1, CN) or (1, N, C), priors (1, 2, 4N): the
 * prior boxes as x1 y1 x2 y2, then the four variances of each Scores are probabilities, class 0 is
 * the background. vehicle-detection-adas-0002 is of the first form and has one class. */
#include "perception/heads/decoder.h"
#include "perception/heads/nms.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME "ssd"

struct ssd {
    struct head_limits limits;
    int n, n_classes;                     /* boxes; columns of scores, with the background */
    const float *boxes, *scores, *priors; /* (n, 4), (n, n_classes), (2, n, 4) or NULL */
    struct class_map map;
    struct candidates found;
};

/* vehicle-detection-adas-0002; see nms.h. */
static const struct box_spread spread = {.width = 0.032f, .height = 0.055f, .input_px = 1.7f};

/* Length of a row if t is a list of n rows, (1, n, length) or (1, n * length); else 0. */
static int64_t row_length(const struct tensor *t, int64_t n)
{
    if (TENSOR_IS(t, 1, n, -1))
        return t->dim[2];
    if (TENSOR_IS(t, 1, -1) && t->dim[1] % n == 0)
        return t->dim[1] / n;
    return 0;
}

static bool find_decoded(const struct head_io *io, struct ssd *s)
{
    if (io->n_outputs != 2)
        return false;
    for (int i = 0; i < 2; i++) { /* the first that can be boxes */
        const struct tensor *boxes = io->output[i], *scores = io->output[1 - i];

        if (TENSOR_IS(boxes, 1, -1, 4) && TENSOR_IS(scores, 1, boxes->dim[1], -1) &&
            scores->dim[2] >= 2 && scores->dim[2] <= CLASS_MAP_MAX && boxes->dim[1] <= INT32_MAX) {
            *s = (struct ssd){.n = (int)boxes->dim[1],
                              .n_classes = (int)scores->dim[2],
                              .boxes = tensor_f32(boxes),
                              .scores = tensor_f32(scores)};
            return true;
        }
    }
    return false;
}

static bool find_raw(const struct head_io *io, struct ssd *s)
{
    static const int orders[][3] = {/* offsets, scores, priors */
                                    {0, 1, 2}, {0, 2, 1}, {1, 2, 0},
                                    {1, 0, 2}, {2, 0, 1}, {2, 1, 0}};

    if (io->n_outputs != 3)
        return false;
    for (int i = 0; i < 6; i++) {
        const struct tensor *boxes = io->output[orders[i][0]], *scores = io->output[orders[i][1]];
        const struct tensor *priors = io->output[orders[i][2]];

        if (!TENSOR_IS(priors, 1, 2, -1) || priors->dim[2] < 4 || priors->dim[2] % 4)
            continue;
        int64_t n = priors->dim[2] / 4, columns = row_length(scores, n);

        if (n > INT32_MAX || row_length(boxes, n) != 4 || columns < 2 || columns > CLASS_MAP_MAX)
            continue;
        *s = (struct ssd){.n = (int)n,
                          .n_classes = (int)columns,
                          .boxes = tensor_f32(boxes),
                          .scores = tensor_f32(scores),
                          .priors = tensor_f32(priors)};
        return true;
    }
    return false;
}

static bool ssd_recognise(const struct head_io *io)
{
    struct ssd s;

    return find_decoded(io, &s) || find_raw(io, &s);
}

static enum err ssd_open(const struct head_io *io, const struct head_limits *limits, void **state,
                         struct why *why)
{
    struct ssd found, *s;
    struct class_map map;
    const char *classes = io->classes;
    enum err e;

    if (!find_decoded(io, &found) && !find_raw(io, &found))
        return head_mismatch(io, NAME,
                             "boxes (1, N, 4) and scores (1, N, C), or offsets, scores "
                             "and priors (1, 2, 4N)",
                             why);
    if (!classes && found.n_classes == 2)
        classes = "vehicle";
    if ((e = class_map_coco(classes, found.n_classes - 1, &map, why)) != OK)
        return e;
    s = malloc(sizeof *s);
    if (!s)
        return err_say(why, ERR_NOMEM, "no memory for decoder '" NAME "'");
    *s = found;
    s->limits = *limits;
    s->map = map;
    *state = s;
    return OK;
}

/* Box i as shares of the picture. */
static struct box ssd_box(const struct ssd *s, int i)
{
    const float *b = s->boxes + 4 * (size_t)i;

    if (!s->priors)
        return (struct box){b[0], b[1], b[2], b[3]};
    const float *p = s->priors + 4 * (size_t)i, *variance = p + 4 * (size_t)s->n;
    float width = p[2] - p[0], height = p[3] - p[1];
    float cx = (p[0] + p[2]) / 2 + variance[0] * b[0] * width;
    float cy = (p[1] + p[3]) / 2 + variance[1] * b[1] * height;

    width *= expf(variance[2] * b[2]);
    height *= expf(variance[3] * b[3]);
    return (struct box){cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2};
}

static void ssd_decode(void *state, const struct head_io *io, const struct fit *fit,
                       struct perceived *out)
{
    struct ssd *s = state;
    const float x_scale = (float)fit->input_width * fit->x_scale;
    const float y_scale = (float)fit->input_height * fit->y_scale;

    (void)io;
    s->found.n = 0;
    for (int i = 0; i < s->n; i++)
        for (int c = 1; c < s->n_classes; c++) {
            float score = s->scores[(size_t)i * (size_t)s->n_classes + (size_t)c];
            int class = s->map.class[c - 1];

            if (!(score > s->limits.score_min) || class < 0)
                continue;
            struct box b = ssd_box(s, i);
            struct box px = {b.x1 * x_scale, b.y1 * y_scale, b.x2 * x_scale, b.y2 * y_scale};
            candidates_add(&s->found, &px, score, class, i);
        }
    candidates_detections(&s->found, s->limits.nms_iou, fit, &spread, out);
}

const struct head_decoder head_ssd = {
    .name = NAME,
    .gives = HEAD_OBJECTS,
    .input = {.stretch_max = 1.8f, .bgr = true, .scale = 1},
    .limits = {.score_min = 0.5f, .nms_iou = 0.45f},
    .recognise = ssd_recognise,
    .open = ssd_open,
    .decode = ssd_decode,
    .close = free,
};
