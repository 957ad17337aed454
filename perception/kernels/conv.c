/* Convolutions, three ways:
 *   depthwise  each channel alone, row by row from a padded copy of a few rows
 *   pointwise  1x1 with nothing around it: the picture already is the matrix B
 *   general    a product whose B is gathered block by block from the picture (implicit im2col) */
#include "perception/kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "perception/kernels/kernels_internal.h"

enum {
    BAND = 16,      /* output rows that a depthwise piece pads at a time */
    MAX_TAPS = 256, /* larger depthwise kernels take the general way */
};

int conv_length(int in, int kernel, int stride, int dilation, int pad_begin, int pad_end)
{
    int64_t room = (int64_t)in + pad_begin + pad_end - ((int64_t)dilation * (kernel - 1) + 1);

    return room < 0 ? 0 : (int)(room / stride + 1);
}

static bool is_depthwise(const struct conv_shape *s)
{
    return s->groups == s->C && s->M % s->C == 0 && s->kh * s->kw <= MAX_TAPS &&
           (s->C > 1 || s->M == 1);
}

static bool is_pointwise(const struct conv_shape *s)
{
    return s->kh == 1 && s->kw == 1 && s->stride_y == 1 && s->stride_x == 1 && s->pad_top == 0 &&
           s->pad_left == 0 && s->OH == s->H && s->OW == s->W;
}

const char *conv_kernel(const struct conv_shape *s)
{
    return is_depthwise(s) ? "depthwise" : is_pointwise(s) ? "pointwise" : "patches";
}

/* One group as a product: (M / groups, K) times (K, OH OW). */
static struct gemm_shape as_gemm(const struct conv_shape *s)
{
    int K = s->C / s->groups * s->kh * s->kw, N = s->OH * s->OW;

    return (struct gemm_shape){.M = s->M / s->groups,
                               .N = N,
                               .K = K,
                               .alpha = 1.0f,
                               .lda = (size_t)K,
                               .ldb = (size_t)N,
                               .ldc = (size_t)N};
}

size_t conv_weights_size(const struct kernels *k, const struct conv_shape *s)
{
    struct gemm_shape g = as_gemm(s);

    if (is_depthwise(s))
        return floats_size((size_t)s->M * s->kh * s->kw);
    return (size_t)s->groups * gemm_pack_a_size(k, g.M, g.K);
}

void conv_pack(const struct kernels *k, const struct conv_shape *s, const float *w, void *packed)
{
    struct gemm_shape g = as_gemm(s);

    if (is_depthwise(s)) {
        memcpy(packed, w, (size_t)s->M * s->kh * s->kw * sizeof *w);
        return;
    }
    for (int i = 0; i < s->groups; i++)
        gemm_pack_a(k, &g, w + (size_t)i * g.M * g.K,
                    (char *)packed + i * gemm_pack_a_size(k, g.M, g.K));
}

/* ---- depthwise ----------------------------------------------------------------------------- */

void taps_c(float *y, size_t n, int taps, const float *x, const int *at, const float *w, int stride)
{
    for (size_t i = 0; i < n; i++) {
        float s = 0.0f;

        for (int j = 0; j < taps; j++)
            s += w[j] * x[at[j] + i * stride];
        y[i] = s;
    }
}

static int padded_width(const struct conv_shape *s)
{
    return (s->OW - 1) * s->stride_x + (s->kw - 1) * s->dilation_x + 1;
}

static int band_height(const struct conv_shape *s, int out_rows)
{
    return (out_rows - 1) * s->stride_y + (s->kh - 1) * s->dilation_y + 1;
}

static size_t depthwise_scratch(const struct conv_shape *s)
{
    return floats_size((size_t)padded_width(s) * band_height(s, int_min(BAND, s->OH)) +
                       (size_t)s->stride_x); /* taps may read that much behind */
}

struct depthwise {
    const struct kernels *k;
    const struct conv_shape *s;
    const float *x, *w;
    const struct epilogue *e;
    float *y;
    char *scratch;
};

/* rows of the picture from y0 on, with its surroundings of zeros */
static void pad_rows(const struct conv_shape *s, const float *x, int y0, int rows, float *out)
{
    int width = padded_width(s), copy = int_min(s->W, width - s->pad_left);

    for (int y = y0; y < y0 + rows; y++, out += width) {
        if (y < 0 || y >= s->H || copy <= 0) {
            memset(out, 0, (size_t)width * sizeof *out);
            continue;
        }
        for (int i = 0; i < s->pad_left; i++)
            out[i] = 0.0f;
        memcpy(out + s->pad_left, x + (size_t)y * s->W, (size_t)copy * sizeof *out);
        for (int i = s->pad_left + copy; i < width; i++)
            out[i] = 0.0f;
    }
}

/* One output channel of one picture. */
static void depthwise_piece(void *arg, int i, int thread)
{
    const struct depthwise *d = arg;
    const struct conv_shape *s = d->s;
    int m = i % s->M, taps = s->kh * s->kw, width = padded_width(s);
    size_t plane_in = (size_t)(i / s->M) * s->C + (size_t)(m / (s->M / s->C));
    const float *x = d->x + plane_in * s->H * s->W;
    float *padded = (float *)(void *)(d->scratch + (size_t)thread * depthwise_scratch(s));
    int at[MAX_TAPS]; /* from the first to each tap */

    for (int t = 0; t < taps; t++)
        at[t] = t / s->kw * s->dilation_y * width + t % s->kw * s->dilation_x;
    for (int y0 = 0; y0 < s->OH; y0 += BAND) {
        int rows = int_min(BAND, s->OH - y0);

        pad_rows(s, x, y0 * s->stride_y - s->pad_top, band_height(s, rows), padded);
        for (int y = 0; y < rows; y++) {
            size_t out = ((size_t)i * s->OH + y0 + y) * s->OW;

            d->k->taps(d->y + out, (size_t)s->OW, taps, padded + (size_t)y * s->stride_y * width,
                       at, d->w + (size_t)m * taps, s->stride_x);
            if (d->e)
                epilogue_row(d->k, d->y + out, d->y + out, 1.0f, (size_t)s->OW, d->e, m, out);
        }
    }
}

/* ---- general ------------------------------------------------------------------------------- */

struct patches {
    const struct kernels *k;
    const struct conv_shape *s;
    const float *x; /* the group's first plane */
};

/* Outputs [n0, n0 + n) of the flattened picture, seen through tap (ky, kx) of one plane. */
static void patch_rows(const struct kernels *k, const struct conv_shape *s, const float *plane,
                       int ky, int kx, int n0, int n, float *out)
{
    int shift = kx * s->dilation_x - s->pad_left, step = s->stride_x; /* ix = ox step + shift */
    int inside = shift < 0 ? div_up(-shift, step) : 0; /* columns [inside, outside) lie in a row */
    int outside = int_max(inside, s->W > shift ? (s->W - shift - 1) / step + 1 : 0);

    for (int oy = n0 / s->OW, ox = n0 % s->OW; n > 0; oy++, ox = 0) {
        int iy = oy * s->stride_y - s->pad_top + ky * s->dilation_y;
        int end = int_min(s->OW, ox + n), lo = end, hi = end;

        if (iy >= 0 && iy < s->H) {
            lo = int_max(ox, int_min(inside, end));
            hi = int_max(lo, int_min(outside, end));
        }
        memset(out, 0, (size_t)(lo - ox) * sizeof *out);
        if (lo < hi)
            k->copy_strided(out + (lo - ox), plane + (ptrdiff_t)iy * s->W + lo * step + shift,
                            (size_t)(hi - lo), step);
        memset(out + (hi - ox), 0, (size_t)(end - hi) * sizeof *out);
        n -= end - ox;
        out += end - ox;
    }
}

/* Stride 1 and as many columns out as in: through one tap, outputs [n0, n0 + n) of the flattened
 * picture are one run of the flattened plane. What wrapped around at the ends of rows becomes 0. */
static void patch_run(const struct conv_shape *s, const float *plane, int ky, int kx, int n0, int n,
                      float *out)
{
    int down = ky * s->dilation_y - s->pad_top, shift = kx * s->dilation_x - s->pad_left;
    int64_t W = s->W, off = down * W + shift, end = n0 + n;
    int64_t lo = int64_clamp(-down * W > -off ? -down * W : -off, n0, end);
    int64_t hi = (s->H - down) * W < s->H * W - off ? (s->H - down) * W : s->H * W - off;
    int edge = int_min(shift < 0 ? -shift : shift, s->W);

    hi = int64_clamp(hi, lo, end);
    memset(out, 0, (size_t)(lo - n0) * sizeof *out);
    memcpy(out + (lo - n0), plane + lo + off, (size_t)(hi - lo) * sizeof *out);
    memset(out + (hi - n0), 0, (size_t)(end - hi) * sizeof *out);
    if (edge == 0)
        return;
    for (int64_t row = n0 / W * W; row < end; row += W) {
        int64_t first = shift < 0 ? row : row + W - edge;

        for (int64_t j = first < n0 ? n0 : first; j < first + edge && j < end; j++)
            out[j - n0] = 0.0f;
    }
}

static void patches_fill(const void *source, int k0, int K, int n0, int n, float *b, size_t ldb)
{
    const struct patches *p = source;
    const struct conv_shape *s = p->s;
    int taps = s->kh * s->kw;

    for (int k = k0; k < k0 + K; k++, b += ldb) {
        const float *plane = p->x + (size_t)(k / taps) * s->H * s->W;
        int ky = k % taps / s->kw, kx = k % s->kw;

        if (s->stride_y == 1 && s->stride_x == 1 && s->OW == s->W)
            patch_run(s, plane, ky, kx, n0, n, b);
        else
            patch_rows(p->k, s, plane, ky, kx, n0, n, b);
    }
}

static void pixels_fill(const void *source, int k0, int K, int n0, int n, float *b, size_t ldb)
{
    const struct patches *p = source;
    size_t plane = (size_t)p->s->H * p->s->W;

    for (int k = 0; k < K; k++)
        memcpy(b + k * ldb, p->x + (k0 + k) * plane + n0, (size_t)n * sizeof *b);
}

size_t conv_scratch(const struct kernels *k, const struct conv_shape *s, int threads)
{
    struct gemm_shape g = as_gemm(s);

    (void)k;
    return is_depthwise(s) ? (size_t)threads * depthwise_scratch(s)
                           : gemm_job_scratch(g.K, threads);
}

void conv2d(const struct kernels *k, const struct conv_shape *s, const float *x, const void *packed,
            const struct epilogue *e, float *y, void *scratch, struct pool *pool)
{
    struct gemm_shape g = as_gemm(s);

    assert(s->C % s->groups == 0 && s->M % s->groups == 0);
    if (s->OH <= 0 || s->OW <= 0)
        return;
    if (is_depthwise(s)) {
        struct depthwise d = {k, s, x, packed, e, y, scratch};

        pool_run(pool, s->N * s->M, depthwise_piece, &d);
        return;
    }
    for (int i = 0; i < s->N * s->groups; i++) {
        int group = i % s->groups;
        struct patches source = {k, s, x + (size_t)i * (s->C / s->groups) * s->H * s->W};
        struct gemm_job job = {
            .M = g.M,
            .N = g.N,
            .K = g.K,
            .ldc = g.ldc,
            .a = (const float *)(const void *)((const char *)packed +
                                               group * gemm_pack_a_size(k, g.M, g.K)),
            .c = y + (size_t)i * g.M * g.N,
            .e = e,
            .channel0 = group * g.M,
            .at0 = (size_t)i * g.M * g.N,
            .fill = is_pointwise(s) ? pixels_fill : patches_fill,
            .source = &source,
        };

        gemm_job_run(k, &job, scratch, pool);
    }
}
