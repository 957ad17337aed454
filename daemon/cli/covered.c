#include "daemon/cli/covered.h"

#include <math.h>

static const double COVERED_BIN = 0.05;

void covered_add(struct covered *c, double error, double sigma)
{
    if (isnan(error) || !(sigma > 0))
        return;
    double sigmas = fabs(error) / sigma;

    c->n++;
    c->bin[sigmas < COVERED_BINS * COVERED_BIN ? (int)(sigmas / COVERED_BIN) : COVERED_BINS]++;
}

double covered_within(const struct covered *c, double sigmas)
{
    int end = (int)lround(fmin(sigmas / COVERED_BIN, COVERED_BINS));
    long n = 0;

    for (int i = 0; i < end; i++)
        n += c->bin[i];
    return c->n ? (double)n / (double)c->n : NAN;
}

double covered_scale(const struct covered *c)
{
    double least = INFINITY, best = 1;

    for (double s = 0.5; c->n && s < 2.01; s += COVERED_BIN) {
        double off = fmax(fabs(covered_within(c, s) - 0.683) / 0.05,
                          fabs(covered_within(c, 2 * s) - 0.954) / 0.03);

        if (off < least) {
            least = off;
            best = s;
        }
    }
    return best;
}
