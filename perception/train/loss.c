/* Losses: a sum of terms, each with its weight from the mask, over what the weights add up to. Sums
 * are doubles over pieces of a fixed size, added in order. */
#include "perception/train/loss.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/graph.h"

enum { PIECE = 2048, IN_X = 0, IN_TARGET, IN_MASK, IN_SCALE, INPUTS };

static bool by_rows(enum train_loss_kind k)
{
    return k == TRAIN_CROSS_ENTROPY || k == TRAIN_GIOU || k == TRAIN_CIOU;
}

static bool has_scale(enum train_loss_kind k)
{
    return k == TRAIN_GAUSSIAN || k == TRAIN_LAPLACE;
}

/* ---- building ------------------------------------------------------------------------------ */
static int channels_of(const struct train *t, int x)
{
    return t->value[x].dim[t->value[x].rank - 1];
}

static bool check(struct train *t, const struct train_loss *l)
{
    size_t n, rows;

    if (!build_has(t, l->x, "train_loss") || !build_has(t, l->target, "train_loss") ||
        (l->has_mask && !build_has(t, l->mask, "train_loss")) ||
        (has_scale(l->kind) && !build_has(t, l->log_scale, "train_loss")))
        return false;
    n = t->value[l->x].n;
    rows = n / (size_t)channels_of(t, l->x);
    if (t->value[l->target].n != (l->kind == TRAIN_CROSS_ENTROPY ? rows : n))
        build_wrong(t, "train_loss '%s': %zu numbers have %zu targets", l->name, n,
                    t->value[l->target].n);
    else if ((l->kind == TRAIN_GIOU || l->kind == TRAIN_CIOU) && channels_of(t, l->x) != 4)
        build_wrong(t, "train_loss '%s': a box has 4 numbers, not %d", l->name,
                    channels_of(t, l->x));
    else if (has_scale(l->kind) && t->value[l->log_scale].n != n)
        build_wrong(t, "train_loss '%s': %zu numbers have %zu scales", l->name, n,
                    t->value[l->log_scale].n);
    else if (l->has_mask && t->value[l->mask].n != rows &&
             (by_rows(l->kind) || t->value[l->mask].n != n))
        build_wrong(t, "train_loss '%s': %zu rows have a mask of %zu", l->name, rows,
                    t->value[l->mask].n);
    else if (t->n_losses == TRAIN_MAX_LOSSES)
        build_wrong(t, "train_loss '%s': more than %d losses", l->name, TRAIN_MAX_LOSSES);
    return t->error == OK;
}

void train_loss(struct train *t, const struct train_loss *of)
{
    const int in[INPUTS] = {of->x, of->target, of->has_mask ? of->mask : -1,
                            has_scale(of->kind) ? of->log_scale : -1};
    struct layer *l;

    if (!check(t, of))
        return;
    train_name(t, "%s", of->name);
    l = build_layer(t, &layer_loss, in, INPUTS, -1, NULL);
    if (!l)
        return;
    l->loss = *of;
    l->loss.name = NULL; /* the layer has a copy */
    l->loss.weight = of->weight != 0 ? of->weight : 1;
    l->loss.gamma = of->gamma != 0 ? of->gamma : 2;
    l->loss.beta = of->beta != 0 ? of->beta : 1;
    l->loss_index = t->n_losses++;
}

/* ---- terms: the value, and its derivatives ------------------------------------------------- */
static double sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

static double cross(double x, double y)
{
    return fmax(x, 0) - x * y + log1p(exp(-fabs(x)));
}

static double focal(const struct train_loss *l, double x, double y, double *dx)
{
    double p = sigmoid(x), right = p * y + (1 - p) * (1 - y), wrong = 1 - right,
           g = (double)l->gamma;
    double alpha = (double)l->alpha, balance = alpha > 0 ? alpha * y + (1 - alpha) * (1 - y) : 1;
    double ce = cross(x, y), by = pow(wrong, g);
    double slope = wrong > 0 ? g * pow(wrong, g - 1) * (2 * y - 1) * p * (1 - p) : 0;

    *dx = balance * (by * (p - y) - slope * ce);
    return balance * by * ce;
}

static double smooth(double apart, double beta, double *dx)
{
    if (fabs(apart) < beta) {
        *dx = apart / beta;
        return apart * apart / (2 * beta);
    }
    *dx = apart > 0 ? 1 : -1;
    return fabs(apart) - beta / 2;
}

/* ds: by the logarithm of the scale. back: the derivatives count, the value may be left out. */
static double term(const struct train_loss *l, double x, double y, double s, bool back, double *dx,
                   double *ds)
{
    double apart = x - y, scale = exp(s);

    switch (l->kind) {
    case TRAIN_BCE:
        if (back)
            *dx = sigmoid(x) - y;
        return back ? 0 : cross(x, y);
    case TRAIN_FOCAL:
        return focal(l, x, y, dx);
    case TRAIN_SMOOTH_L1:
        return smooth(apart, (double)l->beta, dx);
    case TRAIN_GAUSSIAN:
        *dx = apart / (scale * scale);
        *ds = 1 - apart * apart / (scale * scale);
        return s + apart * apart / (2 * scale * scale);
    case TRAIN_LAPLACE:
        *dx = (apart > 0) - (apart < 0);
        *dx /= scale;
        *ds = 1 - fabs(apart) / scale;
        return s + fabs(apart) / scale;
    default: /* TRAIN_L1 */
        *dx = (apart > 0) - (apart < 0);
        return fabs(apart);
    }
}

/* x (C) logits; dx, if not NULL, += by times the derivatives. */
static double cross_entropy(const float *x, int C, int class, double by, float *dx)
{
    double most = (double)x[0], sum = 0;

    for (int c = 1; c < C; c++)
        most = fmax(most, (double)x[c]);
    for (int c = 0; c < C; c++)
        sum += exp((double)x[c] - most);
    for (int c = 0; dx && c < C; c++)
        dx[c] += (float)(by * (exp((double)x[c] - most) / sum - (c == class)));
    return log(sum) + most - (double)x[class];
}

/* ---- running ------------------------------------------------------------------------------- */
struct pass {
    struct train *t;
    struct layer *l;
    const float *x, *target, *mask, *scale;
    float *dx, *dscale;
    double by; /* of the derivatives */
    size_t n;  /* terms */
    int C;
    size_t per_weight; /* terms that share a number of the mask */
    double *part;      /* (pieces, 2): sum, weight */
};

static struct pass pass_of(struct train *t, struct layer *l)
{
    struct pass p = {.t = t,
                     .l = l,
                     .x = layer_x(t, l, IN_X),
                     .target = layer_x(t, l, IN_TARGET),
                     .mask = layer_x(t, l, IN_MASK),
                     .scale = layer_x(t, l, IN_SCALE),
                     .n = t->value[l->in[IN_X]].n,
                     .C = channels_of(t, l->in[IN_X]),
                     .part = (double *)(void *)t->scratch};

    if (by_rows(l->loss.kind))
        p.n /= (size_t)p.C;
    p.per_weight = p.mask ? p.n / t->value[l->in[IN_MASK]].n : 1;
    return p;
}

/* A class that does not exist counts nothing: so sets mark what they do not label. */
static double weight_of(const struct pass *p, size_t i)
{
    if (p->l->loss.kind == TRAIN_CROSS_ENTROPY &&
        !(p->target[i] >= 0 && p->target[i] < (float)p->C))
        return 0;
    return p->mask ? (double)p->mask[i / p->per_weight] : 1;
}

/* One term; its derivatives times `by` are added where gradients are wanted. */
static double one(const struct pass *p, size_t i, double by)
{
    double dx = 0, ds = 0, d[4], v;
    size_t at = i * (size_t)p->C;

    if (p->l->loss.kind == TRAIN_CROSS_ENTROPY)
        return cross_entropy(p->x + at, p->C, (int)p->target[i], by, p->dx ? p->dx + at : NULL);
    if (by_rows(p->l->loss.kind)) {
        v = box_loss(p->l->loss.kind, p->x + at, p->target + at, d);
        for (int k = 0; p->dx && k < 4; k++)
            p->dx[at + (size_t)k] += (float)(by * d[k]);
        return v;
    }
    v = term(&p->l->loss, (double)p->x[i], (double)p->target[i], p->scale ? (double)p->scale[i] : 0,
             by != 0, &dx, &ds);
    if (p->dx)
        p->dx[i] += (float)(by * dx);
    if (p->dscale)
        p->dscale[i] += (float)(by * ds);
    return v;
}

/* What weighs nothing is not even looked at: it may be NaN. */
static void piece(void *arg, int i, int thread)
{
    const struct pass *p = arg;
    double sum = 0, weight = 0;

    (void)thread;
    for (size_t k = (size_t)i * PIECE; k < p->n && k < ((size_t)i + 1) * PIECE; k++) {
        double w = weight_of(p, k);

        if (w != 0)
            sum += w * one(p, k, w * p->by);
        weight += w;
    }
    p->part[2 * i] = sum;
    p->part[2 * i + 1] = weight;
}

static size_t scratch(const struct train *t, const struct layer *l)
{
    return (size_t)pieces_of(t->value[l->in[IN_X]].n, PIECE) * 2 * sizeof(double);
}

static void forward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);
    int pieces = pieces_of(p.n, PIECE);
    double sum[2] = {0, 0};

    pool_run(t->pool, pieces, piece, &p);
    for (int i = 0; i < pieces; i++) {
        sum[0] += p.part[2 * i];
        sum[1] += p.part[2 * i + 1];
    }
    if (t->ranks && t->training)
        t->ranks->sum_doubles(t->ranks->state, sum, 2);
    t->norm_of[l->loss_index] = l->loss.per > 0 ? (double)l->loss.per : fmax(sum[1], 1);
    t->loss_of[l->loss_index] = sum[0] / t->norm_of[l->loss_index];
}

static void backward(struct train *t, struct layer *l)
{
    struct pass p = pass_of(t, l);

    p.by = (double)l->loss.weight / t->norm_of[l->loss_index];
    p.dx = grad_add(t, l, IN_X);
    p.dscale = grad_add(t, l, IN_SCALE);
    if (p.dx || p.dscale)
        pool_run(t->pool, pieces_of(p.n, PIECE), piece, &p);
}

const struct layer_kind layer_loss = {"loss", NULL, scratch, forward, backward};
