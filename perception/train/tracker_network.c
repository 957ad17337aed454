#include "perception/train/tracker_network.h"

#include <stdlib.h>
#include <string.h>

#include "perception/train/part.h"

enum { K = ASKED_CANDIDATES, PATH = 2 * SCENE_PATH_POINTS };

struct tracker_network {
    struct tracker_network_options o;
    struct train *t;
    int track, counts, exists, box, box_counts, state, minus_state, state_counts, speed_counts,
        rate, rate_counts, path, path_counts, pair, none, choice, choice_counts, zero; /* inputs */
};

/* ---- the networks -------------------------------------------------------------------------- */
static int memory(struct train *t, bool lstm, int track, int mask)
{
    const struct train_recurrent r = {.hidden = TRACK_MEMORY, .mask = mask, .carry = true};

    train_name(t, "memory");
    return lstm ? train_lstm(t, track, &r) : train_rnn(t, track, &r);
}

static int answers(struct train *t, int h)
{
    train_name(t, "answers");
    return train_linear(t, h, ANSWERS, true);
}

static int query(struct train *t, int h)
{
    train_name(t, "query");
    return train_linear(t, h, QUERY, true);
}

/* query (N, 1, QUERY), pair (N, K, PAIR_FEATURES) -> logits (N, K + 1): additive attention; what
 * "none of them" scores is the query's own. */
static int attend(struct train *t, int N, int asks, int pair)
{
    int key, seen, none, scores;

    train_name(t, "key");
    key = train_linear(t, pair, QUERY, true);
    seen = train_act(t, train_add(t, key, asks), ACT_TANH, 0, 0);
    train_name(t, "seen");
    seen = train_act(t, train_linear(t, seen, 16, true), ACT_RELU, 0, 0);
    train_name(t, "score");
    scores = train_reshape(t, train_linear(t, seen, 1, true), 2, (int[]){N, K});
    train_name(t, "none");
    none = train_reshape(t, train_linear(t, asks, 1, true), 2, (int[]){N, 1});
    return train_concat(t, (int[]){scores, none}, 2, 1);
}

/* ---- losses -------------------------------------------------------------------------------- */
static int part(struct train *t, int y, int from, int n)
{
    return train_slice(t, y, 2, from, from + n);
}

/* Means of the six numbers, each given how far off those before it are: see answer_covariance(). */
static int chained(struct tracker_network *n, int y, int mean)
{
    struct train *t = n->t;
    int off = train_add(t, mean, n->minus_state), x = mean, from = ANSWER_CHAIN;

    for (int lag = 1; lag < STATE_DIM; lag++) {
        int c = part(t, y, from, STATE_DIM - lag);
        int moved = train_mul(t, c, part(t, off, 0, STATE_DIM - lag));

        x = train_add(t, x, train_concat(t, (int[]){part(t, n->zero, 0, lag), moved}, 2, 2));
        from += STATE_DIM - lag;
    }
    return x;
}

static void gaussian(struct train *t, const char *name, int x, int scale, int target, int counts,
                     float weight)
{
    train_loss(t, &(struct train_loss){.kind = TRAIN_GAUSSIAN,
                                       .name = name,
                                       .x = x,
                                       .target = target,
                                       .log_scale = scale,
                                       .mask = counts,
                                       .has_mask = true,
                                       .weight = weight});
}

static void add_losses(struct tracker_network *n, int y, int logits)
{
    struct train *t = n->t;

    train_loss(t, &(struct train_loss){.kind = TRAIN_BCE,
                                       .name = "exists",
                                       .x = part(t, y, ANSWER_EXISTS, 1),
                                       .target = n->exists,
                                       .mask = n->counts,
                                       .has_mask = true});
    gaussian(t, "box", part(t, y, ANSWER_BOX, 4), part(t, y, ANSWER_BOX_SCALE, 4), n->box,
             n->box_counts, 0.5f);
    gaussian(t, "state", chained(n, y, part(t, y, ANSWER_STATE, STATE_DIM)),
             part(t, y, ANSWER_STATE_SCALE, STATE_DIM), n->state, n->state_counts, 1);
    /* A likelihood cares little for the mean of what it knows to be unsure; the root mean square of the
     * speed, in m/s, does (cf. Seitzer et al. 2022). */
    train_loss(t, &(struct train_loss){.kind = TRAIN_SMOOTH_L1,
                                       .name = "speed",
                                       .x = part(t, y, ANSWER_STATE + 2, 2),
                                       .target = part(t, n->state, 2, 2),
                                       .mask = n->speed_counts,
                                       .has_mask = true,
                                       .beta = 4,
                                       .weight = 12});
    gaussian(t, "rate", part(t, y, ANSWER_RATE, 1), part(t, y, ANSWER_RATE_SCALE, 1), n->rate,
             n->rate_counts, 0.5f);
    gaussian(t, "path", part(t, y, ANSWER_PATH, PATH), part(t, y, ANSWER_PATH_SCALE, PATH), n->path,
             n->path_counts, 0.5f);
    train_loss(t, &(struct train_loss){.kind = TRAIN_CROSS_ENTROPY,
                                       .name = "choice",
                                       .x = logits,
                                       .target = n->choice,
                                       .mask = n->choice_counts,
                                       .has_mask = true,
                                       .weight = 2});
}

/* ---- opening ------------------------------------------------------------------------------- */
static void build(struct tracker_network *n)
{
    struct train *t = n->t;
    int N = n->o.rows, T = n->o.steps, h, y, logits;
    const struct {
        int *value;
        const char *name;
        int channels;
    } input[] = {{&n->track, "track", TRACK_FEATURES},
                 {&n->counts, "counts", 1},
                 {&n->exists, "exists", 1},
                 {&n->box, "box", 4},
                 {&n->box_counts, "box_counts", 4},
                 {&n->state, "state", STATE_DIM},
                 {&n->minus_state, "minus_state", STATE_DIM},
                 {&n->state_counts, "state_counts", 1},
                 {&n->speed_counts, "speed_counts", 1},
                 {&n->rate, "rate", 1},
                 {&n->rate_counts, "rate_counts", 1},
                 {&n->path, "path", PATH},
                 {&n->path_counts, "path_counts", PATH},
                 {&n->pair, "pair", K * PAIR_FEATURES},
                 {&n->none, "none", K + 1},
                 {&n->choice, "choice", 1},
                 {&n->choice_counts, "choice_counts", 1},
                 {&n->zero, "zero", STATE_DIM}};

    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        *input[i].value = train_input(t, input[i].name, 3, (int[]){N, T, input[i].channels});
    h = memory(t, n->o.lstm, n->track, n->counts);
    y = answers(t, h);
    logits = attend(t, N * T, train_reshape(t, query(t, h), 3, (int[]){N * T, 1, QUERY}),
                    train_reshape(t, n->pair, 3, (int[]){N * T, K, PAIR_FEATURES}));
    logits = train_add(t, logits, train_reshape(t, n->none, 2, (int[]){N * T, K + 1}));
    add_losses(n, y, logits);
}

enum err tracker_network_open(const struct tracker_network_options *o, struct tracker_network **out,
                              struct why *why)
{
    const struct train_options options = {.cpu_mask = ~0u, .pool = o->pool, .seed = o->seed};
    struct tracker_network *n = calloc(1, sizeof *n);
    enum err e;

    *out = NULL;
    if (!n)
        return err_say(why, ERR_NOMEM, "no memory for the tracker's network");
    n->o = *o;
    if ((e = train_open(&options, &n->t)) != OK) {
        tracker_network_close(n);
        return err_say(why, e, "no memory for the tracker's network");
    }
    build(n);
    if ((e = train_plan(n->t, &o->recipe, why)) != OK) {
        tracker_network_close(n);
        return e;
    }
    *out = n;
    return OK;
}

void tracker_network_close(struct tracker_network *n)
{
    if (n)
        train_close(n->t);
    free(n);
}

struct train *tracker_network_train(struct tracker_network *n)
{
    return n->t;
}

/* ---- batches ------------------------------------------------------------------------------- */
static float *at(struct tracker_network *n, int value, int row, int step)
{
    int channels = train_dim(n->t, value, 2);

    return train_data(n->t, value) + (size_t)(row * n->o.steps + step) * (size_t)channels;
}

void tracker_network_put(struct tracker_network *n, int row, int step, const struct lesson *l)
{
    static const struct lesson nothing;
    const struct lesson *x = l ? l : &nothing;

    memcpy(at(n, n->track, row, step), x->track, sizeof x->track);
    *at(n, n->counts, row, step) = l != NULL;
    *at(n, n->exists, row, step) = x->exists;
    memcpy(at(n, n->box, row, step), x->box, sizeof x->box);
    memcpy(at(n, n->box_counts, row, step), x->box_counts, sizeof x->box_counts);
    memcpy(at(n, n->state, row, step), x->state, sizeof x->state);
    for (int i = 0; i < STATE_DIM; i++)
        at(n, n->minus_state, row, step)[i] = -x->state[i];
    *at(n, n->state_counts, row, step) = x->state_counts;
    *at(n, n->speed_counts, row, step) = x->speed_counts;
    *at(n, n->rate, row, step) = x->rate;
    *at(n, n->rate_counts, row, step) = x->rate_counts;
    memcpy(at(n, n->path, row, step), x->path, sizeof x->path);
    memcpy(at(n, n->path_counts, row, step), x->path_counts, sizeof x->path_counts);
    memcpy(at(n, n->pair, row, step), x->pair, sizeof x->pair);
    memcpy(at(n, n->none, row, step), x->none, sizeof x->none);
    at(n, n->none, row, step)[K] = 0;
    *at(n, n->choice, row, step) = x->choice;
    *at(n, n->choice_counts, row, step) = x->choice_counts;
}

/* ---- files --------------------------------------------------------------------------------- */
void tracker_network_widen(struct tracker_network *n, int from, int count, float log_scale)
{
    for (int i = 0; i < train_parameters(n->t); i++) {
        struct train_weights_view w = train_parameter_view(n->t, i);

        if (strcmp(w.name, "answers.bias") != 0)
            continue;
        for (int k = from; k < from + count; k++) {
            w.value[k] += log_scale;
            if (w.average)
                w.average[k] += log_scale;
        }
    }
}

static void build_memory_file(struct train *t, bool lstm)
{
    int h =
        memory(t, lstm, train_input(t, "track", 3, (int[]){ASKED_TRACKS, 1, TRACK_FEATURES}), -1);
    int y = answers(t, h), q = query(t, h);

    train_output(t, "answers", y);
    train_output(t, "query", q);
}

static void build_attention_file(struct train *t, bool lstm)
{
    int asks = train_input(t, "query", 3, (int[]){ASKED_TRACKS, 1, QUERY});
    int pair = train_input(t, "pair", 3, (int[]){ASKED_TRACKS, K, PAIR_FEATURES});
    int logits = attend(t, ASKED_TRACKS, asks, pair);

    (void)lstm;
    train_output(t, "logits", logits);
}

enum err tracker_network_export(struct tracker_network *n, struct weights *out, struct why *why)
{
    enum err e;

    *out = (struct weights){0};
    if ((e = train_part_export(n->t, build_memory_file, n->o.lstm, &out->memory, &out->memory_bytes,
                               why)) != OK ||
        (e = train_part_export(n->t, build_attention_file, n->o.lstm, &out->attention,
                               &out->attention_bytes, why)) != OK)
        free((void *)out->memory);
    return e;
}
