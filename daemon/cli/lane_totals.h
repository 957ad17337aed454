/* Labelled lane boundaries and what was predicted in the same pictures -> the scores of them all. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_TOTALS_H
#define OUTRIDER_DAEMON_CLI_LANE_TOTALS_H

#include "daemon/cli/lane_labels.h"
#include "daemon/cli/predictions.h"
#include "perception/eval/lane_scores.h"

struct lane_guesses { /* one or the other */
    struct predictions pictures;
    struct lane_labels rows; /* in TuSimple's form */
};

/* Either form, told apart by the first line. Release with lane_guesses_finish(). */
MUST_CHECK enum err lane_guesses_read(const char *path, struct lane_guesses *out, struct why *why);
void lane_guesses_finish(struct lane_guesses *g); /* zeroed is fine */

struct lane_rules {
    bool ego;          /* only the left and the right boundary of our own lane */
    int width, height; /* of pictures whose predictions do not say */
};

struct lane_totals {
    size_t pictures; /* scored */
    size_t n_skipped;
    const char **skipped; /* labelled pictures without prediction; borrowed from the labels */
    struct tusimple_score tusimple; /* means */
    struct culane_score culane;     /* sums */
};

/* A prediction belongs to the label with its name, or with its name at the end of its path. It is
 * looked at in the labelled rows only; one that reaches none of them is none. ERR_FORMAT if no
 * picture has both, or a prediction in rows does not fit its label's; ERR_NOMEM. */
MUST_CHECK enum err lane_totals_make(const struct lane_labels *labels,
                                     const struct lane_guesses *guesses,
                                     const struct lane_rules *rules, struct lane_totals *out,
                                     struct why *why);
void lane_totals_finish(struct lane_totals *t); /* zeroed is fine */

#endif
