#include "perception/base/pool.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

enum { PIECES = 1000 };

struct job {
    atomic_int done[PIECES];
    atomic_int threads_seen;
    int threads;
};

static void count(void *arg, int i, int thread)
{
    struct job *j = arg;

    cr_assert(thread >= 0 && thread < j->threads);
    atomic_fetch_or(&j->threads_seen, 1 << thread);
    atomic_fetch_add(&j->done[i], 1);
}

static void check_pool(struct pool *p)
{
    static const int sizes[] = {0, 1, 2, 3, 7, 64, PIECES};
    struct job j = {.threads = pool_threads(p)};

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int round = 0; round < 20; round++)
            pool_run(p, sizes[s], count, &j);
        for (int i = 0; i < PIECES; i++)
            cr_assert_eq(atomic_exchange(&j.done[i], 0), i < sizes[s] ? 20 : 0);
    }
}

Test(pool, every_piece_once)
{
    for (int threads = 1; threads <= 5; threads++) {
        struct pool *p;

        cr_assert_eq(pool_open(threads, &p), OK);
        cr_assert_eq(pool_threads(p), threads);
        check_pool(p);
        pool_close(p);
    }
}

struct sum {
    atomic_int of_pieces;
    int round;
};

static void add(void *arg, int i, int thread)
{
    struct sum *s = arg;

    (void)thread;
    atomic_fetch_add(&s->of_pieces, s->round + i);
}

/* More threads than processors, so that some come late to a loop that is over, with the next begun. */
Test(pool, latecomers_do_no_harm)
{
    struct pool *p;

    cr_assert_eq(pool_open(6, &p), OK);
    for (int round = 0; round < 20000; round++) {
        int pieces = 2 + round % 5;
        struct sum s = {.round = round};

        pool_run(p, pieces, add, &s);
        cr_assert_eq(atomic_load(&s.of_pieces), pieces * round + pieces * (pieces - 1) / 2);
    }
    pool_close(p);
}

Test(pool, none_is_inline)
{
    cr_assert_eq(pool_threads(NULL), 1);
    check_pool(NULL);
    pool_close(NULL);
}

Test(pool, absurd_size_is_refused)
{
    struct pool *p;

    cr_assert_eq(pool_open(100000, &p), ERR_LIMIT);
    cr_assert_null(p);
}

static void wait_for_other(void *arg, int i, int thread)
{
    atomic_int *there = arg;

    (void)i;
    (void)thread;
    atomic_fetch_add(there, 1);
    while (atomic_load(there) < 2) /* ends only if two threads are at work together */
        ;
}

Test(pool, pieces_run_at_the_same_time, .timeout = 30)
{
    atomic_int there = 0;
    struct pool *p;

    cr_assert_eq(pool_open(2, &p), OK);
    pool_run(p, 2, wait_for_other, &there);
    cr_assert_eq(atomic_load(&there), 2);
    pool_close(p);
}
