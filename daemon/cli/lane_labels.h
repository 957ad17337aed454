/* Files of lane boundaries in TuSimple's form, a JSON object a line:
 *   {"raw_file": picture, "h_samples": [row, ...], "lanes": [[x or -2 in each row], ...]} */
#ifndef OUTRIDER_DAEMON_CLI_LANE_LABELS_H
#define OUTRIDER_DAEMON_CLI_LANE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/cli/set_choice.h"

enum { LANE_LABELS_MAX = 1 << 20 /* pictures */, LANE_LABELS_MAX_NUMBERS = 1 << 26 };

struct lane_label {
    char *image; /* owned, as all here */
    int line;    /* of the file */
    int rows;
    double *y; /* px, rising; NULL: not told */
    int n;
    double *x; /* (n, rows) px; below 0: not there */
};

struct lane_labels {
    struct lane_label *picture; /* by name; no name twice */
    size_t n, room, n_numbers;
};

/* need_rows: h_samples may not be missing, as they may in files of predictions. ERR_IO, ERR_FORMAT or
 * ERR_LIMIT with file, line and field. Release with lane_labels_finish(). */
MUST_CHECK enum err lane_labels_read(const char *path, bool need_rows, struct lane_labels *out,
                                     struct why *why);
const struct lane_label *lane_labels_find(const struct lane_labels *l, const char *image);
/* Forget the pictures that are not chosen. ERR_NOMEM; ERR_FORMAT: none is. */
MUST_CHECK enum err lane_labels_choose(struct lane_labels *l, const struct set_choice *choice,
                                       struct why *why);
void lane_labels_finish(struct lane_labels *l); /* zeroed is fine */

#endif
