/* The world at one instant: roads, everything on and beside them, weather and light, and the car
 * that carries the camera. A scenario (scenario.h) opens it, world_step() moves it on by the same
 * arithmetic for the same seed: two runs are equal bit by bit.
 *
 * One thread at a time. Nothing is allocated by world_step(). World frame as in road.h. Heading,
 * pitch and roll of ego and actors turn in the order Rz(heading) Ry(pitch) Rx(roll) about forward,
 * left and up, as a camera's mounting does: pitch > 0 is nose down, roll > 0 left side up. */
#ifndef OUTRIDER_SIM_WORLD_H
#define OUTRIDER_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "sim/world/road.h"

enum { WORLD_MAX_ACTORS = 160, WORLD_MAX_PROPS = 8192 };

enum actor_kind {
    ACTOR_CAR,
    ACTOR_VAN,
    ACTOR_TRUCK,
    ACTOR_BUS,
    ACTOR_MOTORCYCLE, /* with its rider */
    ACTOR_CYCLIST,    /* with the bicycle */
    ACTOR_PEDESTRIAN,
    ACTOR_KINDS
};

struct actor {
    uint64_t id; /* never 0, never used again in a run */
    enum actor_kind kind;
    uint32_t look; /* seed of its shape, paint and details; the same look, the same mesh */

    double x, y, z; /* centre of its footprint, on the ground */
    double heading, pitch, roll;
    double length, width, height; /* of the box around it, m */
    double speed, acceleration;   /* along its heading, m/s, m/s^2 */
    double vx, vy;                /* over ground, world axes: also while changing lanes */
    double yaw_rate;

    int road, lane; /* lane -1: off the lanes (people, parked cars) */
    double s, d;
    bool parked;
    bool brake, headlights;
    int indicator;    /* +1 left, -1 right, 0 none; blinking is the renderer's, by time */
    double travelled; /* m: turns wheels, moves legs */
    double steer;     /* of the front wheels, rad */
};

/* What stands still beside the road. */
enum prop_kind {
    PROP_TREE,
    PROP_BUSH,
    PROP_BUILDING,
    PROP_POLE, /* of lamps and wires */
    PROP_LAMP,
    PROP_SIGN,          /* state: which one (look picks the pictogram) */
    PROP_TRAFFIC_LIGHT, /* state: enum light_state */
    PROP_CONE,
    PROP_BEACON, /* red and white, of construction sites */
    PROP_GANTRY, /* over the motorway, with signs */
    PROP_BRIDGE, /* over the road; length along it */
    PROP_TUNNEL, /* around the road from s to s + length */
    PROP_ROCK,
    PROP_MARKER_POST,
    PROP_KINDS
};
enum sign_state {             /* what a PROP_SIGN says */
                  SIGN_LIMIT, /* speed: look picks the number */
                  SIGN_YIELD,
                  SIGN_STOP,
                  SIGN_NO_OVERTAKING,
                  SIGN_CURVE,
                  SIGN_CONSTRUCTION,
                  SIGN_CROSSING, /* people on foot */
                  SIGN_PRIORITY,
                  SIGN_DIRECTION, /* a board with names */
                  SIGN_STATES
};
enum light_state { LIGHT_RED, LIGHT_RED_YELLOW, LIGHT_GREEN, LIGHT_YELLOW };

struct prop {
    uint64_t id; /* signs and lights are part of the truth */
    enum prop_kind kind;
    uint32_t look;
    double x, y, z, heading;      /* of its foot; heading: where its front looks */
    double length, width, height; /* m; length along its heading; of bridges and gantries the
                                     height is that of the lower edge above the road */
    int state;
    int road; /* bridges and tunnels */
    double s;
};

struct weather {
    float sun_elevation,
        sun_azimuth; /* rad; azimuth as a heading; below 0: dusk, below -0.1 night */
    float cloud;     /* 0..1 */
    float rain;      /* 0..1 falling */
    float wetness;   /* 0..1 on the road */
    float fog;       /* extinction, 1/m; 0.05: one sees 60 m */
    float dirt;      /* 0..1 on the lens */
};

/* Driver's inputs; a controller fills them, or a message from the bus. */
struct drive_command {
    double acceleration; /* m/s^2, braking < 0 */
    double steer;        /* of the front wheels, rad, left > 0 */
};

/* The car with the camera: a kinematic bicycle about its rear axle (Rajamani, Vehicle Dynamics and
 * Control, 2012, ch. 2), with limits on acceleration, steering angle and steering rate. */
struct ego_car {
    double x, y, z, heading, pitch, roll; /* of the ground point under the rear axle's centre */
    double speed, acceleration, steer, yaw_rate;
    double wheelbase, length, width, height, rear_overhang;
    int road, lane; /* lane: the one it is in */
    double s, d;
};

enum world_style { STYLE_URBAN, STYLE_RURAL, STYLE_MOTORWAY };

struct world {
    double t; /* s since the scenario's beginning */
    uint64_t seed;
    enum world_style style;
    struct weather weather;
    struct road_network roads;
    struct ego_car ego;
    int n_actors;
    struct actor actor[WORLD_MAX_ACTORS]; /* in no order; the place of one may change, its id not */
    int n_props;
    struct prop prop[WORLD_MAX_PROPS]; /* fixed, but for the state of traffic lights */
    bool collided;                     /* ego touched something */
    struct traffic *traffic;           /* the drivers' minds: world.c's own */
};

struct scenario; /* scenario.h */

/* On OK the caller owns *out (about 4 MB). ERR_LIMIT when the scenario asks for more than fits. */
MUST_CHECK enum err world_open(const struct scenario *s, uint64_t seed, struct world **out,
                               struct why *why);
void world_close(struct world *w); /* NULL is fine */

/* On by dt seconds (at most 0.1; inner steps of at most 0.02 s). command NULL: ego is driven by the
 * scenario's own controller. */
void world_step(struct world *w, double dt, const struct drive_command *command);

/* What the built-in controller would do now. */
struct drive_command world_autopilot(const struct world *w);

/* World point -> vehicle frame of ego (ISO 8855), and back. Row-major rotation of the vehicle axes
 * in the world: columns are forward, left, up. */
void ego_rotation(const struct ego_car *e, double r[9]);
void ego_from_world(const struct ego_car *e, const double world[3], double vehicle[3]);
void ego_to_world(const struct ego_car *e, const double vehicle[3], double world[3]);

#endif
