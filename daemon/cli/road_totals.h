/* A set with masks of the drivable area and what was predicted -> the scores of all pictures. */
#ifndef OUTRIDER_DAEMON_CLI_ROAD_TOTALS_H
#define OUTRIDER_DAEMON_CLI_ROAD_TOTALS_H

#include "daemon/cli/road_pair.h"
#include "daemon/cli/set_truth.h"

struct skipped_road {
    const char *image; /* borrowed from the set */
    const char *why;
};

struct road_picture {    /* one that was scored */
    const char *image;   /* borrowed from the set */
    unsigned conditions; /* of the set's truth */
    struct road_counts counts;
};

struct road_totals {
    size_t pictures; /* scored */
    struct road_picture *picture;
    struct skipped_road *skipped;
    size_t n_skipped;
    struct road_counts counts; /* over all pictures */
    double mean_of_pictures;   /* IoU; of those that have road or were said to */
    int n_conditions;          /* those that were met */
    struct road_condition {
        char name[16];
        size_t pictures;
        struct road_counts counts;
    } condition[CONDITIONS_MAX];
};

/* ignored: the id of pixels that do not count, -1: none. A mask of the set that cannot be read, or has
 * another size than its prediction, is ERR_...; pictures without prediction are left out, ERR_FORMAT
 * if none is left. */
MUST_CHECK enum err road_totals_make(const struct road_set *set, const struct road_guesses *guesses,
                                     int ignored, const struct set_truth *truth,
                                     struct road_totals *out, struct why *why);
void road_totals_finish(struct road_totals *t); /* zeroed is fine */

#endif
