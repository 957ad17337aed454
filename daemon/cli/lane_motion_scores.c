#include "daemon/cli/lane_motion_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const float LANE_PLACE_M[LANE_PLACES] = {10, 30, 60}, LANE_GAP_S[LANE_GAPS] = {0.5f, 1, 2};

enum { MAX_FACES = 512 };
static const float CROSSING_S = 1.5f, ON_THE_LINE_M = 0.3f, OURS_M = 4.5f;
static const float BODY_HALF_M = 0.95f, DEPARTURE_S = 5;

struct face { /* a line, and who followed it when it was last seen */
    uint64_t line, track;
    double seen_s;
    double unseen_s; /* in the frame before */
};

struct work {
    struct lane_motion_scores *sum;
    const struct lane_drive *d;
    struct lane_followed followed;
    struct scene scene;
    struct face face[MAX_FACES];
    int n_faces;
};

static void note(struct work *w, struct quantiles *q, float error)
{
    w->sum->no_memory |= !quantiles_add(q, fabsf(error));
}

/* ---- truth --------------------------------------------------------------------------------- */
/* The line or edge nearest to us on that side; NULL: there is none that could be of our lane. */
static const struct lane_truth *beside_us(const struct lane_tracks_frame *f, float side)
{
    const struct lane_truth *best = NULL;

    for (int i = 0; i < f->n_lines; i++) {
        float y = side * f->line[i].y_m[0];

        if (y > 0 && y < OURS_M && (!best || y < side * best->y_m[0]))
            best = &f->line[i];
    }
    return best;
}

/* Which line we cross at that frame: the one that was on the other side before. */
static bool crosses(const struct lane_drive *d, int frame)
{
    if (frame < 1 || frame >= d->n_frames)
        return false;
    for (int i = 0; i < d->frame[frame].n_lines; i++) {
        const struct lane_truth *now = &d->frame[frame].line[i];
        const struct lane_truth *before = lane_truth_find(&d->frame[frame - 1], now->id);

        if (before && now->kind == LANE_LINE && now->y_m[0] * before->y_m[0] < 0)
            return true;
    }
    return false;
}

static bool near_crossing(const struct lane_drive *d, int frame)
{
    int reach = (int)(CROSSING_S / (float)d->plan.dt_s);

    for (int i = frame - reach; i <= frame + reach; i++)
        if (crosses(d, i))
            return true;
    return false;
}

/* ---- lines --------------------------------------------------------------------------------- */
static const struct lane_boundary *published(const struct work *w, uint64_t line)
{
    for (int i = 0; i < LANE_TRACKS; i++)
        for (int k = 0; line && w->followed.slot[i].line == line && k < w->scene.n_lanes; k++)
            if (w->scene.lane[k].id == w->followed.slot[i].track)
                return &w->scene.lane[k];
    return NULL;
}

/* NAN where nothing is said. */
static float said_at(const struct lane_boundary *b, float x_m, float *sigma)
{
    for (int i = 0; i < SCENE_STATIONS; i++)
        if (SCENE_STATION_M[i] == x_m) {
            *sigma = b->station[i].sigma_y_m;
            return b->station[i].y_m;
        }
    return NAN;
}

static void score_line(struct work *w, const struct lane_truth *l, const struct lane_boundary *b)
{
    for (int i = 0; i < LANE_PLACES; i++) {
        struct lane_place *p = &w->sum->place[i];
        float truth = lane_truth_y(l, LANE_PLACE_M[i]), sigma = 0;

        if (isnan(truth))
            continue;
        p->asked++;
        float error = b ? said_at(b, LANE_PLACE_M[i], &sigma) - truth : NAN;
        note(w, &p->error_m, error);
        covered_add(&p->covered, (double)error, (double)sigma);
    }
}

static void score_gap(struct work *w, int gap, const struct lane_truth *l,
                      const struct lane_boundary *b)
{
    struct lane_gap *g = &w->sum->gap[gap];

    g->asked++;
    g->said += b != NULL;
    for (int i = 0; b && i < 2; i++) {
        float sigma = 0,
              error = said_at(b, LANE_PLACE_M[i], &sigma) - lane_truth_y(l, LANE_PLACE_M[i]);

        note(w, &g->error_m, error);
        covered_add(&g->covered, (double)error, (double)sigma);
    }
}

static struct face *face_of(struct work *w, uint64_t line)
{
    for (int i = 0; i < w->n_faces; i++)
        if (w->face[i].line == line)
            return &w->face[i];
    if (w->n_faces == MAX_FACES)
        return NULL;
    w->face[w->n_faces] = (struct face){.line = line};
    return &w->face[w->n_faces++];
}

static void score_life(struct work *w, const struct lane_truth *l, const struct lane_boundary *b,
                       bool ours, double now_s)
{
    struct face *f = face_of(w, l->id);

    if (!f)
        return;
    if (b && b->measurement == MEASUREMENT_MEASURED) {
        w->sum->id_changes += f->track && f->track != b->id;
        *f = (struct face){.line = l->id, .track = b->id, .seen_s = now_s};
        return;
    }
    double unseen_s = now_s - f->seen_s;
    for (int i = 0; f->track && ours && i < LANE_GAPS; i++)
        if (f->unseen_s < (double)LANE_GAP_S[i] && unseen_s >= (double)LANE_GAP_S[i])
            score_gap(w, i, l, b);
    f->unseen_s = unseen_s;
}

/* ---- our lane ------------------------------------------------------------------------------ */
static void score_departure(struct work *w, const struct lane_tracks_frame *f, float left,
                            float right)
{
    float v = f->speed_mps * sinf(f->ego.heading_rad), gap = (v > 0 ? left : -right) - BODY_HALF_M;
    float truth = fmaxf(gap, 0) / fabsf(v), said = w->scene.ego_lane.time_to_departure_s;

    if (!(fabsf(v) > 0.2f && truth < DEPARTURE_S))
        return;
    w->sum->departures++;
    w->sum->departures_said += !isnan(said);
    note(w, &w->sum->departure_s, said - truth);
}

static void score_ego(struct work *w, const struct lane_tracks_frame *f,
                      const struct lane_truth *left, const struct lane_truth *right)
{
    const struct ego_lane *e = &w->scene.ego_lane;
    struct lane_motion_scores *s = w->sum;
    float offset = e->offset_m + 0.5f * (left->y_m[0] + right->y_m[0]) * cosf(f->ego.heading_rad);
    float heading = e->heading_rad - f->ego.heading_rad;
    float curvature = e->curvature_1pm - f->ego.curvature_1pm;

    note(w, &s->offset_m, offset);
    note(w, &s->heading_rad, heading);
    note(w, &s->curvature_1pm, curvature);
    covered_add(&s->offset, (double)offset, (double)e->offset_sigma_m);
    covered_add(&s->heading, (double)heading, (double)e->heading_sigma_rad);
    covered_add(&s->curvature, (double)curvature, (double)e->curvature_sigma_1pm);
    score_departure(w, f, left->y_m[0], right->y_m[0]);
}

/* ---- a drive ------------------------------------------------------------------------------- */
static void score_side(struct work *w, const struct lane_truth *l, const struct lane_boundary *b)
{
    if (!b || b->role == 0 || !(fabsf(l->y_m[0]) > ON_THE_LINE_M))
        return;
    w->sum->crossing_lines++;
    w->sum->crossing_wrong += (b->role > 0) != (l->y_m[0] > 0);
}

static void score_frame(struct work *w, int frame)
{
    const struct lane_tracks_frame *f = &w->d->frame[frame];
    const struct lane_truth *left = beside_us(f, 1), *right = beside_us(f, -1);
    bool crossing = near_crossing(w->d, frame);

    for (int i = 0; i < f->n_lines; i++) {
        const struct lane_truth *l = &f->line[i];
        const struct lane_boundary *b = published(w, l->id);
        bool ours = l == left || l == right;

        if (ours)
            score_line(w, l, b);
        score_life(w, l, b, ours, frame * w->d->plan.dt_s);
        if (crossing)
            score_side(w, l, b);
    }
    if (left && right && left->kind == LANE_LINE && right->kind == LANE_LINE)
        score_ego(w, f, left, right);
}

void lane_motion_scores_add(const struct lane_drive *d, int sight, struct lanes *l,
                            struct lane_motion_scores *sum)
{
    static struct work w;

    w = (struct work){.sum = sum, .d = d};
    lanes_reset(l);
    for (int f = 0; f < d->n_frames; f++) {
        lane_drive_step(d, sight, f, l);
        lane_followed_step(&w.followed, l, &d->frame[f].sight[sight]);
        scene_clear(&w.scene);
        lanes_scene(l, &w.scene);
        score_frame(&w, f);
    }
    sum->frames += d->n_frames;
}

void lane_motion_scores_finish(struct lane_motion_scores *s)
{
    for (int i = 0; i < LANE_PLACES; i++)
        quantiles_finish(&s->place[i].error_m);
    for (int i = 0; i < LANE_GAPS; i++)
        quantiles_finish(&s->gap[i].error_m);
    quantiles_finish(&s->offset_m);
    quantiles_finish(&s->heading_rad);
    quantiles_finish(&s->curvature_1pm);
    quantiles_finish(&s->departure_s);
}
