/* A picture's mask of the drivable area beside what was predicted, of the same size. */
#ifndef OUTRIDER_DAEMON_CLI_ROAD_PAIR_H
#define OUTRIDER_DAEMON_CLI_ROAD_PAIR_H

#include "daemon/cli/predictions.h"
#include "daemon/cli/road_set.h"

struct road_guesses { /* one or the other */
    struct predictions pictures;
    const char *masks; /* a folder of NAME.png, where all but 0 is road; NULL: none */
};

struct road_pair {
    const struct road_set *set; /* borrowed, as guesses is */
    const struct road_guesses *guesses;
    int ignored; /* the id of pixels that do not count, -1: none */
    struct decoder *decoder;
    struct road_mask_file truth; /* enum road_truth */
    struct road_mask_file guess; /* 0: not road */
};

/* ERR_NOMEM. Release with road_pair_finish(). */
MUST_CHECK enum err road_pair_init(struct road_pair *p, const struct road_set *set,
                                   const struct road_guesses *guesses, int ignored);
void road_pair_finish(struct road_pair *p); /* zeroed is fine */

/* Fills truth and guess. missing: what to say where there is no prediction; NULL: there is. ERR_... with
 * the file; ERR_MISMATCH: the two have different sizes. */
MUST_CHECK enum err road_pair_read(struct road_pair *p, const char *picture, const char **missing,
                                   struct why *why);

#endif
