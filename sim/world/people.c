/* People on foot: along the pavements, and across the road where they can: at a zebra crossing they
 * wait at the kerb until everybody who comes can stop without haste or stands. */
#include <math.h>

#include "sim/world/traffic.h"

static const double comfortable = 2.2; /* m/s^2: braking they ask for */
static const double pull = 2.5;        /* m/s^2: their own */

static double kerb_d(const struct world *w, const struct actor *a)
{
    const struct roadway *r = &w->roads.road[a->road];

    return a->d > 0 ? profile_at(&r->left, a->s) : profile_at(&r->right, a->s);
}

static bool on_carriageway(const struct world *w, const struct actor *a)
{
    const struct roadway *r = &w->roads.road[a->road];

    return a->d < profile_at(&r->left, a->s) && a->d > profile_at(&r->right, a->s);
}

static bool may_cross(const struct world *w, const struct actor *a)
{
    for (int i = EGO; i < w->n_actors; i++) {
        if (i != EGO && (w->actor[i].road != a->road || w->actor[i].lane < 0 ||
                         w->actor[i].parked || w->actor[i].kind == ACTOR_PEDESTRIAN))
            continue;
        struct body b = body_of(w, i);
        double to = b.direction * (a->s - b.s) - b.length / 2;

        if (b.road != a->road || to < -b.length - 1 || to > 120)
            continue;
        if (to < 1.5 || (b.v > 0.3 && to < b.v * b.v / (2 * comfortable) + b.v + 4))
            return false;
    }
    return true;
}

static bool zebra_lit(const struct world *w, double s, const struct junction **out)
{
    const struct places *p = &w->traffic->places;

    for (int k = 0; k < p->n_junctions; k++)
        if (p->junction[k].lights && fabs(p->junction[k].s - s) < p->junction[k].half + 6) {
            *out = &p->junction[k];
            return true;
        }
    return false;
}

static bool signal_lets(const struct world *w, double s)
{
    const struct junction *j;

    return !zebra_lit(w, s, &j) || (junction_light(j, false, w->t) == LIGHT_RED &&
                                    junction_light(j, false, w->t + 9) == LIGHT_RED);
}

/* The nearest person ahead whom this body has to wait for. */
bool people_block(const struct world *w, const struct body *me, double ahead_max, double *gap)
{
    bool found = false;

    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];
        const struct mind *m = &w->traffic->mind[i];

        if (a->kind != ACTOR_PEDESTRIAN || a->road != me->road || m->walk == WALK_ALONG)
            continue;
        double to = me->direction * (a->s - me->s) - me->length / 2 - 1;
        if (to < -0.5 || to > ahead_max)
            continue;
        const struct junction *j;
        bool blocks;
        if (m->walk == WALK_WAIT) /* only those who can stop, and not where lights tell */
            blocks = m->script < 0 && !zebra_lit(w, a->s, &j) &&
                     me->v * me->v < 2 * comfortable * fmax(to - 1, 0.1);
        else
            blocks = on_carriageway(w, a) && m->way * (a->d - me->d) < me->width / 2 + 1;
        if (blocks && (!found || to < *gap)) {
            *gap = to;
            found = true;
        }
    }
    return found;
}

static void consider_zebra(struct world *w, struct actor *a, struct mind *m)
{
    const struct places *p = &w->traffic->places;

    for (int k = 0; k < p->n_zebras; k++) {
        double middle = 0.5 * (p->zebra[k].s0 + p->zebra[k].s1);

        if (k == m->zebra || fabs(a->s - middle) > 1 || a->road != 0)
            continue;
        m->zebra = k;
        if (random_chance(&w->traffic->random, 0.45)) {
            m->walk = WALK_WAIT;
            m->way = a->d > 0 ? -1 : 1;
            m->far_d = -a->d;
        }
    }
}

static void face(struct actor *a, double heading, double v, double h)
{
    double turn = remainder(heading - a->heading, 2 * M_PI), most = 4 * h;

    turn = fmin(fmax(turn, -most), most);
    a->yaw_rate = turn / h;
    a->heading = remainder(a->heading + turn, 2 * M_PI);
    a->acceleration = fmin(fmax((v - a->speed) / h, -pull), pull);
    a->speed = v;
}

static double walk_along(struct world *w, struct actor *a, struct mind *m, double v, double h)
{
    const struct roadway *r = &w->roads.road[a->road];
    int lane = road_lane_at(r, a->s + m->way * 0.5, a->d, LANE_PAVEMENT);

    if (lane < 0 && m->script < 0) { /* the pavement's end */
        m->way = -m->way;
        return 0;
    }
    a->s += m->way * v * h;
    consider_zebra(w, a, m);
    return m->way > 0 ? 0 : M_PI;
}

void people_step(struct world *w, int i, double h)
{
    struct actor *a = &w->actor[i];
    struct mind *m = &w->traffic->mind[i];
    double v = fmin(m->v0, a->speed + pull * h), turn = 0, s = a->s, d = a->d, heading = a->heading;

    if (m->walk == WALK_ALONG && m->script < 0) {
        turn = walk_along(w, a, m, v, h);
    } else if (m->walk == WALK_ACROSS) {
        turn = m->way * M_PI / 2;
        a->d += m->way * v * h;
        if (m->way * (a->d - m->far_d) >= 0) {
            m->walk = m->script < 0 ? WALK_ALONG : WALK_WAIT;
            m->way = random_chance(&w->traffic->random, 0.5) ? 1 : -1;
        }
    } else {
        double edge = kerb_d(w, a), at = edge + (a->d > 0 ? 0.5 : -0.5);
        turn = m->way * M_PI / 2;
        if (fabs(a->d - at) > v * h && m->script < 0) {
            a->d += a->d > at ? -v * h : v * h;
        } else {
            v = 0;
            if (m->script < 0 && signal_lets(w, a->s) && may_cross(w, a))
                m->walk = WALK_ACROSS;
        }
    }
    struct road_point p = road_at(&w->roads.road[a->road], a->s, a->d);
    a->x = p.x;
    a->y = p.y;
    a->z = p.z;
    a->heading = heading;
    face(a, p.heading + turn, s == a->s && d == a->d ? 0 : v, h);
    a->travelled += a->speed * h;
    a->vx = ((a->s - s) * cos(p.heading) - (a->d - d) * sin(p.heading)) / h;
    a->vy = ((a->s - s) * sin(p.heading) + (a->d - d) * cos(p.heading)) / h;
}
