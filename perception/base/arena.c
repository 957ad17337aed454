#include "perception/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t round_up(size_t n)
{
    return (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

enum { HUGE_PAGE = 2 << 20 }; /* fewer misses when walking through all of a large arena */

enum err arena_init(struct arena *a, size_t size)
{
    size_t align = size >= HUGE_PAGE ? HUGE_PAGE : ARENA_ALIGN;

    *a = (struct arena){.size = round_up(size ? size : 1)};
    a->memory = aligned_alloc(align, (a->size + align - 1) / align * align);
    if (!a->memory)
        return ERR_NOMEM;
    if (align == HUGE_PAGE)
        madvise(a->memory, a->size, MADV_HUGEPAGE); /* a wish, which may be refused */
    memset(a->memory, 0, a->size);
    return OK;
}

void arena_finish(struct arena *a)
{
    free(a->memory);
    *a = (struct arena){0};
}

void *arena_take(struct arena *a, size_t n)
{
    size_t at = a->used;

    a->used += round_up(n);
    if (!a->memory)
        return NULL;
    assert(a->used <= a->size);
    return a->memory + at;
}
