/* Products with a small matrix that is known only when running: rows as pixels of a pointwise
 * convolution, channels last. Only the small one is packed, the large one is read where it lies. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

enum { SMALL = 1 << 14, NARROW = 512, FEW = 8 };

bool gemm_rows_fits(const struct gemm_shape *s)
{
    return !s->trans_a && s->alpha == 1.0f && s->beta == 0.0f && s->K > 1 && s->N > 1 &&
           s->N <= NARROW && s->M >= FEW && (int64_t)s->K * s->N <= SMALL;
}

size_t gemm_rows_scratch(const struct kernels *k, const struct gemm_shape *s)
{
    return floats_size(hwc_panels_floats(k, s->N, s->K));
}

/* op(b) in the order of hwc_panels_fill(), the bias 0. */
static void pack(const struct kernels *k, const struct gemm_shape *s, const float *b, float *to)
{
    for (int m = 0; m < s->N; m += k->hwc_channels) {
        size_t n = (size_t)int_min(k->hwc_channels, s->N - m);
        size_t width = (n + (size_t)k->hwc_lanes - 1) / (size_t)k->hwc_lanes * (size_t)k->hwc_lanes;

        memset(to, 0, (n < width ? width * ((size_t)s->K + 1) : width) * sizeof *to);
        if (s->trans_b)
            k->transpose(to + width, width, b + (size_t)m * s->ldb, s->ldb, n, (size_t)s->K);
        else
            k->hwc_copy(to + width, width, b + m, s->ldb, n, (size_t)s->K);
        to += width * ((size_t)s->K + 1);
    }
}

void gemm_rows(const struct kernels *k, const struct gemm_shape *s, const float *a, const float *b,
               float *c, void *scratch, struct pool *pool)
{
    struct conv_shape one_line = {.N = 1,
                                  .C = s->K,
                                  .H = 1,
                                  .W = s->M,
                                  .M = s->N,
                                  .OH = 1,
                                  .OW = s->M,
                                  .kh = 1,
                                  .kw = 1,
                                  .stride_y = 1,
                                  .stride_x = 1,
                                  .dilation_y = 1,
                                  .dilation_x = 1,
                                  .groups = 1};
    struct hwc_io io = {.x = a, .y = c, .x_pitch = s->lda, .y_pitch = s->ldc};

    pack(k, s, b, scratch);
    conv_hwc(k, &one_line, &io, scratch, NULL, NULL, pool);
}
