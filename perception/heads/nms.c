#include "perception/heads/nms.h"

#include <math.h>

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    return a->index != b->index ? a->index < b->index : a->class < b->class;
}

/* Let item[i] sink until nothing below it is worse. */
static void sink(struct candidates *c, int i)
{
    for (;;) {
        int worst = i;

        for (int child = 2 * i + 1; child <= 2 * i + 2 && child < c->n; child++)
            if (better(&c->item[worst], &c->item[child]))
                worst = child;
        if (worst == i)
            return;
        struct candidate swap = c->item[i];
        c->item[i] = c->item[worst];
        c->item[worst] = swap;
        i = worst;
    }
}

static void rise(struct candidates *c, int i)
{
    while (i > 0 && better(&c->item[(i - 1) / 2], &c->item[i])) {
        struct candidate swap = c->item[i];
        c->item[i] = c->item[(i - 1) / 2];
        c->item[(i - 1) / 2] = swap;
        i = (i - 1) / 2;
    }
}

void candidates_add(struct candidates *c, const struct box *box_px, float score, int class,
                    int index)
{
    struct candidate new = {*box_px, smaller(score, 1), class, index};
    float area = (box_px->x2 - box_px->x1) * (box_px->y2 - box_px->y1);

    if (!(score >= 0 && score < 1.001f))
        return;
    if (!isfinite(area) || !(box_px->x1 < box_px->x2 && box_px->y1 < box_px->y2))
        return;
    if (c->n < NMS_MAX_CANDIDATES) {
        c->item[c->n] = new;
        rise(c, c->n++);
    } else if (better(&new, &c->item[0])) {
        c->item[0] = new;
        sink(c, 0);
    }
}

float box_iou(const struct box *a, const struct box *b)
{
    float width = smaller(a->x2, b->x2) - larger(a->x1, b->x1);
    float height = smaller(a->y2, b->y2) - larger(a->y1, b->y1);

    if (!(width > 0 && height > 0))
        return 0;
    return width * height /
           ((a->x2 - a->x1) * (a->y2 - a->y1) + (b->x2 - b->x1) * (b->y2 - b->y1) - width * height);
}

/* Best first, from the heap (the C library's qsort may allocate). */
static void sort(struct candidates *c)
{
    int n = c->n;

    while (c->n > 1) {
        struct candidate worst = c->item[0];

        c->item[0] = c->item[--c->n];
        c->item[c->n] = worst;
        sink(c, 0);
    }
    c->n = n;
}

void candidates_suppress(struct candidates *c, float iou_max)
{
    int kept = 0;

    sort(c);
    for (int i = 0; i < c->n; i++) {
        bool keep = true;

        for (int k = 0; k < kept && keep; k++)
            keep = c->item[k].class != c->item[i].class ||
                   box_iou(&c->item[k].box_px, &c->item[i].box_px) <= iou_max;
        if (keep)
            c->item[kept++] = c->item[i];
    }
    c->n = kept;
}

static float clip(float v, float limit)
{
    return smaller(larger(v, 0), limit);
}

struct detection *candidate_detection(const struct candidate *c, const struct fit *fit,
                                      const float sigma_px[4], struct perceived *out)
{
    const float right = (float)fit->picture_width, bottom = (float)fit->picture_height;
    const struct box *b = &c->box_px;
    struct detection *d = &out->detection[out->n_detections];
    const struct box clipped = {clip(b->x1, right), clip(b->y1, bottom), clip(b->x2, right),
                                clip(b->y2, bottom)};

    if (out->n_detections == HEAD_MAX_DETECTIONS ||
        !(clipped.x1 < clipped.x2 && clipped.y1 < clipped.y2)) /* wholly outside */
        return NULL;
    *d = (struct detection){.box_px = clipped,
                            .sigma_px = {sigma_px[0], sigma_px[1], sigma_px[2], sigma_px[3]},
                            .score = c->score,
                            .class = (enum object_class)c->class};
    out->n_detections++;
    return d;
}

void candidates_detections(struct candidates *c, float iou_max, const struct fit *fit,
                           const struct box_spread *spread, struct perceived *out)
{
    candidates_suppress(c, iou_max);
    for (int i = 0; i < c->n; i++) {
        const struct box *b = &c->item[i].box_px;
        float x = hypotf(spread->width * (b->x2 - b->x1), spread->input_px * fit->x_scale);
        float y = hypotf(spread->height * (b->y2 - b->y1), spread->input_px * fit->y_scale);

        candidate_detection(&c->item[i], fit, (float[]){x, y, x, y}, out);
    }
}
