/* The simulator as a set: `outrider sim --write` draws it, in a process of its own at night-shift priority, while
 * the network learns from what is finished. How much a step learns from depends on the step alone, not on how
 * fast the simulator is, so that a run gives the same weights again. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_SIMULATOR_H
#define OUTRIDER_DAEMON_CLI_TRAIN_SIMULATOR_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/cli/set_choice.h"
#include "sim/file.h"

struct train_simulator {
    char folder[FILE_MAX_PATH]; /* the set; empty: nothing is drawn */
    int frames;                 /* in the end */
    pid_t pid;                  /* 0: another rank draws it */
};

/* choice: of a simulator (set_choice_simulator()), into STEM.sim-SCENARIO-SEED, where an earlier run's frames are
 * taken over. draws: this process starts it. train_simulator_end() ends it, and leaves the frames. ERR_IO,
 * ERR_LIMIT. */
MUST_CHECK enum err train_simulator_start(const struct set_choice *choice, const char *stem,
                                          bool draws, struct train_simulator *out, struct why *why);
void train_simulator_end(struct train_simulator *s); /* zeroed is fine */

/* Frames that a step of so many learns from: some to begin with, all of them from half-time on. */
int train_simulator_due(const struct train_simulator *s, int64_t step, int64_t steps);
/* Wait until n are finished, or *stop. ERR_IO: the simulator ended before. */
MUST_CHECK enum err train_simulator_wait(struct train_simulator *s, int n,
                                         const volatile sig_atomic_t *stop, struct why *why);

#endif
