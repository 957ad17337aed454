#include "daemon/cli/road_totals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

struct work {
    const struct road_set *set;
    const struct road_guesses *guesses;
    int ignored;
    struct decoder *decoder;
    struct road_mask_file truth, guess;
    struct road_totals *out;
    size_t n_means;
    struct why *why;
};

/* Ids of the set become enum road_truth. */
static enum err read_truth(struct work *w, const char *name)
{
    char folder[FILE_MAX_PATH];
    struct road_mask_file *m = &w->truth;
    enum err e;

    if (!path_join(folder, w->set->path, w->set->folder))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->set->path);
    if ((e = road_mask_read(w->decoder, folder, name, m, w->why)) != OK)
        return e;
    for (size_t i = 0; i < (size_t)m->width * (size_t)m->height; i++)
        m->id[i] = m->id[i] == w->ignored     ? ROAD_IGNORED
                   : m->id[i] == w->set->road ? ROAD_IS
                                              : ROAD_NOT;
    return OK;
}

/* Down the columns, not road first. */
static enum err fill_runs(struct work *w, const struct prediction *p)
{
    struct road_mask_file *m = &w->guess;
    const size_t n = (size_t)p->width * (size_t)p->height;
    size_t at = 0;

    if (n > m->room) {
        free(m->id);
        m->id = malloc(n);
        m->room = m->id ? n : 0;
        if (!m->id)
            return err_say(w->why, ERR_NOMEM, "%.120s: no memory", p->image);
    }
    m->width = p->width;
    m->height = p->height;
    for (size_t r = 0; r < p->road.n; r++)
        for (uint32_t i = 0; i < p->road.run[r]; i++, at++)
            m->id[at % (size_t)p->height * (size_t)p->width + at / (size_t)p->height] = r % 2;
    return OK;
}

/* missing: what to say where there is no prediction; NULL: there is. */
static enum err read_guess(struct work *w, const char *name, const char **missing)
{
    const struct prediction *p;
    struct why why;

    *missing = NULL;
    if (w->guesses->masks) {
        const enum err e = road_mask_read(w->decoder, w->guesses->masks, name, &w->guess, &why);

        if (e == ERR_IO)
            *missing = "no prediction";
        else if (e != OK)
            return err_say(w->why, e, "%s", why.text);
        return OK;
    }
    p = predictions_find(&w->guesses->pictures, name);
    if (!p || p->error || !p->road.n)
        *missing = !p ? "no prediction" : p->error ? p->error : "nothing is said of the road";
    return *missing ? OK : fill_runs(w, p);
}

static enum err score_picture(struct work *w, const char *name)
{
    struct road_counts here = {0};
    struct road_totals *out = w->out;
    const char *missing;
    enum err e = read_guess(w, name, &missing);

    if (e == OK && missing) {
        out->skipped[out->n_skipped++] = (struct skipped_road){name, missing};
        return OK;
    }
    if (e != OK || (e = read_truth(w, name)) != OK)
        return e;
    if (w->truth.width != w->guess.width || w->truth.height != w->guess.height)
        return err_say(w->why, ERR_MISMATCH,
                       "%.120s: the mask of the set has %d x %d pixels, the prediction %d x %d",
                       name, w->truth.width, w->truth.height, w->guess.width, w->guess.height);
    const size_t n = (size_t)w->truth.width * (size_t)w->truth.height;
    road_counts_add(w->truth.id, w->guess.id, n, &here);
    road_counts_add(w->truth.id, w->guess.id, n, &out->counts);
    const double iou = road_scores_of(&here).iou;
    if (!isnan(iou)) {
        out->mean_of_pictures += iou;
        w->n_means++;
    }
    out->pictures++;
    return OK;
}

static enum err score_all(struct work *w)
{
    const struct pictures *p = &w->set->pictures;
    enum err e = OK;

    for (size_t i = 0; i < p->n && e == OK; i++)
        e = score_picture(w, p->name[i]);
    if (e == OK && !w->out->pictures)
        e = err_say(w->why, ERR_FORMAT,
                    "%.200s: of its %zu pictures none was predicted (%.60s: %.40s)", w->set->path,
                    p->n, w->out->skipped[0].image, w->out->skipped[0].why);
    w->out->mean_of_pictures = w->n_means ? w->out->mean_of_pictures / (double)w->n_means : NAN;
    return e;
}

enum err road_totals_make(const struct road_set *set, const struct road_guesses *guesses,
                          int ignored, struct road_totals *out, struct why *why)
{
    struct work w = {.set = set, .guesses = guesses, .ignored = ignored, .out = out, .why = why};
    enum err e;

    *out = (struct road_totals){0};
    out->skipped = calloc(set->pictures.n + 1, sizeof *out->skipped);
    e = decoder_open(&w.decoder);
    if (e != OK || !out->skipped)
        e = err_say(why, ERR_NOMEM, "%.200s: no memory to score it", set->path);
    else
        e = score_all(&w);
    decoder_close(w.decoder);
    road_mask_finish(&w.truth);
    road_mask_finish(&w.guess);
    if (e != OK)
        road_totals_finish(out);
    return e;
}

void road_totals_finish(struct road_totals *t)
{
    free(t->skipped);
    *t = (struct road_totals){0};
}
