/* Scaled dot-product attention with several heads. Sequences here are short (objects, frames), so the
 * matrix of weights is kept for the way back. A head of a row of the batch is a piece of work. */
#include <math.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/graph.h"

enum { WEIGHTS }; /* kept: (N, heads, Tq, Tk), behind the softmax */

int train_attention(struct train *t, int q, int k, int v, int heads, int mask, bool causal)
{
    const int in[] = {q, k, v, mask};
    const struct value *Q, *K, *V;
    struct layer *l;

    for (int i = 0; i < 4; i++)
        if ((i < 3 || mask >= 0) && !build_has(t, in[i], "train_attention"))
            return -1;
    Q = &t->value[q], K = &t->value[k], V = &t->value[v];
    if (Q->rank != 3 || K->rank != 3 || V->rank != 3 || Q->dim[0] != K->dim[0] ||
        K->dim[0] != V->dim[0] || K->dim[1] != V->dim[1] || Q->dim[2] != K->dim[2])
        return build_wrong(t, "train_attention: queries, keys and values do not fit");
    if (heads < 1 || Q->dim[2] % heads || V->dim[2] % heads)
        return build_wrong(t, "train_attention: %d heads of %d and %d channels", heads, Q->dim[2],
                           V->dim[2]);
    if (mask >= 0 && t->value[mask].n != (size_t)K->dim[0] * (size_t)K->dim[1])
        return build_wrong(t, "train_attention: the mask has %zu numbers, not %d x %d",
                           t->value[mask].n, K->dim[0], K->dim[1]);
    l = build_layer(t, &layer_attention, in, 4, 3, (int[]){Q->dim[0], Q->dim[1], V->dim[2]});
    if (!l)
        return -1;
    l->heads = heads;
    l->causal = causal;
    return l->out;
}

struct job {
    struct train *t;
    struct layer *l;
    int N, heads, Tq, Tk, depth, width;
    float scale;
    float *dq, *dk, *dv;
};

static struct job job_of(struct train *t, struct layer *l)
{
    const struct value *q = &t->value[l->in[0]], *v = &t->value[l->in[2]];
    int depth = q->dim[2] / l->heads;

    return (struct job){.t = t,
                        .l = l,
                        .N = q->dim[0],
                        .heads = l->heads,
                        .Tq = q->dim[1],
                        .Tk = v->dim[1],
                        .depth = depth,
                        .width = v->dim[2] / l->heads,
                        .scale = 1 / sqrtf((float)depth)};
}

static void place(struct train *t, struct layer *l, struct arena *a)
{
    struct job j = job_of(t, l);

    l->kept[WEIGHTS] =
        arena_take(a, (size_t)j.N * (size_t)j.heads * (size_t)j.Tq * (size_t)j.Tk * sizeof(float));
}

/* C (M, N) = or += alpha op(A) op(B) */
static struct gemm_shape product(int M, int N, int K, bool trans_a, bool trans_b, float alpha,
                                 bool add, size_t lda, size_t ldb, size_t ldc)
{
    return (struct gemm_shape){M, N, K, trans_a, trans_b, alpha, add ? 1.0f : 0.0f, lda, ldb, ldc};
}

/* Enough for each of the products below. */
static size_t thread_scratch(const struct job *j)
{
    int most = int_max(int_max(j->Tq, j->Tk), int_max(j->depth, j->width));
    struct gemm_shape s = product(most, most, most, false, false, 1, false, 0, 0, 0);

    return floats_size((size_t)j->Tq * (size_t)j->Tk) + 2 * gemm_scratch(&j->t->k, &s, 1);
}

static size_t scratch(const struct train *t, const struct layer *l)
{
    struct job j = job_of((struct train *)t, (struct layer *)l);

    return (size_t)pool_threads(t->pool) * thread_scratch(&j);
}

/* Where row n's head h of value i begins; its rows are the value's rows. */
static size_t head_at(const struct job *j, int i, int n, int h)
{
    const struct value *v = &j->t->value[i];

    return (size_t)n * (size_t)v->dim[1] * (size_t)v->dim[2] +
           (size_t)h * (size_t)(v->dim[2] / j->heads);
}

static size_t pitch(const struct job *j, int i)
{
    return (size_t)j->t->value[i].dim[2];
}

/* Softmax of a row of scores over the keys that count; zeros elsewhere. */
static void weigh(const struct job *j, float *row, const float *mask, int query)
{
    bool any = false;

    for (int i = 0; i < j->Tk; i++) {
        if ((mask && mask[i] == 0) || (j->l->causal && i > query))
            row[i] = -INFINITY;
        any |= row[i] != -INFINITY;
    }
    if (any)
        j->t->k.softmax(row, row, (size_t)j->Tk);
    else
        memset(row, 0, (size_t)j->Tk * sizeof *row);
}

static void head_forward(void *arg, int i, int thread)
{
    const struct job *j = arg;
    const struct layer *l = j->l;
    int n = i / j->heads, h = i % j->heads;
    char *room = j->t->scratch + (size_t)thread * thread_scratch(j);
    float *p = l->kept[WEIGHTS] + (size_t)i * (size_t)j->Tq * (size_t)j->Tk;
    const float *mask = layer_x(j->t, l, 3);
    struct gemm_shape s = product(j->Tq, j->Tk, j->depth, false, true, j->scale, false,
                                  pitch(j, l->in[0]), pitch(j, l->in[1]), (size_t)j->Tk);

    gemm(&j->t->k, &s, layer_x(j->t, l, 0) + head_at(j, l->in[0], n, h),
         layer_x(j->t, l, 1) + head_at(j, l->in[1], n, h), p, room, NULL);
    for (int q = 0; q < j->Tq; q++)
        weigh(j, p + (size_t)q * (size_t)j->Tk, mask ? mask + (size_t)n * (size_t)j->Tk : NULL, q);
    s = product(j->Tq, j->width, j->Tk, false, false, 1, false, (size_t)j->Tk, pitch(j, l->in[2]),
                pitch(j, l->out));
    gemm(&j->t->k, &s, p, layer_x(j->t, l, 2) + head_at(j, l->in[2], n, h),
         layer_y(j->t, l) + head_at(j, l->out, n, h), room, NULL);
}

/* Through the softmax: ds = p (dp - sum of p dp), in place. */
static void scores_back(const struct job *j, const float *p, float *dp)
{
    for (int q = 0; q < j->Tq; q++, p += j->Tk, dp += j->Tk) {
        float sum = j->t->k.dot(p, dp, (size_t)j->Tk);

        for (int k = 0; k < j->Tk; k++)
            dp[k] = p[k] * (dp[k] - sum);
    }
}

static void head_backward(void *arg, int i, int thread)
{
    const struct job *j = arg;
    const struct layer *l = j->l;
    const struct kernels *k = &j->t->k;
    int n = i / j->heads, h = i % j->heads;
    float *ds = (float *)(void *)(j->t->scratch + (size_t)thread * thread_scratch(j));
    char *room = (char *)ds + floats_size((size_t)j->Tq * (size_t)j->Tk);
    const float *p = l->kept[WEIGHTS] + (size_t)i * (size_t)j->Tq * (size_t)j->Tk;
    size_t q_at = head_at(j, l->in[0], n, h), k_at = head_at(j, l->in[1], n, h);
    size_t v_at = head_at(j, l->in[2], n, h), Tk = (size_t)j->Tk, out = pitch(j, l->out);
    const float *dy = layer_dy(j->t, l) + head_at(j, l->out, n, h);
    struct gemm_shape s =
        product(j->Tk, j->width, j->Tq, true, false, 1, true, Tk, out, pitch(j, l->in[2]));

    if (j->dv)
        gemm(k, &s, p, dy, j->dv + v_at, room, NULL);
    s = product(j->Tq, j->Tk, j->width, false, true, 1, false, out, pitch(j, l->in[2]), Tk);
    gemm(k, &s, dy, layer_x(j->t, l, 2) + v_at, ds, room, NULL);
    scores_back(j, p, ds);
    s = product(j->Tq, j->depth, j->Tk, false, false, j->scale, true, Tk, pitch(j, l->in[1]),
                pitch(j, l->in[0]));
    if (j->dq)
        gemm(k, &s, ds, layer_x(j->t, l, 1) + k_at, j->dq + q_at, room, NULL);
    s = product(j->Tk, j->depth, j->Tq, true, false, j->scale, true, Tk, pitch(j, l->in[0]),
                pitch(j, l->in[1]));
    if (j->dk)
        gemm(k, &s, ds, layer_x(j->t, l, 0) + q_at, j->dk + k_at, room, NULL);
}

static void forward(struct train *t, struct layer *l)
{
    struct job j = job_of(t, l);

    pool_run(t->pool, j.N * j.heads, head_forward, &j);
}

static void backward(struct train *t, struct layer *l)
{
    struct job j = job_of(t, l);

    j.dq = grad_add(t, l, 0);
    j.dk = grad_add(t, l, 1);
    j.dv = grad_add(t, l, 2);
    pool_run(t->pool, j.N * j.heads, head_backward, &j);
}

const struct layer_kind layer_attention = {"attention", place, scratch, forward, backward};
