/* Rows woven in fours and sums over them, one by one: the reference. Machines whose registers do not
 * take fours of bytes convolve without it. */
#include "perception/kernels/hwc8.h"
#include "perception/kernels/kernels_internal.h"

static void weave_c(uint8_t *to, const uint8_t *const row[4], size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 4; j++)
            to[4 * i + j] = row[j][i];
}

static int32_t four_c(const uint8_t *x, const int8_t *w)
{
    return x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
}

static void woven_c(const struct hwc8_woven *t)
{
    for (int r = 0; r < t->outputs; r++)
        for (int p = 0; p < t->pixels; p++)
            for (int c = 0; c < t->channels; c++) {
                int32_t sum = t->start[c];

                for (int i = 0; i < t->fours * t->cols; i++)
                    sum += four_c(t->x + i / t->cols * t->row + p * t->step +
                                      i % t->cols * t->dilation + 4 * c,
                                  t->w + (r * t->fours * t->cols + i) * t->w_col + 4 * c);
                t->out[r * t->out_row + p * HWC8_MAX_CHANNELS + c] = sum;
            }
}

void woven8_fill_c(struct kernels *k)
{
    k->hwc8_weaves = 0;
    k->hwc8_weave = weave_c;
    k->hwc8_woven = woven_c;
}
