/* One copy for everything that only moves elements: a box of them, with a step per dimension on
 * each side. Transpose, Slice, Concat, Split, Expand, Tile and the like are different steps. */
#ifndef OUTRIDER_NN_COPY_H
#define OUTRIDER_NN_COPY_H

#include <stddef.h>
#include <stdint.h>

enum { COPY_MAX_RANK = 16 };

struct copy {
    int rank;
    size_t size; /* bytes of an element */
    int64_t dim[COPY_MAX_RANK];
    int64_t from[COPY_MAX_RANK], to[COPY_MAX_RANK]; /* steps in elements; from may be <= 0 */
    int64_t from_start, to_start;
};

void copy_add(struct copy *c, int64_t dim, int64_t from,
              int64_t to); /* the next dimension inwards */
void copy_run(const struct copy *c, const void *from, void *to);

#endif
