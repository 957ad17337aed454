/* Resize and Upsample: every mode, along any axes, one axis after the other through a list of
 * taps. The usual picture cases (float32, the last two axes) run in the kernels instead. */
#include <math.h>
#include <string.h>

#include "perception/nn/ops/last.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum mode { NEAREST, LINEAR, CUBIC };
/* the first four as the kernels number them */
enum coord {
    HALF_PIXEL = RESIZE_HALF_PIXEL,
    PYTORCH_HALF_PIXEL = RESIZE_PYTORCH_HALF_PIXEL,
    ASYMMETRIC = RESIZE_ASYMMETRIC,
    ALIGN_CORNERS = RESIZE_ALIGN_CORNERS,
    TF_HALF_PIXEL_FOR_NN,
    TF_CROP_AND_RESIZE,
    HALF_PIXEL_SYMMETRIC,
};

struct axis {
    double scale;  /* out / in */
    double length; /* in * scale, not rounded */
    double start, end;
    int64_t in, out;
    int taps;
    bool moves;     /* not the identity */
    int32_t *index; /* (out, taps) */
    float *weight;  /* (out, taps) */
    bool *outside;  /* (out): takes the extrapolation value */
};

struct resize_params {
    enum mode mode;
    enum coord coord;
    enum resize_round round;
    float cubic_a, extrapolation;
    bool exclude_outside;
    bool antialias; /* taps reach further where the picture shrinks */
    struct axis axis[TENSOR_MAX_RANK];
    bool flat; /* the kernels do it */
    struct resize_shape shape;
};

/* ---- coordinates and taps ------------------------------------------------------------------ */
static double coordinate(const struct resize_params *p, const struct axis *a, int64_t i)
{
    double x = (double)i, in = (double)a->in, whole = (double)a->out;

    switch (p->coord) {
    case HALF_PIXEL:
        return (x + 0.5) / a->scale - 0.5;
    case PYTORCH_HALF_PIXEL:
        return a->out > 1 ? (x + 0.5) / a->scale - 0.5 : 0.0;
    case ASYMMETRIC:
        return x / a->scale;
    case ALIGN_CORNERS:
        return a->out > 1 ? x * (in - 1) / (a->length - 1) : 0.0;
    case TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) / a->scale;
    case TF_CROP_AND_RESIZE:
        return a->out > 1 ? a->start * (in - 1) + x * (a->end - a->start) * (in - 1) / (whole - 1)
                          : 0.5 * (a->start + a->end) * (in - 1);
    case HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - whole / a->length) + (x + 0.5) / a->scale - 0.5;
    }
    return 0;
}

static double nearest(enum resize_round r, double x)
{
    switch (r) {
    case ROUND_PREFER_FLOOR:
        return ceil(x - 0.5);
    case ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case ROUND_FLOOR:
        return floor(x);
    case ROUND_CEIL:
        return ceil(x);
    }
    return x;
}

/* The weight of a tap t from where it is wanted: triangle, or the cubic convolution of Keys (1981),
 * "Cubic Convolution Interpolation for Digital Image Processing". */
static double tap_weight(const struct resize_params *p, double t)
{
    double a = (double)p->cubic_a, d = fabs(t);

    if (p->mode == LINEAR)
        return d < 1 ? 1 - d : 0;
    if (d < 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* How much wider taps lie than in the result. */
static double shrinking(const struct resize_params *p, const struct axis *a)
{
    return p->antialias && a->scale < 1 ? a->scale : 1;
}

static int64_t count_taps(const struct resize_params *p, const struct axis *a)
{
    double radius = p->mode == LINEAR ? 1 : 2, first = floor(-radius / shrinking(p, a)) + 1;

    return p->mode == NEAREST ? 1 : (int64_t)(2 - 2 * first);
}

/* The index of the first tap around x. */
static double first_tap(const struct resize_params *p, const struct axis *a, double x)
{
    double radius = p->mode == LINEAR ? 1 : 2;

    if (p->mode == NEAREST)
        return nearest(p->round, x);
    return floor(x) + floor(-radius / shrinking(p, a)) + 1;
}

static void fill_taps(const struct resize_params *p, struct axis *a)
{
    const double last = (double)(a->in - 1), narrow = shrinking(p, a);

    for (int64_t i = 0; i < a->out; i++) {
        double sum = 0, x = coordinate(p, a, i), first;
        float *w = a->weight + i * a->taps;

        x = x == x ? fmin(fmax(x, -1e9), 1e9) : 0.0;
        first = first_tap(p, a, x);
        a->outside[i] = p->coord == TF_CROP_AND_RESIZE && (x < 0 || x > last);
        for (int t = 0; t < a->taps; t++) {
            double at = first + t, v = p->mode == NEAREST ? 1 : tap_weight(p, (at - x) * narrow);

            w[t] = (float)(p->exclude_outside && (at < 0 || at > last) ? 0 : v);
            a->index[i * a->taps + t] = (int32_t)fmin(fmax(at, 0), last);
            sum += (double)w[t];
        }
        for (int t = 0; (p->exclude_outside || narrow < 1) && t < a->taps; t++)
            w[t] = (float)((double)w[t] / sum);
    }
}

static enum err place_taps(struct graph *g, struct resize_params *p, struct axis *a,
                           struct why *why)
{
    int64_t taps = count_taps(p, a);
    size_t n;

    a->taps = (int)(taps < INT32_MAX ? taps : INT32_MAX);
    if (__builtin_mul_overflow((size_t)a->out, (size_t)a->taps * sizeof *a->index, &n) ||
        n > g->memory_limit / 32)
        return err_say(why, ERR_LIMIT, "an axis of %lld elements", (long long)a->out);
    a->index = region_take(&g->region, n);
    a->weight = region_take(&g->region, n);
    a->outside = region_take(&g->region, (size_t)a->out * sizeof *a->outside);
    if (!a->index || !a->weight || !a->outside)
        return ERR_NOMEM;
    fill_taps(p, a);
    a->moves = a->in != a->out || p->coord == TF_CROP_AND_RESIZE;
    for (int64_t i = 0; i < a->out && !a->moves; i++)
        for (int t = 0; t < a->taps; t++)
            a->moves |= a->index[i * a->taps + t] != i && fabsf(a->weight[i * a->taps + t]) > 1e-6f;
    return OK;
}

/* ---- attributes ---------------------------------------------------------------------------- */
static int find(const char *const *names, int count, const char *s)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], s))
            return i;
    return -1;
}

static enum err read_modes(struct node *n, struct resize_params *p, struct why *why)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear"};
    static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                         "ceil"};
    static const char *const coords[] = {
        "half_pixel",           "pytorch_half_pixel", "asymmetric",          "align_corners",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric"};
    bool old = n->opset < 11; /* before there were more ways than one */
    const char *mode = attr_string(n, "mode", "nearest");
    const char *round = old ? "floor" : attr_string(n, "nearest_mode", "round_prefer_floor");
    const char *coord =
        old ? "asymmetric" : attr_string(n, "coordinate_transformation_mode", "half_pixel");
    int m = find(modes, 4, mode), r = find(rounds, 4, round), c = find(coords, 7, coord);

    if (m < 0 || r < 0 || c < 0)
        return err_say(why, ERR_UNSUPPORTED, "mode '%.40s', '%.40s', '%.40s'", mode, round, coord);
    p->mode = m == 3 ? LINEAR : (enum mode)m;
    p->round = (enum resize_round)r;
    p->coord = (enum coord)c;
    if (!old) {
        p->cubic_a = attr_float(n, "cubic_coeff_a", -0.75f);
        p->exclude_outside = attr_int(n, "exclude_outside", 0) != 0;
        p->extrapolation = attr_float(n, "extrapolation_value", 0.0f);
    }
    p->antialias = n->opset >= 18 && attr_int(n, "antialias", 0) && p->mode != NEAREST;
    if (p->mode != NEAREST && in(n, 0)->type != DTYPE_F32)
        return err_say(why, ERR_UNSUPPORTED, "mode '%.40s' of %s", mode,
                       dtype_name(in(n, 0)->type));
    return OK;
}

/* Floats that must be known, or none: -1. */
static enum err known_floats(struct node *n, int i, float *v, int max, int *count, struct why *why)
{
    const struct tensor *t = in(n, i);

    *count = -1;
    if (!t || (n->in[i]->typed && tensor_count(t) == 0))
        return OK;
    if (!(T_FLOAT & TYPE(t->type)) || tensor_count(t) > max)
        return err_say(why, ERR_FORMAT, "input '%.80s' is %lld of %s", t->name,
                       (long long)tensor_count(t), dtype_name(t->type));
    if (!n->in[i]->constant)
        return err_say(why, ERR_UNSUPPORTED, "the shape depends on the run-time value of '%.80s'",
                       t->name);
    *count = (int)tensor_count(t);
    for (int j = 0; j < *count; j++)
        v[j] = (float)number_float(t, j);
    return OK;
}

/* Which axes are meant, in the order of scales, sizes and roi. */
static enum err read_axes(struct node *n, int *axes, int *count, struct why *why)
{
    int rank = in(n, 0)->rank;
    const int64_t *v = n->opset >= 18 ? attr_ints(n, "axes", count) : NULL;
    bool flag[TENSOR_MAX_RANK];
    enum err e;

    if (!v) {
        *count = rank;
        for (int i = 0; i < rank; i++)
            axes[i] = i;
        return OK;
    }
    if ((e = axes_of(v, *count, rank, flag, why)) != OK)
        return e;
    for (int i = 0; i < *count; i++)
        axes[i] = (int)(v[i] < 0 ? v[i] + rank : v[i]);
    return OK;
}

static enum err by_scales(struct resize_params *p, const int *axes, int count, const float *scale,
                          struct why *why)
{
    for (int i = 0; i < count; i++) {
        struct axis *a = &p->axis[axes[i]];

        if (!(scale[i] > 0) || (double)scale[i] * (double)a->in > TENSOR_MAX_BYTES)
            return err_say(why, ERR_LIMIT, "scale %g of axis %d", (double)scale[i], axes[i]);
        a->scale = (double)scale[i];
        a->length = (double)a->in * a->scale;
        a->out = (int64_t)floor((double)((float)a->in * scale[i]));
    }
    return OK;
}

static enum err by_sizes(struct node *n, struct resize_params *p, const int *axes, int count,
                         const int64_t *size, struct why *why)
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    const char *name =
        n->opset >= 18 ? attr_string(n, "keep_aspect_ratio_policy", "stretch") : "stretch";
    int policy = find(policies, 3, name);
    double all = policy == 1 ? INFINITY : 0;

    if (policy < 0)
        return err_say(why, ERR_UNSUPPORTED, "keep_aspect_ratio_policy '%.40s'", name);
    for (int i = 0; i < count; i++) {
        struct axis *a = &p->axis[axes[i]];

        if (size[i] < 1 || size[i] > TENSOR_MAX_BYTES)
            return err_say(why, ERR_LIMIT, "size %lld of axis %d", (long long)size[i], axes[i]);
        a->out = size[i];
        a->length = (double)size[i];
        a->scale = (double)size[i] / (double)a->in;
        all = policy == 1 ? fmin(all, a->scale) : fmax(all, a->scale);
    }
    for (int i = 0; policy > 0 && i < count; i++) {
        struct axis *a = &p->axis[axes[i]];

        a->scale = all;
        a->out = (int64_t)floor(all * (double)a->in + 0.5);
        a->length = (double)a->out;
    }
    return OK;
}

/* scales or sizes, where this opset has them. */
static enum err read_lengths(struct node *n, struct resize_params *p, struct why *why)
{
    bool upsample = n->op->variant != 0;
    int n_axes, n_scales = -1, n_sizes = -1, n_roi = -1, axes[TENSOR_MAX_RANK];
    float scale[TENSOR_MAX_RANK] = {0}, roi[2 * TENSOR_MAX_RANK] = {0};
    int64_t size[TENSOR_MAX_RANK] = {0};
    const float *v;
    enum err e;

    if ((e = read_axes(n, axes, &n_axes, why)) != OK)
        return e;
    if (upsample && n->opset < 9) {
        v = attr_floats(n, "scales", &n_scales);
        if (v && n_scales <= TENSOR_MAX_RANK)
            memcpy(scale, v, (size_t)n_scales * sizeof *v);
    } else if (n->opset < 11 || upsample) {
        e = known_floats(n, 1, scale, TENSOR_MAX_RANK, &n_scales, why);
    } else if ((e = known_floats(n, 1, roi, 2 * TENSOR_MAX_RANK, &n_roi, why)) == OK &&
               (e = known_floats(n, 2, scale, TENSOR_MAX_RANK, &n_scales, why)) == OK &&
               n_scales < 0) {
        e = ints_either(n, 3, NULL, size, TENSOR_MAX_RANK, &n_sizes, why);
    }
    if (e != OK)
        return e;
    if ((n_scales < 0) == (n_sizes < 0) || (n_scales >= 0 && n_scales != n_axes) ||
        (n_sizes >= 0 && n_sizes != n_axes))
        return err_say(why, ERR_FORMAT, "%d scales and %d sizes for %d axes", n_scales, n_sizes,
                       n_axes);
    if (p->coord == TF_CROP_AND_RESIZE && n_roi != 2 * n_axes)
        return err_say(why, ERR_FORMAT, "roi has %d numbers for %d axes", n_roi, n_axes);
    for (int i = 0; p->coord == TF_CROP_AND_RESIZE && i < n_axes; i++) {
        p->axis[axes[i]].start = (double)roi[i];
        p->axis[axes[i]].end = (double)roi[i + n_axes];
    }
    return n_scales >= 0 ? by_scales(p, axes, n_axes, scale, why)
                         : by_sizes(n, p, axes, n_axes, size, why);
}

/* Whether the kernels do it: float32, nothing moves but the last two axes, a rule they know. */
static bool is_flat(const struct tensor *x, const struct resize_params *p)
{
    if (x->type != DTYPE_F32 || x->rank < 3 || p->mode == CUBIC || p->coord > ALIGN_CORNERS)
        return false;
    for (int i = 0; i < x->rank; i++) {
        if (i < x->rank - 2 && p->axis[i].moves)
            return false;
        if (p->antialias && p->axis[i].scale < 1)
            return false;
        if (p->coord == ALIGN_CORNERS && p->axis[i].length != (double)p->axis[i].out)
            return false;
    }
    return true;
}

static enum err resize_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0);
    struct resize_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    enum err e;

    if (!p)
        return ERR_NOMEM;
    for (int i = 0; i < x->rank; i++) {
        if (x->dim[i] < 1)
            return err_say(why, ERR_FORMAT, "dimension %d is 0", i);
        p->axis[i] = (struct axis){
            .scale = 1, .length = (double)x->dim[i], .end = 1, .in = x->dim[i], .out = x->dim[i]};
    }
    if ((e = read_modes(n, p, why)) != OK || (e = read_lengths(n, p, why)) != OK)
        return e;
    for (int i = 0; i < x->rank; i++)
        dim[i] = p->axis[i].out;
    if ((e = set_out(n, 0, x->type, x->rank, dim, why)) != OK)
        return e;
    for (int i = 0; i < x->rank; i++)
        if ((e = place_taps(g, p, &p->axis[i], why)) != OK)
            return e;
    for (int i = 0; i < x->rank && p->antialias; i++)
        n->work += (p->axis[i].in > p->axis[i].out ? tensor_count(x) : tensor_count(out(n, 0))) *
                   (p->axis[i].taps < 1 << 20 ? p->axis[i].taps : 1 << 20);
    p->flat = is_flat(x, p);
    if (p->flat) {
        const struct axis *ay = &p->axis[x->rank - 2], *ax = &p->axis[x->rank - 1];

        p->shape = (struct resize_shape){
            .planes = (int)dims_product(x->dim, 0, x->rank - 2),
            .H = (int)ay->in,
            .W = (int)ax->in,
            .OH = (int)ay->out,
            .OW = (int)ax->out,
            .scale_y = (float)ay->scale,
            .scale_x = (float)ax->scale,
            .mode = p->mode == NEAREST ? RESIZE_NEAREST : RESIZE_LINEAR,
            .coord = (enum resize_coord)p->coord,
            .round = p->round,
        };
    }
    return OK;
}

bool resize_as_last(const struct node *n, struct resize_last *to)
{
    const struct resize_params *p = n->params;
    const struct tensor *x = in(n, 0);

    if (n->op->infer != resize_infer || !p->flat || x->rank != 4)
        return false;
    *to = (struct resize_last){p->shape, (int)x->dim[0]};
    return true;
}

/* Elements of the largest result between two axes: each is resized in turn, the last one first. */
static int64_t largest_between(const struct tensor *x, const struct resize_params *p)
{
    int64_t most = 0;

    for (int d = x->rank - 1; d > 0; d--) {
        int64_t count = 1;

        for (int i = 0; i < x->rank; i++)
            count *= i < d ? p->axis[i].in : p->axis[i].out;
        most = count > most ? count : most;
    }
    return most;
}

static enum err resize_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct resize_params *p = n->params;
    double most;

    if (p->flat) {
        n->scratch = resize_scratch(&p->shape, pool_threads(g->pool));
        return OK;
    }
    most = 1;
    for (int i = 0; i < in(n, 0)->rank; i++)
        most *= (double)(p->axis[i].in > p->axis[i].out ? p->axis[i].in : p->axis[i].out);
    if (most > TENSOR_MAX_BYTES)
        return err_say(why, ERR_LIMIT, "more than %d elements between two axes", TENSOR_MAX_BYTES);
    n->scratch = 2 * (size_t)largest_between(in(n, 0), p) * dtype_size(in(n, 0)->type);
    return OK;
}

/* from (outer, a->in, inner) to (outer, a->out, inner) */
static void resize_axis(const struct resize_params *p, const struct axis *a, enum dtype type,
                        const char *from, char *to, int64_t outer, int64_t inner)
{
    size_t row = (size_t)inner * dtype_size(type);

    for (int64_t o = 0; o < outer; o++, from += (size_t)a->in * row)
        for (int64_t i = 0; i < a->out; i++, to += row) {
            const int32_t *index = a->index + i * a->taps;
            const float *w = a->weight + i * a->taps;

            if (p->mode == NEAREST) {
                memcpy(to, from + (size_t)*index * row, row);
                continue;
            }
            for (int64_t e = 0; e < inner; e++) {
                double sum = 0;

                for (int t = 0; t < a->taps; t++)
                    sum += (double)w[t] * (double)((const float *)from)[index[t] * inner + e];
                ((float *)to)[e] = (float)sum;
            }
        }
}

static void extrapolate(const struct node *n, const struct resize_params *p)
{
    const struct tensor *y = out(n, 0);

    for (int d = 0; d < y->rank; d++) {
        int64_t inner = dims_product(y->dim, d + 1, y->rank);

        for (int64_t i = 0; i < tensor_count(y); i++)
            if (p->axis[d].outside[i / inner % y->dim[d]])
                number_set_float(y, i, (double)p->extrapolation);
    }
}

static enum err resize_run(const struct node *n, const struct run *r)
{
    const struct resize_params *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    const char *from = x->data;
    size_t half = n->scratch / 2;
    int left = 0, pass = 0;
    int64_t inner = 1;

    if (p->flat) {
        resize2d(r->kernels, &p->shape, x->data, y->data, r->scratch, r->pool);
        return OK;
    }
    for (int d = 0; d < x->rank; d++)
        left += p->axis[d].moves;
    if (left == 0)
        memcpy(y->data, x->data, tensor_bytes(x));
    for (int d = x->rank - 1; d >= 0; inner *= p->axis[d--].out) {
        char *to = left == 1 ? y->data : (char *)r->scratch + (size_t)(pass & 1) * half;

        if (!p->axis[d].moves)
            continue;
        resize_axis(p, &p->axis[d], x->type, from, to, dims_product(x->dim, 0, d), inner);
        from = to;
        left--;
        pass++;
    }
    if (p->coord == TF_CROP_AND_RESIZE)
        extrapolate(n, p);
    return OK;
}

const struct op ops_resize[] = {
    {"Resize", 1, 4, 1, T_ANY, 0, resize_infer, resize_run, resize_prepare, 0},
    {"Upsample", 1, 2, 1, T_ANY, 0, resize_infer, resize_run, resize_prepare, 1},
    {NULL},
};
