#include "daemon/mailbox.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

Test(mailbox, newest_wins)
{
    struct mailbox m;
    int slot[MAILBOX_SLOTS];

    mailbox_init(&m);
    cr_assert_not(mailbox_take(&m));
    slot[m.back] = 1;
    cr_assert_not(mailbox_post(&m));
    cr_assert(mailbox_full(&m));
    slot[m.back] = 2;
    cr_assert(mailbox_post(&m), "the first one was not taken");
    cr_assert(mailbox_take(&m));
    cr_assert_eq(slot[m.front], 2);
    cr_assert_not(mailbox_take(&m), "each is taken once");
    cr_assert_eq(slot[m.front], 2, "it stays readable");
    cr_assert_not(mailbox_full(&m));
}

Test(mailbox, sides_never_share_a_slot)
{
    struct mailbox m;
    unsigned choice = 1;

    mailbox_init(&m);
    for (int i = 0; i < 1000; i++) {
        choice = choice * 1103515245u + 12345u;
        if (choice & 1u << 20)
            mailbox_post(&m);
        else
            mailbox_take(&m);
        cr_assert_neq(m.back, m.front);
    }
}

enum { POSTS = 100000 };

static struct mailbox shared;
static int slot[MAILBOX_SLOTS][64]; /* a torn one would differ within */

static void *write_all(void *arg)
{
    (void)arg;
    for (int i = 1; i <= POSTS; i++) {
        for (int k = 0; k < 64; k++)
            slot[shared.back][k] = i;
        mailbox_post(&shared);
    }
    return NULL;
}

Test(mailbox, two_threads)
{
    pthread_t writer;
    int last = 0;

    mailbox_init(&shared);
    pthread_create(&writer, NULL, write_all, NULL);
    while (last < POSTS) {
        if (!mailbox_take(&shared)) {
            sched_yield();
            continue;
        }
        const int *s = slot[shared.front];
        cr_assert_gt(s[0], last, "never an older one");
        for (int k = 1; k < 64; k++)
            cr_assert_eq(s[k], s[0]);
        last = s[0];
    }
    pthread_join(writer, NULL);
}
