/* Drives ego by what the daemon says, and by nothing else but the car's own speed: keeps the middle
 * of the lane of `lanes`, and the distance to the lead of `objects`.
 *
 * Across: curvature of the lane and a damped spring on offset and heading (feedback linearisation of
 * the bicycle, Rajamani, Vehicle Dynamics and Control, 2012, ch. 2). Along: the Intelligent Driver
 * Model (Treiber, Hennecke, Helbing, Phys. Rev. E 62, 2000). Without a usable lane it holds its
 * curvature for a second and then brakes to a stop, as it does when objects cannot be used.
 *
 * Who is not in our way yet but will be by its predicted path (cutting in, crossing) counts like the
 * lead where it meets our way; of all of them the one that asks for the hardest braking decides, and
 * reason names it. */
#ifndef OUTRIDER_SIM_DRIVER_H
#define OUTRIDER_SIM_DRIVER_H

#include "proto/message.h"
#include "sim/world/world.h"

struct driver {
    double wheelbase, front_m; /* of the car; its nose ahead of our origin */
    double lane_s, lead_s; /* when the lane and the objects were last usable; -INFINITY: never */
    double offset, heading, curvature;
    int n_ahead;
    struct driver_ahead {
        double x_m, speed_mps; /* near face ahead of our origin, on our way; relative to ours */
        bool is_lead;
        uint64_t id;
    } ahead[SCENE_MAX_OBJECTS];
    char reason[96];      /* of the last command's braking; empty: it does not brake */
    unsigned blind_steps; /* commands given without a lane to follow */
};

void driver_init(struct driver *d, const struct ego_car *car);

/* t_s: of the drive, when it was heard. */
void driver_hear_lanes(struct driver *d, const struct lanes_message *m, double t_s);
void driver_hear_objects(struct driver *d, const struct objects_message *m, double t_s);

/* desired_mps: what the driver would drive on a free and straight road. */
struct drive_command driver_command(struct driver *d, double t_s, double speed_mps,
                                    double desired_mps);

#endif
