/* Gradients of depthwise convolutions, a tap along a row at a time. */
#include <string.h>

#include "perception/kernels/kernels_internal.h"
#include "perception/train/product.h"

enum { GROUPS = 16 }; /* of output rows, whose sums are added in order */

struct depth {
    struct train *t;
    const struct conv_shape *s;
    const float *x, *dy, *w, *bias;
    float *dx, *part;
    bool add;
};

bool product_is_depthwise(const struct conv_shape *s)
{
    return s->groups == s->C && s->M == s->C && s->C > 1;
}

size_t depth_scratch(const struct conv_shape *s)
{
    return floats_size((size_t)(GROUPS + 1) * (size_t)s->kh * (size_t)s->kw * (size_t)s->C);
}

/* The outputs of a row that tap kx of lies in the picture. */
static void outputs_of(const struct conv_shape *s, int kx, int *from, int *to)
{
    int first = kx * s->dilation_x - s->pad_left, last = s->W - 1 - first;

    *from = first < 0 ? div_up(-first, s->stride_x) : 0;
    *to = last < 0 ? 0 : int_min(s->OW, last / s->stride_x + 1);
}

static size_t row_at(int n, int height, int y, int width, int C)
{
    return ((size_t)n * (size_t)height + (size_t)y) * (size_t)width * (size_t)C;
}

/* ---- dx: each row from the outputs whose taps reach it --------------------------------------- */
static void input_row(void *arg, int i, int thread)
{
    const struct depth *d = arg;
    const struct conv_shape *s = d->s;
    int n = i / s->H, y = i % s->H;
    float *dx = d->dx + row_at(n, s->H, y, s->W, s->C);

    (void)thread;
    if (!d->add)
        memset(dx, 0, (size_t)s->W * (size_t)s->C * sizeof *dx);
    for (int x = 0; d->bias && x < s->W; x++)
        d->t->b.multiply_add(dx + (size_t)x * (size_t)s->C, d->bias, 1.0f, (size_t)s->C);
    for (int ky = 0; ky < s->kh; ky++) {
        int up = y + s->pad_top - ky * s->dilation_y, oy = up / s->stride_y;

        if (up < 0 || up % s->stride_y || oy >= s->OH)
            continue;
        for (int kx = 0; kx < s->kw; kx++) {
            struct tap_row r = {.C = s->C, .x_step = (size_t)s->stride_x * (size_t)s->C};
            int from, to;

            outputs_of(s, kx, &from, &to);
            r.n = to - from;
            r.dy = d->dy + row_at(n, s->OH, oy, s->OW, s->C) + (size_t)from * (size_t)s->C;
            if (r.n > 0)
                d->t->b.tap_input(
                    dx + (size_t)(from * s->stride_x - s->pad_left + kx * s->dilation_x) *
                             (size_t)s->C,
                    &r, d->w + (size_t)(ky * s->kw + kx) * (size_t)s->C);
        }
    }
}

void depth_input(struct train *t, const struct conv_shape *s, const float *dy, const float *w,
                 const float *bias, float *dx, bool add)
{
    float *taps = (float *)(void *)t->scratch;
    struct depth d = {.t = t, .s = s, .dy = dy, .w = taps, .bias = bias, .dx = dx, .add = add};
    size_t n = (size_t)s->kh * (size_t)s->kw;

    t->k.transpose(taps, (size_t)s->C, w, n, (size_t)s->C, n);
    pool_run(t->pool, s->N * s->H, input_row, &d);
}

/* ---- dw ---------------------------------------------------------------------------------------- */
static void weights_row(const struct depth *d, int n, int oy, float *sum)
{
    const struct conv_shape *s = d->s;

    for (int tap = 0; tap < s->kh * s->kw; tap++) {
        int y = oy * s->stride_y - s->pad_top + tap / s->kw * s->dilation_y, kx = tap % s->kw;
        struct tap_row r = {.C = s->C, .x_step = (size_t)s->stride_x * (size_t)s->C};
        int from, to;

        outputs_of(s, kx, &from, &to);
        r.n = to - from;
        r.dy = d->dy + row_at(n, s->OH, oy, s->OW, s->C) + (size_t)from * (size_t)s->C;
        if (y >= 0 && y < s->H && r.n > 0)
            d->t->b.tap_weights(
                sum + (size_t)tap * (size_t)s->C, &r,
                d->x + row_at(n, s->H, y, s->W, s->C) +
                    (size_t)(from * s->stride_x - s->pad_left + kx * s->dilation_x) * (size_t)s->C);
    }
}

static void weights_group(void *arg, int i, int thread)
{
    const struct depth *d = arg;
    const struct conv_shape *s = d->s;
    size_t each = (size_t)s->kh * (size_t)s->kw * (size_t)s->C, rows = (size_t)s->N * (size_t)s->OH;
    float *sum = d->part + (size_t)i * each;

    (void)thread;
    memset(sum, 0, each * sizeof *sum);
    for (size_t r = rows * (size_t)i / GROUPS; r < rows * (size_t)(i + 1) / GROUPS; r++)
        weights_row(d, (int)(r / (size_t)s->OH), (int)(r % (size_t)s->OH), sum);
}

void depth_weights(struct train *t, const struct conv_shape *s, const float *x, const float *dy,
                   float *dw)
{
    struct depth d = {.t = t, .s = s, .x = x, .dy = dy, .part = (float *)(void *)t->scratch};
    size_t taps = (size_t)s->kh * (size_t)s->kw, each = taps * (size_t)s->C;
    float *sum = d.part + GROUPS * each;

    pool_run(t->pool, GROUPS, weights_group, &d);
    memset(sum, 0, each * sizeof *sum);
    t->b.column_sums(sum, d.part, GROUPS, (int)each);
    t->k.transpose(dw, taps, sum, (size_t)s->C, taps, (size_t)s->C);
}
