#include "daemon/cli/object_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Both limits belong to both ranges, as in COCO. */
static const double area_limit[AREAS][2] = {
    [AREA_ALL] = {0, INFINITY},
    [AREA_SMALL] = {0, 32 * 32},
    [AREA_MEDIUM] = {32 * 32, 96 * 96},
    [AREA_LARGE] = {96 * 96, INFINITY},
};

static void to_pixels(struct object_labels *l, int width, int height)
{
    for (size_t i = 0; i < l->n; i++) {
        struct ap_box *b = &l->truth[i].box;

        b->x1 *= width;
        b->x2 *= width;
        b->y1 *= height;
        b->y2 *= height;
    }
}

static void skip(struct object_scores *s, const char *image, const char *why)
{
    s->skipped[s->n_skipped++] = (struct skipped){image, why};
}

/* Pictures of the set with what was predicted in them; the rest is skipped. */
static void pair(struct object_set *set, const struct predictions *p, struct object_scores *out)
{
    size_t at = 0;

    for (size_t i = 0; i < set->pictures.n; i++) {
        const char *name = set->pictures.name[i];
        const struct prediction *seen = predictions_find(p, name);

        if (!seen || seen->error) {
            skip(out, name, seen ? seen->error : "no prediction");
            continue;
        }
        to_pixels(&set->labels[i], seen->width, seen->height);
        out->image[out->pictures] = name;
        out->picture[out->pictures++] = (struct ap_picture){.truth = set->labels[i].truth,
                                                            .n_truths = set->labels[i].n,
                                                            .guess = seen->guess,
                                                            .n_guesses = seen->n};
        if (set->labels[i].n + seen->n > out->most_boxes)
            out->most_boxes = set->labels[i].n + seen->n;
    }
    for (size_t i = 0; i < p->n; i++) { /* both are sorted by name */
        const char *image = p->picture[i].image;

        while (at < set->pictures.n && strcmp(set->pictures.name[at], image) < 0)
            at++;
        if (at == set->pictures.n || strcmp(set->pictures.name[at], image) != 0)
            skip(out, image, "not in the set");
    }
}

static enum err calibrate(const struct object_scores *all, const struct ap_query *q,
                          struct calibration *out)
{
    struct ap_match *match = calloc(all->most_boxes + 1, sizeof *match);
    enum err e = match ? OK : ERR_NOMEM;

    for (size_t i = 0; e == OK && i < all->pictures; i++) {
        size_t n;

        e = ap_match_picture(&all->picture[i], q, match, &n);
        calibration_add(out, match, n);
    }
    free(match);
    return e;
}

static enum err score_class(const struct object_scores *all, size_t guesses_max,
                            struct object_score *s)
{
    struct ap_query q = {.classes = s->classes, .guesses_max = guesses_max};

    for (int a = AREAS - 1; a >= AREA_ALL; a--) { /* q ends as that of all */
        q.area_min = area_limit[a][0];
        q.area_max = area_limit[a][1];
        if (average_precision(all->picture, all->pictures, &q, &s->area[a]) != OK)
            return ERR_NOMEM;
    }
    s->known = s->area[AREA_ALL].truths > 0 && !s->area[AREA_ALL].ambiguous;
    return calibrate(all, &q, &s->calibration);
}

static enum err find_errors(const struct object_set *set, double score_min,
                            struct object_scores *out)
{
    struct object_error *error = calloc(out->most_boxes + 1, sizeof *error);
    enum err e = error ? OK : ERR_NOMEM;

    for (size_t i = 0; e == OK && i < out->pictures; i++)
        e = object_errors_add(set, &out->picture[i], score_min, &out->confusion, error,
                              &out->errors[i]);
    free(error);
    return e;
}

/* Which scores there are. */
static void list_classes(const struct object_set *set, struct object_scores *out)
{
    unsigned vehicles = 0;

    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        if (set->scored[c] & object_class_bits(OBJECT_VEHICLE))
            vehicles |= set->scored[c];
    if (vehicles)
        out->score[out->n++] = (struct object_score){.class = OBJECT_VEHICLE, .classes = vehicles};
    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        if (set->scored[c] && c != OBJECT_VEHICLE)
            out->score[out->n++] =
                (struct object_score){.class = (enum object_class)c, .classes = set->scored[c]};
}

static void average(struct object_scores *s)
{
    s->mean_ap50 = s->mean_ap = 0;
    for (int i = 0; i < s->n; i++) {
        if (s->score[i].class == OBJECT_VEHICLE || !s->score[i].known)
            continue;
        s->n_mean++;
        s->mean_ap50 += s->score[i].area[AREA_ALL].at[0];
        s->mean_ap += s->score[i].area[AREA_ALL].mean;
    }
    s->mean_ap50 = s->n_mean ? s->mean_ap50 / s->n_mean : NAN;
    s->mean_ap = s->n_mean ? s->mean_ap / s->n_mean : NAN;
}

static enum err make(struct object_set *set, const struct predictions *p,
                     const struct object_rules *rules, struct object_scores *out, struct why *why)
{
    const size_t n = set->pictures.n;
    enum err e = OK;

    out->skipped = calloc(n + p->n + 1, sizeof *out->skipped);
    out->picture = calloc(n + 1, sizeof *out->picture);
    out->image = calloc(n + 1, sizeof *out->image);
    out->errors = calloc(n + 1, sizeof *out->errors);
    if (!out->skipped || !out->picture || !out->image || !out->errors)
        return ERR_NOMEM;
    list_classes(set, out);
    pair(set, p, out);
    if (!out->pictures)
        return err_say(why, ERR_FORMAT,
                       "%.200s: of its %zu pictures none was predicted (%.60s: %.40s)", set->path,
                       n, out->skipped[0].image, out->skipped[0].why);
    for (int i = 0; e == OK && i < out->n; i++)
        e = score_class(out, rules->guesses_max, &out->score[i]);
    return e == OK ? find_errors(set, rules->error_score, out) : e;
}

enum err object_scores_make(struct object_set *set, const struct predictions *p,
                            const struct object_rules *rules, struct object_scores *out,
                            struct why *why)
{
    *out = (struct object_scores){0};
    const enum err e = make(set, p, rules, out, why);

    if (e == ERR_NOMEM)
        err_say(why, e, "%.200s: no memory to score it", set->path);
    average(out);
    if (e != OK)
        object_scores_finish(out);
    return e;
}

void object_scores_finish(struct object_scores *s)
{
    free(s->skipped);
    free(s->picture);
    free(s->image);
    free(s->errors);
    *s = (struct object_scores){0};
}
