#include "perception/track/lane_cubic.h"

#include <math.h>
#include <string.h>

#include "perception/base/matrix4.h"
#include "perception/geometry/ground.h"

enum { N = CUBIC_TERMS, S = CUBIC_SCALE_M };

/* The points of a curve come from a smooth fit and err together: many of them tell as much as this
 * many independent ones. */
static const double INDEPENDENT_POINTS = 5;

/* What roads are like, before anything is seen: within 10 m of us, heading within 0.3 rad,
 * curvature of 1/70 m, changing by 3e-4 1/m^2 (1 sigma each); y = c2 x^2 is curvature 2 c2. */
static const double PRIOR_SIGMA[N] = {10, 0.3 * S, 0.015 / 2 * S *S, 3e-4 / 6 * S *S *S};

/* How fast they may change while we drive: the lateral position by 0.2 m and the heading by 0.03
 * rad in one second (random walks); the shape forgets with this time constant. */
static const double WALK_PER_S[2] = {0.2 * 0.2, 0.03 * S * 0.03 * S};
static const double SHAPE_TIME_S = 6;

/* ---- points on the ground ------------------------------------------------------------------ */

void lane_ground_from_curve(struct lane_ground *g, const struct lane_curve *c,
                            const struct camera *camera)
{
    struct camera stiff = *camera; /* its covariance is the pixel's part alone */
    int n_used = c->n < LANE_GROUND_POINTS ? c->n : LANE_GROUND_POINTS;

    g->n = 0;
    stiff.sigma_pitch_rad = stiff.sigma_z_m = 1e-6f;
    for (int k = 0; k < n_used; k++) {
        int i = n_used > 1 ? k * (c->n - 1) / (n_used - 1) : 0; /* the ends are among them */
        const float px[2] = {c->point[i].x, c->point[i].y};
        const float sigma[2] = {c->point[i].sigma_x, 0}; /* a row's error is in sigma_x */
        struct ground_point p;

        if (!(c->point[i].seen >= 0.25f) || !(sigma[0] > 0))
            continue;
        if (!ground_from_pixel(&stiff, px, sigma, &p) || !(p.x_m < LANE_GROUND_FAR_M) ||
            !(p.x_m > -LANE_GROUND_FAR_M))
            continue;
        float h = camera->z_m, x = p.x_m - camera->x_m, y = p.y_m - camera->y_m;
        float pitch = camera->sigma_pitch_rad > 0 ? camera->sigma_pitch_rad : 0.005f;
        float rise = camera->sigma_z_m > 0 ? camera->sigma_z_m : 0.03f;
        int n = g->n++;
        g->point[n].x_m = p.x_m;
        g->point[n].y_m = p.y_m;
        memcpy(g->point[n].covariance, p.covariance, sizeof p.covariance);
        g->point[n].pitch[0] = -pitch * (h + x * x / h);
        g->point[n].pitch[1] = -pitch * x * y / h;
        g->point[n].height[0] = rise * x / h;
        g->point[n].height[1] = rise * y / h;
        g->point[n].seen = c->point[i].seen;
    }
    if (g->n < N)
        g->n = 0;
}

/* ---- the filter ---------------------------------------------------------------------------- */

void lane_cubic_init(struct lane_cubic *k)
{
    *k = (struct lane_cubic){0};
    for (int i = 0; i < N; i++)
        k->cov[i * N + i] = PRIOR_SIGMA[i] * PRIOR_SIGMA[i];
}

/* Constant but for noise. The shape drifts back to straight: where it is not seen, its spread ends
 * at what roads are like instead of growing without bound. */
void lane_cubic_predict(struct lane_cubic *k, double dt_s)
{
    double keep = exp(-dt_s / SHAPE_TIME_S), f[N] = {1, 1, keep, keep};

    for (int i = 0; i < N; i++) {
        k->c[i] *= f[i];
        k->pitch[i] *= f[i];
        k->height[i] *= f[i];
        for (int j = 0; j < N; j++)
            k->cov[i * N + j] *= f[i] * f[j];
    }
    for (int i = 0; i < 2; i++) {
        k->cov[i * N + i] += WALK_PER_S[i] * dt_s;
        k->cov[(i + 2) * N + i + 2] += (1 - keep * keep) * PRIOR_SIGMA[i + 2] * PRIOR_SIGMA[i + 2];
    }
}

/* y(x + ahead) in the powers of x, less what the turn takes away: to[j] = sum of C(i, j) by^(i - j)
 * from[i]. What the camera's errors did to the line moves with it. */
static void shift(double k[N], double by)
{
    for (int pass = 0; pass < N - 1; pass++) /* Horner's scheme, once a power */
        for (int i = N - 2; i >= pass; i--)
            k[i] += by * k[i + 1];
}

void lane_cubic_move(struct lane_cubic *k, double ahead_m, double turn_rad)
{
    double by = ahead_m / S, column[N];

    shift(k->c, by);
    shift(k->pitch, by);
    shift(k->height, by);
    for (int i = 0; i < N; i++)
        shift(&k->cov[i * N], by);
    for (int j = 0; j < N; j++) {
        for (int i = 0; i < N; i++)
            column[i] = k->cov[i * N + j];
        shift(column, by);
        for (int i = 0; i < N; i++)
            k->cov[i * N + j] = column[i];
    }
    k->c[0] -= 0.5 * ahead_m * turn_rad;
    k->c[1] -= turn_rad * S;
}

/* Information form: what was known plus what each point adds. A point's error along the road counts
 * by the boundary's slope there. The camera's errors take the same way through the filter as the
 * measurement, but their size does not shrink with repetition. */
static void update(struct lane_cubic *k, const struct lane_ground *g, const double shape[N])
{
    double share = fmin(1, INDEPENDENT_POINTS / g->n);
    double info[N * N], y[N], pitch[N], height[N];

    matrix4_invert(k->cov, info);
    matrix4_times(info, k->c, y);
    matrix4_times(info, k->pitch, pitch);
    matrix4_times(info, k->height, height);
    for (int p = 0; p < g->n; p++) {
        const float *v = g->point[p].covariance, *dp = g->point[p].pitch, *dh = g->point[p].height;
        double w[N], slope = 0;

        lane_cubic_weights(g->point[p].x_m, w);
        for (int i = 1; i < N; i++)
            slope += i * w[i - 1] / S * shape[i];
        slope = fmax(-3, fmin(3, slope));
        double var = v[2] - 2 * slope * v[1] + slope * slope * v[0];
        double weight = share / fmax(var, 1e-4); /* a marking is not known to better than 1 cm */
        for (int i = 0; i < N; i++) {
            y[i] += weight * w[i] * g->point[p].y_m;
            pitch[i] += weight * w[i] * (dp[1] - slope * dp[0]);
            height[i] += weight * w[i] * (dh[1] - slope * dh[0]);
            for (int j = 0; j < N; j++)
                info[i * N + j] += weight * w[i] * w[j];
        }
    }
    matrix4_invert(info, k->cov);
    matrix4_times(k->cov, y, k->c);
    matrix4_times(k->cov, pitch, k->pitch);
    matrix4_times(k->cov, height, k->height);
}

void lane_cubic_update(struct lane_cubic *k, const struct lane_ground *g)
{
    struct lane_cubic first = *k; /* a new line's slopes come from a first look at the points */
    double shape[N];

    if (k->cov[0] >= PRIOR_SIGMA[0] * PRIOR_SIGMA[0])
        update(&first, g, k->c);
    memcpy(shape, first.c, sizeof shape);
    update(k, g, shape);
}

double lane_cubic_variance(const struct lane_cubic *a, const double wa[N],
                           const struct lane_cubic *b, const double wb[N])
{
    double pitch = matrix4_dot(wa, a->pitch), height = matrix4_dot(wa, a->height);
    double var = matrix4_form(a->cov, wa);

    if (b) {
        var += matrix4_form(b->cov, wb);
        pitch += matrix4_dot(wb, b->pitch);
        height += matrix4_dot(wb, b->height);
    }
    return var + pitch * pitch + height * height;
}

void lane_cubic_weights(double x_m, double w[N])
{
    double u = x_m / S;

    w[0] = 1;
    for (int i = 1; i < N; i++)
        w[i] = w[i - 1] * u;
}

double lane_cubic_y(const struct lane_cubic *k, double x_m)
{
    double w[N];

    lane_cubic_weights(x_m, w);
    return matrix4_dot(w, k->c);
}

double lane_cubic_sigma(const struct lane_cubic *k, double x_m)
{
    double w[N];

    lane_cubic_weights(x_m, w);
    return sqrt(fmax(lane_cubic_variance(k, w, NULL, NULL), 0));
}

void lane_cubic_export(const struct lane_cubic *k, float c[N], float cov[10])
{
    double scale[N];
    int at = 0;

    lane_cubic_weights(1, scale); /* 1, 1/S, ... */
    for (int i = 0; i < N; i++) {
        c[i] = (float)(k->c[i] * scale[i]);
        for (int j = i; j < N; j++)
            cov[at++] = (float)((k->cov[i * N + j] + k->pitch[i] * k->pitch[j] +
                                 k->height[i] * k->height[j]) *
                                scale[i] * scale[j]);
    }
}
