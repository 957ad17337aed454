#include "daemon/mailbox.h"

enum { FRESH = 4, SLOT = 3 };

void mailbox_init(struct mailbox *m)
{
    atomic_init(&m->middle, 1);
    m->back = 0;
    m->front = 2;
}

bool mailbox_full(struct mailbox *m)
{
    return atomic_load(&m->middle) & FRESH;
}

bool mailbox_post(struct mailbox *m)
{
    unsigned old = atomic_exchange(&m->middle, m->back | FRESH);

    m->back = old & SLOT;
    return old & FRESH;
}

bool mailbox_take(struct mailbox *m)
{
    if (!mailbox_full(m))
        return false;
    m->front = atomic_exchange(&m->middle, m->front) & SLOT;
    return true;
}
