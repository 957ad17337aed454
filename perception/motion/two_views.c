#include "perception/motion/two_views.h"

#include <math.h>
#include <string.h>

enum { STEPS = 8, T = MOTION_TERMS };

static const double CAUCHY = 2;          /* sigmas at which a place counts by half */
static const double NEAREST_PER_M = 0.6; /* inverse depth */
static const double DEPTH_SIGMA_PER_M = 0.1;
static const double UNEVEN = 0.02; /* of a road: share by which the flow of its places differs */

static void move(const struct two_views *t, const double v[T], const double from[2], double per_m,
                 double q[3])
{
    double d = v[MOTION_AHEAD], w = v[MOTION_TURN];
    double x = 1 - per_m * d;
    double y = from[0] - per_m * (d * (0.5 * w - v[MOTION_YAW]) + t->camera_x_m * w);
    double z = from[1] - per_m * d * v[MOTION_PITCH];
    double c = cos(w), s = sin(w), x1 = c * x + s * y, y1 = c * y - s * x;

    q[0] = x1 - v[MOTION_NOD] * z;
    double z1 = z + v[MOTION_NOD] * x1;
    q[1] = y1 + v[MOTION_LEAN] * z1;
    q[2] = z1 - v[MOTION_LEAN] * y1;
}

static double road_depth(const struct two_views *t, const double v[T], const double from[2])
{
    return (v[MOTION_PITCH] - from[1]) / t->camera_height_m;
}

/* False: behind the camera. */
static bool predict(const struct two_views *t, const double v[T], const struct seen_twice *s,
                    double to[2])
{
    double q[3];

    move(t, v, s->from, s->on_road ? road_depth(t, v, s->from) : s->inverse_depth, q);
    if (!(q[0] > 0.02))
        return false;
    to[0] = q[1] / q[0];
    to[1] = q[2] / q[0];
    return true;
}

bool two_views_move(const struct two_views *t, const double from[2], double inverse_depth,
                    double to[2])
{
    double q[3];

    move(t, t->value, from, inverse_depth, q);
    to[0] = q[1] / q[0];
    to[1] = q[2] / q[0];
    return q[0] > 0.02;
}

double two_views_road_depth(const struct two_views *t, const double from[2])
{
    return road_depth(t, t->value, from);
}

/* ---- normal equations ---------------------------------------------------------------------- */

struct normal {
    double h[T][T], g[T];
    double square, weight, road, other;
};

/* As info says, but no better than roads are even. */
static void inform(const struct seen_twice *s, double m[3])
{
    double flow = hypot(s->to[0] - s->from[0], s->to[1] - s->from[1]);
    double more = s->on_road ? UNEVEN * UNEVEN * flow * flow : 0;
    double det = s->info[0] * s->info[2] - s->info[1] * s->info[1];
    double ll = s->info[2] / det + more, uu = s->info[0] / det + more, lu = -s->info[1] / det;

    det = ll * uu - lu * lu;
    m[0] = uu / det;
    m[1] = -lu / det;
    m[2] = ll / det;
}

static double product(const double m[3], const double a[2], const double b[2])
{
    return a[0] * (m[0] * b[0] + m[1] * b[1]) + a[1] * (m[1] * b[0] + m[2] * b[1]);
}

static bool derive(const struct two_views *t, const struct seen_twice *s, const double at[2],
                   double j[T + 1][2])
{
    const double step = 1e-6;
    struct seen_twice moved = *s;
    double v[T], to[2];

    for (int i = 0; i <= T; i++) {
        memcpy(v, t->value, sizeof v);
        if (i < T)
            v[i] += step;
        else
            moved.inverse_depth += step;
        if (!predict(t, v, &moved, to))
            return false;
        for (int k = 0; k < 2; k++)
            j[i][k] = (to[k] - at[k]) / step;
    }
    return true;
}

/* What one place says of the motion; its own distance is settled meanwhile. */
static void add_place(const struct two_views *t, struct seen_twice *s, struct normal *n)
{
    double at[2], m[3], j[T + 1][2], along[T], own = 0, pull = 0;

    s->weight = 0;
    if (!predict(t, t->value, s, at) || !derive(t, s, at, j))
        return;
    inform(s, m);
    double e[2] = {s->to[0] - at[0], s->to[1] - at[1]};
    if (!s->on_road) {
        own = product(m, j[T], j[T]) + 1 / (DEPTH_SIGMA_PER_M * DEPTH_SIGMA_PER_M);
        pull = product(m, j[T], e) - s->inverse_depth / (DEPTH_SIGMA_PER_M * DEPTH_SIGMA_PER_M);
    }
    double square = product(m, e, e) - (own > 0 ? pull * pull / own : 0);
    square = fmax(square, 0);
    s->weight = 1 / (1 + square / (CAUCHY * CAUCHY));
    for (int a = 0; a < T; a++)
        along[a] = own > 0 ? product(m, j[a], j[T]) / own : 0;
    for (int a = 0; a < T; a++) {
        n->g[a] += s->weight * (product(m, j[a], e) - along[a] * pull);
        for (int b = 0; b < T; b++)
            n->h[a][b] += s->weight * (product(m, j[a], j[b]) - along[a] * along[b] * own);
    }
    if (own > 0) /* its distance, were the motion as it is */
        s->inverse_depth = fmin(fmax(s->inverse_depth + pull / own, 0), NEAREST_PER_M);
    n->square += s->weight * square * (s->on_road ? 0.5 : 1); /* freedoms: two, or one */
    n->weight += s->weight;
    *(s->on_road ? &n->road : &n->other) += s->weight;
}

static void add_priors(const struct two_views *t, struct normal *n)
{
    for (int a = 0; a < T; a++) {
        double w = 1 / (t->prior_sigma[a] * t->prior_sigma[a]);

        n->h[a][a] += w;
        n->g[a] += w * (t->prior[a] - t->value[a]);
    }
}

/* h is symmetric and, thanks to the priors, positive definite: Gauss and Jordan without a pivot. */
static bool invert(double h[T][T], double out[T][T])
{
    memset(out, 0, sizeof(double[T][T]));
    for (int i = 0; i < T; i++)
        out[i][i] = 1;
    for (int i = 0; i < T; i++) {
        double p = h[i][i];

        if (!(p > 1e-12))
            return false;
        for (int k = 0; k < T; k++) {
            h[i][k] /= p;
            out[i][k] /= p;
        }
        for (int r = 0; r < T; r++) {
            double f = h[r][i];

            for (int k = 0; r != i && k < T; k++) {
                h[r][k] -= f * h[i][k];
                out[r][k] -= f * out[i][k];
            }
        }
    }
    return true;
}

bool two_views_fit(struct two_views *t, struct seen_twice *s, int n)
{
    struct normal sum;

    for (int step = 0; step < STEPS; step++) {
        memset(&sum, 0, sizeof sum);
        for (int i = 0; i < n; i++)
            add_place(t, &s[i], &sum);
        add_priors(t, &sum);
        if (!invert(sum.h, t->covariance))
            return false;
        for (int a = 0; a < T; a++)
            for (int b = 0; b < T; b++)
                t->value[a] += t->covariance[a][b] * sum.g[b];
    }
    t->chi2 = sum.weight > 0 ? sum.square / sum.weight : 0;
    t->road = sum.road;
    t->other = sum.other;
    return isfinite(t->value[MOTION_AHEAD]) && isfinite(t->value[MOTION_TURN]);
}
