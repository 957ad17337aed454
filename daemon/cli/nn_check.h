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

struct check_counts {
    int passed, failed, unsupported;
};

/* path: one test, or a folder of tests (taken by name). One line each to `to`. ERR_IO: no test
 * there. */
MUST_CHECK enum err check_path(const char *path, const struct check_options *opt, FILE *to,
                               struct check_counts *counts, struct why *why);

#endif
