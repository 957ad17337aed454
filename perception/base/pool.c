#include "perception/base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    MAX_THREADS = 256,
    SPINS = 2000, /* some microseconds: the gap between two layers of a network */
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    int index;
};

struct pool {
    int threads, started;  /* started: workers that run and must be joined */
    struct worker *worker; /* (threads - 1) */
    pthread_mutex_t lock;
    pthread_cond_t begin, end;

    /* One loop: written under the lock before the round goes up. */
    void (*work)(void *arg, int i, int thread);
    void *arg;
    int pieces;
    atomic_int next;   /* the piece to take */
    atomic_int busy;   /* workers that have not finished this round */
    atomic_uint round; /* goes up with each loop */
    bool stop;
};

static void take_pieces(struct pool *p, int thread)
{
    int i;

    while ((i = atomic_fetch_add(&p->next, 1)) < p->pieces)
        p->work(p->arg, i, thread);
}

static void breathe(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Wait a moment without giving the processor away; true as soon as *v is no longer old. */
static bool spin_while(atomic_uint *v, unsigned old)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(v) != old)
            return true;
        breathe();
    }
    return false;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    unsigned seen = 0;

    for (;;) {
        if (!spin_while(&p->round, seen)) {
            pthread_mutex_lock(&p->lock);
            while (atomic_load(&p->round) == seen)
                pthread_cond_wait(&p->begin, &p->lock);
            pthread_mutex_unlock(&p->lock);
        }
        seen++;
        if (p->stop)
            return NULL;
        take_pieces(p, w->index);
        if (atomic_fetch_sub(&p->busy, 1) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->end);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* Everything of the loop is in place: let the workers at it. */
static void start_round(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->busy, p->started);
    atomic_fetch_add(&p->round, 1);
    pthread_cond_broadcast(&p->begin);
    pthread_mutex_unlock(&p->lock);
}

enum err pool_open(int threads, struct pool **out)
{
    struct pool *p;

    *out = NULL;
    if (threads < 1)
        threads = 1;
    if (threads > MAX_THREADS)
        return ERR_LIMIT;
    p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begin, NULL);
    pthread_cond_init(&p->end, NULL);
    p->threads = threads;
    p->worker = calloc((size_t)threads, sizeof *p->worker);
    if (!p->worker) {
        pool_close(p);
        return ERR_NOMEM;
    }
    for (int i = 0; i < threads - 1; i++) {
        p->worker[i] = (struct worker){.pool = p, .index = i + 1};
        if (pthread_create(&p->worker[i].thread, NULL, worker_main, &p->worker[i])) {
            pool_close(p);
            return ERR_IO;
        }
        p->started++;
    }
    *out = p;
    return OK;
}

void pool_close(struct pool *p)
{
    if (!p)
        return;
    p->stop = true;
    start_round(p);
    for (int i = 0; i < p->started; i++)
        pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->end);
    pthread_cond_destroy(&p->begin);
    pthread_mutex_destroy(&p->lock);
    free(p->worker);
    free(p);
}

int pool_threads(const struct pool *p)
{
    return p ? p->threads : 1;
}

void pool_run(struct pool *p, int pieces, void (*work)(void *arg, int i, int thread), void *arg)
{
    if (!p || p->started == 0 || pieces <= 1) {
        for (int i = 0; i < pieces; i++)
            work(arg, i, 0);
        return;
    }
    p->work = work;
    p->arg = arg;
    p->pieces = pieces;
    atomic_store(&p->next, 0);
    start_round(p);
    take_pieces(p, 0);
    for (int i = 0; i < SPINS && atomic_load(&p->busy) > 0; i++)
        breathe(); /* sleeping and waking would cost more than most pieces do */
    if (atomic_load(&p->busy) == 0)
        return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->busy) > 0)
        pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
