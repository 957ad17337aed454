#include "perception/track/learned.h"

#include <stdlib.h>
#include <string.h>

#include "perception/track/net_numbers.h"

enum { STATES = 2 }; /* h, and an LSTM's c */

struct learned {
    struct net *memory, *attention;
    float *features;                              /* input of memory */
    float *state_in[STATES];                      /* likewise; NULL: this kind has none */
    const float *state[STATES], *answers, *query; /* outputs of memory */
    float *query_in, *pair;                       /* inputs of attention */
    const float *logits;                          /* output of attention */

    /* Between runs: a network's own tensors may share their place. */
    float state_kept[STATES][ASKED_TRACKS][TRACK_MEMORY];
    float query_kept[ASKED_TRACKS][QUERY];
    float answers_kept[ASKED_TRACKS][ANSWERS];
};

static enum err find_tensors(struct learned *l, struct why *why)
{
    const int64_t N = ASKED_TRACKS, H = N * TRACK_MEMORY;
    bool lstm = net_named(l->memory, "memory_c_in", true) != NULL;

    if ((l->features = net_numbers(l->memory, "track", true, N * TRACK_FEATURES, why)) &&
        (l->state_in[0] = net_numbers(l->memory, "memory_h_in", true, H, why)) &&
        (l->state[0] = net_numbers(l->memory, "memory_h", false, H, why)) &&
        (!lstm || ((l->state_in[1] = net_numbers(l->memory, "memory_c_in", true, H, why)) &&
                   (l->state[1] = net_numbers(l->memory, "memory_c", false, H, why)))) &&
        (l->answers = net_numbers(l->memory, "answers", false, N * ANSWERS, why)) &&
        (l->query = net_numbers(l->memory, "query", false, N * QUERY, why)) &&
        (l->query_in = net_numbers(l->attention, "query", true, N * QUERY, why)) &&
        (l->pair =
             net_numbers(l->attention, "pair", true, N * ASKED_CANDIDATES * PAIR_FEATURES, why)) &&
        (l->logits = net_numbers(l->attention, "logits", false, N * (ASKED_CANDIDATES + 1), why)))
        return OK;
    return ERR_MISMATCH;
}

enum err learned_open(const struct weights *w, unsigned cpu_mask, struct learned **out,
                      struct why *why)
{
    const struct net_options options = {.cpu_mask = cpu_mask};
    struct learned *l = calloc(1, sizeof *l);
    enum err e;

    *out = NULL;
    if (!l)
        return err_say(why, ERR_NOMEM, "no memory for the tracker's networks");
    if ((e = net_open_memory(w->memory, w->memory_bytes, &options, &l->memory, why)) != OK ||
        (e = net_open_memory(w->attention, w->attention_bytes, &options, &l->attention, why)) !=
            OK ||
        (e = find_tensors(l, why)) != OK) {
        learned_close(l);
        return e;
    }
    *out = l;
    return OK;
}

void learned_close(struct learned *l)
{
    if (!l)
        return;
    net_close(l->memory);
    net_close(l->attention);
    free(l);
}

void learned_forget(struct learned *l, int slot)
{
    for (int i = 0; i < STATES; i++)
        memset(l->state_kept[i][slot], 0, sizeof l->state_kept[i][slot]);
    memset(l->query_kept[slot], 0, sizeof l->query_kept[slot]);
}

const float (*learned_attend(struct learned *l, const struct asked *a))[ASKED_CANDIDATES + 1]
{
    memcpy(l->query_in, l->query_kept, sizeof l->query_kept);
    memcpy(l->pair, a->pair, sizeof a->pair);
    net_run_sure(l->attention);
    return (const float(*)[ASKED_CANDIDATES + 1]) l->logits;
}

const float (*learned_remember(struct learned *l, const struct asked *a))[ANSWERS]
{
    memcpy(l->features, a->track, sizeof a->track);
    for (int i = 0; i < STATES && l->state_in[i]; i++)
        memcpy(l->state_in[i], l->state_kept[i], sizeof l->state_kept[i]);
    net_run_sure(l->memory);
    for (int i = 0; i < STATES && l->state[i]; i++)
        memcpy(l->state_kept[i], l->state[i], sizeof l->state_kept[i]);
    memcpy(l->query_kept, l->query, sizeof l->query_kept);
    memcpy(l->answers_kept, l->answers, sizeof l->answers_kept);
    return (const float(*)[ANSWERS])l->answers_kept;
}
