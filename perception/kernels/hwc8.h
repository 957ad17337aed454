/* Channels last in 8 bits: activations are bytes, q = round(v / scale) + zero in 0..255, weights
 * signed bytes with a scale per output channel, sums exact in 32 bits. What a file calls int8 is held
 * with 128 added, so that there is one kind of picture.
 *
 * On their way out sums become real numbers, go through the float steps of the network and are
 * rounded as ONNX says: saturate(round_half_even(v / scale) + zero), with the quotient rounded once.
 * All levels take the same steps in the same order: their results differ only where e^x does. Where
 * sums become bytes with nothing but NONE, RELU, CLIP or LEAKY between, v is counted in steps of y
 * from the start, two roundings instead of three: i (scale / as.scale) + bias / as.scale.
 *
 * Pictures (N, H, W, C), dense. Four bytes are read at a time: HWC8_SLACK bytes behind the last
 * pixel must be readable. */
#ifndef OUTRIDER_KERNELS_HWC8_H
#define OUTRIDER_KERNELS_HWC8_H

#include "perception/kernels/bytes.h"
#include "perception/kernels/kernels.h"

enum {
    HWC8_SLACK = 3,
    HWC8_MAX_CHANNELS = 32, /* of a tile, at any level */
    HWC8_WOVEN_ROWS = 4,
};

struct q8 { /* q stands for (q - zero) scale */
    float scale;
    int zero; /* 0..255 */
};

/* From a whole number i to what is stored, in this order. Pointers to one number per channel. */
struct hwc8_finish {
    float unit;
    const float *scale, *bias; /* v = i scale + bias; NULL: unit, 0 */
    struct q8 mid;             /* v as these steps can say it; scale 0: left out */
    const float *gain, *shift; /* v = v gain + shift; both or none */
    enum act act;
    float a, b;
    const float *slope; /* replaces a with ACT_LEAKY, or NULL */
    const uint8_t *add; /* a residual, pixels add_step apart; or NULL */
    ptrdiff_t add_step;
    struct q8 add_as;
    const float *add_scale; /* one per channel instead of add_as.scale, or NULL */
    bool add_after;         /* act(v) + add; otherwise act(v + add) */
    struct q8 as;           /* of y */
    uint8_t *y;
    float *real; /* v itself instead of y, or NULL */
    ptrdiff_t y_step;
};

/* i[p][m] = start[m] + sum over g < segments, j < 4 steps of
 *           x[p x_step + segment[g] + j] w[g steps + j / 4][m][j % 4] */
struct hwc8_tile {
    int pixels, channels; /* channels 1..hwc8_channels */
    int segments, steps;  /* >= 1 */
    const ptrdiff_t *segment;
    const uint8_t *x;
    ptrdiff_t x_step;
    const int32_t *start; /* these two in rows of channels rounded up to hwc8_lanes */
    const int8_t *w;
    struct hwc8_finish finish;
};

/* i[p][c] = sum over j < rows, t < cols of
 *           (row[j][p step + t dilation + c] - x_zero) w[j w_row + t channels + c]
 * w NULL: 1 everywhere. */
struct hwc8_taps {
    int pixels, channels;
    int rows, cols; /* of taps; 0 is fine */
    const uint8_t *const *row;
    ptrdiff_t step, dilation;
    int x_zero;
    const int32_t *w; /* low 16 bits: the weight; high 16 bits: 0 */
    ptrdiff_t w_row;
    struct hwc8_finish finish;
};

/* out[r out_row + p HWC8_MAX_CHANNELS + c] = start[c] + sum over g < fours, i < cols, j < 4 of
 * x[g row + p step + i dilation + 4 c + j] w[((r fours + g) cols + i) w_col + 4 c + j]
 * Whole registers are written of out, and read of x: 60 bytes behind its last must be readable. */
struct hwc8_woven {
    int pixels, channels; /* channels <= HWC8_MAX_CHANNELS */
    int outputs;          /* 1, 2 or HWC8_WOVEN_ROWS rows of them */
    int fours, cols;
    const uint8_t *x;
    ptrdiff_t row, step, dilation; /* bytes */
    const int32_t *start;
    const int8_t *w;
    ptrdiff_t w_col;
    int32_t *out;
    ptrdiff_t out_row;
};

/* i[p][c] = x[p x_step + c] - x_zero */
struct hwc8_rows {
    size_t pixels, channels;
    const uint8_t *x;
    ptrdiff_t x_step;
    int x_zero;
    struct hwc8_finish finish;
};

/* ---- convolutions: the shapes that conv_hwc() and conv_transpose_hwc() take (hwc.h) ------------ */
struct hwc8_weights {
    const int8_t *w;    /* as in conv_hwc_pack, conv_transpose_hwc_pack */
    const float *scale; /* (M): of a product, x_scale w_scale */
    const float *bias;  /* (M) or NULL */
    int x_zero;
};
size_t conv_hwc8_weights_size(const struct kernels *k, const struct conv_shape *s,
                              bool transposed); /* bytes */
void conv_hwc8_pack(const struct kernels *k, const struct conv_shape *s, bool transposed,
                    const struct hwc8_weights *w, void *packed);
size_t conv_hwc8_scratch(const struct conv_shape *s, bool transposed,
                         int threads); /* bytes; wanted on cache lines */
/* f: scale and bias are in the packing; y, real, add: the whole pictures, y_step and add_step from
 * pixel to pixel. */
void conv_hwc8(const struct kernels *k, const struct conv_shape *s, bool transposed,
               const uint8_t *x, int x_zero, const void *packed, const struct hwc8_finish *f,
               void *scratch, struct pool *pool);

/* Products of two pictures of bytes, x (pixels, K) and a (M, K): y[p][m] = sum of (x - x_zero)
 * (a - a_zero). The difference needs nine bits: it is packed as the sum of two weights, which the
 * shape names as two rows of taps no distance apart. */
struct conv_shape product_hwc8(int pixels, int K, int M);
void product_hwc8_pack(const struct kernels *k, const struct conv_shape *s, const uint8_t *a,
                       int a_zero, int x_zero, float scale, void *packed);

/* ---- the rest ---------------------------------------------------------------------------------- */
/* Each number alone; x (pixels, channels). */
void rows_hwc8(const struct kernels *k, const struct hwc8_rows *r, struct pool *pool);
void move_hwc8(const struct kernels *k, const struct bytes_move *m, struct pool *pool);
/* Shapes as in max_pool_hwc(), average_pool_hwc(). max: y in the steps of x. f: y, y_step, as. */
void max_pool_hwc8(const struct kernels *k, const struct conv_shape *s, const uint8_t *x,
                   uint8_t *y, struct pool *pool);
void average_pool_hwc8(const struct kernels *k, const struct conv_shape *s, bool count_pads,
                       const uint8_t *x, struct q8 x_as, const struct hwc8_finish *f,
                       struct pool *pool);
/* Resize to the nearest, x (N, H, W, C), y (N, OH, OW, C), s->planes N C. Scratch: resize_scratch(). */
void nearest_hwc8(const struct resize_shape *s, int N, const uint8_t *x, uint8_t *y, void *scratch,
                  struct pool *pool);
/* Pixels [from, to) of y = q of x, (C, space) to (space, C) and back; planes false: already
 * (space, C) */
struct border8 {
    size_t C, space;
    struct q8 as;
    bool planes;
};
void quantize_hwc8(const struct kernels *k, const struct border8 *b, const float *x, uint8_t *y,
                   size_t from, size_t to);
void dequantize_hwc8(const struct kernels *k, const struct border8 *b, const uint8_t *x, float *y,
                     size_t from, size_t to);

#endif
