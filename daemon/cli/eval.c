/* outrider eval: the standard scores, one subcommand a kind of output. */
#include "daemon/cli/eval.h"

#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

static const struct command commands[] = {
    {"objects", "boxes against labelled pictures: AP50, AP50:95", eval_objects_command},
    {"lanes", "lane boundaries: TuSimple accuracy, CULane F1", eval_lanes_command},
    {"road", "the drivable area: IoU, precision, recall", eval_road_command},
    {"tracks", "tracks against labelled ones: HOTA, MOTA, IDF1", eval_tracks_command},
    {"motion", "the trackers on simulated drives: speed, time to contact, sigmas",
     eval_motion_command},
    {"ego", "our own motion as seen in the pictures, against a simulator's truth",
     eval_ego_command},
    {NULL, NULL, NULL},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: outrider eval WHAT [options]     (outrider eval WHAT --help says more)\n\n");
    for (const struct command *c = commands; c->name; c++)
        fprintf(f, "  %-8s %s\n", c->name, c->help);
}

int eval_command(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        usage(stdout);
        return 0;
    }
    for (const struct command *c = commands; c->name; c++)
        if (!strcmp(argv[1], c->name))
            return c->run(argc - 1, argv + 1);
    fprintf(stderr, "outrider eval: no '%s'; outrider eval --help lists what there is\n", argv[1]);
    return 2;
}
