/* NonMaxSuppression: per picture and class, boxes by falling score, without those that overlap one
 * that is already taken. The result's length hangs on the data. */
#include <math.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"
#include "perception/nn/ops/order.h"

/* boxes (batches, N, 4), scores (batches, classes, N), then three scalars that may be left out */
enum { NMS_BOXES, NMS_SCORES, NMS_MOST, NMS_IOU, NMS_SCORE };

struct nms_params {
    bool centred; /* boxes are x, y of the centre, width, height; else y1, x1, y2, x2 */
};

static enum err nms_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *boxes = in(n, NMS_BOXES), *scores = in(n, NMS_SCORES);
    struct nms_params *p = node_params(g, n, sizeof *p);
    int64_t dim[2] = {0, 3}, each, rows;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->centred = attr_int(n, "center_point_box", 0) != 0;
    if ((e = need_rank(n, NMS_BOXES, 3, 3, why)) != OK ||
        (e = need_rank(n, NMS_SCORES, 3, 3, why)) != OK ||
        (e = need_type(n, NMS_SCORES, T_F32, why)) != OK ||
        (e = need_type(n, NMS_MOST, TYPE(DTYPE_I64), why)) != OK ||
        (e = need_type(n, NMS_IOU, T_F32, why)) != OK ||
        (e = need_type(n, NMS_SCORE, T_F32, why)) != OK)
        return e;
    if (boxes->dim[2] != 4 || boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2])
        return err_say(why, ERR_FORMAT, "boxes (%lld, %lld, %lld), scores (%lld, %lld, %lld)",
                       (long long)boxes->dim[0], (long long)boxes->dim[1], (long long)boxes->dim[2],
                       (long long)scores->dim[0], (long long)scores->dim[1],
                       (long long)scores->dim[2]);
    for (int i = NMS_MOST; i <= NMS_SCORE; i++)
        if (in(n, i) && tensor_count(in(n, i)) != 1)
            return err_say(why, ERR_FORMAT, "input '%.80s' is no scalar", in(n, i)->name);
    each = in(n, NMS_MOST) ? boxes->dim[1] : 0; /* left out it is 0, says the definition */
    if (in(n, NMS_MOST) && n->in[NMS_MOST]->constant && number_int(in(n, NMS_MOST), 0) < each)
        each = number_int(in(n, NMS_MOST), 0);
    rows = scores->dim[0] * scores->dim[1];
    dim[0] = each > 0 ? each * rows : 0;
    n->work = dim[0] * boxes->dim[1]; /* each against all that are taken */
    return set_out_bound(n, 0, DTYPE_I64, 2, dim, why);
}

static enum err nms_prepare(struct graph *g, struct node *n, struct why *why)
{
    (void)g;
    (void)why;
    n->scratch = (size_t)in(n, NMS_BOXES)->dim[1] * sizeof(int64_t);
    return OK;
}

static bool score_before(const void *data, int64_t a, int64_t b)
{
    const float *score = data;

    return score[a] != score[b] ? score[a] > score[b] : a < b;
}

struct extent {
    float y1, x1, y2, x2;
};

static struct extent extent_of(const float *b, bool centred)
{
    if (centred)
        return (struct extent){b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
    return (struct extent){fminf(b[0], b[2]), fminf(b[1], b[3]), fmaxf(b[0], b[2]),
                           fmaxf(b[1], b[3])};
}

static float area(const struct extent *e)
{
    return (e->y2 - e->y1) * (e->x2 - e->x1);
}

static float iou(const float *box_a, const float *box_b, bool centred)
{
    struct extent a = extent_of(box_a, centred), b = extent_of(box_b, centred);
    float h = fminf(a.y2, b.y2) - fmaxf(a.y1, b.y1), w = fminf(a.x2, b.x2) - fmaxf(a.x1, b.x1);
    float both = h > 0 && w > 0 ? h * w : 0, all = area(&a) + area(&b) - both;

    return all > 0 ? both / all : 0;
}

/* Leaves in index[0..] the boxes taken, at most `most`; returns how many. */
static int64_t suppress(const float *box, int64_t *index, int64_t count, int64_t most, float limit,
                        bool centred)
{
    int64_t taken = 0;

    for (int64_t i = 0; i < count && taken < most; i++) {
        int64_t j = 0;

        while (j < taken && iou(box + 4 * index[i], box + 4 * index[j], centred) <= limit)
            j++;
        if (j == taken)
            index[taken++] = index[i];
    }
    return taken;
}

static enum err nms_run(const struct node *n, const struct run *r)
{
    const struct nms_params *p = n->params;
    const struct tensor *scores = in(n, NMS_SCORES);
    int64_t N = scores->dim[2], classes = scores->dim[1];
    int64_t most = in(n, NMS_MOST) ? number_int(in(n, NMS_MOST), 0) : 0;
    float limit = in(n, NMS_IOU) ? *(const float *)in(n, NMS_IOU)->data : 0;
    float least = in(n, NMS_SCORE) ? *(const float *)in(n, NMS_SCORE)->data : -INFINITY;
    int64_t *index = r->scratch, *to = out(n, 0)->data, rows = 0;

    for (int64_t row = 0; row < scores->dim[0] * classes; row++) {
        const float *score = (const float *)scores->data + row * N;
        const float *box = (const float *)in(n, NMS_BOXES)->data + row / classes * N * 4;
        int64_t count = 0, taken;

        for (int64_t i = 0; i < N; i++)
            if (score[i] > least) /* never NaN, which has no place in an order */
                index[count++] = i;
        order_sort(index, count, score_before, score);
        taken = suppress(box, index, count, most, limit, p->centred);
        for (int64_t i = 0; i < taken; i++, rows++) {
            to[3 * rows] = row / classes;
            to[3 * rows + 1] = row % classes;
            to[3 * rows + 2] = index[i];
        }
    }
    out(n, 0)->dim[0] = rows;
    return OK;
}

const struct op ops_nms[] = {
    {"NonMaxSuppression", 2, 5, 1, T_F32, 0, nms_infer, nms_run, nms_prepare, 0},
    {NULL},
};
