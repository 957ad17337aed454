/* The passes over memory that training adds to the kernels of inference: moments, activations with
 * their derivatives, gradients of depthwise convolutions and pooling, and the optimiser's update.
 * Products are not here; they run on the tiles of kernels.h.
 *
 * Plain loops, written once in backward_body.h and compiled for each instruction set. Rows are
 * pixels, the channels of each side by side. No function splits its work or allocates. */
#ifndef OUTRIDER_KERNELS_BACKWARD_H
#define OUTRIDER_KERNELS_BACKWARD_H

#include "perception/kernels/kernels.h"

enum { BACKWARD_MAX_ROWS = 4096 }; /* of one call of what sums over rows */

struct activation {
    enum act act;
    float a, b; /* see enum act */
};

/* y = act(x scale + shift) and its way back, per channel. */
struct norm_rows {
    size_t rows;
    int C;
    const float *x, *dy;
    const float *scale, *shift; /* (C) */
    struct activation act;
};

/* One tap of a depthwise convolution along a row: n pixels of dy and of x, whose pixels lie x_step
 * floats apart. */
struct tap_row {
    int n, C;
    const float *dy;
    size_t x_step;
};

struct adam_step {
    float rate, beta1, beta2, epsilon;
    float correct1, correct2; /* 1 / (1 - beta^t) */
    float keep;               /* what decay leaves of a weight: 1 - rate decay */
    float scale;              /* of the gradient: clipping */
};

struct backward_kernels {
    /* Mean and sum of squared distances from it of each channel; rows >= 1. */
    void (*moments)(const float *x, size_t rows, int C, float *mean, float *m2);
    void (*norm_forward)(float *y, const struct norm_rows *n);
    /* With d = dy act'(x scale + shift): sum d and sum d (x - mean) of each channel. */
    void (*norm_sums)(const struct norm_rows *n, const float *mean, float *d, float *dx);
    /* dx = or += of_d[c] d + of_x[c] x + one[c] */
    void (*norm_backward)(float *dx, const struct norm_rows *n, const float *of_d,
                          const float *of_x, const float *one, bool add);
    /* y = act(x); dx = or += dy act'(x) */
    void (*act_forward)(float *y, const float *x, size_t n, const struct activation *a);
    void (*act_backward)(float *dx, const float *x, const float *dy, size_t n,
                         const struct activation *a, bool add);
    /* dx[p x_step + c] += dy[p C + c] w[c] */
    void (*tap_input)(float *dx, const struct tap_row *r, const float *w);
    /* dw[c] += sum over p of dy[p C + c] x[p x_step + c] */
    void (*tap_weights)(float *dw, const struct tap_row *r, const float *x);
    /* Of one window: dx += dy where x is y and no tap took it before; taken is set there. */
    void (*max_take)(float *dx, const float *x, const float *y, const float *dy, uint8_t *taken,
                     int C);
    void (*column_sums)(float *sum, const float *x, size_t rows, int C);       /* sum += */
    void (*multiply_add)(float *y, const float *x, float by, size_t n);        /* y += x by */
    void (*multiply_add2)(float *y, const float *a, const float *b, size_t n); /* y += a b */
    void (*adam)(float *w, const float *g, float *m, float *v, size_t n, const struct adam_step *s);
    /* v = momentum v + g; w = w keep - rate v */
    void (*sgd)(float *w, const float *g, float *v, size_t n, const struct adam_step *s);
    void (*average)(float *ema, const float *w, size_t n, float keep); /* ema = keep ema + ... */
};
void backward_init(struct backward_kernels *b, unsigned cpu); /* cpu: of struct kernels */

void backward_fill_c(struct backward_kernels *b);
void backward_fill_avx2(struct backward_kernels *b);
void backward_fill_avx512(struct backward_kernels *b);

#endif
