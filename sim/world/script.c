/* What a scenario has its actors do. */
#include <math.h>

#include "sim/world/traffic.h"

static int lane_of(const struct world *w, int ego_lane, const struct script *s, int *road)
{
    const struct road_network *n = &w->roads;

    *road = 0;
    if (s->choice[SCRIPT_WAY] == WAY_ONCOMING) {
        *road = w->style == STYLE_MOTORWAY ? 1 : 0;
        int found = -1; /* the innermost one: lanes are listed from outside inwards */
        for (int i = 0; i < n->road[*road].n_lanes; i++)
            if (n->road[*road].lane[i].use == LANE_DRIVE && n->road[*road].lane[i].direction < 0)
                found = i;
        return found;
    }
    for (int k = (int)lround(s->number[SCRIPT_LANE]); k != 0 && ego_lane >= 0; k += k > 0 ? -1 : 1)
        ego_lane = k > 0 ? n->road[0].lane[ego_lane].left : n->road[0].lane[ego_lane].right;
    return ego_lane;
}

static double front_of_ego(const struct world *w)
{
    return w->ego.s + w->ego.length - w->ego.rear_overhang;
}

/* Between bumpers; behind ego < 0. */
static double gap_to_ego(const struct world *w, int i)
{
    double rear = w->ego.s - w->ego.rear_overhang, half = w->actor[i].length / 2;

    if (w->actor[i].s > w->ego.s)
        return w->actor[i].s - half - front_of_ego(w);
    return w->actor[i].s + half - rear;
}

static enum err too_many(struct why *why, int index)
{
    return err_say(why, ERR_LIMIT, "actor %d: more than %d actors", index + 1, WORLD_MAX_ACTORS);
}

static enum err place_person(struct world *w, const struct script *s, int index, struct why *why)
{
    double side = s->number[SCRIPT_SIDE] > 0 ? 1 : -1;
    const struct roadway *r = &w->roads.road[0];
    int i = crowd_add(w, ACTOR_PEDESTRIAN, 0, -1, front_of_ego(w) + s->number[SCRIPT_GAP], 0);

    if (i < 0)
        return too_many(why, index);
    struct actor *a = &w->actor[i];
    struct mind *m = &w->traffic->mind[i];
    a->d = side > 0 ? profile_at(&r->left, a->s) + 0.8 : profile_at(&r->right, a->s) - 0.8;
    m->script = index;
    m->walk = WALK_WAIT;
    m->way = side > 0 ? -1 : 1;
    m->far_d = side > 0 ? profile_at(&r->right, a->s) - 1.5 : profile_at(&r->left, a->s) + 1.5;
    if (!isnan(s->number[SCRIPT_SPEED]))
        m->v0 = s->number[SCRIPT_SPEED];
    motion_place(w, i);
    return OK;
}

static enum err place(struct world *w, const struct script *s, int index, struct why *why)
{
    int road, lane = lane_of(w, w->ego.lane, s, &road), kind = s->choice[SCRIPT_KIND];
    double gap = s->number[SCRIPT_GAP], speed = s->number[SCRIPT_SPEED];

    if (kind == SCRIPT_EGO)
        return OK;
    if (kind == ACTOR_PEDESTRIAN)
        return place_person(w, s, index, why);
    if (lane < 0)
        return err_say(why, ERR_LIMIT, "actor %d: there is no lane %g beside ego's", index + 1,
                       s->number[SCRIPT_LANE]);
    if (isnan(speed))
        speed = fmin(w->roads.road[road].lane[lane].speed_limit, fmax(w->ego.speed, 3));
    int i = crowd_add(w, (enum actor_kind)kind, road, lane, 0, speed);
    if (i < 0)
        return too_many(why, index);
    struct actor *a = &w->actor[i];
    a->s = gap >= 0 ? front_of_ego(w) + gap + a->length / 2
                    : w->ego.s - w->ego.rear_overhang + gap - a->length / 2;
    a->d = profile_at(&w->roads.road[road].lane[lane].centre, a->s);
    w->traffic->mind[i].script = index;
    w->traffic->mind[i].v0 = speed;
    w->traffic->mind[i].leaves = false;
    motion_place(w, i);
    return OK;
}

enum err script_place(struct world *w, struct why *why)
{
    const struct plan *p = &w->traffic->plan;
    enum err e;

    for (int k = 0; k < p->n_scripts; k++) {
        if ((e = place(w, &p->script[k], k, why)) != OK)
            return e;
        if (p->script[k].choice[SCRIPT_KIND] == SCRIPT_EGO)
            w->traffic->ego.script = k;
    }
    return OK;
}

static bool due(const struct world *w, int i, const struct script *s)
{
    double t = s->number[SCRIPT_AT_T], gap = s->number[SCRIPT_AT_GAP];

    if (i != EGO) {
        double now = gap_to_ego(w, i);
        bool beside = s->choice[SCRIPT_DO] == DO_CUT_IN && now > -6 && now < 5;

        if (beside) /* into a gap, not into ego */
            return false;
        if (!isnan(gap) && (now <= gap || isnan(t)))
            return now <= gap;
    }
    return w->t >= (isnan(t) ? 2 : t);
}

static int lanes_on(const struct world *w, int road, int lane, int by)
{
    const struct roadway *r = &w->roads.road[road];

    for (; by != 0 && lane >= 0; by += by > 0 ? -1 : 1)
        lane = by > 0 ? r->lane[lane].left : r->lane[lane].right;
    return lane;
}

/* Ego changes lanes as soon as it is safe. Its stage is the lane that it keeps to. */
static void begin_ego(struct world *w, struct mind *m, const struct script *s)
{
    const struct roadway *r = &w->roads.road[0];
    int lane = lanes_on(w, 0, m->stage, (int)s->number[SCRIPT_BY]);

    if (s->choice[SCRIPT_DO] != DO_LANE_CHANGE || lane < 0) {
        m->stage_t = NAN;
    } else if (!change_safe(w, EGO, lane)) {
        m->announced = 1; /* falls back a little to find a gap */
    } else {
        m->stage_t = NAN;
        m->announced = 0;
        m->from_lane = m->stage;
        m->shift = profile_at(&r->lane[m->stage].centre, w->ego.s) -
                   profile_at(&r->lane[lane].centre, w->ego.s);
        m->shift_t = 0;
        m->shift_time = s->number[SCRIPT_TIME];
        m->stage = w->ego.lane = lane;
    }
}

static void begin(struct world *w, int i, struct mind *m, const struct script *s)
{
    double time = s->number[SCRIPT_TIME], to = s->number[SCRIPT_TO];

    struct actor *a = &w->actor[i];
    switch ((enum script_do)s->choice[SCRIPT_DO]) {
    case DO_CUT_IN:
    case DO_LANE_CHANGE: {
        int lane = s->choice[SCRIPT_DO] == DO_CUT_IN
                       ? w->traffic->ego.stage
                       : lanes_on(w, a->road, a->lane, (int)s->number[SCRIPT_BY]);
        if (lane >= 0 && lane != a->lane && a->road == 0)
            change_begin(w, i, lane, time);
        if (!isnan(to))
            m->v0 = to;
        break;
    }
    case DO_OVERTAKE:
        m->aside_wish = profile_at(&w->roads.road[0].lane[w->traffic->ego.stage].centre, a->s) -
                        profile_at(&w->roads.road[a->road].lane[a->lane].centre, a->s);
        m->aside_rate = fabs(m->aside_wish) / time;
        a->indicator = 1;
        if (!isnan(to))
            m->v0 = to;
        break;
    case DO_CROSS:
        m->walk = WALK_ACROSS;
        break;
    default:
        break;
    }
}

static double braking(const struct world *w, int i, struct mind *m, const struct script *s,
                      double wish)
{
    double to = isnan(s->number[SCRIPT_TO]) ? 0 : s->number[SCRIPT_TO], v = w->actor[i].speed;

    if (m->stage == 1 && v > to + 0.05)
        return fmin(wish, -fmin(s->number[SCRIPT_RATE], (v - to) * 8));
    if (m->stage == 1) {
        m->stage = 2;
        m->stage_t = w->t;
    }
    return w->t - m->stage_t < s->number[SCRIPT_HOLD] ? fmin(wish, (to - v) * 2) : wish;
}

/* Between its speed and nothing, again and again; it also stands for a while. */
static double stop_and_go(const struct world *w, int i, struct mind *m, const struct script *s,
                          double wish)
{
    double phase = fmod(w->t - m->stage_t, 4 * s->number[SCRIPT_HOLD] + 1e-9);
    double v = w->actor[i].speed;

    if (phase < 2 * s->number[SCRIPT_HOLD])
        return fmin(wish, v > 0.05 ? -fmin(s->number[SCRIPT_RATE], v * 8) : -v);
    return wish;
}

double script_act(struct world *w, int i, double wish)
{
    struct mind *m = i == EGO ? &w->traffic->ego : &w->traffic->mind[i];

    if (m->script < 0)
        return wish;
    const struct script *s = &w->traffic->plan.script[m->script];
    if (i == EGO) {
        if (!isnan(m->stage_t) && due(w, i, s))
            begin_ego(w, m, s);
        return wish;
    }
    if (m->stage == 0 && due(w, i, s)) {
        m->stage = 1;
        m->stage_t = w->t;
        begin(w, i, m, s);
    }
    if (m->stage == 0)
        return wish;
    switch ((enum script_do)s->choice[SCRIPT_DO]) {
    case DO_BRAKE:
        return braking(w, i, m, s, wish);
    case DO_STOP_AND_GO:
        return stop_and_go(w, i, m, s, wish);
    case DO_OVERTAKE:
        if (w->t - m->stage_t > s->number[SCRIPT_HOLD]) {
            m->aside_wish = 0;
            w->actor[i].indicator = fabs(m->aside) > 0.3 ? -1 : 0;
        }
        return wish;
    default:
        return wish;
    }
}
