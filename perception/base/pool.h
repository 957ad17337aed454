/* A fixed set of worker threads that splits one loop at a time.
 * The split depends on the number of pieces only, never on the number of threads, so results are
 * the same with any pool. A NULL pool or one of one thread runs inline. */
#ifndef OUTRIDER_BASE_POOL_H
#define OUTRIDER_BASE_POOL_H

#include "perception/base/err.h"

struct pool;

/* threads counts the caller too: 1 starts none. The caller owns *out. */
MUST_CHECK enum err pool_open(int threads, struct pool **out);
void pool_close(struct pool *p);        /* NULL is fine */
int pool_threads(const struct pool *p); /* 1 for NULL */

/* Call work(arg, i, thread) once for every i in [0, pieces) and return when all are done.
 * thread is in [0, pool_threads()), for scratch memory. One caller at a time. Never allocates. */
void pool_run(struct pool *p, int pieces, void (*work)(void *arg, int i, int thread), void *arg);

#endif
