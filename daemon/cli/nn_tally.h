/* Which operators are in the way of tests that cannot be run, and the table of a conformance run
 * (Markdown, for the README). */
#ifndef OUTRIDER_DAEMON_CLI_NN_TALLY_H
#define OUTRIDER_DAEMON_CLI_NN_TALLY_H

#include <stdio.h>

#include "daemon/cli/nn_check.h"

enum { TALLY_MAX = 256 };

struct tally {
    struct tally_row {
        char operator[41];
        int count;
    } row[TALLY_MAX];
    int n;
};

/* reason: an error of the engine's, "node 'NAME' (OPERATOR): ...". One that names no operator counts
 * as "(other)". */
void tally_add(struct tally *t, const char *reason);

/* One row per set, then the operators of all of them by name. Returns the status to end with. */
int tally_print(struct tally *t, const char *const *set, const struct check_counts *counts, int n,
                FILE *to);

#endif
