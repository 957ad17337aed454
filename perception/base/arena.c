#include "perception/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t round_up(size_t n)
{
    return (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

enum err arena_init(struct arena *a, size_t size)
{
    *a = (struct arena){.size = round_up(size ? size : 1)};
    a->memory = aligned_alloc(ARENA_ALIGN, a->size);
    if (!a->memory)
        return ERR_NOMEM;
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
