#include "perception/heads/lane_segments.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    ROW_RUNS = 32, /* a row with more is noise, not a road */
    MIN_ROWS = 3,  /* of a segment */
};
static const float LOGIT = 0.7f;       /* a pixel counts from probability 1/3 on */
static const float MAX_THICK = 0.045f; /* of the picture's width, across the line */
static const float MIN_ASPECT = 2.5f;  /* length over thickness of a segment */
static const float MIN_LENGTH = 14;    /* of a segment, units */

enum err lane_segments_init(struct lane_segments *m, int width, int height)
{
    size_t runs = (size_t)height * ROW_RUNS;

    *m = (struct lane_segments){.width = width, .height = height};
    m->run = calloc(runs, sizeof *m->run);
    m->all = calloc(runs, sizeof *m->all);
    if (m->run && m->all)
        return OK;
    lane_segments_finish(m);
    return ERR_NOMEM;
}

void lane_segments_finish(struct lane_segments *m)
{
    free(m->run);
    free(m->all);
    *m = (struct lane_segments){0};
}

/* The runs of one row, appended to m->run; returns how many, 0 for a row of noise. */
static int cut_row(struct lane_segments *m, const float *other, const float *line, int row)
{
    int first = m->n_run, n = 0;

    for (int x = 0; x < m->width;) {
        if (!(line[x] + LOGIT > other[x])) {
            x++;
            continue;
        }
        float sum = 0, moment = 0;
        int x0 = x;
        for (; x < m->width && line[x] + LOGIT > other[x]; x++) {
            float p = 1 / (1 + expf(fminf(other[x] - line[x], 60.0f)));

            sum += p;
            moment += p * ((float)x + 0.5f);
        }
        if (n == ROW_RUNS)
            return 0;
        m->run[first + n++] = (struct lane_run){.row = row,
                                                .below = -1,
                                                .x = moment / sum * m->sx,
                                                .y = ((float)row + 0.5f) * m->sy,
                                                .p = sum / (float)(x - x0),
                                                .left = x0,
                                                .right = x};
    }
    return n;
}

static bool touches(const struct lane_run *a, const struct lane_run *b)
{
    return a->left <= b->right + 1 && b->left <= a->right + 1;
}

/* The segment that run continues best, among the active ones; -1: none. Where the
 * width jumps, a line meets another one or a bar across the road: the segment ends there. */
static int find_below(const struct lane_segments *m, const struct lane_run *r, const int *active,
                      int n)
{
    float best = 1e30f, width = (float)(r->right - r->left);
    int found = -1;

    for (int i = 0; i < n; i++) {
        const struct lane_segment *s = &m->all[active[i]];
        const struct lane_run *last = &m->run[s->top];

        if (last->row == r->row || !touches(r, last))
            continue;
        if (s->rows >= MIN_ROWS && (width > 2.2f * s->width + 4 || 2.2f * width + 4 < s->width))
            continue;
        float off = fabsf(last->x + s->slope * (float)(last->row - r->row) - r->x);
        if (off < best) {
            best = off;
            found = active[i];
        }
    }
    return found;
}

static void extend(struct lane_segments *m, int segment, int run)
{
    struct lane_segment *s = &m->all[segment];
    struct lane_run *r = &m->run[run], *last = &m->run[s->top];
    float slope = (r->x - last->x) / (float)(last->row - r->row);
    float keep = s->rows < 8 ? (float)(s->rows - 1) / (float)s->rows : 0.875f;

    r->below = s->top;
    s->slope = s->slope * keep + slope * (1 - keep);
    s->width = s->width * keep + (float)(r->right - r->left) * (1 - keep);
    s->top = run;
    s->rows++;
}

/* Link the runs of all rows, from the bottom upwards, to what they touch one or two rows below. */
static void link_runs(struct lane_segments *m, const float *other, const float *line)
{
    int active[3 * ROW_RUNS], n_active = 0;

    m->n_run = m->n_all = 0;
    for (int row = m->height - 1; row >= 0; row--) {
        size_t at = (size_t)row * (size_t)m->stride;
        int first = m->n_run, n = cut_row(m, other + at, line + at, row), kept = 0;

        for (int i = 0; i < n_active; i++)
            if (m->run[m->all[active[i]].top].row <= row + 2)
                active[kept++] = active[i];
        n_active = kept;
        m->n_run += n;
        for (int r = first; r < first + n; r++) {
            int s = find_below(m, &m->run[r], active, n_active);

            if (s >= 0) {
                extend(m, s, r);
            } else if (n_active < 3 * ROW_RUNS) {
                m->all[m->n_all] =
                    (struct lane_segment){.top = r,
                                          .rows = 1,
                                          .width = (float)(m->run[r].right - m->run[r].left),
                                          .line = -1};
                active[n_active++] = m->n_all++;
            }
        }
    }
}

/* Straight line through the runs, length and thickness. False: not like a piece of a line. */
static bool measure(const struct lane_segments *m, struct lane_segment *s)
{
    double n = s->rows, sx = 0, sy = 0, sxy = 0, syy = 0, w = 0, p = 0;
    float x_lo = 1e30f, x_hi = -1e30f;

    for (int r = s->top; r >= 0; r = m->run[r].below) {
        float x = m->run[r].x, y = m->run[r].y;

        sx += x;
        sy += y;
        sxy += (double)x * y;
        syy += (double)y * y;
        w += m->run[r].right - m->run[r].left;
        p += m->run[r].p;
        x_lo = fminf(x_lo, x);
        x_hi = fmaxf(x_hi, x);
        s->y_bottom = y;
    }
    s->y_top = m->run[s->top].y;
    s->x_mean = (float)(sx / n);
    s->y_mean = (float)(sy / n);
    double var = syy / n - sy / n * sy / n;
    s->dxdy = var > 1e-6 ? (float)((sxy / n - sx / n * sy / n) / var) : 0;
    s->p = (float)(p / n);
    s->length = hypotf(x_hi - x_lo, s->y_bottom - s->y_top + m->sy);
    float thick = (float)(w / n) * m->sx / sqrtf(1 + s->dxdy * s->dxdy);
    return thick < MAX_THICK * m->picture_w && s->length > MIN_ASPECT * thick &&
           s->length > MIN_LENGTH * m->unit;
}

/* The longest segments that look like lines, longest first. */
static void keep_longest(struct lane_segments *m)
{
    m->n = 0;
    for (int i = 0; i < m->n_all; i++) {
        struct lane_segment s = m->all[i];
        int at = m->n;

        if (s.rows < MIN_ROWS || !measure(m, &s))
            continue;
        if (at == LANE_SEGMENTS_KEPT && m->kept[--at].length >= s.length)
            continue;
        for (; at > 0 && m->kept[at - 1].length < s.length; at--)
            m->kept[at] = m->kept[at - 1];
        m->kept[at] = s;
        m->n += m->n < LANE_SEGMENTS_KEPT;
    }
}

void lane_segments_find(struct lane_segments *m, const struct lane_mask *mask)
{
    m->width = mask->width;
    m->height = mask->height;
    m->stride = mask->stride;
    m->picture_w = (float)mask->picture_width;
    m->picture_h = (float)mask->picture_height;
    m->sx = mask->x_scale;
    m->sy = mask->y_scale;
    m->unit = m->picture_w / 640;
    link_runs(m, mask->other, mask->line);
    keep_longest(m);
}
