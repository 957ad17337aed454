#include <math.h>

#include "perception/eval/lane_scores.h"

static const double AGREES = 0.85;  /* share of the rows that makes a hit */
static const double NOWHERE = -100; /* where a boundary that is not there is compared */

/* How much wider a step along the rows is than one across the boundary. */
static double slant(const double *x, const double *y, int rows)
{
    const double slope = lane_fit_at(x, y, rows, 1) - lane_fit_at(x, y, rows, 0);

    return isnan(slope) ? 1 : hypot(1, slope);
}

static double agreement(const double *truth, const double *guess, int rows, double pixels)
{
    int n = 0;

    for (int i = 0; i < rows; i++) {
        const double t = truth[i] >= 0 ? truth[i] : NOWHERE;
        const double g = guess[i] >= 0 ? guess[i] : NOWHERE;

        n += fabs(t - g) < pixels;
    }
    return rows ? (double)n / rows : 0;
}

struct tusimple_score tusimple_score(const struct lane_case *c, double pixels)
{
    const double counted = fmax(fmin(c->n_truths, 4), 1);
    double sum = 0, least = INFINITY;
    int hits = 0, misses = 0;

    if (c->n_guesses > c->n_truths + 2)
        return (struct tusimple_score){0, 0, 1};
    for (int t = 0; t < c->n_truths; t++) {
        const double *truth = c->truth + (size_t)t * (size_t)c->rows;
        const double within = pixels * slant(truth, c->y, c->rows);
        double best = 0;

        for (int g = 0; g < c->n_guesses; g++)
            best = fmax(best,
                        agreement(truth, c->guess + (size_t)g * (size_t)c->rows, c->rows, within));
        hits += best >= AGREES;
        misses += best < AGREES;
        sum += best;
        least = fmin(least, best);
    }
    if (c->n_truths > 4) {
        sum -= least;
        misses -= misses > 0;
    }
    return (struct tusimple_score){sum / counted,
                                   c->n_guesses ? (double)(c->n_guesses - hits) / c->n_guesses : 0,
                                   misses / counted};
}
