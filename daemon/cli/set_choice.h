/* A part of a set, as the command line names it: "PATH[,only=GLOB][,without=GLOB][,every=N/K]
 * [,without-every=N/K][,weight=W]". */
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
};

/* text is written to and borrowed. ERR_FORMAT. */
MUST_CHECK enum err set_choice_parse(char *text, struct set_choice *out, struct why *why);

/* name: without its folder; number: its place among all of the set, sorted by name. */
bool set_choice_takes(const struct set_choice *c, const char *name, size_t number);
/* Of n names, sorted, perhaps with folders before them: whether each is taken, for the caller to free(). ERR_NOMEM;
 * ERR_FORMAT: none is. */
MUST_CHECK enum err set_choice_mark(const struct set_choice *c, char *const *name, size_t n,
                                    bool **out, struct why *why);

#endif
