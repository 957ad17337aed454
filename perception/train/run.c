/* A pass forward, a pass backward, and what is said about them. */
#include <math.h>
#include <string.h>

#include "perception/train/optimise.h"

/* ---- gradients ----------------------------------------------------------------------------- */
float *grad_begin(struct train *t, const struct layer *l, int i, bool *add)
{
    struct value *v = l->in[i] < 0 ? NULL : &t->value[l->in[i]];

    *add = false;
    if (!v || !v->wants)
        return NULL;
    *add = v->begun;
    v->begun = true;
    return v->grad;
}

float *grad_add(struct train *t, const struct layer *l, int i)
{
    bool add;
    float *g = grad_begin(t, l, i, &add);

    if (g && !add)
        memset(g, 0, t->value[l->in[i]].n * sizeof *g);
    return g;
}

/* ---- passes -------------------------------------------------------------------------------- */
static void run_layers(struct train *t, bool losses)
{
    for (int i = 0; i < t->n_layers; i++)
        if ((t->layer[i].kind == &layer_loss) == losses)
            t->layer[i].kind->forward(t, &t->layer[i]);
}

static void forward(struct train *t, bool training)
{
    t->training = training;
    run_layers(t, false);
    if (t->before_losses)
        t->before_losses(t->before_losses_arg);
    run_layers(t, true);
}

void train_before_losses(struct train *t, void (*fill)(void *arg), void *arg)
{
    t->before_losses = fill;
    t->before_losses_arg = arg;
}

/* A layer whose output nobody reads has nothing to say about the loss. */
static void backward(struct train *t)
{
    for (int i = 0; i < t->n_values; i++)
        t->value[i].begun = false;
    for (int i = t->n_layers - 1; i >= 0; i--) {
        struct layer *l = &t->layer[i];

        if (l->out < 0 || (t->value[l->out].begun && t->value[l->out].wants))
            l->kind->backward(t, l);
    }
}

static void report_losses(struct train *t, struct train_report *r)
{
    *r = (struct train_report){.step = t->step, .n_terms = t->n_losses};
    for (int i = 0; i < t->n_layers; i++)
        if (t->layer[i].kind == &layer_loss) {
            int k = t->layer[i].loss_index;

            r->term[k] = t->loss_of[k];
            r->loss += (double)t->layer[i].loss.weight * t->loss_of[k];
        }
}

void train_gradients(struct train *t, struct train_report *report)
{
    forward(t, true);
    report_losses(t, report);
    backward(t);
    if (t->ranks)
        t->ranks->sum(t->ranks->state, t->gradients, t->n_trained);
    report->gradient = gradient_norm(t);
}

void train_step(struct train *t, struct train_report *report)
{
    train_gradients(t, report);
    report->rate = train_rate_at(&t->recipe, t->step);
    report->skipped = !isfinite(report->loss) || !isfinite(report->gradient);
    if (!report->skipped)
        weights_update(t, report->gradient);
    t->step++;
}

/* Running statistics stay; carried states go on. */
void train_evaluate(struct train *t, bool averaged, struct train_report *report)
{
    float *weights = t->weights;

    if (averaged && t->average)
        weights_use(t, t->average);
    forward(t, false);
    report_losses(t, report);
    weights_use(t, weights);
}
