/* A set of labelled pictures and what was predicted in them -> the scores of each class. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_SCORES_H
#define OUTRIDER_DAEMON_CLI_OBJECT_SCORES_H

#include "daemon/cli/object_set.h"
#include "daemon/cli/predictions.h"

enum object_area { AREA_ALL, AREA_SMALL, AREA_MEDIUM, AREA_LARGE, AREAS }; /* COCO's: 32^2, 96^2 */

struct object_score {
    enum object_class class; /* OBJECT_VEHICLE: cars, trucks and buses as one class */
    unsigned classes;        /* the bits that count as it */
    struct ap_score area[AREAS];
    bool known; /* AP says something: there are truths, and no guess may be this or another class */
};

struct skipped { /* a picture that is not scored; borrowed from set and predictions */
    const char *image, *why;
};

struct object_scores {
    size_t pictures; /* scored */
    struct skipped *skipped;
    size_t n_skipped;
    struct object_score score[OBJECT_CLASS_COUNT + 1]; /* vehicles first, then every class that the
                                                          set labels */
    int n;
    int n_mean; /* classes with a known AP; vehicles as one class are not among them */
    double mean_ap50, mean_ap; /* over those; NAN without */
};

/* Pictures without a line, or with an error in it, are left out, and so are lines about pictures
 * that the set does not have. ERR_FORMAT if nothing is left; ERR_NOMEM. The labels of the set become
 * pixels. */
MUST_CHECK enum err object_scores_make(struct object_set *set, const struct predictions *p,
                                       size_t guesses_max, struct object_scores *out,
                                       struct why *why);
void object_scores_finish(struct object_scores *s); /* zeroed is fine */

#endif
