/* Det: determinants of square matrices, by elimination with the largest pivot. */
#include <math.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

static enum err det_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    enum err e = need_rank(n, 0, 2, TENSOR_MAX_RANK, why);
    int64_t M;

    (void)g;
    if (e != OK)
        return e;
    M = x->dim[x->rank - 1];
    if (x->dim[x->rank - 2] != M)
        return err_say(why, ERR_FORMAT, "matrices of %lld by %lld", (long long)x->dim[x->rank - 2],
                       (long long)M);
    n->work = tensor_count(x) * M;
    return set_out(n, 0, x->type, x->rank - 2, x->dim, why);
}

static enum err det_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);

    (void)g;
    (void)why;
    n->scratch = sizeof(double) * (size_t)(x->dim[x->rank - 1] * x->dim[x->rank - 1]);
    return OK;
}

/* Row `col` trades places with the one below that has the largest number there. Whether it moved. */
static bool pivot(double *a, int64_t M, int64_t col)
{
    int64_t best = col;

    for (int64_t i = col + 1; i < M; i++)
        if (fabs(a[i * M + col]) > fabs(a[best * M + col]))
            best = i;
    for (int64_t j = col; j < M && best != col; j++) {
        double v = a[col * M + j];

        a[col * M + j] = a[best * M + j];
        a[best * M + j] = v;
    }
    return best != col;
}

static double determinant(double *a, int64_t M)
{
    double det = 1;

    for (int64_t col = 0; col < M; col++) {
        det = pivot(a, M, col) ? -det : det;
        det *= a[col * M + col];
        if (a[col * M + col] == 0)
            return det;
        for (int64_t i = col + 1; i < M; i++) {
            double f = a[i * M + col] / a[col * M + col];

            for (int64_t j = col; j < M; j++)
                a[i * M + j] -= f * a[col * M + j];
        }
    }
    return det;
}

static enum err det_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0);
    int64_t M = x->dim[x->rank - 1];
    double *a = r->scratch;

    for (int64_t i = 0; i < tensor_count(out(n, 0)); i++) {
        for (int64_t j = 0; j < M * M; j++)
            a[j] = number_float(x, i * M * M + j);
        number_set_float(out(n, 0), i, determinant(a, M));
    }
    return OK;
}

const struct op ops_det[] = {
    {"Det", 1, 1, 1, T_FLOAT, 0, det_infer, det_run, det_prepare, 0},
    {NULL},
};
