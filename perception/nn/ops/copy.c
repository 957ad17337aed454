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
        const type *x = (const type *)from;                                                        \
        type *y = (type *)to;                                                                      \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i * step_to] = x[i * step_from];                                                     \
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

void copy_run(const struct copy *c, const void *from, void *to)
{
    int64_t at[COPY_MAX_RANK] = {0}, f = c->from_start, t = c->to_start;
    int last = c->rank - 1, d;

    for (d = 0; d < c->rank; d++)
        if (c->dim[d] == 0)
            return;
    for (;;) {
        copy_row(c->size, last >= 0 ? c->dim[last] : 1, (const char *)from + f * (int64_t)c->size,
                 last >= 0 ? c->from[last] : 1, (char *)to + t * (int64_t)c->size,
                 last >= 0 ? c->to[last] : 1);
        for (d = last - 1; d >= 0; d--) {
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
