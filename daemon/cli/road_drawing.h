/* Pictures of a set with the drivable area of truth and prediction tinted, those with the least IoU first. */
#ifndef OUTRIDER_DAEMON_CLI_ROAD_DRAWING_H
#define OUTRIDER_DAEMON_CLI_ROAD_DRAWING_H

#include "daemon/cli/road_totals.h"

/* The `count` pictures with the least IoU, as worst_pictures_write() does it. Road that is found is
 * green, missed road red, what is wrongly said to be road blue. t: of road_totals_make() with the
 * same set, guesses and ignored. */
MUST_CHECK enum err road_drawing_write(const struct road_set *set,
                                       const struct road_guesses *guesses, int ignored,
                                       const struct road_totals *t, int count, const char *folder,
                                       struct why *why);

#endif
