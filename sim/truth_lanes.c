/* What bounds lanes, as boundaries: every line and edge is walked in steps along our way, over the
 * ends of markings and roads, and then read off at the published stations and in the picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/truth_internal.h"

enum {
    MAX_PIECES = 96, /* of one frame, before they are joined */
    MAX_POINTS = 288,
    CUBIC = 4,
};
static const double STEP_M = 0.5, AHEAD_M = 110;
static const double JOIN_M = 0.8;  /* between the end of one marking and the next one's beginning */
static const double NAMED_M = 5;   /* a boundary is what it is here: nearer nothing is seen of it */
static const double BESIDE_M = 25; /* what begins farther ahead than this has no role */
static const double BODY_HALF_M = 0.95, DEPARTURE_MAX_S = 20; /* as perception/track/ego_lane.c */

struct piece { /* part of a marking or an edge; vehicle frame, in our direction */
    enum lane_kind kind;
    uint64_t id;
    enum lane_type type;   /* 0: none */
    enum lane_color color; /* 0: none */
    bool used;             /* in a boundary already */
    int n;
    double p[MAX_POINTS][3];
};

struct rank { /* of a boundary: left > 0 of our lane's middle, NAN last */
    double left;
    struct lane_boundary lane;
};

struct boundary_pieces {
    int n;
    struct piece piece[MAX_PIECES];
    struct piece whole; /* the one that is being joined */
    struct rank list[SCENE_MAX_LANES];
};

enum err truth_lanes_open(struct truth_maker *m)
{
    m->pieces = calloc(1, sizeof *m->pieces);
    return m->pieces ? OK : ERR_NOMEM;
}

void truth_lanes_close(struct truth_maker *m)
{
    free(m->pieces);
}

/* ---- walking ------------------------------------------------------------------------------- */

struct run { /* a stretch of one road on our way */
    const struct roadway *road;
    int index;
    double from, to; /* s in our direction: from > to where we drive against it */
    int direction;
};

static bool is_replaced(const struct roadway *r, const struct road_marking *mark, double s)
{
    if (mark->temporary)
        return false;
    for (int i = 0; i < r->n_markings; i++) {
        const struct road_marking *t = &r->marking[i];

        if (t->temporary && t->boundary && s >= t->s0 && s <= t->s1)
            return true;
    }
    return false;
}

static enum lane_type type_of_marking(enum marking_type t)
{
    switch (t) {
    case MARKING_SOLID:
        return LANE_TYPE_SOLID;
    case MARKING_DASHED:
        return LANE_TYPE_DASHED;
    case MARKING_DOUBLE:
    case MARKING_SOLID_DASHED:
        return LANE_TYPE_DOUBLE;
    case MARKING_BOTTS_DOTS:
        return LANE_TYPE_BOTTS_DOTS;
    default:
        return (enum lane_type)0;
    }
}

static enum lane_type type_of_edge(enum edge_kind k)
{
    return k == EDGE_SOIL ? (enum lane_type)0 : k == EDGE_KERB ? LANE_TYPE_KERB : LANE_TYPE_BARRIER;
}

static struct piece *begin_piece(struct boundary_pieces *all, const struct piece *like)
{
    struct piece *p;

    if (all->n == MAX_PIECES)
        return NULL;
    p = &all->piece[all->n++];
    p->kind = like->kind;
    p->id = like->id;
    p->type = like->type;
    p->color = like->color;
    p->used = false;
    p->n = 0;
    return p;
}

/* What lies at `offset` between s0 and s1, as far as the run goes. mark: NULL for edges. */
static void walk(struct truth_maker *m, const struct world *w, const struct run *run, double s0,
                 double s1, const struct profile *offset, const struct road_marking *mark,
                 const struct piece *like)
{
    double low = fmax(s0, fmin(run->from, run->to)), high = fmin(s1, fmax(run->from, run->to));
    double begin = run->direction > 0 ? low : high, length = high - low;
    int steps = (int)ceil(length / STEP_M);
    struct piece *p = NULL;

    for (int i = 0; length > 0 && i <= steps; i++) {
        double s = begin + run->direction * fmin(i * STEP_M, length);

        if (mark && is_replaced(run->road, mark, s)) {
            p = NULL;
            continue;
        }
        if ((!p || p->n == MAX_POINTS) && !(p = begin_piece(m->pieces, like)))
            return;
        struct road_point at = road_at(run->road, s, profile_at(offset, s));
        const double world[3] = {at.x, at.y, at.z};
        ego_from_world(&w->ego, world, p->p[p->n++]);
    }
}

static void walk_run(struct truth_maker *m, const struct world *w, const struct run *run)
{
    const struct roadway *r = run->road;
    const uint64_t base = 1 + 1000 * (uint64_t)run->index;

    for (int i = 0; i < r->n_markings; i++) {
        const struct road_marking *k = &r->marking[i];
        struct piece like = {.kind = LANE_LINE,
                             .id = base + (uint64_t)i,
                             .type = type_of_marking(k->type),
                             .color =
                                 k->color == MARKING_YELLOW ? LANE_COLOR_YELLOW : LANE_COLOR_WHITE};

        if (k->boundary && like.type)
            walk(m, w, run, k->s0, k->s1, &k->offset, k, &like);
    }
    for (int i = 0; i < r->n_edges; i++) {
        const struct road_edge *k = &r->edge[i];
        struct piece like = {
            .kind = LANE_ROAD_EDGE, .id = base + 500 + (uint64_t)i, .type = type_of_edge(k->kind)};

        if (k->limits)
            walk(m, w, run, k->s0, k->s1, &k->offset, NULL, &like);
    }
}

/* Our way as stretches of roads. */
static void walk_way(struct truth_maker *m, const struct world *w)
{
    m->pieces->n = 0;
    for (int i = 0; i < m->n_way;) {
        const struct way_point *a = &m->way[i];
        struct run run = {&w->roads.road[a->road], a->road, a->s, a->s, a->direction};

        if (i > 0) /* from where the road before ended: points are a metre apart */
            run.from -= a->direction;
        for (; i < m->n_way && m->way[i].road == a->road && i < AHEAD_M + WAY_BEHIND; i++)
            run.to = m->way[i].s;
        if (i < m->n_way && i < AHEAD_M + WAY_BEHIND) /* up to where the next road begins */
            run.to += a->direction;
        walk_run(m, w, &run);
        if (i >= AHEAD_M + WAY_BEHIND)
            break;
    }
}

/* ---- joining ------------------------------------------------------------------------------- */

static double gap(const double a[3], const double b[3])
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

static struct piece *continuation(struct boundary_pieces *all, const struct piece *of)
{
    struct piece *best = NULL;
    double nearest = JOIN_M;

    for (int i = 0; i < all->n; i++) {
        struct piece *p = &all->piece[i];

        if (p->used || p->kind != of->kind || p->n < 2 || p->p[0][0] <= of->p[0][0] + STEP_M)
            continue;
        double d = gap(of->p[of->n - 1], p->p[0]);
        if (d < nearest) {
            nearest = d;
            best = p;
        }
    }
    return best;
}

/* The piece with all that continues it, in all->whole. */
static const struct piece *join(struct boundary_pieces *all, const struct piece *first)
{
    struct piece *w = &all->whole, *next;

    *w = *first;
    while ((next = continuation(all, w))) {
        next->used = true;
        if (next->p[0][0] < NAMED_M) {
            w->id = next->id;
            w->type = next->type;
            w->color = next->color;
        }
        for (int i = 0; i < next->n && w->n < MAX_POINTS; i++)
            if (next->p[i][0] > w->p[w->n - 1][0] || i > 0)
                memcpy(w->p[w->n++], next->p[i], sizeof next->p[i]);
        if (w->n == MAX_POINTS)
            break;
    }
    return w;
}

/* ---- metres -------------------------------------------------------------------------------- */

/* Where the line first crosses the plane x = at. */
static bool crossing(const struct piece *p, double at, double out[3])
{
    for (int i = 0; i + 1 < p->n; i++) {
        const double *a = p->p[i], *b = p->p[i + 1];

        if (a[0] > at || b[0] <= at)
            continue;
        double t = (at - a[0]) / (b[0] - a[0]);
        for (int k = 0; k < 3; k++)
            out[k] = a[k] + t * (b[k] - a[k]);
        return true;
    }
    return false;
}

/* Does it hide what lies at this depth? A little is allowed for the road's own roundness. */
static bool is_hidden(const struct truth_maker *m, const struct rendered *picture,
                      const double p[3], const float px[2])
{
    size_t at = (size_t)px[1] * (size_t)m->camera.width + (size_t)px[0];

    return (double)picture->depth[at] < 0.95 * truth_depth(m, p) - 0.5;
}

static bool in_picture(const struct truth_maker *m, const float px[2])
{
    return px[0] >= 0 && px[1] >= 0 && px[0] < (float)m->camera.width &&
           px[1] < (float)m->camera.height;
}

/* Least squares by normal equations, x in units of 50 m; of as many terms as the points give. */
static void fit_cubic(struct lane_boundary *l)
{
    double a[CUBIC][CUBIC + 1] = {{0}}, c[CUBIC] = {0};
    int points = 0, terms;

    for (int i = 0; i < SCENE_STATIONS; i++)
        points += isfinite(l->station[i].y_m);
    terms = points < CUBIC ? points : CUBIC;
    for (int i = 0; i < SCENE_STATIONS; i++) {
        double y = (double)l->station[i].y_m, x = (double)SCENE_STATION_M[i] / 50;
        const double f[CUBIC] = {1, x, x * x, x * x * x};

        for (int r = 0; isfinite(y) && r < terms; r++) {
            for (int k = 0; k < terms; k++)
                a[r][k] += f[r] * f[k];
            a[r][CUBIC] += f[r] * y;
        }
    }
    for (int r = 0; r < terms; r++) /* positive definite: no pivots */
        for (int q = r + 1; q < terms; q++) {
            double k = a[q][r] / a[r][r];

            for (int i = r; i <= CUBIC; i++)
                a[q][i] -= k * a[r][i];
        }
    for (int r = terms - 1; r >= 0; r--) {
        c[r] = a[r][CUBIC];
        for (int i = r + 1; i < terms; i++)
            c[r] -= a[r][i] * c[i];
        c[r] /= a[r][r];
    }
    for (int i = 0; i < CUBIC; i++)
        l->cubic[i] = (float)(c[i] / pow(50, i));
    memset(l->cubic_covariance, 0, sizeof l->cubic_covariance);
}

static void fill_metres(const struct truth_maker *m, const struct rendered *picture,
                        const struct piece *p, struct lane_boundary *l)
{
    l->x_min_m = l->x_max_m = NAN;
    for (int i = 0; i < SCENE_STATIONS; i++) {
        struct lane_station *s = &l->station[i];
        double at[3];
        float px[2];

        *s = (struct lane_station){NAN, NAN, NAN, NAN};
        if (!crossing(p, (double)SCENE_STATION_M[i], at))
            continue;
        *s = (struct lane_station){(float)at[1], (float)at[2], 0, 0};
        if (truth_project(m, at, px) && in_picture(m, px))
            s->visible = picture && is_hidden(m, picture, at, px) ? 0 : 1;
        if (isnan(l->x_min_m))
            l->x_min_m = SCENE_STATION_M[i];
        l->x_max_m = SCENE_STATION_M[i];
        l->has_metres = true;
    }
    if (l->has_metres)
        fit_cubic(l);
}

/* ---- pixels -------------------------------------------------------------------------------- */

struct trace {
    int n;
    float px[MAX_POINTS + 2][2];
};

/* From a point outside the picture towards one inside: the last that is still outside. */
static void to_border(const struct truth_maker *m, const double outside[3], const double inside[3],
                      float px[2])
{
    double low = 0, high = 1;

    for (int i = 0; i < 24; i++) {
        double t = (low + high) / 2, p[3];
        float at[2];

        for (int k = 0; k < 3; k++)
            p[k] = outside[k] + t * (inside[k] - outside[k]);
        if (truth_project(m, p, at) && in_picture(m, at)) {
            high = t;
            memcpy(px, at, sizeof at);
        } else {
            low = t;
        }
    }
}

static bool is_ground(uint32_t id)
{
    enum pixel_kind k = (enum pixel_kind)(id >> 16);

    return k == PIXEL_GROUND || k == PIXEL_ROAD || k == PIXEL_MARKING || k == PIXEL_PAVEMENT;
}

/* Behind the top of a hill: nothing stands before it but the road itself. */
static bool over_the_hill(const struct truth_maker *m, const struct rendered *picture,
                          const double p[3], const float px[2])
{
    size_t at = (size_t)px[1] * (size_t)m->camera.width + (size_t)px[0];

    return picture && is_ground(picture->ids[at]) && is_hidden(m, picture, p, px);
}

static void add_pixel(struct trace *t, const float px[2])
{
    memcpy(t->px[t->n++], px, sizeof t->px[0]);
}

/* The first stretch inside the picture, with both its ends on the border where it is cut. */
static void trace_line(const struct truth_maker *m, const struct rendered *picture,
                       const struct piece *p, struct trace *t)
{
    bool before = false;

    t->n = 0;
    for (int i = 0; i < p->n; i++) {
        float px[2], border[2];
        bool inside =
            truth_depth(m, p->p[i]) > 0.1 && truth_project(m, p->p[i], px) && in_picture(m, px);

        if (inside && over_the_hill(m, picture, p->p[i], px))
            return;
        if (inside && !before && i > 0 && truth_depth(m, p->p[i - 1]) > -1) {
            memcpy(border, px, sizeof px);
            to_border(m, p->p[i - 1], p->p[i], border);
            add_pixel(t, border);
        }
        if (inside)
            add_pixel(t, px);
        if (!inside && before) {
            memcpy(border, t->px[t->n - 1], sizeof border);
            to_border(m, p->p[i], p->p[i - 1], border);
            add_pixel(t, border);
            return;
        }
        before = inside;
    }
}

/* Points at equal distances along the trace. */
static void fill_pixels(const struct trace *t, struct lane_boundary *l)
{
    float total = 0, walked = 0;
    int at = 0;

    l->n_pixels = 0;
    for (int i = 0; i + 1 < t->n; i++)
        total += hypotf(t->px[i + 1][0] - t->px[i][0], t->px[i + 1][1] - t->px[i][1]);
    if (t->n < 2 || total < 2)
        return;
    l->n_pixels = total < SCENE_MAX_LANE_PIXELS - 1 ? (int)total + 1 : SCENE_MAX_LANE_PIXELS;
    for (int i = 0; i < l->n_pixels; i++) {
        float due = total * (float)i / (float)(l->n_pixels - 1), step = 0;

        for (; at + 2 < t->n; at++) {
            step = hypotf(t->px[at + 1][0] - t->px[at][0], t->px[at + 1][1] - t->px[at][1]);
            if (walked + step >= due)
                break;
            walked += step;
        }
        step = hypotf(t->px[at + 1][0] - t->px[at][0], t->px[at + 1][1] - t->px[at][1]);
        float k = step > 0 ? fminf((due - walked) / step, 1) : 0;
        l->pixel[i].x = t->px[at][0] + k * (t->px[at + 1][0] - t->px[at][0]);
        l->pixel[i].y = t->px[at][1] + k * (t->px[at + 1][1] - t->px[at][1]);
        l->pixel[i].sigma_x = 0;
    }
}

/* ---- roles --------------------------------------------------------------------------------- */

/* How far to the left of our lane's middle it is beside us; NAN: it begins too far ahead. */
static double beside(const struct truth_maker *m, const struct piece *p)
{
    double at[3], x = 0, along, left;
    struct way_point nearest;

    if (!crossing(p, x, at)) {
        if (p->p[0][0] < 0 || p->p[0][0] > BESIDE_M)
            return NAN;
        memcpy(at, p->p[0], sizeof at);
    }
    return truth_beside_way(m, at[0], at[1], &along, &left, &nearest) ? left : NAN;
}

static double closeness(const struct rank *r)
{
    return isnan(r->left) ? INFINITY : fabs(r->left);
}

/* Keeps the SCENE_MAX_LANES nearest. */
static void keep(struct rank *list, int *n, const struct rank *r)
{
    int at = *n < SCENE_MAX_LANES ? (*n)++ : SCENE_MAX_LANES;

    for (; at > 0 && closeness(&list[at - 1]) > closeness(r); at--)
        if (at < SCENE_MAX_LANES)
            list[at] = list[at - 1];
    if (at < SCENE_MAX_LANES)
        list[at] = *r;
}

/* Lines count from the inside outwards; an edge does where no line lies before it. */
static void give_roles(struct rank *list, int n)
{
    for (int side = -1; side <= 1; side += 2) {
        int next = 1;

        for (int i = 0; i < n && next <= 2; i++) { /* nearest first */
            struct lane_boundary *l = &list[i].lane;

            if (isnan(list[i].left) || (list[i].left > 0) != (side > 0))
                continue;
            if (l->kind == LANE_ROAD_EDGE && next > 1)
                continue;
            l->role = side * next++;
            if (l->kind == LANE_ROAD_EDGE)
                break;
        }
    }
}

static int left_to_right(const void *a, const void *b)
{
    double x = ((const struct rank *)a)->left, y = ((const struct rank *)b)->left;

    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x < y) - (x > y);
}

/* ---- our lane ------------------------------------------------------------------------------ */

static const struct rank *with_role(const struct rank *list, int n, int role)
{
    for (int i = 0; i < n; i++)
        if (list[i].lane.role == role && !isnan(list[i].left))
            return &list[i];
    return NULL;
}

static void find_departure(double speed, double left, double right, struct ego_lane *out)
{
    double v = speed * sin((double)out->heading_rad), offset = (double)out->offset_m;
    double gap_m = fmax((v > 0 ? left - offset : offset - right) - BODY_HALF_M, 0);

    if (fabs(v) < 0.01 || gap_m > DEPARTURE_MAX_S * fabs(v))
        return;
    out->time_to_departure_s = (float)(gap_m / fabs(v));
    out->time_to_departure_sigma_s = 0;
}

/* Between the lines beside us; where there are none, as wide as the world's lane. */
static void fill_ego_lane(const struct truth_maker *m, const struct world *w,
                          const struct rank *list, int n, struct ego_lane *out)
{
    const struct ego_car *e = &w->ego;
    const struct roadway *r = &w->roads.road[e->road];
    const struct rank *left = with_role(list, n, 1), *right = with_role(list, n, -1);
    double along, own, half, to_left, to_right;
    struct way_point at;

    if (e->lane < 0 || !truth_beside_way(m, 0, 0, &along, &own, &at))
        return;
    half = profile_at(&r->lane[e->lane].width, e->s) / 2;
    to_left = left && left->lane.kind == LANE_LINE ? left->left : half;
    to_right = right && right->lane.kind == LANE_LINE ? right->left : -half;
    struct road_point p = road_at(r, e->s, profile_at(&r->lane[e->lane].centre, e->s));
    double way = p.heading + (at.direction > 0 ? 0 : M_PI);
    out->offset_m = (float)(own - (to_left + to_right) / 2);
    out->heading_rad = (float)remainder(e->heading - way, 2 * M_PI);
    out->curvature_1pm = (float)(at.direction * p.curvature);
    out->width_m = (float)(to_left - to_right);
    out->offset_sigma_m = out->heading_sigma_rad = 0;
    out->curvature_sigma_1pm = out->width_sigma_m = 0;
    out->time_to_departure_s = out->time_to_departure_sigma_s = NAN;
    find_departure(e->speed, (to_left - to_right) / 2, (to_right - to_left) / 2, out);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void fill_boundary(const struct truth_maker *m, const struct world *w,
                          const struct rendered *picture, const struct piece *p,
                          struct lane_boundary *l)
{
    struct trace t;

    lane_boundary_clear(l);
    l->id = p->id;
    l->kind = p->kind;
    l->existence = 1;
    l->age_ns = llround(w->t * 1e9);
    l->measurement = MEASUREMENT_MEASURED;
    if (p->type) {
        l->n_types = 1;
        l->types[0].type = p->type;
        l->types[0].probability = 1;
    }
    if (p->color) {
        l->n_colors = 1;
        l->colors[0].color = p->color;
        l->colors[0].probability = 1;
    }
    fill_metres(m, picture, p, l);
    trace_line(m, picture, p, &t);
    fill_pixels(&t, l);
}

/* Of those that are left, the piece that begins nearest: it takes its continuations along. */
static struct piece *first_piece(struct boundary_pieces *all)
{
    struct piece *first = NULL;

    for (int i = 0; i < all->n; i++) {
        struct piece *p = &all->piece[i];

        if (!p->used && p->n >= 2 && (!first || p->p[0][0] < first->p[0][0]))
            first = p;
    }
    return first;
}

void truth_lanes(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                 struct truth *out)
{
    struct rank *list = m->pieces->list, r;
    struct piece *p;
    int n = 0;

    walk_way(m, w);
    while ((p = first_piece(m->pieces))) {
        p->used = true;
        const struct piece *whole = join(m->pieces, p);
        r.left = beside(m, whole);
        fill_boundary(m, w, picture, whole, &r.lane);
        if (r.lane.has_metres || r.lane.n_pixels)
            keep(list, &n, &r);
    }
    give_roles(list, n);
    fill_ego_lane(m, w, list, n, &out->scene.ego_lane);
    qsort(list, (size_t)n, sizeof *list, left_to_right);
    for (int i = 0; i < n; i++)
        out->scene.lane[i] = list[i].lane;
    out->scene.n_lanes = n;
}
