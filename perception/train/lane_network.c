#include "perception/train/lane_network.h"

#include <stdlib.h>
#include <string.h>

#include "perception/train/part.h"

enum { K = LANE_KNOTS };

struct lane_network {
    struct lane_network_options o;
    struct train *t;
    int x, counts, log_odds, exists, exists_counts, y, minus_y, y_counts, chain, log_sigma,
        zero; /* inputs */
};

/* ---- the network --------------------------------------------------------------------------- */
static int answers(struct train *t, bool lstm, int x, int mask)
{
    const struct train_recurrent r = {.hidden = LANE_MEMORY, .mask = mask, .carry = true};
    int h;

    train_name(t, "memory");
    h = lstm ? train_lstm(t, x, &r) : train_rnn(t, x, &r);
    train_name(t, "answers");
    return train_linear(t, h, LANE_ANSWERS, true);
}

/* ---- losses -------------------------------------------------------------------------------- */
static int part(struct train *t, int y, int from, int n)
{
    return train_slice(t, y, 2, from, from + n);
}

/* Means of the four, each given how far off those before it are: see struct lane_view. */
static int chained(struct lane_network *n, int answer)
{
    struct train *t = n->t;
    int mean = part(t, answer, LANE_ANSWER_Y, K), off = train_add(t, mean, n->minus_y), x = mean;
    int chain = train_add(t, part(t, answer, LANE_ANSWER_CHAIN, LANE_CHAIN), n->chain), from = 0;

    for (int lag = 1; lag < K; lag++) {
        int moved = train_mul(t, part(t, chain, from, K - lag), part(t, off, 0, K - lag));

        x = train_add(t, x, train_concat(t, (int[]){part(t, n->zero, 0, lag), moved}, 2, 2));
        from += K - lag;
    }
    return x;
}

static void add_losses(struct lane_network *n, int answer)
{
    struct train *t = n->t;

    train_loss(t, &(struct train_loss){
                      .kind = TRAIN_BCE,
                      .name = "exists",
                      .x = train_add(t, part(t, answer, LANE_ANSWER_EXISTS, 1), n->log_odds),
                      .target = n->exists,
                      .mask = n->exists_counts,
                      .has_mask = true});
    train_loss(t, &(struct train_loss){.kind = TRAIN_GAUSSIAN,
                                       .name = "y",
                                       .x = chained(n, answer),
                                       .log_scale = train_add(
                                           t, part(t, answer, LANE_ANSWER_SCALE, K), n->log_sigma),
                                       .target = n->y,
                                       .mask = n->y_counts,
                                       .has_mask = true});
}

/* ---- opening ------------------------------------------------------------------------------- */
static void build(struct lane_network *n)
{
    const struct {
        int *value;
        const char *name;
        int channels;
    } input[] = {{&n->x, "boundary", LANE_FEATURES},
                 {&n->counts, "counts", 1},
                 {&n->log_odds, "log_odds", 1},
                 {&n->exists, "exists", 1},
                 {&n->exists_counts, "exists_counts", 1},
                 {&n->y, "y", K},
                 {&n->minus_y, "minus_y", K},
                 {&n->y_counts, "y_counts", K},
                 {&n->chain, "chain", LANE_CHAIN},
                 {&n->log_sigma, "log_sigma", K},
                 {&n->zero, "zero", K}};

    for (size_t i = 0; i < sizeof input / sizeof *input; i++)
        *input[i].value =
            train_input(n->t, input[i].name, 3, (int[]){n->o.rows, n->o.steps, input[i].channels});
    add_losses(n, answers(n->t, n->o.lstm, n->x, n->counts));
}

enum err lane_network_open(const struct lane_network_options *o, struct lane_network **out,
                           struct why *why)
{
    const struct train_options options = {.cpu_mask = ~0u, .seed = o->seed};
    struct lane_network *n = calloc(1, sizeof *n);
    enum err e;

    *out = NULL;
    if (!n)
        return err_say(why, ERR_NOMEM, "no memory for the network of lanes");
    n->o = *o;
    if ((e = train_open(&options, &n->t)) != OK) {
        lane_network_close(n);
        return err_say(why, e, "no memory for the network of lanes");
    }
    build(n);
    if ((e = train_plan(n->t, &o->recipe, why)) != OK) {
        lane_network_close(n);
        return e;
    }
    *out = n;
    return OK;
}

void lane_network_close(struct lane_network *n)
{
    if (n)
        train_close(n->t);
    free(n);
}

struct train *lane_network_train(struct lane_network *n)
{
    return n->t;
}

/* ---- batches ------------------------------------------------------------------------------- */
static float *at(struct lane_network *n, int value, int row, int step)
{
    int channels = train_dim(n->t, value, 2);

    return train_data(n->t, value) + (size_t)(row * n->o.steps + step) * (size_t)channels;
}

void lane_network_put(struct lane_network *n, int row, int step, const struct lane_lesson *l)
{
    static const struct lane_lesson nothing;
    const struct lane_lesson *x = l ? l : &nothing;

    memcpy(at(n, n->x, row, step), x->x, sizeof x->x);
    *at(n, n->counts, row, step) = l != NULL;
    *at(n, n->log_odds, row, step) = x->log_odds;
    *at(n, n->exists, row, step) = x->exists;
    *at(n, n->exists_counts, row, step) = x->exists_counts;
    memcpy(at(n, n->y, row, step), x->y, sizeof x->y);
    for (int i = 0; i < K; i++)
        at(n, n->minus_y, row, step)[i] = -x->y[i];
    memcpy(at(n, n->y_counts, row, step), x->y_counts, sizeof x->y_counts);
    memcpy(at(n, n->chain, row, step), x->chain, sizeof x->chain);
    memcpy(at(n, n->log_sigma, row, step), x->log_sigma, sizeof x->log_sigma);
}

/* ---- the file ------------------------------------------------------------------------------ */
static void build_file(struct train *t, bool lstm)
{
    int x = train_input(t, "boundary", 3, (int[]){LANE_TRACKS, 1, LANE_FEATURES});

    train_output(t, "answers", answers(t, lstm, x, -1));
}

enum err lane_network_export(struct lane_network *n, struct lane_weights *out, struct why *why)
{
    *out = (struct lane_weights){0};
    return train_part_export(n->t, build_file, n->o.lstm, &out->file, &out->bytes, why);
}
