#include "sim/tracks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/scenario.h"
#include "sim/world/traffic.h"

static const double longest_step = 0.1; /* of the worlds, s: coarser than for pictures */
static const float farthest = 160, least_px = 4;

const struct camera TRACKS_CAMERA = {.width = 640,
                                     .height = 384,
                                     .model = CAMERA_PINHOLE,
                                     .fx = 500,
                                     .fy = 500,
                                     .cx = 320,
                                     .cy = 192,
                                     .x_m = 1.6f,
                                     .z_m = 1.4f};

const struct tracks_detector TRACKS_DETECTOR = {.edge_sigma = 0.008f,
                                                .sigma_px = 0.4f,
                                                .edge_drift = 0.02f,
                                                .drift_px = 0.85f,
                                                .drift_s = 1.5f,
                                                .gross = 0.05f,
                                                .hidden_drift = 0.3f,
                                                .height_half_px = 10.5f,
                                                .recall = 0.98f,
                                                .occlusion_power = 0.6f,
                                                .false_alarms = 0.045f,
                                                .least_score = 0.3f,
                                                .told_sigma = 0.035f,
                                                .told_drift = 0.09f,
                                                .tells_sigma = true};

struct tracks {
    struct tracks_options o;
    struct scenario *scenario;
    struct random random;
    bool plain;    /* a pinhole without distortion, and then: */
    float axes[9]; /* rows x y z of the vehicle, columns ahead, left, up of the camera */
    int next;      /* whose turn it is */
    uint64_t drives;
    struct seat {
        struct world *w;
        uint64_t drive; /* number of the drive: makes ids unique */
        bool begun;
    } seat[TRACKS_MAX_WORLDS];
};

static enum err new_drive(struct tracks *t, struct seat *s, struct why *why)
{
    world_close(s->w);
    s->w = NULL;
    s->begun = false;
    s->drive = ++t->drives;
    return world_open(t->scenario, random_mix(t->o.seed ^ random_mix(s->drive)), &s->w, why);
}

static void set_axes(struct tracks *t)
{
    const struct camera *c = &t->o.camera;
    const struct ego_car mount = {
        .heading = c->yaw_rad, .pitch = c->pitch_rad, .roll = c->roll_rad}; /* the same order */
    double r[9];

    t->plain = c->model == CAMERA_PINHOLE;
    for (int i = 0; i < CAMERA_DISTORTION; i++)
        t->plain &= c->distortion[i] == 0;
    ego_rotation(&mount, r);
    for (int i = 0; i < 9; i++)
        t->axes[i] = (float)r[i];
}

enum err tracks_open(const struct tracks_options *o, struct tracks **out, struct why *why)
{
    struct tracks *t;
    enum err e;

    *out = NULL;
    if (o->worlds < 1 || o->worlds > TRACKS_MAX_WORLDS)
        return err_say(why, ERR_LIMIT, "tracks: %d worlds, not 1 to %d", o->worlds,
                       TRACKS_MAX_WORLDS);
    if (!(o->dt > 0 && o->dt <= 0.5))
        return err_say(why, ERR_LIMIT, "tracks: %g s between frames, not up to 0.5", o->dt);
    if ((e = camera_check(&o->camera, why)) != OK)
        return e;
    if (!(t = calloc(1, sizeof *t)))
        return err_say(why, ERR_NOMEM, "tracks: no memory");
    t->o = *o;
    if (t->o.drive_s <= 0)
        t->o.drive_s = 60;
    set_axes(t);
    random_seed(&t->random, o->seed, 7);
    if ((e = scenario_open(o->scenario ? o->scenario : "random", &t->scenario, why)) != OK)
        goto fail;
    for (int i = 0; i < o->worlds; i++)
        if ((e = new_drive(t, &t->seat[i], why)) != OK)
            goto fail;
    *out = t;
    return OK;
fail:
    tracks_close(t);
    return e;
}

void tracks_close(struct tracks *t)
{
    if (!t)
        return;
    for (int i = 0; i < TRACKS_MAX_WORLDS; i++)
        world_close(t->seat[i].w);
    scenario_close(t->scenario);
    free(t);
}

static enum object_class class_of(enum actor_kind k)
{
    static const enum object_class of[ACTOR_KINDS] = {
        [ACTOR_CAR] = OBJECT_CAR,
        [ACTOR_VAN] = OBJECT_CAR,
        [ACTOR_TRUCK] = OBJECT_TRUCK,
        [ACTOR_BUS] = OBJECT_BUS,
        [ACTOR_MOTORCYCLE] = OBJECT_MOTORCYCLE,
        [ACTOR_CYCLIST] = OBJECT_CYCLIST,
        [ACTOR_PEDESTRIAN] = OBJECT_PERSON,
    };

    return of[k];
}

/* camera_project() with its lens model left out where there is none: most of the time goes here. */
static bool project(const struct tracks *t, const float p[3], float px[2])
{
    const struct camera *c = &t->o.camera;
    const float *r = t->axes;
    float x = p[0] - c->x_m, y = p[1] - c->y_m, z = p[2] - c->z_m;

    if (!t->plain)
        return camera_project(c, p, px);
    float ahead = r[0] * x + r[3] * y + r[6] * z;
    if (ahead < 0.05f)
        return false;
    px[0] = c->cx - c->fx * (r[1] * x + r[4] * y + r[7] * z) / ahead;
    px[1] = c->cy - c->fy * (r[2] * x + r[5] * y + r[8] * z) / ahead;
    return true;
}

/* The box around the eight corners. False unless all of them can be projected. */
static bool corners(const struct tracks *t, const struct track_object *o, const double middle[3],
                    struct box *b)
{
    float cy = cosf(o->yaw_rad), sy = sinf(o->yaw_rad);

    *b = (struct box){INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (int k = 0; k < 8; k++) {
        float l = (k & 1 ? 0.5f : -0.5f) * o->length_m, n = (k & 2 ? 0.5f : -0.5f) * o->width_m;
        float p[3] = {(float)middle[0] + l * cy - n * sy, (float)middle[1] + l * sy + n * cy,
                      (float)middle[2] + (k & 4 ? o->height_m : 0)};
        float px[2];

        if (p[0] < t->o.camera.x_m + 0.3f || !project(t, p, px))
            return false;
        b->x1 = fminf(b->x1, px[0]);
        b->y1 = fminf(b->y1, px[1]);
        b->x2 = fmaxf(b->x2, px[0]);
        b->y2 = fmaxf(b->y2, px[1]);
    }
    return true;
}

static struct box clipped(const struct box *b, const struct camera *c)
{
    return (struct box){fmaxf(b->x1, 0), fmaxf(b->y1, 0), fminf(b->x2, (float)c->width),
                        fminf(b->y2, (float)c->height)};
}

static float area(const struct box *b)
{
    return b->x2 > b->x1 && b->y2 > b->y1 ? (b->x2 - b->x1) * (b->y2 - b->y1) : 0;
}

/* Bottom centre of the face towards us: of front and rear, left and right, the one whose middle is
 * nearest. */
static void near_face(struct track_object *o, const double middle[3])
{
    float c = cosf(o->yaw_rad), s = sinf(o->yaw_rad), least = INFINITY;
    const float way[4][2] = {{0.5f * o->length_m, 0},
                             {-0.5f * o->length_m, 0},
                             {0, 0.5f * o->width_m},
                             {0, -0.5f * o->width_m}};

    for (int k = 0; k < 4; k++) {
        float x = (float)middle[0] + way[k][0] * c - way[k][1] * s;
        float y = (float)middle[1] + way[k][0] * s + way[k][1] * c;

        if (hypotf(x, y) < least) {
            least = hypotf(x, y);
            o->x_m = x;
            o->y_m = y;
            o->z_m = (float)middle[2];
        }
    }
}

static bool observe(const struct tracks *t, const struct world *w, const struct actor *a,
                    uint64_t drive, struct track_object *o)
{
    const struct ego_car *e = &w->ego;
    double world[3] = {a->x, a->y, a->z}, middle[3], dx = a->x - e->x, dy = a->y - e->y;
    double ch = cos(e->heading), sh = sin(e->heading);
    struct box whole;

    if (dx * dx + dy * dy > farthest * farthest)
        return false;
    ego_from_world(e, world, middle);
    double turn = remainder(a->heading - e->heading, 2 * M_PI);
    double along = a->speed * a->yaw_rate; /* acceleration across its heading */
    *o = (struct track_object){.id = drive << 24 | a->id,
                               .class = class_of(a->kind),
                               .vx_mps = (float)(a->vx * ch + a->vy * sh),
                               .vy_mps = (float)(a->vy * ch - a->vx * sh),
                               .ax_mps2 = (float)(a->acceleration * cos(turn) - along * sin(turn)),
                               .ay_mps2 = (float)(a->acceleration * sin(turn) + along * cos(turn)),
                               .yaw_rad = (float)turn,
                               .length_m = (float)a->length,
                               .width_m = (float)a->width,
                               .height_m = (float)a->height,
                               .ttc_s = NAN};
    if (!corners(t, o, middle, &whole))
        return false;
    o->truth = clipped(&whole, &t->o.camera);
    if (area(&o->truth) <= 0 || o->truth.y2 - o->truth.y1 < least_px)
        return false;
    o->truncation = 1 - area(&o->truth) / area(&whole);
    near_face(o, middle);
    double closing = e->speed - o->vx_mps, gap = o->x_m - (e->length - e->rear_overhang);
    if (closing > 0.1 && gap > 0)
        o->ttc_s = (float)(gap / closing);
    return true;
}

struct ahead {
    double x; /* m along ego's heading */
    int actor;
};

/* Those before ego, nearest first. Straight insertion: lists are short, and qsort() may allocate. */
static int sort_ahead(const struct world *w, struct ahead order[WORLD_MAX_ACTORS])
{
    double c = cos(w->ego.heading), s = sin(w->ego.heading);
    int n = 0;

    for (int i = 0; i < w->n_actors; i++) {
        double x = (w->actor[i].x - w->ego.x) * c + (w->actor[i].y - w->ego.y) * s;
        int k = n;

        if (x < 0 || x > farthest)
            continue;
        for (; k > 0 && order[k - 1].x > x; k--)
            order[k] = order[k - 1];
        order[k] = (struct ahead){x, i};
        n++;
    }
    return n;
}

/* Cells of the 8 x 8 grid over box b that box n covers, as bits. */
static uint64_t covered(const struct box *b, const struct box *n)
{
    float w = (b->x2 - b->x1) / 8, h = (b->y2 - b->y1) / 8;
    uint64_t row = 0, cells = 0;

    if (n->x2 <= b->x1 || n->x1 >= b->x2 || n->y2 <= b->y1 || n->y1 >= b->y2)
        return 0;
    for (int i = 0; i < 8; i++) {
        float x = b->x1 + (i + 0.5f) * w;
        row |= (uint64_t)(x > n->x1 && x < n->x2) << i;
    }
    for (int i = 0; i < 8; i++) {
        float y = b->y1 + (i + 0.5f) * h;
        if (y > n->y1 && y < n->y2)
            cells |= row << 8 * i;
    }
    return cells;
}

static void occlude(struct tracks_frame *f)
{
    for (int i = 0; i < f->n_objects; i++) {
        uint64_t cells = 0;

        for (int k = 0; k < i; k++)
            cells |= covered(&f->object[i].truth, &f->object[k].truth);
        f->object[i].occlusion = (float)__builtin_popcountll(cells) / 64;
    }
}

/* About normal, sigma 1, the same for one object over about span seconds: two hashed values, one
 * fading into the other. */
static float slow(uint64_t id, int what, double t, double span)
{
    double step = floor(t / span), f = t / span - step;
    float v[2];

    for (int k = 0; k < 2; k++) {
        uint64_t h = random_mix(random_mix(id * 16 + (uint64_t)what) + (uint64_t)(step + k));
        v[k] = 0;
        for (int i = 0; i < 4; i++) /* four uniform numbers: variance 1/3 */
            v[k] += (float)(h >> 16 * i & 0xffff) / 65536.0f - 0.5f;
    }
    float a = (float)(1 - f), b = (float)f;
    return (a * v[0] + b * v[1]) * 1.732f / sqrtf(a * a + b * b);
}

static float fast(struct random *r) /* the same shape, new each time */
{
    uint64_t h = random_u64(r);
    float v = 0;

    for (int i = 0; i < 4; i++)
        v += (float)(h >> 16 * i & 0xffff) / 65536.0f - 0.5f;
    return v * 1.732f;
}

static float squash(float x)
{
    return 1 / (1 + expf(-x));
}

enum {
    LUCK,
    EDGE,
    GROSS = EDGE + 4,
    TOLD,
    STAYS = 8
}; /* what is slow; with STAYS: what never changes */

/* Sigma 1: a part that drifts, and one that stays with the object as long as it is seen. */
static float drift(const struct tracks_detector *d, uint64_t id, int what, double time)
{
    return 0.75f * slow(id, what, time, (double)d->drift_s) + 0.66f * slow(id, STAYS + what, 0, 1);
}

/* The box, and how far the detector thinks that it may be off. */
static void err_edges(struct tracks *t, struct track_object *o, double time)
{
    const struct tracks_detector *d = &t->o.detector;
    const struct box *b = &o->truth;
    float *at[4] = {&o->box.x1, &o->box.y1, &o->box.x2, &o->box.y2};
    bool gross = squash(1.702f * slow(o->id, GROSS, time, 0.5)) < d->gross;
    float hidden = d->hidden_drift * o->occlusion;

    o->box = *b;
    for (int i = 0; i < 4; i++) {
        float side = i % 2 ? b->y2 - b->y1 : b->x2 - b->x1;
        float new = hypotf(d->edge_sigma * side, d->sigma_px);
        float old = hypotf(hypotf(d->edge_drift, hidden) * side, d->drift_px);

        *at[i] += (gross ? 3 : 1) *
                  (new *fast(&t->random) + old *slow(o->id, EDGE + i, time, (double)d->drift_s));
        o->sigma_px[i] = d->tells_sigma ? hypotf(new, old) * expf(0.25f * fast(&t->random)) : NAN;
    }
    o->box = clipped(&o->box, &t->o.camera);
}

static void tell_distance(struct tracks *t, struct track_object *o, double time)
{
    const struct tracks_detector *d = &t->o.detector;
    const struct camera *c = &t->o.camera;
    float off = d->told_sigma * fast(&t->random) + d->told_drift * drift(d, o->id, TOLD, time);

    if (!(d->told_sigma > 0))
        return;
    o->told_m = hypotf(o->x_m - c->x_m, o->y_m - c->y_m) * expf(off);
    o->told_sigma = hypotf(d->told_sigma, d->told_drift) * expf(0.2f * fast(&t->random));
}

/* Found where a latent "how plain is it" beats chance; the score follows the same number, and hardly grows
 * once a thing is large. */
static void detect(struct tracks *t, struct track_object *o, double time)
{
    const struct tracks_detector *d = &t->o.detector;
    float plain = 2.6f * log2f((o->truth.y2 - o->truth.y1) / d->height_half_px);
    float seen = squash(plain) * powf(1 - o->occlusion, d->occlusion_power) * d->recall;
    float luck = 0.75f * slow(o->id, LUCK, time, 0.5) + 0.66f * fast(&t->random); /* sigma 1 */
    float chance = squash(1.702f * luck); /* about uniform */

    o->score = squash(fminf(0.4f * plain + 0.25f, 1.4f) - 3 * o->occlusion - 0.8f * luck);
    if (chance > seen || o->score < d->least_score)
        return;
    err_edges(t, o, time);
    tell_distance(t, o, time);
    o->detected = o->box.x2 > o->box.x1 + 1 && o->box.y2 > o->box.y1 + 1;
}

static void false_alarms(struct tracks *t, struct tracks_frame *f)
{
    const struct camera *c = &t->o.camera;
    struct random *r = &t->random;
    float least = t->o.detector.least_score;
    double odds = exp(-(double)t->o.detector.false_alarms), p = random_unit(r);

    for (; p > odds && f->n_objects < TRACKS_MAX_OBJECTS; p *= random_unit(r)) {
        float h = (float)(c->height * 0.03 * exp(random_normal(r, 0.7)));
        float w = h * (float)random_range(r, 0.4, 1.6);
        float x = (float)random_range(r, 0, c->width);
        float y = (float)(c->height * (0.5 + random_normal(r, 0.1)));
        struct box b = {x - w / 2, y - h, x + w / 2, y};
        double low = random_unit(r);

        b = clipped(&b, c);
        if (area(&b) < 16)
            continue;
        f->object[f->n_objects++] =
            (struct track_object){.class = random_chance(r, 0.7) ? OBJECT_CAR : OBJECT_PERSON,
                                  .detected = true,
                                  .box = b,
                                  .score = least + (0.7f - least) * (float)(low * low),
                                  .sigma_px = {NAN, NAN, NAN, NAN},
                                  .x_m = NAN,
                                  .y_m = NAN,
                                  .z_m = NAN,
                                  .ttc_s = NAN};
    }
}

static void look(struct tracks *t, const struct seat *s, struct tracks_frame *f)
{
    const struct world *w = s->w;
    struct ahead order[WORLD_MAX_ACTORS];

    f->t_s = w->t;
    f->speed_mps = (float)w->ego.speed;
    f->acceleration_mps2 = (float)w->ego.acceleration;
    f->yaw_rate_rps = (float)w->ego.yaw_rate;
    f->n_objects = 0;
    int n = sort_ahead(w, order);
    for (int i = 0; i < n && f->n_objects < TRACKS_MAX_OBJECTS; i++)
        f->n_objects +=
            observe(t, w, &w->actor[order[i].actor], s->drive, &f->object[f->n_objects]);
    occlude(f);
    for (int i = 0; i < f->n_objects; i++)
        detect(t, &f->object[i], w->t);
    false_alarms(t, f);
}

enum err tracks_next(struct tracks *t, struct tracks_frame *out, struct why *why)
{
    struct seat *s = &t->seat[t->next];
    enum err e;

    if ((!s->w || s->w->t >= t->o.drive_s) && (e = new_drive(t, s, why)) != OK)
        return e;
    out->world = t->next;
    out->first = !s->begun;
    if (s->begun)
        world_advance(s->w, t->o.dt, longest_step);
    s->begun = true;
    look(t, s, out);
    t->next = (t->next + 1) % t->o.worlds;
    return OK;
}
