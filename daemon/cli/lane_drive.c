#include "daemon/cli/lane_drive.h"

#include <math.h>
#include <stdlib.h>

#include "sim/world/random.h"

enum err lane_drive_open(struct lane_drive **out, struct why *why)
{
    struct lane_drive *d = calloc(1, sizeof *d);

    *out = d;
    if (d && (d->frame = calloc(LANE_DRIVE_FRAMES, sizeof *d->frame)))
        return OK;
    lane_drive_close(d);
    *out = NULL;
    return err_say(why, ERR_NOMEM, "no memory for a drive");
}

void lane_drive_close(struct lane_drive *d)
{
    if (d)
        free(d->frame);
    free(d);
}

/* ---- plans --------------------------------------------------------------------------------- */
void lane_drive_plain(uint64_t seed, struct lane_drive_plan *out)
{
    *out = (struct lane_drive_plan){.seed = seed,
                                    .dt_s = 0.1,
                                    .frames = 300,
                                    .camera = {.width = 640,
                                               .height = 384,
                                               .model = CAMERA_PINHOLE,
                                               .fx = 544,
                                               .fy = 544,
                                               .cx = 320,
                                               .cy = 192,
                                               .x_m = 1.6f,
                                               .z_m = 1.4f},
                                    .sights = 1};
    out->sight[0] = (struct lane_sight_plan){LANE_DETECTOR, out->camera, true, true};
}

static void vary_camera(struct random *r, struct camera *c)
{
    c->fx = c->fy = (float)(c->width * random_range(r, 0.65, 1.2));
    c->cx = (float)(c->width * random_range(r, 0.46, 0.54));
    c->cy = (float)(c->height * random_range(r, 0.42, 0.55));
    c->x_m = (float)random_range(r, 0.5, 2);
    c->z_m = (float)random_range(r, 1.1, 2);
    c->pitch_rad = (float)random_normal(r, 0.02);
    c->yaw_rad = (float)random_normal(r, 0.01);
}

static float about(struct random *r, float v, double spread)
{
    return v * (float)exp(random_normal(r, spread));
}

static void vary_detector(struct random *r, struct lane_detector *d)
{
    d->drift_px = about(r, d->drift_px, 0.4);
    d->drift_s = about(r, d->drift_s, 0.5);
    d->white_px = about(r, d->white_px, 0.4);
    d->slip_px = about(r, d->slip_px, 0.3);
    d->slip_share = about(r, d->slip_share, 0.5);
    d->gap_per_s = about(r, d->gap_per_s, 0.5);
    d->gap_s = about(r, d->gap_s, 0.4);
    d->blind_per_s = about(r, d->blind_per_s, 0.5);
    d->blind_s = about(r, d->blind_s, 0.4);
    d->clutter = (float)random_exponential(r, (double)d->clutter);
    d->nod_rad = about(r, d->nod_rad, 0.6);
    d->nod_s = about(r, d->nod_s, 0.4);
}

static void vary_sight(struct random *r, const struct camera *c, struct lane_sight_plan *s)
{
    *s = (struct lane_sight_plan){LANE_DETECTOR, *c, false, false};
    vary_detector(r, &s->detector);
    s->believed.pitch_rad += (float)random_normal(r, 0.7 * (double)camera_sigma_pitch(c));
    s->believed.yaw_rad += (float)random_normal(r, 0.003);
    s->believed.z_m += (float)random_normal(r, (double)camera_sigma_z(c));
    s->speed_known = random_chance(r, 0.7);
    s->yaw_rate_known = s->speed_known && random_chance(r, 0.7);
}

void lane_drive_vary(uint64_t seed, int sights, struct lane_drive_plan *out)
{
    struct random r;

    lane_drive_plain(seed, out);
    random_seed(&r, seed, 32);
    out->dt_s = random_chance(&r, 0.5) ? 0.1 : 1 / random_range(&r, 5, 30);
    out->frames = (int)fmin(LANE_DRIVE_FRAMES, random_range(&r, 20, 40) / out->dt_s);
    if (random_chance(&r, 0.4))
        out->scenario = random_chance(&r, 0.5) ? "lane_change" : "curve";
    out->wander = random_chance(&r, 0.75);
    if (random_chance(&r, 0.8))
        vary_camera(&r, &out->camera);
    out->sights = sights;
    for (int i = 0; i < sights; i++)
        vary_sight(&r, &out->camera, &out->sight[i]);
}

/* ---- driving ------------------------------------------------------------------------------- */
enum err lane_drive_run(struct lane_drive *d, const struct lane_drive_plan *p, struct why *why)
{
    struct lane_tracks_options o = {.dt = p->dt_s,
                                    .seed = p->seed,
                                    .scenario = p->scenario,
                                    .camera = p->camera,
                                    .wander = p->wander,
                                    .sights = p->sights};
    struct lane_tracks *t;
    enum err e;

    for (int i = 0; i < p->sights; i++)
        o.detector[i] = p->sight[i].detector;
    e = lane_tracks_open(&o, &t, why);
    d->plan = *p;
    for (d->n_frames = 0; e == OK && d->n_frames < p->frames; d->n_frames++)
        lane_tracks_next(t, &d->frame[d->n_frames]);
    lane_tracks_close(t);
    return e;
}

int64_t lane_drive_time(const struct lane_drive *d, int frame)
{
    return (int64_t)(frame * d->plan.dt_s * 1e9);
}

void lane_drive_step(const struct lane_drive *d, int sight, int frame, struct lanes *l)
{
    const struct lane_tracks_frame *f = &d->frame[frame];
    const struct lane_sight_plan *p = &d->plan.sight[sight];

    lanes_step(l, f->sight[sight].curve, f->sight[sight].n_curves, &p->believed, p->believed.width,
               p->speed_known ? f->speed_mps : NAN, p->yaw_rate_known ? f->yaw_rate_rps : NAN,
               lane_drive_time(d, frame));
}

/* ---- who is who ---------------------------------------------------------------------------- */
void lane_followed_step(struct lane_followed *f, const struct lanes *l,
                        const struct lane_sight *sight)
{
    const struct lane_track *t = lanes_tracks(l);

    for (int i = 0; i < LANE_TRACKS; i++) {
        if (f->slot[i].track != t[i].id)
            f->slot[i].line = 0;
        f->slot[i].track = t[i].id;
        if (t[i].id && t[i].owner >= 0 && sight->shows[t[i].owner])
            f->slot[i].line = sight->shows[t[i].owner];
    }
}

const struct lane_truth *lane_truth_find(const struct lane_tracks_frame *f, uint64_t id)
{
    for (int i = 0; id && i < f->n_lines; i++)
        if (f->line[i].id == id)
            return &f->line[i];
    return NULL;
}
