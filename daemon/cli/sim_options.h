/* The command line of `outrider sim`, shared by the parts of it. */
#ifndef OUTRIDER_DAEMON_CLI_SIM_OPTIONS_H
#define OUTRIDER_DAEMON_CLI_SIM_OPTIONS_H

#include <stdbool.h>

#include "proto/message.h"
#include "sim/faults.h"
#include "sim/stage.h"

struct sim_options {
    struct stage_options stage;
    const char *calibration; /* file; NULL: stage_camera() */
    int width, height;       /* 0: as calibrated, or 640 x 384 */
    double rate_hz, duration_s;
    int frames; /* 0: as long as duration_s says, and that 0: the scenario */
    enum encoding encoding;
    bool encoding_given;
    bool progress; /* on a terminal */
    int stop_fd;

    /* onto the bus */
    const char *camera, *vehicle, *frames_at, *answers_at, *truth_at; /* truth_at NULL: nowhere */
    const char *control_at;                                           /* NULL: no planner drives */
    struct faults faults;
    bool lockstep, drive, score, json;
    double wait_s;

    /* into a folder */
    const char *set, *sheet; /* NULL: not asked for */
    int cut;                 /* frames of each world; 0: one world */
};

/* Returns 0: go on; otherwise an exit status + 1: 1 for --help and --list, 3 for wrong usage. */
int sim_options_read(struct sim_options *o, int argc, char **argv);

int sim_frames(const struct sim_options *o, const struct stage *s); /* how many it is about */

/* The whole job; returns the exit status. */
int sim_bus(const struct sim_options *o);
int sim_set(const struct sim_options *o);

#endif
