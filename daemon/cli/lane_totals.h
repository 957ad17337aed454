/* Labelled lane boundaries and what was predicted in the same pictures -> the scores of them all. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_TOTALS_H
#define OUTRIDER_DAEMON_CLI_LANE_TOTALS_H

#include "daemon/cli/lane_fit.h"
#include "daemon/cli/lane_labels.h"
#include "daemon/cli/predictions.h"
#include "daemon/cli/set_truth.h"
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

struct lane_picture {               /* one that was scored */
    const struct lane_label *label; /* borrowed, as guess is */
    const struct prediction *guess; /* NULL: in rows */
    const struct lane_label *guess_rows;
    unsigned conditions; /* of the set's truth */
    struct tusimple_score tusimple;
    struct culane_score culane;
    uint32_t truths, truths_hit;   /* bits: of the label's lanes, those looked at and those found */
    uint32_t guesses, guesses_hit; /* of the prediction's */
    struct lane_fit fit;
};

struct lane_sum {
    size_t pictures;
    struct tusimple_score tusimple; /* means */
    struct culane_score culane;     /* sums */
    struct lane_fit fit;            /* sorted */
};

struct lane_totals {
    size_t pictures; /* scored */
    struct lane_picture *picture;
    size_t n_skipped;
    const char **skipped; /* labelled pictures without prediction; borrowed from the labels */
    struct lane_sum all;
    struct lane_kinds kinds;
    int n_conditions; /* those that were met */
    struct lane_condition {
        char name[16];
        struct lane_sum sum;
    } condition[CONDITIONS_MAX];
};

/* A prediction belongs to the label with its name, or with its name at the end of its path. It is
 * looked at in the labelled rows only; one that reaches none of them is none. Where the truth knows a
 * picture's lines, points are measured from those, as the rows of labels are whole pixels. ERR_FORMAT if
 * no picture has both, or a prediction in rows does not fit its label's; ERR_NOMEM. */
MUST_CHECK enum err lane_totals_make(const struct lane_labels *labels,
                                     const struct lane_guesses *guesses,
                                     const struct lane_rules *rules, const struct set_truth *truth,
                                     struct lane_totals *out, struct why *why);
void lane_totals_finish(struct lane_totals *t); /* zeroed is fine */

/* CULane's; NAN where there is nothing to find and nothing found. */
double lane_f1(const struct culane_score *c);

#endif
