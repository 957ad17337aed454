/* What the tracker of lanes says in metres and seconds, and how sure it is, against simulated truth.
 *
 * Our lane's lines are the nearest ones to each side of us where they pass us: left and right are meant
 * by where we are, also in a lane change. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_MOTION_SCORES_H
#define OUTRIDER_DAEMON_CLI_LANE_MOTION_SCORES_H

#include "daemon/cli/covered.h"
#include "daemon/cli/lane_drive.h"
#include "daemon/cli/quantiles.h"

enum { LANE_PLACES = 3, LANE_GAPS = 3 };
extern const float LANE_PLACE_M[LANE_PLACES], LANE_GAP_S[LANE_GAPS];

struct lane_motion_scores {
    long frames;
    bool no_memory;     /* some numbers are missing */
    struct lane_place { /* errors of our lane's lines there */
        long asked;     /* it is there */
        struct quantiles error_m;
        struct covered covered;
    } place[LANE_PLACES];
    struct lane_gap { /* so long after it was last seen: errors at 10 and 30 m */
        long asked;
        long said;
        struct quantiles error_m;
        struct covered covered;
    } gap[LANE_GAPS];
    struct quantiles offset_m, heading_rad, curvature_1pm;
    struct covered offset, heading, curvature;
    long id_changes; /* of lines seen that were followed under another identity before */
    long crossing_lines,
        crossing_wrong; /* while we cross a line: published lines, on the wrong side */
    long departures, departures_said; /* true within 5 s */
    struct quantiles departure_s;     /* error */
};
/* Follow a sight of the drive and add to the sums. */
void lane_motion_scores_add(const struct lane_drive *d, int sight, struct lanes *l,
                            struct lane_motion_scores *sum);
void lane_motion_scores_finish(struct lane_motion_scores *s);

#endif
