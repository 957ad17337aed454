/* A town's street: kerbs and pavements, parked cars, cycle lanes, crossings, and junctions with
 * roads that cross at right angles, most of them with lights. */
#include <math.h>

#include "sim/world/build.h"

struct street { /* |d|, from the middle outwards */
    int lanes;
    double width, lanes_end, cycle_end, kerb, pavement_end;
    bool cycle, parking;
};

static const double corner = 3;     /* radius of kerbs at junctions, m */
static const double cross_half = 3; /* of the asphalt of roads that cross, m */

static struct street street(struct build *b)
{
    struct street s = {.lanes = (int)b->plan->number[PLAN_LANES],
                       .width = b->plan->number[PLAN_LANE_WIDTH],
                       .cycle = random_chance(&b->r, 0.35),
                       .parking = b->plan->number[PLAN_TRAFFIC_PARKED] > 0};

    if (s.lanes > 2)
        s.lanes = 2;
    s.lanes_end = s.lanes * s.width;
    s.cycle_end = s.lanes_end + (s.cycle ? 1.7 : 0);
    s.kerb = s.cycle_end + (s.parking ? 2.2 : 0.3);
    s.pavement_end = s.kerb + random_range(&b->r, 2.2, 4);
    return s;
}

static void place_junctions(struct build *b)
{
    const struct roadway *r = &b->w->roads.road[0];
    struct places *p = b->places;
    double last = b->start + 40;

    for (int i = 0; i < r->n_pieces && p->n_junctions < 12; i++) {
        const struct road_piece *q = &r->piece[i];
        double s = q->s + q->length * random_range(&b->r, 0.4, 0.6);

        if (q->curvature0 != 0 || q->curvature1 != 0 || q->length < 110 || s < last + 110 ||
            s > r->length - 60)
            continue;
        if ((p->tunnel1 > 0 && s > p->tunnel0 - 80 && s < p->tunnel1 + 80) ||
            (p->site1 > 0 && s > p->site0 - 80 && s < p->site1 + 80))
            continue;
        p->junction[p->n_junctions++] = (struct junction){.s = s,
                                                          .half = cross_half + corner,
                                                          .road = -1,
                                                          .lights = random_chance(&b->r, 0.6),
                                                          .period = random_range(&b->r, 36, 60),
                                                          .offset = random_range(&b->r, 0, 60)};
        last = s;
    }
}

/* The same line with gaps at the junctions. */
static void line_open(struct build *b, enum marking_type type, double d, bool yellow)
{
    const struct places *p = b->places;
    const struct profile at = profile_of(d);
    double from = 0, length = b->w->roads.road[0].length;

    for (int i = 0; i <= p->n_junctions; i++) {
        const struct junction *j = &p->junction[i];
        double to = i < p->n_junctions ? j->stop[0] : length;

        if (to > from)
            part_line(b, 0, type, &at, from, to)->color = yellow ? MARKING_YELLOW : MARKING_WHITE;
        from = i < p->n_junctions ? j->stop[1] : length;
    }
}

static void lane_open(struct build *b, enum lane_use use, double d, double width, int way,
                      double margin)
{
    const struct places *p = b->places;
    double from = 0, length = b->w->roads.road[0].length;

    for (int i = 0; i <= p->n_junctions; i++) {
        const struct junction *j = &p->junction[i];
        double to = i < p->n_junctions ? j->s - j->half - margin : length;

        if (to - from > 10)
            part_lane(b, 0,
                      &(struct road_lane){.use = use,
                                          .direction = way,
                                          .s0 = from,
                                          .s1 = to,
                                          .centre = profile_of(d),
                                          .width = profile_of(width),
                                          .next_road = -1,
                                          .next_lane = -1,
                                          .left = -1,
                                          .right = -1});
        from = i < p->n_junctions ? j->s + j->half + margin : length;
    }
}

static void drive_lanes(struct build *b, const struct street *c)
{
    double length = b->w->roads.road[0].length;

    for (int way = 1; way >= -1; way -= 2)
        for (int i = 0; i < c->lanes; i++) { /* from the kerb inwards */
            int first = way > 0 ? 0 : c->lanes;

            part_lane(b, 0,
                      &(struct road_lane){
                          .use = LANE_DRIVE,
                          .direction = way,
                          .s1 = length,
                          .centre = profile_of(-way * (c->lanes_end - (i + 0.5) * c->width)),
                          .width = profile_of(c->width),
                          .speed_limit = b->plan->number[PLAN_LIMIT],
                          .next_road = -1,
                          .next_lane = -1,
                          .left = i + 1 < c->lanes ? first + i + 1 : -1,
                          .right = i > 0 ? first + i - 1 : -1});
        }
    for (int way = 1; way >= -1 && c->cycle; way -= 2)
        part_lane(b, 0,
                  &(struct road_lane){.use = LANE_CYCLE,
                                      .direction = way,
                                      .s1 = length,
                                      .centre = profile_of(-way * (c->lanes_end + 0.85)),
                                      .width = profile_of(1.5),
                                      .next_road = -1,
                                      .next_lane = -1,
                                      .left = -1,
                                      .right = -1});
}

static void stop_line(struct build *b, int road, double s, double d, double width)
{
    struct profile at = profile_of(d);
    struct road_marking *m = part_line(b, road, MARKING_STOP_LINE, &at, s - 0.2, s + 0.2);

    m->width = width;
    m->boundary = false;
}

static void zebra(struct build *b, double s0, double s1, double half)
{
    struct places *p = b->places;
    struct profile middle = profile_of(0);

    if (p->n_zebras == PLACES_MAX_ZEBRAS)
        return;
    p->zebra[p->n_zebras++] = (struct zebra){s0, s1};
    struct road_marking *m = part_line(b, 0, MARKING_CROSSING, &middle, s0, s1);
    m->width = 2 * half - 0.4;
    m->dash = 0.5;
    m->gap = 0.5;
    m->boundary = false;
}

static void light(struct build *b, int junction, bool cross, double s, double d, double turn)
{
    struct places *p = b->places;
    const struct junction *j = &p->junction[junction];

    if (p->n_lights == PLACES_MAX_LIGHTS)
        return;
    struct prop *q = part_prop(b, PROP_TRAFFIC_LIGHT, cross ? j->road : 0, s, d, turn);
    q->height = 3.4;
    q->width = 0.35;
    q->state = (int)junction_light(j, cross, 0);
    p->light[p->n_lights++] = (struct signal_head){b->w->n_props - 1, junction, cross};
}

static void cross_lanes(struct build *b, int road)
{
    struct roadway *r = &b->w->roads.road[road];

    for (int way = 1; way >= -1; way -= 2)
        part_lane(b, road,
                  &(struct road_lane){.use = LANE_DRIVE,
                                      .direction = way,
                                      .s1 = r->length,
                                      .centre = profile_of(-way * cross_half / 2),
                                      .width = profile_of(cross_half),
                                      .speed_limit = 11,
                                      .next_road = -1,
                                      .next_lane = -1,
                                      .left = -1,
                                      .right = -1});
}

/* One arm of it, on the side of the line where sign is: its kerbs, pavements and lines. */
static void arm(struct build *b, const struct junction *j, const struct street *c, int sign)
{
    struct roadway *r = &b->w->roads.road[j->road];
    double near = c->kerb + corner, stop = near + 1.5;
    double a = j->cross_s + sign * near, z = sign > 0 ? r->length : 0;
    double s0 = fmin(a, z), s1 = fmax(a, z), line = j->cross_s + sign * stop;
    struct profile middle = profile_of(0);

    for (int side = 1; side >= -1; side -= 2) {
        struct profile at = profile_of(side * cross_half);

        part_edge(b, j->road, EDGE_KERB, &at, 0.12, true, s0, s1);
        part_lane(b, j->road,
                  &(struct road_lane){.use = LANE_PAVEMENT,
                                      .direction = 1,
                                      .s0 = s0,
                                      .s1 = s1,
                                      .centre = profile_of(side * (cross_half + 1.1)),
                                      .width = profile_of(2.2),
                                      .next_road = -1,
                                      .next_lane = -1,
                                      .left = -1,
                                      .right = -1});
    }
    part_line(b, j->road, MARKING_DASHED, &middle, fmin(line, z), fmax(line, z));
    stop_line(b, j->road, line, sign * cross_half / 2, cross_half - 0.3);
}

/* Wide where it meets the kerbs of road 0, then as narrow as it is. */
static struct profile flare(const struct junction *j, const struct street *c, double sign)
{
    double near = c->kerb, far = c->kerb + corner;
    struct profile p = {.n = 4,
                        .knot = {{j->cross_s - far, sign * cross_half},
                                 {j->cross_s - near, sign * (cross_half + corner)},
                                 {j->cross_s + near, sign * (cross_half + corner)},
                                 {j->cross_s + far, sign * cross_half}}};
    return p;
}

static void junction_build(struct build *b, int index, const struct street *c)
{
    struct road_network *n = &b->w->roads;
    struct junction *j = &b->places->junction[index];
    bool both = random_chance(&b->r, 0.75), leftwards = random_chance(&b->r, 0.5);
    double reach = random_range(&b->r, 70, 110), turn = leftwards ? M_PI / 2 : -M_PI / 2;
    double k = leftwards ? -1 : 1;

    if (n->n_roads == ROAD_MAX)
        return;
    j->road = n->n_roads++;
    struct roadway *r = &n->road[j->road];
    struct road_point p = road_at(&n->road[0], j->s, 0);
    j->cross_s = both ? reach : 0;
    j->cross_half = c->kerb + corner;
    if (road_append(r, j->cross_s + reach, 0, 0, 0, k * p.grade) != OK)
        b->full = true;
    road_finish(r, p.x - j->cross_s * cos(p.heading + turn),
                p.y - j->cross_s * sin(p.heading + turn), p.z - 0.015, p.heading + turn);
    r->left = flare(j, c, 1);
    r->right = flare(j, c, -1);
    cross_lanes(b, j->road);
    j->cross_stop[0] = both ? j->cross_s - c->kerb - corner - 1.5 : NAN;
    j->cross_stop[1] = j->cross_s + c->kerb + corner + 1.5;
    arm(b, j, c, 1);
    if (both)
        arm(b, j, c, -1);
    if (!j->lights)
        return;
    zebra(b, j->s - j->half - 4, j->s - j->half - 1, c->kerb);
    zebra(b, j->s + j->half + 1, j->s + j->half + 4, c->kerb);
    light(b, index, false, j->stop[0], -c->kerb - 0.6, M_PI);
    light(b, index, false, j->stop[1], c->kerb + 0.6, 0);
    light(b, index, true, j->cross_stop[1], cross_half + 0.6, 0);
    if (both)
        light(b, index, true, j->cross_stop[0], -cross_half - 0.6, M_PI);
}

/* Crossings away from junctions. */
static void more_zebras(struct build *b, const struct street *c)
{
    const struct places *p = b->places;

    for (int i = 0; i + 1 < p->n_junctions; i++) {
        double s = 0.5 * (p->junction[i].s + p->junction[i + 1].s);

        if (p->junction[i + 1].s - p->junction[i].s > 150 && random_chance(&b->r, 0.4) &&
            !(p->tunnel1 > p->tunnel0 && s > p->tunnel0 - 20 && s < p->tunnel1 + 20))
            zebra(b, s - 1.5, s + 1.5, c->kerb);
    }
}

static void main_lines(struct build *b, const struct street *c)
{
    static const enum marking_type of[] = {MARKING_DASHED, MARKING_SOLID, MARKING_DOUBLE,
                                           MARKING_SOLID_DASHED, MARKING_DASHED};
    const struct plan *plan = b->plan;
    int centre = plan->choice[PLAN_CENTRE];
    enum marking_type between =
        plan->choice[PLAN_LINES] == LINES_BOTTS_DOTS ? MARKING_BOTTS_DOTS : MARKING_DASHED;

    if (centre != CENTRE_NONE)
        line_open(b, of[centre], 0, plan->choice[PLAN_COLOUR]);
    for (int side = 1; side >= -1; side -= 2) {
        if (c->lanes > 1)
            line_open(b, between, side * c->width, false);
        if (c->cycle || plan->choice[PLAN_EDGES] == EDGES_SOLID)
            line_open(b, MARKING_SOLID, side * c->lanes_end, false);
    }
}

void network_urban(struct build *b)
{
    struct roadway *r = &b->w->roads.road[0];
    struct places *p = b->places;
    struct street c = street(b);

    r->left = profile_of(c.kerb);
    r->right = profile_of(-c.kerb);
    if (b->plan->number[PLAN_JUNCTIONS] > 0)
        place_junctions(b);
    for (int i = 0; i < p->n_junctions; i++) {
        struct junction *j = &p->junction[i];
        double before = j->half + (j->lights ? 5.5 : 1);

        j->stop[0] = j->s - before;
        j->stop[1] = j->s + before;
    }
    drive_lanes(b, &c);
    main_lines(b, &c);
    for (int side = 1; side >= -1; side -= 2) {
        struct profile kerb = profile_of(side * c.kerb);

        part_edge_open(b, 0, EDGE_KERB, &kerb, 0.12, true, 0, r->length);
        lane_open(b, LANE_PAVEMENT, side * 0.5 * (c.kerb + c.pavement_end), c.pavement_end - c.kerb,
                  -side, 0);
        if (c.parking)
            lane_open(b, LANE_PARKING, side * (c.kerb - 1.1), 2.2, -side, 8);
    }
    for (int i = 0; i < p->n_junctions; i++) {
        junction_build(b, i, &c);
        for (int way = 1; way >= -1; way -= 2)
            if (p->junction[i].lights)
                stop_line(b, 0, p->junction[i].stop[way < 0], -way * c.lanes_end / 2,
                          c.lanes_end - 0.3);
    }
    more_zebras(b, &c);
    if (p->tunnel1 > p->tunnel0)
        part_tunnel(b, 0, p->tunnel0, p->tunnel1);
    if (p->site1 > p->site0) {
        struct profile none = profile_of(0), outer = profile_of(-c.lanes_end + 0.15);
        part_site(b, 0, &none, -c.lanes_end - 0.1);
        struct road_marking *m = part_line(b, 0, MARKING_SOLID, &outer, p->site0, p->site1);
        m->color = MARKING_YELLOW;
        m->temporary = true;
    }
}
