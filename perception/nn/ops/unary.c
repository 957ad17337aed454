/* One number in, one out: mathematics and activations. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

/* p: the operator's two parameters, see table `functions`. */
typedef double real_function(double x, const double *p);
typedef int64_t int_function(int64_t x);

#define REAL(name, expression)                                                                     \
    static double name(double x, const double *p)                                                  \
    {                                                                                              \
        (void)p;                                                                                   \
        return expression;                                                                         \
    }
REAL(f_abs, fabs(x))
REAL(f_acos, acos(x))
REAL(f_acosh, acosh(x))
REAL(f_asin, asin(x))
REAL(f_asinh, asinh(x))
REAL(f_atan, atan(x))
REAL(f_atanh, atanh(x))
REAL(f_ceil, ceil(x))
REAL(f_cos, cos(x))
REAL(f_cosh, cosh(x))
REAL(f_erf, erf(x))
REAL(f_exp, exp(x))
REAL(f_floor, floor(x))
REAL(f_log, log(x))
REAL(f_neg, -x)
REAL(f_reciprocal, 1.0 / x)
REAL(f_round, nearbyint(x))
REAL(f_sign, (double)((x > 0) - (x < 0)))
REAL(f_sin, sin(x))
REAL(f_sinh, sinh(x))
REAL(f_sqrt, sqrt(x))
REAL(f_tan, tan(x))
REAL(f_tanh, tanh(x))
REAL(f_sigmoid, x >= 0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x)))
REAL(f_softplus, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))
REAL(f_softsign, x / (1.0 + fabs(x)))
REAL(f_mish, x *tanh(f_softplus(x, p)))
REAL(f_relu, x < 0 ? 0.0 : x)
REAL(f_leaky, x < 0 ? p[0] * x : x)
REAL(f_elu, x < 0 ? p[0] * expm1(x) : x)
REAL(f_selu, p[1] * (x > 0 ? x : p[0] * expm1(x)))
REAL(f_celu, fmax(0.0, x) + fmin(0.0, p[0] * expm1(x / p[0])))
REAL(f_hardsigmoid, fmax(0.0, fmin(1.0, p[0] * x + p[1])))
REAL(f_hardswish, x *fmax(0.0, fmin(1.0, x / 6.0 + 0.5)))
REAL(f_thresholded, x > p[0] ? x : 0.0)
REAL(f_shrink, x<-p[1] ? x + p[0] : x> p[1] ? x - p[0] : 0.0)
REAL(f_gelu, 0.5 * x * (1.0 + erf(x * 0.70710678118654752440)))
REAL(f_gelu_tanh, 0.5 * x * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))))

static int64_t i_abs(int64_t x)
{
    return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}
static int64_t i_neg(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}
static int64_t i_sign(int64_t x)
{
    return (x > 0) - (x < 0);
}
static int64_t i_relu(int64_t x)
{
    return x < 0 ? 0 : x;
}

enum function {
    F_ABS,
    F_ACOS,
    F_ACOSH,
    F_ASIN,
    F_ASINH,
    F_ATAN,
    F_ATANH,
    F_CEIL,
    F_COS,
    F_COSH,
    F_ERF,
    F_EXP,
    F_FLOOR,
    F_LOG,
    F_NEG,
    F_RECIPROCAL,
    F_ROUND,
    F_SIGN,
    F_SIN,
    F_SINH,
    F_SQRT,
    F_TAN,
    F_TANH,
    F_SIGMOID,
    F_SOFTPLUS,
    F_SOFTSIGN,
    F_MISH,
    F_RELU,
    F_LEAKY,
    F_ELU,
    F_SELU,
    F_CELU,
    F_HARDSIGMOID,
    F_HARDSWISH,
    F_THRESHOLDED,
    F_SHRINK,
    F_GELU,
};

static const struct function_row {
    real_function *real;
    int_function *integer;
    const char *p_name[2]; /* attributes behind p, and what they are if left out */
    float p[2];
    enum unary kernel; /* UNARY_COUNT: none */
    enum act act;      /* ACT_NONE: none; as the kernels know it */
} functions[] = {
#define F(f) f, NULL, {NULL}, {0}, UNARY_COUNT, ACT_NONE
    [F_ABS] = {f_abs, i_abs, {NULL}, {0}, UNARY_ABS, ACT_NONE},
    [F_ACOS] = {F(f_acos)},
    [F_ACOSH] = {F(f_acosh)},
    [F_ASIN] = {F(f_asin)},
    [F_ASINH] = {F(f_asinh)},
    [F_ATAN] = {F(f_atan)},
    [F_ATANH] = {F(f_atanh)},
    [F_CEIL] = {F(f_ceil)},
    [F_COS] = {F(f_cos)},
    [F_COSH] = {F(f_cosh)},
    [F_ERF] = {f_erf, NULL, {NULL}, {0}, UNARY_ERF, ACT_NONE},
    [F_EXP] = {f_exp, NULL, {NULL}, {0}, UNARY_EXP, ACT_NONE},
    [F_FLOOR] = {F(f_floor)},
    [F_LOG] = {F(f_log)},
    [F_NEG] = {f_neg, i_neg, {NULL}, {0}, UNARY_NEG, ACT_NONE},
    [F_RECIPROCAL] = {F(f_reciprocal)},
    [F_ROUND] = {F(f_round)},
    [F_SIGN] = {f_sign, i_sign, {NULL}, {0}, UNARY_COUNT, ACT_NONE},
    [F_SIN] = {F(f_sin)},
    [F_SINH] = {F(f_sinh)},
    [F_SQRT] = {f_sqrt, NULL, {NULL}, {0}, UNARY_SQRT, ACT_NONE},
    [F_TAN] = {F(f_tan)},
    [F_TANH] = {f_tanh, NULL, {NULL}, {0}, UNARY_TANH, ACT_TANH},
    [F_SIGMOID] = {f_sigmoid, NULL, {NULL}, {0}, UNARY_SIGMOID, ACT_SIGMOID},
    [F_SOFTPLUS] = {F(f_softplus)},
    [F_SOFTSIGN] = {F(f_softsign)},
    [F_MISH] = {F(f_mish)},
    [F_RELU] = {f_relu, i_relu, {NULL}, {0}, UNARY_COUNT, ACT_RELU},
    [F_LEAKY] = {f_leaky, NULL, {"alpha"}, {0.01f}, UNARY_COUNT, ACT_LEAKY},
    [F_ELU] = {f_elu, NULL, {"alpha"}, {1.0f}, UNARY_COUNT, ACT_NONE},
    [F_SELU] = {f_selu,
                NULL,
                {"alpha", "gamma"},
                {1.67326319217681884765625f, 1.05070102214813232421875f},
                UNARY_COUNT,
                ACT_NONE},
    [F_CELU] = {f_celu, NULL, {"alpha"}, {1.0f}, UNARY_COUNT, ACT_NONE},
    [F_HARDSIGMOID] =
        {f_hardsigmoid, NULL, {"alpha", "beta"}, {0.2f, 0.5f}, UNARY_COUNT, ACT_HARDSIGMOID},
    [F_HARDSWISH] = {f_hardswish, NULL, {NULL}, {0}, UNARY_COUNT, ACT_HARDSWISH},
    [F_THRESHOLDED] = {f_thresholded, NULL, {"alpha"}, {1.0f}, UNARY_COUNT, ACT_NONE},
    [F_SHRINK] = {f_shrink, NULL, {"bias", "lambd"}, {0.0f, 0.5f}, UNARY_COUNT, ACT_NONE},
    [F_GELU] = {f_gelu, NULL, {NULL}, {0}, UNARY_GELU, ACT_NONE},
#undef F
};

struct unary_params {
    real_function *real;
    double p[2];
    enum unary kernel;
};

static void set_gelu(struct unary_params *u, bool with_tanh)
{
    u->real = with_tanh ? f_gelu_tanh : f_gelu;
    u->kernel = with_tanh ? UNARY_GELU_TANH : UNARY_GELU;
}

static enum err unary_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct function_row *f = &functions[n->op->variant];
    struct unary_params *u = node_params(g, n, sizeof *u);
    const char *approximate;

    if (!u)
        return ERR_NOMEM;
    u->real = f->real;
    for (int i = 0; i < 2; i++)
        if (f->p_name[i])
            u->p[i] = (double)attr_float(n, f->p_name[i], f->p[i]);
    u->kernel = f->kernel;
    if (n->op->variant == F_GELU) {
        approximate = attr_string(n, "approximate", "none");
        if (strcmp(approximate, "none") != 0 && strcmp(approximate, "tanh") != 0)
            return err_say(why, ERR_FORMAT, "approximate '%.40s'", approximate);
        set_gelu(u, approximate[0] == 't');
    }
    attr_ignore(n, "consumed_inputs"); /* an in-place hint of opset 1 */
    return set_out_like(n, 0, in(n, 0)->type, in(n, 0), why);
}

struct unary_job {
    const struct node *n;
    const struct kernels *k;
    int64_t count;
};

enum { PIECE = 1 << 14 }; /* elements: worth handing to another thread */

static void unary_f32(void *arg, int i, int thread)
{
    const struct unary_job *j = arg;
    const struct function_row *f = &functions[j->n->op->variant];
    const struct unary_params *u = j->n->params;
    int64_t at = (int64_t)i * PIECE, left = j->count - at, count = left < PIECE ? left : PIECE;
    const float *x = (const float *)in(j->n, 0)->data + at;
    float *y = (float *)out(j->n, 0)->data + at;
    struct finish act = {.scale = 1.0f, .act = f->act, .a = (float)u->p[0], .b = (float)u->p[1]};

    (void)thread;
    if (u->kernel != UNARY_COUNT)
        j->k->unary[u->kernel](y, x, (size_t)count);
    else if (f->act != ACT_NONE)
        j->k->finish(y, x, (size_t)count, &act);
    else
        for (int64_t e = 0; e < count; e++)
            y[e] = (float)u->real((double)x[e], u->p);
}

static enum err unary_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    const struct function_row *f = &functions[n->op->variant];
    const struct unary_params *u = n->params;
    struct unary_job job = {n, r->kernels, tensor_count(y)};

    if (x->type == DTYPE_F32)
        pool_run(r->pool, (int)((job.count + PIECE - 1) / PIECE), unary_f32, &job);
    else if (dtype_is_float(x->type) || !f->integer)
        for (int64_t i = 0; i < job.count; i++)
            number_set_float(y, i, u->real(number_float(x, i), u->p));
    else
        for (int64_t i = 0; i < job.count; i++)
            number_set_int(y, i, f->integer(number_int(x, i)));
    return OK;
}

/* The parts of fusing that know these parameters. */
bool unary_activation(const struct node *n, struct epilogue *e)
{
    const struct unary_params *u = n->params;

    if (n->op->run != unary_run || functions[n->op->variant].act == ACT_NONE ||
        in(n, 0)->type != DTYPE_F32)
        return false;
    e->act = functions[n->op->variant].act;
    e->a = (float)u->p[0];
    e->b = (float)u->p[1];
    return true;
}

/* ---- Clip: bounds are attributes up to opset 10, inputs after ------------------------------ */
struct clip_params {
    bool has[2];
    double bound[2]; /* of attributes */
};

static enum err clip_infer(struct graph *g, struct node *n, struct why *why)
{
    struct clip_params *c = node_params(g, n, sizeof *c);

    if (!c)
        return ERR_NOMEM;
    if (n->opset < 11) {
        c->has[0] = c->has[1] = true;
        c->bound[0] = (double)attr_float(n, "min", -INFINITY);
        c->bound[1] = (double)attr_float(n, "max", INFINITY);
        attr_ignore(n, "consumed_inputs");
    }
    for (int i = 1; i <= 2; i++)
        if (in(n, i) && tensor_count(in(n, i)) != 1)
            return err_say(why, ERR_FORMAT, "bound '%.80s' is no scalar", in(n, i)->name);
    return set_out_like(n, 0, in(n, 0)->type, in(n, 0), why);
}

static void clip_ints(const struct node *n)
{
    const struct tensor *x = in(n, 0), *lo = in(n, 1), *hi = in(n, 2), *y = out(n, 0);
    bool wide = x->type == DTYPE_U64;

    for (int64_t i = 0; i < tensor_count(x); i++) {
        int64_t v = number_int(x, i), a = lo ? number_int(lo, 0) : v,
                b = hi ? number_int(hi, 0) : v;

        if (lo && (wide ? (uint64_t)v < (uint64_t)a : v < a))
            v = a;
        if (hi && (wide ? (uint64_t)v > (uint64_t)b : v > b))
            v = b;
        number_set_int(y, i, v);
    }
}

static void clip_bounds(const struct node *n, double bound[2])
{
    const struct clip_params *c = n->params;

    bound[0] = c->has[0] ? c->bound[0] : in(n, 1) ? number_float(in(n, 1), 0) : -INFINITY;
    bound[1] = c->has[1] ? c->bound[1] : in(n, 2) ? number_float(in(n, 2), 0) : INFINITY;
}

static enum err clip_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    double bound[2];

    if (!dtype_is_float(x->type)) {
        clip_ints(n);
        return OK;
    }
    clip_bounds(n, bound);
    if (x->type == DTYPE_F32) {
        struct finish act = {
            .scale = 1.0f, .act = ACT_CLIP, .a = (float)bound[0], .b = (float)bound[1]};

        r->kernels->finish(y->data, x->data, (size_t)tensor_count(x), &act);
        return OK;
    }
    for (int64_t i = 0; i < tensor_count(x); i++)
        number_set_float(y, i, fmin(fmax(number_float(x, i), bound[0]), bound[1]));
    return OK;
}

bool clip_activation(const struct node *n, struct epilogue *e)
{
    double bound[2];

    if (n->op->run != clip_run || in(n, 0)->type != DTYPE_F32 ||
        (in(n, 1) && !n->in[1]->constant) || (in(n, 2) && !n->in[2]->constant))
        return false;
    clip_bounds(n, bound);
    e->act = ACT_CLIP;
    e->a = (float)bound[0];
    e->b = (float)bound[1];
    return true;
}

enum err gelu_set(struct graph *g, struct node *n, bool with_tanh)
{
    struct unary_params *u = node_params(g, n, sizeof *u);

    if (!u)
        return ERR_NOMEM;
    n->op = op_find("Gelu");
    n->type = n->op->name;
    set_gelu(u, with_tanh);
    return OK;
}

#define ROW(name, f, types)                                                                        \
    {                                                                                              \
        name, 1, 1, 1, types, OP_INPLACE | OP_ELEMENTWISE, unary_infer, unary_run, NULL, f         \
    }
const struct op ops_unary[] = {
    ROW("Abs", F_ABS, T_NUMBER),
    ROW("Acos", F_ACOS, T_FLOAT),
    ROW("Acosh", F_ACOSH, T_FLOAT),
    ROW("Asin", F_ASIN, T_FLOAT),
    ROW("Asinh", F_ASINH, T_FLOAT),
    ROW("Atan", F_ATAN, T_FLOAT),
    ROW("Atanh", F_ATANH, T_FLOAT),
    ROW("Ceil", F_CEIL, T_FLOAT),
    ROW("Celu", F_CELU, T_FLOAT),
    ROW("Cos", F_COS, T_FLOAT),
    ROW("Cosh", F_COSH, T_FLOAT),
    ROW("Elu", F_ELU, T_FLOAT),
    ROW("Erf", F_ERF, T_FLOAT),
    ROW("Exp", F_EXP, T_FLOAT),
    ROW("Floor", F_FLOOR, T_FLOAT),
    ROW("Gelu", F_GELU, T_FLOAT),
    ROW("HardSigmoid", F_HARDSIGMOID, T_FLOAT),
    ROW("HardSwish", F_HARDSWISH, T_FLOAT),
    ROW("LeakyRelu", F_LEAKY, T_FLOAT),
    ROW("Log", F_LOG, T_FLOAT),
    ROW("Mish", F_MISH, T_FLOAT),
    ROW("Neg", F_NEG, T_FLOAT | T_SIGNED),
    ROW("Reciprocal", F_RECIPROCAL, T_FLOAT),
    ROW("Relu", F_RELU, T_FLOAT | T_SIGNED),
    ROW("Round", F_ROUND, T_FLOAT),
    ROW("Selu", F_SELU, T_FLOAT),
    ROW("Shrink", F_SHRINK, T_NUMBER),
    ROW("Sigmoid", F_SIGMOID, T_FLOAT),
    ROW("Sign", F_SIGN, T_NUMBER),
    ROW("Sin", F_SIN, T_FLOAT),
    ROW("Sinh", F_SINH, T_FLOAT),
    ROW("Softplus", F_SOFTPLUS, T_FLOAT),
    ROW("Softsign", F_SOFTSIGN, T_FLOAT),
    ROW("Sqrt", F_SQRT, T_FLOAT),
    ROW("Tan", F_TAN, T_FLOAT),
    ROW("Tanh", F_TANH, T_FLOAT),
    ROW("ThresholdedRelu", F_THRESHOLDED, T_FLOAT),
    {"Clip", 1, 3, 1, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE, clip_infer, clip_run, NULL,
     0},
    {NULL},
};
