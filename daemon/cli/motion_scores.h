/* What a tracker says in metres and seconds, and how sure it is, against simulated truth.
 *
 * Asked for is what sim/score.h asks a daemon for: 12 px high at least, less than half hidden, hardly cut
 * by the picture's border, within 80 m. Other road users, and boxes lower than that, count neither way. */
#ifndef OUTRIDER_DAEMON_CLI_MOTION_SCORES_H
#define OUTRIDER_DAEMON_CLI_MOTION_SCORES_H

#include "daemon/cli/covered.h"
#include "daemon/cli/track_drive.h"
#include "perception/eval/track_scores.h"

enum { SPEED_BINS = 1000, MOTION_PATH_TIMES = 3, MOTION_HEIGHTS = 4 };

struct speed_errors { /* of the velocity relative to us, both components */
    long n;
    double square;        /* (m/s)^2 */
    long bin[SPEED_BINS]; /* of 0.02 m/s each; the last one holds what is larger, too */
};
/* m/s; NAN without any. */
double speed_errors_rms(const struct speed_errors *e);
double speed_errors_median(const struct speed_errors *e);

enum motion_group {              /* of detected road users within 40 m, but for the last */
                    MOTION_NEAR, /* followed for half a second or longer, as all that do not say how long */
                    MOTION_1S, /* for a second */
                    MOTION_2S,
                    MOTION_ALONG, /* heading as we do, within 45 degrees */
                    MOTION_OTHER, /* oncoming, crossing */
                    MOTION_FAR,   /* all within 80 m */
                    MOTION_GROUPS
};

struct motion_scores {
    struct track_sums tracks;
    long frames;
    struct found {                  /* by height: 12 px, 20, 40, 80 and more */
        long asked, seen, followed; /* by the detector; by a measured object, IoU 0.5 */
    } found[MOTION_HEIGHTS];
    struct speed_errors speed[MOTION_GROUPS];
    double relative_near; /* error of the position to 40 m, of the distance */
    long n_ttc, n_said;   /* truth below 3 s; of those a time was said */
    double relative_ttc;  /* absolute */
    struct covered position, velocity, ttc;
    double nees;         /* of x y vx vy to 80 m: 4 if the covariance is right */
    struct path_errors { /* 1, 2 and 3 s ahead, of those within 40 m now */
        long n;
        double off_m; /* sum of distances */
        struct covered covered;
    } path[MOTION_PATH_TIMES];
    /* Seen, then not for 0.7 to 1.5 s, then seen again. */
    long gaps, kept; /* with the identity of before */
};

/* Follow the drive and add to the sums. Identities are scored on what is detected in the frame and, unless
 * measured_only, on what a message predicts for sure: existence over 0.9, edges known to 0.4 of the box's
 * size. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err motion_scores_add(const struct track_drive *d, struct tracker *t,
                                      bool measured_only, struct motion_scores *sum,
                                      struct why *why);

#endif
