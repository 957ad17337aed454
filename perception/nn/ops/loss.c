/* Losses of classification, forward: NegativeLogLikelihoodLoss takes logarithms of probabilities,
 * SoftmaxCrossEntropyLoss the numbers before a softmax over the classes. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum kind { LIKELIHOOD, SOFTMAX };

/* x (N, C, ...), classes (N, ...), a weight for each class (C) */
enum { LOSS_X, LOSS_CLASS, LOSS_WEIGHT };

struct loss_params {
    int64_t C, plane;
    bool ignores;
    int64_t ignored; /* a class that counts for nothing */
    enum { EACH, MEAN, SUM } reduction;
};

static enum err loss_shapes(const struct node *n, struct why *why)
{
    const struct tensor *x = in(n, LOSS_X), *t = in(n, LOSS_CLASS), *w = in(n, LOSS_WEIGHT);
    enum err e;

    if ((e = need_rank(n, LOSS_X, 2, TENSOR_MAX_RANK, why)) != OK ||
        (e = need_type(n, LOSS_CLASS, T_INDEX, why)) != OK ||
        (e = need_type(n, LOSS_WEIGHT, TYPE(x->type), why)) != OK)
        return e;
    for (int d = 0; d < t->rank; d++)
        if (t->rank != x->rank - 1 || t->dim[d] != x->dim[d + (d > 0)])
            return err_say(why, ERR_FORMAT, "'%.80s' has other dimensions than '%.80s'", t->name,
                           x->name);
    if (t->rank != x->rank - 1 || (w && (w->rank != 1 || w->dim[0] != x->dim[1])))
        return err_say(why, ERR_FORMAT, "the inputs' dimensions do not go together");
    return OK;
}

static enum err loss_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, LOSS_X);
    struct loss_params *p = node_params(g, n, sizeof *p);
    const char *reduction = attr_string(n, "reduction", "mean");
    enum err e = loss_shapes(n, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    p->C = x->dim[1];
    p->plane = dims_product(x->dim, 2, x->rank);
    p->ignored = attr_int(n, "ignore_index", 0);
    p->ignores = attr_int(n, "ignore_index", 1) == p->ignored; /* it is there */
    p->reduction = !strcmp(reduction, "mean") ? MEAN : !strcmp(reduction, "sum") ? SUM : EACH;
    if (p->reduction == EACH && strcmp(reduction, "none") != 0)
        return err_say(why, ERR_FORMAT, "reduction '%.40s'", reduction);
    if ((e = set_out_like(n, 1, x->type, x, why)) != OK)
        return e;
    return p->reduction == EACH ? set_out_like(n, 0, x->type, in(n, LOSS_CLASS), why)
                                : set_out(n, 0, x->type, 0, NULL, why);
}

/* The logarithm of the sum of the exponentials of C numbers that lie `plane` apart. */
static double log_sum(const struct tensor *x, int64_t at, int64_t C, int64_t plane)
{
    double top = -INFINITY, sum = 0;

    for (int64_t c = 0; c < C; c++)
        top = fmax(top, number_float(x, at + c * plane));
    for (int64_t c = 0; c < C; c++)
        sum += exp(number_float(x, at + c * plane) - top);
    return top + log(sum);
}

static enum err loss_run(const struct node *n, const struct run *r)
{
    const struct loss_params *p = n->params;
    const struct tensor *x = in(n, LOSS_X), *w = in(n, LOSS_WEIGHT), *y = out(n, 0);
    const struct tensor *log_prob = out(n, 1);
    double sum = 0, weights = 0;

    for (int64_t i = 0; i < tensor_count(in(n, LOSS_CLASS)); i++) {
        int64_t class = number_int(in(n, LOSS_CLASS), i);
        int64_t at = i / p->plane * p->C * p->plane + i % p->plane;
        bool counts = !p->ignores || class != p->ignored;
        double base = n->op->variant == SOFTMAX ? log_sum(x, at, p->C, p->plane) : 0, weight, v;

        for (int64_t c = 0; log_prob && c < p->C; c++)
            number_set_float(log_prob, at + c * p->plane,
                             number_float(x, at + c * p->plane) - base);
        if (counts && (class < 0 || class >= p->C))
            return node_fault(n, r, "class %lld of %lld", (long long)class, (long long)p->C);
        weight = !counts ? 0 : w ? number_float(w, class) : 1;
        v = counts ? weight * (base - number_float(x, at + class * p->plane)) : 0;
        sum += v;
        weights += weight;
        if (y && p->reduction == EACH)
            number_set_float(y, i, v);
    }
    if (y && p->reduction != EACH)
        number_set_float(y, 0, p->reduction == MEAN ? sum / weights : sum);
    return OK;
}

const struct op ops_loss[] = {
    {"NegativeLogLikelihoodLoss", 2, 3, 1, T_FLOAT, 0, loss_infer, loss_run, NULL, LIKELIHOOD},
    {"SoftmaxCrossEntropyLoss", 2, 3, 2, T_FLOAT, 0, loss_infer, loss_run, NULL, SOFTMAX},
    {NULL},
};
