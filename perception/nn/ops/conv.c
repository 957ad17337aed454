/* Conv and ConvTranspose. One and two dimensions run in the kernels, three in plain loops here. */
#include "perception/nn/ops/conv.h"

#include <stdlib.h>
#include <string.h>

static const float *data_or_null(const struct node *n, int i)
{
    return in(n, i) ? in(n, i)->data : NULL;
}

static struct epilogue epilogue_of(const struct node *n)
{
    const struct conv_params *p = n->params;
    struct epilogue e = p->e;

    e.bias = data_or_null(n, CONV_BIAS);
    e.slope = data_or_null(n, CONV_SLOPE);
    e.add = data_or_null(n, CONV_ADD);
    return e;
}

static struct conv_shape shape_of(const struct node *n)
{
    const struct conv_params *p = n->params;

    return window_shape(&p->w, (int)in(n, 0)->dim[0], (int)in(n, 0)->dim[1], p->M, p->groups);
}

/* Room in n->in for what fusing adds. */
static enum err widen(struct graph *g, struct node *n)
{
    struct value **wide = region_take(&g->region, CONV_INPUTS * sizeof *wide);

    if (!wide)
        return ERR_NOMEM;
    memcpy(wide, n->in, (size_t)n->n_in * sizeof *wide);
    n->in = wide;
    n->n_in = CONV_INPUTS;
    return OK;
}

/* Groups, channels and the bias. outs: weights' dimension of the output channels. */
static enum err channels(struct node *n, struct conv_params *p, bool transposed, struct why *why)
{
    const struct tensor *x = in(n, CONV_X), *w = in(n, CONV_W), *b = in(n, CONV_BIAS);
    int64_t groups = attr_int(n, "group", 1), C = x->dim[1], M;

    if (w->rank != x->rank)
        return err_say(why, ERR_FORMAT, "input of %d dimensions, weights of %d", x->rank, w->rank);
    M = transposed ? w->dim[1] * groups : w->dim[0];
    if (groups < 1 || groups > C || C % groups || M < 1 || M % groups ||
        (transposed ? w->dim[0] != C : w->dim[1] != C / groups))
        return err_say(why, ERR_FORMAT,
                       "%lld channels, %lld groups do not go with weights (%lld, %lld, ...)",
                       (long long)C, (long long)groups, (long long)w->dim[0], (long long)w->dim[1]);
    if (b && (b->rank != 1 || b->dim[0] != M))
        return err_say(why, ERR_FORMAT, "bias of %lld elements for %lld channels",
                       (long long)tensor_count(b), (long long)M);
    p->groups = (int)groups;
    p->M = (int)M;
    return OK;
}

static enum err conv_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, CONV_X), *w = in(n, CONV_W);
    struct conv_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 3, 2 + SPACE, why)) != OK || (e = channels(n, p, false, why)) != OK ||
        (e = window_read(&p->w, n, w->dim + 2, why)) != OK ||
        (e = window_lengths(&p->w, false, why)) != OK || (e = widen(g, n)) != OK)
        return e;
    rank = window_dims(&p->w, x->dim[0], p->M, dim);
    if ((e = set_out(n, 0, x->type, rank, dim, why)) != OK)
        return e;
    n->macs = dims_product(dim, 0, rank) * dims_product(w->dim, 1, w->rank);
    return OK;
}

/* ---- transposed ---------------------------------------------------------------------------- */
/* Lengths from pads, or, with output_shape or SAME, pads from lengths. */
static enum err transposed_lengths(struct node *n, struct window *w, struct why *why)
{
    const char *mode = attr_string(n, "auto_pad", "NOTSET");
    bool same = !strncmp(mode, "SAME", 4), upper = !strcmp(mode, "SAME_UPPER");
    int n_extra, n_shape;
    const int64_t *extra = attr_ints(n, "output_padding", &n_extra);
    const int64_t *shape = attr_ints(n, "output_shape", &n_shape);

    if ((extra && n_extra != w->rank) || (shape && n_shape != w->rank && n_shape != w->rank + 2))
        return err_say(why, ERR_FORMAT, "output_padding or output_shape of wrong length");
    for (int d = 0; d < SPACE; d++) {
        int i = d - (SPACE - w->rank);
        int64_t more = extra && i >= 0 ? extra[i] : 0;
        int64_t full, want = (int64_t)w->in[d] * w->stride[d], total;

        if (more < 0 || more > WINDOW_MAX)
            return err_say(why, ERR_LIMIT, "output_padding %lld", (long long)more);
        full = (int64_t)(w->in[d] - 1) * w->stride[d] + more +
               (int64_t)(w->kernel[d] - 1) * w->dilation[d] + 1;
        if (shape && i >= 0)
            want = shape[i + n_shape - w->rank];
        if (i >= 0 && (shape || same)) {
            total = full > want ? full - want : 0;
            if (total > WINDOW_MAX)
                return err_say(why, ERR_LIMIT, "pads of %lld", (long long)total);
            w->before[d] = (int)(upper ? total / 2 : total - total / 2);
            w->after[d] = (int)total - w->before[d];
            if (!shape && total == 0)
                want = full;
        } else {
            want = full - w->before[d] - w->after[d];
        }
        if (want < 1 || want > TENSOR_MAX_BYTES)
            return err_say(why, ERR_FORMAT, "output length %lld", (long long)want);
        w->out[d] = (int)want;
    }
    return OK;
}

static enum err conv_transpose_infer(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, CONV_X), *w = in(n, CONV_W);
    struct conv_params *p = node_params(g, n, sizeof *p);
    int64_t dim[TENSOR_MAX_RANK];
    int rank;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if ((e = need_rank(n, 0, 3, 2 + SPACE, why)) != OK || (e = channels(n, p, true, why)) != OK ||
        (e = window_read(&p->w, n, w->dim + 2, why)) != OK ||
        (e = transposed_lengths(n, &p->w, why)) != OK || (e = widen(g, n)) != OK)
        return e;
    rank = window_dims(&p->w, x->dim[0], p->M, dim);
    if ((e = set_out(n, 0, x->type, rank, dim, why)) != OK)
        return e;
    n->macs = tensor_count(x) * dims_product(w->dim, 1, w->rank);
    return OK;
}

/* ---- flat: the kernels --------------------------------------------------------------------- */
/* The two directions behind one face. */
static size_t weights_size(const struct node *n, const struct kernels *k,
                           const struct conv_shape *s)
{
    return is_conv(n) ? conv_weights_size(k, s) : conv_transpose_weights_size(k, s);
}

static void pack(const struct node *n, const struct kernels *k, const struct conv_shape *s,
                 void *to)
{
    (is_conv(n) ? conv_pack : conv_transpose_pack)(k, s, in(n, CONV_W)->data, to);
}

static size_t align(size_t n)
{
    return (n + 63) / 64 * 64;
}

static enum err conv_prepare(struct graph *g, struct node *n, struct why *why)
{
    struct conv_params *p = n->params;
    struct conv_shape s = shape_of(n);
    size_t size;

    if (!window_is_flat(&p->w) || tensor_count(out(n, 0)) == 0)
        return OK;
    n->scratch = align((is_conv(n) ? conv_scratch : conv_transpose_scratch)(&g->kernels, &s,
                                                                            pool_threads(g->pool)));
    n->kernel = is_conv(n) ? conv_kernel(&s) : "columns";
    size = align(weights_size(n, &g->kernels, &s));
    p->packed_early = n->in[CONV_W]->constant;
    if (!p->packed_early) {
        n->scratch += size; /* packed anew each time, behind the kernel's own */
        return OK;
    }
    n->packed = aligned_alloc(64, size ? size : 64);
    if (!n->packed)
        return err_say(why, ERR_NOMEM, "out of memory");
    pack(n, &g->kernels, &s, n->packed);
    return OK;
}

static void flat_run(const struct node *n, const struct run *r)
{
    const struct conv_params *p = n->params;
    struct conv_shape s = shape_of(n);
    struct epilogue e = epilogue_of(n);
    const void *w = n->packed;

    if (!p->packed_early) {
        char *late = (char *)r->scratch + n->scratch - align(weights_size(n, r->kernels, &s));

        pack(n, r->kernels, &s, late);
        w = late;
    }
    (is_conv(n) ? conv2d : conv_transpose2d)(r->kernels, &s, in(n, 0)->data, w, &e, out(n, 0)->data,
                                             r->scratch, r->pool);
}

/* ---- deep: plain loops --------------------------------------------------------------------- */
struct deep {
    const struct window *w;
    const float *x; /* one channel (in) */
    float *y;       /* one channel (out) */
    const float *k; /* the kernel between them */
};

/* y += x * k, walking over the positions of the input (transposed) or of the output (not): in both
 * cases one end is `at`, the other at stride + tap dilation - before. */
static void deep_channel(const struct deep *d, const int at[SPACE], bool transposed)
{
    const struct window *w = d->w;
    const int *far = transposed ? w->out : w->in, *near = transposed ? w->in : w->out;
    int p[SPACE], tap = 0;
    size_t i = ((size_t)at[0] * (size_t)near[1] + (size_t)at[1]) * (size_t)near[2] + (size_t)at[2];

    for (int a = 0; a < w->kernel[0]; a++)
        for (int b = 0; b < w->kernel[1]; b++)
            for (int c = 0; c < w->kernel[2]; c++, tap++) {
                size_t j;

                p[0] = at[0] * w->stride[0] + a * w->dilation[0] - w->before[0];
                p[1] = at[1] * w->stride[1] + b * w->dilation[1] - w->before[1];
                p[2] = at[2] * w->stride[2] + c * w->dilation[2] - w->before[2];
                if (p[0] < 0 || p[0] >= far[0] || p[1] < 0 || p[1] >= far[1] || p[2] < 0 ||
                    p[2] >= far[2])
                    continue;
                j = ((size_t)p[0] * (size_t)far[1] + (size_t)p[1]) * (size_t)far[2] + (size_t)p[2];
                if (transposed)
                    d->y[j] += d->x[i] * d->k[tap];
                else
                    d->y[i] += d->x[j] * d->k[tap];
            }
}

static void deep_plane(const struct deep *d, bool transposed)
{
    const int *near = transposed ? d->w->in : d->w->out;
    int at[SPACE];

    for (at[0] = 0; at[0] < near[0]; at[0]++)
        for (at[1] = 0; at[1] < near[1]; at[1]++)
            for (at[2] = 0; at[2] < near[2]; at[2]++)
                deep_channel(d, at, transposed);
}

static void deep_run(const struct node *n, const struct run *r)
{
    const struct conv_params *p = n->params;
    const struct tensor *x = in(n, 0), *w = in(n, CONV_W), *y = out(n, 0);
    bool transposed = !is_conv(n);
    int64_t C = x->dim[1] / p->groups, M = p->M / p->groups; /* of one group */
    int64_t x_plane = dims_product(x->dim, 2, x->rank), y_plane = dims_product(y->dim, 2, y->rank);
    int64_t taps = dims_product(w->dim, 2, w->rank);
    struct epilogue e = epilogue_of(n);

    memset(y->data, 0, tensor_bytes(y));
    for (int64_t i = 0; i < y->dim[0] * p->M * C; i++) { /* image, output channel, input channel */
        int64_t c = i % C, m = i / C % p->M, image = i / C / p->M, group = m / M;
        struct deep d = {
            .w = &p->w,
            .x = (const float *)x->data + (image * x->dim[1] + group * C + c) * x_plane,
            .y = (float *)y->data + (image * p->M + m) * y_plane,
            .k = (const float *)w->data +
                 (transposed ? (group * C + c) * M + m % M : m * C + c) * taps,
        };

        deep_plane(&d, transposed);
    }
    for (int64_t image = 0; image < y->dim[0]; image++) {
        float *own = (float *)y->data + image * p->M * y_plane;

        channels_finish(r->kernels, own, own, NULL, p->M, (size_t)y_plane, &e, r->pool);
        if (e.add)
            e.add += p->M * y_plane;
    }
}

static enum err conv_run(const struct node *n, const struct run *r)
{
    if (tensor_count(out(n, 0)) == 0)
        return OK;
    if (window_is_flat(&((const struct conv_params *)n->params)->w))
        flat_run(n, r);
    else
        deep_run(n, r);
    return OK;
}

bool is_conv(const struct node *n)
{
    return n->op->infer == conv_infer;
}

bool is_conv_transpose(const struct node *n)
{
    return n->op->infer == conv_transpose_infer;
}

const struct op ops_conv[] = {
    {"Conv", 2, 3, 1, T_F32, OP_SAME, conv_infer, conv_run, conv_prepare, 0},
    {"ConvTranspose", 2, 3, 1, T_F32, OP_SAME, conv_transpose_infer, conv_run, conv_prepare, 0},
    {NULL},
};
