/* A country road: two lanes, edges of soil, a centre line that changes with the sight. */
#include <math.h>

#include "sim/world/build.h"

static void centre_line(struct build *b, double length)
{
    const struct profile middle = profile_of(0);
    enum marking_color color = b->plan->choice[PLAN_COLOUR] ? MARKING_YELLOW : MARKING_WHITE;
    int choice = b->plan->choice[PLAN_CENTRE];
    double s = 0;

    if (choice == CENTRE_NONE)
        return;
    while (s < length) {
        enum marking_type type = MARKING_DASHED;
        double s1 =
            choice == CENTRE_MIXED ? fmin(s + random_range(&b->r, 150, 450), length) : length;
        if (choice == CENTRE_SOLID)
            type = MARKING_SOLID;
        else if (choice == CENTRE_DOUBLE)
            type = MARKING_DOUBLE;
        else if (choice == CENTRE_MIXED)
            type =
                (enum marking_type[]){MARKING_DASHED, MARKING_DASHED, MARKING_SOLID, MARKING_DOUBLE,
                                      MARKING_SOLID_DASHED}[random_index(&b->r, 5)];
        if (b->w->roads.road[0].n_markings > ROAD_MAX_MARKINGS - 40)
            s1 = length;
        if (b->plan->choice[PLAN_LINES] == LINES_BOTTS_DOTS && type == MARKING_DASHED)
            type = MARKING_BOTTS_DOTS;
        if (!random_chance(&b->r, b->plan->number[PLAN_MARKINGS_MISSING]))
            part_line(b, 0, type, &middle, s, s1)->color = color;
        s = s1;
    }
}

static void rails(struct build *b, int side, double half)
{
    const struct roadway *r = &b->w->roads.road[0];
    struct profile rail = profile_of(side * (half + 0.7));

    for (int i = 0; i < r->n_pieces && r->n_edges < ROAD_MAX_EDGES - 16; i++) {
        const struct road_piece *p = &r->piece[i];
        bool outside = side * (p->curvature0 + p->curvature1) < -0.006;

        if (outside && random_chance(&b->r, 0.7))
            part_edge_open(b, 0, EDGE_GUARD_RAIL, &rail, 0.75, false, p->s, p->s + p->length);
    }
    for (double s = 100; s < r->length && r->n_edges < ROAD_MAX_EDGES - 8;
         s += random_range(&b->r, 500, 2500)) {
        struct profile fence = profile_of(side * (half + random_range(&b->r, 3, 8)));
        part_edge_open(b, 0, EDGE_FENCE, &fence, 1.2, false, s,
                       fmin(s + random_range(&b->r, 60, 300), r->length));
    }
}

void network_rural(struct build *b)
{
    const struct plan *plan = b->plan;
    struct roadway *r = &b->w->roads.road[0];
    double width = plan->number[PLAN_LANE_WIDTH], soil = random_range(&b->r, 0.2, 0.7);
    bool lines = plan->choice[PLAN_EDGES] == EDGES_SOLID;
    struct places *p = b->places;
    double half = width + soil;
    struct profile shift = profile_of(0);

    if (p->site1 > p->site0) {
        shift = profile_of(0);
        shift.knot[0].s = p->site0;
        profile_add(&shift, p->site0 + 40, 0.3);
        profile_add(&shift, p->site1 - 40, 0.3);
        profile_add(&shift, p->site1, 0);
    }
    r->left = profile_of(half);
    r->right = profile_of(-half);
    for (int way = 1; way >= -1; way -= 2)
        part_lane(b, 0,
                  &(struct road_lane){.use = LANE_DRIVE,
                                      .direction = way,
                                      .s1 = r->length,
                                      .centre = profile_moved(&shift, -way * width / 2, 1),
                                      .width = profile_of(width),
                                      .speed_limit = plan->number[PLAN_LIMIT],
                                      .next_road = -1,
                                      .next_lane = -1,
                                      .left = -1,
                                      .right = -1});
    centre_line(b, r->length);
    for (int side = 1; side >= -1; side -= 2) {
        struct profile at = profile_of(side * (width - 0.05));

        if (lines)
            part_line(b, 0, MARKING_SOLID, &at, 0, r->length);
        at = profile_of(side * half);
        part_edge_open(b, 0, EDGE_SOIL, &at, 0, true, 0, r->length);
        rails(b, side, half);
    }
    if (p->tunnel1 > p->tunnel0)
        part_tunnel(b, 0, p->tunnel0, p->tunnel1);
    if (p->site1 > p->site0)
        part_site(b, 0, &shift, -width - 0.1);
}
