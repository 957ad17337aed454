/* A convolution with pads reads a padded copy of the rows that a piece of it needs. The copy is
 * small enough to stay in the cache while all output channels read it. */
#include <string.h>

#include "perception/kernels/hwc_internal.h"

enum {
    BAND_FLOATS = 48 * 1024,      /* half of a second-level cache, or less */
    BAND_MAX_FLOATS = 160 * 1024, /* where bands overlap a lot */
};

bool hwc_is_padded(const struct conv_shape *s)
{
    return s->pad_top != 0 || s->pad_left != 0 ||
           (s->OH - 1) * s->stride_y + (s->kh - 1) * s->dilation_y + 1 > s->H ||
           (s->OW - 1) * s->stride_x + (s->kw - 1) * s->dilation_x + 1 > s->W;
}

int hwc_padded_width(const struct conv_shape *s)
{
    return (s->OW - 1) * s->stride_x + (s->kw - 1) * s->dilation_x + 1;
}

int hwc_rows_under(const struct conv_shape *s, int out_rows)
{
    return (out_rows - 1) * s->stride_y + (s->kh - 1) * s->dilation_y + 1;
}

int hwc_band_rows(const struct conv_shape *s)
{
    int64_t row = (int64_t)hwc_padded_width(s) * s->C;
    int64_t halo = (s->kh - 1) * s->dilation_y + 1 - s->stride_y;
    int64_t rows = BAND_FLOATS / row, most = BAND_MAX_FLOATS / row;

    if (rows < 3 * halo) /* most of what is copied should be copied once only */
        rows = 3 * halo < most ? 3 * halo : most;
    rows = (rows - halo) / s->stride_y;
    return rows < 1 ? 1 : rows > s->OH ? s->OH : (int)rows;
}

size_t hwc_band_floats(const struct conv_shape *s)
{
    return (size_t)hwc_rows_under(s, hwc_band_rows(s)) * (size_t)hwc_padded_width(s) * (size_t)s->C;
}

/* Pixels side by side, out of a wider picture. */
static void copy_pixels(const float *x, size_t pitch, size_t C, size_t pixels, float *out)
{
    if (pitch == C) {
        memcpy(out, x, pixels * C * sizeof *out);
        return;
    }
    for (size_t i = 0; i < pixels; i++, x += pitch, out += C)
        memcpy(out, x, C * sizeof *out);
}

/* The same out of planes. */
static void gather_pixels(const float *x, size_t plane, size_t C, size_t pixels, float *out)
{
    if (C == 3) {
        for (size_t i = 0; i < pixels; i++) {
            out[3 * i] = x[i];
            out[3 * i + 1] = x[plane + i];
            out[3 * i + 2] = x[2 * plane + i];
        }
        return;
    }
    for (size_t c = 0; c < C; c++, x += plane)
        for (size_t i = 0; i < pixels; i++)
            out[i * C + c] = x[i];
}

void hwc_copy_band(const struct conv_shape *s, const struct hwc_io *io, int image, int y0, int rows,
                   float *out)
{
    int width = hwc_padded_width(s), skip = int_max(0, -s->pad_left); /* pads may be negative */
    int left = int_min(width, int_max(0, s->pad_left));
    int pixels = int_max(0, int_min(s->W - skip, width - left));
    size_t C = (size_t)s->C, plane = (size_t)s->H * (size_t)s->W;

    for (int y = y0; y < y0 + rows; y++, out += (size_t)width * C) {
        size_t at = (size_t)y * (size_t)s->W + (size_t)skip, end = (size_t)(left + pixels) * C;

        if (y < 0 || y >= s->H || pixels == 0) {
            memset(out, 0, (size_t)width * C * sizeof *out);
            continue;
        }
        memset(out, 0, (size_t)left * C * sizeof *out);
        if (io->x_planes)
            gather_pixels(io->x + (size_t)image * C * plane + at, plane, C, (size_t)pixels,
                          out + (size_t)left * C);
        else
            copy_pixels(io->x + ((size_t)image * plane + at) * io->x_pitch, io->x_pitch, C,
                        (size_t)pixels, out + (size_t)left * C);
        memset(out + end, 0, ((size_t)width * C - end) * sizeof *out);
    }
}
