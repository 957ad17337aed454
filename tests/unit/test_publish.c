#include "daemon/publish.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 10000 };

static struct config *config;
static struct daemon d;
static struct publish *publish;
static struct wire *w;
static void *zmq, *sub;
static struct why why;
static struct objects_message objects;
static pthread_t thread;

/* A publishing thread at 50 Hz, and this test in the place of the other threads. */
static void begin(void)
{
    const char *text = "bus: {out: {bind: ['inproc://out']}}\n"
                       "cameras: [{name: front, rate_hz: 50}]\n"
                       "log: error\n";

    cr_assert_eq(config_parse(text, strlen(text), "a.yaml", "", NULL, 0, &config, &why), OK, "%s",
                 why.text);
    log_level_set(config->log);
    cr_assert_eq(daemon_init(&d, config, &why), OK);
    cr_assert_eq(wire_open(&w), OK);
    zmq = zmq_ctx_new();
    sub = zmq_socket(zmq, ZMQ_SUB);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "objects/", 8);
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &(int){WAIT_MS}, sizeof(int));
    cr_assert_eq(publish_open(&d, zmq, &publish, &why), OK, "%s", why.text);
    cr_assert_eq(zmq_connect(sub, "inproc://out"), 0);
}

static void start(void)
{
    cr_assert_eq(pthread_create(&thread, NULL, publish_thread, publish), 0);
}

static void end(void)
{
    daemon_stop(&d);
    pthread_join(thread, NULL);
    publish_close(publish);
    zmq_close(sub);
    zmq_ctx_term(zmq);
    daemon_finish(&d);
    config_close(config);
    wire_close(w);
}

TestSuite(publish, .init = begin, .fini = end, .timeout = 60);

/* The next objects message. */
static const struct header *next(void)
{
    zmq_msg_t m;

    zmq_msg_init(&m);
    cr_assert(zmq_msg_recv(&m, sub, 0) > 0);
    cr_assert(zmq_msg_recv(&m, sub, 0) > 0);
    cr_assert_eq(
        wire_objects_unpack(w, (struct bytes){zmq_msg_data(&m), zmq_msg_size(&m)}, &objects, &why),
        OK, "%s", why.text);
    zmq_msg_close(&m);
    return &objects.header;
}

static bool has(const struct header *h, enum reason r)
{
    return h->reasons & 1u << r;
}

/* What a worker does when it has an answer. */
static void answer(uint64_t frame_id, int64_t age_ns)
{
    struct channel *c = &d.channel[0];
    struct answer *a = &c->answer[c->answers.back];
    struct header *h = &a->objects.header;

    memset(a, 0, sizeof *a);
    header_init(h, d.run_uuid, "front", config->id);
    h->has_frame = true;
    h->frame_id = frame_id;
    h->clock_id = CLOCK_ID_SIM;
    h->t_recv_ns = clock_now_ns() - age_ns;
    h->state_time_ns = 77;
    h->expected_period_ns = NS_PER_S / 50;
    h->qualifier = QUALIFIER_AVAILABLE;
    a->lanes.header = *h;
    mailbox_post(&c->answers);
    wake_ring(&d.answered);
}

static void ready(void)
{
    atomic_store(&d.channel[0].state, WORKER_READY);
}

Test(publish, says_that_it_warms_up_and_that_nothing_comes)
{
    start();
    const struct header *h = next();

    cr_assert_eq(h->seq, 1);
    cr_assert(has(h, REASON_NO_FRAMES) && has(h, REASON_WARMUP));
    ready();
    do
        h = next();
    while (has(h, REASON_WARMUP));
    cr_assert_eq(h->reasons, 1u << REASON_NO_FRAMES);
    cr_assert_eq(h->clock_id, CLOCK_ID_MONOTONIC);
}

Test(publish, repeats_under_load_as_long_as_the_numbers_are_good)
{
    struct channel *c = &d.channel[0];
    const struct header *h;
    int repeats = 0;

    ready();
    atomic_store(&c->received_ns, clock_now_ns() + 3600 * NS_PER_S); /* they never stop */
    atomic_store(&c->busy_since_ns, clock_now_ns());
    answer(5, 0);
    start();
    h = next();
    cr_assert(h->has_frame);
    cr_assert_eq(h->qualifier, QUALIFIER_AVAILABLE);
    for (h = next(); h->qualifier == QUALIFIER_AVAILABLE_REDUCED; h = next()) {
        cr_assert_not(h->has_frame);
        cr_assert(has(h, REASON_OVERLOAD));
        cr_assert_eq(h->state_time_ns, 77, "the old numbers with their old time");
        repeats++;
    }
    cr_assert_gt(repeats, 0);
    cr_assert_eq(h->qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert(has(h, REASON_OVERLOAD));
    cr_assert_eq(h->state_time_ns, TIME_UNKNOWN);
    do /* and after a second */
        h = next();
    while (has(h, REASON_OVERLOAD));
    cr_assert_eq(h->reasons, 1u << REASON_MODEL_FAULT);
}

Test(publish, drops_are_told_once_and_old_answers_are_reduced)
{
    struct channel *c = &d.channel[0];
    const struct header *h;

    ready();
    atomic_store(&c->received_ns, clock_now_ns() + 3600 * NS_PER_S);
    atomic_fetch_add(&c->counters.received, 100);
    atomic_fetch_add(&c->counters.drop[DROP_OVERWRITTEN], 3);
    atomic_fetch_add(&c->counters.drop[DROP_DUPLICATE], 1);
    answer(1, 0);
    start();
    h = next();
    cr_assert_eq(h->drops.count[DROP_OVERWRITTEN], 3);
    cr_assert(has(h, REASON_OVERLOAD) && has(h, REASON_DUPLICATE));
    cr_assert_eq(h->qualifier, QUALIFIER_AVAILABLE, "three of a hundred");
    answer(2, NS_PER_S / 10);
    do
        h = next();
    while (!h->has_frame);
    cr_assert_eq(h->frame_id, 2);
    cr_assert_eq(h->drops.count[DROP_OVERWRITTEN], 0);
    cr_assert_eq(h->qualifier, QUALIFIER_AVAILABLE_REDUCED, "older than two periods");
    cr_assert(has(h, REASON_OVERLOAD));
}
