#include "daemon/cli/object_errors.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

/* The label that these bits are or lie within. */
static int class_of(const struct object_set *set, unsigned bits)
{
    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        if (set->scored[c] && !(bits & ~set->scored[c]))
            return c;
    return CONFUSION_UNCLEAR;
}

static void add_error(struct object_error *error, size_t *n, const struct ap_truth *truth,
                      const struct ap_guess *guess)
{
    error[(*n)++] = (struct object_error){truth, guess};
}

static void add_match(const struct object_set *set, const struct ap_match *m,
                      struct object_confusion *sum, struct object_error *error, size_t *n)
{
    const int guess = class_of(set, m->guess->classes);
    const int truth = m->is == AP_HIT ? class_of(set, m->truth->classes) : CONFUSION_NOTHING;

    if (m->is == AP_IGNORED)
        return;
    sum->count[truth][guess]++;
    if (truth != guess && (m->is == AP_FALSE_ALARM || guess != CONFUSION_UNCLEAR))
        add_error(error, n, m->is == AP_HIT ? m->truth : NULL, m->guess);
}

static bool is_found(const struct ap_match *match, size_t n, double score_min,
                     const struct ap_truth *truth)
{
    for (size_t i = 0; i < n; i++)
        if (match[i].is == AP_HIT && match[i].truth == truth && match[i].guess->score >= score_min)
            return true;
    return false;
}

/* Guesses of classes that the set does not label are left out; those below score_min are the last
 * and take nothing from others. */
enum err object_errors_add(const struct object_set *set, const struct ap_picture *picture,
                           double score_min, struct object_confusion *sum,
                           struct object_error *error, size_t *n)
{
    struct ap_query q = {.area_max = INFINITY, .guesses_max = SIZE_MAX};
    struct ap_match *match = calloc(picture->n_guesses + 1, sizeof *match);
    size_t n_matches = 0;
    enum err e = match ? OK : ERR_NOMEM;

    *n = 0;
    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        q.classes |= set->scored[c];
    if (e == OK)
        e = ap_match_picture(picture, &q, match, &n_matches);
    for (size_t i = 0; e == OK && i < n_matches; i++)
        if (match[i].guess->score >= score_min)
            add_match(set, &match[i], sum, error, n);
    for (size_t i = 0; e == OK && i < picture->n_truths; i++) {
        const struct ap_truth *t = &picture->truth[i];

        if (t->region || !(t->classes & q.classes) || is_found(match, n_matches, score_min, t))
            continue;
        sum->count[class_of(set, t->classes)][CONFUSION_NOTHING]++;
        add_error(error, n, t, NULL);
    }
    free(match);
    return e;
}
