/* Client and publisher library over real sockets; the waits end by themselves if nothing comes. */
#include "proto/client/outrider_client.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/wire_samples.h"

enum { PATIENCE_MS = 20000 };

static void *context, *bus;
static char endpoint[96];
static struct wire *w;
static struct why why;

static void open_bus(int type)
{
    const int no_linger = 0, patience = PATIENCE_MS;
    size_t size = sizeof endpoint;

    context = zmq_ctx_new();
    bus = zmq_socket(context, type);
    zmq_setsockopt(bus, ZMQ_LINGER, &no_linger, sizeof no_linger);
    zmq_setsockopt(bus, ZMQ_RCVTIMEO, &patience, sizeof patience);
    cr_assert_eq(zmq_bind(bus, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(bus, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    cr_assert_eq(wire_open(&w), OK);
}

static void close_bus(void)
{
    wire_close(w);
    zmq_close(bus);
    zmq_ctx_term(context);
}

static void send_message(const char *topic, struct bytes body)
{
    zmq_send(bus, topic, strlen(topic), ZMQ_SNDMORE);
    zmq_send(bus, body.data, body.size, 0);
}

static void send_objects(const char *topic, uint64_t seq, int n)
{
    static struct objects_message m;

    sample_objects(&m, n);
    m.header.seq = seq;
    send_message(topic, wire_objects_pack(w, &m));
}

/* XPUB hears of the subscription, so nothing is sent too early. */
static void await_subscriptions(int n)
{
    char text[128];

    for (; n > 0; n--)
        cr_assert(zmq_recv(bus, text, sizeof text, 0) > 0);
}

/* Until the client has understood (or not) that many messages. */
static enum err await_messages(struct outrider_client *c, uint64_t n)
{
    enum err e = OK;

    while (outrider_client_counts(c).received + outrider_client_counts(c).malformed < n) {
        enum err one = outrider_client_wait(c, PATIENCE_MS, &why);

        cr_assert_neq(one, ERR_AGAIN, "nothing came");
        if (one != OK)
            e = one;
    }
    return e;
}

Test(client, keeps_the_newest_and_counts_gaps)
{
    struct outrider_client *c;
    struct status_message status;

    open_bus(ZMQ_XPUB);
    cr_assert_eq(outrider_client_open(endpoint, &c, &why), OK, "%s", why.text);
    cr_assert_eq(outrider_client_subscribe(c, TOPIC_OBJECTS, "front", &why), OK);
    cr_assert_eq(outrider_client_subscribe(c, TOPIC_STATUS, NULL, &why), OK);
    await_subscriptions(2);
    cr_expect_eq(outrider_client_wait(c, 0, &why), ERR_AGAIN);
    cr_expect_null(outrider_client_objects(c, "front"));
    send_objects("objects/front", 1, 3);
    send_objects("objects/front_left", 7, 9); /* the prefix brings it, nobody asked for it */
    send_objects("objects/front", 5, 4);
    send_message("objects/front", (struct bytes){(const uint8_t *)"\xff\xff", 2});
    sample_status(&status, 1);
    send_message("status", wire_status_pack(w, &status));
    cr_expect_eq(await_messages(c, 4), ERR_FORMAT);
    cr_assert_not_null(outrider_client_objects(c, "front"));
    cr_expect_eq(outrider_client_objects(c, "front")->n_objects, 4);
    cr_expect_eq(outrider_client_counts(c).received, 3);
    cr_expect_eq(outrider_client_counts(c).missed, 3);
    cr_expect_eq(outrider_client_counts(c).malformed, 1);
    cr_assert_not_null(outrider_client_status(c));
    cr_expect_str_eq(outrider_client_status(c)->camera[0].camera, "camera.0");
    cr_expect_null(outrider_client_lanes(c, "front"));
    outrider_client_close(c);
    close_bus();
}

Test(client, a_restart_of_the_daemon_is_no_gap)
{
    static struct objects_message m;
    struct outrider_client *c;

    open_bus(ZMQ_XPUB);
    cr_assert_eq(outrider_client_open(endpoint, &c, &why), OK);
    cr_assert_eq(outrider_client_subscribe(c, TOPIC_OBJECTS, "front", &why), OK);
    await_subscriptions(1);
    send_objects("objects/front", 1, 1);
    sample_objects(&m, 1);
    m.header.run_uuid[0] ^= 1;
    m.header.seq = 100;
    send_message("objects/front", wire_objects_pack(w, &m));
    cr_expect_eq(await_messages(c, 2), OK);
    cr_expect_eq(outrider_client_counts(c).missed, 0);
    outrider_client_close(c);
    close_bus();
}

static void send_ego(const char *topic, float speed_mps)
{
    struct ego m;

    sample_ego(&m);
    m.speed_mps = speed_mps;
    send_message(topic, wire_ego_pack(w, &m));
}

/* What is seen and what is true have one name each; who asks for one does not get the other. */
Test(client, tells_the_truth_from_what_is_seen)
{
    static struct objects_message m;
    struct outrider_client *c;

    open_bus(ZMQ_XPUB);
    cr_assert_eq(outrider_client_open(endpoint, &c, &why), OK);
    cr_assert_eq(outrider_client_subscribe(c, TOPIC_OBJECTS, "front", &why), OK);
    cr_assert_eq(outrider_client_subscribe_truth(c, TOPIC_EGO, "car", &why), OK);
    await_subscriptions(2);
    cr_expect_null(outrider_client_ego(c, "car"));
    sample_objects(&m, 2);
    send_message("truth/objects/front", wire_objects_pack(w, &m));
    send_ego("ego/car", 1);
    send_objects("objects/front", 1, 3);
    send_ego("truth/ego/car", 2);
    cr_expect_eq(await_messages(c, 2), OK);
    cr_assert_not_null(outrider_client_objects(c, "front"));
    cr_expect_eq(outrider_client_objects(c, "front")->n_objects, 3);
    cr_assert_not_null(outrider_client_ego(c, "car"));
    cr_expect_eq(outrider_client_ego(c, "car")->speed_mps, 2);
    outrider_client_close(c);
    close_bus();
}

Test(client, refuses_what_it_cannot_do)
{
    struct outrider_client *c;

    cr_expect_eq(outrider_client_open("nonsense", &c, &why), ERR_IO);
    cr_expect_null(c);
    cr_assert_eq(outrider_client_open("tcp://127.0.0.1:1", &c, &why), OK);
    cr_expect_eq(outrider_client_subscribe(c, TOPIC_FRAME, "front", &why), ERR_UNSUPPORTED);
    cr_expect_eq(outrider_client_subscribe(c, TOPIC_LANES, "fr ont", &why), ERR_FORMAT);
    cr_expect_eq(outrider_client_subscribe(c, TOPIC_LANES, NULL, &why), ERR_FORMAT);
    for (int i = 0; i < OUTRIDER_MAX_SUBSCRIPTIONS; i++)
        cr_expect_eq(outrider_client_subscribe(c, TOPIC_LANES, "front", &why), OK);
    cr_expect_eq(outrider_client_subscribe(c, TOPIC_LANES, "front", &why), ERR_LIMIT);
    outrider_client_close(c);
}

Test(client, staleness)
{
    struct header h;

    header_clear(&h);
    cr_expect(outrider_is_stale(&h, 0));
    h.valid_until_ns = 100;
    cr_expect(!outrider_is_stale(&h, 100));
    cr_expect(outrider_is_stale(&h, 101));
}

static int receive(void *to, size_t size)
{
    int n = zmq_recv(bus, to, size, 0);

    cr_assert(n >= 0, "nothing came");
    return n;
}

/* Our end takes new connections in only while it polls, as a daemon always does. */
static void await_subscriber(struct outrider_publisher *p)
{
    zmq_pollitem_t item = {bus, 0, ZMQ_POLLIN, 0};
    enum err e = ERR_AGAIN;

    for (int i = 0; i < PATIENCE_MS / 10 && e == ERR_AGAIN; i++) {
        zmq_poll(&item, 1, 0);
        e = outrider_publisher_wait(p, 10, &why);
    }
    cr_assert_eq(e, OK, "%s", why.text);
}

Test(publisher, frames_ego_and_calibration_arrive)
{
    static uint8_t pixels[1984 * 4], got[sizeof pixels];
    struct outrider_publisher *p;
    struct frame_header frame, frame_back;
    struct calibration_message calibration, calibration_back;
    struct ego ego, ego_back;
    char topic[128];
    uint8_t body[4096];
    int n;

    open_bus(ZMQ_SUB);
    cr_assert_eq(outrider_publisher_open(endpoint, &p, &why), OK, "%s", why.text);
    cr_expect_eq(outrider_publisher_wait(p, 1, &why), ERR_AGAIN);
    zmq_setsockopt(bus, ZMQ_SUBSCRIBE, "", 0);
    await_subscriber(p);
    sample_frame(&frame);
    sample_ego(&ego);
    sample_calibration(&calibration);
    memset(pixels, 0x5a, sizeof pixels);
    cr_expect_eq(outrider_publisher_frame(p, "front", &frame,
                                          (struct bytes){pixels, sizeof pixels - 1}, &why),
                 ERR_FORMAT);
    cr_expect_eq(outrider_publisher_ego(p, "a/b", &ego, &why), ERR_FORMAT);
    cr_assert_eq(
        outrider_publisher_frame(p, "front", &frame, (struct bytes){pixels, sizeof pixels}, &why),
        OK, "%s", why.text);
    cr_assert_eq(outrider_publisher_ego(p, "car", &ego, &why), OK, "%s", why.text);
    cr_assert_eq(outrider_publisher_calibration(p, "front", &calibration.camera, &why), OK, "%s",
                 why.text);

    topic[receive(topic, sizeof topic - 1)] = 0;
    cr_expect_str_eq(topic, "frame/front");
    n = receive(body, sizeof body);
    cr_expect_eq(receive(got, sizeof got), (int)sizeof got);
    cr_expect_eq(memcmp(got, pixels, sizeof got), 0);
    cr_expect_eq(
        wire_frame_header_unpack(w, (struct bytes){body, (size_t)n}, sizeof got, &frame_back, &why),
        OK);
    cr_expect_eq(memcmp(&frame, &frame_back, offsetof(struct frame_header, last)), 0);
    cr_expect_eq(frame.last, frame_back.last);
    topic[receive(topic, sizeof topic - 1)] = 0;
    cr_expect_str_eq(topic, "ego/car");
    n = receive(body, sizeof body);
    cr_expect_eq(wire_ego_unpack(w, (struct bytes){body, (size_t)n}, &ego_back, &why), OK);
    cr_expect_eq(ego_back.speed_mps, ego.speed_mps);
    topic[receive(topic, sizeof topic - 1)] = 0;
    cr_expect_str_eq(topic, "calibration/front");
    n = receive(body, sizeof body);
    cr_expect_eq(
        wire_calibration_unpack(w, (struct bytes){body, (size_t)n}, &calibration_back, &why), OK);
    cr_expect_eq(calibration_back.camera.z_m, calibration.camera.z_m);
    cr_expect(!calibration_back.has_header);
    outrider_publisher_close(p);
    close_bus();
}
