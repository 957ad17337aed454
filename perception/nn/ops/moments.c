/* Mean and variance over several dimensions at once: MeanVarianceNormalization, and
 * BatchNormalization in training, which counts its own. Sums in double. */
#include <math.h>

#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/number.h"

/* The input as groups of `many` numbers each; which group an element belongs to is its place in the
 * dimensions that stay. */
struct moments_params {
    int64_t dim[TENSOR_MAX_RANK], group_step[TENSOR_MAX_RANK]; /* 0: a dimension that is averaged */
    int rank;
    int64_t groups;
    float epsilon, momentum;
};

static void find_groups(struct moments_params *p, const struct tensor *x,
                        const bool gone[TENSOR_MAX_RANK])
{
    p->rank = x->rank;
    p->groups = 1;
    for (int d = x->rank - 1; d >= 0; d--) {
        p->dim[d] = x->dim[d];
        p->group_step[d] = gone[d] ? 0 : p->groups;
        p->groups *= gone[d] ? 1 : x->dim[d];
    }
}

static int64_t group_of(const struct moments_params *p, int64_t i)
{
    int64_t group = 0;

    for (int d = p->rank - 1; d >= 0; d--) {
        group += i % p->dim[d] * p->group_step[d];
        i /= p->dim[d];
    }
    return group;
}

static enum err moments_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct moments_params *p = n->params;

    (void)g;
    (void)why;
    n->scratch = 2 * sizeof(double) * (size_t)p->groups;
    return OK;
}

/* mean, then variance of each group. (2, groups) */
static void moments(const struct moments_params *p, const struct tensor *x, double *mean)
{
    double *var = mean + p->groups;
    int64_t count = tensor_count(x), many = count / p->groups;

    for (int64_t i = 0; i < 2 * p->groups; i++)
        mean[i] = 0;
    for (int64_t i = 0; i < count; i++)
        mean[group_of(p, i)] += number_float(x, i) / (double)many;
    for (int64_t i = 0; i < count; i++) {
        int64_t group = group_of(p, i);
        double v = number_float(x, i) - mean[group];

        var[group] += v * v / (double)many;
    }
}

/* ---- MeanVarianceNormalization ------------------------------------------------------------- */
static enum err mvn_infer(struct graph *g, struct node *n, struct why *why)
{
    static const int64_t usual[] = {0, 2, 3};
    const struct tensor *x = in(n, 0);
    struct moments_params *p = node_params(g, n, sizeof *p);
    bool gone[TENSOR_MAX_RANK];
    int count;
    const int64_t *axes = attr_ints(n, "axes", &count);
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = axes_of(axes ? axes : usual, axes ? count : 3, x->rank, gone, why)) != OK)
        return e;
    find_groups(p, x, gone);
    return set_out_like(n, 0, x->type, x, why);
}

static enum err mvn_run(const struct node *n, const struct run *r)
{
    const struct moments_params *p = n->params;
    const struct tensor *x = in(n, 0);
    const double *mean = r->scratch, *var = mean + p->groups;

    if (tensor_count(x) == 0)
        return OK;
    moments(p, x, r->scratch);
    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t group = group_of(p, i);

        number_set_float(out(n, 0), i,
                         (number_float(x, i) - mean[group]) / (sqrt(var[group]) + 1e-9));
    }
    return OK;
}

/* ---- BatchNormalization in training -------------------------------------------------------- */
static enum err training_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct moments_params *p = node_params(g, n, sizeof *p);
    bool gone[TENSOR_MAX_RANK] = {true, false, true, true, true, true, true, true};
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (!p)
        return ERR_NOMEM;
    p->epsilon = attr_float(n, "epsilon", 1e-5f);
    p->momentum = attr_float(n, "momentum", 0.9f);
    for (int i = NORM_SCALE; e == OK && i <= NORM_VAR; i++)
        if (in(n, i)->rank != 1 || in(n, i)->dim[0] != x->dim[1])
            e = err_say(why, ERR_FORMAT,
                        "input '%.80s' is not one number for each of %lld channels", in(n, i)->name,
                        (long long)x->dim[1]);
    if (e != OK)
        return e;
    find_groups(p, x, gone);
    if ((e = set_out_like(n, 0, x->type, x, why)) != OK ||
        (e = set_out_like(n, 1, x->type, in(n, NORM_MEAN), why)) != OK)
        return e;
    return set_out_like(n, 2, x->type, in(n, NORM_VAR), why);
}

/* What is kept between runs: a share of what it was, the rest of what it is now. */
static void keep_running(const struct tensor *to, const struct tensor *old, const double *now,
                         double momentum)
{
    for (int64_t c = 0; to && c < tensor_count(to); c++)
        number_set_float(to, c, number_float(old, c) * momentum + now[c] * (1 - momentum));
}

static enum err training_run(const struct node *n, const struct run *r)
{
    const struct moments_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    const double *mean = r->scratch, *var = mean + p->groups;

    if (tensor_count(x) == 0)
        return node_fault(n, r, "the mean of nothing");
    moments(p, x, r->scratch);
    for (int64_t i = 0; y && i < tensor_count(x); i++) {
        int64_t c = group_of(p, i);
        double v = (number_float(x, i) - mean[c]) / sqrt(var[c] + (double)p->epsilon);

        number_set_float(
            y, i, v * number_float(in(n, NORM_SCALE), c) + number_float(in(n, NORM_BIAS), c));
    }
    keep_running(out(n, 1), in(n, NORM_MEAN), mean, (double)p->momentum);
    keep_running(out(n, 2), in(n, NORM_VAR), var, (double)p->momentum);
    return OK;
}

const struct op op_batch_training = {
    "BatchNormalization", 5, 5, 3, T_F32, OP_SAME, training_infer, training_run,
    moments_prepare,      0};

const struct op ops_moments[] = {
    {"MeanVarianceNormalization", 1, 1, 1, T_FLOAT, 0, mvn_infer, mvn_run, moments_prepare, 0},
    {NULL},
};
