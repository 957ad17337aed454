#include "perception/train/own_targets.h"

#include <math.h>
#include <string.h>

#include "perception/train/graph.h"
#include "perception/train/own_network.h"

enum { ASSIGN_TOP = 10, MAX_CELLS = 1 << 16 };

struct cell {
    int level, at; /* index in the level, row by row */
    float score, iou, align;
};

struct
    taken { /* by which object a cell is taken; as large as a cell's box, whose place it has until then */
    float iou;
    int object; /* -1: by none */
    float target, unused;
};
_Static_assert(sizeof(struct taken) == 4 * sizeof(float),
               "a cell's box and who takes it share memory");

/* One picture; the pieces run beside each other. */
struct picture {
    const struct own_network *n;
    const struct labels *labels;
    int index;
};

static float *at_picture(const struct picture *p, int value, int channels,
                         const struct own_level *l)
{
    return train_data(p->n->train, value) +
           (size_t)p->index * (size_t)(l->height * l->width * channels);
}

static float sigmoid(float v)
{
    return 1 / (1 + expf(-v));
}

static float overlap(const struct box *a, const struct box *b)
{
    const float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1),
                h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    const float both = w > 0 && h > 0 ? w * h : 0;
    const float sum =
        fmaxf(a->x2 - a->x1, 0) * fmaxf(a->y2 - a->y1, 0) + (b->x2 - b->x1) * (b->y2 - b->y1);

    return both / fmaxf(sum - both, 1e-6f);
}

struct centre { /* of a cell, px */
    float x, y;
};

static struct centre centre_of(const struct own_level *l, int at)
{
    const int row = at / l->width, column = at % l->width;
    const float s = (float)l->stride;

    return (struct centre){((float)column + 0.5f) * s, ((float)row + 0.5f) * s};
}

static struct box box_at(const struct own_level *l, int at, const float *side)
{
    const struct centre c = centre_of(l, at);
    const float s = (float)l->stride;

    return (struct box){c.x + s * side[0], c.y + s * side[1], c.x + s * side[2], c.y + s * side[3]};
}

static void look(const struct picture *p, const struct label_object *o, int level, int at,
                 struct cell *c)
{
    const struct own_level *l = &p->n->level[level];
    const float *out = at_picture(p, l->output, OWN_OBJECT, l) + (size_t)at * OWN_OBJECT;
    const struct box box = box_at(l, at, out + OWN_BOX);
    float score = 0;

    for (int i = 0; i < OWN_CLASSES; i++)
        if (o->classes & 1u << i)
            score = fmaxf(score, sigmoid(out[OWN_SCORE + i]));
    *c = (struct cell){level, at, score, overlap(&box, &o->box), 0};
    c->align = sqrtf(score) * powf(c->iou, 6) + 1e-12f * score;
}

static void keep(struct cell *top, int *n, const struct cell *c)
{
    int at = *n < ASSIGN_TOP ? (*n)++ : ASSIGN_TOP;

    for (; at > 0 && c->align > top[at - 1].align; at--)
        if (at < ASSIGN_TOP)
            top[at] = top[at - 1];
    if (at < ASSIGN_TOP)
        top[at] = *c;
}

static int limit(int v, int most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

/* The cells whose centre lies in it; those of small ones that would have none: the cell of its centre. */
static int best_cells(const struct picture *p, const struct label_object *o, struct cell *top)
{
    int n = 0;

    for (int i = 0; i < OWN_LEVELS; i++) {
        const struct own_level *l = &p->n->level[i];
        const float s = (float)l->stride;
        int x0 = limit((int)ceilf(o->box.x1 / s - 0.5f), l->width),
            x1 = limit((int)floorf(o->box.x2 / s - 0.5f) + 1, l->width),
            y0 = limit((int)ceilf(o->box.y1 / s - 0.5f), l->height),
            y1 = limit((int)floorf(o->box.y2 / s - 0.5f) + 1, l->height);

        if (i == 0 && x0 >= x1) {
            x0 = limit((int)((o->box.x1 + o->box.x2) / 2 / s), l->width - 1);
            x1 = x0 + 1;
        }
        if (i == 0 && y0 >= y1) {
            y0 = limit((int)((o->box.y1 + o->box.y2) / 2 / s), l->height - 1);
            y1 = y0 + 1;
        }
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) {
                struct cell c;

                look(p, o, i, y * l->width + x, &c);
                keep(top, &n, &c);
            }
    }
    return n;
}

static void take(const struct picture *p, int object, struct taken *const taken[OWN_LEVELS])
{
    struct cell top[ASSIGN_TOP];
    const int n = best_cells(p, &p->labels->object[object], top);
    float most = 0;

    for (int i = 0; i < n; i++)
        most = fmaxf(most, top[i].iou);
    for (int i = 0; i < n; i++) {
        struct taken *to = &taken[top[i].level][top[i].at];

        if (to->object >= 0 && to->iou >= top[i].iou)
            continue;
        *to = (struct taken){top[i].iou, object, most * top[i].align / fmaxf(top[0].align, 1e-30f),
                             0};
    }
}

/* ---- writing them -------------------------------------------------------------------------- */

struct tensors { /* of one cell */
    float *score, *score_weight, *box, *box_weight, *distance, *distance_weight;
};

static struct tensors tensors_at(const struct picture *p, const struct own_level *l, int at)
{
    const size_t i = (size_t)at;

    return (struct tensors){
        at_picture(p, l->score, OWN_CLASSES, l) + i * OWN_CLASSES,
        at_picture(p, l->score_weight, OWN_CLASSES, l) + i * OWN_CLASSES,
        at_picture(p, l->box, 4, l) + i * 4,
        at_picture(p, l->box_weight, 1, l) + i,
        at_picture(p, l->distance, 1, l) + i,
        at_picture(p, l->distance_weight, 1, l) + i,
    };
}

static void write_object(const struct own_level *l, int at, const struct label_object *o,
                         float target, const struct tensors *t)
{
    const struct centre c = centre_of(l, at);
    const float s = (float)l->stride,
                box[4] = {o->box.x1 - c.x, o->box.y1 - c.y, o->box.x2 - c.x, o->box.y2 - c.y};
    bool first = true;

    for (int i = 0; i < OWN_CLASSES; i++)
        if (o->classes & 1u << i) { /* of several that it may be, the first is the commonest */
            t->score[i] = first ? target : 0;
            t->score_weight[i] = first ? o->weight : 0;
            first = false;
        }
    for (int i = 0; i < 4; i++)
        t->box[i] = box[i] / s;
    *t->box_weight = o->weight * fmaxf(target, 0.1f);
    if (o->distance_m > 0) {
        *t->distance = logf(o->distance_m);
        *t->distance_weight = fmaxf(target, 0.1f);
    }
}

static bool ignored(const struct labels *l, const struct own_level *level, int at)
{
    const struct centre c = centre_of(level, at);

    for (int i = 0; i < l->n_objects; i++) {
        const struct label_object *o = &l->object[i];

        if (o->ignore && c.x >= o->box.x1 && c.x < o->box.x2 && c.y >= o->box.y1 && c.y < o->box.y2)
            return true;
    }
    return false;
}

static void write_cell(const struct picture *p, int level, int at, const struct taken *taken)
{
    const struct own_level *l = &p->n->level[level];
    const struct labels *labels = p->labels;
    const struct tensors t = tensors_at(p, l, at);
    const bool counts = taken->object >= 0 || !ignored(labels, l, at);

    *t.box_weight = *t.distance_weight = 0;
    for (int i = 0; i < OWN_CLASSES; i++) {
        t.score[i] = 0;
        t.score_weight[i] = counts && (labels->classes & 1u << i) ? 1 : 0;
    }
    if (taken->object >= 0)
        write_object(l, at, &labels->object[taken->object], taken->target, &t);
}

static void assign_picture(void *arg, int i, int thread)
{
    const struct own_network *n = arg;
    const struct picture p = {n, &n->labels[i], i};
    struct taken *taken[OWN_LEVELS];

    (void)thread;
    for (int k = 0; k < OWN_LEVELS; k++) {
        taken[k] = (struct taken *)(void *)at_picture(&p, n->level[k].box, 4, &n->level[k]);
        for (int c = 0; c < n->level[k].height * n->level[k].width; c++)
            taken[k][c] = (struct taken){.object = -1};
    }
    for (int k = 0; k < p.labels->n_objects; k++)
        if (!p.labels->object[k].ignore)
            take(&p, k, taken);
    for (int k = 0; k < OWN_LEVELS; k++)
        for (int c = 0; c < n->level[k].height * n->level[k].width; c++) {
            const struct taken by = taken[k][c];

            write_cell(&p, k, c, &by);
        }
}

void own_targets_assign(void *network)
{
    struct own_network *n = network;

    if (n->labels)
        pool_run(n->train->pool, n->batch, assign_picture, n);
}
