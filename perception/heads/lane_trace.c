#include "perception/heads/lane_trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/lane_curve.h"

/* Lengths below are in units of 1/640 of the picture's width, so that they mean the same in any
 * picture; v is rows below the horizon. On a flat road a thing of one camera height is v wide. */
enum {
    ROW_RUNS = 32,     /* a row with more is noise, not a road */
    MIN_ROWS = 3,      /* of a segment */
    MAX_SEGMENTS = 48, /* the longest */
    VANISH_SEGMENTS = 12,
    FIT_ROUNDS = 4, /* of robust reweighting */
};
static const float LOGIT = 0.7f;        /* a pixel counts from probability 1/3 on */
static const float TOLERANCE = 2.5f;    /* noise of a mark's centre line, units */
static const float MAX_THICK = 0.045f;  /* of the picture's width, across the line */
static const float MIN_ASPECT = 2.5f;   /* length over thickness of a segment */
static const float MIN_LENGTH = 14.0f;  /* of a segment, units */
static const float LINE_LENGTH = 60.0f; /* seen of a line: units for score 1 - 1/e */
static const float MAX_OFFSET = 9.0f;   /* lateral, camera heights: about four lanes */
static const float SAME_LINE = 0.3f;    /* lateral, camera heights: closer is one boundary */

struct run {        /* neighbouring line pixels of one row */
    int row, below; /* the run it continues, -1: it starts a segment */
    float x, width; /* centre weighted by probability and width, mask px */
    float p;        /* mean probability */
    float left, right;
};

struct segment { /* runs linked upwards */
    int top;     /* index of its highest run */
    int rows;
    float slope; /* mask px per row upwards, smoothed */
    float width; /* mean of its runs */
    /* filled by measure(), picture px: */
    float y_top, y_bottom, x_mean, y_mean, dxdy;
    float length, p;
    int line; /* the line it belongs to, -1: none */
};

enum { TERMS = 3 };

struct line { /* x = k0 + k1 t + k2 0.1/t, with t = v / v_bottom: position, heading, curvature */
    double k[TERMS], cov[TERMS * TERMS];
    double noise; /* px: spread of the marks around it */
    float y_top, y_bottom, length, p;
    float score;
};

struct lane_trace {
    int width, height; /* of the mask */
    int n_runs, n_segments;
    struct run *run;         /* (height * ROW_RUNS) */
    struct segment *segment; /* (height * ROW_RUNS) */
    unsigned char *row_used; /* (height) rows of the line being built */
    struct segment best[MAX_SEGMENTS];
    int n_best;
    float sx, sy, unit; /* picture px per mask px; px per unit */
    float picture_w, picture_h;
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
    if (!t)
        return err_say(why, ERR_NOMEM, "lane mask: no memory");
    size_t runs = (size_t)mask_height * ROW_RUNS;
    t->width = mask_width;
    t->height = mask_height;
    t->run = calloc(runs, sizeof *t->run);
    t->segment = calloc(runs, sizeof *t->segment);
    t->row_used = calloc((size_t)mask_height, 1);
    if (!t->run || !t->segment || !t->row_used) {
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
    free(t->run);
    free(t->segment);
    free(t->row_used);
    free(t);
}

/* ---- runs and segments -------------------------------------------------------------------- */

/* The runs of one row, appended to t->run; returns how many, 0 for a row of noise. */
static int cut_row(struct lane_trace *t, const float *other, const float *line, int row)
{
    int first = t->n_runs, n = 0;

    for (int x = 0; x < t->width;) {
        if (!(line[x] + LOGIT > other[x])) {
            x++;
            continue;
        }
        float sum = 0, moment = 0;
        int x0 = x;
        for (; x < t->width && line[x] + LOGIT > other[x]; x++) {
            float p = 1 / (1 + expf(fminf(other[x] - line[x], 60.0f)));

            sum += p;
            moment += p * ((float)x + 0.5f);
        }
        if (n == ROW_RUNS)
            return 0;
        t->run[first + n++] = (struct run){.row = row,
                                           .below = -1,
                                           .x = moment / sum,
                                           .width = (float)(x - x0),
                                           .p = sum / (float)(x - x0),
                                           .left = (float)x0,
                                           .right = (float)x};
    }
    return n;
}

static bool touches(const struct run *a, const struct run *b)
{
    return a->left <= b->right + 1 && b->left <= a->right + 1;
}

/* The segment that run continues best, among the active ones; -1: none. A run much wider than the
 * segment is where it meets another line or a bar across the road: the segment ends there. */
static int find_below(const struct lane_trace *t, const struct run *r, const int *active, int n)
{
    float best = 1e30f;
    int found = -1;

    for (int i = 0; i < n; i++) {
        const struct segment *s = &t->segment[active[i]];
        const struct run *last = &t->run[s->top];

        if (last->row == r->row || !touches(r, last))
            continue;
        if (s->rows >= MIN_ROWS && r->width > 2.2f * s->width + 4)
            continue;
        float off = fabsf(last->x + s->slope * (float)(last->row - r->row) - r->x);
        if (off < best) {
            best = off;
            found = active[i];
        }
    }
    return found;
}

static void extend(struct lane_trace *t, int segment, int run)
{
    struct segment *s = &t->segment[segment];
    struct run *r = &t->run[run], *last = &t->run[s->top];
    float slope = (r->x - last->x) / (float)(last->row - r->row);
    float keep = s->rows < 8 ? (float)(s->rows - 1) / (float)s->rows : 0.875f;

    r->below = s->top;
    s->slope = s->slope * keep + slope * (1 - keep);
    s->width = s->width * keep + r->width * (1 - keep);
    s->top = run;
    s->rows++;
}

/* Link the runs of all rows, from the bottom upwards, to what they touch one or two rows below. */
static void link_runs(struct lane_trace *t, const float *other, const float *line)
{
    int active[3 * ROW_RUNS], n_active = 0;

    t->n_runs = t->n_segments = 0;
    for (int row = t->height - 1; row >= 0; row--) {
        size_t at = (size_t)row * (size_t)t->width;
        int first = t->n_runs, n = cut_row(t, other + at, line + at, row), kept = 0;

        for (int i = 0; i < n_active; i++)
            if (t->run[t->segment[active[i]].top].row <= row + 2)
                active[kept++] = active[i];
        n_active = kept;
        t->n_runs += n;
        for (int r = first; r < first + n; r++) {
            int s = find_below(t, &t->run[r], active, n_active);

            if (s >= 0) {
                extend(t, s, r);
            } else if (n_active < 3 * ROW_RUNS) {
                t->segment[t->n_segments] =
                    (struct segment){.top = r, .rows = 1, .width = t->run[r].width, .line = -1};
                active[n_active++] = t->n_segments++;
            }
        }
    }
}

static float picture_x(const struct lane_trace *t, const struct run *r)
{
    return r->x * t->sx;
}

static float picture_y(const struct lane_trace *t, const struct run *r)
{
    return ((float)r->row + 0.5f) * t->sy;
}

/* Straight line through the runs, length and thickness. False: not like a piece of a line. */
static bool measure(const struct lane_trace *t, struct segment *s)
{
    double n = s->rows, sx = 0, sy = 0, sxy = 0, syy = 0, w = 0, p = 0;
    float x_lo = 1e30f, x_hi = -1e30f;

    for (int r = s->top; r >= 0; r = t->run[r].below) {
        float x = picture_x(t, &t->run[r]), y = picture_y(t, &t->run[r]);

        sx += x;
        sy += y;
        sxy += (double)x * y;
        syy += (double)y * y;
        w += t->run[r].width;
        p += t->run[r].p;
        x_lo = fminf(x_lo, x);
        x_hi = fmaxf(x_hi, x);
        s->y_bottom = y;
    }
    s->y_top = picture_y(t, &t->run[s->top]);
    s->x_mean = (float)(sx / n);
    s->y_mean = (float)(sy / n);
    double var = syy / n - sy / n * sy / n;
    s->dxdy = var > 1e-6 ? (float)((sxy / n - sx / n * sy / n) / var) : 0;
    s->p = (float)(p / n);
    s->length = hypotf(x_hi - x_lo, s->y_bottom - s->y_top + t->sy);
    float thick = (float)(w / n) * t->sx / sqrtf(1 + s->dxdy * s->dxdy);
    return thick < MAX_THICK * t->picture_w && s->length > MIN_ASPECT * thick &&
           s->length > MIN_LENGTH * t->unit;
}

/* The longest segments that look like lines, longest first. */
static void pick_segments(struct lane_trace *t)
{
    t->n_best = 0;
    for (int i = 0; i < t->n_segments; i++) {
        struct segment s = t->segment[i];
        int at = t->n_best;

        if (s.rows < MIN_ROWS || !measure(t, &s))
            continue;
        if (at == MAX_SEGMENTS && t->best[--at].length >= s.length)
            continue;
        for (; at > 0 && t->best[at - 1].length < s.length; at--)
            t->best[at] = t->best[at - 1];
        t->best[at] = s;
        t->n_best += t->n_best < MAX_SEGMENTS;
    }
}

/* ---- where the lines meet ------------------------------------------------------------------- */

/* How much line length points at (x, y). */
static float vanish_support(const struct lane_trace *t, int n, float x, float y)
{
    float sum = 0, near = 6 * t->unit;

    for (int i = 0; i < n; i++) {
        const struct segment *s = &t->best[i];
        float off = (s->x_mean + s->dxdy * (y - s->y_mean) - x) / sqrtf(1 + s->dxdy * s->dxdy);

        if (y < s->y_top + 2 * t->unit)
            sum += s->length / (1 + off * off / (near * near));
    }
    return sum;
}

/* The crossing of two segments that most others point at too; without one, a little above the
 * highest mark. */
static void find_vanishing_point(struct lane_trace *t)
{
    int n = t->n_best < VANISH_SEGMENTS ? t->n_best : VANISH_SEGMENTS;
    float best = 0;

    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            const struct segment *a = &t->best[i], *b = &t->best[j];
            float turn = fabsf(atanf(a->dxdy) - atanf(b->dxdy));

            if (turn < 0.15f)
                continue;
            float y = (b->x_mean - b->dxdy * b->y_mean - a->x_mean + a->dxdy * a->y_mean) /
                      (a->dxdy - b->dxdy);
            float x = a->x_mean + a->dxdy * (y - a->y_mean);
            if (y > fminf(a->y_top, b->y_top) + 2 * t->unit || y < 0 || x < -0.25f * t->picture_w ||
                x > 1.25f * t->picture_w)
                continue;
            float support = vanish_support(t, n, x, y);
            if (support > best) {
                best = support;
                t->vanish_x = x;
                t->horizon_y = y;
            }
        }
    if (best > 0 || t->n_best == 0)
        return;
    float top = t->picture_h;
    for (int i = 0; i < t->n_best; i++)
        top = fminf(top, t->best[i].y_top);
    t->horizon_y = fmaxf(top - 0.04f * t->picture_h, 0);
    t->vanish_x = t->best[0].x_mean + t->best[0].dxdy * (t->horizon_y - t->best[0].y_mean);
}

/* ---- lines ------------------------------------------------------------------------------------
 */

static double row_t(const struct lane_trace *t, float y)
{
    double bottom = (double)t->picture_h - t->horizon_y;
    double v = (double)y - t->horizon_y;

    return fmax(v / bottom, 0.02);
}

static void basis(double tt, double f[TERMS])
{
    f[0] = 1;
    f[1] = tt;
    f[2] = 0.1 / tt;
}

static float line_x(const struct lane_trace *t, const struct line *l, float y)
{
    double f[TERMS];

    basis(row_t(t, y), f);
    return (float)(l->k[0] * f[0] + l->k[1] * f[1] + l->k[2] * f[2]);
}

static float line_sigma(const struct lane_trace *t, const struct line *l, float y)
{
    double f[TERMS], s = 0;

    basis(row_t(t, y), f);
    for (int i = 0; i < TERMS; i++)
        for (int j = 0; j < TERMS; j++)
            s += f[i] * l->cov[i * TERMS + j] * f[j];
    return (float)sqrt(fmax(s, 0));
}

static float line_slope(const struct lane_trace *t, const struct line *l, float y)
{
    double tt = row_t(t, y);

    return (float)((l->k[1] - l->k[2] * 0.1 / (tt * tt)) / ((double)t->picture_h - t->horizon_y));
}

/* Inverse of a symmetric positive definite 3x3. */
static void invert3(const double a[9], double out[9])
{
    double c0 = a[4] * a[8] - a[5] * a[7], c1 = a[5] * a[6] - a[3] * a[8];
    double c2 = a[3] * a[7] - a[4] * a[6];
    double det = a[0] * c0 + a[1] * c1 + a[2] * c2;

    out[0] = c0 / det;
    out[1] = out[3] = c1 / det;
    out[2] = out[6] = c2 / det;
    out[4] = (a[0] * a[8] - a[2] * a[6]) / det;
    out[5] = out[7] = (a[2] * a[3] - a[0] * a[5]) / det;
    out[8] = (a[0] * a[4] - a[1] * a[3]) / det;
}

/* Fit the runs of all segments of line number id by reweighted least squares. Priors keep short
 * marks honest: a line comes from near the vanishing point and bends like a road. Neighbouring
 * rows err alike, so each counts as a part of an observation only. */
static void line_fit(struct lane_trace *t, int id, struct line *l)
{
    const double rows_alike = 6, w = t->picture_w;
    const double prior[TERMS] = {0.08 * w, 20 * w, 0.12 * w};
    double noise = TOLERANCE * t->unit, mean[TERMS] = {t->vanish_x, 0, 0};

    for (int round = 0; round < FIT_ROUNDS; round++) {
        double a[TERMS * TERMS] = {0}, b[TERMS] = {0}, rss = 0, total = 0;

        for (int i = 0; i < TERMS; i++) {
            a[i * TERMS + i] = 1 / (prior[i] * prior[i]);
            b[i] = mean[i] * a[i * TERMS + i];
        }
        for (int s = 0; s < t->n_best; s++) {
            if (t->best[s].line != id)
                continue;
            for (int r = t->best[s].top; r >= 0; r = t->run[r].below) {
                double x = picture_x(t, &t->run[r]), f[TERMS], stretch, weight = 1;
                float y = picture_y(t, &t->run[r]);

                /* a row off by a little moves a shallow line by a lot */
                stretch = 1 + 0.25 * (double)t->best[s].dxdy * (double)t->best[s].dxdy;
                basis(row_t(t, y), f);
                if (round > 0) {
                    double e = (x - (l->k[0] * f[0] + l->k[1] * f[1] + l->k[2] * f[2]));
                    double z = e * e / (stretch * noise * noise);

                    weight = 1 / (1 + z / 4); /* Cauchy: far marks lose their say */
                    rss += weight * e * e / stretch;
                    total += weight;
                }
                weight *= (double)t->run[r].p / (stretch * noise * noise * rows_alike);
                for (int i = 0; i < TERMS; i++) {
                    b[i] += weight * f[i] * x;
                    for (int j = 0; j < TERMS; j++)
                        a[i * TERMS + j] += weight * f[i] * f[j];
                }
            }
        }
        if (round > 0) /* never trust a lucky fit of a short mark */
            noise = fmax(sqrt(rss / fmax(total, 1)), 0.6 * t->unit);
        invert3(a, l->cov);
        for (int i = 0; i < TERMS; i++) {
            l->k[i] = 0;
            for (int j = 0; j < TERMS; j++)
                l->k[i] += l->cov[i * TERMS + j] * b[j];
        }
    }
    l->noise = noise;
}

/* Distance of a segment from a line it may continue, as a share of what is tolerated there. */
static float misfit(const struct lane_trace *t, const struct line *l, const struct segment *s)
{
    float worst = 0, y[3] = {s->y_bottom, s->y_mean, s->y_top};
    float x[3] = {s->x_mean + s->dxdy * (s->y_bottom - s->y_mean), s->x_mean,
                  s->x_mean + s->dxdy * (s->y_top - s->y_mean)};

    for (int i = 0; i < 3; i++) {
        float v = fmaxf(y[i] - t->horizon_y, 0), slope = line_slope(t, l, y[i]);
        float limit = 4 * t->unit + 0.2f * v; /* a quarter of a metre or so */
        float tolerated =
            TOLERANCE * t->unit * sqrtf(1 + 0.25f * slope * slope) + 2 * line_sigma(t, l, y[i]);

        worst = fmaxf(worst, fabsf(x[i] - line_x(t, l, y[i])) / fminf(tolerated, limit));
    }
    return worst;
}

static void mark_rows(struct lane_trace *t, const struct segment *s)
{
    for (int r = s->top; r >= 0; r = t->run[r].below)
        t->row_used[t->run[r].row] = 1;
}

static bool rows_taken(const struct lane_trace *t, const struct segment *s)
{
    int taken = 0;

    for (int r = s->top; r >= 0; r = t->run[r].below)
        taken += t->row_used[t->run[r].row];
    return taken * 4 > s->rows;
}

/* Grow line number id from its seed: again and again the segment that continues it best. */
static void line_grow(struct lane_trace *t, int seed, int id, struct line *l)
{
    memset(t->row_used, 0, (size_t)t->height);
    for (int next = seed; next >= 0;) {
        float best = 1;

        t->best[next].line = id;
        mark_rows(t, &t->best[next]);
        line_fit(t, id, l);
        next = -1;
        for (int s = 0; s < t->n_best; s++) {
            if (t->best[s].line >= 0 || rows_taken(t, &t->best[s]))
                continue;
            float m = misfit(t, l, &t->best[s]);
            if (m < best) {
                best = m;
                next = s;
            }
        }
    }
    l->y_top = t->picture_h;
    l->y_bottom = l->length = l->p = 0;
    for (int s = 0; s < t->n_best; s++) {
        const struct segment *g = &t->best[s];

        if (g->line != id)
            continue;
        l->y_top = fminf(l->y_top, g->y_top);
        l->y_bottom = fmaxf(l->y_bottom, g->y_bottom);
        l->length += g->length;
        l->p += g->length * g->p;
    }
    l->p /= l->length;
    l->score = l->p * (1 - expf(-l->length / (LINE_LENGTH * t->unit)));
}

/* Whether it can be a boundary of a road that we drive along. */
static bool line_plausible(const struct lane_trace *t, const struct line *l)
{
    float bottom = t->picture_h - t->horizon_y, v = l->y_bottom - t->horizon_y;

    if (l->y_bottom - l->y_top < 0.02f * t->picture_h || v < 0.02f * t->picture_h)
        return false;
    if (fabs(l->k[1]) > (double)(MAX_OFFSET * bottom)) /* a bar across the road, or far off it */
        return false;
    /* The tangent where it is nearest leads to the vanishing area. */
    float slope = line_slope(t, l, l->y_bottom);
    float x = line_x(t, l, l->y_bottom) - slope * v;
    return fabsf(x - t->vanish_x) < 0.25f * t->picture_w && l->noise < (double)(6 * t->unit);
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
        limit += 3 * t->unit + SAME_LINE * fmaxf(y - t->horizon_y, 0);
    }
    return off < limit;
}

/* ---- out --------------------------------------------------------------------------------------
 */

/* Share of rows with a mark of line id around picture row y. */
static float rows_seen(const struct lane_trace *t, float y, float step)
{
    int lo = (int)floorf((y - 0.5f * step) / t->sy), hi = (int)ceilf((y + 0.5f * step) / t->sy);
    int n = 0, used = 0;

    for (int row = lo < 0 ? 0 : lo; row < hi && row < t->height; row++) {
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
    float y0 = fminf(l->y_bottom + 1.5f * (l->y_bottom - l->y_top), t->picture_h - 0.5f);
    float step = (y0 - l->y_top) / (float)(HEAD_MAX_CURVE_POINTS - 1);

    memset(t->row_used, 0, (size_t)t->height);
    for (int s = 0; s < t->n_best; s++)
        if (t->best[s].line == id)
            mark_rows(t, &t->best[s]);
    *c = (struct lane_curve){.score = l->score, .kind = LANE_LINE};
    for (int i = 0; i < HEAD_MAX_CURVE_POINTS; i++) {
        float y = y0 - step * (float)i, x = line_x(t, l, y), slope = line_slope(t, l, y);
        float row = 0.35f * t->sy * slope, fit = line_sigma(t, l, y);
        float mark = 0.9f * t->unit + 0.007f * fmaxf(y - t->horizon_y, 0);
        float below = fmaxf(y - l->y_bottom, 0) * 0.03f;

        if (!(x >= 0 && x <= t->picture_w))
            continue;
        c->point[c->n].x = x;
        c->point[c->n].y = y;
        c->point[c->n].sigma_x = sqrtf(mark * mark + row * row + fit * fit + below * below);
        c->point[c->n].seen = rows_seen(t, y, step);
        c->n++;
    }
}

void lane_trace_run(struct lane_trace *t, const float *other, const float *line, int width,
                    int height, float score_min, struct perceived *out)
{
    struct line found[HEAD_MAX_CURVES];
    int n = 0;

    t->picture_w = (float)width;
    t->picture_h = (float)height;
    t->sx = t->picture_w / (float)t->width;
    t->sy = t->picture_h / (float)t->height;
    t->unit = t->picture_w / 640;
    link_runs(t, other, line);
    pick_segments(t);
    find_vanishing_point(t);

    out->n_curves = 0;
    for (int s = 0; s < t->n_best && n < HEAD_MAX_CURVES; s++) {
        struct line l;
        bool again = false;

        if (t->best[s].line >= 0)
            continue;
        line_grow(t, s, s, &l);
        for (int i = 0; i < n && !again; i++)
            again = line_same(t, &found[i], &l);
        if (again || l.score < score_min || !line_plausible(t, &l))
            continue;
        line_points(t, s, &l, &out->curve[n]);
        if (out->curve[n].n < 2)
            continue;
        found[n++] = l;
    }
    out->n_curves = n;
    lane_curves_order(out, width, height);
}
