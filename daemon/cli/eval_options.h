/* The options that the commands which score pictures share: the network and how it runs, JSON. */
#ifndef OUTRIDER_DAEMON_CLI_EVAL_OPTIONS_H
#define OUTRIDER_DAEMON_CLI_EVAL_OPTIONS_H

#include <getopt.h>

#include "perception/heads/head.h"

struct eval_options {
    const char *model, *decoder;
    unsigned cpu_mask;
    int threads;
    bool json;
};

enum { EVAL_MODEL = 512, EVAL_DECODER, EVAL_CPU_MASK, EVAL_THREADS, EVAL_JSON };

/* Rows of getopt_long()'s table. */
#define EVAL_OPTIONS                                                                               \
    {"model", required_argument, NULL, EVAL_MODEL},                                                \
        {"decoder", required_argument, NULL, EVAL_DECODER},                                        \
        {"cpu-mask", required_argument, NULL, EVAL_CPU_MASK},                                      \
        {"threads", required_argument, NULL, EVAL_THREADS},                                        \
        {"json", no_argument, NULL, EVAL_JSON},                                                    \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }

#define EVAL_OPTIONS_HELP                                                                          \
    "  --model FILE        or run this network over the pictures now\n"                            \
    "  --decoder NAME      how to read the model (default: as the file says, or recognised)\n"     \
    "  --cpu-mask LIST     instructions to use: c, avx2, avx512, vnni, native (default native)\n"  \
    "  --threads N         default: one for each core\n"                                           \
    "  --json              one JSON object instead of tables\n"

struct eval_options eval_options_default(void);
/* 0: taken; otherwise the exit status, after a line on stderr where getopt has not said it. command:
 * as in "outrider COMMAND". */
int eval_options_take(struct eval_options *o, const char *command, int c, const char *value);
/* score_min: NAN for the decoder's own. */
struct head_config eval_options_head(const struct eval_options *o, double score_min);

#endif
