#include "daemon/cli/eval_options.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/cli/options.h"
#include "perception/kernels/kernels.h"

enum { MAX_THREADS = 64 };

struct eval_options eval_options_default(void)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return (struct eval_options){.cpu_mask = ~0u,
                                 .threads = cores < 1             ? 1
                                            : cores > MAX_THREADS ? MAX_THREADS
                                                                  : (int)cores};
}

int eval_options_take(struct eval_options *o, const char *command, int c, const char *value)
{
    struct why why;

    switch (c) {
    case EVAL_MODEL:
        o->model = value;
        return 0;
    case EVAL_DECODER:
        o->decoder = value;
        return 0;
    case EVAL_CPU_MASK:
        if (cpu_parse(value, &o->cpu_mask, &why) == OK)
            return 0;
        fprintf(stderr, "outrider %s: --cpu-mask: %s\n", command, why.text);
        return 2;
    case EVAL_THREADS:
        return option_whole(command, "--threads", value, 1, MAX_THREADS, &o->threads) ? 0 : 2;
    case EVAL_JSON:
        o->json = true;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

struct head_config eval_options_head(const struct eval_options *o, double score_min)
{
    return (struct head_config){.model = o->model,
                                .decoder = o->decoder,
                                .score_min = (float)score_min,
                                .nms_iou = NAN,
                                .cpu_mask = o->cpu_mask};
}
