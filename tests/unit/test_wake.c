#include "daemon/wake.h"

#include <criterion/criterion.h>
#include <poll.h>

#include "daemon/clock.h"

static int is_ringing(const struct wake *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};

    return poll(&p, 1, 0);
}

Test(wake, rings_are_remembered_and_count_as_one)
{
    struct wake w;

    cr_assert_eq(wake_init(&w), OK);
    cr_assert_not(is_ringing(&w));
    wake_ring(&w);
    wake_ring(&w);
    cr_assert(is_ringing(&w));
    wake_wait(&w, 3600 * NS_PER_S); /* comes back at once */
    cr_assert_not(is_ringing(&w));
    wake_wait(&w, 0); /* does not wait for another */
    wake_wait(&w, -1);
    wake_wait(&w, NS_PER_MS);
    wake_finish(&w);
    wake_finish(&w);
}
