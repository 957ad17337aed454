#include "perception/eval/track_sequence.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "perception/eval/best_pairs.h"

struct work {
    const struct track_row *truth, *guess; /* of all frames */
    size_t n_truths, n_guesses;
    int64_t *truth_id, *guess_id; /* those that count, sorted; their place is their number */
    size_t n_truth_ids, n_guess_ids;
    double height_min;
    struct track_sequence *out;
    size_t room; /* frames */
    struct why *why;
};

static enum err no_memory(const struct work *w)
{
    err_say(w->why, ERR_NOMEM, "no memory for a sequence");
    return ERR_NOMEM;
}

/* ---- overlaps ------------------------------------------------------------------------------ */
static double area(const struct ap_box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

static double shared_area(const struct ap_box *a, const struct ap_box *b)
{
    const double w = fmin(a->x2, b->x2) - fmax(a->x1, b->x1);
    const double h = fmin(a->y2, b->y2) - fmax(a->y1, b->y1);

    return w > 0 && h > 0 ? w * h : 0;
}

static double box_iou(const struct ap_box *a, const struct ap_box *b)
{
    const double both = shared_area(a, b);

    return both > 0 ? both / (area(a) + area(b) - both) : 0;
}

/* ---- numbers ------------------------------------------------------------------------------- */
static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t *list_ids(const struct track_row *row, size_t n, size_t *n_ids)
{
    int64_t *id = malloc((n + 1) * sizeof *id);
    size_t all = 0, kept = 0;

    for (size_t i = 0; id && i < n; i++)
        if (row[i].role == TRACK_COUNTS)
            id[all++] = row[i].id;
    if (all)
        qsort(id, all, sizeof *id, by_value);
    for (size_t i = 0; i < all; i++)
        if (!kept || id[kept - 1] != id[i])
            id[kept++] = id[i];
    *n_ids = kept;
    return id;
}

static int number_of(const int64_t *ids, size_t n, int64_t id)
{
    return (int)((const int64_t *)bsearch(&id, ids, n, sizeof *ids, by_value) - ids);
}

/* ---- one frame ----------------------------------------------------------------------------- */
static bool in_region(const struct track_row *truth, int n, const struct ap_box *b)
{
    for (int i = 0; i < n; i++)
        if (truth[i].role == TRACK_REGION &&
            shared_area(b, &truth[i].box) > (0.5 + DBL_EPSILON) * area(b))
            return true;
    return false;
}

/* Which guesses do not count. pairs (T, G) and match (T) are working memory. */
static enum err drop_guesses(const struct work *w, const struct track_row *truth, int T,
                             const struct track_row *guess, int G, double *pairs, int *match,
                             bool *drop)
{
    for (int g = 0; g < G; g++)
        drop[g] = guess[g].box.y2 - guess[g].box.y1 <= w->height_min + DBL_EPSILON ||
                  in_region(truth, T, &guess[g].box);
    for (int t = 0; t < T; t++)
        for (int g = 0; g < G; g++) {
            const double iou =
                truth[t].role == TRACK_REGION ? 0 : box_iou(&truth[t].box, &guess[g].box);

            pairs[(size_t)t * (size_t)G + (size_t)g] = iou < 0.5 - DBL_EPSILON ? 0 : iou;
        }
    if (best_pairs(pairs, T, G, match) != OK)
        return no_memory(w);
    for (int t = 0; t < T; t++)
        if (match[t] >= 0)
            drop[match[t]] = truth[t].role == TRACK_IGNORED;
    return OK;
}

static void count_frame(struct track_sequence *s, const struct track_frame *f)
{
    for (int t = 0; t < f->n_truths; t++)
        s->truth_frames[f->truth[t]]++;
    for (int g = 0; g < f->n_guesses; g++)
        s->guess_frames[f->guess[g]]++;
    s->n_truths += f->n_truths;
    s->n_guesses += f->n_guesses;
}

static enum err keep_frame(struct work *w, const struct track_row *truth, int T,
                           const struct track_row *guess, int G, const bool *drop,
                           struct track_frame *f)
{
    f->truth = calloc((size_t)T + 1, sizeof *f->truth);
    f->guess = calloc((size_t)G + 1, sizeof *f->guess);
    f->iou = malloc(((size_t)T * (size_t)G + 1) * sizeof *f->iou);
    if (!f->truth || !f->guess || !f->iou)
        return no_memory(w);
    for (int g = 0; g < G; g++)
        if (!drop[g])
            f->guess[f->n_guesses++] = number_of(w->guess_id, w->n_guess_ids, guess[g].id);
    for (int t = 0; t < T; t++) {
        double *iou = f->iou + (size_t)f->n_truths * (size_t)f->n_guesses;

        if (truth[t].role != TRACK_COUNTS)
            continue;
        f->truth[f->n_truths++] = number_of(w->truth_id, w->n_truth_ids, truth[t].id);
        for (int g = 0; g < G; g++)
            if (!drop[g])
                *iou++ = box_iou(&truth[t].box, &guess[g].box);
    }
    count_frame(w->out, f);
    return OK;
}

static enum err make_frame(struct work *w, const struct track_row *truth, int T,
                           const struct track_row *guess, int G, struct track_frame *out)
{
    double *pairs = malloc(((size_t)T * (size_t)G + 1) * sizeof *pairs);
    int *match = malloc(((size_t)T + 1) * sizeof *match);
    bool *drop = calloc((size_t)G + 1, sizeof *drop);
    enum err e = pairs && match && drop ? OK : no_memory(w);

    if (e == OK)
        e = drop_guesses(w, truth, T, guess, G, pairs, match, drop);
    if (e == OK)
        e = keep_frame(w, truth, T, guess, G, drop, out);
    free(pairs);
    free(match);
    free(drop);
    return e;
}

/* ---- all of them --------------------------------------------------------------------------- */
static struct track_frame *add_frame(struct work *w)
{
    struct track_sequence *s = w->out;

    if ((size_t)s->n_frames == w->room) {
        const size_t room = w->room ? 2 * w->room : 256;
        struct track_frame *more = realloc(s->frame, room * sizeof *more);

        if (!more)
            return NULL;
        s->frame = more;
        w->room = room;
    }
    s->frame[s->n_frames] = (struct track_frame){0};
    return &s->frame[s->n_frames++];
}

/* How many of the rows from `at` on belong to the frame. */
static size_t rows_of(const struct track_row *row, size_t at, size_t n, int frame)
{
    size_t end = at;

    while (end < n && row[end].frame == frame)
        end++;
    return end - at;
}

static enum err make_frames(struct work *w)
{
    size_t t = 0, g = 0;

    while (t < w->n_truths || g < w->n_guesses) {
        const int frame =
            t == w->n_truths || (g < w->n_guesses && w->guess[g].frame < w->truth[t].frame)
                ? w->guess[g].frame
                : w->truth[t].frame;
        const size_t T = rows_of(w->truth, t, w->n_truths, frame);
        const size_t G = rows_of(w->guess, g, w->n_guesses, frame);
        struct track_frame *f;
        enum err e;

        if (T > TRACK_MAX_BOXES || G > TRACK_MAX_BOXES)
            return err_say(w->why, ERR_LIMIT, "frame %d has %zu boxes, the limit is %d", frame,
                           T > G ? T : G, TRACK_MAX_BOXES);
        if (!(f = add_frame(w)))
            return no_memory(w);
        e = make_frame(w, w->truth + t, (int)T, w->guess + g, (int)G, f);
        if (e != OK)
            return e;
        t += T;
        g += G;
    }
    return OK;
}

static enum err number_ids(struct work *w)
{
    w->truth_id = list_ids(w->truth, w->n_truths, &w->n_truth_ids);
    w->guess_id = list_ids(w->guess, w->n_guesses, &w->n_guess_ids);
    if (!w->truth_id || !w->guess_id)
        return no_memory(w);
    if (w->n_truth_ids * w->n_guess_ids > TRACK_MAX_ID_PAIRS)
        return err_say(w->why, ERR_LIMIT, "%zu truths and %zu tracks are too many to compare",
                       w->n_truth_ids, w->n_guess_ids);
    w->out->n_truth_ids = (int)w->n_truth_ids;
    w->out->n_guess_ids = (int)w->n_guess_ids;
    w->out->truth_frames = calloc(w->n_truth_ids + 1, sizeof *w->out->truth_frames);
    w->out->guess_frames = calloc(w->n_guess_ids + 1, sizeof *w->out->guess_frames);
    return w->out->truth_frames && w->out->guess_frames ? OK : no_memory(w);
}

enum err track_sequence_make(const struct track_row *truth, size_t n_truths,
                             const struct track_row *guess, size_t n_guesses, double height_min,
                             struct track_sequence *out, struct why *why)
{
    struct work w = {.truth = truth,
                     .guess = guess,
                     .n_truths = n_truths,
                     .n_guesses = n_guesses,
                     .height_min = height_min,
                     .out = out,
                     .why = why};
    enum err e;

    *out = (struct track_sequence){0};
    e = number_ids(&w);
    if (e == OK)
        e = make_frames(&w);
    free(w.truth_id);
    free(w.guess_id);
    if (e != OK)
        track_sequence_finish(out);
    return e;
}

void track_sequence_finish(struct track_sequence *s)
{
    for (int i = 0; i < s->n_frames; i++) {
        free(s->frame[i].truth);
        free(s->frame[i].guess);
        free(s->frame[i].iou);
    }
    free(s->frame);
    free(s->truth_frames);
    free(s->guess_frames);
    *s = (struct track_sequence){0};
}
