#include "daemon/cli/cli.h"

#include <stdio.h>
#include <string.h>

/* In the order of --help. */
static const struct command commands[] = {
    {"infer", "networks over pictures, one line of JSON each", infer_command},
    {"replay", "play a recorded drive onto the bus", replay_command},
    {"sim", "a simulated drive onto the bus, with the truth, or into a labelled set", sim_command},
    {"run", "a recorded drive through the whole pipeline, offline", run_command},
    {"track", "the tracker alone, on files of detections", track_command},
    {"nn", "the engine alone: info, run, check, bench", nn_command},
    {"train", "our own network, on sets of labelled pictures", train_command},
    {"label", "pictures labelled by networks, to train on", label_command},
    {"eval", "the standard scores: objects", eval_command},
    {"plot", "a simulated drive from above: tracks and their sigmas against the truth",
     plot_command},
    {"echo", "print the messages of the bus", echo_command},
    {NULL, NULL, NULL},
};

static void usage(FILE *f)
{
    fprintf(f, "usage: outrider COMMAND [options]     (outrider COMMAND --help says more)\n\n");
    for (const struct command *c = commands; c->name; c++)
        fprintf(f, "  %-8s %s\n", c->name, c->help);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("outrider %s\n", OUTRIDER_VERSION);
        return 0;
    }
    for (const struct command *c = commands; c->name; c++)
        if (!strcmp(argv[1], c->name))
            return c->run(argc - 1, argv + 1);
    fprintf(stderr, "outrider: no command '%s'; outrider --help lists them\n", argv[1]);
    return 2;
}
