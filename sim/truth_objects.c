/* Actors, signs and lights as objects. A van is a car: the label classes have no other for it. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "sim/truth_internal.h"

static const double FAR_M = 150;            /* without a picture nothing farther away is listed */
static const double CORRIDOR_SPARE_M = 0.2; /* beside our own body */
static const double TTC_MAX_S = 60;
static const double SIGN_PLATE_M = 0.8, LIGHT_HEAD_M = 1.1;
static const float HIDDEN = 0.99f; /* without a picture: who is that much hidden is not listed */

struct thing { /* an actor or a prop, in the vehicle frame */
    enum object_class class;
    double at[3], yaw; /* centre of its footprint */
    double length, width, height;
};

struct candidate {
    struct object object;
    struct truth_object more;
};

struct list { /* nearest first */
    int n;
    struct candidate item[SCENE_MAX_OBJECTS];
};

static enum object_class class_of(enum actor_kind k)
{
    static const enum object_class classes[ACTOR_KINDS] = {
        [ACTOR_CAR] = OBJECT_CAR,
        [ACTOR_VAN] = OBJECT_CAR,
        [ACTOR_TRUCK] = OBJECT_TRUCK,
        [ACTOR_BUS] = OBJECT_BUS,
        [ACTOR_MOTORCYCLE] = OBJECT_MOTORCYCLE,
        [ACTOR_CYCLIST] = OBJECT_CYCLIST,
        [ACTOR_PEDESTRIAN] = OBJECT_PERSON,
    };

    assert((unsigned)k < ACTOR_KINDS);
    return classes[k];
}

static double half_turn(double a) /* into (-pi, pi] */
{
    a = remainder(a, 2 * M_PI);
    return a <= -M_PI ? M_PI : a;
}

/* ---- where it stands ----------------------------------------------------------------------- */

/* The bottom centre of the face that looks at us most, of the four upright ones. */
static void near_face(const struct truth_maker *m, const struct thing *t, double out[3])
{
    const double to_us[2] = {(double)m->camera.x_m - t->at[0], (double)m->camera.y_m - t->at[1]};
    double best = -INFINITY;

    for (int i = 0; i < 4; i++) {
        double normal = t->yaw + i * M_PI / 2, c = cos(normal), s = sin(normal);
        double half = (i % 2 ? t->width : t->length) / 2, facing = c * to_us[0] + s * to_us[1];

        if (facing <= best)
            continue;
        best = facing;
        out[0] = t->at[0] + half * c;
        out[1] = t->at[1] + half * s;
        out[2] = t->at[2];
    }
}

static double box_distance(const struct truth_maker *m, const struct thing *t)
{
    const double v[3] = {(double)m->camera.x_m - t->at[0], (double)m->camera.y_m - t->at[1],
                         (double)m->camera.z_m - t->at[2]};
    double c = cos(t->yaw), s = sin(t->yaw);
    double along = fmax(fabs(c * v[0] + s * v[1]) - t->length / 2, 0);
    double across = fmax(fabs(-s * v[0] + c * v[1]) - t->width / 2, 0);
    double up = v[2] < 0 ? -v[2] : fmax(v[2] - t->height, 0);

    return sqrt(along * along + across * across + up * up);
}

static void include(struct box *b, const float px[2])
{
    b->x1 = fminf(b->x1, px[0]);
    b->y1 = fminf(b->y1, px[1]);
    b->x2 = fmaxf(b->x2, px[0]);
    b->y2 = fmaxf(b->y2, px[1]);
}

/* Around the upright box, from points along its edges: some of them may lie behind us. */
static bool project_box(const struct truth_maker *m, const struct thing *t, struct box *out)
{
    enum { STEPS = 8 };
    double c = cos(t->yaw), s = sin(t->yaw);
    bool any = false;

    *out = (struct box){INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (int i = 0; i <= STEPS; i++)
        for (int j = 0; j <= STEPS; j++)
            for (int k = 0; k <= STEPS; k++) {
                bool on_edge = (i % STEPS == 0) + (j % STEPS == 0) + (k % STEPS == 0) >= 2;
                double a = ((double)i / STEPS - 0.5) * t->length;
                double b = ((double)j / STEPS - 0.5) * t->width;
                const double p[3] = {t->at[0] + c * a - s * b, t->at[1] + s * a + c * b,
                                     t->at[2] + t->height * k / STEPS};
                float px[2];

                if (!on_edge || truth_depth(m, p) < 0.1 || !truth_project(m, p, px))
                    continue;
                include(out, px);
                any = true;
            }
    return any;
}

static struct box clip(const struct truth_maker *m, const struct box *b)
{
    return (struct box){fmaxf(b->x1, 0), fmaxf(b->y1, 0), fminf(b->x2, (float)m->camera.width),
                        fminf(b->y2, (float)m->camera.height)};
}

static float area(const struct box *b)
{
    return fmaxf(b->x2 - b->x1, 0) * fmaxf(b->y2 - b->y1, 0);
}

static float share_outside(const struct truth_maker *m, const struct box *full)
{
    struct box inside = clip(m, full);

    return fminf(fmaxf(1 - area(&inside) / fmaxf(area(full), 1e-6f), 0), 1);
}

/* ---- what it does -------------------------------------------------------------------------- */

static void to_vehicle_axes(const struct world *w, double x, double y, double out[2])
{
    double c = cos(w->ego.heading), s = sin(w->ego.heading);

    out[0] = c * x + s * y;
    out[1] = -s * x + c * y;
}

static void fill_motion(const struct world *w, const struct actor *a, struct candidate *out)
{
    struct object *o = &out->object;
    double v[2], acc[2];

    to_vehicle_axes(w, a->vx, a->vy, v);
    /* along its heading, and towards the middle of its turn */
    to_vehicle_axes(w, a->acceleration * cos(a->heading) - a->speed * a->yaw_rate * sin(a->heading),
                    a->acceleration * sin(a->heading) + a->speed * a->yaw_rate * cos(a->heading),
                    acc);
    out->more.vx_mps = (float)v[0];
    out->more.vy_mps = (float)v[1];
    out->more.ax_mps2 = (float)acc[0];
    out->more.ay_mps2 = (float)acc[1];
    o->vx_mps = (float)(v[0] - w->ego.speed);
    o->vy_mps = (float)v[1];
    o->ax_mps2 = (float)(acc[0] - w->ego.acceleration);
    o->ay_mps2 = (float)(acc[1] - w->ego.speed * w->ego.yaw_rate);
    o->velocity_reference = VELOCITY_RELATIVE_TO_EGO;
}

/* As the tracker has it: until it reaches the camera. */
static void fill_ttc(const struct truth_maker *m, struct object *o)
{
    double x = (double)(o->x_m - m->camera.x_m), y = (double)(o->y_m - m->camera.y_m);
    double r = hypot(x, y), closing = -(x * (double)o->vx_mps + y * (double)o->vy_mps) / r;

    if (!(closing > 0.01 * r) || r > TTC_MAX_S * closing)
        return;
    o->ttc_s = (float)(r / closing);
    o->ttc_sigma_s = 0;
    o->ttc_method = TTC_POSITION;
}

/* Lanes between ours and that of the object, left > 0; counted at its place on the road. */
static bool lanes_between(const struct world *w, const struct way_point *beside, int lane, double s,
                          int *out)
{
    const struct roadway *r = &w->roads.road[beside->road];
    double from, to;

    if (beside->lane < 0 || lane < 0 || r->lane[lane].use != LANE_DRIVE)
        return false;
    from = profile_at(&r->lane[beside->lane].centre, s);
    to = profile_at(&r->lane[lane].centre, s);
    *out = 0;
    for (int i = 0; i < r->n_lanes; i++) {
        const struct road_lane *l = &r->lane[i];
        double d = profile_at(&l->centre, s);

        if (i == beside->lane || l->use != LANE_DRIVE || s < l->s0 || s > l->s1)
            continue;
        if (d > from && d <= to)
            *out += beside->direction;
        else if (d < from && d >= to)
            *out -= beside->direction;
    }
    return true;
}

static void fill_way(const struct truth_maker *m, const struct world *w, const struct actor *a,
                     const struct thing *t, struct object *o)
{
    struct way_point beside;
    double along, left, half;
    int lane;

    o->in_path = 0;
    if (!truth_beside_way(m, (double)o->x_m, (double)o->y_m, &along, &left, &beside))
        return;
    /* half of what it shows to the sides of our lane */
    half = fabs(cos(t->yaw)) * t->width / 2 + fabs(sin(t->yaw)) * t->length / 2;
    if (truth_beside_way(m, t->at[0], t->at[1], &along, &left, &beside) && along > 0)
        o->in_path = fabs(left) - half < w->ego.width / 2 + CORRIDOR_SPARE_M ? 1 : 0;
    if (a->road != beside.road)
        return;
    lane = road_lane_at(&w->roads.road[a->road], a->s, a->d, LANE_DRIVE);
    o->has_lane = lanes_between(w, &beside, lane, a->s, &lane);
    if (o->has_lane)
        o->lane = lane;
}

/* ---- where it will be ---------------------------------------------------------------------- */

struct pose {
    double x, y, heading; /* world */
};

/* At its speed along its lane, as far to the side of it as now. */
static struct pose ahead_on_lane(const struct world *w, const struct actor *a, double way)
{
    int road = a->road, index = a->lane;
    const struct roadway *r = &w->roads.road[road];
    const struct road_lane *lane = &r->lane[index];
    double beside = a->d - profile_at(&lane->centre, a->s), s = a->s + lane->direction * way;

    for (int hops = 0; hops < 4; hops++) {
        double end = lane->direction > 0 ? fmin(lane->s1, r->length) : fmax(lane->s0, 0);
        double over = (s - end) * lane->direction;

        if (over <= 0 || lane->next_road < 0 || lane->next_lane < 0)
            break;
        s = lane->next_s;
        r = &w->roads.road[lane->next_road];
        lane = &r->lane[lane->next_lane];
        s += lane->direction * over;
    }
    struct road_point p = road_at(r, s, profile_at(&lane->centre, s) + beside);
    return (struct pose){p.x, p.y, p.heading + (lane->direction > 0 ? 0 : M_PI)};
}

static struct pose pose_after(const struct world *w, const struct actor *a, double t)
{
    const double dx = a->vx * t, dy = a->vy * t;

    if (a->lane < 0 || a->parked || a->speed < 0.1)
        return (struct pose){a->x + dx, a->y + dy, a->heading};
    return ahead_on_lane(w, a, a->speed * t);
}

/* Where we are then, if we go on as we do. */
static struct ego_car ego_after(const struct ego_car *now, double t)
{
    const double half = now->yaw_rate * t / 2,
                 chord = now->speed * t * (half ? sin(half) / half : 1);
    struct ego_car then = *now;

    then.x += chord * cos(now->heading + half);
    then.y += chord * sin(now->heading + half);
    then.heading += 2 * half;
    return then;
}

static void fill_path(const struct world *w, const struct actor *a, const struct thing *t,
                      struct object *o)
{
    const double arm[2] = {(double)o->x_m - t->at[0], (double)o->y_m - t->at[1]};
    const struct pose now = pose_after(w, a, 0);

    for (int i = 0; i < SCENE_PATH_POINTS; i++) {
        double after = 0.5 * (i + 1), v[3];
        struct pose p = pose_after(w, a, after);
        /* From now on, so that it begins where the object is. */
        const double world[3] = {a->x + p.x - now.x, a->y + p.y - now.y, a->z};
        const struct ego_car then = ego_after(&w->ego, after);
        double turn = p.heading - now.heading - (then.heading - w->ego.heading), c = cos(turn),
               s = sin(turn);

        ego_from_world(&then, world, v);
        o->path[i] = (struct path_point){.t_s = (float)after,
                                         .x_m = (float)(v[0] + c * arm[0] - s * arm[1]),
                                         .y_m = (float)(v[1] + s * arm[0] + c * arm[1])};
    }
    o->n_path = SCENE_PATH_POINTS;
}

/* ---- one object ---------------------------------------------------------------------------- */

static void fill_thing(const struct truth_maker *m, const struct world *w, uint64_t id,
                       const struct thing *t, struct candidate *out)
{
    struct object *o = &out->object;
    double face[3] = {0};

    object_clear(o);
    memset(&out->more, 0, sizeof out->more);
    o->id = o->ground_truth_id = id;
    o->existence = o->detection_score = 1;
    o->age_ns = llround(w->t * 1e9);
    o->hits = 1;
    o->measurement = MEASUREMENT_MEASURED;
    o->n_classes = 1;
    o->classes[0].class = t->class;
    o->classes[0].probability = 1;
    near_face(m, t, face);
    o->reference = REFERENCE_NEAR_FACE;
    o->x_m = (float)face[0];
    o->y_m = (float)face[1];
    o->z_m = (float)face[2];
    memset(o->covariance, 0, sizeof o->covariance);
    o->yaw_rad = (float)half_turn(t->yaw);
    o->length_m = (float)t->length;
    o->width_m = (float)t->width;
    o->height_m = (float)t->height;
    o->yaw_sigma_rad = o->length_sigma_m = o->width_sigma_m = o->height_sigma_m = 0;
    o->dimension_source = DIMENSION_MEASURED;
    out->more.x_m = (float)t->at[0];
    out->more.y_m = (float)t->at[1];
    out->more.z_m = (float)t->at[2];
    out->more.yaw_rad = o->yaw_rad;
    out->more.distance_m = (float)box_distance(m, t);
}

/* From the picture, or what its box would cover. False: it cannot be seen. */
static bool fill_box(const struct truth_maker *m, const struct seen *seen, const struct box *full,
                     uint32_t silhouette, struct candidate *out)
{
    struct object *o = &out->object;

    out->more.full_px = *full;
    o->truncation = share_outside(m, full);
    for (int i = 0; i < 4; i++)
        o->box_sigma_px[i] = 0;
    if (!seen) {
        o->box_px = clip(m, full);
        o->occlusion = 0;
        out->more.visible_px = (uint32_t)area(&o->box_px);
        return area(&o->box_px) > 1;
    }
    if (seen->pixels == 0)
        return false;
    o->box_px =
        (struct box){(float)seen->x1, (float)seen->y1, (float)seen->x2 + 1, (float)seen->y2 + 1};
    out->more.visible_px = seen->pixels;
    if (silhouette > 0)
        o->occlusion = fmaxf(1 - (float)seen->pixels / (float)silhouette, 0);
    return true;
}

static double range(const struct object *o)
{
    return hypot((double)o->x_m, (double)o->y_m);
}

static void insert(struct list *l, const struct candidate *c)
{
    int at = l->n < SCENE_MAX_OBJECTS ? l->n++ : SCENE_MAX_OBJECTS;

    for (; at > 0 && range(&l->item[at - 1].object) > range(&c->object); at--)
        if (at < SCENE_MAX_OBJECTS)
            l->item[at] = l->item[at - 1];
    if (at < SCENE_MAX_OBJECTS)
        l->item[at] = *c;
}

static void add_actor(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                      int i, struct list *l)
{
    const struct actor *a = &w->actor[i];
    struct thing t = {class_of(a->kind), {0},      a->heading - w->ego.heading,
                      a->length,         a->width, a->height};
    const double world[3] = {a->x, a->y, a->z};
    struct candidate c;
    struct box full;

    ego_from_world(&w->ego, world, t.at);
    if (picture) {
        full = (struct box){picture->full_box[i][0], picture->full_box[i][1],
                            picture->full_box[i][2], picture->full_box[i][3]};
    } else if (hypot(t.at[0], t.at[1]) > FAR_M || !project_box(m, &t, &full)) {
        return;
    }
    fill_thing(m, w, a->id, &t, &c);
    if (!fill_box(m, picture ? &m->actor[i] : NULL, &full, picture ? picture->silhouette[i] : 0,
                  &c))
        return;
    fill_motion(w, a, &c);
    fill_ttc(m, &c.object);
    fill_way(m, w, a, &t, &c.object);
    fill_path(w, a, &t, &c.object);
    insert(l, &c);
}

/* Of a sign the plate counts and of a light its head, not the pole below. */
static void leave_out_pole(struct thing *t)
{
    double head = fmin(t->height, t->class == OBJECT_TRAFFIC_SIGN ? SIGN_PLATE_M : LIGHT_HEAD_M);

    t->at[2] += t->height - head;
    t->height = head;
}

/* What can be seen of the prop, down to the end of the head. False: nothing. */
static bool head_box(const struct seen *seen, const struct box *head, struct candidate *c)
{
    struct object *o = &c->object;

    o->box_px.y2 = fminf((float)seen->y2 + 1, ceilf(head->y2));
    c->more.visible_px = (uint32_t)fminf((float)seen->pixels, area(&o->box_px));
    return o->box_px.y2 > o->box_px.y1;
}

/* Signs and lights whose front can be read from here. */
static void add_prop(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                     int i, struct list *l)
{
    const struct prop *p = &w->prop[i];
    struct thing t = {p->kind == PROP_SIGN ? OBJECT_TRAFFIC_SIGN : OBJECT_TRAFFIC_LIGHT,
                      {0},
                      p->heading - w->ego.heading,
                      p->length,
                      p->width,
                      p->height};
    const double world[3] = {p->x, p->y, p->z};
    struct candidate c;
    struct box full;

    if (p->kind != PROP_SIGN && p->kind != PROP_TRAFFIC_LIGHT)
        return;
    if (picture && m->prop[i].pixels == 0)
        return;
    ego_from_world(&w->ego, world, t.at);
    leave_out_pole(&t);
    if (hypot(t.at[0], t.at[1]) > FAR_M || !project_box(m, &t, &full))
        return;
    if (cos(t.yaw) * t.at[0] + sin(t.yaw) * t.at[1] > -0.3 * hypot(t.at[0], t.at[1]))
        return;
    fill_thing(m, w, p->id, &t, &c);
    if (!fill_box(m, picture ? &m->prop[i] : NULL, &full, 0, &c) ||
        (picture && !head_box(&m->prop[i], &full, &c)))
        return;
    c.object.vx_mps = (float)-w->ego.speed;
    c.object.vy_mps = 0;
    c.object.velocity_reference = VELOCITY_RELATIVE_TO_EGO;
    c.object.in_path = 0;
    insert(l, &c);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* Shares of each box behind those of nearer objects, on a grid of points. */
static void hide_behind_boxes(struct list *l)
{
    enum { GRID = 12 };
    int kept = 0;

    for (int i = 0; i < l->n; i++) {
        const struct box b = l->item[i].object.box_px;
        int hidden = 0;

        for (int k = 0; k < GRID * GRID; k++) {
            int column = k % GRID, row = k / GRID;
            float x = b.x1 + (b.x2 - b.x1) * ((float)column + 0.5f) / GRID;
            float y = b.y1 + (b.y2 - b.y1) * ((float)row + 0.5f) / GRID;
            bool covered = false;

            for (int j = 0; j < i && !covered; j++) {
                const struct box *n = &l->item[j].object.box_px;

                covered = x > n->x1 && x < n->x2 && y > n->y1 && y < n->y2;
            }
            hidden += covered;
        }
        l->item[i].object.occlusion = (float)hidden / (GRID * GRID);
    }
    for (int i = 0; i < l->n; i++)
        if (l->item[i].object.occlusion < HIDDEN)
            l->item[kept++] = l->item[i];
    l->n = kept;
}

static void choose_lead(struct scene *s)
{
    for (int i = 0; i < s->n_objects; i++)
        if (s->object[i].in_path > 0.5f && s->object[i].x_m > 0) {
            s->object[i].is_lead = true;
            return;
        }
}

void truth_objects(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                   struct truth *out)
{
    struct list l = {.n = 0};

    for (int i = 0; i < w->n_actors; i++)
        add_actor(m, w, picture, i, &l);
    for (int i = 0; i < w->n_props; i++)
        add_prop(m, w, picture, i, &l);
    if (!picture)
        hide_behind_boxes(&l);
    for (int i = 0; i < l.n; i++) {
        out->scene.object[i] = l.item[i].object;
        out->object[i] = l.item[i].more;
    }
    out->scene.n_objects = l.n;
    choose_lead(&out->scene);
}
