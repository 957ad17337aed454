/* What a boundary's network is asked and what it answers: the shapes that the trainer
 * (train/lane_network.h) and the tracker (lanes.c) agree on.
 *
 * It carries a boundary on: from the filter's curve, what this frame measured of it and of its
 * neighbours, our own motion, and its own memory, to how far the filter's curve is off at four places,
 * and with what covariance. A cubic is given by its values there. Everything is said relative to the
 * filter: a network that says 0 is the filter, its covariance included. */
#ifndef OUTRIDER_TRACK_LANE_ANSWERS_H
#define OUTRIDER_TRACK_LANE_ANSWERS_H

#include "perception/scene.h"
#include "perception/track/lane_track.h"

enum { LANE_FEATURES = 64, LANE_MEMORY = 48 /* hidden numbers */, LANE_KNOTS = CUBIC_TERMS };
extern const float LANE_KNOT_M[LANE_KNOTS];

/* Where each part of the answers of one boundary begins. */
enum {
    LANE_ANSWER_EXISTS = 0, /* added to the logarithm of the filter's odds */
    LANE_ANSWER_Y = 1,      /* (4) y at the knots less the filter's, in units */
    LANE_ANSWER_SCALE = 5,  /* (4) logarithm of sigmas, added to the filter's */
    LANE_ANSWER_CHAIN = 9,  /* (6) added to the filter's; see struct lane_view */
    LANE_ANSWERS = 15,
    LANE_CHAIN = 6,
    LANE_ANSWER_MOST = 8, /* what is farther off, in units, nobody has learnt */
};

/* The filter's curve as the network has it. Errors at the knots in units: r_i = e_i - sum over lags k of
 * chain r_(i-k), the e_i independent, each with its sigma; a modified Cholesky decomposition (Pourahmadi
 * 1999). chain: first the three of lag 1, then two of lag 2, then one. */
struct lane_view {
    double y_m[LANE_KNOTS], unit_m[LANE_KNOTS];
    double sigma[LANE_KNOTS]; /* of e_i, in units */
    double chain[LANE_CHAIN];
};
void lane_view_of(const struct lane_cubic *k, struct lane_view *v);

/* What a curve shows of the boundary that the filter expects as it is now, before it learns of it. */
void lane_surprises(const struct lane_cubic *expected, const struct lane_ground *g,
                    struct lane_surprise out[LANE_WINDOWS]);

/* What all boundaries of a frame have in common: they are parallel, and seen by one camera. */
struct lane_frame {
    const struct camera *camera;
    struct ego_motion ego;
    float dt_s;
    int64_t now_ns;
    bool shared_known;
    float shared[4]; /* of all surprises: sideways, turn, bend, pitch */
};
void lane_frame_share(const struct lane_track t[LANE_TRACKS], struct lane_frame *f);

/* i: which of them. */
void lane_features(const struct lane_track t[LANE_TRACKS], int i, const struct lane_frame *f,
                   float x[LANE_FEATURES]);

/* k corrected: curve, covariance, and what the camera's errors share of it. out may be k. */
void lane_answer_cubic(const struct lane_cubic *k, const float answer[LANE_ANSWERS],
                       struct lane_cubic *out);
float lane_answer_existence(float odds, const float answer[LANE_ANSWERS]);

#endif
