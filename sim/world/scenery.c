/* What stands beside the road. Nothing of it may stand on any road. */
#include <math.h>

#include "sim/world/build.h"

static struct prop *sized(struct prop *p, double length, double width, double height)
{
    p->length = length;
    p->width = width;
    p->height = height;
    return p;
}

static bool room(const struct build *b)
{
    return b->w->n_props < WORLD_MAX_PROPS - 512;
}

static bool in_tunnel(const struct build *b, double s, double margin)
{
    const struct places *p = b->places;

    return p->tunnel1 > p->tunnel0 && s > p->tunnel0 - margin && s < p->tunnel1 + margin;
}

static bool at_junction(const struct build *b, double s, double margin)
{
    for (int i = 0; i < b->places->n_junctions; i++)
        if (fabs(s - b->places->junction[i].s) < b->places->junction[i].half + margin)
            return true;
    return false;
}

/* Undo the last prop where it would stand on another road. */
static bool keep(struct build *b, double margin)
{
    struct prop *p = &b->w->prop[b->w->n_props - 1];

    if (part_free(b, p->x, p->y, margin, 0))
        return true;
    b->w->n_props--;
    return false;
}

/* |d| where the land begins on a side: beyond pavements, ditches and the other carriageway. */
static double land(const struct build *b, int side, double s)
{
    const struct road_network *n = &b->w->roads;
    double end = 0;

    for (int i = 0; i < n->n_roads; i++) {
        const struct roadway *r = &n->road[i];

        if (i > 0 && r->length != n->road[0].length)
            continue;
        end = fmax(end, side > 0 ? profile_at(&r->left, s) : -profile_at(&r->right, s));
        for (int k = 0; k < r->n_lanes; k++)
            if (r->lane[k].use == LANE_PAVEMENT)
                end = fmax(end, side * profile_at(&r->lane[k].centre, s) +
                                    0.5 * profile_at(&r->lane[k].width, s));
    }
    return end;
}

/* Woods come and go along the road: a slow wave of the seed's own. */
static double woods(double s, uint32_t seed)
{
    double phase = random_unit_of(random_mix(seed)) * 100;

    return 0.5 + 0.3 * sin(s / 70 + phase) + 0.2 * sin(s / 31 + 2.3 * phase);
}

static void plants(struct build *b, int side, double from)
{
    double length = b->w->roads.road[0].length, trees = b->plan->number[PLAN_TREES];
    uint32_t seed = (uint32_t)random_u64(&b->r);

    for (double s = 0; s < length && trees > 0; s += random_exponential(&b->r, 9 / trees)) {
        double size = random_range(&b->r, 0, 1), d = from + random_exponential(&b->r, 9);

        if (!room(b) || in_tunnel(b, s, 15))
            continue;
        if (random_unit(&b->r) > woods(s, seed))
            continue;
        d = side * (land(b, side, s) + d);
        if (random_chance(&b->r, 0.7))
            sized(part_prop(b, PROP_TREE, 0, s, d, 0), 3 + 4 * size, 3 + 4 * size, 5 + 12 * size);
        else if (random_chance(&b->r, 0.85))
            sized(part_prop(b, PROP_BUSH, 0, s, d, 0), 1 + size, 1 + size, 0.8 + size);
        else
            sized(part_prop(b, PROP_ROCK, 0, s, d, 6 * size), 0.8 + size, 0.6 + size, 0.4 + size);
        keep(b, 3.5);
    }
}

static void buildings(struct build *b, int side, double setback)
{
    double length = b->w->roads.road[0].length, share = b->plan->number[PLAN_BUILDINGS];
    bool town = b->w->style == STYLE_URBAN;

    for (double s = 5; s < length;) {
        double width = town ? random_range(&b->r, 9, 28) : random_range(&b->r, 9, 18);
        double depth = random_range(&b->r, 8, 14);
        double height = town ? random_range(&b->r, 6, 22) : random_range(&b->r, 5, 9);
        double back = setback + random_range(&b->r, 0, town ? 3 : 30), at = s + width / 2;

        s += width + (town ? random_range(&b->r, 0, 6) : random_range(&b->r, 10, 60));
        if (!random_chance(&b->r, share) || !room(b) || in_tunnel(b, at, 20 + width))
            continue;
        double d = side * (land(b, side, at) + back + depth / 2);
        sized(part_prop(b, PROP_BUILDING, 0, at, d, -side * M_PI / 2), depth, width, height);
        keep(b, 0.5 * hypot(width, depth) + 1);
    }
}

/* The same thing again and again along one side, dist metres beyond the asphalt. */
static void row(struct build *b, enum prop_kind kind, int side, double dist, double every,
                const double size[3])
{
    const struct roadway *r = &b->w->roads.road[0];
    double turn = kind == PROP_LAMP ? -side * M_PI / 2 : M_PI;

    for (double s = random_range(&b->r, 0, every); s < r->length; s += every) {
        double end = side > 0 ? profile_at(&r->left, s) : -profile_at(&r->right, s);

        if (!room(b) || in_tunnel(b, s, 2) || at_junction(b, s, 3))
            continue;
        if (b->w->style == STYLE_MOTORWAY && side > 0)
            end = land(b, side, s);
        sized(part_prop(b, kind, 0, s, side * (end + dist), turn), size[0], size[1], size[2]);
        keep(b, 0.3);
    }
}

static void sign(struct build *b, double s, enum sign_state state)
{
    double d = profile_at(&b->w->roads.road[0].right, s) - random_range(&b->r, 0.6, 1.5);
    bool board = state == SIGN_DIRECTION;

    if (!room(b) || in_tunnel(b, s, 3) || s < 0 || s > b->w->roads.road[0].length)
        return;
    struct prop *p = part_prop(b, PROP_SIGN, 0, s, d, M_PI);
    sized(p, 0.1, board ? 2.5 : 0.7, board ? 3.2 : 2.6)->state = (int)state;
    keep(b, 0.3);
}

static void signs(struct build *b)
{
    const struct roadway *r = &b->w->roads.road[0];
    const struct places *p = b->places;
    bool town = b->w->style == STYLE_URBAN;
    double apart = town ? 120 : b->w->style == STYLE_RURAL ? 300 : 700;

    for (double s = 120; s < r->length; s += random_exponential(&b->r, apart)) {
        static const enum sign_state any[] = {SIGN_LIMIT,    SIGN_LIMIT,     SIGN_NO_OVERTAKING,
                                              SIGN_PRIORITY, SIGN_DIRECTION, SIGN_STOP,
                                              SIGN_YIELD};
        if (!at_junction(b, s, 4))
            sign(b, s, any[random_index(&b->r, town ? 7 : 5)]);
    }
    for (int i = 0; i < r->n_pieces; i++)
        if (fabs(r->piece[i].curvature1) > 1.0 / 250 && r->piece[i].curvature0 == 0)
            sign(b, r->piece[i].s - 30, SIGN_CURVE);
    for (int i = 0; i < p->n_zebras; i++)
        sign(b, p->zebra[i].s0 - 1, SIGN_CROSSING);
    if (p->site1 > p->site0)
        for (int i = 0; i < 3; i++)
            sign(b, p->site0 - 20 - 60 * i, i == 1 ? SIGN_LIMIT : SIGN_CONSTRUCTION);
}

static bool by_site(const struct build *b, double s)
{
    return b->places->site1 > 0 && s > b->places->site0 - 60 && s < b->places->site1 + 60;
}

/* Across the road: where and how wide it is there. */
static void across(struct build *b, enum prop_kind kind, double s)
{
    const struct road_network *n = &b->w->roads;
    const struct roadway *r = &n->road[0];
    double right = profile_at(&r->right, s) - 1.2, left = profile_at(&r->left, s);

    if (!room(b) || in_tunnel(b, s, 60) || by_site(b, s))
        return;
    if (kind == PROP_BRIDGE && b->w->style == STYLE_MOTORWAY)
        left = profile_at(&n->road[1].left, s) + 1.2;
    struct prop *p = part_prop(b, kind, 0, s, 0.5 * (left + right), kind == PROP_GANTRY ? M_PI : 0);
    sized(p, kind == PROP_BRIDGE ? random_range(&b->r, 7, 13) : 0.6, left - right + 1,
          kind == PROP_BRIDGE ? 5.2 : 5.6);
}

static void motorway_structures(struct build *b)
{
    const struct roadway *r = &b->w->roads.road[0];

    for (double s = b->start + random_range(&b->r, 200, 900); s < r->length;
         s += random_range(&b->r, 900, 2500))
        across(b, PROP_BRIDGE, s);
    for (double s = b->start + random_range(&b->r, 100, 600); s < r->length;
         s += random_range(&b->r, 700, 2500))
        across(b, PROP_GANTRY, s);
}

void scenery_build(struct build *b)
{
    static const double post[3] = {0.12, 0.12, 1.0}, lamp[3] = {0.3, 0.3, 8.0};
    static const double pole[3] = {0.3, 0.3, 9.0};
    bool town = b->w->style == STYLE_URBAN, lit = random_chance(&b->r, 0.3);

    if (b->w->style == STYLE_MOTORWAY)
        motorway_structures(b);
    for (int side = 1; side >= -1; side -= 2) {
        if (town || (lit && side < 0))
            row(b, PROP_LAMP, side, 0.6, town ? 32 : 50, lamp);
        if (!town)
            row(b, PROP_MARKER_POST, side, 0.6, 50, post);
        if (b->w->style == STYLE_RURAL && random_chance(&b->r, 0.4))
            row(b, PROP_POLE, side, random_range(&b->r, 4, 9), 45, pole);
        buildings(b, side, town ? 0.2 : 12);
        plants(b, side, town ? 1 : 5);
    }
    signs(b);
}
