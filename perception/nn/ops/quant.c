/* Between real numbers and 8 to 32 bit ones, with one scale or one per channel. */
#include <assert.h>
#include <math.h>

#include "perception/nn/ops/number.h"
#include "perception/nn/ops/quant.h"

struct quant_params {
    int64_t channels, inner; /* how the input falls into lines of one scale */
    int64_t block, length;   /* of blocks (opset 21): a scale for `block` elements along the axis */
};

/* Scale and zero point: one, or one per channel of the axis. */
static enum err quant_lines(struct graph *g, struct node *n, struct why *why)
{
    const struct tensor *x = in(n, 0), *s = in(n, 1), *z = in(n, 2);
    struct quant_params *p = node_params(g, n, sizeof *p);
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if (!(T_FLOAT & TYPE(s->type)))
        return err_say(why, ERR_UNSUPPORTED, "a scale of %s", dtype_name(s->type));
    p->channels = tensor_count(s);
    p->inner = tensor_count(x);
    if (z && tensor_count(z) != p->channels)
        return err_say(why, ERR_FORMAT, "%lld scales and %lld zero points", (long long)p->channels,
                       (long long)tensor_count(z));
    if (s->rank == 0 || (p->channels == 1 && s->rank == 1)) {
        attr_ignore(n, "axis");
        return OK;
    }
    if (s->rank != 1)
        return err_say(why, ERR_UNSUPPORTED, "scales of %d dimensions", s->rank);
    if ((e = axis_of(attr_int(n, "axis", 1), x->rank, &axis, why)) != OK)
        return e;
    if (p->channels != x->dim[axis])
        return err_say(why, ERR_FORMAT, "%lld scales for %lld channels", (long long)p->channels,
                       (long long)x->dim[axis]);
    p->inner = dims_product(x->dim, axis + 1, x->rank);
    return OK;
}

/* As many scales and zero points as there are blocks along one axis, and elements along the others. */
static enum err block_lines(struct graph *g, struct node *n, int64_t block, struct why *why)
{
    const struct tensor *x = in(n, 0), *s = in(n, 1), *z = in(n, 2);
    struct quant_params *p = node_params(g, n, sizeof *p);
    int axis;
    enum err e;

    if (!p)
        return ERR_NOMEM;
    if (!(T_FLOAT & TYPE(s->type)))
        return err_say(why, ERR_UNSUPPORTED, "a scale of %s", dtype_name(s->type));
    if ((e = axis_of(attr_int(n, "axis", 1), x->rank, &axis, why)) != OK)
        return e;
    for (int d = 0; d < x->rank; d++) {
        int64_t count = d == axis ? x->dim[d] / block + (x->dim[d] % block > 0) : x->dim[d];

        if (block < 1 || s->rank != x->rank || s->dim[d] != count ||
            (z && (z->rank != s->rank || z->dim[d] != count)))
            return err_say(why, ERR_FORMAT, "scales or zero points do not fit blocks of %lld",
                           (long long)block);
    }
    p->block = block;
    p->length = x->dim[axis];
    p->inner = dims_product(x->dim, axis + 1, x->rank);
    return OK;
}

static const struct op op_quantize_blocks, op_dequantize_blocks;

static enum err quantize_infer(struct graph *g, struct node *n, struct why *why)
{
    int64_t type = attr_int(n, "output_dtype", 0), block = attr_int(n, "block_size", 0);
    enum err e = block ? block_lines(g, n, block, why) : quant_lines(g, n, why);

    attr_ignore(n, "saturate"); /* about 8-bit floating point only */
    if (e != OK)
        return e;
    if (in(n, 2) && type && type != (int64_t)in(n, 2)->type)
        return err_say(why, ERR_FORMAT, "output_dtype is not the zero point's type");
    type = in(n, 2) ? (int64_t)in(n, 2)->type : type ? type : DTYPE_U8;
    if (type != DTYPE_U8 && type != DTYPE_I8 && type != DTYPE_U16 && type != DTYPE_I16)
        return err_say(why, ERR_UNSUPPORTED, "quantising to type %lld", (long long)type);
    if (block)
        n->op = &op_quantize_blocks; /* no kernel takes its place */
    return set_out_like(n, 0, (enum dtype)type, in(n, 0), why);
}

static enum err dequantize_type(struct node *n, struct why *why)
{
    if (in(n, 2) && in(n, 2)->type != in(n, 0)->type)
        return err_say(why, ERR_FORMAT, "data is %s, its zero point %s", dtype_name(in(n, 0)->type),
                       dtype_name(in(n, 2)->type));
    return set_out_like(n, 0, in(n, 1)->type, in(n, 0), why);
}

static enum err dequantize_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e;

    if (attr_int(n, "block_size", 0)) {
        n->op = &op_dequantize_blocks;
        return n->op->infer(g, n, why);
    }
    e = quant_lines(g, n, why);
    return e == OK ? dequantize_type(n, why) : e;
}

/* One line of one scale. */
struct line {
    const struct tensor *x, *y;
    int64_t at, n;
    double scale;
    int64_t zero;
};

static void quantize_line(const struct kernels *k, const struct line *l)
{
    const float *x = (const float *)l->x->data + l->at;

    if (l->x->type == DTYPE_F32 && l->y->type == DTYPE_U8)
        k->quantize_u8((uint8_t *)l->y->data + l->at, x, (size_t)l->n, (float)l->scale,
                       (int)l->zero);
    else if (l->x->type == DTYPE_F32 && l->y->type == DTYPE_I8)
        k->quantize_i8((int8_t *)l->y->data + l->at, x, (size_t)l->n, (float)l->scale,
                       (int)l->zero);
    else
        for (int64_t i = l->at; i < l->at + l->n; i++)
            number_set_float(l->y, i,
                             nearbyint((double)((float)number_float(l->x, i) / (float)l->scale)) +
                                 (double)l->zero);
}

static void dequantize_line(const struct kernels *k, const struct line *l)
{
    float *y = (float *)l->y->data + l->at;
    size_t n = (size_t)l->n;
    float scale = (float)l->scale;

    if (l->y->type == DTYPE_F32 && l->x->type == DTYPE_U8)
        k->dequantize_u8(y, (const uint8_t *)l->x->data + l->at, n, scale, (int)l->zero);
    else if (l->y->type == DTYPE_F32 && l->x->type == DTYPE_I8)
        k->dequantize_i8(y, (const int8_t *)l->x->data + l->at, n, scale, (int)l->zero);
    else if (l->y->type == DTYPE_F32 && l->x->type == DTYPE_I32 && l->zero == 0)
        k->dequantize_i32(y, (const int32_t *)l->x->data + l->at, n, scale, 0);
    else
        for (int64_t i = l->at; i < l->at + l->n; i++)
            number_set_float(l->y, i, (double)(number_int(l->x, i) - l->zero) * l->scale);
}

static enum err quant_run(const struct node *n, const struct run *r)
{
    const struct quant_params *p = n->params;
    struct line l = {.x = in(n, 0), .y = out(n, 0), .n = p->inner};

    assert(l.x && l.y);
    for (int64_t c = 0; l.at < tensor_count(l.x); l.at += l.n, c = (c + 1) % p->channels) {
        l.scale = number_float(in(n, 1), c);
        l.zero = in(n, 2) ? number_int(in(n, 2), c) : 0;
        (n->op->variant ? dequantize_line : quantize_line)(r->kernels, &l);
    }
    return OK;
}

static enum err dequantize_blocks_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e = block_lines(g, n, attr_int(n, "block_size", 0), why);

    return e == OK ? dequantize_type(n, why) : e;
}

static enum err blocks_run(const struct node *n, const struct run *r)
{
    const struct quant_params *p = n->params;
    const int64_t blocks = p->length > 0 ? (p->length - 1) / p->block + 1 : 0;
    struct line l = {.x = in(n, 0), .y = out(n, 0)};

    for (; blocks > 0 && p->inner > 0 && l.at < tensor_count(l.x); l.at += l.n) {
        int64_t along = l.at / p->inner % p->length, outer = l.at / p->inner / p->length;
        int64_t c = (outer * blocks + along / p->block) * p->inner + l.at % p->inner;

        l.n = p->inner > 1 ? 1 : p->block - along % p->block;
        l.n = l.n < p->length - along ? l.n : p->length - along;
        l.scale = number_float(in(n, 1), c);
        l.zero = in(n, 2) ? number_int(in(n, 2), c) : 0;
        (n->op->variant ? dequantize_line : quantize_line)(r->kernels, &l);
    }
    return OK;
}

static const struct op op_quantize_blocks = {"QuantizeLinear", 2,    3, 1, T_FLOAT, 0, NULL,
                                             blocks_run,       NULL, 0};
static const struct op op_dequantize_blocks = {
    "DequantizeLinear", 2, 3, 1, T_ANY, 0, dequantize_blocks_infer, blocks_run, NULL, 1};

/* ---- DynamicQuantizeLinear: scale and zero point from the data, so that 0 is exact ---------- */
static enum err dynamic_infer(struct graph *g, struct node *n, struct why *why)
{
    enum err e;

    (void)g;
    if ((e = set_out(n, 1, DTYPE_F32, 0, NULL, why)) != OK ||
        (e = set_out(n, 2, DTYPE_U8, 0, NULL, why)) != OK)
        return e;
    return set_out_like(n, 0, DTYPE_U8, in(n, 0), why);
}

static enum err dynamic_run(const struct node *n, const struct run *r)
{
    const float *x = in(n, 0)->data;
    size_t count = (size_t)tensor_count(in(n, 0));
    float lo = count ? fminf(r->kernels->min(x, count), 0) : 0;
    float hi = count ? fmaxf(r->kernels->max(x, count), 0) : 0;
    float scale = hi > lo ? (hi - lo) / 255 : 1;
    double zero = fmin(fmax(nearbyint((double)(-lo / scale)), 0), 255);

    if (out(n, 0))
        r->kernels->quantize_u8(out(n, 0)->data, x, count, scale, (int)zero);
    if (out(n, 1))
        *(float *)out(n, 1)->data = scale;
    if (out(n, 2))
        *(uint8_t *)out(n, 2)->data = (uint8_t)zero;
    return OK;
}

bool is_quantize(const struct node *n)
{
    return n->op->infer == quantize_infer;
}

bool is_dequantize(const struct node *n)
{
    return n->op->infer == dequantize_infer;
}

void quant_lines_of(const struct node *n, int64_t *count, int64_t *inner)
{
    const struct quant_params *p = n->params;

    *count = p->channels;
    *inner = p->inner;
}

bool quant_steps(const struct node *n, struct q8 *as)
{
    const struct quant_params *p = n->params;
    const struct tensor *q = is_quantize(n) ? out(n, 0) : in(n, 0);
    const struct tensor *x = is_quantize(n) ? in(n, 0) : out(n, 0);
    bool constant = n->in[1]->constant && (!in(n, 2) || n->in[2]->constant);

    if (!q || !x || !constant || p->channels != 1 || !(T_Q8 & TYPE(q->type)) ||
        x->type != DTYPE_F32 || in(n, 1)->type != DTYPE_F32)
        return false;
    as->scale = *(const float *)in(n, 1)->data;
    as->zero = in(n, 2) ? (int)number_int(in(n, 2), 0) : 0;
    as->zero += q->type == DTYPE_I8 ? 128 : 0;
    return isnormal(as->scale) && as->scale > 0 && isnormal(1.0f / as->scale);
}

const struct op ops_quant[] = {
    {"QuantizeLinear", 2, 3, 1, T_FLOAT | TYPE(DTYPE_I32), 0, quantize_infer, quant_run, NULL, 0},
    {"DequantizeLinear", 2, 3, 1,
     TYPE(DTYPE_U8) | TYPE(DTYPE_I8) | TYPE(DTYPE_U16) | TYPE(DTYPE_I16) | TYPE(DTYPE_I32), 0,
     dequantize_infer, quant_run, NULL, 1},
    {"DynamicQuantizeLinear", 1, 1, 3, T_F32, 0, dynamic_infer, dynamic_run, NULL, 0},
    {NULL},
};
