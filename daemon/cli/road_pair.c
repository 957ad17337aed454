#include "daemon/cli/road_pair.h"

#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

/* Ids of the set become enum road_truth. */
static enum err read_truth(struct road_pair *pair, const char *name, struct why *why)
{
    char folder[FILE_MAX_PATH];
    struct road_mask_file *m = &pair->truth;
    enum err e;

    if (!path_join(folder, pair->set->path, pair->set->folder))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", pair->set->path);
    if ((e = road_mask_read(pair->decoder, folder, name, m, why)) != OK)
        return e;
    for (size_t i = 0; i < (size_t)m->width * (size_t)m->height; i++)
        m->id[i] = m->id[i] == pair->ignored     ? ROAD_IGNORED
                   : m->id[i] == pair->set->road ? ROAD_IS
                                                 : ROAD_NOT;
    return OK;
}

/* Down the columns, not road first. */
static enum err fill_runs(struct road_pair *pair, const struct prediction *p, struct why *why)
{
    struct road_mask_file *m = &pair->guess;
    const size_t n = (size_t)p->width * (size_t)p->height;
    size_t at = 0;

    if (n > m->room) {
        free(m->id);
        m->id = malloc(n);
        m->room = m->id ? n : 0;
        if (!m->id)
            return err_say(why, ERR_NOMEM, "%.120s: no memory", p->image);
    }
    m->width = p->width;
    m->height = p->height;
    for (size_t r = 0; r < p->road.n; r++)
        for (uint32_t i = 0; i < p->road.run[r]; i++, at++)
            m->id[at % (size_t)p->height * (size_t)p->width + at / (size_t)p->height] = r % 2;
    return OK;
}

/* missing: what to say where there is no prediction; NULL: there is. */
static enum err read_guess(struct road_pair *pair, const char *name, const char **missing,
                           struct why *why)
{
    const struct prediction *p;
    struct why reason;

    *missing = NULL;
    if (pair->guesses->masks) {
        const enum err e =
            road_mask_read(pair->decoder, pair->guesses->masks, name, &pair->guess, &reason);

        if (e == ERR_IO)
            *missing = "no prediction";
        else if (e != OK)
            return err_say(why, e, "%s", reason.text);
        return OK;
    }
    p = predictions_find(&pair->guesses->pictures, name);
    if (!p || p->error || !p->road.n)
        *missing = !p ? "no prediction" : p->error ? p->error : "nothing is said of the road";
    return *missing ? OK : fill_runs(pair, p, why);
}

enum err road_pair_read(struct road_pair *p, const char *picture, const char **missing,
                        struct why *why)
{
    enum err e = read_guess(p, picture, missing, why);

    if (e != OK || *missing || (e = read_truth(p, picture, why)) != OK)
        return e;
    if (p->truth.width != p->guess.width || p->truth.height != p->guess.height)
        return err_say(why, ERR_MISMATCH,
                       "%.120s: the mask of the set has %d x %d pixels, the prediction %d x %d",
                       picture, p->truth.width, p->truth.height, p->guess.width, p->guess.height);
    return OK;
}

enum err road_pair_init(struct road_pair *p, const struct road_set *set,
                        const struct road_guesses *guesses, int ignored)
{
    *p = (struct road_pair){.set = set, .guesses = guesses, .ignored = ignored};
    return decoder_open(&p->decoder);
}

void road_pair_finish(struct road_pair *p)
{
    decoder_close(p->decoder);
    road_mask_finish(&p->truth);
    road_mask_finish(&p->guess);
    *p = (struct road_pair){0};
}
