/* What the tracker's networks are asked and what they answer: the shapes that the trainer
 * (train/tracker_network.h) and the tracker (learned.h) agree on.
 *
 * Two networks a kind. One carries a track on: from what happened to it in this frame, and its own
 * memory, to how far the Kalman filter's estimate is off, with how much spread. The other one is
 * attention (Bahdanau, Cho and Bengio 2015): tracks ask, detections answer, and so may "none of them".
 * Everything is said relative to the filter, so that a network that says 0 is the filter. */
#ifndef OUTRIDER_TRACK_ANSWERS_H
#define OUTRIDER_TRACK_ANSWERS_H

#include "perception/scene.h"
#include "perception/track/track.h"

enum {
    ASKED_TRACKS = SCENE_MAX_OBJECTS,
    ASKED_CANDIDATES = 6, /* detections that a track looks at */
    TRACK_FEATURES = 64,
    PAIR_FEATURES = 20,
    TRACK_MEMORY = 64, /* hidden numbers */
    QUERY = 32,        /* numbers of a track's question */
};

/* Where each part of the answers of one track begins. All scales are logarithms of a sigma. */
enum {
    ANSWER_EXISTS = 0,       /* logit */
    ANSWER_BOX = 1,          /* (4) next x1 y1 x2 y2 less the filter's, in widths and heights */
    ANSWER_BOX_SCALE = 5,    /* (4) */
    ANSWER_STATE = 9,        /* (6) x y vx vy ax ay less the filter's, in units */
    ANSWER_STATE_SCALE = 15, /* (6) */
    ANSWER_CHAIN = 21,       /* (15) see answer_covariance() */
    ANSWER_RATE = 36,        /* 1 / TTC less the filter's, in units */
    ANSWER_RATE_SCALE = 37,
    ANSWER_PATH = 38, /* (12) x and y of each point less those at constant velocity, in units */
    ANSWER_PATH_SCALE = 50, /* (12) */
    ANSWERS = 62,
    ANSWER_MOST = 10, /* what is farther off, in units, nobody has learnt */
};

/* What 1 means in an answer: larger far away, and while the filter itself is unsure. */
struct answer_units {
    float state[STATE_DIM]; /* m, m/s, m/s^2 */
    float rate_1ps;
    float path_m[SCENE_PATH_POINTS][2];
};
void answer_units(const struct track *t, const struct camera *camera, struct answer_units *u);

/* The filter's own word on the same numbers. */
float filter_closing_rate(const struct track *t, const struct camera *camera); /* 1 / TTC */

struct asked_now { /* what all tracks of a frame share */
    const struct camera *camera;
    struct ego_motion ego;
    float dt_s;
    int64_t now_ns;
};
void track_features(const struct track *t, const struct asked_now *now, float x[TRACK_FEATURES]);

struct pair { /* a track and a detection it may be */
    const struct track *track;
    const struct box *predicted; /* by the filter */
    const struct detection *detection;
    float iou, off;     /* off: squared Mahalanobis distance */
    float covered;      /* of the detection */
    float rival_track;  /* highest IoU of the detection with another track */
    float rival_choice; /* highest IoU of the track with another detection */
};
void pair_features(const struct pair *p, float x[PAIR_FEATURES]);

/* By its features: a box where the track was expected, and neither has anybody else. */
bool pair_obvious(const float x[PAIR_FEATURES]);

/* The track as its network sees it. Reads t->answer, which is there. */
void answer_object(const struct track *t, const struct camera *camera, struct object *o);

#endif
