/* Scores of a set, for people and for programs. */
#ifndef OUTRIDER_DAEMON_CLI_OBJECT_REPORT_H
#define OUTRIDER_DAEMON_CLI_OBJECT_REPORT_H

#include <jansson.h>

#include "daemon/cli/object_conditions.h"

/* On the standard output; details: calibration and confusion too. */
void object_report_text(const struct object_set *set, const struct object_scores *s,
                        const struct object_conditions *c, bool details);
/* The caller's; NULL where a name is not UTF-8. */
json_t *object_report_json(const struct object_set *set, const struct object_scores *s,
                           const struct object_conditions *c);

#endif
