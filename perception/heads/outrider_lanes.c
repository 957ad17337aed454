#include "perception/heads/outrider_lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/decoder.h"
#include "perception/heads/lane_bundle.h"
#include "perception/heads/outrider.h"

enum { LEAST_ROWS = 3, MAX_STEP = 6 /* cells to the side in a row */ };
enum { SMOOTH_ROWS = 3 /* to each side */, CONTINUE_FROM = 12 /* the lowest rows */ };

/* A row without evidence costs MISS: paths across it go on for some rows. A bend costs the square of how much the step
 * to the side changes: lines lean as they will, but straight. */
static const float MISS = -1.5f, BIAS = 1, MOST = 4, BEND = 0.2f, LEAST_SCORE = 0.35f;
static const float ON_EDGE = 16; /* input px */
/* What is left of a row's sigma in the bundle, so that one covers 68 % on simulated roads that nobody learned from. */
static const float TOGETHER = 0.6f;

enum err own_lanes_init(struct own_lanes *l, const float *plane, int width, int height)
{
    const size_t n = (size_t)width * (size_t)height;

    *l = (struct own_lanes){width, height, plane, malloc(n * sizeof *l->sum),
                            malloc(n * sizeof *l->from)};
    if (l->sum && l->from)
        return OK;
    own_lanes_finish(l);
    return ERR_NOMEM;
}

void own_lanes_finish(struct own_lanes *l)
{
    free(l->sum);
    free(l->from);
    *l = (struct own_lanes){0};
}

struct cell {
    int row, column;
};

static const float *plane(const struct own_lanes *l, int channel)
{
    return l->plane + (size_t)channel * (size_t)(l->width * l->height);
}

/* What a cell adds to a path. NAN adds nothing. */
static float gain(float logit)
{
    return fminf(fmaxf(logit + BIAS, MISS), MOST);
}

struct span { /* columns of a row that a path may come from */
    int first, last;
};

static void reach(struct own_lanes *l, const float *logit, int row, int column, struct span below)
{
    const int at = row * l->width + column, under = at + l->width - column;
    const int left = column - MAX_STEP > below.first ? column - MAX_STEP : below.first,
              right = column + MAX_STEP < below.last ? column + MAX_STEP : below.last;
    float best = 0;
    int from = -1;

    for (int c = left; c <= right; c++) {
        const int before = l->from[under + c];
        const float bend = before < 0 ? 0 : (float)((column - c) - (c - before));
        const float sum = l->sum[under + c] - BEND * bend * bend;

        if (sum > best) {
            best = sum;
            from = c;
        }
    }
    l->sum[at] = best + gain(logit[at]);
    l->from[at] = (int16_t)from;
}

/* From the bottom upwards (Bellman 1957). Returns the upper end of the best path, row -1: there is none. Most cells
 * see nothing below them, so that a row costs little more than it has columns. */
static struct cell best_end(struct own_lanes *l, const float *logit, int width, int height)
{
    struct span below = {width, -1};
    struct cell end = {-1, -1};
    float best = 0;

    for (int row = height - 1; row >= 0; row--) {
        struct span here = {width, -1};

        for (int column = 0; column < width; column++) {
            reach(l, logit, row, column, below);
            const float sum = l->sum[row * l->width + column];

            if (!(sum > 0))
                continue;
            here.first = here.first < column ? here.first : column;
            here.last = column;
            if (sum > best) {
                best = sum;
                end = (struct cell){row, column};
            }
        }
        below = here;
    }
    return end;
}

static void add_point(const struct own_lanes *l, int boundary, struct cell c, const struct fit *fit,
                      struct lane_curve *out)
{
    const int at = c.row * l->width + c.column;
    const float offset = plane(l, OWN_LINE_X + boundary)[at],
                log_b = plane(l, OWN_LINE_SCALE + boundary)[at];
    const float x = ((float)c.column + 0.5f + fminf(fmaxf(offset, -1), 1)) * 8 * fit->x_scale;

    if (out->n == HEAD_MAX_CURVE_POINTS || !isfinite(x))
        return;
    out->point[out->n].x = fminf(fmaxf(x, 0), (float)fit->picture_width);
    out->point[out->n].y =
        fminf(((float)c.row + 0.5f) * 8 * fit->y_scale, (float)fit->picture_height);
    out->point[out->n].sigma_x = 1.41421356f * expf(fminf(fmaxf(log_b, -6), 4)) * 8 * fit->x_scale;
    out->point[out->n].seen = head_sigmoid(plane(l, OWN_LINE + boundary)[at]);
    out->n++;
}

/* What most of its cells say, by their share; 0: nothing. */
static int vote(const struct own_lanes *l, int channel, int n, const struct cell *path, int length,
                float *share)
{
    float sum[OWN_LANE_TYPES] = {0}, all = 0;
    int best = 0;

    for (int i = 0; i < length; i++) {
        const int at = path[i].row * l->width + path[i].column;
        float p[OWN_LANE_TYPES], most = -INFINITY, total = 0;

        for (int k = 0; k < n; k++)
            most = fmaxf(most, plane(l, channel + k)[at]);
        for (int k = 0; k < n; k++)
            total += p[k] = expf(plane(l, channel + k)[at] - most);
        for (int k = 0; k < n && total > 0; k++) {
            sum[k] += p[k] / total;
            all += p[k] / total;
        }
    }
    for (int k = 1; k < n; k++)
        if (sum[k] > sum[best])
            best = k;
    *share = all > 0 ? sum[best] / all : 0;
    return all > 0 ? best + 1 : 0;
}

/* One point a row; where there are more rows than points, every second row, or third ... */
static void add_path(const struct own_lanes *l, int boundary, const struct cell *path, int length,
                     const struct fit *fit, struct lane_curve *out)
{
    const int every = (length + HEAD_MAX_CURVE_POINTS - 1) / HEAD_MAX_CURVE_POINTS;
    float sum = 0;

    *out = (struct lane_curve){.kind = boundary < OWN_EDGES ? LANE_LINE : LANE_ROAD_EDGE,
                               .role = OWN_ROLE[boundary]};
    for (int i = 0; i < length; i++) {
        sum += head_sigmoid(plane(l, OWN_LINE + boundary)[path[i].row * l->width + path[i].column]);
        if (i % every == 0)
            add_point(l, boundary, path[i], fit, out);
    }
    out->score = sum / (float)length;
    out->type = (enum lane_type)vote(l, OWN_TYPE, OWN_LANE_TYPES, path, length, &out->type_share);
    out->color =
        (enum lane_color)vote(l, OWN_COLOR, OWN_LANE_COLORS, path, length, &out->color_share);
}

/* ---- from points to a line ----------------------------------------------------------------- */

struct straight { /* x = at + lean (y - y0) */
    float at, lean, y0;
};

/* Through points from..to, by least squares with their sigmas. */
static struct straight straight_through(const struct lane_curve *c, int from, int to)
{
    float w = 0, y = 0, x = 0, yy = 0, xy = 0;

    for (int i = from; i <= to; i++) {
        const float wi = 1 / (c->point[i].sigma_x * c->point[i].sigma_x);

        w += wi;
        y += wi * c->point[i].y;
        x += wi * c->point[i].x;
    }
    y /= w;
    x /= w;
    for (int i = from; i <= to; i++) {
        const float wi = 1 / (c->point[i].sigma_x * c->point[i].sigma_x), d = c->point[i].y - y;

        yy += wi * d * d;
        xy += wi * d * (c->point[i].x - x);
    }
    return (struct straight){x, yy > 0 ? xy / yy : 0, y};
}

/* Rows err each for itself, lines bend little: each point onto the straight line through its neighbours. */
static void smooth(struct lane_curve *c)
{
    float x[HEAD_MAX_CURVE_POINTS] = {0};

    for (int i = 0; i < c->n; i++) {
        int reach = SMOOTH_ROWS;

        reach = i < reach ? i : reach;
        reach = c->n - 1 - i < reach ? c->n - 1 - i : reach;
        const struct straight s = straight_through(c, i - reach, i + reach);
        x[i] = s.at + s.lean * (c->point[i].y - s.y0);
    }
    for (int i = 0; i < c->n; i++)
        c->point[i].x = x[i];
}

/* Each line by itself drifts where little is to be seen of it; parallel to the others it does not, and is surer. */
static void align(struct lane_curve *curve, int n, const struct fit *fit)
{
    struct lane_bundle b;

    if (!lane_bundle_fit(curve, n, 8 * fit->y_scale, &b))
        return;
    for (int i = 0; i < n; i++)
        for (int k = 0; !isnan(b.beside[i]) && k < curve[i].n; k++) {
            const float x = (float)lane_bundle_x(&b, i, (double)curve[i].point[k].y);

            curve[i].point[k].x = fminf(fmaxf(x, 0), (float)fit->picture_width);
            curve[i].point[k].sigma_x *= TOGETHER;
        }
}

/* Where nothing is painted near us, in the gap of a dashed line, the boundary goes on as it comes: to the lowest row
 * or the side of the picture, not seen, and less and less sure. */
static void continue_down(struct lane_curve *c, const struct fit *fit)
{
    const float step = 8 * fit->y_scale, width = (float)fit->picture_width;
    const int used = c->n < CONTINUE_FROM ? c->n : CONTINUE_FROM;
    const struct straight s = straight_through(c, 0, used - 1);
    float y = c->point[0].y, sigma = c->point[0].sigma_x;
    int rows = 0;

    while (c->n + rows < HEAD_MAX_CURVE_POINTS &&
           y + (float)(rows + 1) * step < (float)fit->picture_height) {
        const float x = s.at + s.lean * (y + (float)(rows + 1) * step - s.y0);

        if (!(x >= 0 && x <= width))
            break;
        rows++;
    }
    memmove(c->point + rows, c->point, (size_t)c->n * sizeof *c->point);
    for (int i = 0; i < rows; i++) {
        const int down = rows - i;
        const float at = y + (float)down * step;

        c->point[i].x = s.at + s.lean * (at - s.y0);
        c->point[i].y = at;
        c->point[i].sigma_x = sigma * (1 + 0.5f * (float)down);
        c->point[i].seen = 0;
    }
    c->n += rows;
}

/* ---- what its neighbour knows -------------------------------------------------------------- */

/* x of a curve at a row that it has a point in; NAN: it has none. All points lie in the middle of rows of cells. */
static float x_at_row(const struct lane_curve *c, float y, float step)
{
    for (int i = 0; i < c->n; i++)
        if (fabsf(c->point[i].y - y) < 0.1f * step)
            return c->point[i].x;
    return NAN;
}

/* How far c lies beside other, as it is by rows: on a flat road that falls evenly to nothing at the horizon. False:
 * they have too few rows in common. */
static bool gap_between(const struct lane_curve *c, const struct lane_curve *other, float step,
                        struct straight *gap)
{
    struct lane_curve *const between = &(struct lane_curve){0};

    for (int i = 0; i < c->n; i++) {
        const float x = x_at_row(other, c->point[i].y, step);

        if (isnan(x) || c->point[i].seen <= 0)
            continue;
        between->point[between->n] = c->point[i];
        between->point[between->n++].x -= x;
    }
    if (between->n < 4)
        return false;
    *gap = straight_through(between, 0, between->n - 1);
    return true;
}

/* Up to where other ends, parallel to it on the road, not seen. */
static void continue_up(struct lane_curve *c, const struct lane_curve *other, float step,
                        float width)
{
    struct straight gap;

    if (!gap_between(c, other, step, &gap))
        return;
    const float side = gap.at, sigma = c->point[c->n - 1].sigma_x;
    for (int rows = 1; c->n < HEAD_MAX_CURVE_POINTS; rows++) {
        const float y = c->point[c->n - 1].y - step, at = x_at_row(other, y, step),
                    beside = gap.at + gap.lean * (y - gap.y0), x = at + beside;

        if (isnan(at) || beside * side <= 0 || !(x >= 0 && x <= width))
            break;
        c->point[c->n].x = x;
        c->point[c->n].y = y;
        c->point[c->n].sigma_x = sigma * (1 + 0.3f * (float)rows);
        c->point[c->n].seen = 0;
        c->n++;
    }
}

/* Each boundary as far ahead as the one of them that is seen farthest. */
static void complete(struct perceived *out, const struct fit *fit)
{
    const struct lane_curve *farthest = NULL;

    for (int i = 0; i < out->n_curves; i++) {
        const struct lane_curve *c = &out->curve[i];

        if (!farthest || c->point[c->n - 1].y < farthest->point[farthest->n - 1].y)
            farthest = c;
    }
    for (int i = 0; i < out->n_curves; i++)
        if (&out->curve[i] != farthest)
            continue_up(&out->curve[i], farthest, 8 * fit->y_scale, (float)fit->picture_width);
}

static void trace(struct own_lanes *l, int boundary, int width, int height, const struct fit *fit,
                  struct perceived *out)
{
    struct cell path[IMAGE_MAX_SIDE / 8],
        at = best_end(l, plane(l, OWN_LINE + boundary), width, height);
    int length = 0;

    while (at.row >= 0 && at.row < height) {
        path[length++] = at;
        if (l->from[at.row * l->width + at.column] < 0)
            break;
        at = (struct cell){at.row + 1, l->from[at.row * l->width + at.column]};
    }
    for (int i = 0; i < length / 2; i++) { /* bottom upwards */
        const struct cell swap = path[i];

        path[i] = path[length - 1 - i];
        path[length - 1 - i] = swap;
    }
    if (length < LEAST_ROWS || out->n_curves == HEAD_MAX_CURVES)
        return;
    struct lane_curve *c = &out->curve[out->n_curves];
    add_path(l, boundary, path, length, fit, c);
    if (c->n >= 2)
        smooth(c);
    out->n_curves += c->score >= LEAST_SCORE && c->n >= 2;
}

/* The mean distance of two curves, rows that both have; INFINITY: they have too few. */
static float apart(const struct lane_curve *a, const struct lane_curve *b, float step)
{
    float sum = 0;
    int n = 0;

    for (int i = 0; i < a->n; i++) {
        const float x = x_at_row(b, a->point[i].y, step);

        if (isnan(x))
            continue;
        sum += fabsf(x - a->point[i].x);
        n++;
    }
    return n < LEAST_ROWS ? INFINITY : sum / (float)n;
}

/* A line that lies where a surer edge does is the edge. */
static void drop_edges_taken_for_lines(struct perceived *out, const struct fit *fit)
{
    int kept = 0;

    for (int i = 0; i < out->n_curves; i++) {
        const struct lane_curve *c = &out->curve[i];
        bool is_edge = false;

        for (int k = 0; k < out->n_curves && c->kind == LANE_LINE; k++)
            is_edge |= out->curve[k].kind == LANE_ROAD_EDGE && out->curve[k].score > c->score &&
                       apart(c, &out->curve[k], 8 * fit->y_scale) < ON_EDGE * fit->x_scale;
        if (!is_edge)
            out->curve[kept++] = *c;
    }
    out->n_curves = kept;
}

/* An edge is a boundary of our lane only where no line is. */
static void settle_edges(struct perceived *out)
{
    for (int i = 0; i < out->n_curves; i++)
        for (int k = 0; out->curve[i].kind == LANE_ROAD_EDGE && k < out->n_curves; k++)
            if (out->curve[k].kind == LANE_LINE && out->curve[k].role == out->curve[i].role) {
                out->curve[i].role = 0;
                break;
            }
}

void own_lanes_decode(struct own_lanes *l, const struct fit *fit, struct perceived *out)
{
    const int width = head_covered(l->width, fit->width, fit->input_width),
              height = head_covered(l->height, fit->height, fit->input_height);

    for (int i = 0; i < OWN_BOUNDARIES; i++)
        trace(l, i, width, height, fit, out);
    align(out->curve, out->n_curves, fit);
    for (int i = 0; i < out->n_curves; i++)
        continue_down(&out->curve[i], fit);
    drop_edges_taken_for_lines(out, fit);
    settle_edges(out);
    complete(out, fit);
}
