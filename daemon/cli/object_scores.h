/* A set of labelled pictures and what was predicted in them -> the scores of each class. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_SCORES_H
#define OUTRIDER_DAEMON_CLI_OBJECT_SCORES_H

#include "daemon/cli/object_errors.h"
#include "daemon/cli/object_set.h"
#include "daemon/cli/predictions.h"
#include "perception/eval/calibration.h"

enum object_area { AREA_ALL, AREA_SMALL, AREA_MEDIUM, AREA_LARGE, AREAS }; /* COCO's: 32^2, 96^2 */

struct object_score {
    enum object_class class; /* OBJECT_VEHICLE: cars, trucks and buses as one class */
    unsigned classes;        /* the bits that count as it */
    struct ap_score area[AREAS];
    struct calibration calibration; /* at an IoU of 0.5 */
    bool known; /* AP says something: there are truths, and no guess may be this or another class */
};

struct skipped { /* a picture that is not scored; borrowed from set and predictions */
    const char *image, *why;
};

struct object_scores {
    size_t pictures;                   /* scored */
    struct ap_picture *picture;        /* of these; boxes borrowed from set and predictions */
    const char **image;                /* their names, borrowed from the set */
    size_t *errors;                    /* in each, from error_score on */
    size_t most_boxes;                 /* truths and guesses of one picture */
    struct object_confusion confusion; /* from error_score on */
    struct skipped *skipped;
    size_t n_skipped;
    struct object_score score[OBJECT_CLASS_COUNT + 1]; /* vehicles first, then every class that the
                                                          set labels */
    int n;
    int n_mean; /* classes with a known AP; vehicles as one class are not among them */
    double mean_ap50, mean_ap; /* over those; NAN without */
};

struct object_rules {
    size_t guesses_max; /* of each class in a picture, for AP */
    double error_score; /* least score of what is said to be seen, for errors and confusion */
};

/* Pictures without a line, or with an error in it, are left out, and so are lines about pictures
 * that the set does not have. ERR_FORMAT if nothing is left; ERR_NOMEM. The labels of the set become
 * pixels. */
MUST_CHECK enum err object_scores_make(struct object_set *set, const struct predictions *p,
                                       const struct object_rules *rules, struct object_scores *out,
                                       struct why *why);
void object_scores_finish(struct object_scores *s); /* zeroed is fine */

#endif
