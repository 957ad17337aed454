#include "perception/heads/lane_bundle.h"

#include <math.h>
#include <string.h>

enum { LEAST_POINTS = 5, MAX_POINTS = 16, HORIZONS = 7, HALVINGS = 5, TURNS = 3 };
/* Sigmas away from where a point counts for less; and the mean of a curve from where it is no part of the bundle.
 * Rows of a line err together, so that their sigmas are taken for larger than they say by. */
static const double FAR_OFF = 1.5, NOT_PARALLEL = 1.5, LEAST_SIGMA_STEPS = 0.08;

struct
    sums { /* the normal equations: 2 common unknowns, 1 of each curve, which stand alone among themselves */
    double a[2][2], b[2];
    double own[HEAD_MAX_CURVES], with[HEAD_MAX_CURVES][2], right[HEAD_MAX_CURVES];
};

struct fitting {
    int n;
    float step;
    struct points { /* of a curve; none: it is not in the bundle */
        int n;
        double x[MAX_POINTS], y[MAX_POINTS], weight[MAX_POINTS]; /* 1 / sigma */
    } curve[HEAD_MAX_CURVES];
};

/* Every so many of them: rows are alike. */
static void take_points(const struct lane_curve *c, float step, struct points *out)
{
    const int every = (c->n + MAX_POINTS - 1) / MAX_POINTS;

    out->n = 0;
    for (int k = 0; c->n >= LEAST_POINTS && k < c->n; k += every) {
        out->x[out->n] = (double)c->point[k].x;
        out->y[out->n] = (double)c->point[k].y;
        out->weight[out->n++] =
            1 / fmax((double)c->point[k].sigma_x, LEAST_SIGMA_STEPS * (double)step);
    }
}

/* of the curve i: unknowns are multiplied by 1, 1 / u and u. */
static void add_point(struct sums *s, int i, double u, double over_u, double x, double w)
{
    const double v = w * over_u;

    s->a[0][0] += w;
    s->a[0][1] += v;
    s->a[1][1] += v * over_u;
    s->b[0] += w * x;
    s->b[1] += v * x;
    s->with[i][0] += w * u;
    s->with[i][1] += w;
    s->own[i] += w * u * u;
    s->right[i] += w * u * x;
}

/* Points of a curve, less of those that lie far from *b; NULL: all alike. Returns what they cost. */
static double add_curve(struct sums *s, const struct points *p, int i, double horizon,
                        const struct lane_bundle *b)
{
    double cost = 0;

    for (int k = 0; k < p->n; k++) {
        const double u = p->y[k] - horizon, over_u = 1 / u, w = p->weight[k];
        const double r = b ? fabs(p->x[k] - b->x0 - b->bend * over_u - b->beside[i] * u) * w : 0;
        const bool far = r > FAR_OFF; /* Huber 1964 */

        cost += far ? FAR_OFF * (2 * r - FAR_OFF) : r * r;
        add_point(s, i, u, over_u, p->x[k], far ? w * w * FAR_OFF / r : w * w);
    }
    return cost;
}

/* The curves' own unknowns are eliminated (Schur complement), two equations are left. */
static bool solve(struct sums *s, const struct fitting *f, struct lane_bundle *b)
{
    for (int i = 0; i < f->n; i++)
        for (int r = 0; f->curve[i].n && r < 2; r++) {
            for (int c = 0; c < 2; c++)
                s->a[r][c] -= s->with[i][r] * s->with[i][c] / s->own[i];
            s->b[r] -= s->with[i][r] * s->right[i] / s->own[i];
        }
    s->a[1][1] += 1e-6; /* a road is straight until the picture says otherwise */
    const double det = s->a[0][0] * s->a[1][1] - s->a[0][1] * s->a[1][0];
    if (!(fabs(det) > 1e-12))
        return false;
    b->x0 = (s->b[0] * s->a[1][1] - s->b[1] * s->a[0][1]) / det;
    b->bend = (s->a[0][0] * s->b[1] - s->a[1][0] * s->b[0]) / det;
    for (int i = 0; i < f->n; i++)
        b->beside[i] =
            f->curve[i].n
                ? (s->right[i] - s->with[i][0] * b->x0 - s->with[i][1] * b->bend) / s->own[i]
                : NAN;
    return isfinite(b->x0) && isfinite(b->bend);
}

/* With the horizon given. *cost: what is left, robustly. */
static bool fit_at(const struct fitting *f, double horizon, struct lane_bundle *b, double *cost)
{
    for (int turn = 0; turn < TURNS; turn++) {
        struct sums s = {0};

        *cost = 0;
        for (int i = 0; i < f->n; i++)
            *cost += add_curve(&s, &f->curve[i], i, horizon, turn ? b : NULL);
        s.a[1][0] = s.a[0][1];
        b->horizon = horizon;
        if (!solve(&s, f, b))
            return false;
    }
    return true;
}

static void try_horizon(const struct fitting *f, double horizon, double *least,
                        struct lane_bundle *out)
{
    struct lane_bundle b;
    double cost;

    if (fit_at(f, horizon, &b, &cost) && cost < *least) {
        *least = cost;
        *out = b;
    }
}

/* From some rows above the highest point, then closer around the best. */
static bool fit_any(const struct fitting *f, double top, struct lane_bundle *out)
{
    const double step = (double)f->step;
    double least = INFINITY, reach = 0.75 * step;

    for (int h = 0; h < HORIZONS; h++)
        try_horizon(f, top - (0.5 + 1.5 * h) * step, &least, out);
    for (int h = 0; h < HALVINGS && isfinite(least); h++, reach /= 2) {
        const double at = out->horizon;

        try_horizon(f, at - reach, &least, out);
        if (at + reach < top - 0.25 * step)
            try_horizon(f, at + reach, &least, out);
    }
    return isfinite(least);
}

/* Sigmas that its points lie beside the bundle, on average. */
static double mean_off(const struct points *p, const struct lane_bundle *b, int i)
{
    double sum = 0;

    for (int k = 0; k < p->n; k++) {
        const double r = fabs(p->x[k] - lane_bundle_x(b, i, p->y[k])) * p->weight[k];

        sum += fmin(r, 2 * NOT_PARALLEL);
    }
    return sum / p->n;
}

/* The curve that fits worst, if it does not belong; -1: all do. */
static int stranger(const struct fitting *f, const struct lane_bundle *b)
{
    double worst = NOT_PARALLEL;
    int at = -1;

    for (int i = 0; i < f->n; i++)
        if (f->curve[i].n && mean_off(&f->curve[i], b, i) > worst) {
            worst = mean_off(&f->curve[i], b, i);
            at = i;
        }
    return at;
}

bool lane_bundle_fit(const struct lane_curve *curve, int n, float step, struct lane_bundle *out)
{
    struct fitting f = {.n = n, .step = step};
    double top = INFINITY;
    int left = 0;

    for (int i = 0; i < n; i++) {
        take_points(&curve[i], step, &f.curve[i]);
        if (!f.curve[i].n)
            continue;
        left++;
        top = fmin(top, (double)curve[i].point[curve[i].n - 1].y);
    }
    for (int at; left >= 2; left--) {
        if (!fit_any(&f, top, out))
            return false;
        if ((at = stranger(&f, out)) < 0)
            return true;
        f.curve[at].n = 0;
    }
    return false;
}

double lane_bundle_x(const struct lane_bundle *b, int i, double y)
{
    const double u = y - b->horizon;

    return b->x0 + b->bend / u + b->beside[i] * u;
}
