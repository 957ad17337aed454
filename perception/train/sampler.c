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
