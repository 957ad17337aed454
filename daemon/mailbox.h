/* From one writing thread to one reading thread, by slot number: three slots and one atomic.
 * One slot is being written, one is being read, one lies in between. Neither side waits; what the
 * reader was too slow for is overwritten. Who must not lose anything looks at mailbox_full() first.
 * The slots themselves are arrays of three somewhere else. */
#ifndef OUTRIDER_DAEMON_MAILBOX_H
#define OUTRIDER_DAEMON_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

enum { MAILBOX_SLOTS = 3 };

struct mailbox {
    atomic_uint middle;
    unsigned back;  /* the writer's slot */
    unsigned front; /* the reader's slot */
};

void mailbox_init(struct mailbox *m);
bool mailbox_full(struct mailbox *m); /* what was posted last is not taken yet */
bool mailbox_post(struct mailbox *m); /* the writer's slot goes out; true: over one not taken */
bool mailbox_take(struct mailbox *m); /* true: the reader's slot is a new one */

#endif
