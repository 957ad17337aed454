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

    /* One loop: written before its round begins, and left alone until all pieces are done. Who has a
     * piece of it may read it; nobody waits for a worker that has none, so one that the system keeps
     * from running delays nothing but what it has begun. */
    void (*work)(void *arg, int i, int thread);
    void *arg;
    int pieces;
    atomic_ullong ticket; /* the round above, below how many of its pieces nobody has taken yet */
    atomic_int left;      /* pieces that are not done */
    atomic_bool stop;
};

static unsigned round_of(unsigned long long ticket)
{
    return (unsigned)(ticket >> 32);
}

static void take_pieces(struct pool *p, int thread)
{
    unsigned long long ticket = atomic_load(&p->ticket);

    while ((uint32_t)ticket > 0) {
        if (!atomic_compare_exchange_weak(&p->ticket, &ticket, ticket - 1))
            continue;
        p->work(p->arg, p->pieces - (int)(uint32_t)ticket, thread);
        if (atomic_fetch_sub(&p->left, 1) == 1 && thread > 0) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->end);
            pthread_mutex_unlock(&p->lock);
        }
        ticket = atomic_load(&p->ticket);
    }
}

static void breathe(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Wait a moment without giving the processor away; true as soon as another round has begun. */
static bool spin_for_round(struct pool *p, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (round_of(atomic_load(&p->ticket)) != seen)
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
        if (!spin_for_round(p, seen)) {
            pthread_mutex_lock(&p->lock);
            while (round_of(atomic_load(&p->ticket)) == seen)
                pthread_cond_wait(&p->begin, &p->lock);
            pthread_mutex_unlock(&p->lock);
        }
        seen = round_of(atomic_load(&p->ticket)); /* it may have missed some */
        if (atomic_load(&p->stop))
            return NULL;
        take_pieces(p, w->index);
    }
}

/* Everything of the loop is in place: let the workers at it. */
static void start_round(struct pool *p, int pieces)
{
    unsigned long long next = (unsigned long long)round_of(atomic_load(&p->ticket)) + 1;

    pthread_mutex_lock(&p->lock);
    atomic_store(&p->left, pieces);
    atomic_store(&p->ticket, next << 32 | (unsigned)pieces);
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
    atomic_store(&p->stop, true);
    start_round(p, 0);
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
    start_round(p, pieces);
    take_pieces(p, 0);
    for (int i = 0; i < SPINS && atomic_load(&p->left) > 0; i++)
        breathe(); /* sleeping and waking would cost more than most pieces do */
    if (atomic_load(&p->left) == 0)
        return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load(&p->left) > 0)
        pthread_cond_wait(&p->end, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
