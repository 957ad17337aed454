/* Memory that only grows and is released as a whole: names, nodes and parameters of a network. */
#ifndef OUTRIDER_NN_REGION_H
#define OUTRIDER_NN_REGION_H

#include <stdbool.h>
#include <stddef.h>

struct region_block;

struct region {
    struct region_block *last;
    size_t left;         /* bytes free in it */
    size_t taken, limit; /* bytes of all blocks, and the most they may be; limit 0: none */
    bool full;           /* the limit was met */
};

/* zeroed, aligned for anything; NULL: no memory, or the limit */
void *region_take(struct region *r, size_t n);
char *region_copy(struct region *r, const char *s); /* a string; NULL: as region_take() */
void region_finish(struct region *r);               /* a zeroed region is fine */

#endif
