/* outrider train: our own network, on sets of labelled pictures. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"
#include "daemon/cli/train_network.h"

static const char usage[] =
    "usage: outrider train --data SET [--data SET ...] --out FILE.onnx [options]\n"
    "       outrider train tracker --out FILE.onnx [options]    the tracker, on simulated tracks\n"
    "       outrider train lanes --out FILE.onnx [options]      lanes through time, on simulated "
    "drives\n"
    "\n"
    "Trains the network of objects, lanes and road on sets of labelled pictures, and writes it as "
    "ONNX.\n"
    "Beside it: FILE.checkpoint, FILE.csv and FILE.png (the curves). Stopped, whatever the way, "
    "and\n"
    "called again, it goes on where its checkpoint is. Under mpirun (make MPI=1) all ranks train "
    "one.\n"
    "\n"
    "  --data SET         a folder as outrider sim --write makes them, or of YOLO labels, "
    "TuSimple\n"
    "                     lanes or masks of the road; then, separated by commas: weight=W (share\n"
    "                     of the samples, 1), only=GLOB, without=GLOB (names), without-every=N/K\n"
    "  --data sim:SCENARIO    drawn by the simulator while the network learns, into FILE.sim-...;\n"
    "                     then seed=N (1), frames=N (4000), calibration=FILE, weight=W\n"
    "  --held-out SET     in the same form: never trained on, its loss decides what is kept\n"
    "  --from FILE.onnx   begin with the weights of such a network\n"
    "  --size WxH         of its input, multiples of 32           (416x256)\n"
    "  --batch N          samples a step, of all ranks together   (16)\n"
    "  --steps N                                                  (20000)\n"
    "  --warm-up N        steps until the full rate               (200)\n"
    "  --rate R           highest learning rate (AdamW)           (0.002)\n"
    "  --decay D          of the weights                          (0.02)\n"
    "  --average A        how much their average keeps in a step  (0.999)\n"
    "  --augment S        0 none ... 1 all                        (1)\n"
    "  --seed N                                                   (1)\n"
    "  --threads N        in all                                  (all cores)\n"
    "  --save S           seconds between checkpoints; 0: each step (300)\n"
    "  --patience N       ends after N checkpoints without a better loss held out; 0: never (0)\n"
    "  --fresh            begin anew, although there is a checkpoint\n"
    "  --private          also on sets whose set.json says that weights may not be given out\n";

enum {
    DATA = 1,
    HELD_OUT,
    OUT,
    FROM,
    SIZE,
    BATCH,
    STEPS,
    WARM_UP,
    RATE,
    DECAY,
    AVERAGE,
    AUGMENT,
    SEED,
    THREADS,
    SAVE,
    PATIENCE,
    FRESH,
    PRIVATE,
    HELP
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, DATA},
    {"held-out", required_argument, NULL, HELD_OUT},
    {"out", required_argument, NULL, OUT},
    {"from", required_argument, NULL, FROM},
    {"size", required_argument, NULL, SIZE},
    {"batch", required_argument, NULL, BATCH},
    {"steps", required_argument, NULL, STEPS},
    {"warm-up", required_argument, NULL, WARM_UP},
    {"rate", required_argument, NULL, RATE},
    {"decay", required_argument, NULL, DECAY},
    {"average", required_argument, NULL, AVERAGE},
    {"augment", required_argument, NULL, AUGMENT},
    {"seed", required_argument, NULL, SEED},
    {"threads", required_argument, NULL, THREADS},
    {"save", required_argument, NULL, SAVE},
    {"patience", required_argument, NULL, PATIENCE},
    {"fresh", no_argument, NULL, FRESH},
    {"private", no_argument, NULL, PRIVATE},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool take_set(char *text, struct set_choice *list, int *n)
{
    struct why why;

    if (*n == TRAIN_MAX_SETS) {
        fprintf(stderr, "outrider train: more than %d sets\n", TRAIN_MAX_SETS);
        return false;
    }
    if (set_choice_parse(text, &list[(*n)++], &why) == OK)
        return true;
    fprintf(stderr, "outrider train: %s\n", why.text);
    return false;
}

static bool take_size(const char *text, struct train_network_options *o)
{
    int end = 0;

    if (sscanf(text, "%5dx%5d%n", &o->width, &o->height, &end) == 2 && !text[end] &&
        o->width >= 64 && o->width <= 2048 && o->height >= 64 && o->height <= 2048 &&
        o->width % 32 == 0 && o->height % 32 == 0)
        return true;
    fprintf(stderr, "outrider train: --size '%s': must be WxH, multiples of 32 of 64 to 2048\n",
            text);
    return false;
}

static bool real(int option, double min, double max, double *out)
{
    return option_real("train", long_options[option - 1].name, optarg, min, max, out);
}

static bool whole(int option, int min, int max, int *out)
{
    return option_whole("train", long_options[option - 1].name, optarg, min, max, out);
}

static bool take_seed(struct train_network_options *o)
{
    int seed;

    if (!whole(SEED, 0, 1 << 30, &seed))
        return false;
    o->seed = (uint64_t)seed;
    return true;
}

static bool take_option(int option, struct train_network_options *o)
{
    switch (option) {
    case DATA:
        return take_set(optarg, o->data, &o->n_data);
    case HELD_OUT:
        return take_set(optarg, o->held_out, &o->n_held_out);
    case OUT:
        o->out = optarg;
        return true;
    case FROM:
        o->from = optarg;
        return true;
    case SIZE:
        return take_size(optarg, o);
    case BATCH:
        return whole(option, 1, 1024, &o->batch);
    case STEPS:
        return whole(option, 1, 100000000, &o->steps);
    case WARM_UP:
        return whole(option, 0, 1000000, &o->warm_up);
    case RATE:
        return real(option, 1e-8, 1, &o->rate);
    case DECAY:
        return real(option, 0, 1, &o->decay);
    case AVERAGE:
        return real(option, 0, 0.999999, &o->average);
    case AUGMENT:
        return real(option, 0, 1, &o->strength);
    case SEED:
        return take_seed(o);
    case THREADS:
        return whole(option, 1, 256, &o->threads);
    case SAVE:
        return whole(option, 0, 86400, &o->save_s);
    case PATIENCE:
        return whole(option, 0, 1000000, &o->patience);
    case FRESH:
        o->fresh = true;
        return true;
    case PRIVATE:
        o->private = true;
        return true;
    default:
        return false;
    }
}

static bool is_complete(const struct train_network_options *o, int left)
{
    const size_t n = o->out ? strlen(o->out) : 0;

    if (left || !o->n_data || !o->out)
        return false;
    if (n > 5 && !strcmp(o->out + n - 5, ".onnx"))
        return true;
    fprintf(stderr, "outrider train: --out '%s': must end in .onnx\n", o->out);
    return false;
}

int train_command(int argc, char **argv)
{
    struct train_network_options o = {.width = 416,
                                      .height = 256,
                                      .batch = 16,
                                      .steps = 20000,
                                      .warm_up = 200,
                                      .rate = 0.002,
                                      .decay = 0.02,
                                      .average = 0.999,
                                      .strength = 1,
                                      .seed = 1,
                                      .save_s = 300,
                                      .threads = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    int option;

    if (argc > 1 && !strcmp(argv[1], "tracker"))
        return train_tracker_command(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "lanes"))
        return train_lanes_command(argc - 1, argv + 1);
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (!take_option(option, &o)) {
            fputs("outrider train --help says more\n", stderr);
            return 2;
        }
    }
    if (is_complete(&o, argc - optind))
        return train_network(&o);
    fputs(usage, stderr);
    return 2;
}
