#include "perception/track/lane_memory.h"

#include <stdlib.h>
#include <string.h>

#include "perception/track/net_numbers.h"

enum { STATES = 2 }; /* h, and an LSTM's c */

struct lane_memory {
    struct net *net;
    float *features, *state_in[STATES];   /* inputs; NULL: this kind has none */
    const float *state[STATES], *answers; /* outputs */
    /* Between runs: a network's own tensors may share their place. */
    float kept[STATES][LANE_TRACKS][LANE_MEMORY];
};

static enum err find_tensors(struct lane_memory *m, struct why *why)
{
    const int64_t N = LANE_TRACKS, H = N * LANE_MEMORY;
    bool lstm = net_named(m->net, "memory_c_in", true) != NULL;

    if ((m->features = net_numbers(m->net, "boundary", true, N * LANE_FEATURES, why)) &&
        (m->state_in[0] = net_numbers(m->net, "memory_h_in", true, H, why)) &&
        (m->state[0] = net_numbers(m->net, "memory_h", false, H, why)) &&
        (!lstm || ((m->state_in[1] = net_numbers(m->net, "memory_c_in", true, H, why)) &&
                   (m->state[1] = net_numbers(m->net, "memory_c", false, H, why)))) &&
        (m->answers = net_numbers(m->net, "answers", false, N * LANE_ANSWERS, why)))
        return OK;
    return ERR_MISMATCH;
}

enum err lane_memory_open(const struct lane_weights *w, unsigned cpu_mask, struct lane_memory **out,
                          struct why *why)
{
    const struct net_options options = {.cpu_mask = cpu_mask};
    struct lane_memory *m = calloc(1, sizeof *m);
    enum err e;

    *out = NULL;
    if (!m)
        return err_say(why, ERR_NOMEM, "no memory for the network of lanes");
    if ((e = net_open_memory(w->file, w->bytes, &options, &m->net, why)) != OK ||
        (e = find_tensors(m, why)) != OK) {
        lane_memory_close(m);
        return e;
    }
    *out = m;
    return OK;
}

void lane_memory_close(struct lane_memory *m)
{
    if (m)
        net_close(m->net);
    free(m);
}

void lane_memory_forget(struct lane_memory *m, int slot)
{
    for (int i = 0; i < STATES; i++)
        memset(m->kept[i][slot], 0, sizeof m->kept[i][slot]);
}

const float (*lane_memory_step(struct lane_memory *m,
                               const float x[LANE_TRACKS][LANE_FEATURES]))[LANE_ANSWERS]
{
    memcpy(m->features, x, sizeof(float[LANE_TRACKS][LANE_FEATURES]));
    for (int i = 0; i < STATES && m->state_in[i]; i++)
        memcpy(m->state_in[i], m->kept[i], sizeof m->kept[i]);
    net_run_sure(m->net);
    for (int i = 0; i < STATES && m->state[i]; i++)
        memcpy(m->kept[i], m->state[i], sizeof m->kept[i]);
    return (const float(*)[LANE_ANSWERS])m->answers;
}
