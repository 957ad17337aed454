/* Convolutions, transposed ones and linear layers: three shapes for the products of product.h. A
 * linear layer is a convolution of a picture with one row; a transposed one is the way back of the
 * convolution that goes from its output to its input. */
#include <math.h>
#include <string.h>

#include "perception/train/product.h"

static int or_one(int v)
{
    return v ? v : 1;
}

/* ---- building ------------------------------------------------------------------------------ */
/* Weights after He et al. 2015, for what a ReLU follows; biases 0. */
static void add_weights(struct train *t, struct layer *l, int rank, const int *dim, int fan_in,
                        int channels, bool bias)
{
    struct param_of w = {.name = "weight",
                         .rank = rank,
                         .dim = dim,
                         .deviation = sqrtf(2.0f / (float)fan_in),
                         .decays = true};
    struct param_of b = {.name = "bias", .rank = 1, .dim = &channels};

    build_param(t, l, &w);
    if (bias)
        build_param(t, l, &b);
}

static struct conv_shape shape_of(const struct train *t, int x, const struct train_conv *c)
{
    const struct value *v = &t->value[x];

    return (struct conv_shape){.N = v->dim[0],
                               .H = v->dim[1],
                               .W = v->dim[2],
                               .C = v->dim[3],
                               .M = c->channels,
                               .kh = c->kernel_y,
                               .kw = c->kernel_x,
                               .stride_y = or_one(c->stride_y),
                               .stride_x = or_one(c->stride_x),
                               .dilation_y = or_one(c->dilation_y),
                               .dilation_x = or_one(c->dilation_x),
                               .pad_top = c->pad_top,
                               .pad_left = c->pad_left,
                               .pad_bottom = c->pad_bottom,
                               .pad_right = c->pad_right,
                               .groups = or_one(c->groups)};
}

/* Is all of that a convolution? Says so if not. */
static bool check(struct train *t, const struct conv_shape *s, const char *who)
{
    if (s->M < 1 || s->kh < 1 || s->kw < 1 || s->stride_y < 1 || s->stride_x < 1 ||
        s->dilation_y < 1 || s->dilation_x < 1 || s->groups < 1)
        build_wrong(t, "%s: channels, kernel, stride, dilation and groups are at least 1", who);
    else if (s->C % s->groups || s->M % s->groups)
        build_wrong(t, "%s: %d groups divide neither %d nor %d channels", who, s->groups, s->C,
                    s->M);
    else if (s->pad_top < 0 || s->pad_left < 0 || s->pad_bottom < 0 || s->pad_right < 0 ||
             !product_fits(s))
        build_wrong(t, "%s: pads reach beyond the %d x %d taps, or those are too many", who, s->kh,
                    s->kw);
    else if (s->OH < 1 || s->OW < 1)
        build_wrong(t, "%s: nothing is left of %d x %d pixels", who, s->H, s->W);
    return t->error == OK;
}

int train_conv_with(struct train *t, int x, const struct train_conv *c)
{
    struct conv_shape s;
    struct layer *l;

    if (!build_has(t, x, "train_conv"))
        return -1;
    if (t->value[x].rank != 4)
        return build_wrong(t, "train_conv: a value of rank %d is no picture", t->value[x].rank);
    s = shape_of(t, x, c);
    s.OH = conv_length(s.H, s.kh, s.stride_y, s.dilation_y, s.pad_top, s.pad_bottom);
    s.OW = conv_length(s.W, s.kw, s.stride_x, s.dilation_x, s.pad_left, s.pad_right);
    if (!check(t, &s, "train_conv"))
        return -1;
    l = build_layer(t, &layer_conv, &x, 1, 4, (int[]){s.N, s.OH, s.OW, s.M});
    if (!l)
        return -1;
    l->shape = s;
    add_weights(t, l, 4, (int[]){s.M, s.C / s.groups, s.kh, s.kw}, s.C / s.groups * s.kh * s.kw,
                s.M, c->bias);
    return l->out;
}

int train_conv(struct train *t, int x, int channels, int kernel, int stride, int groups)
{
    int pad = kernel / 2;
    struct train_conv c = {.channels = channels,
                           .kernel_y = kernel,
                           .kernel_x = kernel,
                           .stride_y = stride,
                           .stride_x = stride,
                           .pad_top = pad,
                           .pad_left = pad,
                           .pad_bottom = pad,
                           .pad_right = pad,
                           .groups = groups};

    return train_conv_with(t, x, &c);
}

/* The convolution from the output back to x. */
static struct conv_shape mirrored(const struct conv_shape *s, int out_pad)
{
    struct conv_shape m = *s;

    m.C = s->M;
    m.M = s->C;
    m.OH = s->H;
    m.OW = s->W;
    m.H = (s->H - 1) * s->stride_y + s->kh - s->pad_top - s->pad_bottom + out_pad;
    m.W = (s->W - 1) * s->stride_x + s->kw - s->pad_left - s->pad_right + out_pad;
    return m;
}

int train_conv_transpose(struct train *t, int x, const struct train_conv *c, int out_pad)
{
    struct conv_shape s;
    struct layer *l;

    if (!build_has(t, x, "train_conv_transpose"))
        return -1;
    if (t->value[x].rank != 4)
        return build_wrong(t, "train_conv_transpose: a value of rank %d is no picture",
                           t->value[x].rank);
    s = shape_of(t, x, c);
    if (s.dilation_y != 1 || s.dilation_x != 1 || out_pad < 0 || out_pad >= s.stride_y ||
        out_pad >= s.stride_x)
        return build_wrong(t, "train_conv_transpose: dilation, or an out_pad of %d", out_pad);
    s = mirrored(&s, out_pad);
    if (s.H < 1 || s.W < 1)
        return build_wrong(t, "train_conv_transpose: nothing is left of the picture");
    if (!check(t, &s, "train_conv_transpose"))
        return -1;
    l = build_layer(t, &layer_conv_transpose, &x, 1, 4, (int[]){s.N, s.H, s.W, s.C});
    if (!l)
        return -1;
    l->shape = s;
    l->from = out_pad;
    add_weights(t, l, 4, (int[]){s.M, s.C / s.groups, s.kh, s.kw}, s.M / s.groups * s.kh * s.kw,
                s.C, c->bias);
    return l->out;
}

int train_linear(struct train *t, int x, int channels, bool bias)
{
    struct layer *l;
    int dim[TRAIN_MAX_RANK], rank, C;

    if (!build_has(t, x, "train_linear"))
        return -1;
    rank = t->value[x].rank;
    if (rank > 3 || channels < 1)
        return build_wrong(t, "train_linear: rank %d, %d channels", rank, channels);
    memcpy(dim, t->value[x].dim, sizeof dim);
    C = dim[rank - 1];
    dim[rank - 1] = channels;
    l = build_layer(t, &layer_linear, &x, 1, rank, dim);
    if (!l)
        return -1;
    l->shape = product_rows(t->value[x].n / (size_t)C, C, channels);
    add_weights(t, l, 2, (int[]){channels, C}, C, channels, bias);
    return l->out;
}

/* ---- running ------------------------------------------------------------------------------- */
static size_t scratch(const struct train *t, const struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    size_t a = product_scratch(t, s), pixels = (size_t)s->N * (size_t)s->H * (size_t)s->W;
    size_t b = product_sums_scratch(pixels, s->C); /* the bias of a transposed one */

    return a > b ? a : b;
}

static void forward(struct train *t, struct layer *l)
{
    product_forward(t, &l->shape, layer_x(t, l, 0), layer_w(t, l, 0),
                    l->n_params > 1 ? layer_w(t, l, 1) : NULL, layer_y(t, l), false);
}

static void backward(struct train *t, struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    bool add;
    float *dx = grad_begin(t, l, 0, &add);

    product_weights(t, s, layer_x(t, l, 0), layer_dy(t, l), layer_dw(t, l, 0));
    if (l->n_params > 1)
        product_sums(t, layer_dy(t, l), (size_t)s->N * (size_t)s->OH * (size_t)s->OW, s->M,
                     layer_dw(t, l, 1));
    if (dx)
        product_input(t, s, layer_dy(t, l), layer_w(t, l, 0), NULL, dx, add);
}

static void transpose_forward(struct train *t, struct layer *l)
{
    product_input(t, &l->shape, layer_x(t, l, 0), layer_w(t, l, 0),
                  l->n_params > 1 ? layer_w(t, l, 1) : NULL, layer_y(t, l), false);
}

static void transpose_backward(struct train *t, struct layer *l)
{
    const struct conv_shape *s = &l->shape;
    bool add;
    float *dx = grad_begin(t, l, 0, &add);

    product_weights(t, s, layer_dy(t, l), layer_x(t, l, 0), layer_dw(t, l, 0));
    if (l->n_params > 1)
        product_sums(t, layer_dy(t, l), (size_t)s->N * (size_t)s->H * (size_t)s->W, s->C,
                     layer_dw(t, l, 1));
    if (dx)
        product_forward(t, s, layer_dy(t, l), layer_w(t, l, 0), NULL, dx, add);
}

const struct layer_kind layer_conv = {"conv", NULL, scratch, forward, backward};
const struct layer_kind layer_linear = {"linear", NULL, scratch, forward, backward};
const struct layer_kind layer_conv_transpose = {"deconv", NULL, scratch, transpose_forward,
                                                transpose_backward};
