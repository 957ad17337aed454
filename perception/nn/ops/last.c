#include "perception/nn/ops/last.h"

#include <stdlib.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/nn/ops/conv.h"

/* ---- at the borders -------------------------------------------------------------------------- */
enum {
    TURN_COLUMNS = 256, /* a piece's share of the longer side */
    TURN_FEW = 4,       /* rows or columns that go side by side */
};

struct turn {
    const struct kernels *k;
    const float *x;
    float *y;
    size_t rows, cols; /* of x, per image */
    int pieces;
};

static void turn_piece(void *arg, int i, int thread)
{
    const struct turn *t = arg;
    size_t image = (size_t)(i / t->pieces) * t->rows * t->cols, piece = (size_t)(i % t->pieces);
    bool wide = t->cols >= t->rows;
    size_t n = wide ? t->cols : t->rows, from = n * piece / (size_t)t->pieces;
    size_t to = n * (piece + 1) / (size_t)t->pieces;

    (void)thread;
    if (wide && t->rows <= TURN_FEW)
        t->k->interleave_few(t->y + image + from * t->rows, t->x + image + from, t->cols,
                             (int)t->rows, to - from);
    else if (t->cols <= TURN_FEW)
        for (size_t c = 0; c < t->cols; c++)
            t->k->copy_strided(t->y + image + c * t->rows + from, t->x + image + from * t->cols + c,
                               to - from, (int)t->cols);
    else if (wide)
        t->k->transpose(t->y + image + from * t->rows, t->rows, t->x + image + from, t->cols,
                        t->rows, to - from);
    else
        t->k->transpose(t->y + image + from, t->rows, t->x + image + from * t->cols, t->cols,
                        to - from, t->cols);
}

/* variant 1: to last */
static enum err turn_run(const struct node *n, const struct run *r)
{
    const struct tensor *x = in(n, 0);
    struct turn t = {.k = r->kernels, .x = x->data, .y = out(n, 0)->data};
    size_t C = (size_t)x->dim[n->op->variant ? 1 : x->rank - 1];
    size_t space = (size_t)dims_product(x->dim, 1, x->rank) / (C ? C : 1);

    t.rows = n->op->variant ? C : space;
    t.cols = n->op->variant ? space : C;
    t.pieces = (int)((t.rows > t.cols ? t.rows : t.cols) / TURN_COLUMNS) + 1;
    if (C && space)
        pool_run(r->pool, (int)x->dim[0] * t.pieces, turn_piece, &t);
    return OK;
}

const struct op op_to_last = {"to last", 1, 1, 1, T_F32, 0, NULL, turn_run, NULL, 1};
const struct op op_to_planes = {"to planes", 1, 1, 1, T_F32, 0, NULL, turn_run, NULL, 0};

/* ---- convolutions ---------------------------------------------------------------------------- */
static struct conv_shape conv_shape_of(const struct node *n)
{
    const struct conv_params *p = n->params;
    const struct tensor *x = in(n, CONV_X);

    return window_shape(&p->w, (int)x->dim[0], (int)x->dim[p->x_planes ? 1 : 3], p->M, p->groups);
}

static bool is_transposed(const struct node *n)
{
    return n->op == &op_conv_transpose_last;
}

bool conv_as_last(const struct node *n)
{
    const struct conv_params *p = n->params;
    struct conv_shape s;

    if ((!is_conv(n) && !is_conv_transpose(n)) || in(n, CONV_X)->rank != 4 ||
        !n->in[CONV_W]->constant || (n->in[CONV_BIAS] && !n->in[CONV_BIAS]->constant) ||
        tensor_count(in(n, CONV_X)) == 0 || tensor_count(out(n, 0)) == 0)
        return false;
    s = window_shape(&p->w, (int)in(n, CONV_X)->dim[0], (int)in(n, CONV_X)->dim[1], p->M,
                     p->groups);
    return is_conv(n) ? conv_hwc_fits(&s) : conv_transpose_hwc_fits(&s);
}

static size_t align(size_t n)
{
    return (n + 63) / 64 * 64;
}

static enum err conv_last_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct conv_params *p = n->params;
    const float *bias = in(n, CONV_BIAS) ? in(n, CONV_BIAS)->data : NULL;
    struct conv_shape s = conv_shape_of(n);
    const struct kernels *k = &g->kernels;
    int threads = pool_threads(g->pool);
    bool transposed = is_transposed(n);
    size_t size =
        transposed ? conv_transpose_hwc_weights_size(k, &s) : conv_hwc_weights_size(k, &s);

    n->kernel = transposed ? "transposed" : conv_hwc_way(&s);
    n->scratch = transposed ? conv_transpose_hwc_scratch(k, &s, threads)
                            : conv_hwc_scratch(k, &s, p->x_planes, threads);
    n->packed = aligned_alloc(64, align(size ? size : 1));
    if (!n->packed)
        return err_say(why, ERR_NOMEM, "out of memory");
    (transposed ? conv_transpose_hwc_pack : conv_hwc_pack)(k, &s, in(n, CONV_W)->data, bias,
                                                           n->packed);
    node_rewire(n, CONV_BIAS, NULL); /* it is in the packing */
    return OK;
}

static enum err conv_last_run(const struct node *n, const struct run *r)
{
    const struct conv_params *p = n->params;
    struct conv_shape s = conv_shape_of(n);
    struct epilogue e = p->e;
    struct hwc_io io = {.x = in(n, CONV_X)->data,
                        .add = in(n, CONV_ADD) ? in(n, CONV_ADD)->data : NULL,
                        .y = (float *)out(n, 0)->data + p->at,
                        .x_pitch = (size_t)s.C,
                        .add_pitch = (size_t)s.M,
                        .y_pitch = (size_t)out(n, 0)->dim[3],
                        .x_planes = p->x_planes};

    e.slope = in(n, CONV_SLOPE) ? in(n, CONV_SLOPE)->data : NULL;
    if (is_transposed(n))
        conv_transpose_hwc(r->kernels, &s, &io, n->packed, &e, r->scratch, r->pool);
    else
        conv_hwc(r->kernels, &s, &io, n->packed, &e, r->scratch, r->pool);
    return OK;
}

const struct op op_conv_last = {
    "Conv", 2, CONV_INPUTS, 1, T_F32, 0, NULL, conv_last_run, conv_last_prepare, 0};
const struct op op_conv_transpose_last = {
    "ConvTranspose", 2, CONV_INPUTS, 1, T_F32, 0, NULL, conv_last_run, conv_last_prepare, 0};

/* ---- pooling and resizing -------------------------------------------------------------------- */
static enum err pool_last_run(const struct node *n, const struct run *r)
{
    const struct pool_last *p = n->params;
    size_t C = (size_t)p->shape.C;
    const struct tensor *y = out(n, 0);
    struct hwc_io io = {.x = in(n, 0)->data,
                        .y = (float *)y->data + p->at,
                        .x_pitch = C,
                        .y_pitch = (size_t)y->dim[y->rank - 1]};

    if (p->max)
        max_pool_hwc(r->kernels, &p->shape, &io, r->pool);
    else
        average_pool_hwc(r->kernels, &p->shape, p->count_pads, &io, r->pool);
    return OK;
}

const struct op op_pool_last = {"Pool", 1, 1, 1, T_F32, 0, NULL, pool_last_run, NULL, 0};

static enum err resize_last_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct resize_last *p = n->params;

    (void)why;
    n->scratch = resize_scratch(&p->shape, pool_threads(g->pool));
    return OK;
}

static enum err resize_last_run(const struct node *n, const struct run *r)
{
    const struct resize_last *p = n->params;
    size_t C = (size_t)(p->shape.planes / p->N);
    const struct tensor *y = out(n, 0);
    struct hwc_io io = {.x = in(n, 0)->data,
                        .y = (float *)y->data + p->at,
                        .x_pitch = C,
                        .y_pitch = (size_t)y->dim[y->rank - 1]};

    resize_hwc(r->kernels, &p->shape, p->N, &io, r->scratch, r->pool);
    return OK;
}

const struct op op_resize_last = {
    "Resize", 1, 1, 1, T_F32, 0, NULL, resize_last_run, resize_last_prepare, 0};

/* ---- parts of a wider picture ---------------------------------------------------------------- */
size_t *last_part_at(struct node *n)
{
    if (n->op == &op_conv_last)
        return &((struct conv_params *)n->params)->at;
    if (n->op == &op_pool_last)
        return &((struct pool_last *)n->params)->at;
    if (n->op == &op_resize_last)
        return &((struct resize_last *)n->params)->at;
    return NULL;
}
