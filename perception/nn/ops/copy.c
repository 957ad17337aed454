#include "perception/nn/ops/copy.h"

#include <assert.h>
#include <string.h>

void copy_add(struct copy *c, int64_t dim, int64_t from, int64_t to)
{
    int last = c->rank - 1;

    if (dim == 1)
        return;
    if (c->rank > 0 && c->from[last] == from * dim && c->to[last] == to * dim) {
        c->dim[last] *= dim; /* walks on where the one outside it left off */
        c->from[last] = from;
        c->to[last] = to;
        return;
    }
    assert(c->rank < COPY_MAX_RANK);
    c->dim[c->rank] = dim;
    c->from[c->rank] = from;
    c->to[c->rank++] = to;
}

#define COPY_ROW(type)                                                                             \
    do {                                                                                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            ((type *)to)[i * step_to] = ((const type *)from)[i * step_from];                       \
    } while (0)

static void copy_row(size_t size, int64_t n, const char *from, int64_t step_from, char *to,
                     int64_t step_to)
{
    if (step_from == 1 && step_to == 1)
        memcpy(to, from, (size_t)n * size);
    else if (size == 1)
        COPY_ROW(uint8_t);
    else if (size == 2)
        COPY_ROW(uint16_t);
    else if (size == 4)
        COPY_ROW(uint32_t);
    else
        COPY_ROW(uint64_t);
}

/* The two innermost dimensions. Where neighbours in a row lie far apart in the source but follow
 * each other down a column (a transpose), a strip of BAND columns goes at a time: then the cache
 * lines that a row touches are still there for the next row, which wants their next elements. */
static void copy_plane(const struct copy *c, const char *from, char *to)
{
    enum { BAND = 16 };
    int col = c->rank - 1, row = c->rank - 2;
    int64_t rows = row >= 0 ? c->dim[row] : 1, cols = col >= 0 ? c->dim[col] : 1;
    int64_t row_from = row >= 0 ? c->from[row] : 0, row_to = row >= 0 ? c->to[row] : 0;
    int64_t col_from = col >= 0 ? c->from[col] : 1, col_to = col >= 0 ? c->to[col] : 1;
    int64_t size = (int64_t)c->size, band = row_from == 1 && col_from != 1 ? BAND : cols;

    for (int64_t i = 0; i < cols; i += band)
        for (int64_t r = 0; r < rows; r++)
            copy_row(c->size, cols - i < band ? cols - i : band,
                     from + (r * row_from + i * col_from) * size, col_from,
                     to + (r * row_to + i * col_to) * size, col_to);
}

void copy_run(const struct copy *c, const void *from, void *to)
{
    int64_t at[COPY_MAX_RANK] = {0}, f = c->from_start, t = c->to_start;
    int d;

    for (d = 0; d < c->rank; d++)
        if (c->dim[d] == 0)
            return;
    for (;;) {
        copy_plane(c, (const char *)from + f * (int64_t)c->size, (char *)to + t * (int64_t)c->size);
        for (d = c->rank - 3; d >= 0; d--) {
            f += c->from[d];
            t += c->to[d];
            if (++at[d] < c->dim[d])
                break;
            f -= c->from[d] * c->dim[d];
            t -= c->to[d] * c->dim[d];
            at[d] = 0;
        }
        if (d < 0)
            return;
    }
}
