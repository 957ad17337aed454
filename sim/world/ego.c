/* The car with the camera. Bicycle model about the rear axle, integrated along the arc of each step
 * (exact for a steady steering angle); what the body does on its springs is a lagged pitch. */
#include <math.h>

#include "sim/world/traffic.h"

static const double most_steer = 0.55, most_steer_rate = 0.6; /* rad, rad/s */
static const double most_across = 9;                          /* m/s^2: grip */
static const double hardest = 9, strongest = 3.5;             /* m/s^2 */

void ego_rotation(const struct ego_car *e, double r[9])
{
    double ch = cos(e->heading), sh = sin(e->heading), cp = cos(e->pitch), sp = sin(e->pitch);
    double cr = cos(e->roll), sr = sin(e->roll);
    const double m[9] = {ch * cp,
                         ch * sp * sr - sh * cr,
                         ch * sp * cr + sh * sr,
                         sh * cp,
                         sh * sp * sr + ch * cr,
                         sh * sp * cr - ch * sr,
                         -sp,
                         cp * sr,
                         cp * cr};

    for (int i = 0; i < 9; i++)
        r[i] = m[i];
}

void ego_from_world(const struct ego_car *e, const double world[3], double vehicle[3])
{
    double r[9], p[3] = {world[0] - e->x, world[1] - e->y, world[2] - e->z};

    ego_rotation(e, r);
    for (int i = 0; i < 3; i++)
        vehicle[i] = r[i] * p[0] + r[3 + i] * p[1] + r[6 + i] * p[2];
}

void ego_to_world(const struct ego_car *e, const double vehicle[3], double world[3])
{
    double r[9], p[3] = {vehicle[0], vehicle[1], vehicle[2]};

    ego_rotation(e, r);
    world[0] = e->x + r[0] * p[0] + r[1] * p[1] + r[2] * p[2];
    world[1] = e->y + r[3] * p[0] + r[4] * p[1] + r[5] * p[2];
    world[2] = e->z + r[6] * p[0] + r[7] * p[1] + r[8] * p[2];
}

/* Where it is on its road, and how it lies on it. */
static void settle(struct world *w, double h)
{
    struct ego_car *e = &w->ego;
    const struct roadway *r = &w->roads.road[e->road];
    double s, d;

    if (road_locate(r, e->x, e->y, e->s, &s, &d)) {
        e->s = s;
        e->d = d;
    } else {
        s = e->s;
        d = e->d;
    }
    int lane = road_lane_at(r, s, d, LANE_DRIVE);
    if (w->traffic->ego.from_lane < 0)
        e->lane = lane;
    struct road_point p = road_at(r, s, d);
    double turn = e->heading - p.heading, c = cos(turn), n = sin(turn);
    double slope = p.grade * c + p.bank * n, tilt = p.bank * c - p.grade * n;
    double nod = -0.0045 * e->acceleration, lean = 0.004 * e->speed * e->yaw_rate;
    double follow = h > 0 ? 1 - exp(-h / 0.25) : 1;

    e->z = p.z;
    e->pitch += (-atan(slope) + nod - e->pitch) * follow;
    e->roll += (atan(tilt) + lean - e->roll) * follow;
}

void ego_init(struct world *w, int lane, double s, double speed)
{
    const struct roadway *r = &w->roads.road[0];
    double d = profile_at(&r->lane[lane].centre, s);
    struct road_point p = road_at(r, s, d);

    w->ego = (struct ego_car){.x = p.x,
                              .y = p.y,
                              .z = p.z,
                              .heading = p.heading,
                              .speed = speed,
                              .wheelbase = 2.7,
                              .length = 4.5,
                              .width = 1.8,
                              .height = 1.5,
                              .rear_overhang = 0.9,
                              .lane = lane,
                              .s = s,
                              .d = d};
    settle(w, 0);
}

void ego_step(struct world *w, const struct drive_command *c, double h)
{
    struct ego_car *e = &w->ego;
    double a = fmin(fmax(c->acceleration, -hardest), strongest);
    double grip = e->speed > 1 ? atan(most_across * e->wheelbase / (e->speed * e->speed)) : 1;
    double limit = fmin(most_steer, grip), steer = fmin(fmax(c->steer, -limit), limit);
    double rate = most_steer_rate * h;
    struct mind *m = &w->traffic->ego;

    e->steer += fmin(fmax(steer - e->steer, -rate), rate);
    double v = fmax(e->speed + a * h, 0), way = 0.5 * (e->speed + v) * h;
    double turn = way * tan(e->steer) / e->wheelbase, half = e->heading + turn / 2;

    e->acceleration = (v - e->speed) / h;
    e->speed = v;
    e->x += way * cos(half);
    e->y += way * sin(half);
    e->heading = remainder(e->heading + turn, 2 * M_PI);
    e->yaw_rate = turn / h;
    if (m->from_lane >= 0 && (m->shift_t += h * fmin(1, v / 4)) >= m->shift_time)
        m->from_lane = -1;
    settle(w, h);
}

static double wished_d(const struct world *w, double s)
{
    const struct roadway *r = &w->roads.road[0];
    const struct mind *m = &w->traffic->ego;
    int lane = m->stage; /* the lane it keeps to */

    double t = m->from_lane < 0 ? 1 : fmin(1, (m->shift_t + 1) / m->shift_time);
    double left = m->from_lane < 0 ? 0 : m->shift * (1 - t * t * (3 - 2 * t));
    return profile_at(&r->lane[lane].centre, s) + left;
}

/* Along by IDM; across by pure pursuit (Coulter, Implementation of the Pure Pursuit Path Tracking
 * Algorithm, 1992) of a point on the lane's centre. */
struct drive_command world_autopilot(const struct world *w)
{
    const struct ego_car *e = &w->ego;
    double reach = fmin(fmax(0.9 * e->speed, 5), 35);
    double s =
        e->s +
        reach * cos(remainder(e->heading - road_at(&w->roads.road[0], e->s, 0).heading, 2 * M_PI));
    struct road_point goal = road_at(&w->roads.road[0], s, wished_d(w, s));
    double dx = goal.x - e->x, dy = goal.y - e->y;
    double left = dy * cos(e->heading) - dx * sin(e->heading), square = dx * dx + dy * dy;

    return (struct drive_command){
        .acceleration =
            driver_wish(w, EGO, w->traffic->ego.v0 * (w->traffic->ego.announced ? 0.9 : 1)),
        .steer = atan(2 * e->wheelbase * left / fmax(square, 1))};
}

struct rectangle {
    double x, y, c, s, half_length, half_width;
};

static bool apart(const struct rectangle *a, const struct rectangle *b, double ux, double uy)
{
    double ra =
        a->half_length * fabs(a->c * ux + a->s * uy) + a->half_width * fabs(-a->s * ux + a->c * uy);
    double rb =
        b->half_length * fabs(b->c * ux + b->s * uy) + b->half_width * fabs(-b->s * ux + b->c * uy);

    return fabs((a->x - b->x) * ux + (a->y - b->y) * uy) > ra + rb;
}

/* Two oriented rectangles touch where no side of either parts them. */
static bool touch(const struct rectangle *a, const struct rectangle *b)
{
    double far = a->half_length + a->half_width + b->half_length + b->half_width;

    if (fabs(a->x - b->x) > far || fabs(a->y - b->y) > far)
        return false;
    return !apart(a, b, a->c, a->s) && !apart(a, b, -a->s, a->c) && !apart(a, b, b->c, b->s) &&
           !apart(a, b, -b->s, b->c);
}

static struct rectangle rectangle(double x, double y, double heading, double length, double width)
{
    return (struct rectangle){x, y, cos(heading), sin(heading), length / 2, width / 2};
}

static bool solid(enum prop_kind kind)
{
    return kind != PROP_GANTRY && kind != PROP_BRIDGE && kind != PROP_TUNNEL && kind != PROP_TREE &&
           kind != PROP_BUSH;
}

static bool hits_edge(const struct world *w)
{
    const struct ego_car *e = &w->ego;
    const struct roadway *r = &w->roads.road[e->road];

    for (int i = 0; i < r->n_edges; i++)
        if (r->edge[i].height > 0.3 && e->s >= r->edge[i].s0 && e->s <= r->edge[i].s1 &&
            fabs(e->d - profile_at(&r->edge[i].offset, e->s)) < e->width / 2)
            return true;
    return false;
}

bool ego_touches(const struct world *w)
{
    const struct ego_car *e = &w->ego;
    double middle = e->length / 2 - e->rear_overhang;
    struct rectangle me =
        rectangle(e->x + middle * cos(e->heading), e->y + middle * sin(e->heading), e->heading,
                  e->length, e->width);

    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];
        struct rectangle other = rectangle(a->x, a->y, a->heading, a->length, a->width);

        if (touch(&me, &other))
            return true;
    }
    for (int i = 0; i < w->n_props; i++) {
        const struct prop *p = &w->prop[i];

        if (fabs(p->x - e->x) > 40 || fabs(p->y - e->y) > 40 || !solid(p->kind))
            continue;
        struct rectangle other = rectangle(p->x, p->y, p->heading, p->length, p->width);
        if (touch(&me, &other))
            return true;
    }
    return hits_edge(w);
}
