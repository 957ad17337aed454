#include "perception/track/lane_answers.h"

#include <math.h>
#include <string.h>

#include "perception/base/matrix4.h"

enum { N = LANE_KNOTS, S = CUBIC_SCALE_M };

const float LANE_KNOT_M[LANE_KNOTS] = {0, 10, 30, 60};
static const float WINDOW_M[LANE_WINDOWS + 1] = {0, 9, 15, 25, 40, LANE_GROUND_FAR_M};
static const double LEAST_SIGMA = 0.02; /* in units */

static float bounded(float v, float most)
{
    return isfinite(v) ? fminf(fmaxf(v, -most), most) : 0;
}

static float scaled_log(double v)
{
    return bounded((float)log(fmax(v, 1e-6)), 5);
}

static float unit_at(float x_m) /* of what a picture shows there */
{
    return 0.05f + 0.004f * x_m;
}

/* ---- the filter's curve at the knots ------------------------------------------------------- */

/* of[i][j]: coefficient j of the cubic that is 1 at knot i and 0 at the others (Lagrange). */
static void knot_curves(double of[N][N])
{
    for (int i = 0; i < N; i++) {
        double c[N + 1] = {1};
        int degree = 0;

        for (int k = 0; k < N; k++) {
            if (k == i)
                continue;
            double a = (double)LANE_KNOT_M[k] / S, over = 1 / ((double)LANE_KNOT_M[i] / S - a);
            for (int j = ++degree; j >= 0; j--)
                c[j] = ((j ? c[j - 1] : 0) - a * (j < degree ? c[j] : 0)) * over;
        }
        memcpy(of[i], c, sizeof of[i]);
    }
}

static int chain_at(int row, int lag)
{
    static const int begin[N] = {0, 0, 3, 5};

    return begin[lag] + row - lag;
}

/* P = M D M', M with ones on its diagonal; then chain is what lies below the diagonal of M^-1. */
static void decompose(double p[N][N], struct lane_view *v)
{
    double m[N][N] = {{0}}, d[N], back[N][N] = {{0}};

    for (int j = 0; j < N; j++) {
        d[j] = p[j][j];
        for (int k = 0; k < j; k++)
            d[j] -= m[j][k] * m[j][k] * d[k];
        d[j] = fmax(d[j], LEAST_SIGMA * LEAST_SIGMA);
        v->sigma[j] = sqrt(d[j]);
        m[j][j] = 1;
        for (int i = j + 1; i < N; i++) {
            m[i][j] = p[i][j];
            for (int k = 0; k < j; k++)
                m[i][j] -= m[i][k] * m[j][k] * d[k];
            m[i][j] /= d[j];
        }
    }
    for (int i = 0; i < N; i++) {
        back[i][i] = 1;
        for (int j = 0; j < i; j++)
            for (int k = j; k < i; k++)
                back[i][j] -= m[i][k] * back[k][j];
        for (int lag = 1; lag <= i; lag++)
            v->chain[chain_at(i, lag)] = fmax(-20, fmin(20, back[i][i - lag]));
    }
}

void lane_view_of(const struct lane_cubic *k, struct lane_view *v)
{
    double w[N][N], half[N][N], pitch[N], height[N], p[N][N];

    for (int i = 0; i < N; i++) {
        lane_cubic_weights((double)LANE_KNOT_M[i], w[i]);
        v->y_m[i] = matrix4_dot(w[i], k->c);
        matrix4_times(k->cov, w[i], half[i]);
        pitch[i] = matrix4_dot(w[i], k->pitch);
        height[i] = matrix4_dot(w[i], k->height);
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            p[i][j] = matrix4_dot(w[i], half[j]) + pitch[i] * pitch[j] + height[i] * height[j];
    for (int i = 0; i < N; i++)
        v->unit_m[i] = (double)unit_at(LANE_KNOT_M[i]) + 0.5 * fmin(sqrt(fmax(p[i][i], 0)), 10);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            p[i][j] /= v->unit_m[i] * v->unit_m[j];
    decompose(p, v);
}

/* ---- surprises ----------------------------------------------------------------------------- */
void lane_surprises(const struct lane_cubic *expected, const struct lane_ground *g,
                    struct lane_surprise out[LANE_WINDOWS])
{
    float weight[LANE_WINDOWS] = {0};

    memset(out, 0, LANE_WINDOWS * sizeof *out);
    for (int i = 0, at = 0; i < g->n; i++) {
        float x = g->point[i].x_m;
        double w[N], slope = 0;

        for (at = 0; at < LANE_WINDOWS - 1 && x >= WINDOW_M[at + 1];)
            at++;
        lane_cubic_weights((double)x, w);
        for (int k = 1; k < N; k++)
            slope += k * w[k - 1] / S * expected->c[k];
        slope = fmax(-3, fmin(3, slope));
        weight[at]++;
        out[at].seen += g->point[i].seen;
        out[at].x_m += x;
        out[at].off_m += g->point[i].y_m - (float)matrix4_dot(w, expected->c);
        out[at].pitch_m += g->point[i].pitch[1] - (float)slope * g->point[i].pitch[0];
    }
    for (int i = 0; i < LANE_WINDOWS; i++) {
        float over = weight[i] > 0 ? 1 / weight[i] : 0;

        out[i].seen *= over;
        out[i].x_m *= over;
        out[i].off_m *= over;
        out[i].pitch_m *= over;
    }
}

static float surprise_of(const struct lane_surprise *s)
{
    return s->seen > 0 ? bounded(s->off_m / unit_at(s->x_m), 5) : 0;
}

/* Least squares over all boundaries, with what such errors are like as a prior. */
void lane_frame_share(const struct lane_track t[LANE_TRACKS], struct lane_frame *f)
{
    static const double prior_sigma[4] = {0.1, 0.3, 0.3, 1};
    double info[16] = {0}, y[4] = {0}, cov[16], found[4];
    int n = 0;

    for (int i = 0; i < 4; i++)
        info[5 * i] = 1 / (prior_sigma[i] * prior_sigma[i]);
    for (int i = 0; i < LANE_TRACKS; i++)
        for (int k = 0; t[i].id && k < LANE_WINDOWS; k++) {
            const struct lane_surprise *s = &t[i].surprise[k];
            double u = (double)s->x_m / S, h[4] = {1, u, u * u, (double)s->pitch_m};
            double sigma = 2 * (double)unit_at(s->x_m), off = (double)s->off_m;

            if (!(s->seen > 0) || fabs(off) > 6 * sigma)
                continue;
            n++;
            for (int r = 0; r < 4; r++) {
                y[r] += h[r] * off / (sigma * sigma);
                for (int c = 0; c < 4; c++)
                    info[4 * r + c] += h[r] * h[c] / (sigma * sigma);
            }
        }
    matrix4_invert(info, cov);
    matrix4_times(cov, y, found);
    f->shared_known = n > 0;
    for (int i = 0; i < 4; i++)
        f->shared[i] = bounded((float)(found[i] / prior_sigma[i]), 5);
}

/* ---- questions ----------------------------------------------------------------------------- */
static int life_features(const struct lane_track *t, const struct lane_frame *f, float *x)
{
    bool seen = t->measurement == MEASUREMENT_MEASURED;
    float score = fminf(fmaxf(t->curve.score, 0.02f), 0.98f);
    int n = 0;

    x[n++] = seen;
    x[n++] = seen ? logf(score / (1 - score)) / 2 : 0;
    x[n++] = log2f(fmaxf(f->dt_s, 0.01f) / 0.1f);
    x[n++] = log1pf((float)(f->now_ns - t->born_ns) * 1e-9f);
    x[n++] = bounded((float)(f->now_ns - t->seen_ns) * 1e-9f, 5);
    x[n++] = scaled_log((double)t->odds) / 4;
    x[n++] = t->curve.kind == LANE_ROAD_EDGE;
    x[n++] = bounded(t->x_min_m / 10, 4);
    x[n++] = bounded(t->x_max_m / 50, 4);
    return n;
}

static double slope_after(const struct lane_view *v, int knot)
{
    return (v->y_m[knot + 1] - v->y_m[knot]) / (double)(LANE_KNOT_M[knot + 1] - LANE_KNOT_M[knot]);
}

/* Where it is and how it bends, not its slope: that is small but in a lane change, and a network that
 * sees it takes every lane change for an error. */
static int curve_features(const struct lane_track *t, float *x)
{
    struct lane_view v;
    int n = 0;

    lane_view_of(&t->cubic, &v);
    x[n++] = bounded((float)v.y_m[0] / 4, 4);
    for (int i = 1; i < N - 1; i++)
        x[n++] = bounded(20 * (float)(slope_after(&v, i) - slope_after(&v, i - 1)), 4);
    for (int i = 0; i < N; i++)
        x[n++] = scaled_log(v.sigma[i]);
    for (int i = 0; i < N; i++)
        x[n++] = scaled_log(v.unit_m[i] / (double)unit_at(LANE_KNOT_M[i])) / 2;
    for (int i = 0; i < LANE_CHAIN; i++)
        x[n++] = bounded((float)v.chain[i] / 3, 4);
    return n;
}

/* The one that is seen nearest beside it. */
static const struct lane_track *neighbour(const struct lane_track t[LANE_TRACKS], int i)
{
    const struct lane_track *best = NULL;

    for (int k = 0; k < LANE_TRACKS; k++)
        if (k != i && t[k].id && t[k].measurement == MEASUREMENT_MEASURED &&
            (!best ||
             fabs(t[k].cubic.c[0] - t[i].cubic.c[0]) < fabs(best->cubic.c[0] - t[i].cubic.c[0])))
            best = &t[k];
    return best;
}

static int surprise_features(const struct lane_track *t, float *x)
{
    int n = 0;

    for (int i = 0; i < LANE_WINDOWS; i++) {
        x[n++] = t ? surprise_of(&t->surprise[i]) : 0;
        x[n++] = t ? t->surprise[i].seen : 0;
    }
    return n;
}

static int frame_features(const struct lane_frame *f, float *x)
{
    bool known = !isnan(f->ego.speed_mps);
    int n = 0;

    x[n++] = f->shared_known;
    for (int i = 0; i < 4; i++)
        x[n++] = f->shared[i];
    x[n++] = known;
    x[n++] = known ? bounded(f->ego.speed_mps / 20, 4) : 0;
    x[n++] = !isnan(f->ego.yaw_rate_radps);
    x[n++] = bounded(5 * f->ego.yaw_rate_radps, 4);
    x[n++] = 2 * bounded(f->camera->z_m - 1.4f, 2);
    x[n++] = 2 * bounded(f->camera->fx / (float)f->camera->width - 0.8f, 2);
    return n;
}

void lane_features(const struct lane_track t[LANE_TRACKS], int i, const struct lane_frame *f,
                   float x[LANE_FEATURES])
{
    const struct lane_track *beside = neighbour(t, i);
    int n = life_features(&t[i], f, x);

    n += curve_features(&t[i], x + n);
    n += surprise_features(&t[i], x + n);
    n += surprise_features(beside, x + n);
    x[n++] = beside ? bounded((float)(beside->cubic.c[0] - t[i].cubic.c[0]) / 4, 4) : 0;
    n += frame_features(f, x + n);
    while (n < LANE_FEATURES)
        x[n++] = 0;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* m of r = m e, from the chain. */
static void spread(const double chain[LANE_CHAIN], double m[N][N])
{
    memset(m, 0, N * sizeof *m);
    for (int i = 0; i < N; i++) {
        m[i][i] = 1;
        for (int lag = 1; lag <= i; lag++)
            for (int j = 0; j < N; j++)
                m[i][j] -= chain[chain_at(i, lag)] * m[i - lag][j];
    }
}

/* What takes the filter's errors at the knots, in units, to errors with the network's covariance:
 * that of the answer, times the inverse of the filter's. */
static void stretch_of(const struct lane_view *v, const float *answer, double to[N][N])
{
    double chain[LANE_CHAIN], m[N][N], grown[N];

    for (int i = 0; i < LANE_CHAIN; i++)
        chain[i] = v->chain[i] + (double)bounded(answer[LANE_ANSWER_CHAIN + i], 5);
    spread(chain, m);
    for (int i = 0; i < N; i++)
        grown[i] = exp((double)bounded(answer[LANE_ANSWER_SCALE + i], 5));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            to[i][j] = m[i][j] * grown[j];
            for (int lag = 1; j + lag < N; lag++) /* columns of the inverse: 1 and the chain */
                to[i][j] += m[i][j + lag] * grown[j + lag] * v->chain[chain_at(j + lag, lag)];
        }
}

/* a: the same for the coefficients of the cubic. */
static void to_coefficients(const struct lane_view *v, double knots[N][N], double a[16])
{
    double of[N][N], w[N][N];

    knot_curves(of);
    for (int i = 0; i < N; i++)
        lane_cubic_weights((double)LANE_KNOT_M[i], w[i]);
    memset(a, 0, 16 * sizeof *a);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double k = knots[i][j] * v->unit_m[i] / v->unit_m[j];

            for (int r = 0; r < N; r++)
                for (int c = 0; c < N; c++)
                    a[N * r + c] += of[i][r] * k * w[j][c];
        }
}

static void stretch_cubic(const double a[16], const struct lane_cubic *k, struct lane_cubic *out)
{
    double half[16]; /* rows: a times the columns of cov, which is symmetric */

    for (int i = 0; i < N; i++)
        matrix4_times(a, &k->cov[N * i], &half[N * i]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            out->cov[N * i + j] = 0;
            for (int r = 0; r < N; r++)
                out->cov[N * i + j] += a[N * i + r] * half[N * r + j];
        }
    matrix4_times(a, k->pitch, out->pitch);
    matrix4_times(a, k->height, out->height);
}

void lane_answer_cubic(const struct lane_cubic *k, const float answer[LANE_ANSWERS],
                       struct lane_cubic *out)
{
    double to[N][N], a[16], of[N][N];
    struct lane_cubic stretched;
    struct lane_view v;

    lane_view_of(k, &v);
    stretch_of(&v, answer, to);
    to_coefficients(&v, to, a);
    stretch_cubic(a, k, &stretched);
    memcpy(stretched.c, k->c, sizeof stretched.c);
    knot_curves(of);
    for (int i = 0; i < N; i++) {
        double y = v.unit_m[i] * (double)bounded(answer[LANE_ANSWER_Y + i], LANE_ANSWER_MOST);

        for (int j = 0; j < N; j++)
            stretched.c[j] += y * of[i][j];
    }
    *out = stretched;
}

float lane_answer_existence(float odds, const float answer[LANE_ANSWERS])
{
    float logit = logf(fmaxf(odds, 1e-6f)) + bounded(answer[LANE_ANSWER_EXISTS], 8);

    return 1 / (1 + expf(-logit));
}
