#include "daemon/cli/train_loader.h"

#include <math.h>
#include <stdlib.h>

#include "perception/train/graph.h"

enum { TILES = 4 };

/* Boundaries are lost in a mosaic, so that pictures which have them are rarely made into one. */
static const float MOSAIC = 0.5f, MOSAIC_OF_LANES = 0.12f;

struct helper { /* of one thread */
    struct train_reader *reader[TILES];
    struct canvas_memory *canvas;
    struct sample sample[TILES];
};

struct drawn {
    int set, picture;
    uint64_t seed;
};

struct train_loader {
    struct train_loader_options o;
    struct train_mix mix;
    int n_helpers;
    struct helper *helper;
    struct drawn *drawn; /* (batch), of this rank */
    enum err *result;    /* (batch) */
    struct why *why;     /* (batch) */
    uint8_t *road;       /* (batch, height / 8, width / 8) */
    float *input;
    struct labels *labels;
};

static enum err open_helpers(struct train_loader *l)
{
    const struct compose *c = &l->o.compose;

    l->n_helpers = pool_threads(l->o.pool);
    l->helper = calloc((size_t)l->n_helpers, sizeof *l->helper);
    for (int i = 0; l->helper && i < l->n_helpers; i++) {
        struct helper *h = &l->helper[i];

        if (!(h->canvas = canvas_open(c->width, c->height)))
            return ERR_NOMEM;
        for (int k = 0; k < TILES; k++)
            if (!(h->reader[k] = train_reader_open()))
                return ERR_NOMEM;
    }
    return l->helper ? OK : ERR_NOMEM;
}

static enum err open_mix(struct train_loader *l)
{
    int64_t samples[MIX_MAX_SETS];
    double share[MIX_MAX_SETS];

    if (l->o.n_sets > MIX_MAX_SETS)
        return ERR_LIMIT;
    for (int i = 0; i < l->o.n_sets; i++) {
        const struct train_set *s = &l->o.set[i];

        samples[i] = s->choice.frames ? s->choice.frames : s->n_use;
        share[i] = l->o.set[i].choice.weight;
    }
    return mix_init(&l->mix, l->o.n_sets, samples, share, l->o.seed);
}

static size_t cells(const struct train_loader *l)
{
    return (size_t)(l->o.compose.width / 8) * (size_t)(l->o.compose.height / 8);
}

enum err train_loader_open(const struct train_loader_options *o, struct train_loader **out,
                           struct why *why)
{
    const size_t n = (size_t)o->batch;
    struct train_loader *l = calloc(1, sizeof *l);
    enum err e = ERR_NOMEM;

    *out = NULL;
    if (l) {
        l->o = *o;
        l->drawn = calloc(n, sizeof *l->drawn);
        l->result = calloc(n, sizeof *l->result);
        l->why = calloc(n, sizeof *l->why);
        l->road = malloc(n * cells(l));
        if (l->drawn && l->result && l->why && l->road && (e = open_helpers(l)) == OK)
            e = open_mix(l);
    }
    if (e == OK) {
        *out = l;
        return OK;
    }
    train_loader_close(l);
    return e == ERR_LIMIT
               ? err_say(why, e, "%d sets with shares, must be 1 to %d, each share above 0",
                         o->n_sets, MIX_MAX_SETS)
               : err_say(why, e, "no memory for batches of %d pictures of %dx%d", o->batch,
                         o->compose.width, o->compose.height);
}

void train_loader_close(struct train_loader *l)
{
    if (!l)
        return;
    for (int i = 0; l->helper && i < l->n_helpers; i++) {
        canvas_close(l->helper[i].canvas);
        for (int k = 0; k < TILES; k++)
            train_reader_close(l->helper[i].reader[k]);
    }
    mix_finish(&l->mix);
    free(l->helper);
    free(l->drawn);
    free(l->result);
    free(l->why);
    free(l->road);
    free(l);
}

struct train_mix *train_loader_mix(struct train_loader *l)
{
    return &l->mix;
}

static float uniform_at(const struct drawn *d, uint64_t at)
{
    return (float)(random_bits(d->seed, 13, at) >> 40) * 0x1p-24f;
}

static enum err make(struct train_loader *l, struct helper *h, int i, struct why *why)
{
    const struct drawn *d = &l->drawn[i];
    const struct compose *c = &l->o.compose;
    const struct train_set *s = &l->o.set[d->set];
    const struct sample *tile[TILES];
    const size_t n = (size_t)c->width * (size_t)c->height * 3;
    const bool lanes = s->line || s->has_lanes;
    const int tiles =
        uniform_at(d, 0) < c->strength * (lanes ? MOSAIC_OF_LANES : MOSAIC) ? TILES : 1;
    enum err e = OK;

    for (int k = 0; k < tiles && e == OK; k++) {
        const int picture =
            k ? (int)(random_bits(d->seed, 14, (uint64_t)k) % (uint64_t)s->n_use)
              : d->picture % s->n_use; /* of a set that is still being drawn, there are fewer */

        e = train_set_read(s, picture, h->reader[k], &h->sample[k], why);
        tile[k] = &h->sample[k];
    }
    if (e == OK)
        compose(c, h->canvas, tile, tiles, random_bits(d->seed, 15, 0), l->input + (size_t)i * n,
                l->road + (size_t)i * cells(l), &l->labels[i]);
    return e;
}

static void make_piece(void *arg, int i, int thread)
{
    struct train_loader *l = arg;

    l->result[i] = make(l, &l->helper[thread], i, &l->why[i]);
}

enum err train_loader_next(struct train_loader *l, float *input, struct labels *labels,
                           struct why *why)
{
    for (int i = 0; i < l->o.batch * l->o.ranks; i++) {
        const uint64_t seed = random_bits(l->o.seed, 16, (uint64_t)l->mix.drawn);
        struct drawn d = {.seed = seed};

        d.picture = mix_next(&l->mix, &d.set);
        if (i / l->o.batch == l->o.rank)
            l->drawn[i % l->o.batch] = d;
    }
    l->input = input;
    l->labels = labels;
    pool_run(l->o.pool, l->o.batch, make_piece, l);
    for (int i = 0; i < l->o.batch; i++)
        if (l->result[i] != OK) {
            *why = l->why[i];
            return l->result[i];
        }
    return OK;
}
