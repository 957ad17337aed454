#include "perception/heads/lane_curve.h"

/* Between or beyond two points, straight. */
static float straight(const struct lane_curve *c, int near, int far, float y)
{
    float dy = c->point[near].y - c->point[far].y;

    if (!(dy > 1e-3f))
        return c->point[near].x;
    return c->point[near].x + (c->point[near].x - c->point[far].x) * ((y - c->point[near].y) / dy);
}

float lane_curve_x(const struct lane_curve *c, float y)
{
    int last = c->n - 1, quarter = last / 4 > 0 ? last / 4 : last;

    if (y >= c->point[0].y) /* below: along the tangent of the lowest quarter */
        return straight(c, 0, quarter, y);
    for (int i = 1; i < last; i++)
        if (y >= c->point[i].y)
            return straight(c, i - 1, i, y);
    return straight(c, last > 0 ? last - 1 : 0, last, y);
}

void lane_curves_order(struct perceived *p, int width, int height)
{
    float x[HEAD_MAX_CURVES];
    int n = 0;

    for (int i = 0; i < p->n_curves; i++) { /* insertion sort: at most eight */
        struct lane_curve c = p->curve[i];
        int at = n;

        if (c.n < 1)
            continue;
        float xi = lane_curve_x(&c, (float)height);
        for (; at > 0 && x[at - 1] > xi; at--) {
            x[at] = x[at - 1];
            p->curve[at] = p->curve[at - 1];
        }
        x[at] = xi;
        p->curve[at] = c;
        n++;
    }
    p->n_curves = n;

    int left = 0; /* how many lie left of the middle */
    while (left < n && x[left] < 0.5f * (float)width)
        left++;
    for (int i = 0; i < n; i++) {
        int role = i < left ? left - i : left - 1 - i;
        p->curve[i].role = role >= -2 && role <= 2 ? role : 0;
    }
}
