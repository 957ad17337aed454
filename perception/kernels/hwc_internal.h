/* What the channels-last convolutions share. */
#ifndef OUTRIDER_KERNELS_HWC_INTERNAL_H
#define OUTRIDER_KERNELS_HWC_INTERNAL_H

#include "perception/kernels/hwc.h"
#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

/* ---- weights (hwc_panels.c): panels of output channels, each its bias, then a row a step ------ */
struct hwc_weights {
    const struct conv_shape *s;
    const float *w, *bias;                                  /* bias may be NULL */
    int M, K;                                               /* output channels, steps of the sum */
    int phase_y, phase_x;                                   /* of a transposed convolution */
    float (*at)(const struct hwc_weights *w, int m, int i); /* channel m, step i */
    /* Or, where steps are taps of some channels each: step i of channel m is
     * w[m m_step + (i % channels) c_step + tap[i / channels]], 0 where the tap is negative. Training
     * lays weights out anew in every step, without a call for each number. */
    const ptrdiff_t *tap; /* NULL: as `at` says */
    int channels;
    ptrdiff_t m_step, c_step;
};
size_t hwc_panels_floats(const struct kernels *k, int M, int K);
void hwc_panels_fill(const struct kernels *k, const struct hwc_weights *w, float *to);

/* ---- bands (hwc_band.c): the output rows of a piece of work ----------------------------------- */
bool hwc_is_padded(const struct conv_shape *s); /* reads beyond the picture */
int hwc_band_rows(const struct conv_shape *s);
size_t hwc_band_floats(const struct conv_shape *s);
int hwc_rows_under(const struct conv_shape *s, int out_rows);
int hwc_padded_width(const struct conv_shape *s);
/* `rows` rows of the picture from y0 on, with zeros around it: (rows, padded width, C). */
void hwc_copy_band(const struct conv_shape *s, const struct hwc_io *io, int image, int y0, int rows,
                   float *out);

/* ---- the product (conv_hwc.c) ------------------------------------------------------------------ */
/* Output pixel (image, y, x) is first + image per_image + y per_row + x per_col, in pixels. */
struct hwc_grid {
    size_t first, per_image, per_row, per_col;
};

struct hwc_conv {
    const struct kernels *k;
    const struct conv_shape *s;
    struct hwc_io io;
    struct hwc_grid grid;
    const struct epilogue *e;
    const float *weights;
    char *scratch;
    int64_t pixels;                         /* outputs of an image: the last row may be shorter */
    size_t in_pixels;                       /* inputs of an image */
    int rows;                               /* of a band */
    int bands;                              /* per image */
    int splits;                             /* of the panels of all groups */
    void (*taps)(const struct hwc_taps *t); /* depthwise and pooling */
    bool count_pads;                        /* average pooling */
};
struct hwc_finish hwc_finish_of(const struct hwc_conv *c, size_t pixel, int channel);
void hwc_conv_run(struct hwc_conv *c, struct pool *pool);
bool hwc_is_pointwise(const struct conv_shape *s);
/* A pointwise convolution of n pixels x that lie close together, its outputs from `pixel` on. */
void hwc_pointwise_run(const struct hwc_conv *c, const float *x, size_t pixel, int n);

/* ---- transposed (conv_transpose_hwc.c) --------------------------------------------------------- */
/* Phase (py, px) as a convolution; one tap of weight 0 where nothing falls on it but the bias. */
struct conv_shape hwc_phase_of(const struct conv_shape *s, int py, int px);
/* Where in a group's weights (C / groups, M / groups, kh, kw) channel m's step i of a phase lies, step
 * i being tap i / channels, channel i % channels; -1: it is 0. */
ptrdiff_t hwc_phase_at(const struct conv_shape *s, int py, int px, int m, int i);

/* ---- each channel alone (depthwise_hwc.c) ------------------------------------------------------ */
bool hwc_is_depthwise(const struct conv_shape *s);
void hwc_depthwise_pack(const struct conv_shape *s, const float *w, const float *bias, float *to);
/* kernel: hwc_taps, hwc_sum or hwc_max of the table; c->weights NULL for the last two. */
void hwc_depthwise_row(const struct hwc_conv *c, int image, int y);
void hwc_depthwise_run(struct hwc_conv *c, void (*kernel)(const struct hwc_taps *t),
                       struct pool *pool);

/* ---- 3x3 with fewer multiplications (winograd_hwc.c) ------------------------------------------- */
bool winograd_fits(const struct conv_shape *s);
size_t winograd_weights_floats(const struct kernels *k, const struct conv_shape *s);
void winograd_pack(const struct kernels *k, const struct conv_shape *s, const float *w,
                   const float *bias, float *to);
size_t winograd_scratch(const struct kernels *k, const struct conv_shape *s, int threads);
void winograd_run(const struct hwc_conv *c, struct pool *pool);
/* ---- in 8 bits (windows_hwc8.c) ---------------------------------------------------------------- */
/* Depthwise and pooling: the taps of every output that lie in the picture. */
struct hwc8_windows {
    const struct kernels *k;
    const struct conv_shape *s; /* M = groups = C */
    const uint8_t *x;
    int x_zero;
    const int32_t *w; /* (kh, kw, C) or NULL: average pooling, finish.unit for one tap */
    bool count_pads;
    struct hwc8_finish finish; /* of the whole picture */
};
void hwc8_windows_run(const struct hwc8_windows *w, struct pool *pool);
struct span {
    int from, to;
};
/* The taps of n, `step` apart, that lie in [0, length), the first being at `first`. */
struct span span_inside(int first, int step, int n, int length);
/* The outputs of a row whose taps all lie in the picture, from left to right. */
struct span span_whole(const struct conv_shape *s);
/* Depthwise convolution over woven rows (depthwise_hwc8.c), where the table has what it takes. */
bool hwc8_woven_fits(const struct kernels *k, const struct conv_shape *s);
size_t hwc8_woven_weights(const struct conv_shape *s); /* bytes */
void hwc8_woven_pack(const struct conv_shape *s, const struct hwc8_weights *from, void *packed);
size_t hwc8_woven_scratch(const struct conv_shape *s, int threads); /* bytes */
void hwc8_woven_run(const struct hwc8_windows *w, const void *packed, void *scratch,
                    struct pool *pool);
/* f seen from another pixel and channel on */
struct hwc8_finish hwc8_finish_at(const struct hwc8_finish *f, size_t pixel, int channel);

#endif
