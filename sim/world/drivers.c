/* How hard a driver accelerates: the strictest of all that lies ahead (who drives or stands there,
 * lights, junctions, people, the lane's end), each by the Intelligent Driver Model of Treiber,
 * Hennecke and Helbing, 2000:
 *     dv/dt = a (1 - (v / v0)^4 - (g* / g)^2),  g* = g0 + max(0, v T + v dv / (2 sqrt(a b)))
 * with the gap g to what is ahead and dv the speed at which it closes. */
#include <math.h>

#include "sim/world/traffic.h"

static const double sight = 180, hardest = 9;

double idm(const struct mind *m, double v, double v0, double gap, double closing)
{
    double ratio = v / fmax(v0, 0.05), free = 1 - ratio * ratio * ratio * ratio;
    double wish = m->gap0 + fmax(0, v * m->headway + v * closing / (2 * sqrt(m->a * m->b)));
    double near = gap < INFINITY ? wish / fmax(gap, 0.1) : 0;

    /* Above v0 the free term alone would brake without bound. */
    return fmax(m->a * (fmax(free, -2) - near * near), -hardest);
}

struct body body_of(const struct world *w, int i)
{
    if (i == EGO) {
        const struct ego_car *e = &w->ego;
        const struct mind *m = &w->traffic->ego;
        double middle = e->length / 2 - e->rear_overhang;

        return (struct body){.road = e->road,
                             .lane = e->lane,
                             .from_lane = m->from_lane,
                             .direction = 1,
                             .s = e->s + middle,
                             .d = e->d,
                             .v = e->speed,
                             .length = e->length,
                             .width = e->width};
    }
    const struct actor *a = &w->actor[i];
    const struct roadway *r = &w->roads.road[a->road];

    return (struct body){.road = a->road,
                         .lane = a->lane,
                         .from_lane = w->traffic->mind[i].from_lane,
                         .direction = a->lane >= 0 ? r->lane[a->lane].direction : 1,
                         .s = a->s,
                         .d = a->d,
                         .v = a->speed,
                         .length = a->length,
                         .width = a->width};
}

double road_curvature(const struct roadway *r, double s)
{
    int low = 0, high = r->n_pieces - 1;

    while (low < high) {
        int middle = (low + high + 1) / 2;

        if (r->piece[middle].s <= s)
            low = middle;
        else
            high = middle - 1;
    }
    const struct road_piece *p = &r->piece[low];
    double f = fmin(fmax((s - p->s) / p->length, 0), 1);
    return p->curvature0 + (p->curvature1 - p->curvature0) * f;
}

static bool shares_lane(const struct body *a, const struct body *b)
{
    return a->lane >= 0 &&
           (a->lane == b->lane || a->lane == b->from_lane ||
            (a->from_lane >= 0 && (a->from_lane == b->lane || a->from_lane == b->from_lane)));
}

/* Whether j is in i's way were it ahead. Narrow ones at the lane's side can be passed. */
static bool in_way(const struct world *w, const struct body *me, const struct body *other, int j,
                   bool aside)
{
    double clear = fabs(other->d - me->d) - 0.5 * (other->width + me->width);

    if (j != EGO && w->actor[j].parked)
        return clear < 0;
    if (clear < 0.25)
        return true;
    if (j != EGO && w->actor[j].kind == ACTOR_CYCLIST)
        return clear < 0.5;
    return !aside && shares_lane(me, other);
}

static void least(double *wish, double other)
{
    if (other < *wish)
        *wish = other;
}

static double behind_others(const struct world *w, int i, const struct body *me,
                            const struct mind *m, double v0)
{
    double wish = idm(m, me->v, v0, INFINITY, 0);
    bool aside = fabs(m->aside_wish) > 1.5;

    for (int j = EGO; j < w->n_actors; j++) {
        if (j == i || (j != EGO && w->actor[j].kind == ACTOR_PEDESTRIAN))
            continue;
        if (j != EGO && (w->actor[j].road != me->road || fabs(w->actor[j].s - me->s) > sight))
            continue;
        struct body other = body_of(w, j);
        double ahead = me->direction * (other.s - me->s);

        if (other.road != me->road || ahead <= 0 || ahead > sight ||
            !in_way(w, me, &other, j, aside))
            continue;
        double gap = ahead - 0.5 * (me->length + other.length);
        double v = other.direction == me->direction ? other.v : -other.v;
        least(&wish, idm(m, me->v, v0, gap, me->v - v));
    }
    return wish;
}

/* Somebody on the road that this lane leads to. */
static double behind_next_road(const struct world *w, const struct body *me, const struct mind *m,
                               const struct road_lane *l, double to_end, double v0)
{
    const struct road_lane *next = &w->roads.road[l->next_road].lane[l->next_lane];
    double wish = idm(m, me->v, v0, INFINITY, 0);

    for (int j = 0; j < w->n_actors; j++) {
        if (w->actor[j].road != l->next_road || w->actor[j].lane != l->next_lane)
            continue;
        double beyond = next->direction * (w->actor[j].s - l->next_s);
        double gap = to_end + beyond - 0.5 * (me->length + w->actor[j].length);
        if (beyond >= -10 && beyond < sight)
            least(&wish, idm(m, me->v, v0, gap, me->v - w->actor[j].speed));
    }
    return wish;
}

static double before_lane_end(const struct world *w, const struct body *me, const struct mind *m,
                              double v0)
{
    if (me->lane < 0)
        return INFINITY;
    const struct roadway *r = &w->roads.road[me->road];
    const struct road_lane *l = &r->lane[me->lane];
    double end = me->direction > 0 ? l->s1 : l->s0;
    double to_end = me->direction * (end - me->s);

    if (to_end > sight)
        return INFINITY;
    if (l->next_road >= 0)
        return behind_next_road(w, me, m, l, to_end, v0);
    if (me->road > 1 || (me->road == 1 && me->direction < 0))
        return INFINITY; /* beyond what is seen the road goes on */
    if (me->direction < 0)
        return INFINITY;
    return idm(m, me->v, v0, to_end - me->length / 2 - 4, me->v);
}

/* To a line where it must stand; one who cannot stop there any more drives on. */
static void stand_at(const struct body *me, const struct mind *m, double v0, double gap,
                     double brake, double *wish)
{
    if (gap > -1 && gap < sight && me->v * me->v < 2 * brake * fmax(gap, 0.5))
        least(wish, idm(m, me->v, v0, gap + m->gap0 - 0.5, me->v));
}

static bool main_road_clear(const struct world *w, const struct junction *j, double seconds)
{
    for (int i = EGO; i < w->n_actors; i++) {
        if (i != EGO && (w->actor[i].road != 0 || w->actor[i].lane < 0 || w->actor[i].parked))
            continue;
        struct body b = body_of(w, i);
        double to = b.direction * (j->s - b.s), half = j->half + b.length / 2;

        if (b.road == 0 && to > -half && to < half + 2 + b.v * seconds)
            return false;
    }
    return true;
}

static bool box_taken(const struct world *w, const struct junction *j)
{
    for (int i = 0; i < w->n_actors; i++)
        if (w->actor[i].road == j->road && w->actor[i].lane >= 0 &&
            fabs(w->actor[i].s - j->cross_s) < j->cross_half + w->actor[i].length / 2 - 2)
            return true;
    return false;
}

/* How hard one would brake to stand before the junction; 0: no need to. Who begins to brake for a
 * yellow light does not change his mind when it turns out to be a little harder. */
static double must_stand(const struct world *w, const struct junction *j, bool cross)
{
    const double hard = 8;
    enum light_state light = j->lights ? junction_light(j, cross, w->t) : LIGHT_GREEN;

    if (light == LIGHT_YELLOW)
        return junction_light(j, cross, w->t + j->period - 0.4) == LIGHT_GREEN ? 3.5 : 5.5;
    if (light != LIGHT_GREEN)
        return hard;
    if (cross)
        return main_road_clear(w, j, j->lights ? 0.5 : 7) ? 0 : hard;
    return box_taken(w, j) ? hard : 0;
}

static double at_junctions(const struct world *w, const struct body *me, const struct mind *m,
                           double v0)
{
    const struct places *p = &w->traffic->places;
    double wish = INFINITY;

    for (int k = 0; k < p->n_junctions; k++) {
        const struct junction *j = &p->junction[k];
        int way = me->direction < 0;
        bool cross = me->road == j->road;

        if ((me->road != 0 && !cross) || me->lane < 0)
            continue;
        double stop = cross ? j->cross_stop[way] : j->stop[way];
        double gap = me->direction * (stop - me->s) - me->length / 2;
        if (isnan(stop) || gap < -1.5 || gap > 100)
            continue;
        double brake = must_stand(w, j, cross);
        if (brake > 0)
            stand_at(me, m, v0, gap, brake, &wish);
    }
    return wish;
}

/* Cars slow down for curves: 2.2 m/s^2 across. */
static double curve_speed(const struct roadway *r, const struct body *me)
{
    double k = fmax(fabs(road_curvature(r, me->s)),
                    fabs(road_curvature(r, me->s + me->direction * (me->v * 2 + 5))));

    return sqrt(2.2 / fmax(k, 1e-5));
}

double driver_wish(const struct world *w, int i, double v0)
{
    const struct mind *m = mind_of(w, i);
    struct body me = body_of(w, i);
    double gap;

    v0 = fmin(v0, curve_speed(&w->roads.road[me.road], &me));
    double wish = behind_others(w, i, &me, m, v0);
    least(&wish, before_lane_end(w, &me, m, v0));
    least(&wish, at_junctions(w, &me, m, v0));
    if (people_block(w, &me, sight, &gap))
        least(&wish, idm(m, me.v, v0, gap, me.v));
    return fmin(wish, m->a);
}
