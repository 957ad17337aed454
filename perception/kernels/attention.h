/* Scaled dot-product attention, out = softmax(scale Q K') V over the last axis (Vaswani et al. 2017,
 * "Attention Is All You Need", equation 1), some queries at a time: the matrix of all scores, which
 * grows with the square of the picture, is never there as a whole. */
#ifndef OUTRIDER_KERNELS_ATTENTION_H
#define OUTRIDER_KERNELS_ATTENTION_H

#include "perception/kernels/kernels.h"

/* Q (queries, depth), K (keys, depth), V (keys, width), out (queries, width), each `batches` times;
 * a turned one is stored with its two axes changed over. */
struct attention_shape {
    int batches, queries, keys, depth, width;
    float scale;
    bool q_turned, k_turned, v_turned, out_turned;
};
size_t attention_scratch(const struct kernels *k, const struct attention_shape *s, int threads);
void attention(const struct kernels *k, const struct attention_shape *s, const float *q,
               const float *keys, const float *values, float *out, void *scratch,
               struct pool *pool);

#endif
