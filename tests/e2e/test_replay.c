/* outrider replay against a daemon that the test plays itself. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/clock.h"
#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

static struct folder f;
static char in[96], out[96], log_path[96];
static void *zmq, *sub, *pub;
static struct wire *wire;
static pid_t player;

static struct { /* what came last */
    enum topic topic;
    char name[MESSAGE_MAX_NAME];
    struct frame_header header;
    uint8_t pixels[1 << 16];
    size_t size;
    struct ego ego;
    struct calibration_message calibration;
} got;

static void setup(void)
{
    int none = 0;

    folder_make(&f);
    snprintf(in, sizeof in, "ipc://%s/in", f.path);
    snprintf(out, sizeof out, "ipc://%s/out", f.path);
    snprintf(log_path, sizeof log_path, "%s/log", f.path);
    cr_assert_eq(wire_open(&wire), OK);
    zmq = zmq_ctx_new();
    sub = zmq_socket(zmq, ZMQ_SUB);
    pub = zmq_socket(zmq, ZMQ_PUB);
    zmq_setsockopt(sub, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(sub, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(pub, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
    cr_assert_eq(zmq_bind(pub, out), 0);
}

static void teardown(void)
{
    zmq_close(sub);
    zmq_close(pub);
    zmq_ctx_term(zmq);
    wire_close(wire);
    folder_remove(&f);
}

TestSuite(replay, .init = setup, .fini = teardown);

/* ---- the player ---- */

/* outrider replay PATH with up to 8 options, NULL behind the last. */
static void start(const char *path, const char *const *options)
{
    const char *argv[24] = {"outrider",  "replay", folder_path(&f, path), "--connect", in,
                            "--answers", out};

    for (int i = 0; options[i]; i++)
        argv[7 + i] = options[i];
    player = program_start(argv, log_path);
}
#define START(path, ...) start(path, (const char *const[]){__VA_ARGS__, NULL})

/* Its exit status, and that it said word. */
static void ends(int status, const char *word)
{
    struct file text = {0};
    struct why why;

    int s = program_wait(player);
    cr_assert_eq(file_read(&text, log_path, 1 << 20, &why), OK, "%s", why.text);
    cr_expect_eq(s, status, "exit status %d: %s", s, text.text);
    cr_expect(strstr(text.text, word), "not '%s' but '%s'", word, text.text);
    file_finish(&text);
}

static void listen_for_frames(void)
{
    cr_assert_eq(zmq_bind(sub, in), 0);
}

static size_t receive(void *to, size_t size)
{
    int n = zmq_recv(sub, to, size, 0);

    cr_assert(n >= 0 && n <= (int)size);
    return (size_t)n;
}

static bool more(void)
{
    int yes;
    size_t size = sizeof yes;

    zmq_getsockopt(sub, ZMQ_RCVMORE, &yes, &size);
    return yes;
}

/* The next message into got. False: none within the time. */
static bool take(int at_most_ms)
{
    zmq_pollitem_t item = {.socket = sub, .events = ZMQ_POLLIN};
    uint8_t topic[128], body[FRAME_MAX_HEADER_BYTES];
    struct why why = {""};
    enum err e = OK;

    if (zmq_poll(&item, 1, at_most_ms) <= 0)
        return false;
    struct bytes t = {topic, receive(topic, sizeof topic)};
    cr_assert(more());
    struct bytes b = {body, receive(body, sizeof body)};
    got.topic = topic_parse(t, got.name);
    cr_assert_eq(more(), got.topic == TOPIC_FRAME);
    if (got.topic == TOPIC_FRAME) {
        got.size = receive(got.pixels, sizeof got.pixels);
        e = wire_frame_header_unpack(wire, b, got.size, &got.header, &why);
    } else if (got.topic == TOPIC_EGO) {
        e = wire_ego_unpack(wire, b, &got.ego, &why);
    } else {
        cr_assert_eq(got.topic, TOPIC_CALIBRATION);
        e = wire_calibration_unpack(wire, b, &got.calibration, &why);
    }
    cr_assert_eq(e, OK, "%s", why.text);
    return true;
}

static void take_frame(uint64_t id)
{
    cr_assert(take(WAIT_MS), "frame %" PRIu64 " does not come", id);
    cr_assert_eq(got.topic, TOPIC_FRAME);
    cr_assert_str_eq(got.name, "front");
    cr_assert_eq(got.header.frame_id, id, "frame %" PRIu64 ", not %" PRIu64, got.header.frame_id,
                 id);
}

static void say(enum topic t, struct bytes b)
{
    char topic[MESSAGE_MAX_NAME + 16];
    size_t n = topic_format(t, "front", topic);

    zmq_send(pub, topic, n, ZMQ_SNDMORE);
    zmq_send(pub, b.data, b.size, 0);
}

/* Say that we run, again and again, until the first frame shows that the player heard it. */
static void greet(void)
{
    zmq_pollitem_t item = {.socket = sub, .events = ZMQ_POLLIN};
    struct status_message s = {.state = STATE_RUNNING};

    for (int i = 0; i < WAIT_MS / 20 && zmq_poll(&item, 1, 20) == 0; i++)
        say(TOPIC_STATUS, wire_status_pack(wire, &s));
}

static void answer(enum topic t, uint64_t frame_id, int64_t t_sof_ns)
{
    static struct objects_message o;
    static struct lanes_message l;

    o.header = (struct header){.camera = "front",
                               .has_frame = true,
                               .frame_id = frame_id,
                               .t_sof_ns = t_sof_ns,
                               .clock_id = CLOCK_ID_SIM};
    l.header = o.header;
    say(t, t == TOPIC_OBJECTS ? wire_objects_pack(wire, &o) : wire_lanes_pack(wire, &l));
}

static void put_pngs(int n)
{
    char name[32];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "images/%d.png", i);
        folder_put_png(&f, name, i);
    }
}

/* ---- live ---- */

Test(replay, frames_in_order_with_their_times)
{
    static const int64_t ms[] = {0, 20, 70, 80, 130};
    struct file file = {0};
    int64_t before = 0;
    char name[32];

    put_pngs(5);
    folder_put_text(&f, "images/times.txt", "7.00\n7.02\n7.07\n7.08\n7.13\n");
    listen_for_frames();
    START("images", "--speed", "2");
    for (int i = 0; i < 5; i++) {
        take_frame((uint64_t)i);
        cr_assert_eq(got.header.clock_id, CLOCK_ID_MONOTONIC);
        cr_assert_eq(got.header.clock_epoch, 0);
        cr_assert_eq(got.header.last, i == 4);
        cr_assert_leq(got.header.t_sof_ns, clock_now_ns());
        if (i) /* more only where a busy machine held the player up */
            cr_assert_geq(got.header.t_sof_ns - before, (ms[i] - ms[i - 1]) * NS_PER_MS / 2);
        before = got.header.t_sof_ns;
        snprintf(name, sizeof name, "images/%d.png", i);
        cr_assert_eq(file_read(&file, folder_path(&f, name), 1 << 20, NULL), OK);
        cr_assert(file.size == got.size && !memcmp(file.text, got.pixels, got.size));
    }
    ends(0, "5 frames in ");
    file_finish(&file);
}

Test(replay, every_pass_is_an_epoch)
{
    int64_t before = 0;

    put_pngs(3);
    listen_for_frames();
    START("images", "--rate", "500", "--loop", "3");
    for (int i = 0; i < 9; i++) {
        take_frame((uint64_t)i % 3);
        cr_assert_eq(got.header.clock_epoch, i / 3);
        cr_assert_eq(got.header.last, i == 8);
        cr_assert_gt(got.header.t_sof_ns, before);
        before = got.header.t_sof_ns;
    }
    ends(0, "9 frames in ");
}

Test(replay, parts_of_a_drive)
{
    put_pngs(6);
    listen_for_frames();
    START("images", "--start", "2", "--count", "2", "--rate", "100");
    take_frame(2);
    take_frame(3);
    ends(0, "2 frames in ");
    START("images", "--start", "0.03s", "--rate", "100");
    take_frame(3);
    take_frame(4);
    take_frame(5);
    cr_assert(got.header.last);
    ends(0, "3 frames in ");
    START("images", "--start", "6");
    ends(1, "--start 6: the drive ends with frame 5 at 0.50 s");
    START("images", "--pattern", "[13].png", "--rate", "100");
    take_frame(0);
    take_frame(1);
    ends(0, "2 frames in ");
}

Test(replay, stops_when_told)
{
    put_pngs(2);
    listen_for_frames();
    START("images", "--rate", "50", "--loop");
    for (int i = 0; i < 5; i++)
        take_frame((uint64_t)i % 2);
    cr_assert_not(got.header.last);
    kill(player, SIGINT);
    ends(0, " frames in ");
}

Test(replay, raw_pixels)
{
    put_pngs(1);
    folder_put(&f, "images/9.png", "\x89PNG no", 7);
    listen_for_frames();
    START("images", "--decode");
    take_frame(0);
    cr_assert(got.header.encoding == ENCODING_RGB8 && got.header.width == 64 &&
              got.header.height == 48 && got.size == (size_t)64 * 48 * 3);
    ends(0, ", 1 left out");
}

Test(replay, what_cannot_be_read_is_left_out)
{
    put_pngs(3);
    folder_put(&f, "images/1.png", "", 0);
    folder_put(&f, "images/2.png", "\x89PNG broken", 11); /* the daemon's to judge */
    listen_for_frames();
    START("images", "--rate", "100");
    take_frame(0);
    take_frame(2);
    ends(0, "frame 1 left out: ");
}

Test(replay, calibration_and_motion_come_along)
{
    put_pngs(1);
    folder_put_png(&f, "d/d_sync/image_02/data/0000000000.png", 1);
    folder_put_text(&f, "d/d_sync/oxts/data/0000000000.txt",
                    "0 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0.1 0 0 0 0 0 0 0\n");
    folder_put_text(&f, "d/calib_cam_to_cam.txt",
                    "S_rect_02: 1242 375\nP_rect_02: 720 0 610 45 0 720 170 0 0 0 1 0\n");
    listen_for_frames();
    START("d", "--speed", "2");
    cr_assert(take(WAIT_MS) && got.topic == TOPIC_CALIBRATION);
    cr_assert(!strcmp(got.name, "front") && got.calibration.camera.fx == 720);
    cr_assert(take(WAIT_MS) && got.topic == TOPIC_EGO);
    cr_assert(!strcmp(got.name, "car") && got.ego.speed_mps == 16); /* twice as fast */
    take_frame(0);
    cr_assert_eq(got.ego.t_ns, got.header.t_sof_ns);
    cr_assert_eq(got.ego.clock_id, got.header.clock_id);
    ends(0, "1 frame in ");
    START("d", "--no-calibration", "--lockstep");
    greet();
    cr_assert(take(WAIT_MS) && got.topic == TOPIC_EGO && got.ego.speed_mps == 8);
    take_frame(0);
    answer(TOPIC_OBJECTS, 0, got.header.t_sof_ns);
    answer(TOPIC_LANES, 0, got.header.t_sof_ns);
    ends(0, "1 frame in ");
}

Test(replay, without_a_daemon)
{
    put_pngs(1);
    START("images", "--wait", "0.2");
    ends(1, "takes frames: is outriderd running?");
    START("nowhere", "--wait", "0.2");
    ends(1, "nowhere: No such file");
}

/* ---- lock-step ---- */

Test(replay, lockstep_waits_for_both_answers)
{
    put_pngs(3);
    listen_for_frames();
    START("images", "--lockstep", "--loop", "2");
    greet();
    for (int i = 0; i < 6; i++) {
        uint64_t id = (uint64_t)i % 3;
        int64_t t = (int64_t)id * NS_PER_S / 10;

        take_frame(id);
        cr_assert_eq(got.header.clock_id, CLOCK_ID_SIM);
        cr_assert_eq(got.header.t_sof_ns, t);
        cr_assert_eq(got.header.clock_epoch, i / 3);
        answer(TOPIC_OBJECTS, id + 1, t); /* not this frame */
        answer(TOPIC_LANES, id, t);
        answer(TOPIC_LANES, id, t);
        cr_assert_not(take(i ? 0 : 100));
        answer(TOPIC_OBJECTS, id, t);
    }
    ends(0, "6 frames in ");
}

Test(replay, lockstep_names_the_frame_without_an_answer)
{
    put_pngs(2);
    listen_for_frames();
    START("images", "--lockstep", "--wait", "2");
    greet();
    take_frame(0);
    answer(TOPIC_OBJECTS, 0, 0);
    answer(TOPIC_LANES, 0, 0);
    take_frame(1);
    answer(TOPIC_OBJECTS, 1, NS_PER_S / 10);
    ends(1, "answers frame 1");
}

Test(replay, lockstep_needs_answers)
{
    put_pngs(1);
    listen_for_frames();
    START("images", "--lockstep", "--wait", "1.5");
    cr_assert_not(take(1500)); /* our socket subscribes only while somebody waits on it */
    ends(1, "takes frames, but no message comes from ipc://");
}

/* ---- a real daemon ---- */

Test(replay, lockstep_with_outriderd)
{
    static struct rig r;
    char pictures[160];

    put_pngs(4);
    rig_start(&r, "mode: lockstep\ncameras: [{name: front, rate_hz: 10}]\n");
    snprintf(pictures, sizeof pictures, "%s", folder_path(&f, "images"));
    const char *argv[] = {"outrider",  "replay", pictures,    "--lockstep", "--loop", "2",
                          "--connect", r.in,     "--answers", r.out,        NULL};
    player = program_start(argv, log_path);
    for (int i = 0; i < 8; i++) {
        const struct objects_message *o = rig_answer(&r, "front", (uint64_t)i % 4);

        cr_assert_eq(o->header.clock_epoch, i / 4);
        cr_assert(has_reason(&o->header, REASON_CONFIG)); /* it has no networks */
    }
    ends(0, "8 frames in ");
    rig_finish(&r);
}

Test(replay, wrong_usage)
{
    START("images", "--rate", "0");
    ends(2, "--rate '0': must be a number of 0.001..10000");
    START("images", "--loop=0");
    ends(2, "--loop '0': must be a whole number");
    START("images", "more");
    ends(2, "more than one PATH");
    START("images", "--camera", "a/b");
    ends(1, "No such file");
    put_pngs(1);
    START("images", "--camera", "a/b");
    ends(1, "camera 'a/b': a name is 1 to 63 of");
    START("images", "--connect", "nowhere");
    ends(1, "'nowhere': ");
}
