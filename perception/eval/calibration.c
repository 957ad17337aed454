#include "perception/eval/calibration.h"

#include <math.h>

static void add_edges(struct calibration *c, const struct ap_match *m)
{
    const struct ap_box *a = &m->guess->box, *b = &m->truth->box;
    const double off[4] = {fabs(a->x1 - b->x1), fabs(a->y1 - b->y1), fabs(a->x2 - b->x2),
                           fabs(a->y2 - b->y2)};

    for (int i = 0; i < 4; i++) {
        c->edges++;
        c->within1 += off[i] <= m->guess->sigma[i];
        c->within2 += off[i] <= 2 * m->guess->sigma[i];
    }
}

void calibration_add(struct calibration *c, const struct ap_match *match, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct ap_match *m = &match[i];
        const int bin = (int)(m->guess->score * CALIBRATION_BINS);
        const int at = bin < CALIBRATION_BINS ? bin : CALIBRATION_BINS - 1; /* a score of 1 */

        if (m->is == AP_IGNORED)
            continue;
        c->bin[at].n++;
        c->bin[at].hits += m->is == AP_HIT;
        c->bin[at].score += m->guess->score;
        if (m->is == AP_HIT && m->guess->sigma[0] > 0)
            add_edges(c, m);
    }
}

double calibration_error(const struct calibration *c)
{
    double off = 0, n = 0;

    for (int i = 0; i < CALIBRATION_BINS; i++) {
        off += fabs((double)c->bin[i].hits - c->bin[i].score);
        n += (double)c->bin[i].n;
    }
    return n > 0 ? off / n : NAN;
}
