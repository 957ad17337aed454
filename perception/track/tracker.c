#include "perception/track/tracker.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/track/assign.h"
#include "perception/track/learned.h"
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
/* How much likelier, as a logarithm, a detection must be the track than no detection: a wrong link
 * spoils two tracks, a missing one is often mended in the next frame. */
static const float DOUBT = 0.5f;

struct tracker {
    struct track track[TRACKER_MAX_TRACKS]; /* id 0: free */
    struct camera camera;                   /* of the last frame */
    uint64_t last_id;
    int64_t now_ns;
    bool started;
    struct learned *learned; /* NULL: the filter alone */
    bool record;
    float dt_s; /* of the last step */
    struct ego_motion ego;
    /* working memory of one step */
    struct asked asked;
    int owner[TRACKER_MAX_TRACKS]; /* detection of each slot; -1: none */
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

bool tracker_kind_named(const char *name, enum tracker_kind *out)
{
    static const char *const names[] = {
        [TRACKER_KALMAN] = "kalman", [TRACKER_RNN] = "rnn", [TRACKER_LSTM] = "lstm"};

    for (int i = TRACKER_KALMAN; i <= TRACKER_LSTM; i++)
        if (!strcmp(name, names[i])) {
            *out = i;
            return true;
        }
    return false;
}

enum err tracker_open(const struct tracker_options *o, struct tracker **out, struct why *why)
{
    struct weights built_in = weights_built_in(o->kind == TRACKER_LSTM);
    struct tracker *t;
    enum err e;

    *out = NULL;
    if (o->kind != TRACKER_KALMAN && o->kind != TRACKER_RNN && o->kind != TRACKER_LSTM)
        return err_say(why, ERR_UNSUPPORTED, "tracker %d: there is none", (int)o->kind);
    if (!(t = calloc(1, sizeof *t)))
        return err_say(why, ERR_NOMEM, "no memory for a tracker");
    t->record = o->record;
    if (o->kind != TRACKER_KALMAN && (e = learned_open(o->weights ? o->weights : &built_in,
                                                       o->cpu_mask, &t->learned, why)) != OK) {
        tracker_close(t);
        return e;
    }
    *out = t;
    return OK;
}

void tracker_close(struct tracker *t)
{
    if (t)
        learned_close(t->learned);
    free(t);
}

void tracker_reset(struct tracker *t)
{
    memset(t->track, 0, sizeof t->track);
    t->started = false;
}

/* ---- boxes --------------------------------------------------------------------------------- */

/* As fminf() and fmaxf(), but no calls: these boxes are all finite, and pairs of them many. */
static float least(float a, float b)
{
    return a < b ? a : b;
}

static float most(float a, float b)
{
    return a > b ? a : b;
}

static float box_area(const struct box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static float box_overlap(const struct box *a, const struct box *b) /* px^2 */
{
    float w = least(a->x2, b->x2) - most(a->x1, b->x1);
    float h = least(a->y2, b->y2) - most(a->y1, b->y1);

    return w > 0 && h > 0 ? w * h : 0;
}

static float box_iou(const struct box *a, const struct box *b)
{
    float both = box_overlap(a, b);

    return both > 0 ? both / (box_area(a) + box_area(b) - both) : 0;
}

/* Whether their middles lie farther apart than a diagonal of a. */
static bool box_far(const struct box *a, const struct box *b)
{
    float dx = (a->x1 + a->x2 - b->x1 - b->x2) / 2, dy = (a->y1 + a->y2 - b->y1 - b->y2) / 2;
    float w = a->x2 - a->x1, h = a->y2 - a->y1;

    return dx * dx + dy * dy > w * w + h * h;
}

/* What stands lower in the picture stands nearer. An estimate: boxes are not silhouettes, and where
 * two cover the same spot it counts twice. A box almost the same is the same thing, not a cover. */
static float box_cover(const struct box *b, const struct box *other)
{
    float both = other->y2 > b->y2 ? box_overlap(b, other) : 0, area = box_area(b);

    if (!(both > 0) || both > SAME * (area + box_area(other) - both))
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
    if (iou <= 0 && box_far(predicted, &d->box_px))
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

/* ---- association by attention --------------------------------------------------------------- */
/* What a track may look at: of its kind, touching its box or near it. */
static bool worth_a_look(enum class_kind kind, const struct box *predicted,
                         const struct detection *d, float iou)
{
    return (iou > 0 || !box_far(predicted, &d->box_px)) && kind == class_kind(d->class);
}

/* The best candidates of a slot, by how far off they are: what the filter alone would take. */
struct shortlist {
    int n;
    float cost[ASKED_CANDIDATES];
    struct pair pair[ASKED_CANDIDATES];
    int detection[ASKED_CANDIDATES];
};

static void shortlist_add(struct shortlist *s, const struct pair *p, int detection)
{
    float cost = 0.4f * fminf(p->off / GATE, 1) + 0.6f * (1 - p->iou);
    int at = s->n < ASKED_CANDIDATES ? s->n++ : ASKED_CANDIDATES;

    for (; at > 0 && s->cost[at - 1] > cost; at--)
        if (at < ASKED_CANDIDATES) {
            s->cost[at] = s->cost[at - 1];
            s->pair[at] = s->pair[at - 1];
            s->detection[at] = s->detection[at - 1];
        }
    if (at < ASKED_CANDIDATES) {
        s->cost[at] = cost;
        s->pair[at] = *p;
        s->detection[at] = detection;
    }
}

static float squared_off_edges(const struct track *t, const struct box_reading *r)
{
    float off = 0;

    for (int i = 0; i < 4; i++)
        if (!track_edge_hidden(t, r, i))
            off += squared_off(&t->edge[i], r->edge[i], r->variance[i]);
    return off;
}

/* The two highest of a row or column, so that each can be told the best of the others. */
struct top {
    float first, second;
    int holder;
};

static void top_add(struct top *t, float v, int holder)
{
    if (v > t->first) {
        t->second = t->first;
        t->first = v;
        t->holder = holder;
    } else if (v > t->second) {
        t->second = v;
    }
}

static float top_of_others(const struct top *t, int me)
{
    return t->holder == me ? t->second : t->first;
}

static void ask_slot(struct tracker *t, const struct frame *f, int slot,
                     const struct box *predicted, const struct box_reading *reading,
                     const float iou[TRACKER_MAX_DETECTIONS], const struct top *claims)
{
    const struct track *k = &t->track[slot];
    enum class_kind kind = class_kind(track_class(k));
    struct shortlist s = {0};
    struct top choice = {.holder = -1};

    for (int j = 0; j < f->n; j++)
        if (!f->taken[j] && worth_a_look(kind, predicted, &f->d[j], iou[j])) {
            struct pair p = {.track = k,
                             .predicted = predicted,
                             .detection = &f->d[j],
                             .iou = iou[j],
                             .off = squared_off_edges(k, &reading[j]),
                             .covered = f->covered[j],
                             .rival_track = top_of_others(&claims[j], slot)};

            top_add(&choice, iou[j], j);
            shortlist_add(&s, &p, j);
        }
    for (int i = 0; i < s.n; i++) {
        s.pair[i].rival_choice = top_of_others(&choice, s.detection[i]);
        pair_features(&s.pair[i], t->asked.pair[slot][i]);
        t->asked.candidate[slot][i] = s.detection[i];
    }
}

/* Fill asked.pair and asked.candidate. */
static void ask_pairs(struct tracker *t, const struct frame *f)
{
    static const struct top nobody = {.holder = -1};
    struct box_reading reading[TRACKER_MAX_DETECTIONS];
    struct box predicted[TRACKER_MAX_TRACKS];
    struct top claims[TRACKER_MAX_DETECTIONS];
    float(*iou)[ASSIGN_MAX_COLUMNS] = t->cost; /* until the costs are known */

    for (int j = 0; j < f->n; j++) {
        reading[j] = box_read(&f->d[j], &t->camera);
        claims[j] = nobody;
    }
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        if (!t->track[i].id)
            continue;
        predicted[i] = track_box(&t->track[i], &t->camera);
        for (int j = 0; j < f->n; j++)
            top_add(&claims[j], iou[i][j] = box_iou(&predicted[i], &f->d[j].box_px), i);
    }
    memset(t->asked.pair, 0, sizeof t->asked.pair);
    memset(t->asked.candidate, -1, sizeof t->asked.candidate);
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++)
        if (t->track[i].id)
            ask_slot(t, f, i, &predicted[i], reading, iou[i], claims);
}

/* Who walks changes shape more than anything that the network learnt from: it took a person whose box
 * grew by a fifth from one frame to the next for somebody else. What is obvious is not asked. */
static float attention_cost(const float logits[ASKED_CANDIDATES + 1],
                            const float pair[PAIR_FEATURES], int k)
{
    float cost = ALONE + DOUBT + logits[ASKED_CANDIDATES] - logits[k];

    return pair_obvious(pair) ? least(cost, 0) : cost;
}

/* All tracks and detections at once: the likeliest pairs, where staying alone is one more answer. */
static void associate_attention(struct tracker *t, struct frame *f)
{
    const float(*logits)[ASKED_CANDIDATES + 1] = learned_attend(t->learned, &t->asked);
    int match[TRACKER_MAX_TRACKS], row[TRACKER_MAX_TRACKS], R = 0;

    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        if (!t->track[i].id)
            continue;
        for (int j = 0; j < f->n; j++)
            t->cost[R][j] = INFINITY;
        for (int k = 0; k < ASKED_CANDIDATES; k++)
            if (t->asked.candidate[i][k] >= 0)
                t->cost[R][t->asked.candidate[i][k]] =
                    attention_cost(logits[i], t->asked.pair[i][k], k);
        row[R++] = i;
    }
    assign_solve((const float(*)[ASSIGN_MAX_COLUMNS])t->cost, R, f->n, ALONE, match);
    for (int r = 0; r < R; r++)
        if (match[r] >= 0) {
            t->owner[row[r]] = match[r];
            f->taken[match[r]] = true;
        }
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
        t->owner[slot - t->track] = i;
        if (t->learned)
            learned_forget(t->learned, (int)(slot - t->track));
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

static bool track_gone(const struct tracker *t, const struct track *k)
{
    return track_dead(k, t->now_ns, t->record);
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
    if (track_gone(t, k) || left_the_picture(t, k))
        k->id = 0;
}

static void predict_tracks(struct tracker *t)
{
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        struct track *k = &t->track[i];

        t->owner[i] = -1;
        if (k->id && track_gone(t, k))
            k->id = 0;
        if (k->id)
            track_predict(k, t->dt_s);
    }
}

static void choose_owners(struct tracker *t, struct frame *f)
{
    if (t->learned || t->record)
        ask_pairs(t, f);
    if (t->learned) {
        associate_attention(t, f);
        return;
    }
    associate_round(t, f, STRONG, INFINITY, t->owner);
    associate_round(t, f, 0, STRONG, t->owner);
}

/* What happened to each track, told to its memory; and what that makes of it. */
static void ask_memories(struct tracker *t)
{
    const struct asked_now now = {&t->camera, t->ego, t->dt_s, t->now_ns};
    const float(*answers)[ANSWERS];

    for (int i = 0; i < TRACKER_MAX_TRACKS; i++)
        if (t->track[i].id)
            track_features(&t->track[i], &now, t->asked.track[i]);
        else
            memset(t->asked.track[i], 0, sizeof t->asked.track[i]);
    if (!t->learned)
        return;
    answers = learned_remember(t->learned, &t->asked);
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++)
        if (t->track[i].id) {
            t->track[i].answer = answers[i];
            track_judge(&t->track[i]);
        }
}

void tracker_step(struct tracker *t, const struct detection *d, int n, const struct camera *camera,
                  const struct ego_motion *ego, int64_t t_ns)
{
    struct frame f;

    t->dt_s = t->started && t_ns > t->now_ns ? (float)((double)(t_ns - t->now_ns) * 1e-9) : 0;
    t->camera = *camera;
    t->ego = ego ? *ego : (struct ego_motion){NAN, NAN};
    t->now_ns = t_ns;
    t->started = true;
    frame_take(&f, d, n);
    predict_tracks(t);
    choose_owners(t, &f);
    for (int i = 0; i < TRACKER_MAX_TRACKS; i++) {
        struct track *k = &t->track[i];

        if (t->owner[i] >= 0)
            track_update(k, &d[t->owner[i]], f.covered[t->owner[i]], camera, t_ns);
        else if (k->id)
            miss_track(t, k, &f, t->dt_s);
    }
    give_birth(t, &f);
    if (t->learned || t->record)
        ask_memories(t);
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
        for (; at > 0 && track_existence(strong[at - 1]) < track_existence(k); at--)
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

const struct asked *tracker_asked(const struct tracker *t)
{
    return &t->asked;
}

const int *tracker_owners(const struct tracker *t)
{
    return t->owner;
}

const struct track *tracker_tracks(const struct tracker *t)
{
    return t->track;
}
