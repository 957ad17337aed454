/* A run of our own network's training: from sets to an ONNX file, with all that a long run needs. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_NETWORK_H
#define OUTRIDER_DAEMON_CLI_TRAIN_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cli/train_set.h"

enum { TRAIN_MAX_SETS = 16 };

struct train_network_options { /* strings borrowed */
    struct set_choice data[TRAIN_MAX_SETS], held_out[TRAIN_MAX_SETS];
    int n_data, n_held_out;
    const char *out;  /* FILE.onnx; beside it FILE.checkpoint, FILE.csv, FILE.png */
    const char *from; /* NULL, or the ONNX file that the weights begin with */
    int width, height;
    int batch; /* of all ranks together */
    int steps, warm_up;
    double rate, decay, average, strength;
    uint64_t seed;
    int threads;
    int save_s;   /* seconds between checkpoints */
    int patience; /* checkpoints without a better loss on held_out until it ends; 0: no such end */
    bool fresh;   /* begin anew, although there is a checkpoint */
    bool private; /* sets whose weights may not be given out, too */
};

/* The exit status. */
int train_network(const struct train_network_options *o);

#endif
