/* Average precision of detections, after the COCO definition (cocodataset.org, "Detection
 * Evaluation"; the thresholds are the doubles that its reference program computes):
 *
 * In each picture the guesses, best score first and at most guesses_max of them, take the truth
 * that they overlap most, if the IoU reaches the threshold and no better guess took it before. A
 * guess without a truth is a false alarm. A region to be ignored takes any number of guesses that
 * found no truth, where the share of the guess inside it reaches the threshold; those are neither
 * hits nor false alarms. With an area range, truths outside it are ignored in the same way, and
 * guesses outside it are no false alarms. Over all pictures by falling score, precision at a recall
 * is the best that any recall as high reaches; the average is over the recalls 0, 0.01, ..., 1. */
#ifndef OUTRIDER_EVAL_AVERAGE_PRECISION_H
#define OUTRIDER_EVAL_AVERAGE_PRECISION_H

#include <stdbool.h>
#include <stddef.h>

#include "perception/base/err.h"

enum { AP_THRESHOLDS = 10 }; /* IoU 0.50, 0.55, ... 0.95 */

struct ap_box { /* px, corners */
    double x1, y1, x2, y2;
};

/* What a truth or a guess may be: a bit for each class. More than one where they are not told
 * apart (a set that labels trucks as cars, a network that knows vehicles only). */
struct ap_truth {
    struct ap_box box;
    unsigned classes;
    bool region; /* to be ignored; a "crowd" in COCO's words */
    float sure;  /* 0..1, of labels that a network made; scores do not look at it */
};

struct ap_guess {
    struct ap_box box;
    unsigned classes;
    double score;
    double sigma[4];                        /* of x1 y1 x2 y2, px; sigma[0] 0: not told */
    double distance_per_px, distance_sigma; /* as struct detection; 0: not told */
};

struct ap_picture { /* borrowed */
    const struct ap_truth *truth;
    const struct ap_guess *guess;
    size_t n_truths, n_guesses;
};

/* Truths with a class of `classes` count, and guesses that are nothing but classes of it. */
struct ap_query {
    unsigned classes;
    double area_min, area_max; /* px^2; 0 and INFINITY: all */
    size_t guesses_max;        /* per picture, the best; COCO: 100 */
};

struct ap_score {
    double at[AP_THRESHOLDS]; /* by IoU threshold; NAN without truths */
    double mean;              /* AP50:95 */
    size_t truths;            /* that count */
    size_t guesses;           /* looked at */
    size_t ambiguous;         /* guesses left out that may be one of the classes or of others: the
                                 score then says little about these classes */
};

enum ap_outcome { AP_FALSE_ALARM, AP_HIT, AP_IGNORED };

struct ap_match {
    const struct ap_guess *guess;
    const struct ap_truth *truth; /* that it took; NULL: none */
    enum ap_outcome is;
};

/* One picture at an IoU of 0.5: what became of each guess that is asked for, best first, into out,
 * which has room for all of the picture's. Only fails for want of memory. */
MUST_CHECK enum err ap_match_picture(const struct ap_picture *picture, const struct ap_query *q,
                                     struct ap_match *out, size_t *n);

/* Only fails for want of memory. */
MUST_CHECK enum err average_precision(const struct ap_picture *picture, size_t n,
                                      const struct ap_query *q, struct ap_score *out);

#endif
