#include "daemon/cli/motion_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/track/track.h"

enum { MAX_ROWS = 2 * TRACK_DRIVE_FRAMES * TRACKS_MAX_OBJECTS, MAX_FACES = 4096 };
static const int64_t YOUNG_NS = 500000000;
static const double GAP_LEAST_S = 0.7, GAP_MOST_S = 1.5;
static const float FAR_M = 80, NEAR_M = 40, TTC_S = 3;
static const float LEAST_HEIGHT_PX = 12, MOST_HIDDEN = 0.5f, MOST_CUT = 0.1f; /* as sim/score.c */

struct face { /* a road user, and who followed it when it was last seen */
    uint64_t object, track;
    double seen_s;
};

struct work {
    struct motion_scores *sum;
    bool measured_only;
    struct track_row *truth, *guess;
    size_t n_truths, n_guesses;
    struct face face[MAX_FACES];
    int n_faces;
    uint64_t shown[SCENE_MAX_OBJECTS]; /* by slot: whom its last detection showed */
    uint64_t of_track[SCENE_MAX_OBJECTS];
};

/* ---- speeds --------------------------------------------------------------------------------- */
static const double SPEED_BIN_MPS = 0.02;

static void speed_error(struct speed_errors *e, double vx, double vy)
{
    int bin = (int)fmin(hypot(vx, vy) / SPEED_BIN_MPS, SPEED_BINS - 1);

    e->n++;
    e->square += vx * vx + vy * vy;
    e->bin[bin]++;
}

double speed_errors_rms(const struct speed_errors *e)
{
    return e->n ? sqrt(e->square / (double)e->n) : NAN;
}

double speed_errors_median(const struct speed_errors *e)
{
    long below = 0;
    int i = 0;

    if (!e->n)
        return NAN;
    while (2 * (below + e->bin[i]) < e->n)
        below += e->bin[i++];
    return SPEED_BIN_MPS * (i + 0.5);
}

/* ---- metres and seconds -------------------------------------------------------------------- */
/* e' P^-1 e by elimination. */
static double mahalanobis(const double e[4], const float cov[STATE_COV])
{
    double a[4][5], sum = 0;

    for (int i = 0, k = 0; i < STATE_DIM; i++)
        for (int j = i; j < STATE_DIM; j++, k++)
            if (i < 4 && j < 4)
                a[i][j] = a[j][i] = (double)cov[k];
    for (int i = 0; i < 4; i++)
        a[i][4] = e[i];
    for (int i = 0; i < 4; i++)
        for (int r = i + 1; r < 4; r++) {
            double f = a[r][i] / a[i][i];

            for (int c = i; c < 5; c++)
                a[r][c] -= f * a[i][c];
        }
    for (int i = 0; i < 4; i++)
        sum += a[i][4] * a[i][4] / a[i][i];
    return sum;
}

static void score_ttc(struct motion_scores *s, const struct object *o, float closing_1ps)
{
    if (!(closing_1ps > 1 / TTC_S) || closing_1ps > 10)
        return;
    double truth = 1 / (double)closing_1ps;
    s->n_ttc++;
    if (isnan(o->ttc_s))
        return;
    s->n_said++;
    s->relative_ttc += fabs((double)o->ttc_s - truth) / truth;
    covered_add(&s->ttc, (double)o->ttc_s - truth, (double)o->ttc_sigma_s);
}

static void score_speed(struct motion_scores *s, const struct object *o, float yaw_rad, double r,
                        double vx, double vy)
{
    const int64_t second = 1000000000;
    const bool along = cosf(yaw_rad) > (float)M_SQRT1_2;

    speed_error(&s->speed[MOTION_FAR], vx, vy);
    if (r >= (double)NEAR_M)
        return;
    speed_error(&s->speed[MOTION_NEAR], vx, vy);
    if (o->age_ns >= second)
        speed_error(&s->speed[MOTION_1S], vx, vy);
    if (o->age_ns >= 2 * second)
        speed_error(&s->speed[MOTION_2S], vx, vy);
    speed_error(&s->speed[along ? MOTION_ALONG : MOTION_OTHER], vx, vy);
}

static void score_motion(struct motion_scores *s, const struct object *o, float yaw_rad,
                         const struct relative_motion *m)
{
    const int diagonal[4] = {0, 6, 11, 15}; /* of the packed covariance */
    const float said[4] = {o->x_m, o->y_m, o->vx_mps, o->vy_mps};
    double e[4], r = hypot((double)m->s[0], (double)m->s[1]);

    if (isnan(o->x_m) || r > (double)FAR_M)
        return;
    for (int i = 0; i < 4; i++) {
        e[i] = (double)(said[i] - m->s[i]);
        covered_add(i < 2 ? &s->position : &s->velocity, e[i],
                    sqrt((double)o->covariance[diagonal[i]]));
    }
    score_speed(s, o, yaw_rad, r, e[2], e[3]);
    s->nees += mahalanobis(e, o->covariance);
    if (r < (double)NEAR_M)
        s->relative_near += hypot(e[0], e[1]) / r;
    score_ttc(s, o, m->closing_1ps);
}

/* Where it is going to be, while it stays in sight. */
static void score_path(struct motion_scores *s, const struct track_drive *d, int frame,
                       const struct object *o, const struct track_object *truth)
{
    if (hypotf(truth->x_m, truth->y_m) >= NEAR_M)
        return;
    for (int i = 0; i < o->n_path; i++) {
        const struct path_point *p = &o->path[i];
        int k = (int)lroundf(p->t_s) - 1;
        float at[2];

        if (fabsf(p->t_s - (float)(k + 1)) > 0.01f || k < 0 || k >= MOTION_PATH_TIMES ||
            !track_drive_later(d, frame, truth->id, (double)p->t_s, at))
            continue;
        struct path_errors *e = &s->path[k];
        e->n++;
        e->off_m += (double)hypotf(p->x_m - at[0], p->y_m - at[1]);
        covered_add(&e->covered, (double)(p->x_m - at[0]), (double)p->sigma_x_m);
        covered_add(&e->covered, (double)(p->y_m - at[1]), (double)p->sigma_y_m);
    }
}

/* ---- identities ---------------------------------------------------------------------------- */
static struct face *face_of(struct work *w, uint64_t object)
{
    for (int i = 0; i < w->n_faces; i++)
        if (w->face[i].object == object)
            return &w->face[i];
    if (w->n_faces == MAX_FACES)
        return NULL;
    w->face[w->n_faces] = (struct face){.object = object};
    return &w->face[w->n_faces++];
}

static void seen_again(struct work *w, uint64_t object, uint64_t track, double now_s)
{
    struct face *f = face_of(w, object);
    double gap = f ? now_s - f->seen_s : 0;

    if (!f)
        return;
    if (f->track && gap >= GAP_LEAST_S && gap <= GAP_MOST_S) {
        w->sum->gaps++;
        w->sum->kept += f->track == track;
    }
    f->track = track;
    f->seen_s = now_s;
}

static struct ap_box ap_box_of(const struct box *b)
{
    return (struct ap_box){(double)b->x1, (double)b->y1, (double)b->x2, (double)b->y2};
}

static bool asked_for(const struct track_drive *d, const struct track_object *o)
{
    return o->truth.y2 - o->truth.y1 >= LEAST_HEIGHT_PX && o->occlusion < MOST_HIDDEN &&
           o->truncation < MOST_CUT &&
           hypotf(o->x_m - d->camera.x_m, o->y_m - d->camera.y_m) < FAR_M;
}

static void add_truth(struct work *w, int frame, const struct track_object *o, enum track_role role)
{
    if (w->n_truths < MAX_ROWS)
        w->truth[w->n_truths++] = (struct track_row){
            .frame = frame, .id = (int64_t)o->id, .role = role, .box = ap_box_of(&o->truth)};
}

/* Of what is not asked for the box is a region besides: its detection may show a part of it. */
static void add_truths(struct work *w, const struct track_drive *d, int frame)
{
    const struct tracks_frame *f = &d->frame[frame];

    for (int i = 0; i < f->n_objects; i++) {
        const struct track_object *o = &f->object[i];

        if (!track_drive_find(d, frame, o->id))
            continue;
        bool asked = asked_for(d, o);
        add_truth(w, frame, o, asked ? TRACK_COUNTS : TRACK_IGNORED);
        if (!asked)
            add_truth(w, frame, o, TRACK_REGION);
    }
}

/* Detected in this frame, or predicted for sure. */
static bool published(const struct work *w, const struct object *o)
{
    const float width = o->box_px.x2 - o->box_px.x1, height = o->box_px.y2 - o->box_px.y1;
    const float *s = o->box_sigma_px;

    if (o->measurement == MEASUREMENT_MEASURED)
        return true;
    return !w->measured_only && o->existence > 0.9f &&
           fmaxf(fmaxf(s[0], s[2]) / width, fmaxf(s[1], s[3]) / height) < 0.4f;
}

static float area(const struct box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static bool overlap_half(const struct box *a, const struct box *b) /* IoU 0.5 */
{
    const struct box both = {fmaxf(a->x1, b->x1), fmaxf(a->y1, b->y1), fminf(a->x2, b->x2),
                             fminf(a->y2, b->y2)};

    return both.x2 > both.x1 && both.y2 > both.y1 && 3 * area(&both) >= area(a) + area(b);
}

static bool followed(const struct work *w, const struct object *object, int n,
                     const struct box *truth)
{
    for (int i = 0; i < n; i++)
        if (published(w, &object[i]) && overlap_half(&object[i].box_px, truth))
            return true;
    return false;
}

static void count_found(struct work *w, const struct track_drive *d, int frame,
                        const struct object *object, int n)
{
    const struct tracks_frame *f = &d->frame[frame];

    for (int i = 0; i < f->n_objects; i++) {
        const struct track_object *o = &f->object[i];
        float h = o->truth.y2 - o->truth.y1;
        struct found *k = &w->sum->found[h < 20 ? 0 : h < 40 ? 1 : h < 80 ? 2 : 3];

        if (!track_drive_find(d, frame, o->id) || !asked_for(d, o))
            continue;
        k->asked++;
        k->seen += o->detected;
        k->followed += followed(w, object, n, &o->truth);
    }
}

/* ---- a drive ------------------------------------------------------------------------------- */
static void score_objects(struct work *w, const struct track_drive *d, int frame,
                          const struct object *object, int n)
{
    for (int i = 0; i < n; i++) {
        const struct object *o = &object[i];
        uint64_t shown = 0;
        struct relative_motion m;

        if (!published(w, o))
            continue;
        for (int k = 0; k < SCENE_MAX_OBJECTS; k++)
            if (w->of_track[k] == o->id)
                shown = w->shown[k];
        if (w->n_guesses < MAX_ROWS)
            w->guess[w->n_guesses++] = (struct track_row){.frame = frame,
                                                          .id = (int64_t)o->id,
                                                          .role = TRACK_COUNTS,
                                                          .box = ap_box_of(&o->box_px)};
        const struct track_object *truth = track_drive_find(d, frame, shown);
        if (!truth)
            continue;
        seen_again(w, shown, o->id, frame * d->dt_s);
        if (o->age_ns >= YOUNG_NS && truth->truncation < 0.1f && truth->occlusion < 0.5f &&
            track_drive_motion(d, frame, truth, &m)) {
            score_motion(w->sum, o, truth->yaw_rad, &m);
            score_path(w->sum, d, frame, o, truth);
        }
    }
}

static void follow(struct work *w, const struct track_drive *d, struct tracker *t)
{
    static struct object object[SCENE_MAX_OBJECTS];
    struct detection detection[TRACKER_MAX_DETECTIONS];
    uint64_t shows[TRACKER_MAX_DETECTIONS];

    tracker_reset(t);
    for (int f = 0; f < d->n_frames; f++) {
        struct ego_motion ego = track_drive_ego(d, f);
        int n = track_drive_detections(d, f, detection, shows);

        tracker_step(t, detection, n, &d->believed, &ego, (int64_t)(f * d->dt_s * 1e9));
        for (int i = 0; i < SCENE_MAX_OBJECTS; i++) {
            int owner = tracker_owners(t)[i];

            w->of_track[i] = tracker_tracks(t)[i].id;
            w->shown[i] = owner >= 0 ? shows[owner] : 0;
        }
        add_truths(w, d, f);
        n = tracker_objects(t, object, SCENE_MAX_OBJECTS);
        score_objects(w, d, f, object, n);
        count_found(w, d, f, object, n);
    }
    w->sum->frames += d->n_frames;
}

enum err motion_scores_add(const struct track_drive *d, struct tracker *t, bool measured_only,
                           struct motion_scores *sum, struct why *why)
{
    struct work *w = calloc(1, sizeof *w);
    struct track_sequence s = {0};
    enum err e = ERR_NOMEM;

    if (w && (w->truth = calloc(MAX_ROWS, sizeof *w->truth)) &&
        (w->guess = calloc(MAX_ROWS, sizeof *w->guess))) {
        w->sum = sum;
        w->measured_only = measured_only;
        follow(w, d, t);
        e = track_sequence_make(w->truth, w->n_truths, w->guess, w->n_guesses,
                                (double)LEAST_HEIGHT_PX, &s, why);
        if (e == OK)
            e = track_sums_add(&s, &sum->tracks);
    }
    if (e == ERR_NOMEM)
        err_say(why, e, "no memory to score a drive");
    track_sequence_finish(&s);
    if (w) {
        free(w->truth);
        free(w->guess);
    }
    free(w);
    return e;
}
