#include "perception/nn/region.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct region_block {
    struct region_block *before;
    size_t used;
    alignas(max_align_t) unsigned char memory[];
};

void *region_take(struct region *r, size_t n)
{
    struct region_block *b;
    size_t size;
    void *p;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    if (n > r->left) {
        size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
        r->full = r->limit && size > r->limit - r->taken;
        if (r->full)
            return NULL;
        b = calloc(1, sizeof *b + size);
        if (!b)
            return NULL;
        b->before = r->last;
        r->last = b;
        r->left = size;
        r->taken += size;
    }
    p = r->last->memory + r->last->used;
    r->last->used += n;
    r->left -= n;
    return p;
}

char *region_copy(struct region *r, const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = region_take(r, n);

    return p ? memcpy(p, s, n) : NULL;
}

void region_finish(struct region *r)
{
    struct region_block *b = r->last;

    while (b) {
        struct region_block *before = b->before;

        free(b);
        b = before;
    }
    *r = (struct region){0};
}
