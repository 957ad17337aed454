#include "daemon/cli/object_conditions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/train_set.h"
#include "daemon/cli/train_truth.h"

static const double limit_m[BANDS + 1] = {0, 20, 40, 80, 1e9};
static const double SAME_IOU = 0.5;
enum { SIGNS = 1 << OBJECT_TRAFFIC_LIGHT | 1 << OBJECT_TRAFFIC_SIGN };

struct work {
    const struct object_scores *s;
    double error_score;
    struct train_set set; /* for its truth */
    struct labels labels;
    struct set_truth truth;
    struct ap_picture *picture; /* (s->pictures): those of a condition */
    struct object_conditions *out;
    struct why *why;
};

/* ---- distances ----------------------------------------------------------------------------- */

static double overlap(const struct box *a, const struct ap_box *b)
{
    const double w = fmin((double)a->x2, b->x2) - fmax((double)a->x1, b->x1),
                 h = fmin((double)a->y2, b->y2) - fmax((double)a->y1, b->y1);
    const double both = w > 0 && h > 0 ? w * h : 0;

    return both / ((double)(a->x2 - a->x1) * (double)(a->y2 - a->y1) +
                   (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

static const struct ap_guess *best_guess(const struct work *w, const struct ap_picture *p,
                                         const struct label_object *o)
{
    const struct ap_guess *best = NULL;
    double most = SAME_IOU;

    for (size_t i = 0; i < p->n_guesses; i++) {
        const double iou = overlap(&o->box, &p->guess[i].box);

        if (p->guess[i].score >= w->error_score && iou >= most) {
            best = &p->guess[i];
            most = iou;
        }
    }
    return best;
}

static enum err add_error(struct distance_band *b, double error, double sigma)
{
    double *more = b->told % 256 ? b->error : realloc(b->error, (b->told + 256) * sizeof *more);

    if (!more)
        return ERR_NOMEM;
    b->error = more;
    b->error[b->told++] = error;
    b->bias += error;
    b->within1 += fabs(error) <= sigma;
    b->within2 += fabs(error) <= 2 * sigma;
    return OK;
}

static bool is_cut(const struct work *w, const struct box *b)
{
    return b->x1 < 2 || b->x2 > (float)w->set.camera.width - 2 ||
           b->y2 > (float)w->set.camera.height - 2;
}

static enum err add_object(struct work *w, const struct ap_picture *p, const struct label_object *o)
{
    struct distance_band *b = w->out->band;
    const struct ap_guess *g;

    if (o->ignore || (o->classes & SIGNS) || !(o->distance_m > 0))
        return OK;
    while (b < w->out->band + BANDS - 1 && (double)o->distance_m >= b->to_m)
        b++;
    b->truths++;
    if (!(g = best_guess(w, p, o)))
        return OK;
    b->found++;
    if (!(g->distance_per_px > 0) || is_cut(w, &o->box))
        return OK;
    return add_error(b, log(g->distance_per_px * (double)w->set.camera.fx / (double)o->distance_m),
                     g->distance_sigma);
}

static int by_size(const void *a, const void *b)
{
    const double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

    return (x > y) - (x < y);
}

static void finish_bands(struct object_conditions *c)
{
    for (int i = 0; i < BANDS; i++) {
        struct distance_band *b = &c->band[i];

        b->bias = b->told ? b->bias / (double)b->told : NAN;
        if (b->told)
            qsort(b->error, b->told, sizeof *b->error, by_size);
    }
}

/* ---- conditions ---------------------------------------------------------------------------- */

/* i: of the set's conditions; those that no scored picture shows are left out. */
static enum err score_condition(struct work *w, int i)
{
    const struct object_score *vehicles = &w->s->score[0];
    struct condition *c = &w->out->condition[w->out->n];
    size_t n = 0;

    for (size_t k = 0; k < w->s->pictures; k++)
        if (set_truth_conditions(&w->truth, w->s->image[k]) & 1u << i)
            w->picture[n++] = w->s->picture[k];
    if (!n)
        return OK;
    w->out->n++;
    c->pictures = n;
    memcpy(c->name, w->truth.condition[i], sizeof c->name);
    return average_precision(
        w->picture, n,
        &(struct ap_query){.classes = vehicles->classes, .area_max = INFINITY, .guesses_max = 100},
        &c->vehicles);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static enum err add_picture(struct work *w, size_t i, size_t in_set)
{
    const char *line = w->set.truth.text + w->set.line[in_set] - 1;
    const size_t size = strcspn(line, "\n");
    char name[300];
    enum err e = train_truth_read(line, size, &w->set.camera, name, &w->labels, w->why);

    for (int k = 0; e == OK && k < w->labels.n_objects; k++)
        e = add_object(w, &w->s->picture[i], &w->labels.object[k]);
    return e;
}

static enum err add_all(struct work *w)
{
    size_t at = 0;
    enum err e = OK;

    w->picture = calloc(w->s->pictures + 1, sizeof *w->picture);
    if (!w->picture)
        return ERR_NOMEM;
    for (size_t i = 0; i < w->s->pictures && e == OK; i++) { /* both are sorted by name */
        while (at < w->set.pictures.n && strcmp(w->set.pictures.name[at], w->s->image[i]) < 0)
            at++;
        if (at < w->set.pictures.n && w->set.line[at] &&
            !strcmp(w->set.pictures.name[at], w->s->image[i]))
            e = add_picture(w, i, at);
    }
    finish_bands(w->out);
    for (int i = 0; i < w->truth.n_conditions && e == OK; i++)
        e = score_condition(w, i);
    return e;
}

enum err object_conditions_make(const struct object_set *set, const struct object_scores *s,
                                double error_score, struct object_conditions *out, struct why *why)
{
    struct work *w = calloc(1, sizeof *w);
    char path[FILE_MAX_PATH];
    enum err e = OK;

    *out = (struct object_conditions){0};
    if (!w)
        return err_say(why, ERR_NOMEM, "%.200s: no memory to score it", set->path);
    for (int i = 0; i < BANDS; i++)
        out->band[i] = (struct distance_band){.from_m = limit_m[i], .to_m = limit_m[i + 1]};
    *w = (struct work){.s = s, .error_score = error_score, .out = out, .why = why};
    if (s->n && path_join(path, set->path, "truth.jsonl") && file_exists(path)) {
        out->known = true;
        e = train_set_open(&(struct set_choice){.path = set->path, .weight = 1}, &w->set, why);
        if (e == OK)
            e = set_truth_read(set->path, &w->truth, why);
        if (e == OK && (e = add_all(w)) == ERR_NOMEM)
            err_say(why, e, "%.200s: no memory to score it", set->path);
        set_truth_finish(&w->truth);
        train_set_finish(&w->set);
    }
    free(w->picture);
    free(w);
    if (e != OK)
        object_conditions_finish(out);
    return e;
}

void object_conditions_finish(struct object_conditions *c)
{
    for (int i = 0; i < BANDS; i++)
        free(c->band[i].error);
    *c = (struct object_conditions){0};
}

/* ---- out ----------------------------------------------------------------------------------- */

static double quantile(const struct distance_band *b, double share)
{
    return b->told ? fabs(b->error[(size_t)(share * (double)(b->told - 1))]) : NAN;
}

static double share(size_t part, size_t of)
{
    return of ? (double)part / (double)of : NAN;
}

static void print_share(double v)
{
    if (isnan(v))
        printf("%9s", "-");
    else
        printf("%8.1f%%", 100 * v);
}

void object_conditions_text(const struct object_conditions *c)
{
    if (!c->known)
        return;
    printf("  %-14s %8s %8s %8s %8s %8s %8s %8s\n", "distance", "truths", "found", "off by", "90 %",
           "bias", "1 sigma", "2 sigma");
    for (int i = 0; i < BANDS; i++) {
        const struct distance_band *b = &c->band[i];
        char name[32];

        if (i < BANDS - 1)
            snprintf(name, sizeof name, "%.0f..%.0f m", b->from_m, b->to_m);
        else
            snprintf(name, sizeof name, "over %.0f m", b->from_m);
        printf("  %-14s %8zu", name, b->truths);
        print_share(share(b->found, b->truths));
        print_share(quantile(b, 0.5));
        print_share(quantile(b, 0.9));
        print_share(b->bias);
        print_share(share(b->within1, b->told));
        print_share(share(b->within2, b->told));
        putchar('\n');
    }
    for (int i = 0; i < c->n; i++)
        printf("  vehicles, %-8s %6zu pictures, %zu truths: AP50 %.4f\n", c->condition[i].name,
               c->condition[i].pictures, c->condition[i].vehicles.truths,
               c->condition[i].vehicles.at[0]);
}

static json_t *number(double v)
{
    return isnan(v) ? json_null() : json_real(v);
}

json_t *object_conditions_json(const struct object_conditions *c)
{
    json_t *bands = json_array(), *conditions = json_array();

    for (int i = 0; c->known && i < BANDS; i++) {
        const struct distance_band *b = &c->band[i];

        json_array_append_new(
            bands, json_pack("{s:f, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "from_m", b->from_m,
                             "truths", (json_int_t)b->truths, "found", (json_int_t)b->found, "told",
                             (json_int_t)b->told, "error_median", number(quantile(b, 0.5)),
                             "error_90", number(quantile(b, 0.9)), "bias", number(b->bias),
                             "within_1_sigma", number(share(b->within1, b->told)), "within_2_sigma",
                             number(share(b->within2, b->told))));
    }
    for (int i = 0; i < c->n; i++)
        json_array_append_new(conditions,
                              json_pack("{s:s, s:I, s:I, s:o}", "condition", c->condition[i].name,
                                        "pictures", (json_int_t)c->condition[i].pictures,
                                        "vehicles", (json_int_t)c->condition[i].vehicles.truths,
                                        "ap50", number(c->condition[i].vehicles.at[0])));
    if (c->known)
        return json_pack("{s:o, s:o}", "distance", bands, "conditions", conditions);
    json_decref(bands);
    json_decref(conditions);
    return json_null();
}
