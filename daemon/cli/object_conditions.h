/* Scores of a simulator's set by what only its truth tells (truth.jsonl): how far things are, and by what light,
 * weather and kind of road they were seen. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_CONDITIONS_H
#define OUTRIDER_DAEMON_CLI_OBJECT_CONDITIONS_H

#include <jansson.h>

#include "daemon/cli/object_scores.h"
#include "daemon/cli/set_truth.h"

enum { BANDS = 4 };

struct distance_band { /* vehicles, people and riders from m on, up to the next */
    double from_m, to_m;
    size_t truths, found;    /* found: at an IoU of 0.5, from error_score on, of any class */
    size_t told;             /* found, not cut by the picture, and the network says how far */
    double *error;           /* (told) relative, sorted by size once it is made; owned */
    double bias;             /* mean of them */
    size_t within1, within2; /* of the sigma that it says */
};

struct condition {
    char name[16]; /* "night", "rain", "urban" ... */
    size_t pictures;
    struct ap_score vehicles;
};

struct object_conditions {
    bool known; /* the set has a truth.jsonl */
    struct distance_band band[BANDS];
    int n;
    struct condition condition[CONDITIONS_MAX];
};

/* s: of object_scores_make() with the same set and rules. ERR_IO, ERR_FORMAT, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err object_conditions_make(const struct object_set *set,
                                           const struct object_scores *s, double error_score,
                                           struct object_conditions *out, struct why *why);
void object_conditions_finish(struct object_conditions *c); /* zeroed is fine */

void object_conditions_text(const struct object_conditions *c);    /* nothing where not known */
json_t *object_conditions_json(const struct object_conditions *c); /* null where not known */

#endif
