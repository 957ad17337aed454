/* A part of a set, as the command line names it: "PATH[,only=GLOB][,without=GLOB][,every=N/K]
 * [,without-every=N/K][,weight=W]"; or a set that the simulator is to draw:
 * "sim:SCENARIO[,seed=N][,frames=N][,calibration=FILE][,weight=W]". */
#ifndef OUTRIDER_DAEMON_CLI_SET_CHOICE_H
#define OUTRIDER_DAEMON_CLI_SET_CHOICE_H

#include <stdbool.h>

#include "daemon/cli/pictures.h"

struct every { /* pictures whose number % n is k; n 0: says nothing */
    int n, k;
};

struct set_choice { /* strings borrowed */
    const char *path;
    double weight;       /* share of the samples that come from it, for training; 1 */
    const char *only;    /* pictures whose names match; NULL: all */
    const char *without; /* not these */
    struct every every, without_every;
    size_t first; /* only so many of the set's pictures, sorted by name; 0: all */
    /* of the simulator alone */
    int seed, frames;        /* in the end; 0: no simulator draws it */
    const char *calibration; /* the camera's file; NULL: the simulator's own */
};

/* text is written to and borrowed. ERR_FORMAT. */
MUST_CHECK enum err set_choice_parse(char *text, struct set_choice *out, struct why *why);

/* The scenario, where the simulator is to draw it; otherwise NULL. */
const char *set_choice_simulator(const struct set_choice *c);

/* name: without its folder; number: its place among all of the set, sorted by name. */
bool set_choice_takes(const struct set_choice *c, const char *name, size_t number);
/* Of n names, sorted, perhaps with folders before them: whether each is taken, for the caller to free(). ERR_NOMEM;
 * ERR_FORMAT: none is. */
MUST_CHECK enum err set_choice_mark(const struct set_choice *c, char *const *name, size_t n,
                                    bool **out, struct why *why);

#endif
