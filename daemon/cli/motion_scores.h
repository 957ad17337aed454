/* What a tracker says in metres and seconds, and how sure it is, against simulated truth. */
#ifndef OUTRIDER_DAEMON_CLI_MOTION_SCORES_H
#define OUTRIDER_DAEMON_CLI_MOTION_SCORES_H

#include "daemon/cli/track_drive.h"
#include "perception/eval/track_scores.h"

struct covered { /* of errors: how many lie within one and two of their sigmas */
    long n, one, two;
};

struct motion_scores {
    struct track_sums tracks;
    long frames;
    /* Detected road users within 80 m, followed for half a second or longer. */
    long n;
    long n_near;                         /* of those, within 40 m */
    double square_velocity, square_near; /* of the velocity, both components, (m/s)^2 */
    double relative_near;                /* error of the position, of the distance */
    long n_ttc, n_said;                  /* truth below 3 s; of those a time was said */
    double relative_ttc;                 /* absolute */
    struct covered position, velocity, ttc;
    double nees; /* of x y vx vy: 4 if the covariance is right */
    /* Seen, then not for 0.7 to 1.5 s, then seen again. */
    long gaps, kept; /* with the identity of before */
};

/* Follow the drive and add to the sums. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err motion_scores_add(const struct track_drive *d, struct tracker *t,
                                      struct motion_scores *sum, struct why *why);

#endif
