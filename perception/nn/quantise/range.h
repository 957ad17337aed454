/* From observed numbers to scale and zero point.
 *
 * The ends of the range are those with the least expected squared error, of rounding inside and of
 * clipping outside, as in Nagel et al., "A White Paper on Neural Network Quantization"
 * (arXiv:2106.08295), section 3.1 ("MSE"). */
#ifndef OUTRIDER_NN_QUANTISE_RANGE_H
#define OUTRIDER_NN_QUANTISE_RANGE_H

#include <stddef.h>
#include <stdint.h>

enum { RANGE_HALF = 4096 }; /* bins on either side of 0 */

/* Counts of numbers in [-2^exponent, 2^exponent), which grows as it must, two bins becoming one. */
struct histogram {
    double count[2 * RANGE_HALF];
    double min, max, total; /* of what was added */
    int exponent;
};

void histogram_init(struct histogram *h);
/* Numbers that are not finite are left out. */
void histogram_add(struct histogram *h, const float *x, size_t n);
void histogram_merge(struct histogram *to, const struct histogram *from);

/* real = (q - zero) scale, q in 0..255 */
struct range {
    float scale;
    int zero;
};

struct range range_whole(const struct histogram *h); /* from least to largest, 0 among them */
struct range range_best(const struct histogram *h);
double range_error(const struct histogram *h, struct range r); /* mean square */

/* The scale of 8 bit signed numbers (-127..127, zero point 0) for n weights stride apart, each
 * error counted importance[i] times (NULL: once). 0: the weights are all 0. */
struct weights_view {
    const float *w;
    int64_t n;
    const int64_t *at;       /* (n) places in w */
    const float *importance; /* (n) or NULL */
};
float weights_scale(const struct weights_view *v);

#endif
