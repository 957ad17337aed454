/* Lane changes by MOBIL (Kesting, Treiber and Helbing, 2007): a change must leave those behind a
 * safe deceleration, and be worth it: own gain + politeness x the others' gain > threshold. */
#include <math.h>

#include "sim/world/traffic.h"

static const double safe = 3, threshold = 0.25, keep_right = 0.25, announce = 0.9;

/* Nearest bodies ahead and behind on a lane, as seen from me; -2: none. */
struct neighbours {
    int lead, follow;
    double lead_gap, follow_gap;
};
enum { NOBODY = -2 };

static struct neighbours look(const struct world *w, int i, const struct body *me, int lane)
{
    struct neighbours n = {NOBODY, NOBODY, INFINITY, INFINITY};

    for (int j = EGO; j < w->n_actors; j++) {
        if (j == i || (j != EGO && (w->actor[j].road != me->road || w->actor[j].lane < 0)))
            continue;
        struct body b = body_of(w, j);
        if (b.road != me->road || (b.lane != lane && b.from_lane != lane))
            continue;
        double ahead = me->direction * (b.s - me->s), bodies = 0.5 * (me->length + b.length);
        if (ahead >= 0 && ahead - bodies < n.lead_gap) {
            n.lead = j;
            n.lead_gap = ahead - bodies;
        } else if (ahead < 0 && -ahead - bodies < n.follow_gap) {
            n.follow = j;
            n.follow_gap = -ahead - bodies;
        }
    }
    return n;
}

static double speed_of(const struct world *w, int i)
{
    return i == EGO ? w->ego.speed : w->actor[i].speed;
}

/* What `who` would do behind `lead` at this gap. */
static double follow(const struct world *w, int who, int lead, double gap)
{
    const struct mind *m = mind_of(w, who);
    double v = speed_of(w, who);

    return idm(m, v, m->v0, gap, lead == NOBODY ? 0 : v - speed_of(w, lead));
}

static bool open_at(const struct road_lane *l, double s, int direction, double margin)
{
    double a = s - 5, b = s + direction * margin;

    return l->use == LANE_DRIVE && fmin(a, b) >= l->s0 && fmax(a, b) <= l->s1;
}

int lane_beside(const struct world *w, int i, int side)
{
    struct body me = body_of(w, i);
    const struct roadway *r = &w->roads.road[me.road];

    if (me.lane < 0)
        return -1;
    int lane = side > 0 ? r->lane[me.lane].left : r->lane[me.lane].right;
    if (lane >= 0)
        return open_at(&r->lane[lane], me.s, me.direction, 30) ? lane : -1;
    if (side > 0 || !mind_of(w, i)->leaves)
        return -1;
    for (int k = 0; k < r->n_lanes; k++) /* an exit */
        if (r->lane[k].left == me.lane && r->lane[k].next_road >= 0 &&
            open_at(&r->lane[k], me.s - 65, me.direction, 130))
            return k;
    return -1;
}

/* What a change is worth; -INFINITY where it is not safe. */
static double worth(const struct world *w, int i, const struct body *me, int lane)
{
    const struct mind *m = mind_of(w, i);
    struct neighbours here = look(w, i, me, me->lane), there = look(w, i, me, lane);
    double gain = follow(w, i, there.lead, there.lead_gap);
    double others = 0;

    if (there.lead_gap < m->gap0 || there.follow_gap < m->gap0 || gain < -safe)
        return -INFINITY;
    if (there.follow != NOBODY) {
        double after = follow(w, there.follow, i, there.follow_gap);

        if (after < -safe)
            return -INFINITY;
        others +=
            after - follow(w, there.follow, there.lead,
                           there.lead == NOBODY ? INFINITY
                                                : there.follow_gap + there.lead_gap + me->length);
    }
    if (here.follow != NOBODY)
        others +=
            follow(w, here.follow, here.lead,
                   here.lead == NOBODY ? INFINITY : here.follow_gap + here.lead_gap + me->length) -
            follow(w, here.follow, i, here.follow_gap);
    gain -= follow(w, i, here.lead, here.lead_gap);
    return gain + m->politeness * others;
}

bool change_safe(const struct world *w, int i, int lane)
{
    struct body me = body_of(w, i);

    return worth(w, i, &me, lane) > -INFINITY;
}

/* Out of a lane that ends, or into an exit: then only safety counts. */
static bool must(const struct world *w, const struct body *me, int lane, int side)
{
    const struct roadway *r = &w->roads.road[me->road];
    const struct road_lane *own = &r->lane[me->lane];
    double end = me->direction > 0 ? own->s1 : own->s0;

    if (side < 0)
        return r->lane[lane].next_road >= 0;
    return own->next_road < 0 && end > 0 && end < r->length && fabs(end - me->s) < 400;
}

static bool hindered(const struct world *w, const struct body *me)
{
    const struct places *p = &w->traffic->places;
    double ahead = me->s + me->direction * 60;

    if (p->site1 > p->site0 && fmax(ahead, me->s) > p->site0 && fmin(ahead, me->s) < p->site1)
        return true;
    for (int k = 0; k < p->n_junctions; k++)
        if (fabs(p->junction[k].s - ahead) < 50)
            return true;
    return me->v < 3;
}

void change_begin(struct world *w, int i, int lane, double time)
{
    struct body me = body_of(w, i);
    struct mind *m = i == EGO ? &w->traffic->ego : &w->traffic->mind[i];
    const struct roadway *r = &w->roads.road[me.road];

    m->from_lane = me.lane;
    m->shift = profile_at(&r->lane[me.lane].centre, me.s) - profile_at(&r->lane[lane].centre, me.s);
    m->shift_t = 0;
    m->shift_time = time;
    if (i != EGO) {
        w->actor[i].lane = lane;
        w->actor[i].indicator = me.direction * m->shift < 0 ? 1 : -1;
    }
}

void change_lanes(struct world *w, int i)
{
    struct mind *m = &w->traffic->mind[i];
    struct actor *a = &w->actor[i];
    struct body me = body_of(w, i);
    double best = threshold;
    int side = 0;

    if (m->from_lane >= 0 || w->t < m->next_look || me.lane < 0)
        return;
    m->next_look = w->t + 0.8;
    for (int k = 1; k >= -1; k -= 2) {
        int lane = lane_beside(w, i, k);

        if (lane < 0 || (m->announced && m->announced != k))
            continue;
        bool now = must(w, &me, lane, k);
        if (!now && (hindered(w, &me) || w->traffic->plan.number[PLAN_TRAFFIC_CHANGES] <= 0))
            continue;
        double value = worth(w, i, &me, lane) + (k > 0 ? -keep_right : keep_right);
        if (now && value > -INFINITY)
            value = 100;
        if (value > best) {
            best = value;
            side = k;
        }
    }
    if (side == 0) {
        m->announced = a->indicator = 0;
    } else if (m->announced != side) {
        m->announced = a->indicator = side;
        m->next_look = w->t + announce;
    } else {
        m->announced = 0;
        change_begin(w, i, lane_beside(w, i, side), random_range(&w->traffic->random, 3.2, 5.5));
        m->next_look = w->t + 8;
    }
}
