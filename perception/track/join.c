#include "perception/track/join.h"

#include <math.h>

#include "perception/heads/nms.h"
#include "perception/track/locate.h"

static const float ONE_PLACE = 0.6f, SUREST = 0.99f;

static bool is_same(const struct detection *a, const struct detection *b)
{
    return a->class != b->class && class_kind(a->class) == KIND_PERSON &&
           class_kind(b->class) == KIND_PERSON && a->other_score == 0 &&
           box_iou(&a->box_px, &b->box_px) > ONE_PLACE;
}

int detections_join(const struct detection *from, int n, struct detection *out)
{
    int kept = 0;

    for (int i = 0; i < n; i++) {
        int same = 0;

        while (same < kept && !is_same(&out[same], &from[i]))
            same++;
        if (same == kept) {
            out[kept++] = from[i];
            continue;
        }
        out[same].other = from[i].class;
        out[same].other_score = from[i].score;
        out[same].score = fminf(out[same].score + from[i].score, SUREST);
    }
    return kept;
}
