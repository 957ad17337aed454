/* Overlap of boxes as a loss. Written in numbers that carry their derivatives along, so that the
 * formulas stand here once, as in the papers.
 * GIoU: Rezatofighi et al. 2019, algorithm 1. CIoU: Zheng et al. 2020, equations 6 to 10. */
#include "perception/train/loss.h"

#include <math.h>

struct dual {
    double v, d[4];
};

static struct dual constant(double v)
{
    return (struct dual){.v = v};
}

/* A function of a and b with partial derivatives da and db. */
static struct dual joined(double v, struct dual a, double da, struct dual b, double db)
{
    struct dual r = {.v = v};

    for (int i = 0; i < 4; i++)
        r.d[i] = da * a.d[i] + db * b.d[i];
    return r;
}

static struct dual plus(struct dual a, struct dual b)
{
    return joined(a.v + b.v, a, 1, b, 1);
}

static struct dual minus(struct dual a, struct dual b)
{
    return joined(a.v - b.v, a, 1, b, -1);
}

static struct dual times(struct dual a, struct dual b)
{
    return joined(a.v * b.v, a, b.v, b, a.v);
}

static struct dual over(struct dual a, struct dual b)
{
    return joined(a.v / b.v, a, 1 / b.v, b, -a.v / (b.v * b.v));
}

static struct dual larger(struct dual a, struct dual b)
{
    return a.v > b.v ? a : b;
}

static struct dual smaller(struct dual a, struct dual b)
{
    return a.v < b.v ? a : b;
}

static struct dual square(struct dual a)
{
    return times(a, a);
}

static struct dual arctangent(struct dual a)
{
    return joined(atan(a.v), a, 1 / (1 + a.v * a.v), a, 0);
}

struct box {
    struct dual x0, y0, x1, y1;
};

static struct dual width(const struct box *b)
{
    return minus(b->x1, b->x0);
}

static struct dual height(const struct box *b)
{
    return minus(b->y1, b->y0);
}

/* Never 0, so that nothing is divided by it. */
static struct dual guarded(struct dual a)
{
    return plus(a, constant(1e-9));
}

static struct dual area(const struct box *b)
{
    struct dual none = constant(0);

    return times(larger(width(b), none), larger(height(b), none));
}

/* v, with alpha taken as a constant */
static struct dual aspect(const struct box *a, const struct box *b, double iou)
{
    struct dual apart = minus(arctangent(over(width(b), guarded(height(b)))),
                              arctangent(over(width(a), guarded(height(a)))));
    struct dual v = times(constant(4 / (M_PI * M_PI)), square(apart));
    double alpha = v.v / (1 - iou + v.v + 1e-9);

    return times(constant(alpha), v);
}

double box_loss(enum train_loss_kind kind, const float box[4], const float target[4], double d[4])
{
    struct box a, b = {constant((double)target[0]), constant((double)target[1]),
                       constant((double)target[2]), constant((double)target[3])};
    struct dual *side[] = {&a.x0, &a.y0, &a.x1, &a.y1}, both, all, iou, loss;
    struct box inner, hull;

    for (int i = 0; i < 4; i++) {
        *side[i] = constant((double)box[i]);
        side[i]->d[i] = 1;
    }
    inner = (struct box){larger(a.x0, b.x0), larger(a.y0, b.y0), smaller(a.x1, b.x1),
                         smaller(a.y1, b.y1)};
    hull = (struct box){smaller(a.x0, b.x0), smaller(a.y0, b.y0), larger(a.x1, b.x1),
                        larger(a.y1, b.y1)};
    both = area(&inner);
    all = minus(plus(area(&a), area(&b)), both);
    iou = over(both, guarded(all));
    loss = minus(constant(1), iou);
    if (kind == TRAIN_GIOU) {
        struct dual whole = guarded(area(&hull));

        loss = plus(loss, over(minus(whole, all), whole));
    } else {
        struct dual dx = minus(plus(a.x0, a.x1), plus(b.x0, b.x1));
        struct dual dy = minus(plus(a.y0, a.y1), plus(b.y0, b.y1));
        struct dual apart = times(constant(0.25), plus(square(dx), square(dy)));
        struct dual diagonal = plus(square(width(&hull)), square(height(&hull)));

        loss = plus(loss, plus(over(apart, guarded(diagonal)), aspect(&a, &b, iou.v)));
    }
    for (int i = 0; i < 4; i++)
        d[i] = loss.d[i];
    return loss.v;
}
