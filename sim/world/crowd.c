/* Who is there: traffic lives in a window around ego and comes and goes at its ends. */
#include <math.h>

#include "sim/world/traffic.h"

/* m along road 0 from ego: where they come, ahead and behind, and where they are gone. */
static const double reach = 255, rear = 140, gone = 300, rear_gone = 170;
static const double parked_ahead = 170, feet_ahead = 170, behind = 60;

int crowd_add(struct world *w, enum actor_kind kind, int road, int lane, double s, double v)
{
    struct traffic *t = w->traffic;
    int i = w->n_actors;

    if (i == WORLD_MAX_ACTORS)
        return -1;
    struct actor *a = &w->actor[i];
    *a = (struct actor){.id = t->next_id++,
                        .kind = kind,
                        .look = (uint32_t)random_u64(&t->random),
                        .speed = v,
                        .road = road,
                        .lane = lane,
                        .s = s,
                        .headlights = w->weather.sun_elevation < 0.1 || w->weather.rain > 0.1 ||
                                      w->weather.fog > 0.004 || random_chance(&t->random, 0.4)};
    kind_size(kind, a->look, a);
    mind_draw(&t->random, kind, &t->mind[i]);
    t->mind[i].next_look = w->t + random_range(&t->random, 0, 1);
    t->wish[i] = 0;
    if (lane >= 0) {
        a->d = profile_at(&w->roads.road[road].lane[lane].centre, s);
        a->vx = v; /* until it has moved */
    }
    w->n_actors++;
    motion_place(w, i);
    a->vx = v * cos(a->heading);
    a->vy = v * sin(a->heading);
    return i;
}

static void take_out(struct world *w, int i)
{
    int last = --w->n_actors;

    w->actor[i] = w->actor[last];
    w->traffic->mind[i] = w->traffic->mind[last];
    w->traffic->wish[i] = w->traffic->wish[last];
}

static enum actor_kind draw_kind(struct world *w, bool outermost)
{
    struct random *r = &w->traffic->random;
    double trucks = w->traffic->plan.number[PLAN_TRAFFIC_TRUCKS];

    if (outermost && random_chance(r, trucks))
        return random_chance(r, 0.85) ? ACTOR_TRUCK : ACTOR_BUS;
    double u = random_unit(r);
    return u < 0.84 ? ACTOR_CAR : u < 0.95 ? ACTOR_VAN : ACTOR_MOTORCYCLE;
}

static bool outermost(const struct road_lane *l)
{
    return l->right < 0;
}

/* The wish of a driver on this lane: faster ones keep to the inner lanes. */
static double wish_speed(struct world *w, const struct road_lane *l, enum actor_kind kind,
                         double most)
{
    struct random *r = &w->traffic->random;
    double v = l->speed_limit * w->traffic->plan.number[PLAN_TRAFFIC_SPEED];

    v *= 1 + random_normal(r, 0.07) + (outermost(l) ? -0.05 : 0.04);
    if (kind == ACTOR_TRUCK || kind == ACTOR_BUS)
        v = fmin(v, most * random_range(r, 0.9, 1.02));
    return fmax(fmin(v, most), 0.3);
}

static double draw_headway(struct world *w, double density, double v)
{
    double mean = 1000 / fmax(density, 0.01), least = fmin(8 + 1.2 * v, 0.9 * mean);

    return fmax(least, 6) + random_exponential(&w->traffic->random, fmax(mean - least, 1));
}

static double density_of(const struct world *w, int road, const struct road_lane *l)
{
    const double *n = w->traffic->plan.number;

    if (l->use == LANE_CYCLE)
        return n[PLAN_TRAFFIC_CYCLISTS];
    if (road > 1 || (road == 1 && w->style != STYLE_MOTORWAY))
        return 0.4 * n[PLAN_TRAFFIC_DENSITY];
    return l->direction > 0 ? n[PLAN_TRAFFIC_DENSITY] : n[PLAN_TRAFFIC_ONCOMING];
}

struct around { /* of a place on a lane: from there to the nearest bodies, in m */
    double near, lead_v, lead_gap, tail_v, tail_gap;
};

static struct around free_around(const struct world *w, int road, int lane, double s)
{
    struct around f = {INFINITY, 60, INFINITY, 0, INFINITY};
    int direction = w->roads.road[road].lane[lane].direction;

    for (int i = EGO; i < w->n_actors; i++) {
        struct body b = body_of(w, i);

        if (b.road != road || (b.lane != lane && b.from_lane != lane))
            continue;
        double ahead = direction * (b.s - s), gap = fabs(ahead) - b.length / 2;
        f.near = fmin(f.near, gap);
        if (ahead > 0 && gap < f.lead_gap) {
            f.lead_gap = gap;
            f.lead_v = b.v;
        } else if (ahead <= 0 && gap < f.tail_gap) {
            f.tail_gap = gap;
            f.tail_v = b.v;
        }
    }
    return f;
}

/* So near before a junction that one who comes there could not stop any more. */
static bool before_junction(const struct world *w, int road, const struct road_lane *l, double s)
{
    const struct places *p = &w->traffic->places;

    for (int k = 0; k < p->n_junctions && road == 0; k++) {
        double to = l->direction * (p->junction[k].s - s);

        if (to > -15 && to < 60)
            return true;
    }
    return false;
}

static void add_driver(struct world *w, int road, int lane, double s)
{
    const struct road_lane *l = &w->roads.road[road].lane[lane];
    struct random *r = &w->traffic->random;
    bool cycle = l->use == LANE_CYCLE;
    enum actor_kind kind = cycle ? ACTOR_CYCLIST : draw_kind(w, outermost(l));
    struct mind m;

    mind_draw(r, kind, &m);
    double v0 = cycle ? m.v0 : wish_speed(w, l, kind, m.v0);
    const struct around f = free_around(w, road, lane, s);
    double half = kind == ACTOR_TRUCK || kind == ACTOR_BUS ? 8.5 : 3.2;
    if (f.near < half + 3 || before_junction(w, road, l, s))
        return;
    /* As fast as the way to the one ahead allows: no gap begins unsafe. */
    double v = fmin(v0, fmax((f.lead_gap - half - 2.5) / 1.5, 0));
    v = fmin(v, f.lead_v + sqrt(fmax(2 * (f.lead_gap - half - 3), 0)));
    v = fmin(v, sqrt(2.2 / fmax(fabs(road_curvature(&w->roads.road[road], s)), 1e-5)));
    if (f.tail_v > v && f.tail_gap < half + 3 + f.tail_v + pow(f.tail_v - v, 2) / 4)
        return; /* somebody comes from behind, and would have to brake hard */
    int i = crowd_add(w, kind, road, lane, s, v);
    if (i >= 0)
        w->traffic->mind[i].v0 = v0;
}

/* Cyclists where there is no lane of theirs keep to the side. */
static void add_cyclist_aside(struct world *w, int lane, double s)
{
    const struct road_lane *l = &w->roads.road[0].lane[lane];

    if (free_around(w, 0, lane, s).near < 25)
        return;
    int i = crowd_add(w, ACTOR_CYCLIST, 0, lane, s, 4.5);
    if (i >= 0) {
        struct mind *m = &w->traffic->mind[i];
        m->aside = m->aside_wish = -l->direction * (0.5 * profile_at(&l->width, s) - 0.45);
        w->actor[i].d += m->aside;
        motion_place(w, i);
    }
}

static bool traffic_lane(const struct road_lane *l)
{
    return l->use == LANE_DRIVE || l->use == LANE_CYCLE;
}

static bool lane_reaches(const struct road_lane *l, double s, double margin)
{
    return s > l->s0 + margin && s < l->s1 - margin;
}

/* Lanes along ego's line: those of road 0 and of the other carriageway. */
static bool along(const struct world *w, int road)
{
    return road == 0 || (road == 1 && w->style == STYLE_MOTORWAY);
}

/* Room for ego, and for what the scenario wants to happen before it. */
static bool by_ego(const struct world *w, double s)
{
    bool scripted = w->traffic->plan.n_scripts > 0;

    return s > w->ego.s - (scripted ? 30 : 12) && s < w->ego.s + (scripted ? 120 : 12);
}

static void fill_lane(struct world *w, int road, int lane)
{
    const struct road_lane *l = &w->roads.road[road].lane[lane];
    double density = density_of(w, road, l), v = l->speed_limit;

    if (density <= 0)
        return;
    v *= fmin(w->traffic->plan.number[PLAN_TRAFFIC_SPEED], 1);
    for (double s = w->ego.s + reach - random_range(&w->traffic->random, 0, 20);
         s > w->ego.s - rear; s -= draw_headway(w, density, v))
        if (lane_reaches(l, s, 10) && !(road == 0 && l->direction > 0 && by_ego(w, s)))
            add_driver(w, road, lane, s);
}

/* At the ends of the window: behind [0] and ahead [1]. */
static void feed_lane(struct world *w, int road, int lane)
{
    const struct road_lane *l = &w->roads.road[road].lane[lane];
    double density = density_of(w, road, l);

    for (int end = 0; end < 2 && density > 0; end++) {
        double s = w->ego.s + (end ? reach : -rear);
        double *headway = &w->traffic->headway[road][lane][end];

        if (!lane_reaches(l, s, 10))
            continue;
        if (*headway <= 0)
            *headway = draw_headway(w, density, l->speed_limit);
        if (free_around(w, road, lane, s).near > *headway) {
            add_driver(w, road, lane, s);
            *headway = 0;
        }
    }
}

/* Cross roads and ramps: where their lanes begin. */
static void feed_start(struct world *w, int road, int lane)
{
    const struct roadway *r = &w->roads.road[road];
    const struct road_lane *l = &r->lane[lane];
    double s = l->direction > 0 ? 6 : r->length - 6, density = density_of(w, road, l);
    struct road_point p = road_at(r, s, 0);
    double far = hypot(p.x - w->ego.x, p.y - w->ego.y);
    bool dead_end = r->left.n > 1 && r->left.knot[0].s > -20 && r->left.knot[0].s < 0;

    if (l->use != LANE_DRIVE || far > reach || far < 60 || dead_end || density <= 0)
        return;
    if (r->lane[lane].direction > 0 && w->style == STYLE_MOTORWAY)
        return; /* an exit: its traffic comes from road 0 */
    double *headway = &w->traffic->headway[road][lane][0];
    if (*headway <= 0)
        *headway = w->t + random_exponential(&w->traffic->random, 250 / density) + 2;
    if (w->t >= *headway && free_around(w, road, lane, s).near > 14) {
        add_driver(w, road, lane, s);
        *headway = 0;
    }
}

/* In tight bends long ones need the space, and where somebody crosses on foot there is a gap. */
static bool no_parking(const struct world *w, double s)
{
    const struct traffic *t = w->traffic;
    const double half = 3 + 1; /* of a car, and of somebody's way past it */
    const double tight = 1.0 / 150;

    for (int k = -1; k <= 1; k++)
        if (fabs(road_curvature(&w->roads.road[0], s + 6 * k)) > tight)
            return true;

    for (int k = 0; k < t->places.n_zebras; k++)
        if (s > t->places.zebra[k].s0 - half && s < t->places.zebra[k].s1 + half)
            return true;
    for (int i = 0; i < w->n_actors; i++)
        if (w->actor[i].kind == ACTOR_PEDESTRIAN && t->mind[i].script >= 0 &&
            fabs(w->actor[i].s - s) < half)
            return true;
    return false;
}

static void park(struct world *w, int lane)
{
    const struct road_lane *l = &w->roads.road[0].lane[lane];
    const double slot = 6.3;
    int last = (int)floor((fmin(w->ego.s + parked_ahead, l->s1) - l->s0) / slot) - 1;
    int *next = &w->traffic->parked_to[lane];

    if (w->ego.s + parked_ahead < l->s0)
        return;
    for (; *next <= last; ++*next) {
        double s = l->s0 + (*next + 0.5) * slot;
        struct random *r = &w->traffic->random;

        if (s < w->ego.s - behind ||
            !random_chance(r, w->traffic->plan.number[PLAN_TRAFFIC_PARKED]) || no_parking(w, s))
            continue;
        int i = crowd_add(w, random_chance(r, 0.85) ? ACTOR_CAR : ACTOR_VAN, 0, -1, s, 0);
        if (i < 0)
            return;
        struct actor *a = &w->actor[i];
        a->parked = true;
        a->headlights = false;
        a->length = fmin(a->length, slot - 0.5);
        a->d = profile_at(&l->centre, s) + random_range(r, -0.12, 0.12);
        motion_place(w, i);
        if (l->direction < 0)
            a->heading = remainder(a->heading + M_PI, 2 * M_PI);
    }
}

static void add_walker(struct world *w, double s)
{
    const struct roadway *r = &w->roads.road[0];
    struct random *random = &w->traffic->random;
    int side = random_chance(random, 0.5) ? 1 : -1;

    for (int k = 0; k < r->n_lanes; k++) {
        const struct road_lane *l = &r->lane[k];

        if (l->use != LANE_PAVEMENT || !lane_reaches(l, s, 2) || side * l->centre.knot[0].v < 0)
            continue;
        int i = crowd_add(w, ACTOR_PEDESTRIAN, 0, -1, s, 0);
        if (i < 0)
            return;
        double half = 0.5 * profile_at(&l->width, s) - 0.4;
        w->actor[i].d = profile_at(&l->centre, s) + random_range(random, -half, half);
        motion_place(w, i);
        return;
    }
}

static void feed_people(struct world *w, bool everywhere)
{
    double wanted =
        w->traffic->plan.number[PLAN_TRAFFIC_PEDESTRIANS] * (feet_ahead + behind) / 1000;
    int have = 0;

    for (int i = 0; i < w->n_actors; i++)
        have += w->actor[i].kind == ACTOR_PEDESTRIAN;
    for (int k = have; k < (int)(wanted + 0.5); k++)
        add_walker(w,
                   w->ego.s + (everywhere ? random_range(&w->traffic->random, -behind, feet_ahead)
                                          : feet_ahead));
}

static void feed_cyclists(struct world *w, double s)
{
    const struct roadway *r = &w->roads.road[0];
    double mean = w->traffic->plan.number[PLAN_TRAFFIC_CYCLISTS];

    for (int k = 0; k < r->n_lanes; k++)
        if (r->lane[k].use == LANE_CYCLE)
            return;
    /* Ego meets about as many as there are on each metre that it drives. */
    if (w->style != STYLE_MOTORWAY && random_chance(&w->traffic->random, mean * 0.001 * 0.2 * 10))
        for (int k = 0; k < r->n_lanes; k++)
            if (r->lane[k].use == LANE_DRIVE && outermost(&r->lane[k]) &&
                random_chance(&w->traffic->random, 0.5))
                add_cyclist_aside(w, k, s);
}

static bool leaves_window(const struct world *w, const struct actor *a, const struct mind *m)
{
    const struct roadway *r = &w->roads.road[a->road];
    double ahead = a->s - w->ego.s;

    if (a->s < 1 || a->s > r->length - 1)
        return true;
    if (!along(w, a->road))
        return hypot(a->x - w->ego.x, a->y - w->ego.y) > gone;
    if (m->script >= 0)
        return fabs(ahead) > 500;
    return ahead > gone || ahead < (a->lane < 0 ? -behind - 20 : -rear_gone);
}

static void feed(struct world *w, void (*lane)(struct world *, int, int))
{
    for (int road = 0; road < w->roads.n_roads; road++)
        for (int k = 0; k < w->roads.road[road].n_lanes; k++) {
            const struct road_lane *l = &w->roads.road[road].lane[k];

            if (!traffic_lane(l) || !along(w, road) || l->s0 > 0 ||
                l->s1 < w->roads.road[road].length)
                continue;
            lane(w, road, k);
        }
}

void crowd_fill(struct world *w)
{
    feed(w, fill_lane);
    feed_people(w, true);
    for (int k = 0; k < w->roads.road[0].n_lanes; k++)
        if (w->roads.road[0].lane[k].use == LANE_PARKING)
            park(w, k);
}

void crowd_update(struct world *w)
{
    for (int i = w->n_actors - 1; i >= 0; i--)
        if (leaves_window(w, &w->actor[i], &w->traffic->mind[i]))
            take_out(w, i);
    feed(w, feed_lane);
    for (int road = w->style == STYLE_MOTORWAY ? 2 : 1; road < w->roads.n_roads; road++)
        for (int k = 0; k < w->roads.road[road].n_lanes; k++)
            feed_start(w, road, k);
    feed_people(w, false);
    feed_cyclists(w, w->ego.s + 200);
    for (int k = 0; k < w->roads.road[0].n_lanes; k++)
        if (w->roads.road[0].lane[k].use == LANE_PARKING)
            park(w, k);
}
