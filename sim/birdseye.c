#include "sim/birdseye.h"

#include <math.h>
#include <string.h>

#include "perception/image/draw.h"

struct view {
    const struct world *w;
    struct image *im;
    double scale, cx, cy, c, s; /* px per metre; px of ego; its heading */
};

static const struct color land = {96, 128, 80}, asphalt = {70, 70, 74}, white = {240, 240, 240},
                          yellow = {240, 200, 40}, pavement = {150, 150, 145}, rail = {200, 90, 30},
                          ego_color = {40, 220, 255};

static void project(const struct view *v, double x, double y, float px[2])
{
    double dx = x - v->w->ego.x, dy = y - v->w->ego.y;

    px[0] = (float)(v->cx - (dy * v->c - dx * v->s) * v->scale);
    px[1] = (float)(v->cy - (dx * v->c + dy * v->s) * v->scale);
}

static void line(const struct view *v, const struct road_point *a, const struct road_point *b,
                 double width, struct color c, float alpha)
{
    float p[2], q[2];

    project(v, a->x, a->y, p);
    project(v, b->x, b->y, q);
    if ((p[0] < -400 && q[0] < -400) || (p[1] < -400 && q[1] < -400) ||
        (p[0] > (float)v->im->width + 400 && q[0] > (float)v->im->width + 400) ||
        (p[1] > (float)v->im->height + 400 && q[1] > (float)v->im->height + 400))
        return;
    draw_line(v->im, p[0], p[1], q[0], q[1], (float)fmax(width * v->scale, 1), c, alpha);
}

/* Along the road between s0 and s1, only near ego. */
static void strip(const struct view *v, const struct roadway *r, const struct profile *d, double s0,
                  double s1, double width, double dash, double gap, struct color c)
{
    double reach = 2.0 * v->im->height / v->scale, at = v->w->ego.s;
    bool along = r->length == v->w->roads.road[0].length;
    double from = along ? fmax(s0, at - reach) : s0, to = along ? fmin(s1, at + reach) : s1;
    double step = gap > 0 ? dash : 2, skip = gap > 0 ? gap : 0;

    if (gap > 0)
        from = s0 + ceil((from - s0) / (dash + gap)) * (dash + gap);
    for (double s = from; s < to; s += step + skip) {
        double e = fmin(s + step, to);
        struct road_point a = road_at(r, s, profile_at(d, s)), b = road_at(r, e, profile_at(d, e));
        line(v, &a, &b, width, c, 1);
    }
}

static void surface(const struct view *v, const struct roadway *r)
{
    for (double s = 0; s < r->length; s += 2) {
        double left = profile_at(&r->left, s), right = profile_at(&r->right, s);
        struct road_point a = road_at(r, s, 0.5 * (left + right)),
                          b = road_at(r, s + 2.2, 0.5 * (left + right));
        line(v, &a, &b, left - right, asphalt, 1);
    }
    for (int i = 0; i < r->n_lanes; i++)
        if (r->lane[i].use == LANE_PAVEMENT)
            strip(v, r, &r->lane[i].centre, r->lane[i].s0, r->lane[i].s1,
                  profile_at(&r->lane[i].width, 0), 0, 0, pavement);
}

/* A stop line, or the bars of a crossing. */
static void bars(const struct view *v, const struct roadway *r, const struct road_marking *m)
{
    double thick = m->type == MARKING_CROSSING ? m->dash : 0.2;
    double every = m->type == MARKING_CROSSING ? m->dash + m->gap : 0.2;

    for (double d = (thick - m->width) / 2; d < m->width / 2; d += every) {
        struct profile at = {.n = 1, .knot = {{0, m->offset.knot[0].v + d}}};
        strip(v, r, &at, m->s0, m->s1, thick, 0, 0, white);
    }
}

static void markings(const struct view *v, const struct roadway *r)
{
    for (int i = 0; i < r->n_markings; i++) {
        const struct road_marking *m = &r->marking[i];
        bool across = m->type == MARKING_STOP_LINE || m->type == MARKING_CROSSING;
        bool broken = m->type == MARKING_DASHED || m->type == MARKING_BOTTS_DOTS;

        if (across)
            bars(v, r, m);
        else
            strip(v, r, &m->offset, m->s0, m->s1, fmax(m->width, 0.2), m->dash, broken ? m->gap : 0,
                  m->color == MARKING_YELLOW ? yellow : white);
    }
    for (int i = 0; i < r->n_edges; i++)
        if (r->edge[i].kind != EDGE_SOIL)
            strip(v, r, &r->edge[i].offset, r->edge[i].s0, r->edge[i].s1, 0.25, 0, 0,
                  r->edge[i].kind == EDGE_KERB ? (struct color){190, 190, 190} : rail);
}

/* A rectangle; its front fifth is dark. */
static void body(const struct view *v, double x, double y, double heading, double length,
                 double width, struct color c)
{
    double turn = heading - atan2(v->s, v->c), ux = -sin(turn), uy = -cos(turn);
    double hl = 0.5 * length * v->scale, hw = fmax(0.5 * width * v->scale, 0.7), r = hypot(hl, hw);
    float p[2];

    project(v, x, y, p);
    for (int py = (int)fmax(p[1] - r, 0); py < v->im->height && py <= p[1] + r; py++)
        for (int px = (int)fmax(p[0] - r, 0); px < v->im->width && px <= p[0] + r; px++) {
            double dx = px + 0.5 - p[0], dy = py + 0.5 - p[1];
            double along = dx * ux + dy * uy, across = dx * uy - dy * ux;

            if (fabs(along) > hl || fabs(across) > hw)
                continue;
            memcpy(image_at(v->im, px, py), along > 0.6 * hl ? &(struct color){20, 20, 20} : &c, 3);
        }
}

static struct color prop_color(const struct prop *p)
{
    static const struct color lamps[] = {{255, 0, 0}, {255, 120, 0}, {0, 255, 0}, {255, 255, 0}};

    switch (p->kind) {
    case PROP_TRAFFIC_LIGHT:
        return lamps[p->state];
    case PROP_TREE:
    case PROP_BUSH:
        return (struct color){30, 90, 30};
    case PROP_BUILDING:
        return (struct color){120, 90, 80};
    case PROP_CONE:
    case PROP_BEACON:
        return (struct color){255, 90, 0};
    default:
        return (struct color){200, 200, 255};
    }
}

static struct color actor_color(const struct actor *a)
{
    static const struct color kinds[ACTOR_KINDS] = {
        [ACTOR_CAR] = {60, 110, 230},       [ACTOR_VAN] = {90, 60, 200},
        [ACTOR_TRUCK] = {170, 70, 160},     [ACTOR_BUS] = {200, 160, 40},
        [ACTOR_MOTORCYCLE] = {250, 80, 80}, [ACTOR_CYCLIST] = {90, 240, 90},
        [ACTOR_PEDESTRIAN] = {250, 250, 90}};

    return a->parked ? (struct color){130, 150, 180} : kinds[a->kind];
}

void birdseye_draw(const struct world *w, double metres_per_px, struct image *im)
{
    struct view v = {w,
                     im,
                     1 / metres_per_px,
                     im->width / 2.0,
                     im->height * 0.66,
                     cos(w->ego.heading),
                     sin(w->ego.heading)};
    const struct ego_car *e = &w->ego;
    double middle = e->length / 2 - e->rear_overhang;

    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            memcpy(image_at(im, x, y), &land, 3);
    for (int i = w->roads.n_roads - 1; i >= 0; i--)
        surface(&v, &w->roads.road[i]);
    for (int i = w->roads.n_roads - 1; i >= 0; i--)
        markings(&v, &w->roads.road[i]);
    for (int i = 0; i < w->n_props; i++) {
        const struct prop *p = &w->prop[i];
        if (p->kind != PROP_BRIDGE && p->kind != PROP_TUNNEL && p->kind != PROP_GANTRY)
            body(&v, p->x, p->y, p->heading, fmax(p->length, 0.6), fmax(p->width, 0.6),
                 prop_color(p));
    }
    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];
        body(&v, a->x, a->y, a->heading, a->length, a->width, actor_color(a));
    }
    body(&v, e->x + middle * cos(e->heading), e->y + middle * sin(e->heading), e->heading,
         e->length, e->width, ego_color);
}
