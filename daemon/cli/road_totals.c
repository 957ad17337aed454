#include "daemon/cli/road_totals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct work {
    struct road_pair pair;
    const struct set_truth *truth;
    struct road_totals *out;
    size_t n_means;
    struct why *why;
};

static void add_counts(struct road_counts *sum, const struct road_counts *more)
{
    sum->hits += more->hits;
    sum->false_alarms += more->false_alarms;
    sum->misses += more->misses;
    sum->rest += more->rest;
}

static enum err score_picture(struct work *w, const char *name)
{
    struct road_totals *out = w->out;
    struct road_picture *p = &out->picture[out->pictures];
    const char *missing;
    const enum err e = road_pair_read(&w->pair, name, &missing, w->why);

    if (e == OK && missing)
        out->skipped[out->n_skipped++] = (struct skipped_road){name, missing};
    if (e != OK || missing)
        return e;
    p->image = name;
    p->conditions = set_truth_conditions(w->truth, name);
    road_counts_add(w->pair.truth.id, w->pair.guess.id,
                    (size_t)w->pair.truth.width * (size_t)w->pair.truth.height, &p->counts);
    add_counts(&out->counts, &p->counts);
    const double iou = road_scores_of(&p->counts).iou;
    if (!isnan(iou)) {
        out->mean_of_pictures += iou;
        w->n_means++;
    }
    out->pictures++;
    return OK;
}

static void sum_conditions(const struct set_truth *truth, struct road_totals *t)
{
    for (int i = 0; i < truth->n_conditions; i++) {
        struct road_condition *c = &t->condition[t->n_conditions];

        memcpy(c->name, truth->condition[i], sizeof c->name);
        for (size_t k = 0; k < t->pictures; k++)
            if (t->picture[k].conditions & 1u << i) {
                c->pictures++;
                add_counts(&c->counts, &t->picture[k].counts);
            }
        t->n_conditions += c->pictures > 0;
    }
}

static enum err score_all(struct work *w)
{
    const struct road_set *set = w->pair.set;
    const struct pictures *p = &set->pictures;
    struct road_totals *out = w->out;
    enum err e = OK;

    for (size_t i = 0; i < p->n && e == OK; i++)
        e = score_picture(w, p->name[i]);
    if (e == OK && !out->pictures)
        e = err_say(w->why, ERR_FORMAT,
                    "%.200s: of its %zu pictures none was predicted (%.60s: %.40s)", set->path,
                    p->n, out->skipped[0].image, out->skipped[0].why);
    out->mean_of_pictures = w->n_means ? out->mean_of_pictures / (double)w->n_means : NAN;
    sum_conditions(w->truth, out);
    return e;
}

enum err road_totals_make(const struct road_set *set, const struct road_guesses *guesses,
                          int ignored, const struct set_truth *truth, struct road_totals *out,
                          struct why *why)
{
    struct work w = {.truth = truth, .out = out, .why = why};
    enum err e;

    *out = (struct road_totals){0};
    out->skipped = calloc(set->pictures.n + 1, sizeof *out->skipped);
    out->picture = calloc(set->pictures.n + 1, sizeof *out->picture);
    e = road_pair_init(&w.pair, set, guesses, ignored);
    if (e != OK || !out->skipped || !out->picture)
        e = err_say(why, ERR_NOMEM, "%.200s: no memory to score it", set->path);
    else
        e = score_all(&w);
    road_pair_finish(&w.pair);
    if (e != OK)
        road_totals_finish(out);
    return e;
}

void road_totals_finish(struct road_totals *t)
{
    free(t->skipped);
    free(t->picture);
    *t = (struct road_totals){0};
}
