/* The curves of a training run as a picture. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_CHART_H
#define OUTRIDER_DAEMON_CLI_TRAIN_CHART_H

#include "perception/base/err.h"

/* csv: as train/curve.h writes it. Loss and its terms over the steps, smoothed, on a logarithmic scale (what is
 * not above zero is left out). ERR_IO, ERR_FORMAT, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err train_chart(const char *csv, const char *png, struct why *why);

#endif
