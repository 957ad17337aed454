#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/eval/best_pairs.h"
#include "perception/eval/track_scores.h"

struct hit { /* a pair of one frame */
    size_t ids;
    double iou;
};

struct work {
    const struct track_sequence *s;
    double *agreement; /* (n_truth_ids, n_guess_ids) of the two over the sequence, 0..1 */
    int *together;     /* the same shape: frames in which they are a hit */
    struct hit *hit;   /* of all frames */
    size_t n_hits;
    double *weight; /* of the largest frame */
    int *match;
    double *by_truth, *by_guess; /* sums of IoU */
};

static size_t ids_at(const struct work *w, const struct track_frame *f, int t, int g)
{
    return (size_t)f->truth[t] * (size_t)w->s->n_guess_ids + (size_t)f->guess[g];
}

/* What a pair's IoU is of all that its two boxes overlap with. */
static void add_frame(struct work *w, const struct track_frame *f)
{
    const int T = f->n_truths, G = f->n_guesses;

    memset(w->by_truth, 0, (size_t)T * sizeof *w->by_truth);
    memset(w->by_guess, 0, (size_t)G * sizeof *w->by_guess);
    for (int t = 0; t < T; t++)
        for (int g = 0; g < G; g++) {
            w->by_truth[t] += f->iou[t * G + g];
            w->by_guess[g] += f->iou[t * G + g];
        }
    for (int t = 0; t < T; t++)
        for (int g = 0; g < G; g++) {
            const double iou = f->iou[t * G + g];

            if (iou > 0)
                w->agreement[ids_at(w, f, t, g)] += iou / (w->by_truth[t] + w->by_guess[g] - iou);
        }
}

static void compare_ids(struct work *w)
{
    const struct track_sequence *s = w->s;
    double *a = w->agreement;

    for (int t = 0; t < s->n_truth_ids; t++)
        for (int g = 0; g < s->n_guess_ids; g++, a++)
            if (*a > 0)
                *a /= (double)(s->truth_frames[t] + s->guess_frames[g]) - *a;
}

static enum err pair_frame(struct work *w, const struct track_frame *f)
{
    const int T = f->n_truths, G = f->n_guesses;

    for (int t = 0; t < T; t++)
        for (int g = 0; g < G; g++)
            w->weight[t * G + g] = w->agreement[ids_at(w, f, t, g)] * f->iou[t * G + g];
    if (best_pairs(w->weight, T, G, w->match) != OK)
        return ERR_NOMEM;
    for (int t = 0; t < T; t++)
        if (w->match[t] >= 0)
            w->hit[w->n_hits++] =
                (struct hit){ids_at(w, f, t, w->match[t]), f->iou[t * G + w->match[t]]};
    return OK;
}

static void count_alpha(struct work *w, int k, struct hota_sums *sum)
{
    const struct track_sequence *s = w->s;
    const double alpha = 0.05 * (k + 1) - DBL_EPSILON;
    const size_t ids = (size_t)s->n_truth_ids * (size_t)s->n_guess_ids;

    memset(w->together, 0, ids * sizeof *w->together);
    for (size_t i = 0; i < w->n_hits; i++)
        if (w->hit[i].iou >= alpha) {
            sum->hits[k]++;
            sum->overlap[k] += w->hit[i].iou;
            w->together[w->hit[i].ids]++;
        }
    for (int t = 0, i = 0; t < s->n_truth_ids; t++)
        for (int g = 0; g < s->n_guess_ids; g++, i++) {
            const double n = w->together[i];

            if (n > 0)
                sum->association[k] +=
                    n * n / ((double)(s->truth_frames[t] + s->guess_frames[g]) - n);
        }
}

static enum err work_init(struct work *w)
{
    const struct track_sequence *s = w->s;
    const size_t ids = (size_t)s->n_truth_ids * (size_t)s->n_guess_ids;
    size_t T = 0, G = 0;

    for (int i = 0; i < s->n_frames; i++) {
        T = (size_t)s->frame[i].n_truths > T ? (size_t)s->frame[i].n_truths : T;
        G = (size_t)s->frame[i].n_guesses > G ? (size_t)s->frame[i].n_guesses : G;
    }
    w->agreement = calloc(ids + 1, sizeof *w->agreement);
    w->together = calloc(ids + 1, sizeof *w->together);
    w->hit = calloc((size_t)s->n_truths + 1, sizeof *w->hit);
    w->weight = calloc(T * G + 1, sizeof *w->weight);
    w->match = calloc(T + 1, sizeof *w->match);
    w->by_truth = calloc(T + 1, sizeof *w->by_truth);
    w->by_guess = calloc(G + 1, sizeof *w->by_guess);
    return w->agreement && w->together && w->hit && w->weight && w->match && w->by_truth &&
                   w->by_guess
               ? OK
               : ERR_NOMEM;
}

static void work_finish(struct work *w)
{
    free(w->agreement);
    free(w->together);
    free(w->hit);
    free(w->weight);
    free(w->match);
    free(w->by_truth);
    free(w->by_guess);
}

enum err hota_add(const struct track_sequence *s, struct hota_sums *sum)
{
    struct work w = {.s = s};
    enum err e = work_init(&w);

    for (int i = 0; e == OK && i < s->n_frames; i++)
        add_frame(&w, &s->frame[i]);
    if (e == OK)
        compare_ids(&w);
    for (int i = 0; e == OK && i < s->n_frames; i++)
        e = pair_frame(&w, &s->frame[i]);
    for (int k = 0; e == OK && k < HOTA_ALPHAS; k++)
        count_alpha(&w, k, sum);
    work_finish(&w);
    return e;
}
