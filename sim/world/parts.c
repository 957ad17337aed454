#include <math.h>

#include "sim/world/build.h"

struct profile profile_of(double v)
{
    return (struct profile){.n = 1, .knot = {{0, v}}};
}

struct profile profile_moved(const struct profile *p, double by, double times)
{
    struct profile q = *p;

    for (int i = 0; i < q.n; i++)
        q.knot[i].v = q.knot[i].v * times + by;
    return q;
}

void profile_add(struct profile *p, double s, double v)
{
    if (p->n < PROFILE_MAX_KNOTS) {
        p->knot[p->n].s = s;
        p->knot[p->n++].v = v;
    }
}

int part_lane(struct build *b, int road, const struct road_lane *lane)
{
    struct roadway *r = &b->w->roads.road[road];

    if (r->n_lanes == ROAD_MAX_LANES) {
        b->full = true;
        return 0;
    }
    r->lane[r->n_lanes] = *lane;
    return r->n_lanes++;
}

struct road_marking *part_line(struct build *b, int road, enum marking_type type,
                               const struct profile *offset, double s0, double s1)
{
    struct roadway *r = &b->w->roads.road[road];

    if (r->n_markings == ROAD_MAX_MARKINGS) {
        b->full = true;
        r->n_markings--;
    }
    struct road_marking *m = &r->marking[r->n_markings++];
    bool motorway = b->w->style == STYLE_MOTORWAY;

    *m = (struct road_marking){.type = type,
                               .s0 = s0,
                               .s1 = s1,
                               .offset = *offset,
                               .width = b->plan->number[PLAN_MARKINGS_WIDTH],
                               .dash = motorway ? 6 : 3,
                               .gap = motorway ? 12 : 6,
                               .wear = (float)b->plan->number[PLAN_MARKINGS_WEAR],
                               .boundary = true};
    if (type == MARKING_BOTTS_DOTS) {
        m->width = 0.1;
        m->dash = 0.1;
        m->gap = 1.1;
    }
    return m;
}

void part_edge(struct build *b, int road, enum edge_kind kind, const struct profile *offset,
               double height, bool limits, double s0, double s1)
{
    struct roadway *r = &b->w->roads.road[road];

    if (s1 - s0 < 0.5)
        return;
    if (r->n_edges == ROAD_MAX_EDGES) {
        b->full = true;
        return;
    }
    r->edge[r->n_edges++] = (struct road_edge){kind, s0, s1, *offset, height, limits};
}

void part_edge_open(struct build *b, int road, enum edge_kind kind, const struct profile *offset,
                    double height, bool limits, double s0, double s1)
{
    const struct places *p = b->places;
    double from = s0;

    for (int i = 0; i < p->n_junctions; i++) { /* they are in order of s, and far from tunnels */
        part_edge(b, road, kind, offset, height, limits, from,
                  fmin(s1, p->junction[i].s - p->junction[i].half));
        from = p->junction[i].s + p->junction[i].half;
    }
    if (p->tunnel1 > p->tunnel0) {
        part_edge(b, road, kind, offset, height, limits, from, fmin(s1, p->tunnel0));
        from = p->tunnel1;
    }
    part_edge(b, road, kind, offset, height, limits, from, s1);
}

/* Feet of what stands beside the road are as high as the asphalt's end. */
struct prop *part_prop(struct build *b, enum prop_kind kind, int road, double s, double d,
                       double turn)
{
    struct world *w = b->w;
    const struct roadway *r = &w->roads.road[road];
    double right = profile_at(&r->right, s), left = profile_at(&r->left, s);
    struct road_point p = road_at(r, s, d), foot = road_at(r, s, fmin(fmax(d, right), left));

    if (w->n_props == WORLD_MAX_PROPS) {
        b->full = true;
        w->n_props--;
    }
    struct prop *q = &w->prop[w->n_props++];
    *q = (struct prop){.id = 1000000 + (uint64_t)w->n_props,
                       .kind = kind,
                       .look = (uint32_t)random_u64(&b->r),
                       .x = p.x,
                       .y = p.y,
                       .z = foot.z,
                       .heading = remainder(p.heading + turn, 2 * M_PI),
                       .length = 0.3,
                       .width = 0.3,
                       .height = 1,
                       .road = road,
                       .s = s};
    return q;
}

void part_tunnel(struct build *b, int road, double s0, double s1)
{
    const struct roadway *r = &b->w->roads.road[road];
    double left = profile_at(&r->left, s0), right = profile_at(&r->right, s0);
    struct profile wall = profile_of(left + 0.3);

    part_edge(b, road, EDGE_WALL, &wall, 4.8, true, s0, s1);
    wall = profile_of(right - 0.3);
    part_edge(b, road, EDGE_WALL, &wall, 4.8, true, s0, s1);
    struct prop *p = part_prop(b, PROP_TUNNEL, road, s0, 0.5 * (left + right), 0);
    p->length = s1 - s0;
    p->width = left - right + 0.6;
    p->height = 6;
}

void part_site(struct build *b, int road, const struct profile *shift, double beacons_d)
{
    const struct places *p = b->places;
    struct roadway *r = &b->w->roads.road[road];
    int n = r->n_markings;

    for (int i = 0; i < n; i++) {
        struct road_marking old = r->marking[i];

        if (!old.boundary || old.s0 > p->site0 || old.s1 < p->site1)
            continue;
        struct profile offset = profile_moved(shift, old.offset.knot[0].v, 1);
        struct road_marking *m = part_line(b, road, old.type, &offset, p->site0, p->site1);
        m->color = MARKING_YELLOW;
        m->temporary = true;
        m->dash = 3;
        m->gap = 3;
        m->wear = 0.05f;
    }
    for (double s = p->site0; s < p->site1; s += 12) {
        bool taper = s < p->site0 + 50;
        double d = beacons_d + profile_at(shift, s);
        struct prop *q = part_prop(b, taper ? PROP_CONE : PROP_BEACON, road, s, d, M_PI);
        q->length = taper ? 0.35 : 0.1;
        q->width = taper ? 0.35 : 0.25;
        q->height = taper ? 0.75 : 1.1;
    }
}

bool part_free(const struct build *b, double x, double y, double margin, int but_road)
{
    const struct road_network *n = &b->w->roads;

    for (int i = 0; i < n->n_roads; i++) {
        const struct roadway *r = &n->road[i];
        double s, d;

        if (i == but_road ||
            (i > 0 && r->piece[0].s == n->road[0].piece[0].s && r->length == n->road[0].length))
            continue; /* the other carriageway goes along with road 0 */
        struct road_point middle = road_at(r, r->length / 2, 0);
        if (i > 0 && hypot(middle.x - x, middle.y - y) > r->length / 2 + 40)
            continue;
        if (road_locate(r, x, y, NAN, &s, &d) && d < profile_at(&r->left, s) + margin &&
            d > profile_at(&r->right, s) - margin)
            return false;
    }
    return true;
}
