#include "sim/truth.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/truth_internal.h"

static const float FAR_M = 100;

/* ---- opening ------------------------------------------------------------------------------- */

enum err truth_open(const struct camera *c, struct truth_maker **out)
{
    struct truth_maker *m = calloc(1, sizeof *m);
    const float centre[2] = {c->cx, c->cy};
    float ray[3] = {1, 0, 0};

    *out = NULL;
    assert(c->width > 0 && c->height > 0);
    if (!m)
        return ERR_NOMEM;
    m->camera = *c;
    camera_ray(c, centre, ray);
    for (int i = 0; i < 3; i++)
        m->ahead[i] = (double)ray[i];
    m->road = calloc((size_t)c->width, (size_t)c->height);
    if (!m->road || truth_lanes_open(m) != OK) {
        truth_close(m);
        return ERR_NOMEM;
    }
    *out = m;
    return OK;
}

void truth_close(struct truth_maker *m)
{
    if (!m)
        return;
    truth_lanes_close(m);
    free(m->road);
    free(m);
}

bool truth_project(const struct truth_maker *m, const double p[3], float px[2])
{
    const float f[3] = {(float)p[0], (float)p[1], (float)p[2]};

    return camera_project(&m->camera, f, px);
}

/* ---- the picture's ids --------------------------------------------------------------------- */

static void see(struct seen *s, int x, int y)
{
    if (s->pixels++ == 0) {
        s->x1 = s->x2 = x;
        s->y1 = y;
    }
    s->x1 = x < s->x1 ? x : s->x1;
    s->x2 = x > s->x2 ? x : s->x2;
    s->y2 = y;
}

static void read_ids(struct truth_maker *m, const struct world *w, const struct rendered *picture)
{
    const int width = m->camera.width, height = m->camera.height;
    const uint32_t *id = picture->ids;
    uint8_t *road = m->road;

    memset(m->actor, 0, (size_t)w->n_actors * sizeof *m->actor);
    memset(m->prop, 0, (size_t)w->n_props * sizeof *m->prop);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, id++, road++) {
            enum pixel_kind kind = (enum pixel_kind)(*id >> 16);
            int index = (int)(*id & 0xffff) - 1;

            *road = kind == PIXEL_ROAD || kind == PIXEL_MARKING ? 255 : 0;
            if (kind == PIXEL_ACTOR && index >= 0 && index < w->n_actors)
                see(&m->actor[index], x, y);
            else if (kind == PIXEL_PROP && index >= 0 && index < w->n_props)
                see(&m->prop[index], x, y);
        }
}

/* Shares of the mask in the cells of a coarse one. */
static void coarse_road(const struct truth_maker *m, struct road *out)
{
    const int width = m->camera.width, height = m->camera.height;

    out->width = SCENE_ROAD_WIDTH;
    out->height = SCENE_ROAD_HEIGHT;
    for (int j = 0; j < SCENE_ROAD_HEIGHT; j++)
        for (int i = 0; i < SCENE_ROAD_WIDTH; i++) {
            int x0 = i * width / SCENE_ROAD_WIDTH, x1 = (i + 1) * width / SCENE_ROAD_WIDTH;
            int y0 = j * height / SCENE_ROAD_HEIGHT, y1 = (j + 1) * height / SCENE_ROAD_HEIGHT;
            unsigned sum = 0, n = 0;

            x1 += x1 == x0; /* of pictures smaller than the grid */
            y1 += y1 == y0;
            for (int y = y0; y < y1 && y < height; y++)
                for (int x = x0; x < x1 && x < width; x++, n++)
                    sum += m->road[(size_t)y * (size_t)width + (size_t)x];
            out->probability[j * SCENE_ROAD_WIDTH + i] = (uint8_t)(n ? sum / n : 0);
        }
}

/* ---- the way ahead ------------------------------------------------------------------------- */

/* The way we look, also while we overtake in a lane that is not for our direction. */
static int driving_direction(const struct world *w)
{
    const struct ego_car *e = &w->ego;

    return cos(e->heading - road_at(&w->roads.road[e->road], e->s, e->d).heading) >= 0 ? 1 : -1;
}

static double centre_of(const struct world *w, int road, int lane, double s)
{
    return lane >= 0 ? profile_at(&w->roads.road[road].lane[lane].centre, s) : w->ego.d;
}

static void add_way_point(struct truth_maker *m, const struct world *w, const struct way_point *at)
{
    struct road_point p =
        road_at(&w->roads.road[at->road], at->s, centre_of(w, at->road, at->lane, at->s));
    const double world[3] = {p.x, p.y, p.z};
    double v[3];

    ego_from_world(&w->ego, world, v);
    m->way[m->n_way] = *at;
    m->way[m->n_way].x = v[0];
    m->way[m->n_way].y = v[1];
    m->way[m->n_way++].z = v[2];
}

/* On to the lane's successor when its end is passed. False: the road ends here. */
static bool follow(const struct world *w, struct way_point *at)
{
    const struct roadway *r = &w->roads.road[at->road];
    const struct road_lane *lane = at->lane >= 0 ? &r->lane[at->lane] : NULL;
    double end = lane ? (at->direction > 0 ? fmin(lane->s1, r->length) : fmax(lane->s0, 0))
                      : (at->direction > 0 ? r->length : 0);
    double over = (at->s - end) * at->direction;

    if (over <= 0)
        return true;
    if (!lane || lane->next_road < 0 || lane->direction != at->direction)
        return at->s >= 0 && at->s <= r->length;
    at->road = lane->next_road;
    at->lane = lane->next_lane;
    at->s = lane->next_s;
    if (at->lane >= 0)
        at->direction = w->roads.road[at->road].lane[at->lane].direction;
    at->s += at->direction * over;
    return true;
}

void truth_way(struct truth_maker *m, const struct world *w)
{
    const struct ego_car *e = &w->ego;
    struct way_point at = {.road = e->road, .lane = e->lane};

    m->n_way = 0;
    at.direction = driving_direction(w);
    at.s = e->s - at.direction * WAY_BEHIND;
    if (at.s < 0 || at.s > w->roads.road[e->road].length)
        at.s = e->s;
    while (m->n_way < WAY_POINTS && follow(w, &at)) {
        add_way_point(m, w, &at);
        at.s += at.direction;
    }
}

bool truth_beside_way(const struct truth_maker *m, double x, double y, double *along, double *left,
                      struct way_point *nearest)
{
    double best = INFINITY;

    for (int i = 0; i + 1 < m->n_way; i++) {
        const struct way_point *a = &m->way[i], *b = &m->way[i + 1];
        double ux = b->x - a->x, uy = b->y - a->y, n = hypot(ux, uy);

        if (n < 1e-6)
            continue;
        double t = ((x - a->x) * ux + (y - a->y) * uy) / n;
        double d = (ux * (y - a->y) - uy * (x - a->x)) / n;
        if (t < -0.05 || t > n + 0.05 || fabs(d) >= fabs(best))
            continue;
        best = d;
        *along = i + t + m->way[0].x; /* a metre apart; the first one lies behind us */
        *left = d;
        *nearest = *a;
    }
    return isfinite(best);
}

/* ---- the frame ----------------------------------------------------------------------------- */

static float bearing(const struct camera *c, float x)
{
    const float px[2] = {x, (float)c->height / 2};
    float ray[3];

    return camera_ray(c, px, ray) ? atan2f(ray[1], ray[0]) : NAN;
}

static struct ego true_motion(const struct world *w)
{
    return (struct ego){
        .t_ns = llround(w->t * 1e9),
        .clock_id = CLOCK_ID_SIM,
        .speed_mps = (float)w->ego.speed,
        .yaw_rate_radps = (float)w->ego.yaw_rate,
        .acceleration_mps2 = (float)w->ego.acceleration,
        .steering_angle_rad = (float)w->ego.steer,
    };
}

void truth_frame(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                 struct truth *out)
{
    const struct camera *c = &m->camera;
    struct scene *s = &out->scene;

    assert(!picture || (picture->width == c->width && picture->height == c->height));
    scene_clear(s);
    s->state_time_ns = llround(w->t * 1e9);
    s->qualifier_objects = s->qualifier_lanes = QUALIFIER_AVAILABLE;
    s->coverage = (struct coverage){FAR_M, bearing(c, 0), bearing(c, (float)c->width)};
    out->ego = true_motion(w);
    out->road = NULL;
    if (picture) {
        read_ids(m, w, picture);
        coarse_road(m, &s->road);
        out->road = m->road;
    }
    truth_way(m, w);
    truth_objects(m, w, picture, out);
    truth_lanes(m, w, picture, out);
}
