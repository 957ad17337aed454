/* How actors move: along their lane by their acceleration, across it along eased ways. */
#include <math.h>

#include "sim/world/traffic.h"

static double eased(double t)
{
    return t <= 0 ? 0 : t >= 1 ? 1 : t * t * t * (10 + t * (6 * t - 15));
}

/* Change of lanes: what is still left of the way. Who stands does not move sideways. */
static double shift_left(struct actor *a, struct mind *m, double h)
{
    if (m->from_lane < 0)
        return 0;
    m->shift_t += h * fmin(1, a->speed / 4);
    if (m->shift_t < m->shift_time)
        return m->shift * (1 - eased(m->shift_t / m->shift_time));
    m->from_lane = -1;
    a->indicator = 0;
    return 0;
}

static void approach(double *x, double goal, double most)
{
    *x += fmin(fmax(goal - *x, -most), most);
}

/* Past the end of its lane: over to the next road, if there is one. */
static void hand_over(struct world *w, struct actor *a)
{
    const struct road_lane *l = &w->roads.road[a->road].lane[a->lane];
    double end = l->direction > 0 ? l->s1 : l->s0, beyond = l->direction * (a->s - end);

    if (beyond <= 0 || l->next_road < 0)
        return;
    const struct road_lane *next = &w->roads.road[l->next_road].lane[l->next_lane];
    a->s = l->next_s + next->direction * beyond;
    a->road = l->next_road;
    a->lane = l->next_lane;
}

void motion_place(struct world *w, int i)
{
    struct actor *a = &w->actor[i];
    const struct roadway *r = &w->roads.road[a->road];
    struct road_point p = road_at(r, a->s, a->d);
    int direction = a->lane >= 0 ? r->lane[a->lane].direction : 1;

    a->x = p.x;
    a->y = p.y;
    a->z = p.z;
    a->pitch = -direction * atan(p.grade);
    a->roll = direction * atan(p.bank);
    a->heading = remainder(p.heading + (direction < 0 ? M_PI : 0), 2 * M_PI);
}

/* The lane's own offset, the way left of a change, what keeps it aside, and a slow wandering. */
static double lateral(struct world *w, int i, double h)
{
    struct actor *a = &w->actor[i];
    struct mind *m = &w->traffic->mind[i];
    const struct road_lane *l = &w->roads.road[a->road].lane[a->lane];
    double wave = a->travelled / 90 + m->wander_phase;

    approach(&m->aside, m->aside_wish, m->aside_rate * h * fmin(1, a->speed / 3));
    return profile_at(&l->centre, a->s) + shift_left(a, m, h) + m->aside +
           m->wander * fmin(a->travelled / 60, 1) * (sin(wave) + 0.5 * sin(2.7 * wave));
}

void motion_step(struct world *w, int i, double h)
{
    struct actor *a = &w->actor[i];
    const struct roadway *r = &w->roads.road[a->road];
    int direction = r->lane[a->lane].direction;
    double before = a->heading, v = fmax(a->speed + w->traffic->wish[i] * h, 0);
    double mean = 0.5 * (a->speed + v), k = road_curvature(r, a->s);

    a->acceleration = (v - a->speed) / h;
    a->speed = v;
    a->s += direction * mean * h / fmax(1 - k * a->d, 0.3);
    a->travelled += mean * h;
    hand_over(w, a);
    double d = lateral(w, i, h), sideways = (d - a->d) / h;
    bool moved = fabs(sideways) < 5; /* else it came from another road */

    a->d = d;
    motion_place(w, i);
    direction = w->roads.road[a->road].lane[a->lane].direction;
    if (v > 0.2 && moved)
        a->heading = remainder(a->heading + direction * atan2(sideways, fmax(v, 2)), 2 * M_PI);
    a->yaw_rate = remainder(a->heading - before, 2 * M_PI) / h;
    a->vx = v * cos(a->heading);
    a->vy = v * sin(a->heading);
    a->steer = v > 1 ? atan(0.6 * a->length * a->yaw_rate / v) : 0;
    a->brake = a->acceleration < -0.6 || (v < 0.3 && a->acceleration <= 0);
}
