/* Elements that move and do not change. Each operator's infer writes the copies to make. */
#include <string.h>

#include "perception/nn/ops/copy.h"
#include "perception/nn/ops/matmul.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/slice.h"

enum { STRIDE_MAX = 1 << 16 };

static enum err one_copy_run(const struct node *n, const struct run *r)
{
    const struct copy *c = n->params;
    int64_t step = c->rank == 1 ? c->from[0] : 0;

    if (c->size == sizeof(float) && step > 0 && step <= STRIDE_MAX && c->to[0] == 1)
        r->kernels->copy_strided(out(n, 0)->data, (const float *)in(n, 0)->data + c->from_start,
                                 (size_t)c->dim[0], (int)step);
    else
        copy_run(c, in(n, 0)->data, out(n, 0)->data);
    return OK;
}

/* Steps of a dense tensor. */
static void pitches(const struct tensor *t, int64_t pitch[TENSOR_MAX_RANK])
{
    for (int i = 0; i < t->rank; i++)
        pitch[i] = dims_product(t->dim, i + 1, t->rank);
}

static enum err transpose_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    int64_t dim[TENSOR_MAX_RANK], pitch[TENSOR_MAX_RANK], back[TENSOR_MAX_RANK];
    bool flag[TENSOR_MAX_RANK];
    int count;
    const int64_t *perm = attr_ints(n, "perm", &count);
    enum err e;

    if (!c)
        return ERR_NOMEM;
    if (perm && count != x->rank)
        return err_say(why, ERR_FORMAT, "perm has %d places for %d dimensions", count, x->rank);
    for (int i = 0; i < x->rank; i++)
        back[i] = perm ? perm[i] : x->rank - 1 - i;
    if ((e = axes_of(back, x->rank, x->rank, flag, why)) != OK)
        return e;
    for (int i = 0; i < x->rank; i++) {
        back[i] += back[i] < 0 ? x->rank : 0;
        dim[i] = x->dim[back[i]];
    }
    pitches(x, pitch);
    c->size = dtype_size(x->type);
    for (int i = 0; i < x->rank; i++)
        copy_add(c, dim[i], pitch[back[i]], dims_product(dim, i + 1, x->rank));
    return set_out(n, 0, x->type, x->rank, dim, why);
}

bool is_matrix_transpose(struct node *n)
{
    int rank = n->op->infer == transpose_infer ? in(n, 0)->rank : 0, count;
    const int64_t *perm = attr_ints(n, "perm", &count);

    if (rank < 2)
        return false;
    for (int i = 0; i < rank; i++) {
        int to = i < rank - 2 ? i : 2 * rank - 3 - i;
        int64_t from = perm ? perm[i] : rank - 1 - i;

        if (from != to && from != to - rank)
            return false;
    }
    return true;
}

/* ---- Slice: attributes up to opset 9, inputs after ----------------------------------------- */
struct slice_ints {
    int64_t start[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK], axis[TENSOR_MAX_RANK],
        step[TENSOR_MAX_RANK];
    int count;
};

static enum err slice_ints(struct node *n, struct slice_ints *s, struct why *why)
{
    bool old = n->opset < 10;
    int ends, axes, steps;
    enum err e;

    if ((e = ints_either(n, 1, old ? "starts" : NULL, s->start, TENSOR_MAX_RANK, &s->count, why)) ||
        (e = ints_either(n, 2, old ? "ends" : NULL, s->end, TENSOR_MAX_RANK, &ends, why)) ||
        (e = ints_either(n, 3, old ? "axes" : NULL, s->axis, TENSOR_MAX_RANK, &axes, why)) ||
        (e = ints_either(n, 4, NULL, s->step, TENSOR_MAX_RANK, &steps, why)))
        return e;
    if (s->count < 0 || ends != s->count || (axes >= 0 && axes != s->count) ||
        (steps >= 0 && steps != s->count))
        return err_say(why, ERR_FORMAT, "%d starts, %d ends, %d axes, %d steps", s->count, ends,
                       axes, steps);
    for (int i = 0; i < s->count; i++) {
        if (axes < 0)
            s->axis[i] = i;
        if (steps < 0)
            s->step[i] = 1;
        if (s->step[i] == 0)
            return err_say(why, ERR_FORMAT, "step 0");
    }
    return OK;
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* The first element, and how many, of [start, end) in steps along a dimension of n elements. */
static int64_t slice_range(int64_t n, int64_t *start, int64_t end, int64_t step)
{
    if (n == 0)
        return 0;
    *start = clamp(*start < 0 ? *start + n : *start, 0, step > 0 ? n : n - 1);
    end += end < 0 ? n : 0;
    if (step > 0) {
        end = clamp(end, 0, n);
        return end > *start ? (end - *start - 1) / step + 1 : 0;
    }
    end = clamp(end, -1, n - 1);
    step = step < -n ? n + 1 : -step; /* one step leaves it, and cannot overflow */
    return end < *start ? (*start - end - 1) / step + 1 : 0;
}

bool slice_is_phase(struct node *n, int64_t start[TENSOR_MAX_RANK], int64_t step[TENSOR_MAX_RANK])
{
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    struct slice_ints s;

    if (strcmp(n->op->name, "Slice") != 0 || !y || tensor_count(y) == 0 ||
        slice_ints(n, &s, NULL) != OK)
        return false;
    for (int i = 0; i < x->rank; i++) {
        start[i] = 0;
        step[i] = 1;
    }
    for (int i = 0; i < s.count; i++) {
        int a = (int)(s.axis[i] < 0 ? s.axis[i] + x->rank : s.axis[i]);

        start[a] = s.start[i] < 0 ? s.start[i] + x->dim[a] : s.start[i];
        step[a] = s.step[i];
        if (step[a] < 1 || step[a] > x->dim[a] || start[a] < 0 || start[a] >= step[a] ||
            y->dim[a] != (x->dim[a] - start[a] - 1) / step[a] + 1)
            return false;
    }
    return true;
}

static enum err slice_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    int64_t dim[TENSOR_MAX_RANK], pitch[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    bool flag[TENSOR_MAX_RANK];
    struct slice_ints s;
    enum err e;

    if (!c)
        return ERR_NOMEM;
    if ((e = slice_ints(n, &s, why)) != OK ||
        (e = axes_of(s.axis, s.count, x->rank, flag, why)) != OK)
        return e;
    pitches(x, pitch);
    for (int i = 0; i < x->rank; i++) {
        dim[i] = x->dim[i];
        step[i] = 1;
    }
    for (int i = 0; i < s.count; i++) {
        int a = (int)(s.axis[i] < 0 ? s.axis[i] + x->rank : s.axis[i]);

        dim[a] = slice_range(x->dim[a], &s.start[i], s.end[i], s.step[i]);
        if (dim[a] > 0)
            c->from_start += s.start[i] * pitch[a];
        step[a] = dim[a] > 1 ? s.step[i] : 1;
    }
    c->size = dtype_size(x->type);
    for (int i = 0; i < x->rank; i++)
        copy_add(c, dim[i], step[i] * pitch[i], dims_product(dim, i + 1, x->rank));
    return set_out(n, 0, x->type, x->rank, dim, why);
}

/* ---- repeats ------------------------------------------------------------------------------- */
static enum err expand_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    int64_t want[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], pitch[TENSOR_MAX_RANK] = {0};
    int count, rank;
    enum err e = known_ints(n, 1, want, TENSOR_MAX_RANK, &count, why);

    if (!c)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    rank = x->rank > count ? x->rank : count;
    pitches(x, pitch);
    for (int i = 0; i < rank; i++) {
        int64_t a = i < rank - x->rank ? 1 : x->dim[i - (rank - x->rank)];
        int64_t b = i < rank - count ? 1 : want[i - (rank - count)];

        if (a != b && a != 1 && b != 1)
            return err_say(why, ERR_FORMAT, "dimension %d is %lld, does not go with %lld", i,
                           (long long)a, (long long)b);
        dim[i] = a == 1 ? b : a;
    }
    if ((e = set_out(n, 0, x->type, rank, dim, why)) != OK)
        return e;
    c->size = dtype_size(x->type);
    for (int i = 0; i < rank; i++) {
        int own = i - (rank - x->rank);

        copy_add(c, dim[i], own < 0 || x->dim[own] == 1 ? 0 : pitch[own],
                 dims_product(dim, i + 1, rank));
    }
    return OK;
}

static enum err tile_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    int64_t times[TENSOR_MAX_RANK], dim[TENSOR_MAX_RANK], pitch[TENSOR_MAX_RANK];
    int count;
    enum err e = known_ints(n, 1, times, TENSOR_MAX_RANK, &count, why);

    if (!c)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (count != x->rank)
        return err_say(why, ERR_FORMAT, "%d repeats for %d dimensions", count, x->rank);
    for (int i = 0; i < count; i++) {
        if (times[i] < 0 || times[i] > TENSOR_MAX_BYTES)
            return err_say(why, ERR_LIMIT, "repeat %lld", (long long)times[i]);
        dim[i] = x->dim[i] * times[i];
    }
    if ((e = set_out(n, 0, x->type, x->rank, dim, why)) != OK)
        return e;
    pitches(x, pitch);
    c->size = dtype_size(x->type);
    for (int i = 0; i < count; i++) {
        int64_t to = dims_product(dim, i + 1, count);

        copy_add(c, times[i], 0, x->dim[i] * to);
        copy_add(c, x->dim[i], pitch[i], to);
    }
    return OK;
}

/* ---- between channels and space ------------------------------------------------------------ */
static enum err block_size(struct node *n, int64_t *b, struct why *why)
{
    enum err e = need_rank(n, 0, 4, 4, why);

    *b = attr_int(n, "blocksize", 0);
    if (e != OK)
        return e;
    if (*b < 1 || *b > 1 << 15)
        return err_say(why, ERR_FORMAT, "blocksize %lld", (long long)*b);
    return OK;
}

static enum err depth_to_space_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    bool crd = !strcmp(attr_string(n, "mode", "DCR"), "CRD");
    int64_t b = 1, C, H = x->dim[2], W = x->dim[3], dim[4];
    enum err e = block_size(n, &b, why);

    if (!c)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (x->dim[1] % (b * b))
        return err_say(why, ERR_FORMAT, "%lld channels, blocksize %lld", (long long)x->dim[1],
                       (long long)b);
    C = x->dim[1] / (b * b);
    memcpy(dim, (int64_t[]){x->dim[0], C, H * b, W * b}, sizeof dim);
    c->size = dtype_size(x->type);
    copy_add(c, dim[0], x->dim[1] * H * W, x->dim[1] * H * W);
    copy_add(c, C, crd ? b * b * H * W : H * W, H * b * W * b);
    copy_add(c, H, W, b * W * b);
    copy_add(c, b, (crd ? b : b * C) * H * W, W * b);
    copy_add(c, W, 1, b);
    copy_add(c, b, (crd ? 1 : C) * H * W, 1);
    return set_out(n, 0, x->type, 4, dim, why);
}

static enum err space_to_depth_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct copy *c = node_params(g, n, sizeof *c);
    int64_t b = 1, C = x->dim[1], H, W, dim[4];
    enum err e = block_size(n, &b, why);

    if (!c)
        return ERR_NOMEM;
    if (e != OK)
        return e;
    if (x->dim[2] % b || x->dim[3] % b)
        return err_say(why, ERR_FORMAT, "%lld x %lld, blocksize %lld", (long long)x->dim[2],
                       (long long)x->dim[3], (long long)b);
    H = x->dim[2] / b;
    W = x->dim[3] / b;
    memcpy(dim, (int64_t[]){x->dim[0], C * b * b, H, W}, sizeof dim);
    c->size = dtype_size(x->type);
    copy_add(c, dim[0], C * b * b * H * W, C * b * b * H * W);
    copy_add(c, b, W * b, b * C * H * W);
    copy_add(c, b, 1, C * H * W);
    copy_add(c, C, b * b * H * W, H * W);
    copy_add(c, H, b * W * b, W);
    copy_add(c, W, b, 1);
    return set_out(n, 0, x->type, 4, dim, why);
}

const struct op ops_move[] = {
    {"Transpose", 1, 1, 1, T_ANY, 0, transpose_infer, one_copy_run, NULL, 0},
    {"Slice", 1, 5, 1, T_ANY, 0, slice_infer, one_copy_run, NULL, 0},
    {"Expand", 2, 2, 1, T_ANY, 0, expand_infer, one_copy_run, NULL, 0},
    {"Tile", 2, 2, 1, T_ANY, 0, tile_infer, one_copy_run, NULL, 0},
    {"DepthToSpace", 1, 1, 1, T_ANY, 0, depth_to_space_infer, one_copy_run, NULL, 0},
    {"SpaceToDepth", 1, 1, 1, T_ANY, 0, space_to_depth_infer, one_copy_run, NULL, 0},
    {NULL},
};
