/* One sequence of labelled and of followed boxes, made ready for the scores of tracking: who counts,
 * numbered from 0, with the overlaps of each frame. */
#ifndef OUTRIDER_EVAL_TRACK_SEQUENCE_H
#define OUTRIDER_EVAL_TRACK_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/eval/average_precision.h"

enum track_role {
    TRACK_COUNTS,
    TRACK_IGNORED,  /* a truth: a guess that belongs to it counts neither way */
    TRACK_LEFT_OUT, /* a truth: as if it were not there, but a guess that belongs to it stays */
    TRACK_REGION,   /* a place: guesses of which more than half lies in it are dropped, if they
                       belong to no truth */
};

struct track_row { /* one box of one frame */
    int frame;
    int line; /* of its file; for messages only */
    int64_t id;
    enum track_role role; /* guesses: TRACK_COUNTS */
    struct ap_box box;
};

struct track_frame { /* of numbers below n_truth_ids and n_guess_ids */
    int *truth, *guess;
    int n_truths, n_guesses;
    double *iou; /* (n_truths, n_guesses) */
};

struct track_sequence {
    struct track_frame *frame; /* those with a truth or a guess */
    int n_frames;
    int n_truth_ids, n_guess_ids;
    long *truth_frames, *guess_frames; /* by number: boxes that it has */
    long n_truths, n_guesses;          /* boxes */
};

enum {
    TRACK_MAX_BOXES = 4096,      /* in a frame, of each kind */
    TRACK_MAX_ID_PAIRS = 1 << 25 /* truths times guesses of a sequence */
};

/* Rows by frame. In each frame, guesses and truths (but for regions) are paired for the greatest sum
 * of overlaps, of at least 0.5; guesses that pair with an ignored truth are dropped, and so are those
 * without a partner that are at most height_min px high or lie in a region. After KITTI's and
 * MOTChallenge's rules as TrackEval (Luiten et al. 2020) applies them. No id may be twice in a
 * frame. ERR_LIMIT or ERR_NOMEM. */
MUST_CHECK enum err track_sequence_make(const struct track_row *truth, size_t n_truths,
                                        const struct track_row *guess, size_t n_guesses,
                                        double height_min, struct track_sequence *out,
                                        struct why *why);
void track_sequence_finish(struct track_sequence *s); /* zeroed is fine */

#endif
