/* Normalisations: batch, instance, layer, local response. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/number.h"

/* ---- BatchNormalization, outside of training ----------------------------------------------- */
static enum err batch_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct norm_params *p = node_params(g, n, sizeof *p);
    struct value **wide = region_take(&g->region, NORM_INPUTS * sizeof *wide);
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (!p || !wide)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (attr_int(n, "training_mode", 0)) {
        n->op = &op_batch_training;
        return n->op->infer(g, n, why);
    }
    p->epsilon = attr_float(n, "epsilon", 1e-5f);
    attr_ignore(n, "momentum"); /* of training */
    attr_ignore(n, "consumed_inputs");
    if (n->opset < 7 && !attr_int(n, "is_test", 0))
        return err_say(why, ERR_UNSUPPORTED, "training");
    if (!attr_int(n, "spatial", 1))
        return err_say(why, ERR_UNSUPPORTED, "spatial = 0");
    for (int i = NORM_SCALE; i <= NORM_VAR; i++)
        if (tensor_count(in(n, i)) != x->dim[1])
            return err_say(why, ERR_FORMAT, "input '%.80s' has %lld elements for %lld channels",
                           in(n, i)->name, (long long)tensor_count(in(n, i)), (long long)x->dim[1]);
    memcpy(wide, n->in, (size_t)n->n_in * sizeof *wide);
    n->in = wide; /* room for what fusing adds */
    n->n_in = NORM_INPUTS;
    return set_out_like(n, 0, x->type, x, why);
}

static enum err batch_prepare(struct graph *g, struct node *n, struct why *why)
{
    (void)g;
    (void)why;
    n->scratch = 2 * sizeof(float) * (size_t)in(n, 0)->dim[1];
    return OK;
}

static enum err batch_run(const struct node *n, const struct run *r)
{
    const struct norm_params *p = n->params;
    const struct tensor *x = in(n, 0);
    const float *s = in(n, NORM_SCALE)->data, *b = in(n, NORM_BIAS)->data;
    const float *mean = in(n, NORM_MEAN)->data, *var = in(n, NORM_VAR)->data;
    int64_t C = x->dim[1], plane = dims_product(x->dim, 2, x->rank);
    float *scale = r->scratch, *shift = scale + C;
    struct epilogue e = p->e;

    for (int64_t c = 0; c < C; c++) {
        scale[c] = s[c] / sqrtf(var[c] + p->epsilon);
        shift[c] = b[c] - mean[c] * scale[c];
    }
    e.bias = shift;
    e.slope = in(n, NORM_SLOPE) ? in(n, NORM_SLOPE)->data : NULL;
    for (int64_t i = 0; i < x->dim[0]; i++)
        channels_finish(r->kernels, (float *)out(n, 0)->data + i * C * plane,
                        (const float *)x->data + i * C * plane, scale, (int)C, (size_t)plane, &e,
                        r->pool);
    return OK;
}

bool is_batch_norm(const struct node *n)
{
    return n->op->infer == batch_infer;
}

/* ---- statistics of one row ----------------------------------------------------------------- */
struct row_params {
    int64_t rows, row; /* how the input falls into rows */
    float epsilon;
    int groups;
};

static void moments(const struct kernels *k, const float *x, size_t n, float *mean, float *var)
{
    *mean = k->sum(x, n) / (float)n;
    *var = k->sum_squares(x, n, *mean) / (float)n;
}

/* InstanceNormalization, GroupNormalization: rows are planes or groups of planes. */
static enum err instance_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct row_params *p = node_params(g, n, sizeof *p);
    int64_t C, groups;
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (!p)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    C = x->dim[1];
    groups = n->op->variant ? attr_int(n, "num_groups", 0) : C;
    attr_ignore(n, "consumed_inputs");
    p->epsilon = attr_float(n, "epsilon", 1e-5f);
    if (attr_int(n, "stash_type", DTYPE_F32) != DTYPE_F32)
        return err_say(why, ERR_UNSUPPORTED, "stash_type");
    if (C < 1 || groups < 1 || groups > C || C % groups)
        return err_say(why, ERR_FORMAT, "%lld groups of %lld channels", (long long)groups,
                       (long long)C);
    /* Up to opset 20 GroupNormalization scales by group, from 21 by channel. */
    p->groups = (int)(n->op->variant && n->opset < 21 ? groups : C);
    for (int i = 1; i <= 2; i++)
        if (tensor_count(in(n, i)) != p->groups)
            return err_say(why, ERR_FORMAT, "input '%.80s' has %lld elements, needed %d",
                           in(n, i)->name, (long long)tensor_count(in(n, i)), p->groups);
    p->rows = x->dim[0] * groups;
    p->row = C / groups * dims_product(x->dim, 2, x->rank);
    return set_out_like(n, 0, x->type, x, why);
}

static enum err instance_run(const struct node *n, const struct run *r)
{
    const struct row_params *p = n->params;
    const struct tensor *x = in(n, 0);
    const float *scale = in(n, 1)->data, *bias = in(n, 2)->data;
    int64_t C = x->dim[1], plane = dims_product(x->dim, 2, x->rank);

    for (int64_t i = 0; i < p->rows && p->row > 0; i++) {
        const float *from = (const float *)x->data + i * p->row;
        float *to = (float *)out(n, 0)->data + i * p->row, mean, var;

        moments(r->kernels, from, (size_t)p->row, &mean, &var);
        for (int64_t j = 0; j < p->row; j += plane) {
            int64_t c = (i * p->row + j) / plane % C * p->groups / C;
            float s = scale[c] / sqrtf(var + p->epsilon);
            struct finish f = {.scale = s, .shift = bias[c] - mean * s};

            r->kernels->finish(to + j, from + j, (size_t)plane, &f);
        }
    }
    return OK;
}

static enum err layer_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct row_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->epsilon = attr_float(n, "epsilon", 1e-5f);
    if (attr_int(n, "stash_type", DTYPE_F32) != DTYPE_F32)
        return err_say(why, ERR_UNSUPPORTED, "stash_type");
    if ((e = axis_of(attr_int(n, "axis", -1), x->rank, &axis, why)) != OK)
        return e;
    p->rows = dims_product(x->dim, 0, axis);
    p->row = dims_product(x->dim, axis, x->rank);
    for (int i = 1; i <= 2; i++)
        if (in(n, i) && tensor_count(in(n, i)) != p->row)
            return err_say(why, ERR_UNSUPPORTED, "input '%.80s' has %lld elements for rows of %lld",
                           in(n, i)->name, (long long)tensor_count(in(n, i)), (long long)p->row);
    for (int i = 0; i < x->rank; i++)
        dim[i] = i < axis ? x->dim[i] : 1;
    if ((e = set_out_like(n, 0, x->type, x, why)) != OK ||
        (e = set_out(n, 1, DTYPE_F32, x->rank, dim, why)) != OK)
        return e;
    return set_out(n, 2, DTYPE_F32, x->rank, dim, why);
}

enum { ROWS_PIECE = 1 << 14 }; /* numbers: worth handing to another thread */

struct layer_job {
    const struct node *n;
    const struct kernels *k;
    int64_t rows; /* a piece */
};

static void layer_rows(void *arg, int piece, int thread)
{
    const struct layer_job *j = arg;
    const struct node *n = j->n;
    const struct row_params *p = n->params;
    const float *bias = in(n, 2) ? in(n, 2)->data : NULL;
    int64_t end = (piece + 1) * j->rows;
    float mean, var;

    (void)thread;
    for (int64_t i = piece * j->rows; i < end && i < p->rows; i++) {
        const float *x = (const float *)in(n, 0)->data + i * p->row;

        if (out(n, 0))
            j->k->layernorm((float *)out(n, 0)->data + i * p->row, x, (size_t)p->row,
                            in(n, 1)->data, bias, p->epsilon);
        if (!out(n, 1) && !out(n, 2))
            continue;
        moments(j->k, x, (size_t)p->row, &mean, &var);
        if (out(n, 1))
            ((float *)out(n, 1)->data)[i] = mean;
        if (out(n, 2))
            ((float *)out(n, 2)->data)[i] = 1.0f / sqrtf(var + p->epsilon);
    }
}

static enum err layer_run(const struct node *n, const struct run *r)
{
    const struct row_params *p = n->params;
    struct layer_job job = {n, r->kernels, p->row ? ROWS_PIECE / p->row + 1 : 1};

    if (p->row > 0)
        pool_run(r->pool, (int)((p->rows + job.rows - 1) / job.rows), layer_rows, &job);
    return OK;
}

static const struct op op_layer_norm = {"LayerNormalization", 2,         3,    3, T_F32, OP_SAME,
                                        layer_infer,          layer_run, NULL, 0};

enum err layer_norm_set(struct graph *g, struct node *n, int64_t row, float epsilon)
{
    struct row_params *p = node_params(g, n, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    p->row = row;
    p->rows = tensor_count(in(n, 0)) / row;
    p->epsilon = epsilon;
    n->op = &op_layer_norm;
    n->type = n->op->name;
    n->macs = 0;
    return OK;
}

/* ---- LRN: across neighbouring channels ----------------------------------------------------- */
struct lrn_params {
    float alpha, beta, bias;
    int64_t size;
};

static enum err lrn_infer(struct graph *g, struct node *n, struct why *why)
{
    struct lrn_params *p = node_params(g, n, sizeof *p);
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);

    if (!p)
        return ERR_NOMEM;
    p->alpha = attr_float(n, "alpha", 1e-4f);
    p->beta = attr_float(n, "beta", 0.75f);
    p->bias = attr_float(n, "bias", 1.0f);
    p->size = attr_int(n, "size", 0);
    if (e == OK && (p->size < 1 || p->size > WINDOW_MAX))
        e = err_say(why, ERR_FORMAT, "size %lld", (long long)p->size);
    else if (e == OK)
        n->work =
            tensor_count(in(n, 0)) * (p->size < in(n, 0)->dim[1] ? p->size : in(n, 0)->dim[1]);
    return e == OK ? set_out_like(n, 0, in(n, 0)->type, in(n, 0), why) : e;
}

static enum err lrn_run(const struct node *n, const struct run *r)
{
    const struct lrn_params *p = n->params;
    const struct tensor *x = in(n, 0);
    int64_t C = x->dim[1], plane = dims_product(x->dim, 2, x->rank), count = tensor_count(x);

    (void)r;
    for (int64_t i = 0; i < count; i++) {
        int64_t c = i / plane % C, lo = c - (p->size - 1) / 2, hi = c + p->size / 2;
        double sum = 0;

        for (int64_t j = lo < 0 ? 0 : lo; j <= (hi < C - 1 ? hi : C - 1); j++) {
            double v = number_float(x, i + (j - c) * plane);

            sum += v * v;
        }
        number_set_float(
            out(n, 0), i,
            number_float(x, i) /
                pow((double)p->bias + (double)p->alpha / (double)p->size * sum, (double)p->beta));
    }
    return OK;
}

const struct op ops_norm[] = {
    {"BatchNormalization", 5, 5, 3, T_F32, OP_SAME | OP_INPLACE, batch_infer, batch_run,
     batch_prepare, 0},
    {"InstanceNormalization", 3, 3, 1, T_F32, OP_SAME, instance_infer, instance_run, NULL, 0},
    {"GroupNormalization", 3, 3, 1, T_F32, OP_SAME, instance_infer, instance_run, NULL, 1},
    {"LayerNormalization", 2, 3, 3, T_F32, OP_SAME, layer_infer, layer_run, NULL, 0},
    {"LRN", 1, 1, 1, T_FLOAT, 0, lrn_infer, lrn_run, NULL, 0},
    {NULL},
};
