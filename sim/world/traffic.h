/* Inside the world only: what goes on in the heads of those who move. */
#ifndef OUTRIDER_SIM_TRAFFIC_H
#define OUTRIDER_SIM_TRAFFIC_H

#include "sim/world/build.h"

enum { EGO = -1 }; /* the index of ego where actors' indices go */

enum walk { WALK_ALONG, WALK_WAIT, WALK_ACROSS };

/* Of a driver (Treiber, Hennecke and Helbing, Congested traffic states in empirical observations
 * and microscopic simulations, 2000: v0 T s0 a b; Kesting, Treiber and Helbing, General
 * lane-changing model MOBIL, 2007: politeness), or of somebody on foot. */
struct mind {
    double v0, headway, gap0, a, b, politeness;

    /* While changing lanes the actor's lane is the new one; the way from the old centre shrinks. */
    int from_lane; /* -1: not changing */
    double shift, shift_t, shift_time;
    double aside, aside_wish; /* lasting lateral offset: cyclists, overtaking, making room */
    double aside_rate;        /* m/s */
    double wander, wander_phase;
    double next_look; /* t when it thinks of changing lanes */
    int announced;    /* +1 left, -1 right: indicating before a change */
    double announced_t;
    bool leaves; /* takes the next exit */

    int script; /* index in plan.script, -1: none */
    int stage;  /* 0 waiting, 1 acting, 2 after */
    double stage_t;

    enum walk walk; /* on foot */
    int way;        /* along or across: +1, -1 */
    int zebra;      /* the last one it thought about */
    double far_d;   /* where it goes across to */
};

struct traffic {
    struct plan plan;
    struct places places;
    struct random random;
    uint64_t seed, next_id;
    double next_window; /* t of the next look at who comes and goes */
    struct mind mind[WORLD_MAX_ACTORS], ego;
    double wish[WORLD_MAX_ACTORS];               /* accelerations of this step */
    double headway[ROAD_MAX][ROAD_MAX_LANES][2]; /* to the next one who comes: behind, ahead */
    int parked_to[ROAD_MAX_LANES];               /* slots of parking lanes looked at so far */
};

/* A body on a road, whoever it is. */
struct body {
    int road, lane, from_lane, direction;
    double s, d, v, length, width; /* s of its middle; v along its own direction */
};
struct body body_of(const struct world *w, int i);
static inline const struct mind *mind_of(const struct world *w, int i)
{
    return i == EGO ? &w->traffic->ego : &w->traffic->mind[i];
}

/* world.c: as world_step(), with ego on its own, inner steps of at most `longest` seconds and no
 * look at what ego touches. */
void world_advance(struct world *w, double dt, double longest);

/* kinds.c */
void kind_size(enum actor_kind kind, uint32_t look, struct actor *out); /* length width height */
void mind_draw(struct random *r, enum actor_kind kind, struct mind *out);

/* drivers.c: m/s^2 that the driver wants with all that lies ahead. */
double idm(const struct mind *m, double v, double v0, double gap, double closing);
double driver_wish(const struct world *w, int i, double v0);
double road_curvature(const struct roadway *r, double s);

/* changes.c */
void change_lanes(struct world *w, int i); /* thinks, announces, begins */
void change_begin(struct world *w, int i, int lane, double time);
bool change_safe(const struct world *w, int i, int lane);
int lane_beside(const struct world *w, int i, int side); /* +1: to the driver's left */

/* script.c */
enum err script_place(struct world *w, struct why *why); /* ego, then its actors */
/* Lets the scenario act on an actor (or EGO): may lower or raise its wish. */
double script_act(struct world *w, int i, double wish);

/* people.c */
void people_step(struct world *w, int i, double h);
bool people_block(const struct world *w, const struct body *me, double ahead_max, double *gap);

/* crowd.c: who comes and goes around ego. */
void crowd_fill(struct world *w);   /* at the beginning */
void crowd_update(struct world *w); /* five times a second */
int crowd_add(struct world *w, enum actor_kind kind, int road, int lane, double s, double v);

/* motion.c */
void motion_step(struct world *w, int i, double h);
void motion_place(struct world *w, int i); /* pose from road, s, d */

/* ego.c */
void ego_init(struct world *w, int lane, double s, double speed);
void ego_step(struct world *w, const struct drive_command *c, double h);
bool ego_touches(const struct world *w);

#endif
