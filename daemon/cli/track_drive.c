#include "daemon/cli/track_drive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/random.h"

static const uint64_t CLUTTER = (uint64_t)1 << 63; /* ids of false alarms that last */

enum err track_drive_open(struct track_drive **out, struct why *why)
{
    struct track_drive *d = calloc(1, sizeof *d);

    *out = d;
    if (d && (d->frame = calloc(TRACK_DRIVE_FRAMES, sizeof *d->frame)))
        return OK;
    track_drive_close(d);
    *out = NULL;
    return err_say(why, ERR_NOMEM, "no memory for a drive");
}

void track_drive_close(struct track_drive *d)
{
    if (d)
        free(d->frame);
    free(d);
}

/* ---- plans --------------------------------------------------------------------------------- */
void track_drive_plain(uint64_t seed, struct track_drive_plan *out)
{
    *out = (struct track_drive_plan){.seed = seed,
                                     .dt_s = 0.1,
                                     .frames = 300,
                                     .camera = TRACKS_CAMERA,
                                     .detector = TRACKS_DETECTOR,
                                     .ego_known = true,
                                     .clutter = 0.09f};
    out->believed = out->camera;
}

static void vary_camera(struct random *r, struct camera *c)
{
    c->width = 32 * (int)random_range(r, 13, 42);
    c->height = (int)((double)c->width * random_range(r, 0.3, 0.65));
    c->fx = c->fy = (float)(c->width * random_range(r, 0.5, 1.1));
    c->cx = (float)(c->width * random_range(r, 0.45, 0.55));
    c->cy = (float)(c->height * random_range(r, 0.4, 0.55));
    c->x_m = (float)random_range(r, 0.5, 2);
    c->z_m = (float)random_range(r, 1.1, 2.2);
    c->pitch_rad = (float)random_normal(r, 0.02);
}

/* From as good as ours to several times worse; half of them say no more than boxes and scores. */
static void vary_detector(struct random *r, float height, struct tracks_detector *d)
{
    d->edge_sigma *= (float)exp(random_range(r, -0.3, 1.6));
    d->sigma_px *= (float)exp(random_range(r, -0.3, 0.8));
    d->edge_drift *= (float)exp(random_range(r, -0.3, 1));
    d->drift_px *= (float)exp(random_range(r, -0.8, 0.3));
    d->drift_s = (float)exp(random_range(r, -0.7, 0.7));
    d->gross = (float)random_range(r, 0, 0.1);
    d->hidden_drift = (float)random_range(r, 0, 0.3);
    d->height_half_px = (float)random_range(r, 0.025, 0.06) * height;
    d->recall = (float)random_range(r, 0.88, 0.99);
    d->occlusion_power = (float)random_range(r, 0.5, 2);
    d->false_alarms = (float)random_exponential(r, 0.3);
    d->least_score = (float)random_range(r, 0.1, 0.3);
    d->tells_sigma = random_chance(r, 0.5);
    if (random_chance(r, 0.5))
        d->told_sigma = d->told_drift = 0;
}

void track_drive_vary(uint64_t seed, struct track_drive_plan *out)
{
    struct random r;

    track_drive_plain(seed, out);
    random_seed(&r, seed, 22);
    out->dt_s = random_chance(&r, 0.5) ? 0.1 : 1 / random_range(&r, 5, 30);
    out->frames = (int)fmin(TRACK_DRIVE_FRAMES, random_range(&r, 20, 40) / out->dt_s);
    if (random_chance(&r, 0.8))
        vary_camera(&r, &out->camera);
    vary_detector(&r, (float)out->camera.height, &out->detector);
    out->believed = out->camera;
    out->believed.pitch_rad +=
        (float)random_normal(&r, 0.7 * (double)camera_sigma_pitch(&out->camera));
    out->believed.z_m += (float)random_normal(&r, (double)camera_sigma_z(&out->camera));
    out->ego_known = random_chance(&r, 0.5);
    out->clutter = (float)random_exponential(&r, 0.5);
    if (random_chance(&r, 0.2)) /* not calibrated */
        out->believed.fx = 0;
}

/* ---- clutter ------------------------------------------------------------------------------- */
struct clutter { /* something that looks like a road user to this detector for a while */
    uint64_t id;
    double left_s;
    float x, y, w, h, vx, vy, growth, score, seen;
    enum object_class class;
};
enum { MAX_CLUTTER = 8 };

static void clutter_begin(struct random *r, const struct camera *c, uint64_t id, struct clutter *k)
{
    k->id = CLUTTER | id;
    k->left_s = random_exponential(r, 0.5);
    k->h = (float)(c->height * 0.05 * exp(random_normal(r, 0.7)));
    k->w = k->h * (float)random_range(r, 0.4, 1.8);
    k->x = (float)random_range(r, 0, c->width);
    k->y = (float)(c->height * (0.5 + random_normal(r, 0.1)));
    k->growth = (float)fabs(random_normal(r, 0.4));
    k->vx = k->growth * (k->x - 0.5f * (float)c->width) + (float)random_normal(r, 20);
    k->vy = k->growth * (k->y - 0.5f * (float)c->height) + (float)random_normal(r, 5);
    k->score = (float)random_range(r, 0.1, 0.75);
    k->seen = (float)random_range(r, 0.4, 1);
    k->class = random_chance(r, 0.7) ? OBJECT_CAR : OBJECT_PERSON;
}

static void clutter_show(struct random *r, const struct camera *c, const struct clutter *k,
                         struct tracks_frame *f)
{
    float n[4], W = (float)c->width, H = (float)c->height;

    for (int i = 0; i < 4; i++)
        n[i] = (float)random_normal(r, 0.04) * (i % 2 ? k->h : k->w);
    struct box b = {fmaxf(k->x - k->w / 2 + n[0], 0), fmaxf(k->y - k->h + n[1], 0),
                    fminf(k->x + k->w / 2 + n[2], W), fminf(k->y + n[3], H)};
    if (f->n_objects == TRACKS_MAX_OBJECTS || b.x2 - b.x1 < 4 || b.y2 - b.y1 < 4 ||
        !random_chance(r, (double)k->seen))
        return;
    f->object[f->n_objects++] = (struct track_object){
        .id = k->id,
        .class = k->class,
        .detected = true,
        .box = b,
        .sigma_px = {NAN, NAN, NAN, NAN},
        .score = fminf(fmaxf(k->score + (float)random_normal(r, 0.1), 0.1f), 0.95f)};
}

static void add_clutter(const struct track_drive_plan *p, struct track_drive *d)
{
    struct clutter clutter[MAX_CLUTTER] = {{0}};
    struct random r;
    uint64_t id = 0;

    random_seed(&r, p->seed, 23);
    for (int i = 0; i < d->n_frames; i++)
        for (int k = 0; k < MAX_CLUTTER; k++) {
            struct clutter *c = &clutter[k];
            float dt = (float)p->dt_s;

            if (c->left_s <= 0 && random_chance(&r, (double)p->clutter * p->dt_s / MAX_CLUTTER))
                clutter_begin(&r, &p->camera, ++id, c);
            if (c->left_s <= 0)
                continue;
            clutter_show(&r, &p->camera, c, &d->frame[i]);
            c->left_s -= p->dt_s;
            c->x += dt * c->vx;
            c->y += dt * c->vy;
            c->w *= 1 + dt * c->growth;
            c->h *= 1 + dt * c->growth;
        }
}

/* ---- driving ------------------------------------------------------------------------------- */
enum err track_drive_run(struct track_drive *d, const struct track_drive_plan *p, struct why *why)
{
    const struct tracks_options o = {.worlds = 1,
                                     .dt = p->dt_s,
                                     .drive_s = 3600,
                                     .seed = p->seed,
                                     .scenario = p->scenario,
                                     .camera = p->camera,
                                     .detector = p->detector};
    struct tracks *t;
    enum err e = tracks_open(&o, &t, why);

    d->camera = p->camera;
    d->believed = p->believed;
    d->dt_s = p->dt_s;
    d->ego_known = p->ego_known;
    for (d->n_frames = 0; e == OK && d->n_frames < p->frames; d->n_frames++)
        e = tracks_next(t, &d->frame[d->n_frames], why);
    tracks_close(t);
    if (e == OK)
        add_clutter(p, d);
    return e;
}

/* ---- what is seen and what is true --------------------------------------------------------- */
const struct track_object *track_drive_find(const struct track_drive *d, int frame, uint64_t id)
{
    if (frame >= 0 && frame < d->n_frames && id && !(id & CLUTTER))
        for (int i = 0; i < d->frame[frame].n_objects; i++)
            if (d->frame[frame].object[i].id == id)
                return &d->frame[frame].object[i];
    return NULL;
}

int track_drive_detections(const struct track_drive *d, int frame,
                           struct detection out[TRACKER_MAX_DETECTIONS],
                           uint64_t shows[TRACKER_MAX_DETECTIONS])
{
    const struct tracks_frame *f = &d->frame[frame];
    int n = 0;

    for (int i = 0; i < f->n_objects; i++) {
        const struct track_object *o = &f->object[i];
        int at;

        if (!o->detected || n == TRACKER_MAX_DETECTIONS)
            continue;
        for (at = n++; at > 0 && out[at - 1].score < o->score; at--) {
            out[at] = out[at - 1];
            shows[at] = shows[at - 1];
        }
        out[at] = (struct detection){
            .box_px = o->box,
            .sigma_px = {o->sigma_px[0], o->sigma_px[1], o->sigma_px[2], o->sigma_px[3]},
            .score = o->score,
            .class = o->class,
            .distance_per_px = o->told_m / d->camera.fx,
            .distance_sigma = o->told_sigma};
        shows[at] = o->id;
    }
    return n;
}

struct ego_motion track_drive_ego(const struct track_drive *d, int frame)
{
    if (!d->ego_known)
        return (struct ego_motion){NAN, NAN};
    return (struct ego_motion){d->frame[frame].speed_mps, d->frame[frame].yaw_rate_rps};
}

static void relative_velocity(const struct tracks_frame *f, const struct track_object *o,
                              float v[2])
{
    v[0] = o->vx_mps - f->speed_mps + f->yaw_rate_rps * o->y_m;
    v[1] = o->vy_mps - f->yaw_rate_rps * o->x_m;
}

bool track_drive_motion(const struct track_drive *d, int frame, const struct track_object *o,
                        struct relative_motion *out)
{
    const struct track_object *before = track_drive_find(d, frame - 1, o->id);
    const struct track_object *after = track_drive_find(d, frame + 1, o->id);
    float v[2], v0[2], v1[2];

    if (!before || !after)
        return false;
    relative_velocity(&d->frame[frame], o, v);
    relative_velocity(&d->frame[frame - 1], before, v0);
    relative_velocity(&d->frame[frame + 1], after, v1);
    *out = (struct relative_motion){.s = {o->x_m, o->y_m, v[0], v[1]}};
    for (int i = 0; i < 2; i++)
        out->s[4 + i] = (v1[i] - v0[i]) / (2 * (float)d->dt_s);
    float x = o->x_m - d->camera.x_m, y = o->y_m - d->camera.y_m;
    out->closing_1ps = -(x * v[0] + y * v[1]) / fmaxf(x * x + y * y, 1);
    return true;
}

bool track_drive_later(const struct track_drive *d, int frame, uint64_t id, double s, float at[2])
{
    double steps = s / d->dt_s, whole = floor(steps + 1e-6);
    const struct track_object *a = track_drive_find(d, frame + (int)whole, id);
    const struct track_object *b = track_drive_find(d, frame + (int)whole + 1, id);
    float f = (float)(steps - whole);

    if (!a || !b)
        return false;
    at[0] = a->x_m + f * (b->x_m - a->x_m);
    at[1] = a->y_m + f * (b->y_m - a->y_m);
    return true;
}
