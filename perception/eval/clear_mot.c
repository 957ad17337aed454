#include <float.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "perception/eval/best_pairs.h"
#include "perception/eval/track_scores.h"

static const double KEEP = 1000; /* a pair of the frame before outweighs any overlap */

struct life { /* of a truth */
    int ever; /* the guess that it last was with, -1: none yet */
    int last; /* the same of the last frame with truths and guesses */
    int now;  /* of this frame */
    long hits, beginnings;
};

static void count_hits(const struct track_frame *f, const int *match, struct life *life,
                       struct clear_sums *sum)
{
    for (int t = 0; t < f->n_truths; t++) {
        struct life *l = &life[f->truth[t]];

        if (match[t] < 0)
            continue;
        l->now = f->guess[match[t]];
        sum->hits++;
        sum->overlap += f->iou[t * f->n_guesses + match[t]];
        sum->switches += l->ever >= 0 && l->ever != l->now;
        l->beginnings += l->last < 0;
        l->hits++;
        l->ever = l->now;
    }
}

/* weight and match: working memory. Frames without truths or without guesses change nothing. */
static enum err add_frame(const struct track_frame *f, struct life *life, int n_lives,
                          double *weight, int *match, struct clear_sums *sum)
{
    const int T = f->n_truths, G = f->n_guesses;

    if (T == 0 || G == 0)
        return OK;
    for (int t = 0; t < T; t++)
        for (int g = 0; g < G; g++) {
            const double iou = f->iou[t * G + g];
            const bool before = life[f->truth[t]].last == f->guess[g];

            weight[t * G + g] = iou < 0.5 - DBL_EPSILON ? 0 : iou + (before ? KEEP : 0);
        }
    if (best_pairs(weight, T, G, match) != OK)
        return ERR_NOMEM;
    count_hits(f, match, life, sum);
    for (int i = 0; i < n_lives; i++) {
        life[i].last = life[i].now;
        life[i].now = -1;
    }
    return OK;
}

static void count_lives(const struct track_sequence *s, const struct life *life,
                        struct clear_sums *sum)
{
    for (int i = 0; i < s->n_truth_ids; i++) {
        const double share = (double)life[i].hits / (double)s->truth_frames[i];

        sum->mostly_tracked += share > 0.8;
        sum->mostly_lost += share < 0.2;
        sum->fragments += life[i].beginnings ? life[i].beginnings - 1 : 0;
    }
}

enum err clear_add(const struct track_sequence *s, struct clear_sums *sum)
{
    struct life *life = calloc((size_t)s->n_truth_ids + 1, sizeof *life);
    size_t pairs = 0, truths = 0;

    for (int i = 0; i < s->n_frames; i++) {
        const size_t T = (size_t)s->frame[i].n_truths, TG = T * (size_t)s->frame[i].n_guesses;

        truths = T > truths ? T : truths;
        pairs = TG > pairs ? TG : pairs;
    }
    double *weight = calloc(pairs + 1, sizeof *weight);
    int *match = calloc(truths + 1, sizeof *match);
    enum err e = life && weight && match ? OK : ERR_NOMEM;
    for (int i = 0; e == OK && i < s->n_truth_ids; i++)
        life[i].ever = life[i].last = life[i].now = -1;
    for (int i = 0; e == OK && i < s->n_frames; i++)
        e = add_frame(&s->frame[i], life, s->n_truth_ids, weight, match, sum);
    if (e == OK)
        count_lives(s, life, sum);
    free(life);
    free(weight);
    free(match);
    return e;
}
