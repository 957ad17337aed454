#include "daemon/wake.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/clock.h"

enum err wake_init(struct wake *w)
{
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w->fd >= 0 ? OK : ERR_IO;
}

void wake_finish(struct wake *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void wake_ring(struct wake *w)
{
    /* Fails only where the count is full: it rings then. */
    if (eventfd_write(w->fd, 1) != 0)
        return;
}

void wake_wait(struct wake *w, int64_t at_most_ns)
{
    struct timespec t = {at_most_ns / NS_PER_S, at_most_ns % NS_PER_S};
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    eventfd_t rings;

    if (at_most_ns <= 0)
        t = (struct timespec){0, 0};
    if (ppoll(&p, 1, &t, NULL) > 0 && eventfd_read(w->fd, &rings) != 0)
        return; /* another waiter was faster */
}
