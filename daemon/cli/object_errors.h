/* What went wrong in which picture: every prediction from a score on is matched with the truths of
 * all classes together, at an IoU of 0.5. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_ERRORS_H
#define OUTRIDER_DAEMON_CLI_OBJECT_ERRORS_H

#include "daemon/cli/object_set.h"

enum {
    CONFUSION_NOTHING = OBJECT_CLASS_COUNT, /* column: missed; row: a false alarm */
    CONFUSION_UNCLEAR,                      /* column: may be one of several classes */
    CONFUSION_SIDE,
};

struct object_confusion {
    size_t count[CONFUSION_SIDE][CONFUSION_SIDE]; /* (truth, prediction) by enum object_class, where
                                                     a label that stands for more is its own */
};

struct object_error { /* a box that has no partner, or one of another class; borrowed */
    const struct ap_truth *truth;
    const struct ap_guess *guess;
};

/* Adds a picture. error has room for its truths and guesses together; *n of them are filled. */
MUST_CHECK enum err object_errors_add(const struct object_set *set,
                                      const struct ap_picture *picture, double score_min,
                                      struct object_confusion *sum, struct object_error *error,
                                      size_t *n);

#endif
