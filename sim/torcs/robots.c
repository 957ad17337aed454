/* Drivers who are in no hurry: each keeps to a lane and to a speed, and its distance to whoever is
 * ahead in that lane (intelligent driver model, Treiber et al. 2000). Ego is the first of them, or
 * does what it is told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/torcs/plugin.h"

static const float LANE_M = 3.5f;
/* lane -1 right, 0, +1 left; m/s */
static const struct habit {
    int lane;
    float speed;
} habits[TORCS_MAX_CARS] = {{0, 21},  {1, 24}, {-1, 17}, {0, 19},  {1, 26},
                            {-1, 16}, {0, 20}, {1, 22},  {-1, 18}, {0, 23}};
static float track_length;

static float around(float angle)
{
    return remainderf(angle, 2 * (float)M_PI);
}

float robots_place(const struct abi_car *c)
{
    const struct abi_segment *s = c->seen.segment;
    float in = c->seen.to_start;

    if (s->turn != ABI_STRAIGHT)
        in *= s->radius;
    return s->from_start + in;
}

static float road_heading(const struct abi_car *c)
{
    const struct abi_segment *s = c->seen.segment;

    return s->heading + (s->turn == ABI_LEFT    ? c->seen.to_start
                         : s->turn == ABI_RIGHT ? -c->seen.to_start
                                                : 0);
}

/* m between bumpers to the next car ahead in the lane, and how fast that is */
static float gap_ahead(const struct abi_car *c, const struct abi_situation *s, float *speed)
{
    float best = 1000;

    for (int i = 0; i < s->n_cars; i++) {
        const struct abi_car *o = s->car[i];
        float ahead = robots_place(o) - robots_place(c);

        if (ahead < 0)
            ahead += track_length;
        ahead -= (c->info.size.x + o->info.size.x) / 2;
        if (o == c || fabsf(o->seen.to_middle - c->seen.to_middle) > 2.2f || ahead >= best)
            continue;
        best = ahead > 0.1f ? ahead : 0.1f;
        *speed = o->seen.velocity.x;
    }
    return best;
}

static float wanted_acceleration(int index, const struct abi_car *c, const struct abi_situation *s)
{
    const float most = 2.5f, comfortable = 3, headway = 1.4f, least = 4;
    float v = c->seen.velocity.x, other = v, gap = gap_ahead(c, s, &other);
    float wish = least + v * headway + v * (v - other) / (2 * sqrtf(most * comfortable));
    float closeness = fmaxf(wish, least) / gap;

    return most * (1 - powf(v / habits[index].speed, 4) - closeness * closeness);
}

static float wanted_steer(int index, const struct abi_car *c)
{
    const struct abi_segment *s = c->seen.segment;
    float off = c->seen.to_middle - (float)habits[index].lane * LANE_M;
    float angle = around(road_heading(c) - c->seen.pose.az);
    float curvature = s->turn == ABI_LEFT    ? 1 / s->radius
                      : s->turn == ABI_RIGHT ? -1 / s->radius
                                             : 0;
    float base = c->own.wheel[0].place.x - c->own.wheel[2].place.x;

    return atanf(curvature * base) + angle - atanf(off / (6 + c->seen.velocity.x));
}

static int wanted_gear(const struct abi_car *c)
{
    int gear = c->own.gear;

    if (gear <= 0)
        return 1;
    if (c->own.rpm > 0.75f * c->own.rpm_red && gear < 6)
        return gear + 1;
    if (c->own.rpm < 0.35f * c->own.rpm_red && gear > 1)
        return gear - 1;
    return gear;
}

static void drive(int index, struct abi_car *c, struct abi_situation *s)
{
    const int told = index == TORCS_EGO && plugin_order.driven;
    float a = told ? plugin_order.acceleration : wanted_acceleration(index, c, s);
    float steer = told ? plugin_order.steer : wanted_steer(index, c);
    float v = c->seen.velocity.x;

    c->control.steer = fmaxf(-1, fminf(1, steer / c->info.steer_lock));
    c->control.throttle = a > -0.2f ? fmaxf(0, fminf(1, 0.05f + v * 0.004f + a * 0.16f)) : 0;
    c->control.brake = a < -0.4f ? fmaxf(0, fminf(1, -a / 10)) : 0;
    c->control.clutch = 0;
    c->control.gear = wanted_gear(c);
}

static void new_track(int index, struct abi_track *t, void *car, void **setup,
                      struct abi_situation *s)
{
    (void)index, (void)car, (void)s;
    track_length = t->length;
    *setup = NULL;
}
static void race(int index, struct abi_car *car, struct abi_situation *s)
{
    (void)index, (void)car, (void)s;
}
static int pit(int index, struct abi_car *car, struct abi_situation *s)
{
    race(index, car, s);
    return 0; /* at once */
}
static void shutdown(int index)
{
    (void)index;
}

static int init(int index, void *functions)
{
    *(struct abi_robot *)functions = (struct abi_robot){.new_track = new_track,
                                                        .new_race = race,
                                                        .end_race = race,
                                                        .drive = drive,
                                                        .pit = pit,
                                                        .shutdown = shutdown,
                                                        .index = index};
    return 0;
}

int outrider_robots(struct abi_module *m)
{
    for (int i = 0; i < ABI_MODULES; i++) {
        char name[16];

        snprintf(name, sizeof name, "outrider %d", i);
        m[i].name = strdup(name);
        m[i].about = strdup("keeps its lane");
        m[i].init = init;
        m[i].framework = 0;
        m[i].index = i;
    }
    return 0;
}
