/* Pictures of a set with truths and predictions drawn in, those with the most errors first. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_DRAWING_H
#define OUTRIDER_DAEMON_CLI_OBJECT_DRAWING_H

#include "daemon/cli/object_scores.h"

/* The `count` pictures with the most errors, as worst_pictures_write() does it. Truths are thin: white, red if missed; predictions from score_min on are
 * green, orange where they are false alarms or of the wrong class; regions to be ignored are grey.
 * ERR_IO, ERR_FORMAT, ... with the file. */
MUST_CHECK enum err object_drawing_write(const struct object_set *set,
                                         const struct object_scores *s, double score_min, int count,
                                         const char *folder, struct why *why);

#endif
