#include "daemon/cli/lane_lessons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/lane_drive.h"
#include "sim/world/random.h"

enum { POOL = 4096, READY = 400 /* sequences to draw from, so that a batch has many drives */ };

struct growing { /* the boundary in a slot */
    uint64_t track;
    struct lane_sequence *so_far;
    int room;
};

struct lane_lessons {
    struct lane_drive *drive;
    struct lanes *lanes;
    struct random random;
    uint64_t seed, drives;
    struct lane_followed followed;
    struct growing slot[LANE_TRACKS];
    struct lane_sequence *pool[POOL];
    int n_pool;
};

enum err lane_lessons_open(uint64_t seed, struct lane_lessons **out, struct why *why)
{
    const struct lanes_options o = {.kind = TRACKER_KALMAN, .record = true};
    struct lane_lessons *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s)
        return err_say(why, ERR_NOMEM, "no memory for lessons");
    s->seed = seed;
    random_seed(&s->random, seed, 33);
    if ((e = lanes_open(&o, &s->lanes, why)) != OK || (e = lane_drive_open(&s->drive, why)) != OK) {
        lane_lessons_close(s);
        return e;
    }
    *out = s;
    return OK;
}

void lane_lessons_close(struct lane_lessons *s)
{
    if (!s)
        return;
    for (int i = 0; i < LANE_TRACKS; i++)
        free(s->slot[i].so_far);
    for (int i = 0; i < s->n_pool; i++)
        free(s->pool[i]);
    lane_drive_close(s->drive);
    lanes_close(s->lanes);
    free(s);
}

enum err lane_lessons_use(struct lane_lessons *s, const struct lane_weights *w, struct why *why)
{
    const struct lanes_options o = {
        .kind = TRACKER_LSTM, .cpu_mask = ~0u, .weights = w, .record = true};
    struct lanes *l;
    enum err e = lanes_open(&o, &l, why);

    if (e != OK)
        return e;
    lanes_close(s->lanes);
    s->lanes = l;
    return OK;
}

uint64_t lane_lessons_drives(const struct lane_lessons *s)
{
    return s->drives;
}

void lane_lessons_skip(struct lane_lessons *s, uint64_t drives)
{
    s->drives = drives;
}

/* ---- what is right ------------------------------------------------------------------------- */

/* From near to far, as far as the line goes and anybody could have learnt it. */
static void right_curve(struct lane_lesson *l, const struct lane_view *v,
                        const struct lane_truth *line)
{
    for (int i = 0; i < LANE_KNOTS; i++) {
        float off = (lane_truth_y(line, LANE_KNOT_M[i]) - (float)v->y_m[i]) / (float)v->unit_m[i];

        if (!(fabsf(off) < LANE_ANSWER_MOST)) /* also NAN */
            return;
        l->y[i] = off;
        l->y_counts[i] = 1;
    }
}

static void right_answers(struct lane_lesson *l, const struct lane_track *t,
                          const struct lane_truth *line)
{
    struct lane_view v;

    lane_view_of(&t->cubic, &v);
    for (int i = 0; i < LANE_KNOTS; i++)
        l->log_sigma[i] = (float)log(v.sigma[i]);
    for (int i = 0; i < LANE_CHAIN; i++)
        l->chain[i] = (float)v.chain[i];
    l->log_odds = logf(fmaxf(t->odds, 1e-6f));
    l->exists_counts = 1;
    l->exists = line && (!isnan(lane_truth_y(line, 10)) || !isnan(lane_truth_y(line, 25)));
    if (line)
        right_curve(l, &v, line);
}

/* ---- from drives to sequences -------------------------------------------------------------- */
static void drop_or_keep(struct lane_lessons *s, struct growing *g)
{
    int n = g->so_far ? g->so_far->n : 0;

    if (n < 2 || (n < 12 && random_chance(&s->random, 0.6)) || s->n_pool == POOL)
        free(g->so_far);
    else
        s->pool[s->n_pool++] = g->so_far;
    *g = (struct growing){0};
}

static struct lane_lesson *one_more(struct growing *g)
{
    if (!g->so_far || g->so_far->n == g->room) {
        int room = g->room ? 2 * g->room : 32;
        void *more =
            realloc(g->so_far, sizeof *g->so_far + (size_t)room * sizeof(struct lane_lesson));

        if (!more)
            return NULL;
        if (!g->so_far)
            ((struct lane_sequence *)more)->n = 0;
        g->so_far = more;
        g->room = room;
    }
    struct lane_lesson *l = &g->so_far->lesson[g->so_far->n++];
    *l = (struct lane_lesson){0};
    return l;
}

static bool learn_frame(struct lane_lessons *s, int sight, const struct lane_tracks_frame *f)
{
    const struct lane_track *t = lanes_tracks(s->lanes);
    const float(*asked)[LANE_FEATURES] = lanes_asked(s->lanes);

    lane_followed_step(&s->followed, s->lanes, &f->sight[sight]);
    for (int i = 0; i < LANE_TRACKS; i++) {
        struct growing *g = &s->slot[i];

        if (g->track != t[i].id)
            drop_or_keep(s, g);
        if (!t[i].id)
            continue;
        g->track = t[i].id;
        struct lane_lesson *l = one_more(g);
        if (!l)
            return false;
        memcpy(l->x, asked[i], sizeof l->x);
        right_answers(l, &t[i], lane_truth_find(f, s->followed.slot[i].line));
    }
    return true;
}

static bool learn_sight(struct lane_lessons *s, int sight)
{
    lanes_reset(s->lanes);
    for (int f = 0; f < s->drive->n_frames; f++) {
        lane_drive_step(s->drive, sight, f, s->lanes);
        if (!learn_frame(s, sight, &s->drive->frame[f]))
            return false;
    }
    for (int i = 0; i < LANE_TRACKS; i++)
        drop_or_keep(s, &s->slot[i]);
    return true;
}

static enum err learn_drive(struct lane_lessons *s, struct why *why)
{
    struct lane_drive_plan plan;
    enum err e;

    lane_drive_vary(random_mix(s->seed ^ random_mix(++s->drives)), LANE_SIGHTS, &plan);
    if ((e = lane_drive_run(s->drive, &plan, why)) != OK)
        return e;
    for (int i = 0; i < LANE_SIGHTS; i++)
        if (!learn_sight(s, i))
            return err_say(why, ERR_NOMEM, "no memory for lessons");
    return OK;
}

enum err lane_lessons_next(struct lane_lessons *s, struct lane_sequence **out, struct why *why)
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
