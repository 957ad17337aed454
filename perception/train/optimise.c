/* AdamW and SGD with momentum, the learning rate's course, clipping, and the average of the weights. */
#include "perception/train/optimise.h"

#include <math.h>
#include <string.h>

enum { PIECE = 1 << 14, MAX_PIECES = 1 << 16 };

double train_rate_at(const struct train_recipe *r, int64_t step)
{
    double base = (double)r->rate, end = (double)r->rate_end, share;

    if (step < r->warm_up)
        return base * (double)(step + 1) / (double)r->warm_up;
    if (r->steps <= r->warm_up)
        return base;
    share = (double)(step - r->warm_up) / (double)(r->steps - r->warm_up);
    share = share < 1 ? share : 1;
    return base * (end + (1 - end) * 0.5 * (1 + cos(3.141592653589793 * share)));
}

double gradient_norm(struct train *t)
{
    double sum = 0;

    for (size_t from = 0; from < t->n_trained; from += PIECE) {
        size_t left = t->n_trained - from;

        sum += (double)t->k.sum_squares(t->gradients + from, left < PIECE ? left : PIECE, 0.0f);
    }
    return sqrt(sum);
}

struct update {
    struct train *t;
    struct adam_step s;
    size_t at, n; /* of the parameter */
};

static void update_piece(void *arg, int i, int thread)
{
    const struct update *u = arg;
    struct train *t = u->t;
    size_t from = (size_t)i * PIECE, left = u->n - from, at = u->at + from;
    size_t n = left < PIECE ? left : PIECE;

    (void)thread;
    if (t->recipe.optimiser == TRAIN_ADAMW)
        t->b.adam(t->weights + at, t->gradients + at, t->first + at, t->second + at, n, &u->s);
    else
        t->b.sgd(t->weights + at, t->gradients + at, t->first + at, n, &u->s);
}

/* The average follows faster in the beginning, when the weights are still far from where they go. */
static float average_keep(const struct train *t)
{
    double young = (double)(t->step + 1) / (double)(t->step + 10), keep = (double)t->recipe.ema;

    return (float)(young < keep ? young : keep);
}

void weights_update(struct train *t, double norm)
{
    const struct train_recipe *r = &t->recipe;
    double rate = train_rate_at(r, t->step), steps = (double)t->step + 1;
    struct update u = {.t = t, .s = {.rate = (float)rate, .beta1 = r->beta1, .beta2 = r->beta2}};

    u.s.epsilon = r->epsilon;
    u.s.correct1 = (float)(1 / (1 - pow((double)r->beta1, steps)));
    u.s.correct2 = (float)(1 / (1 - pow((double)r->beta2, steps)));
    u.s.scale = r->clip > 0 && norm > (double)r->clip ? (float)((double)r->clip / norm) : 1.0f;
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->param[i];

        if (!p->trained)
            continue;
        u.at = p->at;
        u.n = p->n;
        u.s.keep = p->decays ? (float)(1 - rate * (double)r->decay) : 1.0f;
        pool_run(t->pool, pieces_of(p->n, PIECE), update_piece, &u);
    }
    if (t->average)
        t->b.average(t->average, t->weights, t->n_all, average_keep(t));
}

void weights_use(struct train *t, float *weights)
{
    t->weights = weights;
    for (int i = 0; i < t->n_values; i++)
        if (t->value[i].param >= 0)
            t->value[i].data = weights + t->param[t->value[i].param].at;
    for (int i = 0; i < t->n_layers; i++) /* what shares memory with a parameter */
        if (t->layer[i].kind == &layer_reshape)
            t->value[t->layer[i].out].data = t->value[t->layer[i].in[0]].data;
}
