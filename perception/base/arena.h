/* One block of memory, handed out front to back and released as a whole.
 * On a zeroed arena without memory, arena_take() only adds up sizes and returns NULL, so the same
 * "place" function first measures and then hands out addresses; size and layout cannot drift. */
#ifndef OUTRIDER_BASE_ARENA_H
#define OUTRIDER_BASE_ARENA_H

#include <stddef.h>

#include "perception/base/err.h"

enum { ARENA_ALIGN = 64 }; /* a cache line, and the widest vector */

struct arena {
    unsigned char *memory; /* NULL: measuring */
    size_t size, used;
};

MUST_CHECK enum err arena_init(struct arena *a, size_t size); /* zeroed memory; ERR_NOMEM */
void arena_finish(struct arena *a);                           /* a zeroed arena is fine */
/* n bytes aligned to ARENA_ALIGN. Running out is a mistake in our own code: assert(). */
void *arena_take(struct arena *a, size_t n);

#endif
