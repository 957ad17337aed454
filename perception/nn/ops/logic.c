/* Truth: comparisons, logic, choices. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/broadcast.h"
#include "perception/nn/ops/number.h"

enum relation { R_EQUAL, R_LESS, R_LESS_EQUAL, R_GREATER, R_GREATER_EQUAL, R_AND, R_OR, R_XOR };

/* a against b: -1, 0, 1; 2 where one is NaN */
static int order(const struct tensor *a, int64_t i, const struct tensor *b, int64_t j)
{
    if (dtype_is_float(a->type)) {
        double x = number_float(a, i), y = number_float(b, j);

        return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    }
    if (a->type == DTYPE_U64) {
        uint64_t x = (uint64_t)number_int(a, i), y = (uint64_t)number_int(b, j);

        return (x > y) - (x < y);
    }
    return (number_int(a, i) > number_int(b, j)) - (number_int(a, i) < number_int(b, j));
}

static bool holds(enum relation r, const struct tensor *a, int64_t i, const struct tensor *b,
                  int64_t j)
{
    int o = order(a, i, b, j);

    switch (r) {
    case R_EQUAL:
        return o == 0;
    case R_LESS:
        return o == -1;
    case R_LESS_EQUAL:
        return o == -1 || o == 0;
    case R_GREATER:
        return o == 1;
    case R_GREATER_EQUAL:
        return o == 1 || o == 0;
    case R_AND:
        return number_int(a, i) && number_int(b, j);
    case R_OR:
        return number_int(a, i) || number_int(b, j);
    case R_XOR:
        return o != 0;
    }
    return false;
}

static void relation_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct node *n = arg;
    int64_t sa = w->step[0][w->rank - 1], sb = w->step[1][w->rank - 1];
    uint8_t *y = (uint8_t *)out(n, 0)->data + to;

    for (int64_t i = 0; i < w->dim[w->rank - 1]; i++)
        y[i] = holds((enum relation)n->op->variant, in(n, 0), from[0] + i * sa, in(n, 1),
                     from[1] + i * sb);
}

static enum err relation_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e = broadcast_shape(n, 2, &rank, dim, why);

    (void)g;
    return e == OK ? set_out(n, 0, DTYPE_BOOL, rank, dim, why) : e;
}

static enum err relation_run(const struct node *n, const struct run *r)
{
    const struct tensor *from[] = {in(n, 0), in(n, 1)};
    struct broadcast w;

    (void)r;
    broadcast_init(&w, out(n, 0), from, 2);
    broadcast_walk(&w, relation_row, (void *)n);
    return OK;
}

/* ---- Where --------------------------------------------------------------------------------- */
static enum err where_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e;

    (void)g;
    if ((e = need_type(n, 1, T_ANY, why)) != OK ||
        (e = broadcast_shape(n, 3, &rank, dim, why)) != OK)
        return e;
    if (in(n, 1)->type != in(n, 2)->type)
        return err_say(why, ERR_FORMAT, "inputs are %s and %s", dtype_name(in(n, 1)->type),
                       dtype_name(in(n, 2)->type));
    return set_out(n, 0, in(n, 1)->type, rank, dim, why);
}

struct where_job {
    const struct node *n;
    const struct kernels *kernels;
};

static void where_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct where_job *j = arg;
    const struct node *n = j->n;
    size_t size = dtype_size(out(n, 0)->type);
    const uint8_t *c = in(n, 0)->data;
    const char *a = in(n, 1)->data, *b = in(n, 2)->data;
    char *y = (char *)out(n, 0)->data + (size_t)to * size;
    int last = w->rank - 1;

    if (size == sizeof(float) && w->step[0][last] == 1) {
        j->kernels->select((float *)(void *)y, c + from[0],
                           (const float *)(const void *)(a + (size_t)from[1] * size),
                           (int)w->step[1][last],
                           (const float *)(const void *)(b + (size_t)from[2] * size),
                           (int)w->step[2][last], (size_t)w->dim[last]);
        return;
    }
    for (int64_t i = 0; i < w->dim[last]; i++)
        memcpy(y + (size_t)i * size,
               c[from[0] + i * w->step[0][last]]
                   ? a + (size_t)(from[1] + i * w->step[1][last]) * size
                   : b + (size_t)(from[2] + i * w->step[2][last]) * size,
               size);
}

static enum err where_run(const struct node *n, const struct run *r)
{
    const struct tensor *from[] = {in(n, 0), in(n, 1), in(n, 2)};
    struct where_job job = {n, r->kernels};
    struct broadcast w;

    broadcast_init(&w, out(n, 0), from, 3);
    broadcast_walk(&w, where_row, &job);
    return OK;
}

/* ---- one input ----------------------------------------------------------------------------- */
enum question { Q_NOT, Q_NAN, Q_INF, Q_BITWISE_NOT };

struct question_params {
    bool negative, positive; /* which infinities count */
};

static enum err question_infer(struct graph *g, struct node *n, struct why *why)
{
    struct question_params *p = node_params(g, n, sizeof *p);

    if (!p)
        return ERR_NOMEM;
    if (n->op->variant == Q_INF) {
        p->negative = attr_int(n, "detect_negative", 1) != 0;
        p->positive = attr_int(n, "detect_positive", 1) != 0;
    }
    return set_out_like(n, 0, n->op->variant == Q_BITWISE_NOT ? in(n, 0)->type : DTYPE_BOOL,
                        in(n, 0), why);
}

static enum err question_run(const struct node *n, const struct run *r)
{
    const struct question_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);

    (void)r;
    for (int64_t i = 0; i < tensor_count(x); i++) {
        double v = n->op->variant == Q_NAN || n->op->variant == Q_INF ? number_float(x, i) : 0;

        switch ((enum question)n->op->variant) {
        case Q_NOT:
            number_set_int(y, i, !number_int(x, i));
            break;
        case Q_NAN:
            number_set_int(y, i, isnan(v) != 0);
            break;
        case Q_INF:
            number_set_int(y, i, isinf(v) && (v < 0 ? p->negative : p->positive));
            break;
        case Q_BITWISE_NOT:
            number_set_int(y, i, ~number_int(x, i));
            break;
        }
    }
    return OK;
}

#define RELATION(name, r, types)                                                                   \
    {                                                                                              \
        name, 2, 2, 1, types, OP_SAME, relation_infer, relation_run, NULL, r                       \
    }
#define QUESTION(name, q, types)                                                                   \
    {                                                                                              \
        name, 1, 1, 1, types, 0, question_infer, question_run, NULL, q                             \
    }
const struct op ops_logic[] = {
    RELATION("Equal", R_EQUAL, T_ANY),
    RELATION("Less", R_LESS, T_NUMBER),
    RELATION("LessOrEqual", R_LESS_EQUAL, T_NUMBER),
    RELATION("Greater", R_GREATER, T_NUMBER),
    RELATION("GreaterOrEqual", R_GREATER_EQUAL, T_NUMBER),
    RELATION("And", R_AND, T_BOOL),
    RELATION("Or", R_OR, T_BOOL),
    RELATION("Xor", R_XOR, T_BOOL),
    {"Where", 3, 3, 1, T_BOOL, 0, where_infer, where_run, NULL, 0},
    QUESTION("Not", Q_NOT, T_BOOL),
    QUESTION("IsNaN", Q_NAN, T_FLOAT),
    QUESTION("IsInf", Q_INF, T_FLOAT),
    QUESTION("BitwiseNot", Q_BITWISE_NOT, T_INT),
    {NULL},
};
