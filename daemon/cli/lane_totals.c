#include "daemon/cli/lane_totals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TUSIMPLE_PX = 20.0 / 1280, CULANE_PX = 30.0 / 1640; /* of the width */
static const double CULANE_IOU = 0.5;

/* ---- reading --------------------------------------------------------------------------------- */
static enum err is_tusimple(const char *path, bool *out, struct why *why)
{
    struct json_lines l;
    json_t *j = NULL;
    enum err e = json_lines_open(path, &l, why);

    *out = false;
    if (e != OK)
        return e;
    e = json_lines_next(&l, &j);
    *out = j && json_object_get(j, "raw_file");
    json_decref(j);
    json_lines_close(&l);
    return e == ERR_AGAIN ? err_say(why, ERR_FORMAT, "%s: it is empty", path) : e;
}

enum err lane_guesses_read(const char *path, struct lane_guesses *out, struct why *why)
{
    bool tusimple;
    enum err e = is_tusimple(path, &tusimple, why);

    *out = (struct lane_guesses){0};
    if (e != OK)
        return e;
    return tusimple ? lane_labels_read(path, false, &out->rows, why)
                    : predictions_read(path, HEAD_LANES, &out->pictures, why);
}

void lane_guesses_finish(struct lane_guesses *g)
{
    predictions_finish(&g->pictures);
    lane_labels_finish(&g->rows);
}

/* ---- one picture ----------------------------------------------------------------------------- */
struct picture { /* all x are (LANE_SCORES_MAX, rows) */
    const struct lane_label *label;
    int width, height;
    double *truth, *guess;
    int n_truths, n_guesses;
    int role[LANE_SCORES_MAX]; /* of the guesses */
};

/* The guess behind the last one, if the rows show anything of it. */
static void keep_guess(struct picture *p, int role)
{
    const int rows = p->label->rows;

    if (lane_bottom(p->guess + (size_t)p->n_guesses * (size_t)rows, rows) >= 0)
        p->role[p->n_guesses++] = role;
}

static void sample_guesses(struct picture *p, const struct prediction *seen)
{
    p->width = seen->width;
    p->height = seen->height;
    for (size_t i = 0; i < seen->n_lanes && p->n_guesses < LANE_SCORES_MAX; i++) {
        const struct predicted_lane *lane = &seen->lane[i];

        lane_sample((const double(*)[2])lane->point, lane->n, p->label->y, p->label->rows,
                    p->guess + (size_t)p->n_guesses * (size_t)p->label->rows);
        keep_guess(p, lane->role);
    }
}

static enum err copy_guesses(struct picture *p, const struct lane_label *seen, struct why *why)
{
    const size_t rows = (size_t)p->label->rows;

    if (seen->n && (seen->rows != p->label->rows ||
                    (seen->y && memcmp(seen->y, p->label->y, rows * sizeof *seen->y) != 0)))
        return err_say(why, ERR_FORMAT,
                       "line %d of the predictions: %.120s: its rows are not those of the labels",
                       seen->line, seen->image);
    for (int i = 0; i < seen->n; i++) {
        memcpy(p->guess + (size_t)p->n_guesses * rows, seen->x + (size_t)i * rows,
               rows * sizeof *p->guess);
        keep_guess(p, 0);
    }
    return OK;
}

/* Name, or the end of it from a slash on. */
static const char *next_name(const char *name)
{
    const char *slash = strchr(name, '/');

    return slash ? slash + 1 : NULL;
}

static enum err find_guesses(struct picture *p, const struct lane_guesses *g, bool *found,
                             struct why *why)
{
    *found = false;
    for (const char *name = p->label->image; name; name = next_name(name)) {
        const struct prediction *seen = predictions_find(&g->pictures, name);
        const struct lane_label *rows = lane_labels_find(&g->rows, name);

        *found = (seen && !seen->error) || rows;
        if (rows)
            return copy_guesses(p, rows, why);
        if (seen && !seen->error)
            sample_guesses(p, seen);
        if (seen)
            return OK;
    }
    return OK;
}

/* ---- our own lane ---------------------------------------------------------------------------- */
/* The index of the boundary with this role or, without roles, the nearest to the middle of the
 * picture in the lowest row on the left (+1) or on the right (-1); -1 if there is none. */
static int ego_side(const struct picture *p, const double *x, const int *role, int n, int side)
{
    const int rows = p->label->rows;
    double nearest = INFINITY;
    bool told = false;
    int best = -1;

    for (int i = 0; role && i < n; i++)
        told |= role[i] != 0;
    for (int i = 0; i < n; i++) {
        const double at =
            lane_fit_at(x + (size_t)i * (size_t)rows, p->label->y, rows, p->label->y[rows - 1]);
        const double off = (p->width / 2.0 - at) * side;

        if (told ? role[i] == side : off >= 0 && off < nearest) {
            nearest = off;
            best = i;
        }
    }
    return best;
}

static int keep_ego(const struct picture *p, double *x, const int *role, int n)
{
    const size_t bytes = (size_t)p->label->rows * sizeof *x;
    const int side[2] = {ego_side(p, x, role, n, 1), ego_side(p, x, role, n, -1)};
    int kept = 0;

    double *both = malloc(2 * bytes);
    if (!both)
        return -1;
    for (int i = 0; i < 2; i++)
        if (side[i] >= 0)
            memcpy((char *)both + (size_t)kept++ * bytes, (char *)x + (size_t)side[i] * bytes,
                   bytes);
    memcpy(x, both, (size_t)kept * bytes);
    free(both);
    return kept;
}

/* ---- all ------------------------------------------------------------------------------------- */
static enum err score(struct picture *p, const struct lane_rules *rules, struct lane_totals *out)
{
    struct lane_case c = {
        .y = p->label->y, .rows = p->label->rows, .truth = p->truth, .guess = p->guess};
    struct tusimple_score t;
    struct culane_score u;

    if (rules->ego) {
        p->n_truths = keep_ego(p, p->truth, NULL, p->n_truths);
        p->n_guesses = keep_ego(p, p->guess, p->role, p->n_guesses);
    }
    if (p->n_truths < 0 || p->n_guesses < 0)
        return ERR_NOMEM;
    c.n_truths = p->n_truths;
    c.n_guesses = p->n_guesses;
    t = tusimple_score(&c, TUSIMPLE_PX * p->width);
    if (culane_score(&c, p->width, p->height, CULANE_PX * p->width, CULANE_IOU, &u) != OK)
        return ERR_NOMEM;
    out->pictures++;
    out->tusimple.accuracy += t.accuracy;
    out->tusimple.false_alarms += t.false_alarms;
    out->tusimple.misses += t.misses;
    out->culane.hits += u.hits;
    out->culane.false_alarms += u.false_alarms;
    out->culane.misses += u.misses;
    return OK;
}

static enum err score_label(const struct lane_label *label, const struct lane_guesses *guesses,
                            const struct lane_rules *rules, struct lane_totals *out,
                            struct why *why)
{
    const size_t room = (size_t)LANE_SCORES_MAX * (size_t)label->rows;
    struct picture p = {.label = label, .width = rules->width, .height = rules->height};
    bool found;
    enum err e;

    p.truth = calloc(2 * room, sizeof *p.truth);
    if (!p.truth)
        return err_say(why, ERR_NOMEM, "%.120s: no memory to score it", label->image);
    p.guess = p.truth + room;
    p.n_truths = label->n;
    memcpy(p.truth, label->x, (size_t)label->n * (size_t)label->rows * sizeof *p.truth);
    e = find_guesses(&p, guesses, &found, why);
    if (e == OK && !found)
        out->skipped[out->n_skipped++] = label->image;
    else if (e == OK && (e = score(&p, rules, out)) != OK)
        err_say(why, e, "%.120s: no memory to score it", label->image);
    free(p.truth);
    return e;
}

enum err lane_totals_make(const struct lane_labels *labels, const struct lane_guesses *guesses,
                          const struct lane_rules *rules, struct lane_totals *out, struct why *why)
{
    enum err e = OK;

    *out = (struct lane_totals){0};
    out->skipped = calloc(labels->n + 1, sizeof *out->skipped);
    if (!out->skipped) {
        err_say(why, ERR_NOMEM, "no memory for %zu pictures", labels->n);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < labels->n && e == OK; i++)
        e = score_label(&labels->picture[i], guesses, rules, out, why);
    if (e == OK && !out->pictures)
        e = err_say(why, ERR_FORMAT, "of %zu labelled pictures none was predicted (%.80s ...)",
                    labels->n, labels->picture[0].image);
    if (e != OK) {
        lane_totals_finish(out);
        return e;
    }
    out->tusimple.accuracy /= (double)out->pictures;
    out->tusimple.false_alarms /= (double)out->pictures;
    out->tusimple.misses /= (double)out->pictures;
    return OK;
}

void lane_totals_finish(struct lane_totals *t)
{
    free(t->skipped);
    *t = (struct lane_totals){0};
}
