/* What a detector takes for what, and whether its scores mean what they say, as pictures. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_CHARTS_H
#define OUTRIDER_DAEMON_CLI_OBJECT_CHARTS_H

#include "daemon/cli/object_scores.h"

/* FOLDER/confusion.png: truths (rows) and predictions (columns), each cell its count and as dark as
 * its share of the row. FOLDER/reliability.png: of all classes that are scored on their own, the share of
 * predictions that are right in each tenth of the scores (bars; the number of predictions above them)
 * beside the diagonal that a calibrated score would follow. The folder must be there. ERR_IO,
 * ERR_NOMEM with the file. */
MUST_CHECK enum err object_charts_write(const struct object_scores *s, const char *folder,
                                        struct why *why);

#endif
