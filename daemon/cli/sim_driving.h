/* What came of it when the car was driven by what was seen: by the daemon's messages (--drive) or by a
 * planner (--control). Judged by the truth. */
#ifndef OUTRIDER_DAEMON_CLI_SIM_DRIVING_H
#define OUTRIDER_DAEMON_CLI_SIM_DRIVING_H

#include <stdbool.h>
#include <stdio.h>

#include "perception/scene.h"
#include "sim/world/world.h"

struct driving {
    bool on; /* until then the scenario drives */
    double begun_s, driven_m, driven_s;
    double off_middle_m, least_gap_m, least_ttc_s, hardest_mps2; /* gap, TTC: INFINITY: no lead */
    double blind_s, silent_s; /* without a lane to follow; braking since no command came in time */
    int departures;
    bool departed;
    bool collided;
    double collided_s, collided_mps;
    char with[80]; /* what it touched, and where that was */
};

void driving_init(struct driving *d);
/* After each step of dt that somebody else than the scenario drove. */
void driving_step(struct driving *d, const struct world *w, double dt);
/* At each frame: what is true then. */
void driving_look(struct driving *d, const struct scene *truth, const struct ego_car *car);

void driving_print(const struct driving *d, const char *who, FILE *f);
void driving_json(const struct driving *d, const char *who, FILE *f); /* one object, one line */

#endif
