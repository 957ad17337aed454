/* Transposed convolution channels last. Where neither taps nor strides overlap (an upsampling by
 * kernel = stride), one row of taps is a pointwise convolution: the outputs of all its taps lie side
 * by side, as if they were channels of the input pixel. Otherwise every stride-th output along each axis, a phase, is an
 * ordinary convolution of stride 1 with those taps that fall on it, in reverse: the tap ky = r + j
 * stride brings input row (oy + pad - ky) / stride. Nothing is computed twice or added up later. */
#include <assert.h>

#include "perception/kernels/hwc_internal.h"

static bool is_tiling(const struct conv_shape *s)
{
    return s->kh == s->stride_y && s->kw == s->stride_x && s->pad_top == 0 && s->pad_left == 0 &&
           s->OH == s->H * s->stride_y && s->OW == s->W * s->stride_x && s->groups == 1;
}

/* One row of taps of such a one. */
static struct conv_shape row_of(const struct conv_shape *s)
{
    struct conv_shape p = *s;

    p.kh = p.kw = p.stride_y = p.stride_x = 1;
    p.pad_bottom = p.pad_right = 0;
    p.M = s->kw * s->M;
    p.OH = s->H;
    p.OW = s->W;
    return p;
}

/* Channel m of a row of taps is tap m / M, channel m % M. */
static float row_weight_at(const struct hwc_weights *w, int m, int i)
{
    const struct conv_shape *s = w->s;

    return w->w[(((size_t)i * s->M + m % s->M) * s->kh + w->phase_y) * s->kw + m / s->M];
}

/* One axis of a phase. */
struct axis {
    int first; /* the smallest tap that falls on it */
    int taps, pad, out;
};

static struct axis axis_of(int phase, int kernel, int stride, int pad, int out)
{
    struct axis a = {.first = (phase + pad) % stride};

    a.taps = kernel > a.first ? (kernel - a.first - 1) / stride + 1 : 0;
    a.pad = a.taps - 1 - (phase + pad - a.first) / stride;
    a.out = out > phase ? (out - phase - 1) / stride + 1 : 0;
    return a;
}

struct conv_shape hwc_phase_of(const struct conv_shape *s, int py, int px)
{
    struct axis y = axis_of(py, s->kh, s->stride_y, s->pad_top, s->OH);
    struct axis x = axis_of(px, s->kw, s->stride_x, s->pad_left, s->OW);
    struct conv_shape p = *s;

    p.kh = y.taps;
    p.kw = x.taps;
    p.pad_top = y.pad;
    p.pad_left = x.pad;
    p.OH = y.out;
    p.OW = x.out;
    p.stride_y = p.stride_x = 1;
    if (p.kh == 0 || p.kw == 0) { /* one tap of weight 0 */
        p.kh = p.kw = 1;
        p.pad_top = p.pad_left = 0;
    }
    return p;
}

static size_t phase_floats(const struct kernels *k, const struct conv_shape *p)
{
    return (size_t)p->groups *
           hwc_panels_floats(k, p->M / p->groups, p->C / p->groups * p->kh * p->kw);
}

bool conv_transpose_hwc_fits(const struct conv_shape *s)
{
    return s->dilation_y == 1 && s->dilation_x == 1 && (int64_t)s->kh * s->kw <= HWC_MAX_TAPS;
}

size_t conv_transpose_hwc_weights_size(const struct kernels *k, const struct conv_shape *s)
{
    size_t n = 0;

    if (is_tiling(s))
        return floats_size((size_t)s->kh * hwc_panels_floats(k, s->kw * s->M, s->C) +
                           (size_t)s->kw * s->M);
    for (int i = 0; i < s->stride_y * s->stride_x; i++) {
        struct conv_shape p = hwc_phase_of(s, i / s->stride_x, i % s->stride_x);

        n += phase_floats(k, &p);
    }
    return floats_size(n);
}

ptrdiff_t hwc_phase_at(const struct conv_shape *s, int py, int px, int m, int i)
{
    struct axis y = axis_of(py, s->kh, s->stride_y, s->pad_top, s->OH);
    struct axis x = axis_of(px, s->kw, s->stride_x, s->pad_left, s->OW);
    int channels = s->C / s->groups, c = i % channels, tap = i / channels;
    int ky, kx;

    if (y.taps == 0 || x.taps == 0)
        return -1;
    ky = y.first + (y.taps - 1 - tap / x.taps) * s->stride_y;
    kx = x.first + (x.taps - 1 - tap % x.taps) * s->stride_x;
    return (((ptrdiff_t)c * (s->M / s->groups) + m) * s->kh + ky) * s->kw + kx;
}

static void pack_rows(const struct kernels *k, const struct conv_shape *s, const float *w,
                      const float *bias, float *to)
{
    float *biases = to + (size_t)s->kh * hwc_panels_floats(k, s->kw * s->M, s->C);

    for (int i = 0; i < s->kw * s->M; i++)
        biases[i] = bias ? bias[i % s->M] : 0.0f;
    for (int ky = 0; ky < s->kh; ky++) {
        struct hwc_weights one = {.s = s,
                                  .w = w,
                                  .bias = biases,
                                  .M = s->kw * s->M,
                                  .K = s->C,
                                  .phase_y = ky,
                                  .at = row_weight_at};

        hwc_panels_fill(k, &one, to);
        to += hwc_panels_floats(k, one.M, one.K);
    }
}

void conv_transpose_hwc_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                             const float *bias, void *packed)
{
    int C = s->C / s->groups, M = s->M / s->groups;
    float *to = packed;

    if (is_tiling(s)) {
        pack_rows(k, s, w, bias, packed);
        return;
    }
    for (int i = 0; i < s->stride_y * s->stride_x; i++) {
        struct conv_shape p = hwc_phase_of(s, i / s->stride_x, i % s->stride_x);
        ptrdiff_t tap[HWC_MAX_TAPS];

        for (int j = 0; j < p.kh * p.kw; j++)
            tap[j] = hwc_phase_at(s, i / s->stride_x, i % s->stride_x, 0, j * C);
        for (int g = 0; g < s->groups; g++) {
            struct hwc_weights one = {.s = s,
                                      .w = w + (size_t)g * C * M * s->kh * s->kw,
                                      .bias = bias ? bias + g * M : NULL,
                                      .M = M,
                                      .K = C * p.kh * p.kw,
                                      .tap = tap,
                                      .channels = C,
                                      .m_step = (ptrdiff_t)s->kh * s->kw,
                                      .c_step = (ptrdiff_t)M * s->kh * s->kw};

            hwc_panels_fill(k, &one, to);
            to += hwc_panels_floats(k, M, one.K);
        }
    }
}

size_t conv_transpose_hwc_scratch(const struct kernels *k, const struct conv_shape *s, int threads)
{
    size_t most = 0;

    (void)k;
    if (is_tiling(s))
        return floats_size((size_t)s->kw * s->M); /* slopes */
    for (int i = 0; i < s->stride_y * s->stride_x; i++) {
        struct conv_shape p = hwc_phase_of(s, i / s->stride_x, i % s->stride_x);
        size_t n = 0;

        if (p.OH > 0 && p.OW > 0 && hwc_is_padded(&p))
            n = floats_size(hwc_band_floats(&p));
        most = n > most ? n : most;
    }
    return (size_t)threads * most;
}

static void run_rows(const struct kernels *k, const struct conv_shape *s, const struct hwc_io *io,
                     const float *weights, const struct epilogue *e, float *slopes,
                     struct pool *pool)
{
    struct conv_shape p = row_of(s);
    struct epilogue each = e ? *e : (struct epilogue){.act = ACT_NONE};

    if (each.slope) {
        for (int i = 0; i < p.M; i++)
            slopes[i] = each.slope[i % s->M];
        each.slope = slopes;
    }
    for (int ky = 0; ky < s->kh; ky++) {
        struct hwc_conv c = {.k = k,
                             .s = &p,
                             .io = *io,
                             .grid = {(size_t)ky * s->OW, (size_t)s->OH * s->OW,
                                      (size_t)s->stride_y * s->OW, (size_t)s->stride_x},
                             .e = &each,
                             .weights = weights,
                             .pixels = (int64_t)s->H * s->W,
                             .in_pixels = (size_t)s->H * s->W};

        hwc_conv_run(&c, pool);
        weights += hwc_panels_floats(k, p.M, p.C);
    }
}

void conv_transpose_hwc(const struct kernels *k, const struct conv_shape *s,
                        const struct hwc_io *io, const void *packed, const struct epilogue *e,
                        void *scratch, struct pool *pool)
{
    const float *weights = packed;

    assert(conv_transpose_hwc_fits(s));
    if (is_tiling(s)) { /* pixels lie close together, or taps would not lie side by side */
        assert(io->y_pitch == (size_t)s->M && (!io->add || io->add_pitch == (size_t)s->M));
        run_rows(k, s, io, packed, e, scratch, pool);
        return;
    }
    for (int i = 0; i < s->stride_y * s->stride_x; i++) {
        int py = i / s->stride_x, px = i % s->stride_x;
        struct conv_shape p = hwc_phase_of(s, py, px);
        struct hwc_conv c = {.k = k,
                             .s = &p,
                             .io = *io,
                             .grid = {(size_t)py * s->OW + (size_t)px, (size_t)s->OH * s->OW,
                                      (size_t)s->stride_y * s->OW, (size_t)s->stride_x},
                             .e = e,
                             .weights = weights,
                             .scratch = scratch,
                             .pixels = (int64_t)p.OH * p.OW,
                             .in_pixels = (size_t)s->H * s->W};

        if (p.OH > 0 && p.OW > 0)
            hwc_conv_run(&c, pool);
        weights += phase_floats(k, &p);
    }
}
