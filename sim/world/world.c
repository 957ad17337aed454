#include "sim/world/world.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "sim/world/traffic.h"

enum { STREAM_PLAN = 1, STREAM_ROADS, STREAM_TRAFFIC };

static const double longest_step = 0.02;

static struct weather weather_of(const struct plan *p)
{
    const double *n = p->number;

    return (struct weather){.sun_elevation = (float)(n[PLAN_WEATHER_SUN_ELEVATION] * M_PI / 180),
                            .sun_azimuth = (float)(n[PLAN_WEATHER_SUN_AZIMUTH] * M_PI / 180),
                            .cloud = (float)n[PLAN_WEATHER_CLOUD],
                            .rain = (float)n[PLAN_WEATHER_RAIN],
                            .wetness = (float)fmax(n[PLAN_WEATHER_WETNESS], n[PLAN_WEATHER_RAIN]),
                            .fog = (float)n[PLAN_WEATHER_FOG],
                            .dirt = (float)n[PLAN_WEATHER_DIRT]};
}

static void ego_mind(struct world *w)
{
    struct traffic *t = w->traffic;
    int lane = (int)t->plan.number[PLAN_LANE];

    mind_draw(&t->random, ACTOR_CAR, &t->ego);
    t->ego.v0 = t->plan.number[PLAN_SPEED];
    t->ego.headway = 1.5;
    t->ego.gap0 = 3;
    t->ego.a = 1.6;
    t->ego.b = 2.2;
    t->ego.leaves = false;
    t->ego.stage = lane; /* the lane it keeps to */
}

static enum err populate(struct world *w, double start, struct why *why)
{
    struct traffic *t = w->traffic;
    enum err e;

    ego_mind(w);
    ego_init(w, t->ego.stage, start, t->ego.v0);
    if ((e = script_place(w, why)) != OK)
        return e;
    crowd_fill(w);
    /* No faster than what is ahead allows. */
    double wish = driver_wish(w, EGO, t->ego.v0);
    for (int k = 0; k < 60 && wish < -1; k++) {
        w->ego.speed *= 0.95;
        wish = driver_wish(w, EGO, t->ego.v0);
    }
    return OK;
}

enum err world_open(const struct scenario *s, uint64_t seed, struct world **out, struct why *why)
{
    struct world *w = calloc(1, sizeof *w);
    struct traffic *t = w ? calloc(1, sizeof *t) : NULL;
    struct random r;
    enum err e;

    *out = NULL;
    if (!t) {
        free(w);
        return err_say(why, ERR_NOMEM, "no memory for a world");
    }
    w->traffic = t;
    w->seed = t->seed = seed;
    t->next_id = 1;
    random_seed(&r, seed, STREAM_PLAN);
    plan_draw(s, &r, &t->plan);
    random_seed(&t->random, seed, STREAM_TRAFFIC);
    w->style = (enum world_style)t->plan.choice[PLAN_STYLE];
    w->weather = weather_of(&t->plan);

    struct build b = {.w = w, .plan = &t->plan, .places = &t->places, .start = 300};
    random_seed(&b.r, seed, STREAM_ROADS);
    if ((e = network_build(&b, why)) == OK && (e = populate(w, b.start, why)) == OK) {
        *out = w;
        return OK;
    }
    world_close(w);
    return e == OK ? e : err_prefix(why, e, "%s: ", s->name);
}

void world_close(struct world *w)
{
    if (w)
        free(w->traffic);
    free(w);
}

static void lights(struct world *w)
{
    const struct places *p = &w->traffic->places;

    for (int i = 0; i < p->n_lights; i++)
        w->prop[p->light[i].prop].state =
            (int)junction_light(&p->junction[p->light[i].junction], p->light[i].cross, w->t);
}

/* Everybody decides on what is, then everybody moves. */
static void step(struct world *w, double h, const struct drive_command *command)
{
    struct traffic *t = w->traffic;

    script_act(w, EGO, 0);
    struct drive_command c = command ? *command : world_autopilot(w);
    for (int i = 0; i < w->n_actors; i++)
        if (!w->actor[i].parked)
            t->wish[i] =
                script_act(w, i, w->actor[i].lane >= 0 ? driver_wish(w, i, t->mind[i].v0) : 0);
    ego_step(w, &c, h);
    for (int i = 0; i < w->n_actors; i++) {
        if (w->actor[i].kind == ACTOR_PEDESTRIAN)
            people_step(w, i, h);
        else if (!w->actor[i].parked)
            motion_step(w, i, h);
    }
    for (int i = 0; i < w->n_actors; i++)
        if (w->actor[i].lane >= 0 && t->mind[i].script < 0 && w->actor[i].kind != ACTOR_CYCLIST)
            change_lanes(w, i);
    w->t += h;
    if (w->t >= t->next_window) {
        t->next_window += 0.2;
        crowd_update(w);
    }
}

void world_step(struct world *w, double dt, const struct drive_command *command)
{
    int n = (int)ceil(dt / longest_step - 1e-9);

    assert(dt >= 0 && dt <= 0.1 + 1e-9);
    for (int i = 0; i < n; i++) {
        step(w, dt / n, command);
        w->collided |= ego_touches(w);
    }
    lights(w);
}

void world_advance(struct world *w, double dt, double longest)
{
    int n = (int)ceil(dt / longest - 1e-9);

    for (int i = 0; i < n; i++)
        step(w, dt / n, NULL);
}
