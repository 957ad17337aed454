#include "daemon/bus.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zmq.h>

Test(bus, binds_and_connects)
{
    struct bus_config here = {.n_bind = 2, .bind = {{"inproc://a"}, {"inproc://b"}}};
    struct bus_config there = {.n_connect = 2, .connect = {{"inproc://a"}, {"inproc://b"}}};
    struct bus_config wrong = {.n_bind = 1, .bind = {{"tcp://nowhere:x"}}};
    struct bus_config unknown = {.n_connect = 1, .connect = {{"smoke://signals"}}};
    void *zmq = zmq_ctx_new(), *pull = zmq_socket(zmq, ZMQ_PULL), *push = zmq_socket(zmq, ZMQ_PUSH);
    struct why why;

    cr_assert_eq(bus_attach(pull, "bus.in", &here, &why), OK);
    cr_assert_eq(bus_attach(push, "bus.out", &there, &why), OK);
    cr_assert_eq(zmq_send(push, "x", 1, 0), 1); /* one goes each way */
    cr_assert_eq(zmq_send(push, "y", 1, 0), 1);
    cr_assert_eq(zmq_recv(pull, &(char){0}, 1, 0), 1);
    cr_assert_eq(zmq_recv(pull, &(char){0}, 1, 0), 1);
    cr_assert_eq(bus_attach(pull, "bus.in", &wrong, &why), ERR_IO);
    cr_assert(strstr(why.text, "bus.in: cannot bind tcp://nowhere:x: "), "%s", why.text);
    cr_assert_eq(bus_attach(push, "bus.out", &unknown, &why), ERR_IO);
    cr_assert(strstr(why.text, "bus.out: cannot connect smoke://signals: "), "%s", why.text);
    zmq_close(push);
    zmq_close(pull);
    zmq_ctx_term(zmq);
}
