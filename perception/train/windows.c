/* Pooling and resizing of pictures. On the way back each image is one piece of work: windows
 * overlap, and what they add to a pixel is added in the order of windows. */
#include <math.h>
#include <string.h>

#include "perception/kernels/hwc.h"
#include "perception/kernels/kernels_internal.h"
#include "perception/train/graph.h"

/* ---- pooling ------------------------------------------------------------------------------- */
static int add_pool(struct train *t, const struct layer_kind *kind, int x, int kh, int kw,
                    int stride, int pad)
{
    const struct value *v;
    struct conv_shape s;
    struct layer *l;

    if (!build_has(t, x, kind->name))
        return -1;
    v = &t->value[x];
    if (v->rank != 4 || kh < 1 || kw < 1 || kh > HWC_MAX_TAPS || stride < 1 || pad < 0 ||
        2 * pad > kh)
        return build_wrong(t, "train_%s: rank %d, kernel %d x %d, stride %d, pad %d", kind->name,
                           v->rank, kh, kw, stride, pad);
    s = (struct conv_shape){.N = v->dim[0], .H = v->dim[1], .W = v->dim[2], .C = v->dim[3]};
    s.M = s.groups = s.C;
    s.kh = kh;
    s.kw = kw;
    s.stride_y = s.stride_x = stride;
    s.dilation_y = s.dilation_x = 1;
    s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pad;
    s.OH = conv_length(s.H, kh, stride, 1, pad, pad);
    s.OW = conv_length(s.W, kw, stride, 1, pad, pad);
    if (s.OH < 1 || s.OW < 1)
        return build_wrong(t, "train_%s: nothing is left of %d x %d pixels", kind->name, s.H, s.W);
    l = build_layer(t, kind, &x, 1, 4, (int[]){s.N, s.OH, s.OW, s.C});
    if (!l)
        return -1;
    l->shape = s;
    return l->out;
}

int train_max_pool(struct train *t, int x, int kernel, int stride, int pad)
{
    return add_pool(t, &layer_max_pool, x, kernel, kernel, stride, pad);
}

int train_average_pool(struct train *t, int x, int kernel, int stride, int pad)
{
    return add_pool(t, &layer_average_pool, x, kernel, kernel, stride, pad);
}

int train_global_average(struct train *t, int x)
{
    return add_pool(t, &layer_average_pool, x, train_dim(t, x, 1), train_dim(t, x, 2), 1, 0);
}

static struct hwc_io io_of(struct train *t, struct layer *l)
{
    return (struct hwc_io){.x = layer_x(t, l, 0),
                           .y = layer_y(t, l),
                           .x_pitch = (size_t)t->value[l->in[0]].dim[3],
                           .y_pitch = (size_t)t->value[l->out].dim[3]};
}

static void max_forward(struct train *t, struct layer *l)
{
    struct hwc_io io = io_of(t, l);

    max_pool_hwc(&t->k, &l->shape, &io, t->pool);
}

static void average_forward(struct train *t, struct layer *l)
{
    struct hwc_io io = io_of(t, l);

    average_pool_hwc(&t->k, &l->shape, false, &io, t->pool);
}

struct back {
    struct train *t;
    struct layer *l;
    float *dx;
    bool max;
};

/* The pixels of a window that lie in the picture. */
struct window {
    int y0, y1, x0, x1;
};

static struct window window_of(const struct conv_shape *s, int oy, int ox)
{
    int y = oy * s->stride_y - s->pad_top, x = ox * s->stride_x - s->pad_left;

    return (struct window){int_max(y, 0), int_min(y + s->kh, s->H), int_max(x, 0),
                           int_min(x + s->kw, s->W)};
}

static void window_back(const struct back *b, int n, int oy, int ox, uint8_t *taken)
{
    const struct conv_shape *s = &b->l->shape;
    struct window w = window_of(s, oy, ox);
    size_t C = (size_t)s->C,
           at = (((size_t)n * (size_t)s->OH + (size_t)oy) * (size_t)s->OW + (size_t)ox) * C;
    const float *dy = layer_dy(b->t, b->l) + at, *y = layer_y(b->t, b->l) + at;
    float share = 1.0f / (float)((w.y1 - w.y0) * (w.x1 - w.x0));

    if (b->max)
        memset(taken, 0, C);
    for (int iy = w.y0; iy < w.y1; iy++)
        for (int ix = w.x0; ix < w.x1; ix++) {
            size_t in = (((size_t)n * (size_t)s->H + (size_t)iy) * (size_t)s->W + (size_t)ix) * C;

            if (b->max)
                b->t->b.max_take(b->dx + in, layer_x(b->t, b->l, 0) + in, y, dy, taken, s->C);
            else
                b->t->b.multiply_add(b->dx + in, dy, share, C);
        }
}

static void image_back(void *arg, int n, int thread)
{
    const struct back *b = arg;
    const struct conv_shape *s = &b->l->shape;
    uint8_t *taken = (uint8_t *)b->t->scratch + (size_t)thread * floats_size((size_t)s->C);

    for (int oy = 0; oy < s->OH; oy++)
        for (int ox = 0; ox < s->OW; ox++)
            window_back(b, n, oy, ox, taken);
}

static size_t pool_scratch(const struct train *t, const struct layer *l)
{
    return (size_t)pool_threads(t->pool) * floats_size((size_t)l->shape.C);
}

static void pool_backward(struct train *t, struct layer *l)
{
    struct back b = {t, l, grad_add(t, l, 0), l->kind == &layer_max_pool};

    if (b.dx)
        pool_run(t->pool, l->shape.N, image_back, &b);
}

const struct layer_kind layer_max_pool = {"max_pool", NULL, pool_scratch, max_forward,
                                          pool_backward};
const struct layer_kind layer_average_pool = {"average_pool", NULL, pool_scratch, average_forward,
                                              pool_backward};

/* ---- resizing ------------------------------------------------------------------------------ */
int train_resize(struct train *t, int x, int times, enum resize_mode mode)
{
    struct layer *l;

    if (!build_has(t, x, "train_resize"))
        return -1;
    if (t->value[x].rank != 4 || times < 1)
        return build_wrong(t, "train_resize: rank %d, %d times", t->value[x].rank, times);
    l = build_layer(t, &layer_resize, &x, 1, 4,
                    (int[]){t->value[x].dim[0], t->value[x].dim[1] * times,
                            t->value[x].dim[2] * times, t->value[x].dim[3]});
    if (!l)
        return -1;
    l->resize = mode;
    l->times = times;
    return l->out;
}

static struct resize_shape resize_of(const struct train *t, const struct layer *l)
{
    const int *in = t->value[l->in[0]].dim, *out = t->value[l->out].dim;
    bool nearest = l->resize == RESIZE_NEAREST;

    return (struct resize_shape){.planes = in[0] * in[3],
                                 .H = in[1],
                                 .W = in[2],
                                 .OH = out[1],
                                 .OW = out[2],
                                 .scale_y = (float)l->times,
                                 .scale_x = (float)l->times,
                                 .mode = l->resize,
                                 .coord = nearest ? RESIZE_ASYMMETRIC : RESIZE_HALF_PIXEL,
                                 .round = ROUND_FLOOR};
}

static size_t resize_room(const struct train *t, const struct layer *l)
{
    struct resize_shape s = resize_of(t, l);

    return resize_scratch(&s, pool_threads(t->pool));
}

static void resize_forward(struct train *t, struct layer *l)
{
    struct hwc_io io = io_of(t, l);
    struct resize_shape s = resize_of(t, l);

    resize_hwc(&t->k, &s, t->value[l->in[0]].dim[0], &io, t->scratch, t->pool);
}

/* Along an axis, output i is (1 - share) of input `at` and share of the next. */
struct blend {
    int at;
    float share;
};

static struct blend blend_of(const struct layer *l, int i, int length)
{
    float x = ((float)i + 0.5f) / (float)l->times - 0.5f;
    struct blend b;

    if (l->resize == RESIZE_NEAREST)
        return (struct blend){i / l->times, 0};
    x = fminf(fmaxf(x, 0), (float)(length - 1));
    b.at = (int)x;
    b.share = x - (float)b.at;
    return b;
}

static void resize_image_back(void *arg, int n, int thread)
{
    const struct back *b = arg;
    const int *in = b->t->value[b->l->in[0]].dim, *out = b->t->value[b->l->out].dim;
    size_t C = (size_t)in[3];
    const float *dy = layer_dy(b->t, b->l) + (size_t)n * (size_t)out[1] * (size_t)out[2] * C;
    float *dx = b->dx + (size_t)n * (size_t)in[1] * (size_t)in[2] * C;

    (void)thread;
    for (int oy = 0; oy < out[1]; oy++)
        for (int ox = 0; ox < out[2]; ox++, dy += C) {
            struct blend y = blend_of(b->l, oy, in[1]), x = blend_of(b->l, ox, in[2]);

            for (int i = 0; i < 4; i++) {
                float share = (i / 2 ? y.share : 1 - y.share) * (i % 2 ? x.share : 1 - x.share);

                if (share > 0)
                    b->t->b.multiply_add(
                        dx + ((size_t)(y.at + i / 2) * (size_t)in[2] + (size_t)(x.at + i % 2)) * C,
                        dy, share, C);
            }
        }
}

static void resize_backward(struct train *t, struct layer *l)
{
    struct back b = {t, l, grad_add(t, l, 0), false};

    if (b.dx)
        pool_run(t->pool, t->value[l->in[0]].dim[0], resize_image_back, &b);
}

const struct layer_kind layer_resize = {"resize", NULL, resize_room, resize_forward,
                                        resize_backward};
