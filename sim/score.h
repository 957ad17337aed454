/* How well a daemon sees, against the truth, while it runs: every message is compared with the truth
 * of the instant that it speaks about (state_time), frame by frame.
 *
 * An object counts as found when a published one of its kind (vehicle, or person and two-wheeler)
 * covers its box with IoU 0.3 or more; one is asked for when it is 12 pixels high at least, less
 * than half hidden, hardly cut by the picture's border, and within 80 m. Distances are from the
 * camera to the near face. */
#ifndef OUTRIDER_SIM_SCORE_H
#define OUTRIDER_SIM_SCORE_H

#include <stdio.h>

#include "proto/message.h"
#include "sim/faults.h"
#include "sim/truth.h"

struct score;

/* faults are copied. */
MUST_CHECK enum err score_open(const struct camera *c, const struct faults *f, struct score **out);
void score_close(struct score *s); /* NULL is fine */

/* The truth of a frame that was sent, with the time its header carried. */
void score_truth(struct score *s, const struct truth *t, int64_t t_sof_ns);

/* now_s: seconds of the drive when the message was heard. */
void score_objects(struct score *s, const struct objects_message *m, double now_s);
void score_lanes(struct score *s, const struct lanes_message *m, double now_s);

enum { SCORE_BANDS = 3, SCORE_LANE_PLACES = 3 }; /* 0-20-40-80 m; at 10, 30 and 60 m */

struct score_distance { /* of one band */
    uint64_t asked, found;
    double median_percent, bias_percent; /* of |error| and of error; NAN without any */
};
struct score_lane { /* at one place, both lines of our lane */
    uint64_t asked, found;
    double median_m, p95_m; /* of |error| */
};
struct score_coverage { /* errors within 1 and 2 sigma */
    uint64_t n, within1, within2;
};
struct score_fault {
    enum fault_kind kind;
    double at_s, end_s;
    double said_s;      /* after its beginning until a message said so; NAN: none did */
    double recovered_s; /* after its end until AVAILABLE without it; NAN: not yet */
    uint64_t silent;    /* messages between at_s and end_s that did not say so... */
    uint64_t said;      /* ...and that did */
};
struct score_result {
    uint64_t messages, available, compared; /* objects messages */
    struct score_distance vehicle[SCORE_BANDS], person[SCORE_BANDS];
    uint64_t published, false_alarms; /* measured objects, and those that are nothing real */
    uint64_t id_switches, tracks;
    struct score_lane lane[SCORE_LANE_PLACES];
    double offset_median_m; /* |error| of our place in the lane */
    struct score_coverage position, lines;
    int n_faults;
    struct score_fault fault[FAULTS_MAX];
};
void score_result(struct score *s, struct score_result *out);

void score_print(const struct score_result *r, FILE *f);
void score_json(const struct score_result *r, FILE *f); /* one object, one line */

#endif
