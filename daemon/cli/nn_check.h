/* Conformance: folders in the layout of ONNX backend tests,
 *   model.onnx  test_data_set_N/input_K.pb  test_data_set_N/output_K.pb */
#ifndef OUTRIDER_DAEMON_CLI_NN_CHECK_H
#define OUTRIDER_DAEMON_CLI_NN_CHECK_H

#include <stdio.h>

#include "perception/nn/net.h"

struct check_options {
    double rtol, atol; /* |got - want| <= atol + rtol |want| */
    struct net_options net;
};

struct tally;

struct check_counts {
    int passed, failed, unsupported;
    int absent;          /* folders that say where their model would be to be had (data.json) */
    struct tally *tally; /* of what is unsupported; NULL: nobody asks */
};

/* path: one test, or a folder of tests (taken by name). One line each to `to`; to NULL: only
 * what fails, to stderr. ERR_IO: no test there. */
MUST_CHECK enum err check_path(const char *path, const struct check_options *opt, FILE *to,
                               struct check_counts *counts, struct why *why);

const char *check_name(const char *path); /* what is behind the last slash */

#endif
