#include <string.h>

#include "perception/kernels/bytes.h"
#include "perception/kernels/kernels_internal.h"

static void move_c(const struct bytes_move *m)
{
    for (size_t p = 0; p < m->pixels; p++) {
        const uint8_t *x = m->x + p * m->x_step;
        uint8_t *y = m->y + p * m->y_step;

        if (m->x_apart == 1)
            memcpy(y, x, m->channels);
        else
            for (size_t c = 0; c < m->channels; c++)
                y[c] = x[c * m->x_apart];
    }
}

static void max_c(const struct bytes_max *m)
{
    for (size_t p = 0; p < m->pixels; p++) {
        uint8_t *restrict y = m->y + p * m->channels;

        memset(y, 0, m->channels);
        for (int j = 0; j < m->rows; j++)
            for (int t = 0; t < m->cols; t++) {
                const uint8_t *restrict x = m->row[j] + p * m->step + (size_t)t * m->dilation;

                for (size_t c = 0; c < m->channels; c++)
                    y[c] = x[c] > y[c] ? x[c] : y[c];
            }
    }
}

static void threes_c(uint8_t *y, const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        y[3 * i] = a[i];
        y[3 * i + 1] = b[i];
        y[3 * i + 2] = c[i];
    }
}

void bytes_fill_c(struct kernels *k)
{
    k->bytes_move = move_c;
    k->bytes_max = max_c;
    k->bytes_threes = threes_c;
}
