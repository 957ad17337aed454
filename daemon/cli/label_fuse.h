/* What several detectors say of one picture, made into labels. */
#ifndef OUTRIDER_DAEMON_CLI_LABEL_FUSE_H
#define OUTRIDER_DAEMON_CLI_LABEL_FUSE_H

#include "perception/eval/average_precision.h"
#include "perception/heads/head.h"

enum { FUSED_MAX = 2 * HEAD_MAX_DETECTIONS };

struct fused {
    struct box box; /* px */
    enum object_class class;
    float score;       /* 1 - the product of how much each teacher doubts it */
    unsigned teachers; /* bits of those that see it */
};

struct fusion {
    int n;
    struct fused object[FUSED_MAX];
};

/* Add what teacher 0..31 sees: detections that overlap an object of the same kind by more than half
 * agree with it (boxes are averaged by score, the class is the surest teacher's that tells it), others are objects
 * of their own. A teacher agrees with itself never: what it has twice is dropped. Beyond FUSED_MAX: dropped. */
void fusion_add(struct fusion *f, int teacher, const struct perceived *seen);

/* May a teacher's box, 0..1 of the picture, stand beside the n labels that it has? Not where more than half of it
 * lies on one of them, and not where it takes most of the picture: that is what detectors make of a dark one. */
bool box_is_free(const struct ap_box *box, const struct ap_truth *label, size_t n);

#endif
