/* Two carriageways beside a median, which is the reference line of both: road 0 to its right, road
 * 1 to its left. On road 0 lanes 0 .. n - 1 run from the outermost one inwards; exits and merges
 * widen it to the right and lead to roads of their own. */
#include <math.h>

#include "sim/world/build.h"

enum { MAX_RAMPS = 4 };                /* a profile has 16 knots, one of them takes four */
static const double lane_length = 260; /* of exit and merge lanes, m */

struct ramp {
    bool merge;
    double s; /* its nose */
};

struct cross_section {
    int lanes;
    double width, median, inner, shoulder; /* m */
    double first;                          /* |d| of the median's end of the innermost lane */
    double outer;                          /* |d| of the outermost lane's outer end */
};

static struct cross_section cross_section(struct build *b)
{
    struct cross_section c = {.lanes = (int)b->plan->number[PLAN_LANES],
                              .width = b->plan->number[PLAN_LANE_WIDTH],
                              .median = b->plan->number[PLAN_MEDIAN],
                              .inner = random_range(&b->r, 0.6, 1.2),
                              .shoulder = random_range(&b->r, 2.5, 3)};
    c.first = c.median / 2 + c.inner;
    c.outer = c.first + c.lanes * c.width;
    return c;
}

static void widen(struct profile *wide, const struct ramp *ramp, double width)
{
    double from = ramp->merge ? ramp->s - 15 : ramp->s - lane_length;
    double to = ramp->merge ? ramp->s + lane_length : ramp->s + 15;

    profile_add(wide, from, 0);
    profile_add(wide, ramp->merge ? ramp->s : from + 70, width);
    profile_add(wide, ramp->merge ? to - 70 : ramp->s, width);
    profile_add(wide, to, 0);
}

/* Lanes, lines and edges of one carriageway; side -1: road 0, to the right of the line. */
static void carriageway(struct build *b, int road, int side, const struct cross_section *c,
                        const struct profile *wide, const struct profile *shift)
{
    struct roadway *r = &b->w->roads.road[road];
    const struct plan *plan = b->plan;
    double length = r->length;
    enum marking_type between =
        plan->choice[PLAN_LINES] == LINES_BOTTS_DOTS ? MARKING_BOTTS_DOTS : MARKING_DASHED;
    struct profile inner = profile_of(side * c->median / 2);
    struct profile outer = profile_moved(wide, side * (c->outer + c->shoulder), side);

    r->left = side < 0 ? inner : outer;
    r->right = side < 0 ? outer : inner;
    for (int i = 0; i < c->lanes; i++) {
        double d = side * (c->outer - (i + 0.5) * c->width);

        part_lane(b, road,
                  &(struct road_lane){.use = LANE_DRIVE,
                                      .direction = -side,
                                      .s1 = length,
                                      .centre = profile_moved(shift, d, 1),
                                      .width = profile_of(c->width),
                                      .speed_limit = plan->number[PLAN_LIMIT],
                                      .next_road = -1,
                                      .next_lane = -1,
                                      .left = i + 1 < c->lanes ? i + 1 : -1,
                                      .right = i - 1});
        if (i == 0)
            continue;
        struct profile line = profile_of(side * (c->outer - i * c->width));
        part_line(b, road, between, &line, 0, length);
    }
    part_lane(b, road,
              &(struct road_lane){
                  .use = LANE_SHOULDER,
                  .direction = -side,
                  .s1 = length,
                  .centre = profile_moved(wide, side * (c->outer + c->shoulder / 2), side),
                  .width = profile_of(c->shoulder),
                  .next_road = -1,
                  .next_lane = -1,
                  .left = -1,
                  .right = -1});
    struct profile line = profile_of(side * (c->first - 0.1));
    part_line(b, road, MARKING_SOLID, &line, 0, length)->color =
        plan->choice[PLAN_COLOUR] ? MARKING_YELLOW : MARKING_WHITE;
}

/* The outer line: along the main lanes, and around the lane of each ramp where there is one. */
static void outer_line(struct build *b, int road, int side, const struct cross_section *c,
                       const struct profile *wide, const struct ramp *ramp, int n_ramps)
{
    struct profile straight = profile_of(side * (c->outer + 0.1));
    struct profile around = profile_moved(wide, side * (c->outer + 0.1), side);
    double from = 0;

    for (int i = 0; i < n_ramps; i++) {
        double s0 = ramp[i].merge ? ramp[i].s : ramp[i].s - lane_length;

        part_line(b, road, MARKING_SOLID, &straight, from, s0);
        part_line(b, road, MARKING_SOLID, &around, s0, s0 + lane_length);
        from = s0 + lane_length;
    }
    part_line(b, road, MARKING_SOLID, &straight, from, b->w->roads.road[road].length);
}

/* The asphalt's outer end, open where ramps leave or come. */
static void outer_edge(struct build *b, int road, int side, const struct cross_section *c,
                       const struct profile *wide, const struct ramp *ramp, int n_ramps)
{
    struct profile at = profile_moved(wide, side * (c->outer + c->shoulder), side);
    double from = 0;

    for (int i = 0; i < n_ramps; i++) {
        part_edge_open(b, road, EDGE_SOIL, &at, 0, true, from,
                       ramp[i].s - (ramp[i].merge ? 60 : 5));
        from = ramp[i].s + (ramp[i].merge ? 5 : 60);
    }
    part_edge_open(b, road, EDGE_SOIL, &at, 0, true, from, b->w->roads.road[road].length);
}

static void edges(struct build *b, int road, int side, const struct cross_section *c,
                  const struct profile *wide, bool concrete)
{
    const struct roadway *r = &b->w->roads.road[road];
    struct profile at = profile_of(side * c->median / 2);

    part_edge_open(b, road, EDGE_SOIL, &at, 0, true, 0, r->length);
    if (!concrete) {
        at = profile_of(side * (c->median / 2 - 0.5));
        part_edge_open(b, road, EDGE_GUARD_RAIL, &at, 0.75, false, 0, r->length);
    } else if (side < 0) {
        at = profile_of(0);
        part_edge_open(b, road, EDGE_CONCRETE, &at, 0.9, false, 0, r->length);
    }
    at = profile_moved(wide, side * (c->outer + c->shoulder + 0.8), side);
    for (double s = random_range(&b->r, 0, 200);
         s < r->length && r->n_edges < ROAD_MAX_EDGES - 4;) {
        double s1 = fmin(s + random_range(&b->r, 200, 1500), r->length);
        bool wall = random_chance(&b->r, 0.15);

        bool by_ramp = false; /* the rail would stand across it */
        for (int i = 0; i < wide->n; i++)
            by_ramp |= wide->knot[i].s > s - 320 && wide->knot[i].s < s1 + 320;
        if (!by_ramp)
            part_edge_open(b, road, wall ? EDGE_WALL : EDGE_GUARD_RAIL, &at, wall ? 3 : 0.75, false,
                           s, s1);
        s = s1 + random_range(&b->r, 0, 800);
    }
}

/* A road that leaves road 0 at (s, d) along its heading (or, merging, comes to it: then the line
 * runs backwards from there) and bends away to the right. */
static int ramp_road(struct build *b, const struct ramp *ramp, double d, double width)
{
    struct road_network *n = &b->w->roads;
    int index = n->n_roads;
    double away = ramp->merge ? 1 : -1;

    if (index == ROAD_MAX)
        return -1;
    n->n_roads++;
    struct roadway *r = &n->road[index];
    struct road_point p = road_at(&n->road[0], ramp->s, d);
    double curvature = ramp->merge ? -p.curvature : p.curvature, k = away / 160;
    double grade = ramp->merge ? -p.grade : p.grade, bank = ramp->merge ? -p.bank : p.bank;

    if (road_append(r, 70, curvature, k, grade, 0) != OK || road_append(r, 90, k, k, grade, 0) ||
        road_append(r, 60, k, 0, 0, 0) || road_append(r, 80, 0, 0, 0, 0))
        b->full = true;
    r->piece[0].bank0 = bank;
    road_finish(r, p.x, p.y, p.z - 0.015, p.heading + (ramp->merge ? M_PI : 0));
    r->left = profile_of(width / 2 + 0.8);
    r->right = profile_of(-width / 2 - 0.8);
    for (int side = 1; side >= -1; side -= 2) {
        struct profile at = profile_of(side * (width / 2 - 0.1));

        part_line(b, index, MARKING_SOLID, &at, 25, r->length);
        at = profile_of(side * (width / 2 + 0.8));
        part_edge(b, index, EDGE_SOIL, &at, 0, true, 40, r->length);
    }
    return index;
}

static void add_ramp(struct build *b, const struct ramp *ramp, const struct cross_section *c)
{
    double s0 = ramp->merge ? ramp->s : ramp->s - lane_length,
           s1 = ramp->merge ? ramp->s + lane_length : ramp->s;
    double d = -(c->outer + c->width / 2);
    int road = ramp_road(b, ramp, d, c->width);
    struct profile width = {.n = 2}, centre;

    if (road < 0)
        return;
    width.knot[0].s = ramp->merge ? s1 - 70 : s0;
    width.knot[1].s = ramp->merge ? s1 : s0 + 70;
    width.knot[ramp->merge].v = 0.1;
    width.knot[!ramp->merge].v = c->width;
    centre = profile_moved(&width, -c->outer, -0.5);
    int lane = part_lane(b, 0,
                         &(struct road_lane){.use = LANE_DRIVE,
                                             .direction = 1,
                                             .s0 = s0,
                                             .s1 = s1,
                                             .centre = centre,
                                             .width = width,
                                             .speed_limit = b->plan->number[PLAN_LIMIT] * 0.8,
                                             .next_road = ramp->merge ? -1 : road,
                                             .next_lane = ramp->merge ? -1 : 0,
                                             .next_s = 0,
                                             .left = 0,
                                             .right = -1});
    part_lane(b, road,
              &(struct road_lane){.use = LANE_DRIVE,
                                  .direction = ramp->merge ? -1 : 1,
                                  .s1 = b->w->roads.road[road].length,
                                  .centre = profile_of(0),
                                  .width = profile_of(c->width),
                                  .speed_limit = 20,
                                  .next_road = ramp->merge ? 0 : -1,
                                  .next_lane = ramp->merge ? lane : -1,
                                  .next_s = ramp->s,
                                  .left = -1,
                                  .right = -1});
    struct profile line = profile_of(-c->outer);
    struct road_marking *m =
        part_line(b, 0, MARKING_DASHED, &line, s0 + (ramp->merge ? 0 : 20), s1);
    m->dash = 3;
    m->gap = 3;
    m->width *= 2;
}

/* A merge and, 750 m later, an exit, so that their ramps do not meet; spread over the drive, away
 * from sites and tunnels. */
static int place_ramps(struct build *b, struct ramp *ramp)
{
    const struct places *p = b->places;
    double length = b->w->roads.road[0].length, s = b->start + random_range(&b->r, 500, 900);
    double apart = fmax((length - b->start - 800) / 2, 2200);
    int n = 0;

    if (b->plan->number[PLAN_RAMPS] <= 0)
        return 0;
    for (; n + 2 <= MAX_RAMPS && s + 1000 < length; s += apart * random_range(&b->r, 0.8, 1)) {
        if ((p->site1 > 0 && s > p->site0 - 1200 && s < p->site1 + 400) ||
            (p->tunnel1 > 0 && s > p->tunnel0 - 1200 && s < p->tunnel1 + 400))
            continue;
        ramp[n++] = (struct ramp){true, s};
        ramp[n++] = (struct ramp){false, s + 750};
    }
    return n;
}

void network_motorway(struct build *b)
{
    struct cross_section c = cross_section(b);
    struct road_network *n = &b->w->roads;
    struct places *p = b->places;
    struct profile wide = profile_of(0), none = profile_of(0), shift = profile_of(0);
    bool concrete = random_chance(&b->r, 0.35), site = p->site1 > p->site0;
    struct ramp ramp[MAX_RAMPS];
    int n_ramps = place_ramps(b, ramp);

    if (n_ramps) {
        wide.n = 0;
        for (int i = 0; i < n_ramps; i++)
            widen(&wide, &ramp[i], c.width);
    }
    if (site) {
        double ease = fmin(60, 0.4 * (p->site1 - p->site0)); /* short ones have less of it */

        shift.knot[0].s = p->site0;
        profile_add(&shift, p->site0 + ease, -1.8);
        profile_add(&shift, p->site1 - ease, -1.8);
        profile_add(&shift, p->site1, 0);
    }
    n->n_roads = 2;
    n->road[1] = n->road[0];
    carriageway(b, 0, -1, &c, &wide, &shift);
    carriageway(b, 1, 1, &c, &none, &none);
    for (int i = 0; i < n_ramps; i++)
        add_ramp(b, &ramp[i], &c);
    outer_line(b, 0, -1, &c, &wide, ramp, n_ramps);
    outer_line(b, 1, 1, &c, &none, NULL, 0);
    outer_edge(b, 0, -1, &c, &wide, ramp, n_ramps);
    outer_edge(b, 1, 1, &c, &none, NULL, 0);
    edges(b, 0, -1, &c, &wide, concrete);
    edges(b, 1, 1, &c, &none, concrete);
    if (p->tunnel1 > p->tunnel0)
        for (int i = 0; i < 2; i++)
            part_tunnel(b, i, p->tunnel0, p->tunnel1);
    if (site)
        part_site(b, 0, &shift, -(c.first - 0.5));
}
