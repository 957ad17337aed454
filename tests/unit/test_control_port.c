/* A planner's commands as the simulator takes them: over a real socket, and byte by byte. */
#include "sim/control_port.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "proto/client/outrider_client.h"
#include "tests/folder.h"
#include "tests/wire_samples.h"

#define S INT64_C(1000000000)

static struct folder f;
static char endpoint[96];
static struct control_port *port;
static struct wire *w;
static struct why why;

static void open_port(void)
{
    folder_make(&f);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/control", f.path);
    const struct control_port_options o = {endpoint, "car", CLOCK_ID_SIM, -1};
    cr_assert_eq(control_port_open(&o, &port, &why), OK, "%s", why.text);
    cr_assert_eq(wire_open(&w), OK);
}

static void close_port(void)
{
    wire_close(w);
    control_port_close(port);
    folder_remove(&f);
}

TestSuite(control_port, .init = open_port, .fini = close_port);

static struct control sample(int64_t t_ns)
{
    struct control c;

    sample_control(&c);
    c.t_ns = t_ns;
    c.valid_until_ns = t_ns + S / 2;
    return c;
}

static void take(const char *topic, const struct control *c)
{
    control_port_take(port, (struct bytes){(const uint8_t *)topic, strlen(topic)},
                      wire_control_pack(w, c));
}

Test(control_port, brakes_once_commands_stop)
{
    struct drive_command command;
    struct control c = sample(3 * S);
    bool stale;

    cr_expect(!control_port_command(port, 0, &command, &stale), "nobody drives yet");
    c.acceleration_mps2 = 1;
    take("control/car", &c);
    cr_assert(control_port_command(port, c.valid_until_ns, &command, &stale));
    cr_expect(!stale);
    cr_expect_eq(command.acceleration, 1);
    cr_expect_float_eq(command.steer, 0.01, 1e-6);
    cr_assert(control_port_command(port, c.valid_until_ns + 1, &command, &stale));
    cr_expect(stale);
    cr_expect_eq(command.acceleration, -4);
    cr_expect_float_eq(command.steer, 0.01, 1e-6, "the wheels stay as they were");
    c.acceleration_mps2 = -7;
    take("control/car", &c);
    cr_assert(control_port_command(port, 100 * S, &command, &stale));
    cr_expect_eq(command.acceleration, -7, "who brakes harder goes on with it");
    c = sample(101 * S);
    take("control/car", &c);
    cr_assert(control_port_command(port, 101 * S, &command, &stale));
    cr_expect(!stale, "a new command is a new start");
}

Test(control_port, refuses_and_says_why)
{
    struct control c = sample(S);
    struct drive_command command;
    bool stale;

    take("control/car2", &c); /* the prefix brings it: not ours, not an error */
    take("ego/car", &c);
    cr_expect_eq(control_port_counts(port).refused, 0);
    c.clock_id = CLOCK_ID_MONOTONIC;
    take("control/car", &c);
    cr_expect(strstr(control_port_counts(port).last_refusal.text, "clock_id is 1"), "%s",
              control_port_counts(port).last_refusal.text);
    c = sample(S);
    c.acceleration_mps2 = NAN;
    take("control/car", &c);
    cr_expect(strstr(control_port_counts(port).last_refusal.text, "acceleration_mps2 is absent"));
    control_port_take(port, (struct bytes){(const uint8_t *)"control/car", 11},
                      (struct bytes){(const uint8_t *)"\xff", 1});
    cr_expect_eq(control_port_counts(port).refused, 3);
    cr_expect_eq(control_port_counts(port).heard, 0);
    cr_expect(!control_port_command(port, S, &command, &stale), "nothing of it drives");
}

Test(control_port, waits_for_the_answer_to_its_frame)
{
    struct outrider_publisher *p;
    const uint64_t seven = 7, eight = 8;
    struct control c = sample(S);

    cr_assert_eq(outrider_publisher_open(endpoint, &p, &why), OK, "%s", why.text);
    while (outrider_publisher_wait(p, 10, &why) == ERR_AGAIN)
        control_port_read(port);
    cr_expect_eq(control_port_await(port, NULL, sender_now_ns()), WAIT_TIMEOUT);
    cr_assert_eq(outrider_publisher_control(p, "car", &c, &why), OK, "%s", why.text);
    cr_expect_eq(control_port_await(port, &seven, sender_now_ns() + 20 * S), WAIT_DONE);
    cr_expect_eq(control_port_await(port, &eight, sender_now_ns() + S / 100), WAIT_TIMEOUT);
    c.valid_until_ns = c.t_ns + 3 * S;
    cr_expect_eq(outrider_publisher_control(p, "car", &c, &why), ERR_LIMIT, "refused at home");
    outrider_publisher_close(p);
}

Test(control_port, names_what_it_cannot_open)
{
    struct control_port *other;

    cr_expect_eq(
        control_port_open(&(struct control_port_options){endpoint, "a/b", CLOCK_ID_SIM, -1}, &other,
                          &why),
        ERR_FORMAT);
    cr_expect_eq(control_port_open(&(struct control_port_options){"x", "car", CLOCK_ID_SIM, -1},
                                   &other, &why),
                 ERR_FORMAT);
    cr_expect(strstr(why.text, "--control 'x'"), "%s", why.text);
}
