/* Products of 8-bit matrices: MatMulInteger, QLinearMatMul. */
#include <string.h>

#include "perception/nn/ops/integer.h"
#include "perception/nn/ops/number.h"

struct matmul8_params {
    int64_t M, N, K;
    int rank; /* of the batches */
    int64_t batch[TENSOR_MAX_RANK];
};

/* Where the two operators have their inputs; -1: not at all. */
struct places {
    int b, zero_a, zero_b, scale_a, scale_b, scale_y, zero_y;
};

static const struct places matmul_integer = {1, 2, 3, -1, -1, -1, -1};
static const struct places qlinear_matmul = {3, 2, 5, 1, 4, 6, 7};

static const struct places *places_of(const struct node *n)
{
    return n->op->variant ? &qlinear_matmul : &matmul_integer;
}

/* A vector counts as a matrix of one row (left) or one column (right), which the result lacks. */
static enum err matmul8_shape(struct matmul8_params *p, const struct tensor *a,
                              const struct tensor *b, int *rank, int64_t dim[TENSOR_MAX_RANK + 2],
                              struct why *why)
{
    int ma = a->rank < 2 ? a->rank : 2, mb = b->rank < 2 ? b->rank : 2;
    int ba = a->rank - ma, bb = b->rank - mb;

    if (ma < 1 || mb < 1)
        return err_say(why, ERR_FORMAT, "a scalar");
    p->M = ma == 2 ? a->dim[ba] : 1;
    p->K = a->dim[a->rank - 1];
    p->N = mb == 2 ? b->dim[b->rank - 1] : 1;
    if (b->dim[bb] != p->K)
        return err_say(why, ERR_FORMAT, "(%lld, %lld) times (%lld, %lld)", (long long)p->M,
                       (long long)p->K, (long long)b->dim[bb], (long long)p->N);
    p->rank = *rank = ba > bb ? ba : bb;
    for (int d = 0; d < p->rank; d++) {
        int64_t na = d >= p->rank - ba ? a->dim[d - (p->rank - ba)] : 1;
        int64_t nb = d >= p->rank - bb ? b->dim[d - (p->rank - bb)] : 1;

        if (na != nb && na != 1 && nb != 1)
            return err_say(why, ERR_FORMAT, "batches of %lld and %lld", (long long)na,
                           (long long)nb);
        p->batch[d] = dim[d] = na == 1 ? nb : na;
    }
    if (ma == 2)
        dim[(*rank)++] = p->M;
    if (mb == 2)
        dim[(*rank)++] = p->N;
    return OK;
}

static enum err qlinear_inputs(const struct node *n, const struct places *at,
                               const struct matmul8_params *p, struct why *why)
{
    const int scale[] = {at->scale_a, at->scale_b, at->scale_y};
    enum err e;

    for (int i = 0; i < 3; i++)
        if ((e = need_type(n, scale[i], T_FLOAT, why)) != OK)
            return e;
    if ((e = need_type(n, at->zero_y, T_Q8, why)) != OK ||
        (e = integer_need(n, at->scale_a, -1, p->M, why)) != OK ||
        (e = integer_need(n, at->scale_b, -1, p->N, why)) != OK ||
        (e = integer_need(n, at->scale_y, -1, 1, why)) != OK)
        return e;
    return integer_need(n, at->zero_y, -1, 1, why);
}

static enum err matmul8_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct places *at = places_of(n);
    struct matmul8_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK + 2];
    enum dtype type = DTYPE_I32;
    int rank = 0;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_type(n, at->b, T_Q8, why)) != OK ||
        (e = matmul8_shape(p, in(n, 0), in(n, at->b), &rank, dim, why)) != OK ||
        (e = integer_need(n, at->zero_a, 0, p->M, why)) != OK ||
        (e = integer_need(n, at->zero_b, at->b, p->N, why)) != OK)
        return e;
    if (at->zero_y >= 0) {
        if ((e = qlinear_inputs(n, at, p, why)) != OK)
            return e;
        type = in(n, at->zero_y)->type;
    }
    if ((e = set_out(n, 0, type, rank, dim, why)) != OK)
        return e;
    n->macs = tensor_count(out(n, 0)) * p->K;
    return OK;
}

/* Of one batch, in front of what the product needs; none where they are the result. */
static size_t sums_bytes(const struct node *n)
{
    const struct matmul8_params *p = n->params;

    return places_of(n)->zero_y < 0 ? 0 : ((size_t)(p->M * p->N) * sizeof(int32_t) + 63) / 64 * 64;
}

static enum err matmul8_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct matmul8_params *p = n->params;

    (void)why;
    if (tensor_count(out(n, 0)))
        n->scratch = sums_bytes(n) + integer_gemm_scratch(g, p->M, p->N, p->K);
    return OK;
}

/* The matrix of t (its last two dimensions) that batch i of the result reads. */
static int64_t batch_of(const struct matmul8_params *p, const struct tensor *t, int64_t i)
{
    int own = t->rank - 2;
    int64_t at = 0, pitch = 1;

    for (int d = p->rank - 1; d >= p->rank - own; d--) {
        int64_t length = t->dim[d - (p->rank - own)];

        at += length == 1 ? 0 : i % p->batch[d] * pitch;
        pitch *= length;
        i /= p->batch[d];
    }
    return at;
}

static void requantize(const struct node *n, const struct places *at, int64_t batch,
                       const int32_t *c)
{
    const struct matmul8_params *p = n->params;
    const struct tensor *sa = in(n, at->scale_a), *sb = in(n, at->scale_b), *y = out(n, 0);
    double scale_y = integer_each(in(n, at->scale_y), 0);
    int64_t zero = number_int(in(n, at->zero_y), 0), to = batch * p->M * p->N;

    for (int64_t m = 0; m < p->M; m++, to += p->N, c += p->N) {
        double s = integer_each(sa, m) / scale_y;

        if (tensor_count(sb) == 1)
            integer_requantize(y, to, c, p->N, s * integer_each(sb, 0), zero);
        else
            for (int64_t j = 0; j < p->N; j++)
                integer_requantize(y, to + j, c + j, 1, s * integer_each(sb, j), zero);
    }
}

static enum err matmul8_run(const struct node *n, const struct run *r)
{
    const struct places *at = places_of(n);
    const struct matmul8_params *p = n->params;
    const struct tensor *a = in(n, 0), *b = in(n, at->b);
    bool direct = at->zero_y < 0;

    if (tensor_count(out(n, 0)) == 0)
        return OK;
    for (int64_t i = 0; i < dims_product(p->batch, 0, p->rank); i++) {
        struct matrix8 ma = {(const uint8_t *)a->data + batch_of(p, a, i) * p->M * p->K,
                             a->type == DTYPE_I8, in(n, at->zero_a), 0};
        struct matrix8 mb = {(const uint8_t *)b->data + batch_of(p, b, i) * p->K * p->N,
                             b->type == DTYPE_I8, in(n, at->zero_b), 0};
        int32_t *c = direct ? (int32_t *)out(n, 0)->data + i * p->M * p->N : r->scratch;

        integer_gemm(r, p->M, p->N, p->K, &ma, &mb, c, (char *)r->scratch + sums_bytes(n));
        if (!direct)
            requantize(n, at, i, c);
    }
    return OK;
}

const struct op ops_matmul8[] = {
    {"MatMulInteger", 2, 4, 1, T_Q8, 0, matmul8_infer, matmul8_run, matmul8_prepare, 0},
    {"QLinearMatMul", 8, 8, 1, T_Q8, 0, matmul8_infer, matmul8_run, matmul8_prepare, 1},
    {NULL},
};
