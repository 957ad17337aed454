/* Weights in the order in which a tile reads them. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

size_t hwc_panels_floats(const struct kernels *k, int M, int K)
{
    return (size_t)div_up(M, k->hwc_lanes) * (size_t)k->hwc_lanes * ((size_t)K + 1);
}

/* Channel m0 + m of a panel of that width, tap by tap. */
static void fill_taps(const struct hwc_weights *w, int m0, int m, size_t width, float *to)
{
    const float *from = w->w + (m0 + m) * w->m_step;

    to += width + (size_t)m;
    for (int t = 0; t < w->K / w->channels; t++, to += (size_t)w->channels * width)
        for (int c = 0; c < w->channels; c++)
            to[(size_t)c * width] = w->tap[t] < 0 ? 0.0f : from[w->tap[t] + c * w->c_step];
}

void hwc_panels_fill(const struct kernels *k, const struct hwc_weights *w, float *to)
{
    for (int m0 = 0; m0 < w->M; m0 += k->hwc_channels) {
        int n = int_min(k->hwc_channels, w->M - m0);
        size_t width = (size_t)div_up(n, k->hwc_lanes) * (size_t)k->hwc_lanes;

        if ((size_t)n < width)
            memset(to, 0, width * ((size_t)w->K + 1) * sizeof *to);
        for (int m = 0; m < n; m++) {
            to[m] = w->bias ? w->bias[m0 + m] : 0.0f;
            if (w->tap)
                fill_taps(w, m0, m, width, to);
            for (int i = 0; i < w->K && !w->tap; i++)
                to[(size_t)(i + 1) * width + (size_t)m] = w->at(w, m0 + m, i);
        }
        to += width * ((size_t)w->K + 1);
    }
}
