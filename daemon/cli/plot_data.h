/* A simulated drive and what the pipeline said of it, instant by instant: the truth of a simulator's set
 * (`outrider sim --write`) beside the messages of `outrider run` over it. Road users only: neither signs nor lights.
 * Positions of the near face, metres, each in our vehicle frame of its own instant; velocities relative to us. */
#ifndef OUTRIDER_DAEMON_CLI_PLOT_DATA_H
#define OUTRIDER_DAEMON_CLI_PLOT_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "perception/base/err.h"
#include "perception/scene.h"

struct plot_truth {
    uint64_t id;
    enum object_class class;
    struct box box;
    double x_m, y_m, vx_mps;
    bool lead, counts; /* counts: large and free enough to be asked for (sim/labels.h) */
};

struct plot_track { /* as published */
    uint64_t id;
    enum object_class class;
    struct box box;
    double x_m, y_m, vx_mps;
    float covariance[3]; /* xx xy yy, m^2 */
    double sigma_vx_mps;
    bool measured, lead;
    int n_path;
    struct path_point path[SCENE_PATH_POINTS];
    uint64_t truth;  /* the truth that its box overlaps most, by at least 0.3; 0: none */
    uint64_t before; /* the id that this truth had until now, if it was another; else 0 */
};

struct plot_frame {
    double t_s;
    int n_truths, n_tracks;
    struct plot_truth *truth;
    struct plot_track *track; /* NULL, 0: nothing was said of this frame */
};

struct plot_data {
    char name[64]; /* the scenario's, or the folder's */
    size_t n;
    struct plot_frame *frame;
    int n_lanes;
    struct lane_boundary lane[SCENE_MAX_LANES]; /* as published last: stations, role, types[0] */
};

/* set: the folder; run: the lines. ERR_IO, ERR_NOMEM, ERR_FORMAT with file, line and field; ERR_MISMATCH where the run
 * is of other frames or times than the set's. */
MUST_CHECK enum err plot_data_read(const char *set, const char *run, struct plot_data *out,
                                   struct why *why);
void plot_data_finish(struct plot_data *d); /* zeroed is fine */

#endif
