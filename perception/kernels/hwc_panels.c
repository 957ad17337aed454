/* Weights in the order in which a tile reads them. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

size_t hwc_panels_floats(const struct kernels *k, int M, int K)
{
    return (size_t)div_up(M, k->hwc_lanes) * (size_t)k->hwc_lanes * ((size_t)K + 1);
}

void hwc_panels_fill(const struct kernels *k, const struct hwc_weights *w, float *to)
{
    for (int m0 = 0; m0 < w->M; m0 += k->hwc_channels) {
        int n = int_min(k->hwc_channels, w->M - m0);
        size_t width = (size_t)div_up(n, k->hwc_lanes) * (size_t)k->hwc_lanes;

        memset(to, 0, width * ((size_t)w->K + 1) * sizeof *to);
        for (int m = 0; m < n; m++) {
            to[m] = w->bias ? w->bias[m0 + m] : 0.0f;
            for (int i = 0; i < w->K; i++)
                to[(size_t)(i + 1) * width + (size_t)m] = w->at(w, m0 + m, i);
        }
        to += width * ((size_t)w->K + 1);
    }
}
