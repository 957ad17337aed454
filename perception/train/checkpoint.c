/* A training run in one file: a header, the arrays as they lie in memory, a checksum over all of it.
 * For the machine that wrote it and its like: little-endian float32. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/train/graph.h"

enum { VERSION = 1, MAX_EXTRA = 1 << 20 };
static const char magic[8] = "OUTRTRN";

struct header {
    char magic[8];
    uint32_t version, sections;
    uint64_t network; /* a hash of what the parameters are */
    int64_t step;
    uint64_t seed, floats, extra;
};

/* FNV-1a (Fowler, Noll, Vo), eight bytes at a time. */
static uint64_t hash_of(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t v;

        memcpy(&v, p, 8);
        h = (h ^ v) * 0x100000001b3u;
        h ^= h >> 29; /* or high bits would never reach low ones */
    }
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}

static uint64_t network_of(const struct train *t)
{
    uint64_t h = 0xcbf29ce484222325u;
    uint64_t recipe[2] = {t->recipe.optimiser, t->recipe.ema > 0};

    h = hash_of(h, recipe, sizeof recipe);
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->param[i];

        h = hash_of(h, p->name, strlen(p->name));
        h = hash_of(h, p->dim, (size_t)p->rank * sizeof *p->dim);
    }
    for (int i = 0; i < t->n_layers; i++)
        h = hash_of(h, &t->layer[i].state, sizeof t->layer[i].state);
    return h;
}

/* Calls each(arg, array, floats) for everything that is kept. */
static void sections(struct train *t, void (*each)(void *arg, float *x, size_t n), void *arg)
{
    each(arg, t->weights, t->n_all);
    each(arg, t->first, t->n_trained);
    if (t->second)
        each(arg, t->second, t->n_trained);
    if (t->average)
        each(arg, t->average, t->n_all);
    for (int i = 0; i < t->n_layers; i++)
        if (t->layer[i].state)
            each(arg, t->layer[i].kept[0], t->layer[i].state);
}

static void count(void *arg, float *x, size_t n)
{
    (void)x;
    *(size_t *)arg += n;
}

static void put(void *arg, float *x, size_t n)
{
    unsigned char **to = arg;

    memcpy(*to, x, n * sizeof *x);
    *to += n * sizeof *x;
}

static void get(void *arg, float *x, size_t n)
{
    const unsigned char **from = arg;

    memcpy(x, *from, n * sizeof *x);
    *from += n * sizeof *x;
}

static struct header header_of(struct train *t, size_t extra)
{
    struct header h = {.version = VERSION, .network = network_of(t), .extra = extra};
    size_t floats = 0;

    sections(t, count, &floats);
    memcpy(h.magic, magic, sizeof h.magic);
    h.floats = floats;
    h.step = t->step;
    h.seed = t->seed;
    return h;
}

enum err train_save(struct train *t, const char *path, const void *extra, size_t n, struct why *why)
{
    struct header h = header_of(t, n);
    size_t size = sizeof h + h.floats * sizeof(float) + n + sizeof(uint64_t);
    unsigned char *bytes, *to;
    uint64_t sum;
    enum err e;

    if (n > MAX_EXTRA)
        return err_say(why, ERR_LIMIT, "%zu bytes besides, limit %d", n, MAX_EXTRA);
    if (!(bytes = malloc(size)))
        return err_say(why, ERR_NOMEM, "no memory for %zu bytes", size);
    memcpy(bytes, &h, sizeof h);
    to = bytes + sizeof h;
    sections(t, put, &to);
    if (n)
        memcpy(to, extra, n);
    sum = hash_of(0, bytes, size - sizeof sum);
    memcpy(to + n, &sum, sizeof sum);
    e = file_replace(path, bytes, size, why);
    free(bytes);
    return e;
}

/* ---- reading ------------------------------------------------------------------------------- */
static enum err check(const struct header *want, const unsigned char *bytes, size_t n, size_t size,
                      const char *path, struct why *why)
{
    struct header h;
    uint64_t sum;

    if (n < sizeof h + sizeof sum || memcmp(bytes, magic, sizeof magic) != 0)
        return err_say(why, ERR_FORMAT, "%s: no checkpoint", path);
    memcpy(&h, bytes, sizeof h);
    if (h.version != VERSION)
        return err_say(why, ERR_MISMATCH, "%s: version %u, not %d", path, h.version, VERSION);
    if (h.network != want->network || h.floats != want->floats || h.extra != want->extra)
        return err_say(why, ERR_MISMATCH, "%s: of another network or recipe", path);
    if (n != size)
        return err_say(why, ERR_FORMAT, "%s: not %zu bytes long", path, size);
    memcpy(&sum, bytes + size - sizeof sum, sizeof sum);
    if (hash_of(0, bytes, size - sizeof sum) != sum)
        return err_say(why, ERR_FORMAT, "%s: damaged, the checksum differs", path);
    return OK;
}

enum err train_load(struct train *t, const char *path, void *extra, size_t n, struct why *why)
{
    struct header h = header_of(t, n);
    size_t size = sizeof h + h.floats * sizeof(float) + n + sizeof(uint64_t), there = 0;
    unsigned char *bytes;
    const unsigned char *from;
    enum err e = file_bytes(path, size, &bytes, &there, why);

    if (e == OK && (e = check(&h, bytes, there, size, path, why)) == OK) {
        memcpy(&h, bytes, sizeof h);
        from = bytes + sizeof h;
        sections(t, get, &from);
        if (n)
            memcpy(extra, from, n);
        t->step = h.step;
        t->seed = h.seed;
    }
    free(bytes);
    return e;
}
