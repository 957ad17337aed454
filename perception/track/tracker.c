#include "perception/track/tracker.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/track/assign.h"
#include "perception/track/locate.h"
#include "perception/track/track.h"

/* Two rounds as in ByteTrack (Zhang et al. 2022): first every track and the strong detections, then
 * the tracks left over and the weak ones, which may keep a track alive but start none. */
static const float STRONG = 0.5f;       /* score of the first round */
static const float BIRTH = 0.4f;        /* score that may start a track */
static const float WEAK_OVERLAP = 0.3f; /* IoU that a weak detection must have with its track */
static const float SAME = 0.65f;        /* IoU at which two boxes are one thing */
static const float GATE = 20;           /* squared Mahalanobis distance, 4 numbers: 99.95 % */
static const float GATE_YOUNG = 16;     /* 99.7 %: of a track that may be clutter */
static const float ALONE = 1;           /* cost of leaving a track without detection */

struct tracker {
    struct track track[TRACKER_MAX_TRACKS]; /* id 0: free */
    struct camera camera;                   /* of the last frame */
    uint64_t last_id;
    int64_t now_ns;
    bool started;
    /* working memory of one step */
    float cost[ASSIGN_MAX_ROWS][ASSIGN_MAX_COLUMNS];
};

static_assert((int)TRACKER_MAX_TRACKS <= (int)ASSIGN_MAX_ROWS, "rows are tracks");
static_assert((int)TRACKER_MAX_DETECTIONS <= (int)ASSIGN_MAX_COLUMNS, "columns are detections");

struct frame { /* the detections of one step */
    const struct detection *d;
    int n;
    float covered[TRACKER_MAX_DETECTIONS]; /* share of the box behind nearer boxes */
    bool taken[TRACKER_MAX_DETECTIONS];    /* has a track, or is the same thing as one that has */
};

enum err tracker_open(enum tracker_kind kind, struct tracker **out)
{
    *out = NULL;
    if (kind != TRACKER_KALMAN)
        return ERR_UNSUPPORTED;
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

void tracker_close(struct tracker *t)
{
    free(t);
}

void tracker_reset(struct tracker *t)
{
    memset(t->track, 0, sizeof t->track);
    t->started = false;
}

/* ---- boxes --------------------------------------------------------------------------------- */

static float box_area(const struct box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static float box_overlap(const struct box *a, const struct box *b) /* px^2 */
{
    float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);

    return w > 0 && h > 0 ? w * h : 0;
}

static float box_iou(const struct box *a, const struct box *b)
{
    float both = box_overlap(a, b);

    return both > 0 ? both / (box_area(a) + box_area(b) - both) : 0;
}

/* From middle to middle, in diagonals of a. */
static float box_gap(const struct box *a, const struct box *b)
{
    return hypotf(a->x1 + a->x2 - b->x1 - b->x2, a->y1 + a->y2 - b->y1 - b->y2) / 2 /
           hypotf(a->x2 - a->x1, a->y2 - a->y1);
}

/* What stands lower in the picture stands nearer. An estimate: boxes are not silhouettes, and where
 * two cover the same spot it counts twice. A box almost the same is the same thing, not a cover. */
static float box_cover(const struct box *b, const struct box *other)
{
    float both = box_overlap(b, other), area = box_area(b);

    if (!(both > 0) || other->y2 <= b->y2 || both > SAME * (area + box_area(other) - both))
        return 0;
    return both / area;
}

/* ---- association --------------------------------------------------------------------------- */

static float squared_off(const struct kalman_axis *k, float z, float variance)
{
    return (z - k->x) * (z - k->x) / (k->xx + variance);
}

/* A driver may turn out a truck, a cyclist a person; never a car a traffic light. */
static float class_penalty(enum object_class a, enum object_class b)
{
    if (class_kind(a) != class_kind(b))
        return INFINITY;
    return a == b || a == OBJECT_VEHICLE || b == OBJECT_VEHICLE ? 0 : 0.1f;
}

static float pair_cost(const struct track *t, const struct box *predicted,
                       const struct box_reading *r, const struct detection *d)
{
    float off = 0, iou = box_iou(predicted, &d->box_px);

    if (d->score < STRONG && iou < WEAK_OVERLAP)
        return INFINITY;

    for (int i = 0; i < 4; i++)
        if (!track_edge_hidden(t, r, i))
            off += squared_off(&t->edge[i], r->edge[i], r->variance[i]);
    if (off > (t->confirmed ? GATE : GATE_YOUNG) && iou < SAME)
        return INFINITY;
    if (iou <= 0 && box_gap(predicted, &d->box_px) > 1)
        return INFINITY; /* a young track would believe any jump */
    float young = t->confirmed ? 0 : 0.1f;
    return 0.4f * fminf(off / GATE, 1) + 0.6f * (1 - iou) + young +
           class_penalty(track_class(t), d->class);
}

/* One round: the tracks in row[0..R) and the detections in column[0..C). Sets owner of each track
 * to its detection's index; what finds no partner stays as it is. */
static void associate(struct tracker *t, struct frame *f, const int *row, int R, const int *column,
                      int C, int owner[TRACKER_MAX_TRACKS])
{
    struct box_reading reading[TRACKER_MAX_DETECTIONS];
    int match[TRACKER_MAX_TRACKS];

    for (int c = 0; c < C; c++)
        reading[c] = box_read(&f->d[column[c]], &t->camera);
    for (int r = 0; r < R; r++) {
        const struct track *track = &t->track[row[r]];
        struct box predicted = track_box(track, &t->camera);

        for (int c = 0; c < C; c++)
            t->cost[r][c] = pair_cost(track, &predicted, &reading[c], &f->d[column[c]]);
    }
    assign_solve((const float(*)[ASSIGN_MAX_COLUMNS])t->cost, R, C, ALONE, match);
    for (int r = 0; r < R; r++)
        if (match[r] >= 0) {
            owner[row[r]] = column[match[r]];
            f->taken[column[match[r]]] = true;
        }
}

/* Tracks without a detection yet, and detections without a track in this range of scores. */
static void associate_round(struct tracker *t, struct frame *f, float score_lo, float score_hi,
                            int owner[TRACKER_MAX_TRACKS])
{
    int row[TRACKER_MAX_TRACKS], column[TRACKER_MAX_DETECTIONS], R = 0, C = 0;

    for (int i = 0; i < TRACKER_MAX_TRACKS; i++)
        if (t->track[i].id && owner[i] < 0)
            row[R++] = i;
    for (int i = 0; i < f->n; i++)
        if (!f->taken[i] && f->d[i].score >= score_lo && f->d[i].score < score_hi)
            column[C++] = i;
    associate(t, f, row, R, column, C, owner);
}

/* ---- one frame ----------------------------------------------------------------------------- */

static bool detection_sane(const struct detection *d)
{
    const struct box *b = &d->box_px;

    return isfinite(b->x1) && isfinite(b->y1) && isfinite(b->x2) && isfinite(b->y2) &&
           b->x2 - b->x1 >= 1 && b->y2 - b->y1 >= 1 && d->score > 0 &&
           (unsigned)d->class < OBJECT_CLASS_COUNT;
}

static void frame_take(struct frame *f, const struct detection *d, int n)
{
    *f = (struct frame){.d = d, .n = n < TRACKER_MAX_DETECTIONS ? n : TRACKER_MAX_DETECTIONS};
    for (int i = 0; i < f->n; i++)
        f->taken[i] = !detection_sane(&d[i]); /* nobody shall have it */
    for (int i = 0; i < f->n; i++) {
        for (int j = 0; j < f->n && !f->taken[i]; j++)
            if (j != i && !f->taken[j])
                f->covered[i] += box_cover(&d[i].box_px, &d[j].box_px);
        f->covered[i] = fminf(f->covered[i], 1);
    }
}

/* A free slot, or that of the weakest track that nobody has heard of yet. */
static struct track *slot_for(struct tracker *t)
{
    struct track *weakest = NULL;

    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        struct track *k = &t->track[i];

        if (!k->id)
            return k;
        if (!k->confirmed && isnan(k->score) && (!weakest || k->log_odds < weakest->log_odds))
            weakest = k;
    }
    return weakest;
}

static bool repeats_another(const struct tracker *t, const struct detection *d)
{
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++)
        if (t->track[i].id && !isnan(t->track[i].score)) {
            struct box b = track_box(&t->track[i], &t->camera);

            if (box_iou(&b, &d->box_px) > SAME)
                return true;
        }
    return false;
}

static void give_birth(struct tracker *t, const struct frame *f)
{
    for (int i = 0; i < f->n; i++) {
        if (f->taken[i] || f->d[i].score < BIRTH || repeats_another(t, &f->d[i]))
            continue;
        struct track *slot = slot_for(t);

        if (!slot)
            return;
        track_start(slot, ++t->last_id, &f->d[i], f->covered[i], &t->camera, t->now_ns);
    }
}

/* A coasting track of which less than a quarter is left in the picture is not coming back as
 * itself. */
static bool left_the_picture(const struct tracker *t, const struct track *k)
{
    const struct kalman_axis *e = k->edge;
    const float w = (float)t->camera.width, h = (float)t->camera.height;
    float quarter_w = (e[2].x - e[0].x) / 4, quarter_h = (e[3].x - e[1].x) / 4;

    return w > 0 && k->misses > 0 &&
           (e[2].x < quarter_w || e[0].x > w - quarter_w || e[3].x < quarter_h ||
            e[1].x > h - quarter_h);
}

/* Nobody saw it: it may be behind one of those that were seen. */
static void miss_track(struct tracker *t, struct track *k, const struct frame *f, float dt)
{
    struct box b = track_box(k, &t->camera);

    k->covered = 0;
    for (int i = 0; i < f->n; i++)
        if (f->taken[i])
            k->covered += box_cover(&b, &f->d[i].box_px);
    k->covered = fminf(k->covered, 1);
    track_miss(k, dt);
    if (track_dead(k, t->now_ns) || left_the_picture(t, k))
        k->id = 0;
}

void tracker_step(struct tracker *t, const struct detection *d, int n, const struct camera *camera,
                  int64_t t_ns)
{
    float dt = t->started && t_ns > t->now_ns ? (float)((double)(t_ns - t->now_ns) * 1e-9) : 0;
    int owner[TRACKER_MAX_TRACKS];
    struct frame f;

    t->camera = *camera;
    t->now_ns = t_ns;
    t->started = true;
    frame_take(&f, d, n);
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        owner[i] = -1;
        if (t->track[i].id && track_dead(&t->track[i], t_ns))
            t->track[i].id = 0;
        if (t->track[i].id)
            track_predict(&t->track[i], dt);
    }
    associate_round(t, &f, STRONG, INFINITY, owner);
    associate_round(t, &f, 0, STRONG, owner);
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        struct track *k = &t->track[i];

        if (owner[i] >= 0)
            track_update(k, &d[owner[i]], f.covered[owner[i]], camera, t_ns);
        else if (k->id)
            miss_track(t, k, &f, dt);
    }
    give_birth(t, &f);
}

int tracker_objects(const struct tracker *t, struct object *out, int max)
{
    const struct track *strong[TRACKER_MAX_TRACKS];
    int n = 0;

    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        const struct track *k = &t->track[i];
        int at = n;

        if (!k->id || !k->confirmed)
            continue;
        for (; at > 0 && strong[at - 1]->log_odds < k->log_odds; at--)
            strong[at] = strong[at - 1];
        strong[at] = k;
        n++;
    }
    if (n > max)
        n = max;
    for (int i = 0; i < n; i++)
        track_object(strong[i], &t->camera, t->now_ns, &out[i]);
    return n;
}
