#include "daemon/cli/label_fuse.h"

#include "perception/heads/nms.h"

#include <math.h>

static const float SAME_IOU = 0.5f;
static const double MOST_OF_PICTURE = 0.5; /* its area */

static bool is_vehicle(enum object_class c)
{
    return c == OBJECT_CAR || c == OBJECT_TRUCK || c == OBJECT_BUS || c == OBJECT_VEHICLE;
}

static struct fused *same_as(struct fusion *f, int n, const struct detection *d)
{
    struct fused *best = NULL;
    float most = SAME_IOU;

    for (int i = 0; i < n; i++) {
        struct fused *o = &f->object[i];
        const float iou = box_iou(&o->box, &d->box_px);

        if (iou > most &&
            (o->class == d->class || (is_vehicle(o->class) && is_vehicle(d->class)))) {
            best = o;
            most = iou;
        }
    }
    return best;
}

static void agree(struct fused *o, const struct detection *d, unsigned teacher)
{
    const float w = d->score / (d->score + o->score);

    if (o->teachers & teacher)
        return;
    o->box = (struct box){
        o->box.x1 + w * (d->box_px.x1 - o->box.x1), o->box.y1 + w * (d->box_px.y1 - o->box.y1),
        o->box.x2 + w * (d->box_px.x2 - o->box.x2), o->box.y2 + w * (d->box_px.y2 - o->box.y2)};
    if (o->class == OBJECT_VEHICLE || (d->class != OBJECT_VEHICLE && d->score > o->score))
        o->class = d->class;
    o->score = 1 - (1 - o->score) * (1 - d->score);
    o->teachers |= teacher;
}

void fusion_add(struct fusion *f, int teacher, const struct perceived *seen)
{
    const unsigned bit = 1u << teacher;

    for (int i = 0; i < seen->n_detections; i++) {
        const struct detection *d = &seen->detection[i];
        struct fused *o = same_as(f, f->n, d);

        if (o)
            agree(o, d, bit);
        else if (f->n < FUSED_MAX)
            f->object[f->n++] = (struct fused){d->box_px, d->class, d->score, bit};
    }
}

static double area_of(const struct ap_box *b)
{
    return fmax(b->x2 - b->x1, 0) * fmax(b->y2 - b->y1, 0);
}

bool box_is_free(const struct ap_box *box, const struct ap_truth *label, size_t n)
{
    const double area = area_of(box);

    for (size_t i = 0; i < n; i++) {
        const struct ap_box *l = &label[i].box;
        const struct ap_box both = {fmax(box->x1, l->x1), fmax(box->y1, l->y1),
                                    fmin(box->x2, l->x2), fmin(box->y2, l->y2)};

        if (area_of(&both) > area / 2)
            return false;
    }
    return area <= MOST_OF_PICTURE;
}
