/* What several detectors say of one picture, made into labels. */
#ifndef OUTRIDER_DAEMON_CLI_LABEL_FUSE_H
#define OUTRIDER_DAEMON_CLI_LABEL_FUSE_H

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

#endif
