#include "sim/lane_tracks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/truth.h"
#include "sim/world/random.h"
#include "sim/world/scenario.h"
#include "sim/world/traffic.h"

enum { MAX_HABITS = 24, MAX_CLUTTER = 6, ROW_PX = 8, MODES = 3 };
static const double LONGEST_STEP_S = 0.1; /* of the world: coarser than for pictures */
static const float LEAST_SCORE = 0.35f, USUAL_ROWS = 48;

const struct lane_detector LANE_DETECTOR = {.drift_px = 1.5f,
                                            .drift_s = 3,
                                            .white_px = 1.0f,
                                            .slip_px = 9,
                                            .slip_share = 0.08f,
                                            .slip_s = 0.3f,
                                            .spread = 0.45f,
                                            .outer = 1.7f,
                                            .recall = 0.97f,
                                            .outer_recall = 0.72f,
                                            .missing_s = 0.25f,
                                            .gap_per_s = 0.04f,
                                            .gap_s = 0.8f,
                                            .blind_per_s = 0.02f,
                                            .blind_s = 0.6f,
                                            .clutter = 0.2f,
                                            .clutter_s = 0.3f,
                                            .nod_rad = 0.002f,
                                            .nod_s = 0.3f};

struct wave { /* of unit size each: along a line, and in time slow or new */
    float slow[MODES];
};

struct habit {   /* how this network sees that line */
    uint64_t id; /* 0: free */
    double last_s;
    float scale; /* of its errors */
    struct wave wave;
    float slip; /* of the near end, in slip_px; 0: none */
    double slip_ends_s, missing_ends_s, gap_ends_s;
};

struct clutter {
    double ends_s; /* before: it is there */
    float y_m, slope, x0_m, x1_m, score;
};

struct seer { /* one network that looks */
    struct lane_detector d;
    struct random random;
    double now_s, dt_s;
    struct habit habit[MAX_HABITS];
    struct wave common;
    double blind_ends_s;
    float nod; /* in nod_rad */
    struct clutter clutter[MAX_CLUTTER];
};

struct wander { /* from one place across the road to another; left > 0 of where the driver keeps */
    struct random random;
    double from_m, to_m, length_s, progress; /* progress 1: it stays there */
    double at_m, angle_rad, yaw_rate_rps;
};

struct lane_tracks {
    struct lane_tracks_options o;
    struct scenario *scenario;
    struct world *world;
    struct truth_maker *maker;
    struct truth truth;
    bool begun;
    struct wander wander;
    uint64_t last_id;
    struct { /* of the frame before: to know lines again */
        int n;
        uint64_t named[SCENE_MAX_LANES]; /* by the world */
        struct lane_truth line[SCENE_MAX_LANES];
        float speed_mps, yaw_rate_rps;
    } before;
    struct seer seer[LANE_SIGHTS];
};

static void seer_init(struct seer *s, const struct lane_tracks_options *o, int i)
{
    *s = (struct seer){.d = o->detector[i], .dt_s = o->dt};
    random_seed(&s->random, o->seed, 40 + (uint64_t)i);
    for (int k = 0; k < MODES; k++)
        s->common.slow[k] = (float)random_normal(&s->random, 1);
}

enum err lane_tracks_open(const struct lane_tracks_options *o, struct lane_tracks **out,
                          struct why *why)
{
    struct lane_tracks *t;
    enum err e;

    *out = NULL;
    if (!(o->dt > 0 && o->dt <= 0.5))
        return err_say(why, ERR_LIMIT, "lane tracks: %g s between frames, not up to 0.5", o->dt);
    if (o->sights < 1 || o->sights > LANE_SIGHTS)
        return err_say(why, ERR_LIMIT, "lane tracks: %d sights, not 1 to %d", o->sights,
                       LANE_SIGHTS);
    if ((e = camera_check(&o->camera, why)) != OK)
        return e;
    if (!(t = calloc(1, sizeof *t)))
        return err_say(why, ERR_NOMEM, "lane tracks: no memory");
    t->o = *o;
    t->wander.progress = 1;
    random_seed(&t->wander.random, o->seed, 31);
    for (int i = 0; i < o->sights; i++)
        seer_init(&t->seer[i], o, i);
    if ((e = scenario_open(o->scenario ? o->scenario : "random", &t->scenario, why)) != OK ||
        (e = world_open(t->scenario, random_mix(o->seed), &t->world, why)) != OK)
        goto fail;
    if ((e = truth_open(&o->camera, &t->maker)) != OK) {
        err_say(why, e, "lane tracks: no memory");
        goto fail;
    }
    *out = t;
    return OK;
fail:
    lane_tracks_close(t);
    return e;
}

void lane_tracks_close(struct lane_tracks *t)
{
    if (!t)
        return;
    truth_close(t->maker);
    world_close(t->world);
    scenario_close(t->scenario);
    free(t);
}

/* ---- what is true -------------------------------------------------------------------------- */
float lane_truth_y(const struct lane_truth *l, float x_m)
{
    for (int i = 1; i < SCENE_STATIONS; i++) {
        float a = SCENE_STATION_M[i - 1], b = SCENE_STATION_M[i];

        if (x_m >= a && x_m <= b)
            return l->y_m[i - 1] + (x_m - a) / (b - a) * (l->y_m[i] - l->y_m[i - 1]);
    }
    return NAN;
}

/* How far the line lies from where one of the frame before would lie now; INFINITY: not comparable. */
static float moved_apart(const struct lane_tracks *t, const struct lane_truth *before,
                         const struct lane_truth *now)
{
    float way = t->before.speed_mps * (float)t->o.dt,
          turn = t->before.yaw_rate_rps * (float)t->o.dt;
    float sum = 0;
    int n = 0;

    for (float x = 0; x <= 40; x += 5) {
        float d = lane_truth_y(now, x) - (lane_truth_y(before, x + way) - (x + 0.5f * way) * turn);

        if (isnan(d))
            continue;
        sum += fabsf(d);
        n++;
    }
    return n >= 2 ? sum / (float)n : INFINITY;
}

/* The world names paint; we name what is followed: the line goes on where its paint changes. */
static uint64_t know_again(struct lane_tracks *t, bool *taken, uint64_t named,
                           const struct lane_truth *l)
{
    float best = 0.6f;
    int at = -1;

    for (int i = 0; i < t->before.n; i++) {
        const struct lane_truth *b = &t->before.line[i];
        float apart = taken[i] || b->kind != l->kind ? INFINITY : moved_apart(t, b, l);

        if (t->before.named[i] == named && apart < 1.5f)
            apart = 0;
        if (apart < best) {
            best = apart;
            at = i;
        }
    }
    if (at < 0)
        return ++t->last_id;
    taken[at] = true;
    return t->before.line[at].id;
}

static void tell_truth(struct lane_tracks *t, struct lane_tracks_frame *f)
{
    const struct scene *s = &t->truth.scene;
    bool taken[SCENE_MAX_LANES] = {false};

    f->t_s = t->world->t;
    f->speed_mps = t->truth.ego.speed_mps;
    f->yaw_rate_rps = t->truth.ego.yaw_rate_radps + (float)t->wander.yaw_rate_rps;
    f->ego = s->ego_lane;
    f->n_lines = s->n_lanes;
    for (int i = 0; i < s->n_lanes; i++) {
        struct lane_truth *l = &f->line[i];

        l->kind = s->lane[i].kind;
        l->role = s->lane[i].role;
        for (int k = 0; k < SCENE_STATIONS; k++)
            l->y_m[k] = s->lane[i].station[k].y_m;
        l->id = know_again(t, taken, s->lane[i].id, l);
    }
    t->before.n = f->n_lines;
    t->before.speed_mps = f->speed_mps;
    t->before.yaw_rate_rps = f->yaw_rate_rps;
    memcpy(t->before.line, f->line, sizeof f->line);
    for (int i = 0; i < s->n_lanes; i++)
        t->before.named[i] = s->lane[i].id;
}

/* ---- habits -------------------------------------------------------------------------------- */
static void go_on(struct seer *s, float *x, float over_s)
{
    float keep = expf(-(float)s->dt_s / over_s);

    *x = *x * keep + sqrtf(1 - keep * keep) * (float)random_normal(&s->random, 1);
}

static struct habit *habit_of(struct seer *s, const struct lane_truth *l)
{
    const struct lane_detector *d = &s->d;
    struct habit *h = &s->habit[0];

    for (int i = 0; i < MAX_HABITS; i++) {
        if (s->habit[i].id == l->id)
            return &s->habit[i];
        if (s->habit[i].last_s < h->last_s)
            h = &s->habit[i]; /* the one that was not seen for longest */
    }
    *h = (struct habit){.id = l->id, .scale = (float)exp(random_normal(&s->random, d->spread))};
    for (int i = 0; i < MODES; i++)
        h->wave.slow[i] = (float)random_normal(&s->random, 1);
    return h;
}

/* Begins with that chance a second, and ends after a time of that mean. */
static void maybe_begin(struct seer *s, double per_s, double mean_s, double *ends_s)
{
    if (*ends_s <= s->now_s && random_chance(&s->random, per_s * s->dt_s))
        *ends_s = s->now_s + random_exponential(&s->random, mean_s);
}

static void habit_go_on(struct seer *s, struct habit *h, bool ours)
{
    const struct lane_detector *d = &s->d;
    float recall = ours ? d->recall : d->outer_recall;

    h->last_s = s->now_s;
    for (int i = 0; i < MODES; i++)
        go_on(s, &h->wave.slow[i], d->drift_s);
    maybe_begin(s, (double)((1 - recall) / d->missing_s), d->missing_s, &h->missing_ends_s);
    maybe_begin(s, d->gap_per_s, d->gap_s, &h->gap_ends_s);
    if (h->slip_ends_s <= s->now_s)
        h->slip = 0;
    maybe_begin(s, (double)(d->slip_share / d->slip_s), d->slip_s, &h->slip_ends_s);
    if (h->slip_ends_s > s->now_s && h->slip == 0)
        h->slip = (float)random_normal(&s->random, 1);
}

/* ---- curves -------------------------------------------------------------------------------- */
struct view { /* of this frame */
    const struct camera *camera;
    const struct scene *truth;
    float horizon, turn; /* row; by how much the camera looks farther up */
};

/* A pixel of the camera, as it lies while the body nods. */
static void nodded(const struct view *v, const float px[2], float out[2])
{
    const struct camera *c = v->camera;
    float angle = atanf((px[1] - c->cy) / c->fy), moved = angle + v->turn;

    out[0] = c->cx + (px[0] - c->cx) * cosf(angle) / cosf(moved);
    out[1] = c->cy + c->fy * tanf(moved);
}

/* x of the polyline, from the bottom upwards, at a row; NAN: it is not there. */
static float trace_x(const float (*px)[2], int n, float y)
{
    for (int i = 1; i < n; i++)
        if (y <= px[i - 1][1] && y >= px[i][1] && px[i - 1][1] > px[i][1])
            return px[i - 1][0] +
                   (px[i][0] - px[i - 1][0]) * (px[i - 1][1] - y) / (px[i - 1][1] - px[i][1]);
    return NAN;
}

/* Behind something that stands on the road nearer than it. */
static bool hidden(const struct view *v, float x, float y)
{
    const struct scene *s = v->truth;
    float depth = v->camera->fy * v->camera->z_m / fmaxf(y - v->horizon, 1);

    for (int i = 0; i < s->n_objects; i++) {
        const struct box *b = &s->object[i].box_px;

        if (x > b->x1 && x < b->x2 && y > b->y1 && y < b->y2 && depth > s->object[i].x_m)
            return true;
    }
    return false;
}

struct error {          /* of a line in this frame */
    float size, stated; /* stated: how large the network takes it to be */
    float mode[MODES];
    float slip;
};

/* Smooth along the line: a quadratic of the logarithm of rows below the horizon. */
static float error_at(const struct error *e, float rows)
{
    float v = logf(rows / USUAL_ROWS) / 1.4f, near = fmaxf(v, 0);

    return e->size * sqrtf(USUAL_ROWS / fmaxf(rows, 4)) *
               (e->mode[0] + 0.7f * v * e->mode[1] + 0.5f * (v * v - 0.5f) * e->mode[2]) +
           e->slip * near * near;
}

static float stated_sigma(const struct error *e, float rows)
{
    float v = logf(fmaxf(rows, 4) / USUAL_ROWS) / 1.4f, near = fmaxf(v, 0);

    return e->stated * (1.5f * sqrtf(USUAL_ROWS / fmaxf(rows, 4)) + 1.5f * near * near) +
           0.3f * fabsf(e->slip) * near;
}

static struct error error_of(struct seer *s, const struct view *v, const struct habit *h,
                             float worse)
{
    const struct lane_detector *d = &s->d;
    float px = (float)v->camera->width / 640;
    struct error e = {.size = h->scale * worse * px};

    e.stated = e.size * (float)exp(random_normal(&s->random, 0.2));
    e.slip = h->slip * d->slip_px * e.size;
    for (int i = 0; i < MODES; i++)
        e.mode[i] = d->drift_px * (0.6f * s->common.slow[i] + 0.8f * h->wave.slow[i]) +
                    d->white_px * (float)random_normal(&s->random, 1);
    return e;
}

/* One point a row of the network's. */
static void draw(struct seer *s, const struct view *v, const float (*px)[2], int n,
                 const struct error *e, struct lane_curve *out)
{
    const struct camera *c = v->camera;
    float step = ROW_PX * (float)c->height / 384,
          top = 4 + 8 * (float)random_exponential(&s->random, 0.4);

    for (int row = c->height / (int)step; row >= 0 && out->n < HEAD_MAX_CURVE_POINTS; row--) {
        float y = ((float)row + 0.5f) * step, rows = (y - v->horizon) * 384 / (float)c->height;
        float x = y < (float)c->height && rows >= top ? trace_x(px, n, y) : NAN;

        if (isnan(x))
            continue;
        bool behind = hidden(v, x, y);
        x += error_at(e, rows);
        if (!(x >= 0 && x <= (float)c->width))
            continue;
        float seen =
            0.92f - 0.15f * (float)random_exponential(&s->random, 1) - (rows < 12 ? 0.25f : 0);
        out->point[out->n].x = x;
        out->point[out->n].y = y;
        out->point[out->n].sigma_x = stated_sigma(e, rows);
        out->point[out->n].seen = behind ? 0.1f : fmaxf(seen, 0.05f);
        out->n++;
    }
}

/* Networks tell of the two lines to each side and of the nearest edge there. */
static bool is_looked_for(const struct lane_tracks_frame *f, int i)
{
    const struct lane_truth *l = &f->line[i];
    float y = lane_truth_y(l, 10);

    if (l->kind == LANE_LINE || l->role)
        return l->role != 0;
    for (int k = 0; k < f->n_lines; k++) {
        float other = lane_truth_y(&f->line[k], 10);

        if (k != i && f->line[k].kind == LANE_ROAD_EDGE && other * y > 0 && fabsf(other) < fabsf(y))
            return false;
    }
    return true;
}

static void see_line(struct seer *s, const struct view *v, const struct lane_tracks_frame *f, int i,
                     struct lane_sight *out)
{
    const struct lane_boundary *b = &v->truth->lane[i];
    const struct lane_truth *l = &f->line[i];
    bool ours = l->role == 1 || l->role == -1;
    struct habit *h = habit_of(s, l);
    float px[SCENE_MAX_LANE_PIXELS][2];

    habit_go_on(s, h, ours);
    const struct error e = error_of(s, v, h, ours ? 1 : s->d.outer);
    if (h->missing_ends_s > s->now_s || h->gap_ends_s > s->now_s || s->blind_ends_s > s->now_s ||
        out->n_curves == HEAD_MAX_CURVES)
        return;
    for (int k = 0; k < b->n_pixels; k++)
        nodded(v, (const float[2]){b->pixel[k].x, b->pixel[k].y}, px[k]);
    struct lane_curve *c = &out->curve[out->n_curves];
    *c = (struct lane_curve){.kind = l->kind,
                             .role = l->role,
                             .score = fminf(0.97f, (ours ? 0.9f : 0.72f) - 0.1f * (h->scale - 1) +
                                                       (float)random_normal(&s->random, 0.06))};
    draw(s, v, (const float(*)[2])px, b->n_pixels, &e, c);
    if (c->n < 3 || c->score < LEAST_SCORE)
        return;
    out->shows[out->n_curves++] = l->id;
}

/* ---- clutter ------------------------------------------------------------------------------- */
static void clutter_begin(struct seer *s, struct clutter *k)
{
    struct random *r = &s->random;

    k->ends_s = s->now_s + random_exponential(r, s->d.clutter_s);
    k->y_m = (float)random_range(r, -8, 8);
    k->slope = (float)random_normal(r, 0.06);
    k->x0_m = (float)random_range(r, 5, 15);
    k->x1_m = k->x0_m + (float)random_range(r, 8, 40);
    k->score = (float)random_range(r, LEAST_SCORE, 0.7);
}

static void see_clutter(struct seer *s, const struct view *v, struct lane_sight *out)
{
    const struct lane_detector *d = &s->d;

    for (int i = 0; i < MAX_CLUTTER; i++) {
        struct clutter *k = &s->clutter[i];
        float px[16][2];
        int n = 0;

        if (k->ends_s <= s->now_s) {
            if (!random_chance(&s->random,
                               fmin(1, s->dt_s / d->clutter_s) * d->clutter / MAX_CLUTTER))
                continue;
            clutter_begin(s, k);
        }
        for (int p = 0; p < 16; p++) {
            float x = k->x0_m + (k->x1_m - k->x0_m) * (float)p / 15;
            const float at[3] = {x, k->y_m + k->slope * x, 0};

            n += camera_project(v->camera, at, px[n]);
        }
        if (out->n_curves == HEAD_MAX_CURVES)
            return;
        struct lane_curve *c = &out->curve[out->n_curves];
        *c = (struct lane_curve){.kind = LANE_LINE, .score = k->score};
        draw(s, v, (const float(*)[2])px, n, &(struct error){.size = 2, .stated = 2}, c);
        if (c->n >= 3)
            out->shows[out->n_curves++] = 0;
    }
}

/* ---- a frame ------------------------------------------------------------------------------- */
static void look(struct seer *s, const struct camera *c, const struct scene *truth,
                 const struct lane_tracks_frame *f, struct lane_sight *out)
{
    const struct lane_detector *d = &s->d;

    go_on(s, &s->nod, d->nod_s);
    for (int i = 0; i < MODES; i++)
        go_on(s, &s->common.slow[i], d->drift_s);
    maybe_begin(s, d->blind_per_s, d->blind_s, &s->blind_ends_s);
    const float nod_rad = s->nod * d->nod_rad;
    const struct view v = {.camera = c,
                           .truth = truth,
                           .horizon = c->cy - c->fy * tanf(c->pitch_rad - nod_rad),
                           .turn = nod_rad};
    out->n_curves = 0;
    for (int i = 0; i < f->n_lines; i++)
        if (is_looked_for(f, i) && truth->lane[i].n_pixels >= 2)
            see_line(s, &v, f, i, out);
    see_clutter(s, &v, out);
}

static void wander_go_on(struct wander *w, double speed_mps, double dt)
{
    struct random *r = &w->random;
    double before_m = w->at_m, before_rad = w->angle_rad;

    w->progress =
        fmin(1, w->progress + (w->progress < 1 ? dt * fmin(1, speed_mps / 8) / w->length_s : 0));
    if (w->progress == 1 && random_chance(r, dt / 4)) {
        w->from_m = w->to_m;
        w->to_m = random_chance(r, 0.4) ? 3.5 * (random_index(r, 3) - 1) : random_normal(r, 0.5);
        w->length_s = random_range(r, 3, 7);
        w->progress = 0;
    }
    double p = w->progress, share = p * p * p * (10 - p * (15 - 6 * p));
    w->at_m = w->from_m + (w->to_m - w->from_m) * share;
    if (speed_mps > 1)
        w->angle_rad = atan((w->at_m - before_m) / (speed_mps * dt));
    w->yaw_rate_rps = (w->angle_rad - before_rad) / dt;
}

/* The truth as it is from where ego strays to. */
static void tell_from_there(struct lane_tracks *t)
{
    struct ego_car *e = &t->world->ego, kept = *e;

    e->x -= sin(e->heading) * t->wander.at_m;
    e->y += cos(e->heading) * t->wander.at_m;
    e->heading += t->wander.angle_rad;
    truth_frame(t->maker, t->world, NULL, &t->truth);
    *e = kept;
}

void lane_tracks_next(struct lane_tracks *t, struct lane_tracks_frame *out)
{
    if (t->begun)
        world_advance(t->world, t->o.dt, LONGEST_STEP_S);
    if (t->begun && t->o.wander)
        wander_go_on(&t->wander, t->world->ego.speed, t->o.dt);
    t->begun = true;
    tell_from_there(t);
    tell_truth(t, out);
    for (int i = 0; i < t->o.sights; i++) {
        t->seer[i].now_s = t->world->t;
        look(&t->seer[i], &t->o.camera, &t->truth.scene, out, &out->sight[i]);
    }
}
