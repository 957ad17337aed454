#include "perception/heads/lane_trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/base/matrix4.h"
#include "perception/heads/lane_curve.h"
#include "perception/heads/lane_segments.h"

/* Lengths below are in units of 1/640 of the picture's width, so that they mean the same in any
 * picture; v is rows below the horizon. On a flat road a thing of one camera height is v wide. */
enum {
    VANISH_SEGMENTS = 12, /* that vote for the vanishing point */
    FIT_ROUNDS = 4,       /* of robust reweighting */
    MAX_FITS = 150,       /* in one picture */
};
static const float TOLERANCE = 2.5f; /* noise of a mark's centre line, units */
static const float LINE_LENGTH = 60; /* seen of a line: units for score 1 - 1/e */
static const float MAX_OFFSET = 9;   /* lateral, camera heights: about four lanes */
static const float SAME_LINE = 0.3f; /* lateral, camera heights: closer is one boundary */

enum { TERMS = 4 };

/* x = k0 + k1 t + k2 s + k3 s^2 with t = v / v_bottom and s = 0.1 / t: heading, position, curvature
 * of a flat road, and for what else bends it: a horizon that is off, a hill. */
struct line {
    double k[TERMS], cov[TERMS * TERMS];
    float y_top, y_bottom, length, p;
    float score;
};

struct lane_trace {
    struct lane_segments m;
    unsigned char *row_used; /* (m.height) rows of the line being built */
    int fits_left;
    float horizon_y, vanish_x; /* picture px */
};

enum err lane_trace_open(int mask_width, int mask_height, struct lane_trace **out, struct why *why)
{
    *out = NULL;
    if (mask_width < 16 || mask_height < 16 || mask_width > LANE_TRACE_MAX_SIDE ||
        mask_height > LANE_TRACE_MAX_SIDE)
        return err_say(why, ERR_LIMIT, "lane mask: %dx%d, must be 16 to %d a side", mask_width,
                       mask_height, LANE_TRACE_MAX_SIDE);
    struct lane_trace *t = calloc(1, sizeof *t);
    if (!t || !(t->row_used = calloc((size_t)mask_height, 1)) ||
        lane_segments_init(&t->m, mask_width, mask_height) != OK) {
        lane_trace_close(t);
        return err_say(why, ERR_NOMEM, "lane mask: no memory for %dx%d", mask_width, mask_height);
    }
    *out = t;
    return OK;
}

void lane_trace_close(struct lane_trace *t)
{
    if (!t)
        return;
    lane_segments_finish(&t->m);
    free(t->row_used);
    free(t);
}

/* ---- where the lines meet ------------------------------------------------------------------- */

/* How much line length points at (x, y). */
static float vanish_support(const struct lane_trace *t, int n, float x, float y)
{
    float sum = 0, near = 6 * t->m.unit;

    for (int i = 0; i < n; i++) {
        const struct lane_segment *s = &t->m.kept[i];
        float off = (s->x_mean + s->dxdy * (y - s->y_mean) - x) / sqrtf(1 + s->dxdy * s->dxdy);

        if (y < s->y_top + 2 * t->m.unit)
            sum += s->length / (1 + off * off / (near * near));
    }
    return sum;
}

/* The crossing of two segments that most others point at too; without one, a little above the
 * highest mark. */
static void find_vanishing_point(struct lane_trace *t)
{
    int n = t->m.n < VANISH_SEGMENTS ? t->m.n : VANISH_SEGMENTS;
    float best = 0;

    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            const struct lane_segment *a = &t->m.kept[i], *b = &t->m.kept[j];
            float turn = fabsf(atanf(a->dxdy) - atanf(b->dxdy));

            if (turn < 0.15f)
                continue;
            float y = (b->x_mean - b->dxdy * b->y_mean - a->x_mean + a->dxdy * a->y_mean) /
                      (a->dxdy - b->dxdy);
            float x = a->x_mean + a->dxdy * (y - a->y_mean);
            if (y > fminf(a->y_top, b->y_top) + 2 * t->m.unit || y < 0 ||
                x < -0.25f * t->m.picture_w || x > 1.25f * t->m.picture_w)
                continue;
            float support = vanish_support(t, n, x, y);
            if (support > best) {
                best = support;
                t->vanish_x = x;
                t->horizon_y = y;
            }
        }
    if (best > 0 || t->m.n == 0)
        return;
    float top = t->m.picture_h;
    for (int i = 0; i < t->m.n; i++)
        top = fminf(top, t->m.kept[i].y_top);
    t->horizon_y = fmaxf(top - 0.04f * t->m.picture_h, 0);
    t->vanish_x = t->m.kept[0].x_mean + t->m.kept[0].dxdy * (t->horizon_y - t->m.kept[0].y_mean);
}

/* ---- lines --------------------------------------------------------------------------------- */

static double row_t(const struct lane_trace *t, float y)
{
    double bottom = (double)t->m.picture_h - t->horizon_y;
    double v = (double)y - t->horizon_y;

    return fmax(v / bottom, 0.02);
}

static void basis(double tt, double f[TERMS])
{
    f[0] = 1;
    f[1] = tt;
    f[2] = 0.1 / tt;
    f[3] = f[2] * f[2];
}

static float line_x(const struct lane_trace *t, const struct line *l, float y)
{
    double f[TERMS];

    basis(row_t(t, y), f);
    return (float)matrix4_dot(l->k, f);
}

static float line_sigma(const struct lane_trace *t, const struct line *l, float y)
{
    double f[TERMS];

    basis(row_t(t, y), f);
    return (float)sqrt(fmax(matrix4_form(l->cov, f), 0));
}

static float line_slope(const struct lane_trace *t, const struct line *l, float y)
{
    double tt = row_t(t, y), s = 0.1 / tt;
    double per_t = l->k[1] - l->k[2] * s / tt - 2 * l->k[3] * s * s / tt;

    return (float)(per_t / ((double)t->m.picture_h - t->horizon_y));
}

/* Fit the runs of all segments of line number id by reweighted least squares. Priors keep short
 * marks honest: a line comes from near the vanishing point and bends like a road. Neighbouring
 * rows err alike, so each counts as a part of an observation only. */
static void line_fit(struct lane_trace *t, int id, struct line *l)
{
    const double rows_alike = 6, w = t->m.picture_w;
    const double prior[TERMS] = {0.08 * w, 20 * w, 0.12 * w, 0.06 * w};
    double noise = TOLERANCE * t->m.unit, mean[TERMS] = {t->vanish_x};

    for (int round = 0; round < FIT_ROUNDS; round++) {
        double a[TERMS * TERMS] = {0}, b[TERMS] = {0}, rss = 0, total = 0;

        for (int i = 0; i < TERMS; i++) {
            a[i * TERMS + i] = 1 / (prior[i] * prior[i]);
            b[i] = mean[i] * a[i * TERMS + i];
        }
        for (int s = 0; s < t->m.n; s++) {
            if (t->m.kept[s].line != id)
                continue;
            for (int r = t->m.kept[s].top; r >= 0; r = t->m.run[r].below) {
                double x = (double)t->m.run[r].x, f[TERMS], stretch, weight = 1;
                float y = t->m.run[r].y;

                /* a row off by a little moves a shallow line by a lot */
                stretch = 1 + 0.25 * (double)t->m.kept[s].dxdy * (double)t->m.kept[s].dxdy;
                basis(row_t(t, y), f);
                if (round > 0) {
                    double e = x - matrix4_dot(l->k, f);
                    double z = e * e / (stretch * noise * noise);

                    weight = 1 / (1 + z / 4); /* Cauchy: far marks lose their say */
                    rss += weight * e * e / stretch;
                    total += weight;
                }
                weight *= (double)t->m.run[r].p / (stretch * noise * noise * rows_alike);
                for (int i = 0; i < TERMS; i++) {
                    b[i] += weight * f[i] * x;
                    for (int j = 0; j < TERMS; j++)
                        a[i * TERMS + j] += weight * f[i] * f[j];
                }
            }
        }
        if (round > 0) /* never trust a lucky fit of a short mark */
            noise = fmax(sqrt(rss / fmax(total, 1)), 0.6 * t->m.unit);
        matrix4_invert(a, l->cov);
        matrix4_times(l->cov, b, l->k);
    }
}

/* Distance of a segment from a line it may continue, as a share of what is tolerated there. */
static float misfit(const struct lane_trace *t, const struct line *l, const struct lane_segment *s)
{
    float worst = 0, y[3] = {s->y_bottom, s->y_mean, s->y_top};
    float x[3] = {s->x_mean + s->dxdy * (s->y_bottom - s->y_mean), s->x_mean,
                  s->x_mean + s->dxdy * (s->y_top - s->y_mean)};

    for (int i = 0; i < 3; i++) {
        float v = fmaxf(y[i] - t->horizon_y, 0), slope = line_slope(t, l, y[i]);
        float limit = 4 * t->m.unit + 0.2f * v; /* a quarter of a metre or so */
        float tolerated =
            TOLERANCE * t->m.unit * sqrtf(1 + 0.25f * slope * slope) + 2 * line_sigma(t, l, y[i]);

        worst = fmaxf(worst, fabsf(x[i] - line_x(t, l, y[i])) / fminf(tolerated, limit));
    }
    return worst;
}

static void mark_rows(struct lane_trace *t, const struct lane_segment *s)
{
    for (int r = s->top; r >= 0; r = t->m.run[r].below)
        t->row_used[t->m.run[r].row] = 1;
}

static bool rows_taken(const struct lane_trace *t, const struct lane_segment *s)
{
    int taken = 0;

    for (int r = s->top; r >= 0; r = t->m.run[r].below)
        taken += t->row_used[t->m.run[r].row];
    return taken * 4 > s->rows;
}

/* Grow line number id from its seed: again and again the segment that continues it best. */
static void line_grow(struct lane_trace *t, int seed, int id, struct line *l)
{
    memset(t->row_used, 0, (size_t)t->m.height);
    for (int next = seed; next >= 0 && t->fits_left > 0; t->fits_left--) {
        float best = 1;

        t->m.kept[next].line = id;
        mark_rows(t, &t->m.kept[next]);
        line_fit(t, id, l);
        next = -1;
        for (int s = 0; s < t->m.n; s++) {
            if (t->m.kept[s].line >= 0 || rows_taken(t, &t->m.kept[s]))
                continue;
            float m = misfit(t, l, &t->m.kept[s]);
            if (m < best) {
                best = m;
                next = s;
            }
        }
    }
    l->y_top = t->m.picture_h;
    l->y_bottom = l->length = l->p = 0;
    for (int s = 0; s < t->m.n; s++) {
        const struct lane_segment *g = &t->m.kept[s];

        if (g->line != id)
            continue;
        l->y_top = fminf(l->y_top, g->y_top);
        l->y_bottom = fmaxf(l->y_bottom, g->y_bottom);
        l->length += g->length;
        l->p += g->length * g->p;
    }
    l->p /= l->length;
    l->score = l->p * (1 - expf(-l->length / (LINE_LENGTH * t->m.unit)));
}

/* Whether the curve runs where its marks are: what no road can explain is fitted badly. */
static bool line_fits(const struct lane_trace *t, int id, const struct line *l)
{
    int near = 0, rows = 0;

    for (int s = 0; s < t->m.n; s++) {
        if (t->m.kept[s].line != id)
            continue;
        for (int r = t->m.kept[s].top; r >= 0; r = t->m.run[r].below) {
            float y = t->m.run[r].y, slope = line_slope(t, l, y);
            float off = fabsf(t->m.run[r].x - line_x(t, l, y));

            near += off < 2 * TOLERANCE * t->m.unit * sqrtf(1 + 0.25f * slope * slope);
            rows++;
        }
    }
    return near * 4 > rows * 3;
}

/* Whether it can be a boundary of a road that we drive along. */
static bool line_plausible(const struct lane_trace *t, const struct line *l)
{
    float bottom = t->m.picture_h - t->horizon_y, v = l->y_bottom - t->horizon_y;

    if (l->y_bottom - l->y_top < 0.02f * t->m.picture_h || v < 0.02f * t->m.picture_h)
        return false;
    if (fabs(l->k[1]) > (double)(MAX_OFFSET * bottom)) /* a bar across the road, or far off it */
        return false;
    /* The tangent where it is nearest leads to the vanishing area. */
    float slope = line_slope(t, l, l->y_bottom);
    float x = line_x(t, l, l->y_bottom) - slope * v;
    return fabsf(x - t->vanish_x) < 0.25f * t->m.picture_w;
}

/* Whether a weaker line runs along a stronger one: the other edge of a thick mark, a double line.
 */
static bool line_same(const struct lane_trace *t, const struct line *a, const struct line *b)
{
    float top = fmaxf(a->y_top, b->y_top), bottom = fminf(a->y_bottom, b->y_bottom);

    if (top > bottom) { /* no common rows: compare in the gap */
        float middle = 0.5f * (top + bottom);
        top = bottom = middle;
    }
    float off = 0, limit = 0;
    for (int i = 0; i < 3; i++) {
        float y = top + (bottom - top) * 0.5f * (float)i;

        off += fabsf(line_x(t, a, y) - line_x(t, b, y));
        limit += 3 * t->m.unit + SAME_LINE * fmaxf(y - t->horizon_y, 0);
    }
    return off < limit;
}

/* A seed that made no line: what it took is free for others, itself it is done. */
static void line_release(struct lane_trace *t, int id)
{
    for (int s = 0; s < t->m.n; s++)
        if (t->m.kept[s].line == id && s != id)
            t->m.kept[s].line = -1;
}

/* ---- out ----------------------------------------------------------------------------------- */

/* Share of rows with a mark of line id around picture row y. */
static float rows_seen(const struct lane_trace *t, float y, float step)
{
    int lo = (int)floorf((y - 0.5f * step) / t->m.sy), hi = (int)ceilf((y + 0.5f * step) / t->m.sy);
    int n = 0, used = 0;

    for (int row = lo < 0 ? 0 : lo; row < hi && row < t->m.height; row++) {
        n++;
        used += t->row_used[row];
    }
    return n > 0 ? (float)used / (float)n : 0;
}

/* Points from the bottom upwards. sigma_x: where the network puts a mark (a pixel of its mask, and
 * a part of the mark's own width), half a row on a slope, and the fit. The line goes on below its
 * lowest mark, half as far again as it was seen and at most to the edge of the picture: near us
 * little can change. */
static void line_points(struct lane_trace *t, int id, const struct line *l, struct lane_curve *c)
{
    float y0 = fminf(l->y_bottom + 1.5f * (l->y_bottom - l->y_top), t->m.picture_h - 0.5f);
    float step = (y0 - l->y_top) / (float)(HEAD_MAX_CURVE_POINTS - 1);

    memset(t->row_used, 0, (size_t)t->m.height);
    for (int s = 0; s < t->m.n; s++)
        if (t->m.kept[s].line == id)
            mark_rows(t, &t->m.kept[s]);
    *c = (struct lane_curve){.score = l->score, .kind = LANE_LINE};
    for (int i = 0; i < HEAD_MAX_CURVE_POINTS; i++) {
        float y = y0 - step * (float)i, x = line_x(t, l, y), slope = line_slope(t, l, y);
        float row = 0.35f * t->m.sy * slope, fit = line_sigma(t, l, y);
        float mark = 0.9f * t->m.unit + 0.007f * fmaxf(y - t->horizon_y, 0);
        float below = fmaxf(y - l->y_bottom, 0) * 0.03f;

        if (!(x >= 0 && x <= t->m.picture_w))
            continue;
        c->point[c->n].x = x;
        c->point[c->n].y = y;
        c->point[c->n].sigma_x = sqrtf(mark * mark + row * row + fit * fit + below * below);
        c->point[c->n].seen = rows_seen(t, y, step);
        c->n++;
    }
}

void lane_trace_run(struct lane_trace *t, const struct lane_mask *mask, float score_min,
                    struct perceived *out)
{
    struct line found[HEAD_MAX_CURVES];
    int n = 0;

    lane_segments_find(&t->m, mask);
    find_vanishing_point(t);

    out->n_curves = 0;
    t->fits_left = MAX_FITS;
    for (int s = 0; s < t->m.n && n < HEAD_MAX_CURVES && t->fits_left > 0; s++) {
        struct line l;
        bool again = false;

        if (t->m.kept[s].line >= 0)
            continue;
        line_grow(t, s, s, &l);
        for (int i = 0; i < n && !again; i++)
            again = line_same(t, &found[i], &l);
        if (again)
            continue;
        if (l.score < score_min || !line_plausible(t, &l) || !line_fits(t, s, &l)) {
            line_release(t, s);
            continue;
        }
        line_points(t, s, &l, &out->curve[n]);
        if (out->curve[n].n < 2)
            continue;
        found[n++] = l;
    }
    out->n_curves = n;
    lane_curves_order(out, mask->picture_width, mask->picture_height);
}
