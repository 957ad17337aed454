#include "perception/nn/ops/last8.h"

#include <stdlib.h>
#include <string.h>

#include "perception/nn/ops/quant.h"

static size_t align(size_t n)
{
    return (n + 63) / 64 * 64;
}

/* Where the results go; y real numbers or bytes. */
static struct hwc8_finish finish_of(const struct node *n)
{
    struct hwc8_finish f = ((const struct last8 *)n->params)->f;
    const struct tensor *y = out(n, 0), *add = in(n, LAST8_ADD);
    size_t at = ((const struct last8 *)n->params)->at;
    ptrdiff_t C = (ptrdiff_t)y->dim[y->rank - 1];

    if (y->type == DTYPE_F32)
        f.real = (float *)y->data + at;
    else
        f.y = (uint8_t *)y->data + at;
    f.y_step = C;
    if (add) {
        f.add = add->data;
        f.add_step = (ptrdiff_t)add->dim[add->rank - 1];
    }
    return f;
}

bool last8_makes_parts(const struct node *n)
{
    return (n->op == &op_conv8 && !((const struct last8 *)n->params)->transposed) ||
           n->op == &op_rows8 || n->op == &op_slice8 || n->op == &op_average_pool8;
}

/* Pixels of all images. */
static size_t pixels_of(const struct tensor *t)
{
    return (size_t)dims_product(t->dim, 0, t->rank - 1);
}

/* ---- convolutions ---------------------------------------------------------------------------- */
static const float *repeat(struct region *r, const float *v, size_t n, int times)
{
    float *to = v ? region_take(r, n * (size_t)times * sizeof *to) : NULL;

    for (size_t i = 0; to && i < n * (size_t)times; i++)
        to[i] = v[i % n];
    return to;
}

/* A transposed convolution whose columns do not overlap makes kw pixels side by side of every one:
 * the same memory as one pixel with kw times the channels. */
static bool columns_merge(const struct last8 *p)
{
    const struct conv_shape *s = &p->shape;

    return p->transposed && s->groups == 1 && s->kw > 1 && s->kw == s->stride_x &&
           s->pad_left == 0 && s->OW == s->W * s->stride_x;
}

/* Weights (C, M, kh, kw) as (C, kw M, kh), and all else to match. NULL: no memory. */
static int8_t *merge_columns(struct graph *g, struct last8 *p, const int8_t *w)
{
    struct conv_shape *s = &p->shape;
    size_t M = (size_t)s->M, kh = (size_t)s->kh, kw = (size_t)s->kw, n = (size_t)s->C * M * kh * kw;
    int8_t *to = malloc(n);
    int times = s->kw;

    for (size_t i = 0; to && i < n; i++) {
        size_t column = i % kw, row = i / kw % kh, m = i / kw / kh % M, c = i / kw / kh / M;

        to[((c * kw + column) * M + m) * kh + row] = w[i];
    }
    p->product = repeat(&g->region, p->product, M, times);
    p->bias = repeat(&g->region, p->bias, M, times);
    p->f.slope = repeat(&g->region, p->f.slope, M, times);
    p->f.gain = repeat(&g->region, p->f.gain, M, times);
    p->f.shift = repeat(&g->region, p->f.shift, M, times);
    p->f.add_scale = repeat(&g->region, p->f.add_scale, M, times);
    s->M *= times;
    s->OW = s->W;
    s->kw = s->stride_x = 1;
    s->pad_right = 0;
    return to;
}

static enum err conv8_prepare(struct graph *g, struct node *n, struct why *why)
{
    struct last8 *p = n->params;
    bool merge = columns_merge(p);
    int8_t *merged = merge ? merge_columns(g, p, in(n, LAST8_W)->data) : NULL;
    struct hwc8_weights w = {.w = merged ? merged : in(n, LAST8_W)->data,
                             .scale = p->product,
                             .bias = p->bias,
                             .x_zero = p->x_as.zero};
    size_t size = align(conv_hwc8_weights_size(&g->kernels, &p->shape, p->transposed));

    n->kernel = "int8";
    n->scratch = conv_hwc8_scratch(&p->shape, p->transposed, pool_threads(g->pool));
    n->packed = aligned_alloc(64, size ? size : 64);
    if (!n->packed || (merge && !merged) || !p->product) {
        free(merged);
        return err_say(why, ERR_NOMEM, "out of memory");
    }
    conv_hwc8_pack(&g->kernels, &p->shape, p->transposed, &w, n->packed);
    free(merged);
    return OK;
}

static enum err conv8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    struct hwc8_finish f = finish_of(n);

    if (p->transposed) /* columns may have been merged */
        f.y_step = f.add_step = p->shape.M;
    conv_hwc8(r->kernels, &p->shape, p->transposed, in(n, LAST8_X)->data, p->x_as.zero, n->packed,
              &f, r->scratch, r->pool);
    return OK;
}

/* ---- products of two pictures ------------------------------------------------------------------ */
static enum err matmul8_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct conv_shape *s = &((const struct last8 *)n->params)->shape;

    (void)why;
    n->kernel = "int8";
    n->scratch = align(conv_hwc8_weights_size(&g->kernels, s, false)) +
                 align((size_t)s->M * (size_t)s->W * sizeof(float));
    return OK;
}

static enum err matmul8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    const struct conv_shape *s = &p->shape;
    size_t M = (size_t)s->M, pixels = (size_t)s->W;
    float *turned =
        (float *)(void *)((char *)r->scratch + align(conv_hwc8_weights_size(r->kernels, s, false)));
    struct hwc8_finish f = {.as = {1.0f, 0}, .real = turned, .y_step = s->M};

    product_hwc8_pack(r->kernels, s, in(n, LAST8_ADD)->data, p->a_as.zero, p->x_as.zero,
                      p->x_as.scale * p->a_as.scale, r->scratch);
    conv_hwc8(r->kernels, s, false, in(n, LAST8_X)->data, p->x_as.zero, r->scratch, &f, NULL,
              r->pool);
    r->kernels->transpose(out(n, 0)->data, pixels, turned, M, pixels, M);
    return OK;
}

/* ---- numbers one by one ------------------------------------------------------------------------ */
static enum err rows8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    const struct tensor *x = in(n, LAST8_X);
    struct hwc8_rows rows = {.pixels = pixels_of(x),
                             .channels = (size_t)x->dim[x->rank - 1],
                             .x = x->data,
                             .x_zero = p->x_as.zero,
                             .finish = finish_of(n)};

    rows.x_step = (ptrdiff_t)rows.channels;
    rows_hwc8(r->kernels, &rows, r->pool);
    return OK;
}

/* Each input into its channels of every pixel; NULL: it is there already. */
static enum err concat8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    const struct tensor *y = out(n, 0);
    size_t C = (size_t)y->dim[y->rank - 1];
    uint8_t *to = y->data;

    for (int i = 0; i < n->n_in; to += p->each_channels[i++]) {
        const struct tensor *x = in(n, i);

        if (!x)
            continue;
        struct hwc8_rows rows = {.pixels = pixels_of(x),
                                 .channels = (size_t)x->dim[x->rank - 1],
                                 .x = x->data,
                                 .x_zero = p->each_as[i].zero,
                                 .finish = p->f};

        rows.x_step = (ptrdiff_t)rows.channels;
        rows.finish.y = to;
        rows.finish.y_step = (ptrdiff_t)C;
        rows.finish.unit = p->each_as[i].scale;
        if (q8_is_same(&p->each_as[i], &p->f.as))
            move_hwc8(r->kernels,
                      &(const struct bytes_move){.pixels = rows.pixels,
                                                 .channels = rows.channels,
                                                 .x = x->data,
                                                 .x_step = rows.channels,
                                                 .x_apart = 1,
                                                 .y = to,
                                                 .y_step = C},
                      r->pool);
        else
            rows_hwc8(r->kernels, &rows, r->pool);
    }
    return OK;
}

/* Some channels of every pixel. */
static enum err slice8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    const struct tensor *x = in(n, 0), *y = out(n, 0);
    size_t C = (size_t)x->dim[x->rank - 1], step = (size_t)p->step, start = (size_t)p->start;
    const struct bytes_move m = {.pixels = pixels_of(x),
                                 .channels = (C - start - 1) / step + 1,
                                 .x = (const uint8_t *)x->data + p->start,
                                 .x_step = C,
                                 .x_apart = step,
                                 .y = (uint8_t *)y->data + p->at,
                                 .y_step = (size_t)y->dim[y->rank - 1]};

    move_hwc8(r->kernels, &m, r->pool);
    return OK;
}

/* ---- pooling, resizing --------------------------------------------------------------------------- */
/* x in the steps of y, which are the same. */
static enum err max_pool8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;

    max_pool_hwc8(r->kernels, &p->shape, in(n, 0)->data, out(n, 0)->data, r->pool);
    return OK;
}

static enum err average_pool8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    struct hwc8_finish f = finish_of(n);

    average_pool_hwc8(r->kernels, &p->shape, p->count_pads, in(n, 0)->data, p->x_as, &f, r->pool);
    return OK;
}

static enum err resize8_prepare(struct graph *g, struct node *n, struct why *why)
{
    const struct last8 *p = n->params;

    (void)why;
    n->scratch = resize_scratch(&p->resize, pool_threads(g->pool));
    return OK;
}

static enum err resize8_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;

    nearest_hwc8(&p->resize, (int)in(n, 0)->dim[0], in(n, 0)->data, out(n, 0)->data, r->scratch,
                 r->pool);
    return OK;
}

/* ---- at the borders -------------------------------------------------------------------------- */
enum { BORDER_PIECE = 32 * 1024 }; /* numbers */

struct border {
    const struct kernels *k;
    struct border8 b;
    const unsigned char *x;
    unsigned char *y;
    size_t per, parts; /* pixels of a piece, pieces of an image */
    bool in;
};

static void border_piece(void *arg, int i, int thread)
{
    const struct border *b = arg;
    size_t at = (size_t)i / b->parts * b->b.C * b->b.space, from = (size_t)i % b->parts * b->per;
    size_t to = from + b->per < b->b.space ? from + b->per : b->b.space;

    (void)thread;
    if (b->in)
        quantize_hwc8(b->k, &b->b, (const float *)(const void *)b->x + at, b->y + at, from, to);
    else
        dequantize_hwc8(b->k, &b->b, b->x + at, (float *)(void *)b->y + at, from, to);
}

/* variant 1: in */
static enum err border_run(const struct node *n, const struct run *r)
{
    const struct last8 *p = n->params;
    const struct tensor *bytes = n->op->variant ? out(n, 0) : in(n, 0);
    struct border b = {.k = r->kernels,
                       .b = {.C = (size_t)bytes->dim[bytes->rank - 1],
                             .space = (size_t)dims_product(bytes->dim, 1, bytes->rank - 1),
                             .as = n->op->variant ? p->f.as : p->x_as,
                             .planes = p->planes},
                       .x = in(n, 0)->data,
                       .y = out(n, 0)->data,
                       .in = n->op->variant};

    b.per = BORDER_PIECE / b.b.C + 1;
    b.parts = (b.b.space + b.per - 1) / b.per;
    pool_run(r->pool, (int)((size_t)bytes->dim[0] * b.parts), border_piece, &b);
    return OK;
}

#define ROW(label, run, prepare, variant)                                                          \
    {                                                                                              \
        label, 1, LAST8_INPUTS, 1, T_ANY, 0, NULL, run, prepare, variant                           \
    }
const struct op op_conv8 = ROW("Conv int8", conv8_run, conv8_prepare, 0);
const struct op op_rows8 = ROW("elements int8", rows8_run, NULL, 0);
const struct op op_concat8 = ROW("Concat int8", concat8_run, NULL, 0);
const struct op op_slice8 = ROW("Slice int8", slice8_run, NULL, 0);
const struct op op_max_pool8 = ROW("MaxPool int8", max_pool8_run, NULL, 0);
const struct op op_average_pool8 = ROW("AveragePool int8", average_pool8_run, NULL, 0);
const struct op op_resize8 = ROW("Resize int8", resize8_run, resize8_prepare, 0);
const struct op op_quantize8 = ROW("to int8", border_run, NULL, 1);
const struct op op_matmul8 = ROW("MatMul int8", matmul8_run, matmul8_prepare, 0);
const struct op op_quantize_flat8 = ROW("to int8", border_run, NULL, 1);
const struct op op_dequantize8 = ROW("from int8", border_run, NULL, 0);
