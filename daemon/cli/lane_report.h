/* The scores of lane boundaries as people and as programs read them. */
#ifndef OUTRIDER_DAEMON_CLI_LANE_REPORT_H
#define OUTRIDER_DAEMON_CLI_LANE_REPORT_H

#include "daemon/cli/lane_totals.h"

/* name: of the set; labelled: pictures that it has. */
void lane_report_text(const char *name, size_t labelled, bool ego, const struct lane_totals *t);
json_t *lane_report_json(const char *model, size_t labelled, bool ego, const struct lane_totals *t);

#endif
