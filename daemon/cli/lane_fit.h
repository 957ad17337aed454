/* How matched boundaries of lanes lie beside their truths, and what kinds of lines they are taken for. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_FIT_H
#define OUTRIDER_DAEMON_CLI_LANE_FIT_H

#include <jansson.h>

#include "daemon/cli/lane_words.h"
#include "perception/base/err.h"

struct lane_line {            /* borrowed */
    const double (*point)[2]; /* (n) px, in order along it */
    const double *sigma;      /* (n) of x, px; NULL: not told */
    size_t n;
};

struct lane_fit {
    size_t points;           /* of matched predictions, with the truth beside them */
    double *off_px;          /* (points) across the row, without sign; owned */
    size_t told;             /* points with a sigma */
    size_t within1, within2; /* of the sigma that they say */
};

/* Adds the points of a prediction in rows of y[0] to y[1] that its truth reaches too. ERR_NOMEM. */
MUST_CHECK enum err lane_fit_add(const struct lane_line *truth, const struct lane_line *guess,
                                 const double y[2], struct lane_fit *sum);
/* All of another. ERR_NOMEM. */
MUST_CHECK enum err lane_fit_join(struct lane_fit *sum, const struct lane_fit *more);
void lane_fit_sort(struct lane_fit *f); /* off_px by size, as the next needs it */
double lane_fit_off(const struct lane_fit *f,
                    double share);        /* 0.5: the median; NAN without points */
void lane_fit_finish(struct lane_fit *f); /* zeroed is fine */

struct lane_kinds { /* of matched lines whose truth is known; (truth, prediction), 0: not told */
    size_t type[LANE_TYPES][LANE_TYPES], color[LANE_COLORS][LANE_COLORS];
};

void lane_kinds_text(const struct lane_kinds *k);    /* nothing where there are none */
json_t *lane_kinds_json(const struct lane_kinds *k); /* null where there are none */

#endif
