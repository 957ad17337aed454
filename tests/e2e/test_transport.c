/* The bus without networks: who is heard, what is counted, and that nobody is ever left without a
 * word. Frames are answered NOT_AVAILABLE, CONFIG. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/clock.h"
#include "tests/e2e/harness.h"

#define ONE_CAMERA "cameras: [{name: front, rate_hz: 5}]\n"
#define TWO_CAMERAS "cameras: [{name: front, rate_hz: 10}, {name: rear, rate_hz: 20}]\n"
#define PERIOD_NS (NS_PER_S / 5)

static struct rig r;

TestSuite(transport, .timeout = 180);

static bool is_no_frames(const struct objects_message *m)
{
    return !m->header.has_frame && has_reason(&m->header, REASON_NO_FRAMES);
}

static bool is_running(const struct status_message *m)
{
    return m->state == STATE_RUNNING;
}

static bool is_stopping(const struct status_message *m)
{
    return m->state == STATE_STOPPING;
}

/* ---- without frames ------------------------------------------------------------------------ */

Test(transport, speaks_before_any_frame)
{
    const struct header *h = &r.objects.header;
    uint64_t seq;

    rig_start(&r, ONE_CAMERA);
    rig_objects(&r, "front", is_no_frames);
    seq = h->seq;
    for (int i = 0; i < 3; i++) {
        rig_objects(&r, "front", is_no_frames);
        cr_assert_eq(h->qualifier, QUALIFIER_NOT_AVAILABLE);
        cr_assert_eq(h->seq, ++seq);
        cr_assert_eq(h->expected_period_ns, PERIOD_NS);
        cr_assert_eq(h->state_time_ns, TIME_UNKNOWN);
        cr_assert_gt(h->valid_until_ns, h->t_publish_ns);
        cr_assert_eq(r.objects.n_objects, 0);
        cr_assert_str_eq(h->camera, "front");
        cr_assert_eq(strncmp(h->config_id, "cfg-", 4), 0);
        while (r.topic != TOPIC_LANES)
            cr_assert(rig_take(&r, WAIT_MS));
        cr_assert_eq(r.lanes.header.seq, seq);
        cr_assert_eq(r.lanes.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    }
    rig_finish(&r);
}

Test(transport, status_tells_the_run)
{
    rig_start(&r, TWO_CAMERAS);
    const struct status_message *s = rig_status(&r, is_running);

    cr_assert_eq(s->mode, MODE_LIVE);
    cr_assert_eq(s->n_cameras, 2);
    cr_assert_str_eq(s->camera[0].camera, "front");
    cr_assert_str_eq(s->camera[1].camera, "rear");
    cr_assert_eq(s->camera[0].qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert_str_eq(s->version, OUTRIDER_VERSION);
    cr_assert(*s->cpu_level);
    rig_finish(&r);
}

/* ---- frames -------------------------------------------------------------------------------- */

Test(transport, two_cameras_have_answers_of_their_own)
{
    rig_start(&r, TWO_CAMERAS);
    for (uint64_t i = 1; i <= 5; i++) {
        int64_t t_ns = (int64_t)i * NS_PER_S / 20;

        rig_send_frame(&r, "front", i, t_ns);
        rig_send_frame(&r, "rear", 100 + i, 7 + t_ns);
        /* They come in any order between the cameras: take both, front first or rear first. */
        bool front = false, rear = false;
        while (!front || !rear) {
            cr_assert(rig_take(&r, WAIT_MS));
            const struct header *h = &r.objects.header;
            if (r.topic != TOPIC_OBJECTS || !h->has_frame)
                continue;
            cr_assert_str_eq(h->camera, r.name);
            cr_assert_eq(h->qualifier, QUALIFIER_NOT_AVAILABLE);
            cr_assert(has_reason(h, REASON_CONFIG));
            cr_assert_eq(h->clock_id, CLOCK_ID_SIM);
            cr_assert_leq(h->t_recv_ns, h->t_infer_begin_ns);
            cr_assert_leq(h->t_infer_begin_ns, h->t_infer_end_ns);
            cr_assert_leq(h->t_infer_end_ns, h->t_publish_ns);
            if (!strcmp(r.name, "front")) {
                front = true;
                cr_assert_eq(h->frame_id, i);
                cr_assert_eq(h->t_sof_ns, t_ns);
            } else {
                rear = true;
                cr_assert_eq(h->frame_id, 100 + i);
                cr_assert_eq(h->t_sof_ns, 7 + t_ns);
            }
        }
    }
    rig_finish(&r);
}

Test(transport, says_when_frames_stop)
{
    int64_t last_ns;

    rig_start(&r, ONE_CAMERA);
    for (uint64_t i = 1; i <= 3; i++) {
        rig_send_frame(&r, "front", i, (int64_t)i * PERIOD_NS);
        rig_answer(&r, "front", i);
    }
    last_ns = r.objects.header.t_recv_ns;
    rig_objects(&r, "front", NULL);
    cr_assert(is_no_frames(&r.objects));
    cr_assert_eq(r.objects.header.qualifier, QUALIFIER_NOT_AVAILABLE);
    /* Due after 1.5 periods; the rest is for a machine that is busy otherwise. */
    cr_assert_geq(r.objects.header.t_publish_ns - last_ns, PERIOD_NS * 3 / 2);
    cr_assert_leq(r.objects.header.t_publish_ns - last_ns, 2 * PERIOD_NS + NS_PER_S / 2);
    rig_send_frame(&r, "front", 4, 20 * PERIOD_NS);
    rig_answer(&r, "front", 4);
    cr_assert_not(has_reason(&r.objects.header, REASON_NO_FRAMES));
    rig_finish(&r);
}

Test(transport, a_duplicate_is_dropped_and_told)
{
    rig_start(&r, ONE_CAMERA);
    rig_send_frame(&r, "front", 1, NS_PER_S);
    rig_answer(&r, "front", 1);
    rig_send_frame(&r, "front", 1, NS_PER_S);
    rig_send_frame(&r, "front", 2, 2 * NS_PER_S);
    rig_answer(&r, "front", 2);
    cr_assert_eq(r.objects.header.drops.count[DROP_DUPLICATE], 1);
    cr_assert(has_reason(&r.objects.header, REASON_DUPLICATE));
    rig_send_frame(&r, "front", 3, 3 * NS_PER_S);
    rig_send_frame(&r, "front", 2, 5 * NS_PER_S / 2); /* late */
    rig_answer(&r, "front", 3);
    rig_send_frame(&r, "front", 4, 4 * NS_PER_S);
    rig_answer(&r, "front", 4);
    cr_assert_not(has_reason(&r.objects.header, REASON_CLOCK_JUMP));
    rig_finish(&r);
}

Test(transport, time_that_goes_back_begins_an_epoch)
{
    const struct header *h = &r.objects.header;
    struct frame_header f;
    uint8_t pixels[48 * 3 * 64] = {1};

    rig_start(&r, ONE_CAMERA);
    rig_send_frame(&r, "front", 1, 9 * NS_PER_S);
    rig_answer(&r, "front", 1);
    cr_assert_eq(h->clock_epoch, 0);
    rig_send_frame(&r, "front", 2, 3 * NS_PER_S);
    rig_answer(&r, "front", 2);
    cr_assert_eq(h->clock_epoch, 1);
    cr_assert(has_reason(h, REASON_CLOCK_JUMP));
    rig_send_frame(&r, "front", 3, 4 * NS_PER_S);
    rig_answer(&r, "front", 3);
    cr_assert_eq(h->clock_epoch, 1);
    cr_assert_not(has_reason(h, REASON_CLOCK_JUMP));
    f = rig_header(1, NS_PER_S);
    f.clock_epoch = 5;
    rig_send(&r, "front", &f, pixels, sizeof pixels);
    rig_answer(&r, "front", 1);
    cr_assert_eq(h->clock_epoch, 5);
    cr_assert(has_reason(h, REASON_CLOCK_JUMP));
    rig_finish(&r);
}

Test(transport, time_that_leaps_forward_is_told)
{
    const struct header *h = &r.objects.header;
    uint64_t id = 0;

    rig_start(&r, ONE_CAMERA);
    for (int64_t t = NS_PER_S; id < 8; t += PERIOD_NS) {
        rig_send_frame(&r, "front", ++id, t);
        rig_answer(&r, "front", id);
        cr_assert_not(has_reason(h, REASON_CLOCK_JUMP));
    }
    rig_send_frame(&r, "front", 9, 3600 * NS_PER_S);
    rig_answer(&r, "front", 9);
    cr_assert(has_reason(h, REASON_CLOCK_JUMP));
    cr_assert_eq(h->clock_epoch, 1);
    rig_send_frame(&r, "front", 10, 3600 * NS_PER_S + PERIOD_NS);
    rig_answer(&r, "front", 10);
    cr_assert_not(has_reason(h, REASON_CLOCK_JUMP));
    rig_finish(&r);
}

Test(transport, undecodable_frames_are_answered)
{
    const struct header *h = &r.objects.header;
    struct frame_header f = rig_header(1, NS_PER_S);

    f.encoding = ENCODING_JPEG;
    f.width = f.height = f.stride_bytes = 0;
    rig_start(&r, ONE_CAMERA);
    rig_send(&r, "front", &f, "no jpeg", 7);
    rig_answer(&r, "front", 1);
    cr_assert_eq(h->qualifier, QUALIFIER_NOT_AVAILABLE);
    cr_assert(has_reason(h, REASON_NO_FRAMES) && has_reason(h, REASON_UNDECODABLE));
    cr_assert_eq(h->drops.count[DROP_UNDECODABLE], 1);
    rig_status(&r, NULL);
    cr_assert(*r.status.camera[0].last_error);
    rig_finish(&r);
}

/* ---- hostile ------------------------------------------------------------------------------- */

static bool counts_strangers(const struct status_message *s)
{
    return s->n_cameras == 2 && s->messages_unknown_topic == 4;
}

Test(transport, strangers_are_counted_by_name)
{
    const char *topic[] = {"frame/frnt", "frame/frnt", "weather/today", "ego/other"};

    rig_start(&r, ONE_CAMERA);
    for (int i = 0; i < 4; i++)
        rig_send_parts(&r, 3, (const void *[]){topic[i], "x", "y"},
                       (const size_t[]){strlen(topic[i]), 1, 1});
    rig_status(&r, counts_strangers);
    cr_assert_str_eq(r.status.camera[1].camera, "frnt");
    cr_assert_eq(r.status.camera[1].drops.count[DROP_UNKNOWN_CAMERA], 2);
    cr_assert(r.status.camera[1].reasons & 1u << REASON_CONFIG);
    rig_finish(&r);
}

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* A frame message that is damaged in one of many ways; never a good one for sure. */
static void send_hostile(uint64_t frame_id)
{
    struct frame_header h = rig_header(frame_id, (int64_t)frame_id * NS_PER_MS);
    static uint8_t pixels[48 * 3 * 64];
    uint8_t header[256];
    struct bytes b = wire_frame_header_pack(r.wire, &h);
    const void *part[] = {"frame/front", header, pixels, pixels, pixels};
    size_t size[] = {11, b.size, sizeof pixels, 5, 0};
    int n = 3;

    memcpy(header, b.data, b.size);
    switch (random_next() % 6) {
    case 0: /* the header ends early */
        size[1] = random_next() % b.size;
        break;
    case 1: /* bits of it are others: it may still parse */
        header[random_next() % b.size] ^= (uint8_t)(1u << random_next() % 8);
        break;
    case 2: /* the pixels end early */
        size[2] = random_next() % sizeof pixels;
        break;
    case 3: /* parts are missing or too many */
        n = (const int[]){1, 2, 4, 5}[random_next() % 4];
        break;
    case 4: /* noise */
        for (size_t i = 0; i < size[1]; i++)
            header[i] = (uint8_t)random_next();
        break;
    default: /* another topic, with bytes that no topic has */
        part[0] = "fra\0me/\xff\n";
        size[0] = random_next() % 10;
    }
    rig_send_parts(&r, n, part, size);
}

static bool counts_everything(const struct status_message *s)
{
    const struct camera_status *c = &s->camera[0];

    return c->frames_received + s->messages_malformed + s->messages_unknown_topic == 10100;
}

Test(transport, ten_thousand_hostile_messages)
{
    random_state = 88172645463325252u;
    rig_start(&r, "log: error\n" ONE_CAMERA);
    for (uint64_t i = 1; i <= 10000; i++) {
        send_hostile(i);
        if (i % 100 == 0) { /* a good one, in a new epoch: whatever was before, it is answered */
            struct frame_header h = rig_header(1000000 + i, NS_PER_S);
            static uint8_t pixels[48 * 3 * 64];

            h.clock_epoch = (uint32_t)i;
            rig_send(&r, "front", &h, pixels, sizeof pixels);
            rig_answer(&r, "front", 1000000 + i);
        }
    }
    rig_status(&r, counts_everything);
    cr_assert_gt(r.status.messages_malformed, 5000);
    cr_assert_eq(r.status.messages_malformed, r.status.camera[0].drops.count[DROP_MALFORMED]);
    rig_finish(&r);
}

Test(transport, a_part_beyond_the_limit_only_costs_its_sender)
{
    size_t huge = (size_t)FRAME_MAX_PIXEL_BYTES + 1;
    uint8_t *pixels = calloc(huge, 1);
    void *other;
    int none = 0;

    cr_assert(pixels);
    rig_start(&r, ONE_CAMERA);
    other = zmq_socket(r.zmq, ZMQ_XPUB);
    zmq_setsockopt(other, ZMQ_LINGER, &none, sizeof none);
    cr_assert_eq(zmq_connect(other, r.in), 0);
    zmq_recv(other, &(char){0}, 1, 0); /* the daemon subscribed */
    zmq_send(other, "frame/front", 11, ZMQ_SNDMORE);
    zmq_send(other, "x", 1, ZMQ_SNDMORE);
    zmq_send(other, pixels, huge, 0);
    free(pixels);
    for (uint64_t i = 1; i <= 5; i++) {
        rig_send_frame(&r, "front", i, (int64_t)i * PERIOD_NS);
        rig_answer(&r, "front", i);
    }
    zmq_close(other);
    rig_finish(&r);
}

Test(transport, a_slow_reader_slows_nobody)
{
    void *slow;
    int hwm = 1, none = 0;

    rig_start(&r, ONE_CAMERA);
    slow = zmq_socket(r.zmq, ZMQ_SUB);
    zmq_setsockopt(slow, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(slow, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(slow, ZMQ_SUBSCRIBE, "", 0);
    cr_assert_eq(zmq_connect(slow, r.out), 0); /* and never reads */
    for (uint64_t i = 1; i <= 2000; i++) {
        rig_send_frame(&r, "front", i, (int64_t)i * NS_PER_MS);
        rig_answer(&r, "front", i);
    }
    zmq_close(slow);
    rig_finish(&r);
}

/* ---- calibration --------------------------------------------------------------------------- */

static void send_calibration(const struct camera *c)
{
    struct calibration_message m = {.camera = *c};
    struct bytes b = wire_calibration_pack(r.wire, &m);

    rig_send_parts(&r, 2, (const void *[]){"calibration/front", b.data},
                   (const size_t[]){17, b.size});
}

static bool counts_a_bad_message(const struct status_message *s)
{
    return s->messages_malformed == 1;
}

Test(transport, calibration_is_taken_over_and_echoed)
{
    struct camera c = {.width = 640,
                       .height = 480,
                       .model = CAMERA_PINHOLE,
                       .fx = 500,
                       .fy = 500,
                       .cx = 320,
                       .cy = 240,
                       .z_m = 1.5f};

    rig_start(&r, ONE_CAMERA);
    while (r.topic != TOPIC_CALIBRATION)
        cr_assert(rig_take(&r, WAIT_MS));
    cr_assert_eq(r.calibration.camera.width, 0);
    cr_assert_eq(r.calibration.source, CALIBRATION_NONE);
    send_calibration(&c);
    do
        cr_assert(rig_take(&r, WAIT_MS));
    while (r.topic != TOPIC_CALIBRATION || r.calibration.source != CALIBRATION_MESSAGE);
    cr_assert_eq(r.calibration.camera.width, 640);
    rig_send_frame(&r, "front", 1, NS_PER_S);
    rig_answer(&r, "front", 1);
    cr_assert_str_eq(r.objects.header.calibration_id, r.calibration.header.calibration_id);
    cr_assert_eq(strncmp(r.objects.header.calibration_id, "cal-", 4), 0);
    c.z_m = -1;
    send_calibration(&c);
    rig_status(&r, counts_a_bad_message);
    cr_assert(strstr(r.status.camera[0].last_error, "z_m"), "%s", r.status.camera[0].last_error);
    rig_finish(&r);
}

/* ---- lock-step ----------------------------------------------------------------------------- */

/* What may differ between two runs: who it was, and the times of day. */
static void mask(struct header *h)
{
    memset(h->run_uuid, 0, sizeof h->run_uuid);
    h->t_recv_ns = h->t_infer_begin_ns = h->t_infer_end_ns = h->t_publish_ns = TIME_UNKNOWN;
}

enum { STEPS = 24 };

static size_t lockstep_run(uint8_t *out, size_t size)
{
    size_t used = 0;

    for (uint64_t i = 1; i <= STEPS; i++) {
        struct bytes b;

        if (i % 8 == 3) { /* undecodable */
            struct frame_header h = rig_header(i, (int64_t)i * NS_PER_S / 7);

            h.encoding = ENCODING_PNG;
            rig_send(&r, "front", &h, "x", 1);
        } else if (i % 8 == 5) { /* once more the one before */
            rig_send_frame(&r, "front", i - 1, (int64_t)(i - 1) * NS_PER_S / 7);
        } else {
            rig_send_frame(&r, "front", i, (int64_t)i * NS_PER_S / 7);
        }
        do
            cr_assert(rig_take(&r, WAIT_MS));
        while (r.topic != TOPIC_LANES || !r.lanes.header.has_frame || r.lanes.header.seq != i);
        cr_assert_eq(r.objects.header.seq, i);
        cr_assert_eq(r.objects.header.frame_id, i % 8 == 5 ? i - 1 : i);
        mask(&r.objects.header);
        mask(&r.lanes.header);
        b = wire_objects_pack(r.wire, &r.objects);
        cr_assert_leq(used + b.size, size);
        memcpy(out + used, b.data, b.size);
        used += b.size;
        b = wire_lanes_pack(r.wire, &r.lanes);
        cr_assert_leq(used + b.size, size);
        memcpy(out + used, b.data, b.size);
        used += b.size;
    }
    return used;
}

Test(transport, lockstep_answers_every_frame_and_twice_alike)
{
    static uint8_t first[1 << 18], second[1 << 18];
    size_t n_first, n_second;

    rig_start(&r, "mode: lockstep\n" ONE_CAMERA);
    n_first = lockstep_run(first, sizeof first);
    cr_assert_eq(rig_stop(&r, SIGTERM), 0);
    rig_spawn(&r);
    rig_meet(&r);
    usleep(500000); /* this time it says a few times that there are no frames */
    n_second = lockstep_run(second, sizeof second);
    cr_assert_eq(n_first, n_second);
    cr_assert_arr_eq(first, second, n_first);
    rig_finish(&r);
}

Test(transport, lockstep_queues_what_comes_too_fast)
{
    rig_start(&r, "mode: lockstep\n" ONE_CAMERA);
    for (uint64_t i = 1; i <= 200; i++)
        rig_send_frame(&r, "front", i, (int64_t)i * NS_PER_MS);
    for (uint64_t i = 1; i <= 200; i++) {
        rig_answer(&r, "front", i);
        cr_assert_eq(r.objects.header.seq, i);
        cr_assert_eq(r.objects.header.drops.count[DROP_OVERWRITTEN], 0);
    }
    rig_finish(&r);
}

/* ---- beginning and end --------------------------------------------------------------------- */

Test(transport, sigterm_ends_it_with_a_word)
{
    int64_t begin_ns;

    rig_start(&r, TWO_CAMERAS);
    rig_status(&r, is_running);
    begin_ns = clock_now_ns();
    cr_assert_eq(rig_stop(&r, SIGTERM), 0);
    cr_assert_lt(clock_now_ns() - begin_ns, 2 * NS_PER_S); /* 0.2 s, on an idle machine */
    rig_status(&r, is_stopping);
    cr_assert_not(rig_take(&r, 300), "nothing comes after STOPPING");
    rig_finish(&r);
}

Test(transport, a_killed_daemon_comes_back_as_another_run)
{
    uint8_t run[16];

    rig_start(&r, ONE_CAMERA);
    rig_status(&r, is_running);
    memcpy(run, r.status.run_uuid, sizeof run);
    cr_assert_eq(rig_stop(&r, SIGKILL), 128 + SIGKILL);
    rig_spawn(&r);
    rig_meet(&r);
    do
        rig_status(&r, NULL);
    while (!memcmp(run, r.status.run_uuid, sizeof run));
    rig_send_frame(&r, "front", 1, NS_PER_S);
    rig_answer(&r, "front", 1);
    cr_assert_neq(memcmp(run, r.objects.header.run_uuid, sizeof run), 0);
    rig_finish(&r);
}

Test(transport, an_address_in_use_is_named)
{
    char text[4096];
    char config[96];

    rig_start(&r, ONE_CAMERA);
    snprintf(config, sizeof config, "%s/outriderd.yaml", r.folder);
    void *holder = zmq_socket(r.zmq, ZMQ_PUB);
    char endpoint[64], set[96];
    size_t size = sizeof endpoint;
    cr_assert_eq(zmq_bind(holder, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(holder, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    snprintf(set, sizeof set, "bus.out.bind=['%s']", endpoint);
    const char *argv_set[] = {"outriderd", "-c", config, "--set", "bus.in.bind=['ipc://@none']",
                              "--set",     set,  NULL};
    cr_assert_eq(program_run(argv_set, text, sizeof text), 1);
    cr_assert(strstr(text, endpoint), "%s", text);
    cr_assert(strstr(text, "in use"), "%s", text);
    zmq_close(holder);
    rig_finish(&r);
}
