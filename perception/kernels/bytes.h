/* Bytes that are moved or compared, channels last; every level gives the same. What a run reads stays
 * inside of its rows but for HWC8_SLACK bytes (hwc8.h). */
#ifndef OUTRIDER_KERNELS_BYTES_H
#define OUTRIDER_KERNELS_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* y[p y_step + c] = x[p x_step + c x_apart] for p < pixels, c < channels */
struct bytes_move {
    size_t pixels, channels;
    const uint8_t *x;
    size_t x_step, x_apart;
    uint8_t *y;
    size_t y_step;
};

/* y[p channels + c] = the largest of row[j][p step + t dilation + c] for j < rows, t < cols; 0 if there
 * are none */
struct bytes_max {
    size_t pixels, channels;
    int rows, cols;
    const uint8_t *const *row;
    size_t step, dilation;
    uint8_t *y;
};

#endif
