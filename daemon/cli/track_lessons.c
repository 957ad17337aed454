#include "daemon/cli/track_lessons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/track_drive.h"
#include "perception/track/answers.h"
#include "sim/world/random.h"

enum { POOL = 4096, READY = 300 /* sequences to draw from, so that a batch has many drives */ };

static const float NEAR_M = 60;

struct growing {            /* the track in a slot */
    uint64_t track, object; /* object: whom its last detection showed; 0: nobody */
    struct track_sequence_lessons *so_far;
    int room;
};

enum { CROSSING_EVERY = 5 /* drives: one in which somebody steps onto the road */ };

struct track_lessons {
    struct track_drive *drive;
    struct tracker *tracker;
    struct random random;
    uint64_t seed, drives;
    struct growing slot[ASKED_TRACKS];
    struct track_sequence_lessons *pool[POOL];
    int n_pool;
};

enum err track_lessons_open(uint64_t seed, struct track_lessons **out, struct why *why)
{
    const struct tracker_options o = {.kind = TRACKER_KALMAN, .record = true};
    struct track_lessons *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s)
        return err_say(why, ERR_NOMEM, "no memory for lessons");
    s->seed = seed;
    random_seed(&s->random, seed, 21);
    if ((e = tracker_open(&o, &s->tracker, why)) != OK ||
        (e = track_drive_open(&s->drive, why)) != OK) {
        track_lessons_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void track_lessons_close(struct track_lessons *s)
{
    if (!s)
        return;
    for (int i = 0; i < ASKED_TRACKS; i++)
        free(s->slot[i].so_far);
    for (int i = 0; i < s->n_pool; i++)
        free(s->pool[i]);
    track_drive_close(s->drive);
    tracker_close(s->tracker);
    free(s);
}

enum err track_lessons_use(struct track_lessons *s, const struct weights *w, struct why *why)
{
    const struct tracker_options o = {
        .kind = TRACKER_LSTM, .cpu_mask = ~0u, .weights = w, .record = true};
    struct tracker *t;
    enum err e = tracker_open(&o, &t, why);

    if (e != OK)
        return e;
    tracker_close(s->tracker);
    s->tracker = t;
    return OK;
}

uint64_t track_lessons_drives(const struct track_lessons *s)
{
    return s->drives;
}

void track_lessons_skip(struct track_lessons *s, uint64_t drives)
{
    s->drives = drives;
}

/* ---- what is right ------------------------------------------------------------------------- */
static bool small(float v)
{
    return fabsf(v) < ANSWER_MOST; /* also false for NAN */
}

/* The next box less what the filter will expect. Where the picture ends nobody knows. */
static void right_box(struct lesson *l, const struct track *t, const struct track_drive *d,
                      const struct track_object *next)
{
    struct track ahead = *t;
    const float W = (float)d->camera.width, H = (float)d->camera.height;
    const struct box *b = &next->truth;
    const float edge[4] = {b->x1, b->y1, b->x2, b->y2};
    const bool known[4] = {b->x1 > 1, b->y1 > 1, b->x2 < W - 1, b->y2 < H - 1};

    track_predict(&ahead, (float)d->dt_s);
    for (int i = 0; i < 4; i++) {
        float size = fmaxf(ahead.edge[i % 2 + 2].x - ahead.edge[i % 2].x, 2);

        l->box[i] = (edge[i] - ahead.edge[i].x) / size;
        l->box_counts[i] = known[i] && fabsf(l->box[i]) < 1.5f;
        l->box[i] *= l->box_counts[i];
    }
}

static void right_state(struct lesson *l, const struct track *t, const struct track_drive *d,
                        int frame, const struct track_object *now)
{
    struct answer_units u;
    struct relative_motion m;

    if (!t->has_metres || !track_drive_motion(d, frame, now, &m))
        return;
    answer_units(t, &d->believed, &u);
    bool counts = true;
    for (int i = 0; i < STATE_DIM; i++) {
        l->state[i] = (m.s[i] - (i < 4 ? (float)t->metres.s[i] : 0)) / u.state[i];
        counts &= small(l->state[i]);
    }
    if (!counts)
        memset(l->state, 0, sizeof l->state);
    l->state_counts = counts;
    if (counts && hypotf(m.s[0], m.s[1]) < NEAR_M)
        l->speed_counts = u.state[2] * u.state[2];
    l->rate = (m.closing_1ps - filter_closing_rate(t, &d->believed)) / u.rate_1ps;
    l->rate_counts = counts && small(l->rate);
    l->rate *= l->rate_counts;
    for (int i = 0; i < SCENE_PATH_POINTS; i++) {
        double s = 0.5 * (i + 1);
        float at[2];
        bool there = track_drive_later(d, frame, now->id, s, at);

        for (int k = 0; k < 2; k++) {
            double straight = t->metres.s[k] + s * t->metres.s[k + 2];
            float off = there ? (at[k] - (float)straight) / u.path_m[i][k] : 0;

            l->path[2 * i + k] = small(off) ? off : 0;
            l->path_counts[2 * i + k] = there && counts && small(off);
        }
    }
}

static void right_choice(struct lesson *l, const struct asked *a, int slot, uint64_t object,
                         const uint64_t *shows)
{
    memcpy(l->pair, a->pair[slot], sizeof l->pair);
    l->choice = ASKED_CANDIDATES;
    for (int k = 0; k < ASKED_CANDIDATES; k++) {
        int d = a->candidate[slot][k];

        l->none[k] = d < 0 ? -1e4f : 0;
        if (d < 0)
            continue;
        l->choice_counts = 1;
        if (object && shows[d] == object)
            l->choice = (float)k;
    }
}

/* ---- from drives to sequences -------------------------------------------------------------- */
static void drop_or_keep(struct track_lessons *s, struct growing *g)
{
    int n = g->so_far ? g->so_far->n : 0;

    if (n < 2 || (n < 8 && random_chance(&s->random, 0.6)) || s->n_pool == POOL)
        free(g->so_far);
    else
        s->pool[s->n_pool++] = g->so_far;
    *g = (struct growing){0};
}

static struct lesson *one_more(struct growing *g)
{
    if (!g->so_far || g->so_far->n == g->room) {
        int room = g->room ? 2 * g->room : 32;
        void *more = realloc(g->so_far, sizeof *g->so_far + (size_t)room * sizeof(struct lesson));

        if (!more)
            return NULL;
        if (!g->so_far)
            ((struct track_sequence_lessons *)more)->n = 0;
        g->so_far = more;
        g->room = room;
    }
    struct lesson *l = &g->so_far->lesson[g->so_far->n++];
    *l = (struct lesson){0};
    return l;
}

static bool learn_frame(struct track_lessons *s, int frame, const uint64_t *shows)
{
    const struct track_drive *d = s->drive;
    const struct track *tracks = tracker_tracks(s->tracker);
    const struct asked *a = tracker_asked(s->tracker);
    const int *owner = tracker_owners(s->tracker);

    for (int i = 0; i < ASKED_TRACKS; i++) {
        struct growing *g = &s->slot[i];

        if (g->so_far)
            right_choice(&g->so_far->lesson[g->so_far->n - 1], a, i, g->object, shows);
        if (g->track != tracks[i].id)
            drop_or_keep(s, g);
        if (!tracks[i].id)
            continue;
        g->track = tracks[i].id;
        if (owner[i] >= 0 && shows[owner[i]])
            g->object = shows[owner[i]];
        struct lesson *l = one_more(g);
        const struct track_object *now = track_drive_find(d, frame, g->object);
        const struct track_object *next = track_drive_find(d, frame + 1, g->object);
        if (!l)
            return false;
        memcpy(l->track, a->track[i], sizeof l->track);
        l->exists = now && now->truncation < 0.9f;
        if (now)
            right_state(l, &tracks[i], d, frame, now);
        if (next)
            right_box(l, &tracks[i], d, next);
    }
    return true;
}

/* A person with a bag is a cyclist in some frames, and a cyclist a person. */
static void confuse(struct random *r, struct detection *d, int n)
{
    const double often = 0.2;

    for (int i = 0; i < n; i++)
        if ((d[i].class == OBJECT_PERSON || d[i].class == OBJECT_CYCLIST) &&
            random_chance(r, often))
            d[i].class = d[i].class == OBJECT_PERSON ? OBJECT_CYCLIST : OBJECT_PERSON;
}

static enum err learn_drive(struct track_lessons *s, struct why *why)
{
    struct detection detection[TRACKER_MAX_DETECTIONS];
    uint64_t shows[TRACKER_MAX_DETECTIONS];
    struct track_drive_plan plan;
    struct random r;
    enum err e;

    uint64_t seed = random_mix(s->seed ^ random_mix(++s->drives));
    if (s->drives % 3)
        track_drive_vary(seed, &plan);
    else
        track_drive_plain(seed, &plan);
    if (s->drives % CROSSING_EVERY == 0) /* rare elsewhere, and what matters most */
        plan.scenario = "crossing_pedestrian";
    random_seed(&r, seed, 31);
    if ((e = track_drive_run(s->drive, &plan, why)) != OK)
        return e;
    tracker_reset(s->tracker);
    for (int f = 0; f < s->drive->n_frames; f++) {
        int n = track_drive_detections(s->drive, f, detection, shows);
        confuse(&r, detection, n);
        struct ego_motion ego = track_drive_ego(s->drive, f);

        tracker_step(s->tracker, detection, n, &s->drive->believed, &ego,
                     (int64_t)(f * s->drive->dt_s * 1e9));
        if (!learn_frame(s, f, shows))
            return err_say(why, ERR_NOMEM, "no memory for lessons");
    }
    for (int i = 0; i < ASKED_TRACKS; i++)
        drop_or_keep(s, &s->slot[i]);
    return OK;
}

enum err track_lessons_next(struct track_lessons *s, struct track_sequence_lessons **out,
                            struct why *why)
{
    enum err e;

    while (s->n_pool < READY)
        if ((e = learn_drive(s, why)) != OK)
            return e;
    int i = random_index(&s->random, s->n_pool);
    *out = s->pool[i];
    s->pool[i] = s->pool[--s->n_pool];
    return OK;
}
