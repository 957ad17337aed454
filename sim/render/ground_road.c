#include "sim/render/ground.h"

#include <stddef.h>

#include "sim/render/render.h"

struct v3 stretch_point(const struct stretch *t, double s, double d, double up)
{
    struct road_point p = road_at(&t->world->roads.road[t->road], s, d);

    return v3((float)(p.x - t->origin[0]), (float)(p.y - t->origin[1]),
              (float)(p.z + up - t->origin[2]));
}

int stretch_rows(const struct stretch *t, double s0, double s1)
{
    int rows = (int)ceil((s1 - s0) / (STRETCH_STEP << t->detail) - 1e-6);

    return rows < 1 ? 1 : rows;
}

static struct v3 up_of(const struct stretch *t, double s, double d)
{
    struct road_point p = road_at(&t->world->roads.road[t->road], s, d);
    float c = cosf((float)p.heading), n = sinf((float)p.heading);

    return v3_unit(v3((float)(-p.grade) * c + (float)p.bank * n,
                      (float)(-p.grade) * n - (float)p.bank * c, 1));
}

/* How bright the asphalt is at d: wheels polish and darken two tracks, oil drips between them. */
static float wheel_tracks(const struct roadway *r, double s, double d)
{
    float tint = 1.0f;

    for (int i = 0; i < r->n_lanes; i++) {
        const struct road_lane *l = &r->lane[i];
        float x = (float)(d - profile_at(&l->centre, s)),
              half = (float)profile_at(&l->width, s) / 2;

        if (s < l->s0 || s > l->s1 || fabsf(x) > half)
            continue;
        tint = 0.94f + 0.12f * hash01((uint32_t)i, 77);
        if (l->use != LANE_DRIVE)
            return tint * 1.04f;
        float a = (fabsf(x) - 0.78f) / 0.32f, o = x / 0.35f;
        return tint * (1.03f - 0.16f * expf(-a * a) - 0.08f * expf(-o * o));
    }
    return 1.06f;
}

/* A strip from d0(s) to d1(s), d1 left of d0. */
static void strip(struct builder *b, const struct stretch *t, double s0, double s1,
                  double (*edge)(const void *what, double s, int side), const void *what, double up)
{
    int rows = stretch_rows(t, s0, s1), last = -1;

    for (int i = 0; i <= rows; i++) {
        double s = s0 + (s1 - s0) * i / rows, d0 = edge(what, s, 0), d1 = edge(what, s, 1);
        struct v3 n = up_of(t, s, d0);
        int p = builder_vertex(b, stretch_point(t, s, d0, up), n, (float)s, (float)d0);
        int q = builder_vertex(b, stretch_point(t, s, d1, up), n, (float)s, (float)d1);

        if (last >= 0) {
            builder_triangle(b, last, p, q);
            builder_triangle(b, last, q, last + 1);
        }
        last = p;
    }
}

static uint32_t thing(enum pixel_kind kind)
{
    return PIXEL_ID(kind, -1);
}

/* Under a tunnel's vault it is dim. */
static uint8_t open_sky(const struct world *w, int road, double s)
{
    for (int i = 0; i < w->n_props; i++)
        if (w->prop[i].kind == PROP_TUNNEL && w->prop[i].road == road && s > w->prop[i].s &&
            s < w->prop[i].s + w->prop[i].length)
            return 40;
    return 255;
}

static void asphalt(const struct stretch *t, struct builder *b)
{
    const struct roadway *r = &t->world->roads.road[t->road];
    int rows = stretch_rows(t, t->s0, t->s1);
    double wide = 0;

    for (int i = 0; i <= rows; i++) {
        double s = t->s0 + (t->s1 - t->s0) * i / rows;

        wide = fmax(wide, profile_at(&r->left, s) - profile_at(&r->right, s));
    }
    /* near by the tracks of wheels show, far away at most the lanes */
    int cols = (int)ceil(wide / (t->detail > 0 ? 1.7 * t->detail : 0.45)) + 1, before = -1;
    float age = 0.80f + 0.4f * hash01((uint32_t)t->world->seed, 3);

    for (int i = 0; i <= rows; i++) {
        double s = t->s0 + (t->s1 - t->s0) * i / rows;
        double lo = profile_at(&r->right, s), hi = profile_at(&r->left, s);
        int row = b->n_vertices;

        b->brush.shade = open_sky(t->world, t->road, s);

        for (int j = 0; j < cols; j++) {
            double d = lo + (hi - lo) * j / (cols - 1);
            float grey = clampf(92 * age * wheel_tracks(r, s, d), 20, 200);

            b->brush.color[0] = (uint8_t)grey;
            b->brush.color[1] = (uint8_t)(grey * 0.99f);
            b->brush.color[2] = (uint8_t)(grey * 0.975f);
            builder_vertex(b, stretch_point(t, s, d, 0), up_of(t, s, d), (float)s, (float)d);
        }
        for (int j = 0; before >= 0 && j + 1 < cols; j++) {
            builder_triangle(b, before + j, row + j, row + j + 1);
            builder_triangle(b, before + j, row + j + 1, before + j + 1);
        }
        before = row;
    }
}

struct band { /* a strip of a profile */
    const struct profile *middle;
    double offset, half;
    const struct profile *width; /* instead of half */
};

static double band_edge(const void *what, double s, int side)
{
    const struct band *w = what;
    double half = w->width ? profile_at(w->width, s) / 2 : w->half;

    return profile_at(w->middle, s) + w->offset + (side ? half : -half);
}

static void pavements(const struct stretch *t, struct builder *b)
{
    const struct roadway *r = &t->world->roads.road[t->road];

    for (int i = 0; i < r->n_lanes; i++) {
        const struct road_lane *l = &r->lane[i];
        double s0 = fmax(l->s0, t->s0), s1 = fmin(l->s1, t->s1);
        struct band band = {.middle = &l->centre, .width = &l->width};

        if (l->use != LANE_PAVEMENT || s1 <= s0)
            continue;
        builder_color(b, 0x8f8c86, 0, 0);
        b->brush.id = thing(PIXEL_PAVEMENT);
        strip(b, t, s0, s1, band_edge, &band, PAVEMENT_HEIGHT);
    }
}

void ground_road(const struct stretch *t, struct builder *b)
{
    builder_color(b, 0x606060, 0, 0);
    b->brush.id = thing(PIXEL_ROAD);
    asphalt(t, b);
    b->brush.shade = 255;
    pavements(t, b);
}

/* ---- markings ----------------------------------------------------------------------------------- */

enum { PAINT_UP_MM = 6 }; /* so that paint lies above the asphalt's triangles */

static void line(const struct stretch *t, struct builder *b, const struct road_marking *m,
                 double offset, double s0, double s1)
{
    struct band band = {.middle = &m->offset, .offset = offset, .half = m->width / 2};

    s0 = fmax(s0, t->s0);
    s1 = fmin(s1, t->s1);
    if (s1 > s0)
        strip(b, t, s0, s1, band_edge, &band, PAINT_UP_MM * 1e-3);
}

/* Dashes are counted from the marking's beginning. */
static void dashes(const struct stretch *t, struct builder *b, const struct road_marking *m,
                   double offset)
{
    double period = m->dash + m->gap;

    if (period <= 0)
        return;
    for (int i = (int)floor(fmax(0, t->s0 - m->s0) / period);
         m->s0 + i * period < fmin(m->s1, t->s1); i++)
        line(t, b, m, offset, m->s0 + i * period, fmin(m->s0 + i * period + m->dash, m->s1));
}

/* Round, raised: a low dome. */
static void dots(const struct stretch *t, struct builder *b, const struct road_marking *m)
{
    double period = m->dash + m->gap;

    if (period <= 0)
        return;
    for (int i = (int)ceil(fmax(0, t->s0 - m->s0) / period);
         m->s0 + i * period < fmin(m->s1, t->s1); i++) {
        double s = m->s0 + i * period;

        builder_ellipsoid(b, stretch_point(t, s, profile_at(&m->offset, s), 0),
                          v3((float)m->width / 2, (float)m->width / 2, 0.02f), 4, 8);
    }
}

static double lane_width_at(const struct roadway *r, double s, double d)
{
    for (int i = 0; i < r->n_lanes; i++)
        if (r->lane[i].use == LANE_DRIVE && s >= r->lane[i].s0 && s <= r->lane[i].s1 &&
            fabs(profile_at(&r->lane[i].centre, s) - d) < profile_at(&r->lane[i].width, s) / 2)
            return profile_at(&r->lane[i].width, s);
    return 3.5;
}

static void stop_line(const struct stretch *t, struct builder *b, const struct road_marking *m)
{
    if (m->s0 < t->s0 || m->s0 >= t->s1)
        return;
    struct band band = {.middle = &m->offset,
                        .half = lane_width_at(&t->world->roads.road[t->road], m->s0,
                                              profile_at(&m->offset, m->s0)) /
                                    2 -
                                0.1};

    strip(b, t, m->s0 - m->width / 2, m->s0 + m->width / 2, band_edge, &band, PAINT_UP_MM * 1e-3);
}

/* Bars of half a metre across the way, along the road. */
static void crossing(const struct stretch *t, struct builder *b, const struct road_marking *m)
{
    double s0 = fmax(m->s0, t->s0), s1 = fmin(m->s1, t->s1), half = m->width / 2;
    const struct roadway *r = &t->world->roads.road[t->road];

    if (s1 <= s0)
        return;
    if (half < 1)
        half = (profile_at(&r->left, s0) - profile_at(&r->right, s0)) / 2 - 0.3;
    for (int i = 0; i + 0.25 < 2 * half; i++) {
        struct band band = {.middle = &m->offset, .offset = i + 0.25 - half, .half = 0.25};

        strip(b, t, s0, s1, band_edge, &band, PAINT_UP_MM * 1e-3);
    }
}

/* Straight on: a shaft and a head, five metres long. */
static void arrow(const struct stretch *t, struct builder *b, const struct road_marking *m)
{
    double s = m->s0, d = profile_at(&m->offset, s);
    const struct roadway *r = &t->world->roads.road[t->road];
    int lane = road_lane_at(r, s, d, LANE_DRIVE);
    double way = lane >= 0 ? r->lane[lane].direction : 1;
    struct band shaft = {.middle = &m->offset, .half = 0.075};

    if (s < t->s0 || s >= t->s1)
        return;
    double tail = s - way * 2.5, neck = s + way * 1, tip = s + way * 2.5;
    strip(b, t, fmin(tail, neck), fmax(tail, neck), band_edge, &shaft, PAINT_UP_MM * 1e-3);
    struct v3 n = up_of(t, s, d);
    int p = builder_vertex(b, stretch_point(t, neck, d - 0.3 * way, PAINT_UP_MM * 1e-3), n,
                           (float)neck, (float)(d - 0.3));
    builder_vertex(b, stretch_point(t, tip, d, PAINT_UP_MM * 1e-3), n, (float)tip, (float)d);
    builder_vertex(b, stretch_point(t, neck, d + 0.3 * way, PAINT_UP_MM * 1e-3), n, (float)neck,
                   (float)(d + 0.3));
    builder_triangle(b, p, p + 1, p + 2);
}

static void marking(const struct stretch *t, struct builder *b, const struct road_marking *m)
{
    bool yellow = m->color == MARKING_YELLOW;

    b->brush.shade = open_sky(t->world, t->road, fmax(m->s0, t->s0));
    builder_color(b, yellow ? m->temporary ? 0xe8a818 : 0xd8a838 : 0xd2d2cc, 0, 0);
    b->brush.id = thing(PIXEL_MARKING);
    b->brush.paint = 255;
    b->brush.specular = (uint8_t)(255 * clampf(0.02f + 0.62f * m->wear, 0, 1));
    switch (m->type) {
    case MARKING_SOLID:
        line(t, b, m, 0, m->s0, m->s1);
        break;
    case MARKING_DASHED:
        dashes(t, b, m, 0);
        break;
    case MARKING_DOUBLE:
        line(t, b, m, m->width, m->s0, m->s1);
        line(t, b, m, -m->width, m->s0, m->s1);
        break;
    case MARKING_SOLID_DASHED:
        line(t, b, m, m->width, m->s0, m->s1);
        dashes(t, b, m, -m->width);
        break;
    case MARKING_BOTTS_DOTS:
        dots(t, b, m);
        break;
    case MARKING_STOP_LINE:
        stop_line(t, b, m);
        break;
    case MARKING_CROSSING:
        crossing(t, b, m);
        break;
    case MARKING_ARROW:
        arrow(t, b, m);
        break;
    }
}

void ground_markings(const struct stretch *t, struct builder *b)
{
    const struct roadway *r = &t->world->roads.road[t->road];

    for (int i = 0; i < r->n_markings; i++)
        if (r->marking[i].s0 < t->s1 && r->marking[i].s1 + 1 >= t->s0)
            marking(t, b, &r->marking[i]);
}
