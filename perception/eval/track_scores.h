/* The scores of tracking, as sums that add up over sequences and the numbers that follow from them.
 * The definitions are those of TrackEval, the reference program of KITTI and MOTChallenge. */
#ifndef OUTRIDER_EVAL_TRACK_SCORES_H
#define OUTRIDER_EVAL_TRACK_SCORES_H

#include "perception/eval/track_sequence.h"

enum { HOTA_ALPHAS = 19 }; /* 0.05, 0.10, ... 0.95 */

/* Luiten et al., HOTA: A Higher Order Metric for Evaluating Multi-object Tracking, 2020. Frame by
 * frame, pairs of the greatest sum of IoU times how well the two ids agree over the sequence; at each
 * alpha those count whose IoU reaches it. */
struct hota_sums {
    long hits[HOTA_ALPHAS];
    double
        association[HOTA_ALPHAS]; /* over the hits: boxes that both ids share, over all of both */
    double overlap[HOTA_ALPHAS];  /* IoU over the hits */
};

/* CLEAR MOT: Bernardin and Stiefelhagen 2008. At an IoU of 0.5; pairs of the frame before stay
 * together where they still can. */
struct clear_sums {
    long hits, switches, fragments;
    double overlap; /* IoU over the hits */
    long mostly_tracked, mostly_lost;
};

struct track_sums {
    long truths, guesses, truth_ids, guess_ids;
    struct hota_sums hota;
    struct clear_sums clear;
    long
        id_hits; /* Ristani et al. 2016: boxes on which truths and guesses agree (IoU 0.5), with the
                     ids paired one to one over the sequence in the best way */
};

struct track_scores { /* shares; 0 where there is nothing to divide by */
    double hota, deta, assa, loca;
    double mota, motp; /* motp: mean IoU of the hits */
    double idf1, idp, idr;
    long misses, false_alarms;
};

/* Add a sequence to the sums. ERR_NOMEM leaves them half done. */
MUST_CHECK enum err hota_add(const struct track_sequence *s, struct hota_sums *sum);
MUST_CHECK enum err clear_add(const struct track_sequence *s, struct clear_sums *sum);
MUST_CHECK enum err identity_add(const struct track_sequence *s, long *id_hits);
MUST_CHECK enum err track_sums_add(const struct track_sequence *s, struct track_sums *sum);

void track_sums_join(struct track_sums *all, const struct track_sums *one);

struct track_scores track_scores_of(const struct track_sums *sum);

#endif
