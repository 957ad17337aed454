/* Memory that only grows and is released as a whole: names, nodes and parameters of a network. */
#ifndef OUTRIDER_NN_REGION_H
#define OUTRIDER_NN_REGION_H

#include <stddef.h>

struct region_block;

struct region {
    struct region_block *last;
    size_t left; /* bytes free in it */
};

void *region_take(struct region *r, size_t n); /* zeroed, aligned for anything; NULL: no memory */
char *region_copy(struct region *r, const char *s); /* a string; NULL: no memory */
void region_finish(struct region *r);               /* a zeroed region is fine */

#endif
