/* Transposed convolution: one product gives, for every input pixel, what it adds to each output
 * channel through each tap; these columns are then added up in place. */
#include "perception/kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"

/* One group: (M / groups kh kw, C / groups) times (C / groups, H W), the weights stored transposed.
 */
static struct gemm_shape as_gemm(const struct conv_shape *s)
{
    int M = s->M / s->groups * s->kh * s->kw, N = s->H * s->W;

    return (struct gemm_shape){.M = M,
                               .N = N,
                               .K = s->C / s->groups,
                               .trans_a = true,
                               .alpha = 1.0f,
                               .lda = (size_t)M,
                               .ldb = (size_t)N,
                               .ldc = (size_t)N};
}

size_t conv_transpose_weights_size(const struct kernels *k, const struct conv_shape *s)
{
    struct gemm_shape g = as_gemm(s);

    return (size_t)s->groups * gemm_pack_a_size(k, g.M, g.K);
}

void conv_transpose_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                         void *packed)
{
    struct gemm_shape g = as_gemm(s);

    for (int i = 0; i < s->groups; i++)
        gemm_pack_a(k, &g, w + (size_t)i * g.M * g.K,
                    (char *)packed + i * gemm_pack_a_size(k, g.M, g.K));
}

size_t conv_transpose_scratch(const struct kernels *k, const struct conv_shape *s, int threads)
{
    struct gemm_shape g = as_gemm(s);

    return floats_size((size_t)g.M * g.N) + gemm_packed_scratch(k, &g, threads);
}

struct columns {
    const struct kernels *k;
    const struct conv_shape *s;
    const float *columns; /* (M / groups, kh, kw, H, W) */
    const struct epilogue *e;
    float *y;
    int channel0; /* of the group */
    size_t at0;   /* where its output begins */
};

/* y[ix stride + shift] += column[ix], where that is inside */
static void add_row(const struct conv_shape *s, const float *column, int shift, float *y)
{
    int step = s->stride_x;
    int lo = shift < 0 ? (-shift + step - 1) / step : 0;
    int hi = int_min(s->W, s->OW > shift ? (s->OW - shift - 1) / step + 1 : 0);

    for (int ix = lo; ix < hi; ix++)
        y[ix * step + shift] += column[ix];
}

/* Two taps side by side and two apart: every output gets exactly one product. */
static bool is_doubling(const struct conv_shape *s)
{
    return s->kh == 2 && s->kw == 2 && s->stride_y == 2 && s->stride_x == 2 && s->dilation_y == 1 &&
           s->dilation_x == 1 && s->pad_top == 0 && s->pad_left == 0 && s->OH == 2 * s->H &&
           s->OW == 2 * s->W;
}

static void doubling_piece(void *arg, int m, int thread)
{
    const struct columns *c = arg;
    const struct conv_shape *s = c->s;
    size_t from = (size_t)s->H * s->W, width = (size_t)s->OW;
    size_t at = c->at0 + (size_t)m * s->OH * width;

    (void)thread;
    for (int oy = 0; oy < s->OH; oy++, at += width) {
        const float *column = c->columns + ((size_t)m * 4 + (oy & 1) * 2) * from + oy / 2 * s->W;

        c->k->interleave(c->y + at, column, column + from, (size_t)s->W);
        if (c->e)
            epilogue_row(c->k, c->y + at, c->y + at, 1.0f, width, c->e, c->channel0 + m, at);
    }
}

static void columns_piece(void *arg, int m, int thread)
{
    const struct columns *c = arg;
    const struct conv_shape *s = c->s;
    int taps = s->kh * s->kw;
    size_t plane = (size_t)s->OH * s->OW, at = c->at0 + (size_t)m * plane;
    float *y = c->y + at;

    (void)thread;
    memset(y, 0, plane * sizeof *y);
    for (int t = 0; t < taps; t++)
        for (int iy = 0; iy < s->H; iy++) {
            int oy = iy * s->stride_y - s->pad_top + t / s->kw * s->dilation_y;

            if (oy >= 0 && oy < s->OH)
                add_row(s, c->columns + (((size_t)m * taps + t) * s->H + iy) * s->W,
                        t % s->kw * s->dilation_x - s->pad_left, y + (size_t)oy * s->OW);
        }
    if (c->e)
        epilogue_row(c->k, y, y, 1.0f, plane, c->e, c->channel0 + m, at);
}

void conv_transpose2d(const struct kernels *k, const struct conv_shape *s, const float *x,
                      const void *packed, const struct epilogue *e, float *y, void *scratch,
                      struct pool *pool)
{
    struct gemm_shape g = as_gemm(s);
    float *columns = scratch;
    void *rest = (char *)scratch + floats_size((size_t)g.M * g.N);
    int channels = s->M / s->groups;

    assert(s->C % s->groups == 0 && s->M % s->groups == 0);
    assert(!e || e->add != y); /* the sums start from zero */
    for (int i = 0; i < s->N * s->groups; i++) {
        int group = i % s->groups;
        struct columns c = {
            k, s, columns, e, y, group * channels, (size_t)i * channels * s->OH * s->OW};

        gemm_packed(k, &g, (const char *)packed + group * gemm_pack_a_size(k, g.M, g.K),
                    x + (size_t)i * g.K * g.N, columns, NULL, rest, pool);
        pool_run(pool, channels, is_doubling(s) ? doubling_piece : columns_piece, &c);
    }
}
