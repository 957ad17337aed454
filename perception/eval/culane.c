#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perception/eval/best_pairs.h"
#include "perception/eval/lane_scores.h"

struct canvas {
    int width, height;
    double half_px;  /* of a line's width */
    uint64_t *pixel; /* (height, width) a bit for each line: truths from 0, guesses above */
    long area[2 * LANE_SCORES_MAX]; /* of each line */
};

static double squared_distance(double px, double py, const double a[2], const double b[2])
{
    const double dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    double t = length > 0 ? ((px - a[0]) * dx + (py - a[1]) * dy) / length : 0;

    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double x = px - a[0] - t * dx, y = py - a[1] - t * dy;
    return x * x + y * y;
}

static int clamp(double v, int max)
{
    return v < 0 ? 0 : v > max ? max : (int)v;
}

static void draw_piece(struct canvas *k, int line, const double a[2], const double b[2])
{
    const double r = k->half_px;
    const int x0 = clamp(fmin(a[0], b[0]) - r, k->width),
              x1 = clamp(fmax(a[0], b[0]) + r + 1, k->width);
    const int y0 = clamp(fmin(a[1], b[1]) - r, k->height),
              y1 = clamp(fmax(a[1], b[1]) + r + 1, k->height);

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            uint64_t *p = &k->pixel[(size_t)y * (size_t)k->width + (size_t)x];

            if (!(*p >> line & 1) && squared_distance(x + 0.5, y + 0.5, a, b) <= r * r) {
                *p |= UINT64_C(1) << line;
                k->area[line]++;
            }
        }
}

/* Straight from each row where it is to the next where it is. */
static void draw_line(struct canvas *k, int line, const double *x, const double *y, int rows)
{
    double last[2] = {-1, 0};

    for (int i = 0; i < rows; i++) {
        const double here[2] = {x[i], y[i]};

        if (!(x[i] >= 0))
            continue;
        draw_piece(k, line, last[0] >= 0 ? last : here, here);
        last[0] = here[0];
        last[1] = here[1];
    }
}

/* iou (n_truths, n_guesses) */
static void overlap(const struct canvas *k, const struct lane_case *c, double *iou)
{
    const size_t pixels = (size_t)k->width * (size_t)k->height;

    memset(iou, 0, (size_t)c->n_truths * (size_t)c->n_guesses * sizeof *iou);
    for (size_t i = 0; i < pixels; i++) {
        const uint32_t truths = (uint32_t)k->pixel[i],
                       guesses = (uint32_t)(k->pixel[i] >> LANE_SCORES_MAX);

        if (truths && guesses)
            for (int t = 0; t < c->n_truths; t++)
                for (int g = 0; truths >> t & 1 && g < c->n_guesses; g++)
                    iou[t * c->n_guesses + g] += guesses >> g & 1;
    }
    for (int t = 0; t < c->n_truths; t++)
        for (int g = 0; g < c->n_guesses; g++) {
            double *v = &iou[t * c->n_guesses + g];

            if (*v > 0)
                *v /= (double)(k->area[t] + k->area[LANE_SCORES_MAX + g]) - *v;
        }
}

enum err culane_match(const struct lane_case *c, int width, int height, double line_px,
                      double iou_min, int match[LANE_SCORES_MAX])
{
    double iou[LANE_SCORES_MAX * LANE_SCORES_MAX];
    struct canvas k = {.width = width, .height = height, .half_px = line_px / 2};

    k.pixel = calloc((size_t)width * (size_t)height, sizeof *k.pixel);
    if (!k.pixel)
        return ERR_NOMEM;
    for (int t = 0; t < c->n_truths; t++)
        draw_line(&k, t, c->truth + (size_t)t * (size_t)c->rows, c->y, c->rows);
    for (int g = 0; g < c->n_guesses; g++)
        draw_line(&k, LANE_SCORES_MAX + g, c->guess + (size_t)g * (size_t)c->rows, c->y, c->rows);
    overlap(&k, c, iou);
    free(k.pixel);
    if (best_pairs(iou, c->n_truths, c->n_guesses, match) != OK)
        return ERR_NOMEM;
    for (int t = 0; t < c->n_truths; t++)
        if (match[t] >= 0 && !(iou[t * c->n_guesses + match[t]] > iou_min))
            match[t] = -1;
    return OK;
}

struct culane_score culane_count(const struct lane_case *c, const int *match)
{
    struct culane_score s = {0, c->n_guesses, c->n_truths};

    for (int t = 0; t < c->n_truths; t++)
        if (match[t] >= 0) {
            s.hits++;
            s.false_alarms--;
            s.misses--;
        }
    return s;
}
