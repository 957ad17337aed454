/* Pictures of a set with lanes of truth and predictions drawn in, those with the least F1 first. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_DRAWING_H
#define OUTRIDER_DAEMON_CLI_LANE_DRAWING_H

#include "daemon/cli/lane_totals.h"

/* The `count` pictures with the least F1, then with the points farthest off in the mean, as
 * worst_pictures_write() does it; pictures: the folder of their names. Truths are thin: white, red if
 * missed; predictions are green, orange where they are false alarms. */
MUST_CHECK enum err lane_drawing_write(const char *pictures, const struct lane_totals *t, int count,
                                       const char *folder, struct why *why);

#endif
