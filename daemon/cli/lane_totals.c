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
    int role[LANE_SCORES_MAX];                                /* of the guesses */
    int truth_of[LANE_SCORES_MAX], guess_of[LANE_SCORES_MAX]; /* their places in what was read */
    const struct prediction *seen;                            /* one or the other */
    const struct lane_label *seen_rows;
    double (*points)[2]; /* room for (2 rows), of a truth and of a guess */
};

/* The guess behind the last one, if the rows show anything of it. */
static void keep_guess(struct picture *p, int role, int at)
{
    const int rows = p->label->rows;

    if (lane_bottom(p->guess + (size_t)p->n_guesses * (size_t)rows, rows) < 0)
        return;
    p->guess_of[p->n_guesses] = at;
    p->role[p->n_guesses++] = role;
}

static void sample_guesses(struct picture *p, const struct prediction *seen)
{
    p->seen = seen;
    p->width = seen->width;
    p->height = seen->height;
    for (size_t i = 0; i < seen->n_lanes && p->n_guesses < LANE_SCORES_MAX; i++) {
        const struct predicted_lane *lane = &seen->lane[i];

        lane_sample((const double(*)[2])lane->point, lane->n, p->label->y, p->label->rows,
                    p->guess + (size_t)p->n_guesses * (size_t)p->label->rows);
        keep_guess(p, lane->role, (int)i);
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
    p->seen_rows = seen;
    for (int i = 0; i < seen->n; i++) {
        memcpy(p->guess + (size_t)p->n_guesses * rows, seen->x + (size_t)i * rows,
               rows * sizeof *p->guess);
        keep_guess(p, 0, i);
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

/* of: the places of the n in what was read. */
static int keep_ego(const struct picture *p, double *x, const int *role, int *of, int n)
{
    const size_t bytes = (size_t)p->label->rows * sizeof *x;
    const int side[2] = {ego_side(p, x, role, n, 1), ego_side(p, x, role, n, -1)};
    int kept = 0, kept_of[2];

    double *both = malloc(2 * bytes);
    if (!both)
        return -1;
    for (int i = 0; i < 2; i++)
        if (side[i] >= 0) {
            kept_of[kept] = of[side[i]];
            memcpy((char *)both + (size_t)kept++ * bytes, (char *)x + (size_t)side[i] * bytes,
                   bytes);
        }
    memcpy(x, both, (size_t)kept * bytes);
    memcpy(of, kept_of, (size_t)kept * sizeof *of);
    free(both);
    return kept;
}

/* ---- matched lines --------------------------------------------------------------------------- */
/* What the truth knows of truth t; NULL: nothing. */
static const struct set_line *known_line(const struct picture *p, const struct set_picture *known,
                                         int t)
{
    return known && known->n_lines == p->label->n ? &known->line[p->truth_of[t]] : NULL;
}

static struct lane_line line_of_rows(const struct picture *p, const double *x, double (*room)[2])
{
    size_t n = 0;

    for (int i = 0; i < p->label->rows; i++)
        if (x[i] >= 0) {
            room[n][0] = x[i];
            room[n++][1] = p->label->y[i];
        }
    return (struct lane_line){.point = (const double(*)[2])room, .n = n};
}

static enum err add_pair(struct picture *p, const struct set_line *known, int t, int g,
                         struct lane_picture *out, struct lane_kinds *kinds)
{
    const size_t rows = (size_t)p->label->rows;
    const double y[2] = {p->label->y[0], p->label->y[rows - 1]};
    const struct predicted_lane *lane = p->seen ? &p->seen->lane[p->guess_of[g]] : NULL;
    const struct lane_line truth =
        known ? (struct lane_line){.point = (const double(*)[2])known->point, .n = known->n}
              : line_of_rows(p, p->truth + (size_t)t * rows, p->points);
    const struct lane_line guess =
        lane ? (struct lane_line){(const double(*)[2])lane->point, lane->sigma, lane->n}
             : line_of_rows(p, p->guess + (size_t)g * rows, p->points + rows);

    if (known) {
        kinds->type[known->type][lane ? lane->type : 0]++;
        kinds->color[known->color][lane ? lane->color : 0]++;
    }
    out->truths_hit |= 1u << p->truth_of[t];
    out->guesses_hit |= 1u << p->guess_of[g];
    return lane_fit_add(&truth, &guess, y, &out->fit);
}

/* ---- one picture's scores -------------------------------------------------------------------- */
static enum err score(struct picture *p, const struct lane_rules *rules,
                      const struct set_picture *known, struct lane_picture *out,
                      struct lane_kinds *kinds)
{
    struct lane_case c = {
        .y = p->label->y, .rows = p->label->rows, .truth = p->truth, .guess = p->guess};
    int match[LANE_SCORES_MAX];
    enum err e = OK;

    if (rules->ego) {
        p->n_truths = keep_ego(p, p->truth, NULL, p->truth_of, p->n_truths);
        p->n_guesses = keep_ego(p, p->guess, p->role, p->guess_of, p->n_guesses);
    }
    if (p->n_truths < 0 || p->n_guesses < 0)
        return ERR_NOMEM;
    c.n_truths = p->n_truths;
    c.n_guesses = p->n_guesses;
    if (culane_match(&c, p->width, p->height, CULANE_PX * p->width, CULANE_IOU, match) != OK)
        return ERR_NOMEM;
    *out = (struct lane_picture){.label = p->label,
                                 .guess = p->seen,
                                 .guess_rows = p->seen_rows,
                                 .conditions = known ? known->conditions : 0,
                                 .tusimple = tusimple_score(&c, TUSIMPLE_PX * p->width),
                                 .culane = culane_count(&c, match)};
    for (int g = 0; g < c.n_guesses; g++)
        out->guesses |= 1u << p->guess_of[g];
    for (int t = 0; t < c.n_truths; t++)
        out->truths |= 1u << p->truth_of[t];
    for (int t = 0; t < c.n_truths && e == OK; t++)
        if (match[t] >= 0)
            e = add_pair(p, known_line(p, known, t), t, match[t], out, kinds);
    return e;
}

/* Lanes that no row shows are none: sets keep a place for those of our own lane. */
static void keep_truths(struct picture *p)
{
    const struct lane_label *l = p->label;
    const size_t rows = (size_t)l->rows;

    for (int i = 0; i < l->n; i++) {
        if (lane_bottom(l->x + (size_t)i * rows, l->rows) < 0)
            continue;
        memcpy(p->truth + (size_t)p->n_truths * rows, l->x + (size_t)i * rows, rows * sizeof *l->x);
        p->truth_of[p->n_truths++] = i;
    }
}

static enum err score_label(const struct lane_label *label, const struct lane_guesses *guesses,
                            const struct lane_rules *rules, const struct set_truth *truth,
                            struct lane_totals *out, struct why *why)
{
    const size_t rows = (size_t)label->rows, room = (size_t)LANE_SCORES_MAX * rows;
    struct picture p = {.label = label, .width = rules->width, .height = rules->height};
    bool found;
    enum err e;

    p.truth = calloc(2 * room + 4 * rows, sizeof *p.truth);
    if (!p.truth)
        return err_say(why, ERR_NOMEM, "%.120s: no memory to score it", label->image);
    p.guess = p.truth + room;
    p.points = (double(*)[2])(p.guess + room);
    keep_truths(&p);
    e = find_guesses(&p, guesses, &found, why);
    if (e == OK && !found)
        out->skipped[out->n_skipped++] = label->image;
    else if (e == OK && (e = score(&p, rules, set_truth_find(truth, label->image),
                                   &out->picture[out->pictures++], &out->kinds)) != OK)
        err_say(why, e, "%.120s: no memory to score it", label->image);
    free(p.truth);
    return e;
}

/* ---- sums ------------------------------------------------------------------------------------ */
double lane_f1(const struct culane_score *c)
{
    const long lines = 2 * c->hits + c->false_alarms + c->misses;

    return lines ? 2 * (double)c->hits / (double)lines : NAN;
}

static enum err add_picture(struct lane_sum *s, const struct lane_picture *p)
{
    s->pictures++;
    s->tusimple.accuracy += p->tusimple.accuracy;
    s->tusimple.false_alarms += p->tusimple.false_alarms;
    s->tusimple.misses += p->tusimple.misses;
    s->culane.hits += p->culane.hits;
    s->culane.false_alarms += p->culane.false_alarms;
    s->culane.misses += p->culane.misses;
    return lane_fit_join(&s->fit, &p->fit);
}

/* Of the pictures with all these conditions. */
static enum err sum_up(const struct lane_totals *t, unsigned conditions, struct lane_sum *s)
{
    enum err e = OK;

    for (size_t i = 0; i < t->pictures && e == OK; i++)
        if ((t->picture[i].conditions & conditions) == conditions)
            e = add_picture(s, &t->picture[i]);
    if (s->pictures) {
        s->tusimple.accuracy /= (double)s->pictures;
        s->tusimple.false_alarms /= (double)s->pictures;
        s->tusimple.misses /= (double)s->pictures;
    }
    lane_fit_sort(&s->fit);
    return e;
}

static enum err sum_conditions(const struct set_truth *truth, struct lane_totals *t)
{
    enum err e = OK;

    for (int i = 0; i < truth->n_conditions && e == OK; i++) {
        struct lane_condition *c = &t->condition[t->n_conditions];

        memcpy(c->name, truth->condition[i], sizeof c->name);
        e = sum_up(t, 1u << i, &c->sum);
        t->n_conditions += c->sum.pictures > 0;
    }
    return e;
}

/* ---- all ------------------------------------------------------------------------------------- */
static enum err score_all(const struct lane_labels *labels, const struct lane_guesses *guesses,
                          const struct lane_rules *rules, const struct set_truth *truth,
                          struct lane_totals *out, struct why *why)
{
    enum err e = OK;

    out->skipped = calloc(labels->n + 1, sizeof *out->skipped);
    out->picture = calloc(labels->n + 1, sizeof *out->picture);
    if (!out->skipped || !out->picture)
        return err_say(why, ERR_NOMEM, "no memory for %zu pictures", labels->n);
    for (size_t i = 0; i < labels->n && e == OK; i++)
        e = score_label(&labels->picture[i], guesses, rules, truth, out, why);
    if (e == OK && !out->pictures)
        return err_say(why, ERR_FORMAT, "of %zu labelled pictures none was predicted (%.80s ...)",
                       labels->n, labels->picture[0].image);
    if (e != OK)
        return e;
    if ((e = sum_up(out, 0, &out->all)) != OK || (e = sum_conditions(truth, out)) != OK)
        return err_say(why, e, "no memory to add up %zu pictures", out->pictures);
    return OK;
}

enum err lane_totals_make(const struct lane_labels *labels, const struct lane_guesses *guesses,
                          const struct lane_rules *rules, const struct set_truth *truth,
                          struct lane_totals *out, struct why *why)
{
    *out = (struct lane_totals){0};
    const enum err e = score_all(labels, guesses, rules, truth, out, why);
    if (e != OK)
        lane_totals_finish(out);
    return e;
}

void lane_totals_finish(struct lane_totals *t)
{
    for (size_t i = 0; i < t->pictures; i++)
        lane_fit_finish(&t->picture[i].fit);
    for (int i = 0; i < t->n_conditions; i++)
        lane_fit_finish(&t->condition[i].sum.fit);
    lane_fit_finish(&t->all.fit);
    free(t->picture);
    free(t->skipped);
    *t = (struct lane_totals){0};
}
