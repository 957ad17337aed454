#include "perception/train/sampler.h"

#include <inttypes.h>
#include <stdlib.h>

#include "perception/train/graph.h"

/* Fisher and Yates. */
static void shuffle(struct train_sampler *s)
{
    for (int64_t i = 0; i < s->state.n; i++)
        s->order[i] = (int32_t)i;
    for (int64_t i = s->state.n - 1; i > 0; i--) {
        uint64_t r = random_bits(s->state.seed, (uint64_t)s->state.epoch, (uint64_t)i);
        int64_t j = (int64_t)(r % ((uint64_t)i + 1));
        int32_t swap = s->order[i];

        s->order[i] = s->order[j];
        s->order[j] = swap;
    }
}

enum err sampler_init(struct train_sampler *s, int64_t n, uint64_t seed)
{
    *s = (struct train_sampler){.state = {.seed = seed, .n = n}};
    if (n < 1 || n > INT32_MAX)
        return ERR_LIMIT;
    s->order = malloc((size_t)n * sizeof *s->order);
    if (!s->order)
        return ERR_NOMEM;
    shuffle(s);
    return OK;
}

void sampler_finish(struct train_sampler *s)
{
    free(s->order);
    *s = (struct train_sampler){0};
}

int32_t sampler_next(struct train_sampler *s)
{
    if (s->state.at == s->state.n) {
        s->state.at = 0;
        s->state.epoch++;
        shuffle(s);
    }
    return s->order[s->state.at++];
}

enum err sampler_restore(struct train_sampler *s, const struct sampler_state *from, struct why *why)
{
    if (from->n != s->state.n || from->at < 0 || from->at > from->n)
        return err_say(why, ERR_MISMATCH,
                       "the checkpoint saw %" PRId64 " samples, there are %" PRId64, from->n,
                       s->state.n);
    s->state = *from;
    shuffle(s);
    return OK;
}

/* ---- several sets -------------------------------------------------------------------------- */

enum err mix_init(struct train_mix *m, int n, const int64_t *samples, const double *share,
                  uint64_t seed)
{
    double sum = 0;

    *m = (struct train_mix){.seed = seed};
    if (n < 1 || n > MIX_MAX_SETS)
        return ERR_LIMIT;
    for (int i = 0; i < n; i++) {
        enum err e = share[i] > 0
                         ? sampler_init(&m->set[i], samples[i], random_bits(seed, 11, (uint64_t)i))
                         : ERR_LIMIT;

        m->n = i + 1;
        if (e != OK) {
            mix_finish(m);
            return e;
        }
        m->upto[i] = sum += share[i];
    }
    return OK;
}

void mix_finish(struct train_mix *m)
{
    for (int i = 0; i < m->n; i++)
        sampler_finish(&m->set[i]);
    *m = (struct train_mix){0};
}

int32_t mix_next(struct train_mix *m, int *set)
{
    const double at = (double)(random_bits(m->seed, 12, (uint64_t)m->drawn++) >> 11) * 0x1p-53 *
                      m->upto[m->n - 1];
    int i = 0;

    while (i < m->n - 1 && at >= m->upto[i])
        i++;
    *set = i;
    return sampler_next(&m->set[i]);
}

void mix_save(const struct train_mix *m, struct mix_state *out)
{
    *out = (struct mix_state){.seed = m->seed, .n = m->n, .drawn = m->drawn};
    for (int i = 0; i < m->n; i++)
        out->set[i] = m->set[i].state;
}

enum err mix_restore(struct train_mix *m, const struct mix_state *from, struct why *why)
{
    enum err e = OK;

    if (from->n != m->n)
        return err_say(why, ERR_MISMATCH, "the checkpoint saw %" PRId64 " sets, there are %d",
                       from->n, m->n);
    for (int i = 0; i < m->n && e == OK; i++)
        e = sampler_restore(&m->set[i], &from->set[i], why);
    m->seed = from->seed;
    m->drawn = from->drawn;
    return e;
}
