#include "perception/eval/average_precision.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RECALLS = 101 };

struct verdict { /* on one guess */
    double score;
    size_t order;                    /* of arrival: the earlier one wins a tie */
    unsigned char is[AP_THRESHOLDS]; /* enum ap_outcome */
};

/* Of all pictures the verdicts, of the present one the matching. */
struct work {
    const struct ap_query *q;
    struct verdict *verdict; /* room for all guesses */
    size_t n_verdicts;
    const struct ap_guess **guess; /* of this picture that are asked for, best first */
    const struct ap_truth **truth; /* the same; those to be ignored come last */
    size_t n_guesses_now, n_truths_now, n_counted;
    double *iou; /* (n_truths_now) of one guess */
    bool *taken; /* (AP_THRESHOLDS, n_truths_now) */
    double *precision;
    size_t *hits; /* (n_verdicts), while averaging */
};

static double threshold(int t)
{
    return t < AP_THRESHOLDS - 1 ? 0.5 + t * ((0.95 - 0.5) / (AP_THRESHOLDS - 1)) : 0.95;
}

static double area(const struct ap_box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

/* Over the union; for a region to be ignored, over the guess alone. */
static double overlap(const struct ap_box *guess, const struct ap_truth *t)
{
    const double w = fmin(guess->x2, t->box.x2) - fmax(guess->x1, t->box.x1);
    const double h = fmin(guess->y2, t->box.y2) - fmax(guess->y1, t->box.y1);
    double whole = area(guess);

    if (!(w > 0 && h > 0))
        return 0;
    if (!t->region)
        whole += area(&t->box) - w * h;
    return w * h / whole;
}

static bool in_range(const struct ap_query *q, const struct ap_box *b)
{
    const double a = area(b);

    return a >= q->area_min && a <= q->area_max;
}

static bool counts(const struct ap_query *q, const struct ap_truth *t)
{
    return !t->region && in_range(q, &t->box);
}

/* Addresses in one array rise with the order of arrival. */
static int by_score(const void *a, const void *b)
{
    const struct ap_guess *x = *(const struct ap_guess *const *)a;
    const struct ap_guess *y = *(const struct ap_guess *const *)b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* What of a picture is asked for, in the order of matching. */
static void choose(struct work *w, const struct ap_picture *p, struct ap_score *out)
{
    const struct ap_query *q = w->q;

    w->n_guesses_now = w->n_truths_now = 0;
    for (size_t i = 0; i < p->n_guesses; i++) {
        const unsigned classes = p->guess[i].classes;

        if (classes & q->classes && classes & ~q->classes)
            out->ambiguous++;
        else if (classes & q->classes)
            w->guess[w->n_guesses_now++] = &p->guess[i];
    }
    if (w->n_guesses_now)
        qsort(w->guess, w->n_guesses_now, sizeof(struct ap_guess *), by_score);
    if (w->n_guesses_now > q->guesses_max)
        w->n_guesses_now = q->guesses_max;
    for (int ignored = 0; ignored < 2; ignored++) {
        for (size_t i = 0; i < p->n_truths; i++)
            if (p->truth[i].classes & q->classes && counts(q, &p->truth[i]) == !ignored)
                w->truth[w->n_truths_now++] = &p->truth[i];
        if (!ignored)
            w->n_counted = w->n_truths_now;
    }
    out->truths += w->n_counted;
    out->guesses += w->n_guesses_now;
}

/* The truth that a guess with these overlaps takes; n_truths_now if it finds none. Those that count
 * go before those that are ignored, however small the overlap. */
static size_t match(const struct work *w, const bool *taken, double least)
{
    size_t best = w->n_truths_now;

    for (size_t i = 0; i < w->n_truths_now; i++) {
        if (i == w->n_counted && best < w->n_counted)
            break;
        if ((taken[i] && !w->truth[i]->region) || w->iou[i] < least)
            continue;
        least = w->iou[i];
        best = i;
    }
    return best;
}

static void overlap_all(struct work *w, const struct ap_box *guess)
{
    for (size_t i = 0; i < w->n_truths_now; i++)
        w->iou[i] = overlap(guess, w->truth[i]);
}

/* to: the truth that it takes, n_truths_now: none. */
static enum ap_outcome judge_guess(const struct work *w, const struct ap_box *guess, bool *taken,
                                   double least, size_t *to)
{
    *to = match(w, taken, least);
    if (*to == w->n_truths_now)
        return in_range(w->q, guess) ? AP_FALSE_ALARM : AP_IGNORED;
    taken[*to] = true;
    return *to < w->n_counted ? AP_HIT : AP_IGNORED;
}

static void judge(struct work *w, const struct ap_picture *p, struct ap_score *out)
{
    choose(w, p, out);
    memset(w->taken, 0, AP_THRESHOLDS * w->n_truths_now * sizeof *w->taken);
    for (size_t g = 0; g < w->n_guesses_now; g++) {
        const struct ap_box *box = &w->guess[g]->box;
        struct verdict *v = &w->verdict[w->n_verdicts];

        *v = (struct verdict){.score = w->guess[g]->score, .order = w->n_verdicts++};
        overlap_all(w, box);
        for (int t = 0; t < AP_THRESHOLDS; t++) {
            bool *taken = w->taken + (size_t)t * w->n_truths_now;
            size_t to;

            v->is[t] = judge_guess(w, box, taken, threshold(t), &to);
        }
    }
}

static int by_verdict(const void *a, const void *b)
{
    const struct verdict *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static double average(struct work *w, int t, size_t truths)
{
    size_t n = 0, hits = 0;
    double sum = 0;

    for (size_t i = 0; i < w->n_verdicts; i++) {
        if (w->verdict[i].is[t] == AP_IGNORED)
            continue;
        hits += w->verdict[i].is[t] == AP_HIT;
        w->hits[n] = hits;
        w->precision[n] = (double)hits / (double)(n + 1);
        n++;
    }
    for (size_t i = n; i-- > 1;)
        w->precision[i - 1] = fmax(w->precision[i - 1], w->precision[i]);
    for (size_t i = 0, r = 0; r < RECALLS; r++) {
        while (i < n && (double)w->hits[i] / (double)truths < (double)r * 0.01)
            i++;
        sum += i < n ? w->precision[i] : 0;
    }
    return sum / RECALLS;
}

static enum err work_init(struct work *w, const struct ap_picture *picture, size_t n)
{
    size_t all = 0, guesses = 0, truths = 0;

    for (size_t i = 0; i < n; i++) {
        all += picture[i].n_guesses;
        guesses = picture[i].n_guesses > guesses ? picture[i].n_guesses : guesses;
        truths = picture[i].n_truths > truths ? picture[i].n_truths : truths;
    }
    w->verdict = calloc(all + 1, sizeof *w->verdict);
    w->precision = calloc(all + 1, sizeof *w->precision);
    w->hits = calloc(all + 1, sizeof *w->hits);
    w->guess = calloc(guesses + 1, sizeof(struct ap_guess *));
    w->truth = calloc(truths + 1, sizeof(struct ap_truth *));
    w->iou = calloc(truths + 1, sizeof *w->iou);
    w->taken = calloc(AP_THRESHOLDS * truths + 1, sizeof *w->taken);
    return w->verdict && w->precision && w->hits && w->guess && w->truth && w->iou && w->taken
               ? OK
               : ERR_NOMEM;
}

static void work_finish(struct work *w)
{
    free(w->verdict);
    free(w->precision);
    free(w->hits);
    free(w->guess);
    free(w->truth);
    free(w->iou);
    free(w->taken);
}

enum err average_precision(const struct ap_picture *picture, size_t n, const struct ap_query *q,
                           struct ap_score *out)
{
    struct work w = {.q = q};
    enum err e = work_init(&w, picture, n);

    *out = (struct ap_score){0};
    for (size_t i = 0; e == OK && i < n; i++)
        judge(&w, &picture[i], out);
    if (e == OK && w.n_verdicts)
        qsort(w.verdict, w.n_verdicts, sizeof *w.verdict, by_verdict);
    for (int t = 0; e == OK && t < AP_THRESHOLDS; t++) {
        out->at[t] = out->truths ? average(&w, t, out->truths) : NAN;
        out->mean += out->at[t] / AP_THRESHOLDS;
    }
    work_finish(&w);
    return e;
}

enum err ap_match_picture(const struct ap_picture *picture, const struct ap_query *q,
                          struct ap_match *out, size_t *n)
{
    struct work w = {.q = q};
    struct ap_score counts = {0};
    enum err e = work_init(&w, picture, 1);

    *n = 0;
    if (e == OK)
        choose(&w, picture, &counts);
    for (size_t g = 0; e == OK && g < w.n_guesses_now; g++) {
        size_t to;

        overlap_all(&w, &w.guess[g]->box);
        out[g].is = judge_guess(&w, &w.guess[g]->box, w.taken, threshold(0), &to);
        out[g].guess = w.guess[g];
        out[g].truth = to < w.n_truths_now ? w.truth[to] : NULL;
        *n = g + 1;
    }
    work_finish(&w);
    return e;
}
