/* Matrix products: MatMul with batches that broadcast, and Gemm. */
#include "perception/nn/ops/matmul.h"

#include <string.h>

#include "perception/nn/ops/broadcast.h"
#include "perception/nn/ops/number.h"

struct matmul_params {
    struct gemm_shape s;
    int rank; /* of the batches */
    int64_t batch[TENSOR_MAX_RANK], step_a[TENSOR_MAX_RANK], step_b[TENSOR_MAX_RANK]; /* matrices */
    float beta; /* Gemm: of C */
};

/* The batches of t as seen from the output: 0 where they repeat. */
static void batch_steps(const struct tensor *t, int matrix, int rank, int64_t step[TENSOR_MAX_RANK])
{
    int own = t->rank - matrix;
    int64_t pitch = 1;

    for (int d = rank - 1; d >= 0; d--) {
        int at = d - (rank - own);
        int64_t n = at >= 0 ? t->dim[at] : 1;

        step[d] = n == 1 ? 0 : pitch;
        pitch *= n;
    }
}

static enum err matmul_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *a = in(n, 0), *b = in(n, 1);
    struct matmul_params *p = node_params(g, n, sizeof *p);
    int ma = a->rank < 2 ? a->rank : 2, mb = b->rank < 2 ? b->rank : 2; /* a vector has one */
    int64_t M, N, K, dim[TENSOR_MAX_RANK + 2];
    int rank;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if (a->rank < 1 || b->rank < 1)
        return err_say(why, ERR_FORMAT, "a scalar");
    M = ma == 2 ? a->dim[a->rank - 2] : 1;
    K = a->dim[a->rank - 1];
    N = mb == 2 ? b->dim[b->rank - 1] : 1;
    if (b->dim[b->rank - mb] != K)
        return err_say(why, ERR_FORMAT, "(%lld, %lld) times (%lld, %lld)", (long long)M,
                       (long long)K, (long long)b->dim[b->rank - mb], (long long)N);
    p->rank = a->rank - ma > b->rank - mb ? a->rank - ma : b->rank - mb;
    for (int d = 0; d < p->rank; d++) {
        int da = d - (p->rank - (a->rank - ma)), db = d - (p->rank - (b->rank - mb));
        int64_t na = da >= 0 ? a->dim[da] : 1, nb = db >= 0 ? b->dim[db] : 1;

        if (na != nb && na != 1 && nb != 1)
            return err_say(why, ERR_FORMAT, "batches of %lld and %lld", (long long)na,
                           (long long)nb);
        p->batch[d] = dim[d] = na == 1 ? nb : na;
    }
    batch_steps(a, ma, p->rank, p->step_a);
    batch_steps(b, mb, p->rank, p->step_b);
    rank = p->rank;
    if (ma == 2)
        dim[rank++] = M;
    if (mb == 2)
        dim[rank++] = N;
    p->s = (struct gemm_shape){.M = (int)M,
                               .N = (int)N,
                               .K = (int)K,
                               .alpha = 1.0f,
                               .lda = (size_t)K,
                               .ldb = (size_t)N,
                               .ldc = (size_t)N};
    if ((e = set_out(n, 0, a->type, rank, dim, why)) != OK)
        return e;
    n->macs = tensor_count(out(n, 0)) * K;
    return OK;
}

static enum err gemm_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct matmul_params *p = n->params;

    (void)why;
    n->kernel = in(n, 0)->type == DTYPE_F32 ? "blocks" : "plain";
    if (in(n, 0)->type == DTYPE_F32 && p->s.M > 0 && p->s.N > 0 && p->s.K > 0)
        n->scratch = gemm_scratch(&g->kernels, &p->s, pool_threads(g->pool));
    if (in(n, 0)->type == DTYPE_F32 && gemm_rows_fits(&p->s)) {
        n->kernel = "rows";
        n->scratch = gemm_rows_scratch(&g->kernels, &p->s);
    }
    return OK;
}

/* c += op(a) op(b) in any type; ?0 is where the matrix starts. */
static void plain_gemm(const struct gemm_shape *s, const struct tensor *a, int64_t a0,
                       const struct tensor *b, int64_t b0, const struct tensor *c, int64_t c0)
{
    for (int64_t m = 0; m < s->M; m++)
        for (int64_t j = 0; j < s->N; j++) {
            int64_t at = c0 + m * (int64_t)s->ldc + j;
            double real = 0;
            uint64_t whole = 0;

            for (int64_t k = 0; k < s->K; k++) {
                int64_t ia = a0 + (s->trans_a ? k * (int64_t)s->lda + m : m * (int64_t)s->lda + k);
                int64_t ib = b0 + (s->trans_b ? j * (int64_t)s->ldb + k : k * (int64_t)s->ldb + j);

                if (dtype_is_float(c->type))
                    real += number_float(a, ia) * number_float(b, ib);
                else
                    whole += (uint64_t)number_int(a, ia) * (uint64_t)number_int(b, ib);
            }
            if (dtype_is_float(c->type))
                number_set_float(
                    c, at, (double)s->alpha * real + (s->beta != 0.0f ? number_float(c, at) : 0.0));
            else
                number_set_int(
                    c, at, (int64_t)(whole + (s->beta != 0.0f ? (uint64_t)number_int(c, at) : 0)));
        }
}

static enum err matmul_run(const struct node *n, const struct run *r)
{
    const struct matmul_params *p = n->params;
    const struct tensor *a = in(n, 0), *b = in(n, 1), *y = out(n, 0);
    int64_t size_a = (int64_t)p->s.M * p->s.K, size_b = (int64_t)p->s.K * p->s.N;
    int64_t size_y = (int64_t)p->s.M * p->s.N, at[TENSOR_MAX_RANK] = {0}, ia = 0, ib = 0;

    memset(y->data, 0, p->s.K ? 0 : tensor_bytes(y));
    if (tensor_count(y) == 0 || p->s.K == 0)
        return OK;
    for (int64_t i = 0; i < dims_product(p->batch, 0, p->rank); i++) {
        if (a->type == DTYPE_F32)
            (gemm_rows_fits(&p->s) ? gemm_rows
                                   : gemm)(r->kernels, &p->s, (const float *)a->data + ia * size_a,
                                           (const float *)b->data + ib * size_b,
                                           (float *)y->data + i * size_y, r->scratch, r->pool);
        else
            plain_gemm(&p->s, a, ia * size_a, b, ib * size_b, y, i * size_y);
        for (int d = p->rank - 1; d >= 0; d--) {
            ia += p->step_a[d];
            ib += p->step_b[d];
            if (++at[d] < p->batch[d])
                break;
            ia -= p->step_a[d] * p->batch[d];
            ib -= p->step_b[d] * p->batch[d];
            at[d] = 0;
        }
    }
    return OK;
}

bool is_matmul(const struct node *n)
{
    return n->op->infer == matmul_infer;
}

void matmul_turn(struct node *n, int side)
{
    struct matmul_params *p = n->params;

    if (side == 0) {
        p->s.trans_a = !p->s.trans_a;
        p->s.lda = (size_t)(p->s.trans_a ? p->s.M : p->s.K);
    } else {
        p->s.trans_b = !p->s.trans_b;
        p->s.ldb = (size_t)(p->s.trans_b ? p->s.K : p->s.N);
    }
}

/* ---- Gemm: alpha op(A) op(B) + beta C ------------------------------------------------------ */
static enum err gemm_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *a = in(n, 0), *b = in(n, 1), *c = in(n, 2);
    struct matmul_params *p = node_params(g, n, sizeof *p);
    bool ta = attr_int(n, "transA", 0) != 0, tb = attr_int(n, "transB", 0) != 0;
    int64_t M, N, K, dim[2];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 2, 2, why)) != OK || (e = need_rank(n, 1, 2, 2, why)) != OK)
        return e;
    attr_ignore(n, "broadcast"); /* of opset 6; what it allows is checked below */
    M = a->dim[ta];
    K = a->dim[!ta];
    N = b->dim[!tb];
    if (b->dim[tb] != K)
        return err_say(why, ERR_FORMAT, "(%lld, %lld) times (%lld, %lld)", (long long)M,
                       (long long)K, (long long)b->dim[tb], (long long)N);
    for (int d = 0; c && d < c->rank; d++)
        if (c->rank > 2 || (c->dim[d] != 1 && c->dim[d] != (d - c->rank == -1 ? N : M)))
            return err_say(why, ERR_FORMAT, "C does not broadcast to (%lld, %lld)", (long long)M,
                           (long long)N);
    p->s = (struct gemm_shape){.M = (int)M,
                               .N = (int)N,
                               .K = (int)K,
                               .trans_a = ta,
                               .trans_b = tb,
                               .alpha = attr_float(n, "alpha", 1.0f),
                               .beta = c ? 1.0f : 0.0f,
                               .lda = (size_t)a->dim[1],
                               .ldb = (size_t)b->dim[1],
                               .ldc = (size_t)N};
    p->beta = attr_float(n, "beta", 1.0f);
    if (!dtype_is_float(a->type) && (p->s.alpha != 1.0f || p->beta != 1.0f))
        return err_say(why, ERR_UNSUPPORTED, "alpha or beta with %s", dtype_name(a->type));
    dim[0] = M;
    dim[1] = N;
    if ((e = set_out(n, 0, a->type, 2, dim, why)) != OK)
        return e;
    n->macs = M * N * K;
    return OK;
}

struct bias_job {
    const struct tensor *c, *y;
    float beta;
};

static void bias_row(void *arg, const struct broadcast *w, int64_t to, const int64_t *from)
{
    const struct bias_job *j = arg;
    int64_t step = w->step[0][w->rank - 1];

    for (int64_t i = 0; i < w->dim[w->rank - 1]; i++)
        if (dtype_is_float(j->y->type))
            number_set_float(j->y, to + i,
                             (double)j->beta * number_float(j->c, from[0] + i * step));
        else
            number_set_int(j->y, to + i, number_int(j->c, from[0] + i * step));
}

static enum err gemm_run(const struct node *n, const struct run *r)
{
    const struct matmul_params *p = n->params;
    const struct tensor *a = in(n, 0), *b = in(n, 1), *c = in(n, 2), *y = out(n, 0);
    struct bias_job job = {c, y, p->beta};
    struct broadcast w;

    if (c) {
        broadcast_init(&w, y, &c, 1);
        broadcast_walk(&w, bias_row, &job);
    } else if (p->s.K == 0) {
        memset(y->data, 0, tensor_bytes(y));
    }
    if (tensor_count(y) == 0 || p->s.K == 0)
        return OK;
    if (a->type == DTYPE_F32)
        (gemm_rows_fits(&p->s) ? gemm_rows : gemm)(r->kernels, &p->s, a->data, b->data, y->data,
                                                   r->scratch, r->pool);
    else
        plain_gemm(&p->s, a, 0, b, 0, y, 0);
    return OK;
}

bool matmul_is_batch(const struct node *n, struct gemm_shape *s, int *batches)
{
    const struct matmul_params *p = n->params;
    int64_t all;

    if (n->op->infer != matmul_infer || in(n, 0)->type != DTYPE_F32 || p->s.K == 0 ||
        tensor_count(out(n, 0)) == 0)
        return false;
    all = dims_product(p->batch, 0, p->rank);
    *s = p->s;
    *batches = (int)all;
    return tensor_count(in(n, 0)) == all * p->s.M * p->s.K &&
           tensor_count(in(n, 1)) == all * p->s.K * p->s.N;
}

bool matmul_is_rows(const struct node *n, struct gemm_shape *s, int *rows, float *beta)
{
    const struct matmul_params *p = n->params;
    int64_t all;

    if ((n->op->infer != matmul_infer && n->op->infer != gemm_infer) ||
        in(n, 0)->type != DTYPE_F32 || p->s.trans_a || tensor_count(out(n, 0)) == 0 || p->s.K == 0)
        return false;
    all = tensor_count(in(n, 0)) / p->s.K;
    if (tensor_count(in(n, 1)) != (int64_t)p->s.K * p->s.N ||
        all * p->s.N != tensor_count(out(n, 0)))
        return false;
    *s = p->s;
    *rows = (int)all;
    *beta = p->beta;
    return true;
}

const struct op ops_matmul[] = {
    {"MatMul", 2, 2, 1, T_NUMBER, OP_SAME, matmul_infer, matmul_run, gemm_prepare, 0},
    {"Gemm", 2, 3, 1, T_NUMBER, OP_SAME, gemm_infer, gemm_run, gemm_prepare, 0},
    {NULL},
};
