/* The hot loops: one table of function pointers, filled once at start.
 * The reference in plain C goes in first, each instruction set overrides what it does better.
 * Every override is checked against the reference in tests/kernels/. Kernels never allocate;
 * scratch memory is the caller's, its size comes from the *_scratch() beside the kernel.
 * A kernel that is worth splitting takes a pool (NULL: inline); results do not depend on it.
 *
 * Two layers: the table holds what differs between instruction sets (a matrix tile, one row of
 * pixels); gemm(), conv2d() and the rest are built from the table and take it first.
 * Tensors are float32 and dense, planes one after the other (N, C, H, W). Pointers need the
 * alignment of their type only. Outputs do not overlap inputs unless "in place" is said. */
#ifndef OUTRIDER_KERNELS_H
#define OUTRIDER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/base/pool.h"

enum cpu {
    CPU_AVX2 = 1 << 0, /* with FMA */
    CPU_AVX512 = 1 << 1,
    CPU_VNNI = 1 << 2,
    CPU_NEON = 1 << 3,
};
unsigned cpu_detect(void);
const char *cpu_name(unsigned cpu); /* "c", "avx2", "avx512", ... the best bit set */
/* "c", "avx2", "avx512,vnni", "native" -> mask. ERR_FORMAT names the word. */
MUST_CHECK enum err cpu_parse(const char *text, unsigned *mask, struct why *why);

enum unary {
    UNARY_EXP,
    UNARY_SIGMOID,
    UNARY_TANH,
    UNARY_SQRT,
    UNARY_ABS,
    UNARY_NEG,
    UNARY_ERF,
    UNARY_GELU,
    UNARY_GELU_TANH,
    UNARY_COUNT
};
enum binary {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MAX,
    BINARY_MIN,
    BINARY_RSUB, /* b - a */
    BINARY_RDIV, /* b / a */
    BINARY_COUNT
};

enum act {
    ACT_NONE,
    ACT_RELU,
    ACT_CLIP,  /* min(max(v, a), b); relu6 is a = 0, b = 6 */
    ACT_LEAKY, /* v < 0 ? a v : v; PRelu of one channel */
    ACT_SIGMOID,
    ACT_TANH,
    ACT_SILU,        /* v sigmoid(v) */
    ACT_HARDSIGMOID, /* min(max(a v + b, 0), 1) */
    ACT_HARDSWISH,   /* v min(max(v / 6 + 1/2, 0), 1) */
    ACT_COUNT
};

/* What happens to one row of results on its way out. */
struct finish {
    float scale, shift; /* v = x scale + shift */
    const float *add;   /* one per element or NULL: a residual, added before or after act */
    bool add_after;
    enum act act;
    float a, b;
};

struct hwc_tile;
struct hwc_taps;
struct winograd_tile;
struct hwc8_tile;
struct hwc8_taps;
struct hwc8_rows;
struct bytes_move;
struct bytes_max;
struct hwc8_woven;
struct hwc8_finish;

struct kernels {
    unsigned cpu; /* the CPU_ bits in use */

    /* c (rows, tile_cols) = or += a b.  rows <= tile_rows.
     *   a (K, rows) packed, b (K, tile_cols) in rows ldb apart, c in rows ldc apart */
    int tile_rows, tile_cols;
    void (*tile)(int rows, int K, const float *a, const float *b, size_t ldb, float *c, size_t ldc,
                 bool accumulate);
    /* y[i] = sum over j < taps of w[j] x[at[j] + i stride].  y (n). From each at[j] on, n stride
     * numbers must be readable. */
    void (*taps)(float *y, size_t n, int taps, const float *x, const int *at, const float *w,
                 int stride);

    /* Channels last (hwc.h): at most hwc_pixels pixels times hwc_channels output channels, in
     * registers of hwc_lanes. */
    int hwc_lanes, hwc_pixels, hwc_channels;
    void (*hwc_tile)(const struct hwc_tile *t);
    void (*hwc_taps)(const struct hwc_taps *t);
    void (*hwc_sum)(const struct hwc_taps *t);
    void (*hwc_max)(const struct hwc_taps *t);
    void (*winograd_in)(const struct winograd_tile *t);
    void (*winograd_out)(const struct winograd_tile *t);
    /* y[i] = sum over j < 4 of t[j] x[j][i] */
    void (*hwc_blend)(float *y, const float *const x[4], const float t[4], size_t n);
    /* n channels of each pixel; the pixels lie x_step and y_step apart */
    void (*hwc_copy)(float *y, size_t y_step, const float *x, size_t x_step, size_t n,
                     size_t pixels);

    /* The same in 8 bits (hwc8.h). */
    int hwc8_lanes, hwc8_pixels, hwc8_channels;
    int hwc8_weaves; /* 1: depthwise convolutions go over woven rows */
    void (*hwc8_tile)(const struct hwc8_tile *t);
    void (*hwc8_taps)(const struct hwc8_taps *t);
    void (*hwc8_rows)(const struct hwc8_rows *t);
    /* Bytes moved and compared (bytes.h). */
    void (*bytes_move)(const struct bytes_move *m);
    void (*bytes_max)(const struct bytes_max *m);
    /* y[3 i] = a[i], y[3 i + 1] = b[i], y[3 i + 2] = c[i] for i < n */
    void (*bytes_threes)(uint8_t *y, const uint8_t *a, const uint8_t *b, const uint8_t *c,
                         size_t n);
    /* Sums, pixels in rows of HWC8_MAX_CHANNELS, to what is stored. */
    void (*hwc8_finish)(const int32_t *sum, int pixels, int channels, const struct hwc8_finish *f);
    /* to[4 i + j] = row[j][i], i < n, and sums over what is woven so. */
    void (*hwc8_weave)(uint8_t *to, const uint8_t *const row[4], size_t n);
    void (*hwc8_woven)(const struct hwc8_woven *t);

    /* Rows of n numbers; y may be x (in place). */
    void (*finish)(float *y, const float *x, size_t n, const struct finish *f);
    void (*unary[UNARY_COUNT])(float *y, const float *x, size_t n);
    void (*binary[BINARY_COUNT])(float *y, const float *a, const float *b, size_t n);
    void (*scalar[BINARY_COUNT])(float *y, const float *a, float b, size_t n);
    float (*sum)(const float *x, size_t n);
    float (*sum_squares)(const float *x, size_t n, float mean); /* of x - mean */
    float (*max)(const float *x, size_t n);                     /* n >= 1 */
    float (*min)(const float *x, size_t n);                     /* n >= 1 */
    float (*dot)(const float *a, const float *b, size_t n);
    void (*softmax)(float *y, const float *x, size_t n);
    /* The same down each of n columns of `axis` >= 1 rows that lie step apart. */
    void (*softmax_columns)(float *y, const float *x, size_t axis, size_t step, size_t n);
    /* y = (x - mean) / sqrt(variance + epsilon) scale[i] + bias[i]; bias may be NULL */
    void (*layernorm)(float *y, const float *x, size_t n, const float *scale, const float *bias,
                      float epsilon);

    /* y = saturate(round_half_even(x / scale) + zero); NaN becomes the lowest value */
    void (*quantize_u8)(uint8_t *y, const float *x, size_t n, float scale, int zero);
    void (*quantize_i8)(int8_t *y, const float *x, size_t n, float scale, int zero);
    /* y = (x - zero) scale */
    void (*dequantize_u8)(float *y, const uint8_t *x, size_t n, float scale, int zero);
    void (*dequantize_i8)(float *y, const int8_t *x, size_t n, float scale, int zero);
    void (*dequantize_i32)(float *y, const int32_t *x, size_t n, float scale, int zero);

    /* y[i] = x[i stride] */
    void (*copy_strided)(float *y, const float *x, size_t n, int stride);
    /* y[i] = which[i] ? a[i step_a] : b[i step_b], bit for bit; steps 0 or 1 */
    void (*select)(float *y, const uint8_t *which, const float *a, int step_a, const float *b,
                   int step_b, size_t n);
    /* y[2 i] = a[i], y[2 i + 1] = b[i] */
    void (*interleave)(float *y, const float *a, const float *b, size_t n);
    /* y[i rows + r] = x[r row + i], 1 to 4 rows of n numbers */
    void (*interleave_few)(float *y, const float *x, size_t row, int rows, size_t n);
    /* y[i] = y[i] + x[i stride] */
    void (*add_strided)(float *y, const float *x, size_t n, int stride);
    /* y[i] = max(y[i], x[i stride]) */
    void (*max_strided)(float *y, const float *x, size_t n, int stride);
    /* y[i] = a[i] (1 - t) + b[i] t */
    void (*blend)(float *y, const float *a, const float *b, size_t n, float t);
    /* y[i] = x[at[i]] (1 - t[i]) + x[at[i] + 1] t[i] */
    void (*blend_gather)(float *y, const float *x, size_t n, const int *at, const float *t);
    /* y (cols, rows) = x (rows, cols), rows ldx and ldy apart */
    void (*transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t cols);
};

/* cpu_mask 0: the reference; ~0u: all this machine has. Never more than cpu_detect(), and less where
 * a level fails its check: k->cpu says what is in use. */
void kernels_init(struct kernels *k, unsigned cpu_mask);

/* ---- what a convolution does to its sums, per output channel ------------------------------- */
struct epilogue {
    const float *bias; /* (channels) or NULL */
    const float *add;  /* a residual with the output's shape, or NULL; may be the output itself */
    bool add_after;    /* act(v) + add; otherwise act(v + add) */
    enum act act;
    float a, b;         /* see enum act */
    const float *slope; /* (channels) replaces a; with ACT_LEAKY this is PRelu. Or NULL */
};

/* y[c][i] = epilogue of x[c][i] scale[c].  x, y (C, n), may be the same; scale NULL: 1. */
void channels_finish(const struct kernels *k, float *y, const float *x, const float *scale, int C,
                     size_t n, const struct epilogue *e, struct pool *pool);
/* y[c][i] = x[c][i] op b[c].  x, y (C, n), may be the same. */
void channels_binary(const struct kernels *k, enum binary op, float *y, const float *x,
                     const float *b, int C, size_t n);
/* y = softmax(x) over the middle axis.  x, y (outer, axis, inner), may be the same. */
void softmax_axis(const struct kernels *k, float *y, const float *x, size_t outer, size_t axis,
                  size_t inner, struct pool *pool);

/* ---- matrices ------------------------------------------------------------------------------ */
/* C = alpha op(A) op(B) + beta C.  op(A) (M, K), op(B) (K, N), C (M, N), row-major; ld* is the
 * distance between rows as stored. With beta 0, C is not read. */
struct gemm_shape {
    int M, N, K;
    bool trans_a, trans_b;
    float alpha, beta;
    size_t lda, ldb, ldc;
};
size_t gemm_scratch(const struct kernels *k, const struct gemm_shape *s, int threads); /* bytes */
void gemm(const struct kernels *k, const struct gemm_shape *s, const float *a, const float *b,
          float *c, void *scratch, struct pool *pool);

/* The same where op(B) is small and A a stack of rows (alpha 1, beta 0, see gemm_rows_fits()): less
 * is packed. */
bool gemm_rows_fits(const struct gemm_shape *s);
size_t gemm_rows_scratch(const struct kernels *k, const struct gemm_shape *s); /* bytes */
void gemm_rows(const struct kernels *k, const struct gemm_shape *s, const float *a, const float *b,
               float *c, void *scratch, struct pool *pool);

/* The same with alpha op(A) packed once, for weights. The packing belongs to the table's CPU level.
 * e may be NULL; its channels are the rows of C, its add has C's layout. */
size_t gemm_pack_a_size(const struct kernels *k, int M, int K); /* bytes */
void gemm_pack_a(const struct kernels *k, const struct gemm_shape *s, const float *a, void *packed);
size_t gemm_packed_scratch(const struct kernels *k, const struct gemm_shape *s, int threads);
void gemm_packed(const struct kernels *k, const struct gemm_shape *s, const void *packed,
                 const float *b, float *c, const struct epilogue *e, void *scratch,
                 struct pool *pool);

/* Y = or += X transpose(W), for weights and few rows.  X (M, K), W (N, K) packed once, Y (M, N);
 * K = 0 gives zeros. The packing belongs to the table's CPU level. */
size_t dense_pack_size(const struct kernels *k, int N, int K); /* bytes */
void dense_pack(const struct kernels *k, int N, int K, const float *w, void *packed);
size_t dense_scratch(const struct kernels *k, int K, int threads); /* bytes */
void dense(const struct kernels *k, int M, int N, int K, const float *x, size_t ldx,
           const void *packed, float *y, size_t ldy, bool accumulate, void *scratch,
           struct pool *pool);
/* The same for at most tile_rows rows that lie turned already, (K, rows). */
void dense_step(const struct kernels *k, int rows, int N, int K, const float *turned,
                const void *packed, float *y, size_t ldy, bool accumulate);

/* ---- convolutions -------------------------------------------------------------------------- */
/* x (N, C, H, W), w (M, C / groups, kh, kw), y (N, M, OH, OW) */
struct conv_shape {
    int N, C, H, W;
    int M, OH, OW;
    int kh, kw;
    int stride_y, stride_x;
    int dilation_y, dilation_x;
    int pad_top, pad_left, pad_bottom, pad_right;
    int groups;
};
/* Output length of a convolution along one axis; <= 0 if the kernel does not fit. */
int conv_length(int in, int kernel, int stride, int dilation, int pad_begin, int pad_end);
const char *conv_kernel(const struct conv_shape *s); /* in a word: "pointwise" */
size_t conv_weights_size(const struct kernels *k, const struct conv_shape *s); /* bytes */
void conv_pack(const struct kernels *k, const struct conv_shape *s, const float *w, void *packed);
size_t conv_scratch(const struct kernels *k, const struct conv_shape *s, int threads); /* bytes */
void conv2d(const struct kernels *k, const struct conv_shape *s, const float *x, const void *packed,
            const struct epilogue *e, float *y, void *scratch, struct pool *pool);

/* Transposed: w (C, M / groups, kh, kw), the shape as ONNX ConvTranspose names things:
 * OH = (H - 1) stride_y + output_padding + (kh - 1) dilation_y + 1 - pad_top - pad_bottom. */
size_t conv_transpose_weights_size(const struct kernels *k, const struct conv_shape *s);
void conv_transpose_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                         void *packed);
size_t conv_transpose_scratch(const struct kernels *k, const struct conv_shape *s, int threads);
void conv_transpose2d(const struct kernels *k, const struct conv_shape *s, const float *x,
                      const void *packed, const struct epilogue *e, float *y, void *scratch,
                      struct pool *pool);

/* ---- pooling: the shape with M = C and groups = 1; OH and OW decide about ceil_mode -------- */
void max_pool2d(const struct kernels *k, const struct conv_shape *s, const float *x, float *y,
                struct pool *pool);
/* count_pads: divide by the window cut to the padded picture, otherwise to the picture itself */
void average_pool2d(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                    const float *x, float *y, struct pool *pool);

/* ---- resize of planes ---------------------------------------------------------------------- */
enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR };
enum resize_coord {                            /* from an output index i to an input coordinate */
                    RESIZE_HALF_PIXEL,         /* (i + 1/2) / scale - 1/2 */
                    RESIZE_PYTORCH_HALF_PIXEL, /* the same; 0 where the output has one pixel */
                    RESIZE_ASYMMETRIC,         /* i / scale */
                    RESIZE_ALIGN_CORNERS,      /* i (in - 1) / (out - 1) */
};
enum resize_round { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL };
/* x (planes, H, W), y (planes, OH, OW) */
struct resize_shape {
    int planes, H, W, OH, OW;
    float scale_y, scale_x; /* out / in */
    enum resize_mode mode;
    enum resize_coord coord;
    enum resize_round round; /* nearest only */
};
size_t resize_scratch(const struct resize_shape *s, int threads); /* bytes */
void resize2d(const struct kernels *k, const struct resize_shape *s, const float *x, float *y,
              void *scratch, struct pool *pool);

#endif
