/* Two and more numbers in, one out, with broadcasting. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/broadcast.h"
#include "perception/nn/ops/number.h"

enum operation {
    B_ADD,
    B_SUB,
    B_MUL,
    B_DIV,
    B_MAX,
    B_MIN,
    B_MEAN,
    B_MOD,
    B_FMOD,
    B_POW,
    B_PRELU,
    B_SHIFT_LEFT,
    B_SHIFT_RIGHT,
    B_AND,
    B_OR,
    B_XOR,
};

struct binary_params {
    enum operation operation;
    bool is_unsigned;    /* 64 bit: what is larger is read from the bits */
    int slope_dims_back; /* PRelu before opset 7: dimensions behind the channels */
};

static double real(enum operation o, double a, double b)
{
    switch (o) {
    case B_ADD:
    case B_MEAN:
        return a + b;
    case B_SUB:
        return a - b;
    case B_MUL:
        return a * b;
    case B_DIV:
        return a / b;
    case B_MAX:
        return a > b || a != a ? a : b;
    case B_MIN:
        return a < b || a != a ? a : b;
    case B_FMOD:
        return fmod(a, b);
    case B_POW:
        return pow(a, b);
    case B_PRELU:
        return a < 0 ? a * b : a;
    default: /* the rest is for integers; binary_infer() lets nothing else in */
        return 0;
    }
}

static int64_t int_pow(int64_t a, int64_t b)
{
    uint64_t y = 1, x = (uint64_t)a;

    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
    for (; b; b >>= 1, x *= x)
        if (b & 1)
            y *= x;
    return (int64_t)y;
}

/* Division by zero gives 0, and wraps where C does not say. */
static int64_t int_div(int64_t a, int64_t b, bool is_unsigned)
{
    if (b == 0)
        return 0;
    if (is_unsigned)
        return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

/* The sign of the divisor as in Python, or with fmod of the dividend as in C. */
static int64_t int_mod(int64_t a, int64_t b, bool is_unsigned, bool c_like)
{
    int64_t m;

    if (b == 0 || (b == -1 && !is_unsigned))
        return 0;
    if (is_unsigned)
        return (int64_t)((uint64_t)a % (uint64_t)b);
    m = a % b;
    return !c_like && m && (m < 0) != (b < 0) ? m + b : m;
}

static int64_t integer(const struct binary_params *p, int64_t a, int64_t b)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    bool less = p->is_unsigned ? ua < ub : a < b;

    switch (p->operation) {
    case B_ADD:
    case B_MEAN:
        return (int64_t)(ua + ub);
    case B_SUB:
        return (int64_t)(ua - ub);
    case B_MUL:
        return (int64_t)(ua * ub);
    case B_DIV:
        return int_div(a, b, p->is_unsigned);
    case B_MAX:
        return less ? b : a;
    case B_MIN:
        return less ? a : b;
    case B_MOD:
        return int_mod(a, b, p->is_unsigned, false);
    case B_FMOD:
        return int_mod(a, b, p->is_unsigned, true);
    case B_POW:
        return int_pow(a, b);
    case B_PRELU:
        return a < 0 && !p->is_unsigned ? (int64_t)(ua * ub) : a;
    case B_SHIFT_LEFT:
        return ub < 64 ? (int64_t)(ua << ub) : 0;
    case B_SHIFT_RIGHT:
        return ub < 64 ? (int64_t)(ua >> ub) : 0;
    case B_AND:
        return a & b;
    case B_OR:
        return a | b;
    case B_XOR:
        return a ^ b;
    }
    return 0;
}

struct binary_job {
    const struct binary_params *p;
    const struct kernels *k;
    const struct tensor *a, *b, *y;
};

static void any_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct binary_job *j = arg;
    int64_t n = w->dim[w->rank - 1], sa = w->step[0][w->rank - 1], sb = w->step[1][w->rank - 1];
    bool reals = dtype_is_float(j->a->type) || dtype_is_float(j->b->type);

    for (int64_t i = 0; i < n; i++) {
        int64_t ia = from[0] + i * sa, ib = from[1] + i * sb;

        if (reals)
            number_set_float(j->y, to + i,
                             real(j->p->operation, number_float(j->a, ia), number_float(j->b, ib)));
        else
            number_set_int(j->y, to + i, integer(j->p, number_int(j->a, ia), number_int(j->b, ib)));
    }
}

/* BINARY_COUNT: no kernel */
static enum binary kernel_of(enum operation o)
{
    static const enum binary kernels[] = {
        [B_ADD] = BINARY_ADD, [B_SUB] = BINARY_SUB, [B_MUL] = BINARY_MUL,  [B_DIV] = BINARY_DIV,
        [B_MAX] = BINARY_MAX, [B_MIN] = BINARY_MIN, [B_MEAN] = BINARY_ADD,
    };

    return o <= B_MEAN ? kernels[o] : BINARY_COUNT;
}

static enum binary swapped(enum binary b)
{
    return b == BINARY_SUB ? BINARY_RSUB : b == BINARY_DIV ? BINARY_RDIV : b;
}

static void f32_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct binary_job *j = arg;
    enum binary k = kernel_of(j->p->operation);
    int64_t sa = w->step[0][w->rank - 1], sb = w->step[1][w->rank - 1];
    size_t n = (size_t)w->dim[w->rank - 1];
    const float *a = (const float *)j->a->data + from[0], *b = (const float *)j->b->data + from[1];
    float *y = (float *)j->y->data + to;

    if (sa && sb)
        j->k->binary[k](y, a, b, n);
    else if (sa || n == 1)
        j->k->scalar[k](y, a, *b, n);
    else
        j->k->scalar[swapped(k)](y, b, *a, n);
}

static void prelu_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct binary_job *j = arg;
    size_t n = (size_t)w->dim[w->rank - 1];
    const float *x = (const float *)j->a->data + from[0], *s = (const float *)j->b->data + from[1];
    float *y = (float *)j->y->data + to;
    struct finish leaky = {.scale = 1.0f, .act = ACT_LEAKY, .a = *s};

    if (w->step[1][w->rank - 1] == 0)
        j->k->finish(y, x, n, &leaky);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = x[i] < 0 ? x[i] * s[i] : x[i];
}

/* The square, which is what networks raise to. */
static void pow_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct binary_job *j = arg;
    size_t n = (size_t)w->dim[w->rank - 1];
    const float *x = (const float *)j->a->data + from[0];

    if (j->b->type == DTYPE_F32 && tensor_count(j->b) == 1 && *(const float *)j->b->data == 2.0f)
        j->k->binary[BINARY_MUL]((float *)j->y->data + to, x, x, n);
    else
        any_row(arg, w, to, from);
}

static void combine(const struct binary_params *p, const struct kernels *k, const struct tensor *a,
                    const struct tensor *b, const struct tensor *y)
{
    struct binary_job job = {p, k, a, b, y};
    const struct tensor *from[] = {a, b};
    bool f32 = a->type == DTYPE_F32 && y->type == DTYPE_F32;
    struct broadcast w;

    broadcast_init(&w, y, from, 2);
    broadcast_walk(&w,
                   f32 && p->operation == B_POW              ? pow_row
                   : !f32 || b->type != DTYPE_F32            ? any_row
                   : p->operation == B_PRELU                 ? prelu_row
                   : kernel_of(p->operation) != BINARY_COUNT ? f32_row
                                                             : any_row,
                   &job);
}

static enum err binary_run(const struct node *n, const struct run *r)
{
    const struct binary_params *p = n->params;
    struct tensor b = *in(n, 1);

    for (int i = 0; i < p->slope_dims_back; i++)
        b.dim[b.rank++] = 1;
    combine(p, r->kernels, in(n, 0), &b, out(n, 0));
    return OK;
}

/* The slope was one number or one per channel, whatever the number of dimensions. */
static enum err old_prelu(struct node *n, struct binary_params *p, struct why *why)
{
    const struct tensor *x = in(n, 0), *slope = in(n, 1);

    if (slope->dim[0] != 1 && (x->rank < 2 || slope->dim[0] != x->dim[1]))
        return err_say(why, ERR_FORMAT, "%lld slopes", (long long)slope->dim[0]);
    p->slope_dims_back = x->rank > 2 ? x->rank - 2 : 0;
    return set_out_like(n, 0, x->type, x, why);
}

static enum err binary_infer(struct graph *g, struct node *n, struct why *why)
{
    struct binary_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->operation = (enum operation)n->op->variant;
    p->is_unsigned = in(n, 0)->type == DTYPE_U64;
    if (p->operation == B_MOD && attr_int(n, "fmod", 0))
        p->operation = B_FMOD;
    if (p->operation == B_MOD && dtype_is_float(in(n, 0)->type))
        return err_say(why, ERR_FORMAT, "floating point needs fmod = 1");
    if (p->operation == B_SHIFT_LEFT && attr_string(n, "direction", "")[0] == 'R')
        p->operation = B_SHIFT_RIGHT;
    if (p->operation == B_POW && (e = need_type(n, 1, T_NUMBER, why)) != OK)
        return e;
    attr_ignore(n, "consumed_inputs");
    if (n->opset < 7 && (e = broadcast_old(n, why)) != OK)
        return e;
    if (p->operation == B_PRELU && n->opset < 7 && in(n, 1)->rank == 1)
        return old_prelu(n, p, why);
    if ((e = broadcast_shape(n, n->n_in, &rank, dim, why)) != OK)
        return e;
    if (p->operation == B_PRELU &&
        (rank != in(n, 0)->rank || memcmp(dim, in(n, 0)->dim, (size_t)rank * sizeof *dim) != 0))
        return err_say(why, ERR_FORMAT, "the slope is larger than the input");
    return set_out(n, 0, in(n, 0)->type, rank, dim, why);
}

/* Sum, Mean, Max, Min of any number: the output gathers them one after the other. */
static enum err many_infer(struct graph *g, struct node *n, struct why *why)
{
    for (int i = 0; i < n->n_in; i++)
        if (!in(n, i))
            return err_say(why, ERR_FORMAT, "input %d is missing", i);
    return binary_infer(g, n, why);
}

static void copy_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct binary_job *j = arg;
    size_t size = dtype_size(j->y->type);
    int64_t step = w->step[0][w->rank - 1];

    for (int64_t i = 0; i < w->dim[w->rank - 1]; i++)
        memcpy((char *)j->y->data + (size_t)(to + i) * size,
               (const char *)j->a->data + (size_t)(from[0] + i * step) * size, size);
}

/* y = y op b, where b may be smaller. */
static void gather_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const int64_t both[BROADCAST_MAX] = {to, from[0]};
    struct broadcast own = *w;

    own.step[1][w->rank - 1] = w->step[0][w->rank - 1];
    own.step[0][w->rank - 1] = 1;
    any_row(arg, &own, to, both);
}

static enum err many_run(const struct node *n, const struct run *r)
{
    const struct binary_params *p = n->params;
    const struct tensor *y = out(n, 0), *a = in(n, 0);
    struct binary_job job = {p, r->kernels, a, NULL, y};
    struct broadcast w;

    if (n->n_in == 2) {
        combine(p, r->kernels, a, in(n, 1), y);
    } else {
        broadcast_init(&w, y, &a, 1);
        broadcast_walk(&w, copy_row, &job);
    }
    for (int i = 1; n->n_in != 2 && i < n->n_in; i++) {
        job.a = y;
        job.b = in(n, i);
        broadcast_init(&w, y, &job.b, 1);
        broadcast_walk(&w, gather_row, &job);
    }
    if (p->operation == B_MEAN)
        for (int64_t i = 0; i < tensor_count(y); i++)
            number_set_float(y, i, number_float(y, i) / n->n_in);
    return OK;
}

#define ROW(name, f, types, flags)                                                                 \
    {                                                                                              \
        name, 2, 2, 1, types, flags, binary_infer, binary_run, NULL, f                             \
    }
#define MANY(name, f, types)                                                                       \
    {                                                                                              \
        name, 1, ANY_COUNT, 1, types, OP_SAME, many_infer, many_run, NULL, f                       \
    }
const struct op ops_binary[] = {
    ROW("Add", B_ADD, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("Sub", B_SUB, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("Mul", B_MUL, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("Div", B_DIV, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("Pow", B_POW, T_NUMBER, 0),
    ROW("Mod", B_MOD, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("PRelu", B_PRELU, T_NUMBER, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("BitShift", B_SHIFT_LEFT, T_UNSIGNED, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("BitwiseAnd", B_AND, T_INT, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("BitwiseOr", B_OR, T_INT, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    ROW("BitwiseXor", B_XOR, T_INT, OP_SAME | OP_INPLACE | OP_ELEMENTWISE),
    MANY("Max", B_MAX, T_NUMBER),
    MANY("Min", B_MIN, T_NUMBER),
    MANY("Sum", B_ADD, T_FLOAT),
    MANY("Mean", B_MEAN, T_FLOAT),
    {NULL},
};
