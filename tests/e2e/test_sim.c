/* outrider sim: against a daemon that the test plays, against a real one, and into folders. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/cli/object_set.h"
#include "daemon/clock.h"
#include "sim/drive.h"
#include "sim/faults.h"
#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

enum { FRAMES = 20, MAX_FRAMES = 64 };
#define SCENARIO "--scenario", "curve", "--size", "320x192", "--seed", "5", "--rate", "10"

static struct folder f;
static char in[96], out[96], truth_at[96], log_path[96], said[1 << 16];

static void setup(void)
{
    folder_make(&f);
    snprintf(in, sizeof in, "ipc://%s/in", f.path);
    snprintf(out, sizeof out, "ipc://%s/out", f.path);
    snprintf(truth_at, sizeof truth_at, "ipc://%s/truth", f.path);
    snprintf(log_path, sizeof log_path, "%s/log", f.path);
}

static void teardown(void)
{
    folder_remove(&f);
}

TestSuite(sim, .init = setup, .fini = teardown, .timeout = 240);

/* To its end; what it wrote is in said. The options may take the place of the defaults. */
static int run(const char *const *options)
{
    const char *argv[40] = {"outrider", "sim"};
    int n = 2;

    for (int i = 0; options[i]; i++)
        argv[n++] = options[i];
    return program_run(argv, said, sizeof said);
}
#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void expect_said(const char *word)
{
    cr_expect(strstr(said, word), "not '%s' but: %s", word, said);
}

/* ---- a daemon that the test plays ---------------------------------------------------------- */

static void *zmq, *sub, *pub, *truth;
static struct wire *wire;

struct heard { /* in one run */
    int n;
    struct frame_header header[MAX_FRAMES];
    uint64_t pixels[MAX_FRAMES]; /* hashes */
    uint64_t truth[MAX_FRAMES];  /* by frame_id; 0: missed */
    int truths, n_ego, n_objects;
    bool calibrated;
};

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
    const uint8_t *b = data;

    for (size_t i = 0; i < size; i++)
        h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}

static void *open_socket(int type, const char *endpoint, bool bind)
{
    void *s = zmq_socket(zmq, type);
    const int none = 0, soon_ms = 5;

    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &soon_ms, sizeof soon_ms);
    if (type == ZMQ_SUB)
        zmq_setsockopt(s, ZMQ_SUBSCRIBE, "", 0);
    cr_assert_eq(bind ? zmq_bind(s, endpoint) : zmq_connect(s, endpoint), 0);
    return s;
}

static void say(enum topic t, struct bytes b)
{
    char topic[MESSAGE_MAX_NAME + 16];
    size_t n = topic_format(t, "front", topic);

    zmq_send(pub, topic, n, ZMQ_SNDMORE);
    zmq_send(pub, b.data, b.size, 0);
}

static void answer(const struct frame_header *h)
{
    static struct objects_message o;
    static struct lanes_message l;

    o.header = (struct header){.camera = "front",
                               .has_frame = true,
                               .frame_id = h->frame_id,
                               .t_sof_ns = h->t_sof_ns,
                               .clock_id = CLOCK_ID_SIM};
    l.header = o.header;
    say(TOPIC_OBJECTS, wire_objects_pack(wire, &o));
    say(TOPIC_LANES, wire_lanes_pack(wire, &l));
}

/* Up to three parts; the number of them. */
static int receive(void *socket, zmq_msg_t part[3])
{
    int n = 0, more = 1;

    for (; more && n < 3; n++) {
        zmq_msg_init(&part[n]);
        cr_assert(zmq_msg_recv(&part[n], socket, 0) >= 0);
        more = zmq_msg_more(&part[n]);
    }
    cr_assert(!more);
    return n;
}

static struct bytes bytes_of(zmq_msg_t *m)
{
    return (struct bytes){zmq_msg_data(m), zmq_msg_size(m)};
}

static void take_input(struct heard *h)
{
    char name[MESSAGE_MAX_NAME];
    zmq_msg_t part[3];
    struct why why;
    int n = receive(sub, part);
    enum topic t = topic_parse(bytes_of(&part[0]), name);

    h->calibrated |= t == TOPIC_CALIBRATION;
    h->n_ego += t == TOPIC_EGO;
    if (t == TOPIC_FRAME) {
        struct frame_header *to = &h->header[h->n];

        cr_assert_eq(n, 3);
        cr_assert_lt(h->n, MAX_FRAMES);
        cr_assert_eq(
            wire_frame_header_unpack(wire, bytes_of(&part[1]), zmq_msg_size(&part[2]), to, &why),
            OK, "%s", why.text);
        h->pixels[h->n++] = hash(1, zmq_msg_data(&part[2]), zmq_msg_size(&part[2]));
        answer(to);
    }
    for (int i = 0; i < n; i++)
        zmq_msg_close(&part[i]);
}

static void take_truth(struct heard *h)
{
    static struct objects_message o;
    char name[MESSAGE_MAX_NAME];
    zmq_msg_t part[3];
    struct why why;
    int n = receive(truth, part);
    struct bytes topic = topic_without_truth(bytes_of(&part[0]));

    cr_assert_eq(n, 2);
    cr_assert_lt(topic.size, zmq_msg_size(&part[0]), "truth/...");
    if (topic_parse(topic, name) == TOPIC_OBJECTS) {
        cr_assert_eq(wire_objects_unpack(wire, bytes_of(&part[1]), &o, &why), OK, "%s", why.text);
        cr_assert_lt(o.header.frame_id, MAX_FRAMES);
        cr_assert_eq(o.header.qualifier, QUALIFIER_AVAILABLE);
        h->truth[o.header.frame_id] = hash(1, zmq_msg_data(&part[1]), zmq_msg_size(&part[1]));
        h->truths++;
        h->n_objects += o.n_objects;
    } else if (topic_parse(topic, name) == TOPIC_LANES) {
        h->truth[MAX_FRAMES - 1] = hash(h->truth[MAX_FRAMES - 1], "l", 1);
    }
    for (int i = 0; i < n; i++)
        zmq_msg_close(&part[i]);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Take in everything until the program has ended and nothing comes any more. */
static int play(const char *const *options, struct heard *h)
{
    const char *argv[40] = {"outrider", "sim",       "--lockstep", "--wait",  "5",     "--connect",
                            in,         "--answers", out,          "--truth", truth_at};
    struct status_message running = {.state = STATE_RUNNING};
    int n = 11, quiet = 0;
    int64_t end_ns = clock_now_ns() + 60 * NS_PER_S;

    memset(h, 0, sizeof *h);
    for (int i = 0; options[i]; i++)
        argv[n++] = options[i];
    cr_assert_eq(wire_open(&wire), OK);
    zmq = zmq_ctx_new();
    sub = open_socket(ZMQ_SUB, in, true);
    pub = open_socket(ZMQ_PUB, out, true);
    truth = open_socket(ZMQ_SUB, truth_at, false);
    pid_t pid = program_start(argv, log_path);
    while (quiet < 3 && clock_now_ns() < end_ns) {
        zmq_pollitem_t items[] = {{.socket = sub, .events = ZMQ_POLLIN},
                                  {.socket = truth, .events = ZMQ_POLLIN}};

        if (zmq_poll(items, 2, 20) <= 0 && has_ended(pid))
            quiet++;
        if (h->n == 0)
            say(TOPIC_STATUS, wire_status_pack(wire, &running));
        if (items[0].revents)
            take_input(h);
        if (items[1].revents)
            take_truth(h);
    }
    zmq_close(sub);
    zmq_close(pub);
    zmq_close(truth);
    zmq_ctx_term(zmq);
    wire_close(wire);
    int status = program_wait(pid);
    struct file text = {0};
    struct why why;
    if (status != 0 && file_read(&text, log_path, 1 << 20, &why) == OK)
        fprintf(stderr, "status %d after %d frames: %s\n", status, h->n, text.text);
    file_finish(&text);
    return status;
}
#define PLAY(h, ...) play((const char *const[]){__VA_ARGS__, NULL}, h)

Test(sim, a_seed_gives_the_same_frames_and_the_same_truth)
{
    static struct heard a, b, c;
    int compared = 0;

    cr_assert_eq(PLAY(&a, SCENARIO, "--frames", "20"), 0);
    cr_assert_eq(PLAY(&b, SCENARIO, "--frames", "20"), 0);
    cr_assert_eq(PLAY(&c, SCENARIO, "--frames", "1", "--seed", "6"), 0);
    cr_assert_eq(a.n, FRAMES);
    cr_assert_eq(b.n, FRAMES);
    cr_expect(a.calibrated);
    cr_expect_eq(a.n_ego, FRAMES);
    for (int i = 0; i < FRAMES; i++) {
        cr_expect_eq(a.header[i].frame_id, (uint64_t)i);
        cr_expect_eq(a.header[i].t_sof_ns, i * NS_PER_S / 10);
        cr_expect_eq(a.header[i].clock_id, CLOCK_ID_SIM);
        cr_expect_eq(a.pixels[i], b.pixels[i], "frame %d", i);
        if (i > 0)
            cr_expect_neq(a.pixels[i], a.pixels[i - 1], "nothing moves");
        if (a.truth[i] && b.truth[i]) {
            cr_expect_eq(a.truth[i], b.truth[i], "truth of frame %d", i);
            compared++;
        }
    }
    cr_expect(a.header[FRAMES - 1].last);
    cr_expect_gt(compared, FRAMES / 2, "%d", compared);
    cr_expect_neq(a.pixels[0], c.pixels[0], "another seed, another world");
}

Test(sim, faults_do_what_they_say)
{
    static struct heard clean, h;
    struct faults faults = {0};
    struct why why;
    int at = 0, held = -1;

    cr_assert_eq(faults_add(&faults, "loss=0.2", &why), OK);
    cr_assert_eq(faults_add(&faults, "duplicate=0.2", &why), OK);
    cr_assert_eq(faults_add(&faults, "reorder=0.2", &why), OK);
    cr_assert_eq(faults_add(&faults, "freeze=0.95,0.4", &why), OK);
    cr_assert_eq(PLAY(&clean, SCENARIO, "--frames", "20"), 0);
    cr_assert_eq(PLAY(&h, SCENARIO, "--frames", "20", "--fault", "loss=0.2", "--fault",
                      "duplicate=0.2", "--fault", "reorder=0.2", "--fault", "freeze=0.95,0.4",
                      "--fault", "clock=1.45,-1"),
                 0);
    int order[MAX_FRAMES], n = 0;
    for (int i = 0; i < FRAMES; i++) {
        struct fault_verdict v = faults_frame(&faults, 5, (uint64_t)i, 0.1 * i);

        if (v.lost)
            continue;
        if (v.late && held < 0) {
            held = i;
            continue;
        }
        order[n++] = i;
        if (v.twice)
            order[n++] = i;
        if (held >= 0)
            order[n++] = held;
        held = -1;
    }
    if (held >= 0)
        order[n++] = held;
    cr_assert_eq(h.n, n, "%d frames, not %d", h.n, n);
    for (; at < n; at++) {
        int i = order[at], shown = i >= 10 && i < 14 ? 9 : i;

        cr_expect_eq(h.header[at].frame_id, (uint64_t)i, "place %d", at);
        cr_expect_eq(h.header[at].t_sof_ns, i * NS_PER_S / 10 - (i >= 15 ? NS_PER_S : 0));
        cr_expect_eq(h.pixels[at], clean.pixels[shown], "frame %d", i);
    }
}

/* ---- a real daemon ------------------------------------------------------------------------- */

#define MODEL "models/vehicle-detection-adas-0002/model.onnx"

static const char *shared(void)
{
    const char *s = getenv("OUTRIDER_SHARED");

    return s ? s : "../shared";
}

/* What it answers to a drive in lock-step, but for times of day. */
static uint64_t answers_to_a_drive(struct rig *r)
{
    const char *argv[] = {"outrider",   "sim",     SCENARIO,    "--frames", "20",
                          "--lockstep", "--score", "--connect", r->in,      "--answers",
                          r->out,       "--truth", truth_at,    NULL};
    pid_t pid = program_start(argv, log_path);
    uint64_t h = 1;

    for (uint64_t i = 0; i < FRAMES; i++) {
        rig_answer(r, "front", i);
        h = hash(h, &r->objects.header.qualifier, sizeof r->objects.header.qualifier);
        h = hash(h, &r->objects.n_objects, sizeof r->objects.n_objects);
        for (int k = 0; k < r->objects.n_objects; k++) {
            h = hash(h, &r->objects.object[k].id, sizeof(uint64_t));
            h = hash(h, &r->objects.object[k].box_px, sizeof(struct box));
            h = hash(h, &r->objects.object[k].x_m, sizeof(float));
        }
    }
    cr_expect_eq(program_wait(pid), 0);
    return h;
}

Test(sim, a_daemon_answers_the_same_twice)
{
    char yaml[1024], path[512], *model;
    uint64_t h[2];

    snprintf(path, sizeof path, "%s/" MODEL, shared());
    if (!(model = realpath(path, NULL)))
        cr_skip_test("no %s", path);
    snprintf(yaml, sizeof yaml,
             "mode: lockstep\nnetworks: [{model: '%.800s'}]\n"
             "cameras: [{name: front, rate_hz: 10}]\n",
             model);
    free(model);
    for (int i = 0; i < 2; i++) {
        struct rig r;

        rig_start(&r, yaml);
        h[i] = answers_to_a_drive(&r);
        rig_finish(&r);
    }
    cr_expect_eq(h[0], h[1]);
    struct file text = {0};
    struct why why;
    cr_assert_eq(file_read(&text, log_path, 1 << 20, &why), OK);
    cr_expect(strstr(text.text, "20 frames in"), "%s", text.text);
    cr_expect(strstr(text.text, "Against the truth: 20 messages"), "%s", text.text);
    file_finish(&text);
}

Test(sim, a_daemon_drives)
{
    char yaml[1024], *model = realpath("perception/models/outrider-int8.onnx", NULL);
    struct rig r;
    double driven, seconds, off;
    int departures, collisions;

    cr_assert(model);
    snprintf(yaml, sizeof yaml,
             "mode: lockstep\ncameras: [{name: front, rate_hz: 5}]\nnetworks: [{model: '%s'}]\n",
             model);
    free(model);
    rig_start(&r, yaml);
    const char *argv[] = {"outrider",  "sim",    "--scenario", "curve",   "--seed",
                          "5",         "--size", "400x240",    "--rate",  "5",
                          "--frames",  "24",     "--lockstep", "--drive", "--score",
                          "--connect", r.in,     "--answers",  r.out,     "--truth",
                          "none",      NULL};
    cr_expect_eq(program_run(argv, said, sizeof said), 0, "%s", said);
    rig_finish(&r);
    const char *line = strstr(said, "The daemon drove");
    cr_assert(line, "%s", said);
    cr_assert_eq(sscanf(line,
                        "The daemon drove %lf m in %lf s: at most %lf m off the middle of the "
                        "lane, %d departures, %d collisions",
                        &driven, &seconds, &off, &departures, &collisions),
                 5, "%s", said);
    cr_expect_gt(seconds, 4, "the autopilot only begins: %s", said);
    cr_expect_gt(driven, 40, "%s", said);
    cr_expect_lt(off, 1.2, "%s", said);
    cr_expect_eq(departures + collisions, 0, "%s", said);
}

static bool answers_a_frame(const struct objects_message *m)
{
    return m->header.has_frame;
}

Test(sim, a_daemon_that_dies_is_told)
{
    struct file text = {0};
    struct why why;
    struct rig r;

    for (int lockstep = 0; lockstep < 2; lockstep++) {
        rig_start(&r, "cameras: [{name: front, rate_hz: 10}]\n");
        const char *argv[] = {"outrider", "sim",
                              SCENARIO,   "--frames",
                              "100000",   "--connect",
                              r.in,       "--answers",
                              r.out,      "--truth",
                              "none",     "--wait",
                              "0.5",      lockstep ? "--lockstep" : "--score",
                              NULL};
        pid_t pid = program_start(argv, log_path);
        rig_objects(&r, "front", answers_a_frame);
        rig_stop(&r, SIGKILL);
        cr_expect_eq(program_wait(pid), 1);
        cr_assert_eq(file_read(&text, log_path, 1 << 20, &why), OK);
        cr_expect(strstr(text.text, "outrider sim: "), "%s", text.text);
        /* It may die between its two answers to a frame. */
        cr_expect(strstr(text.text, "daemon at") || strstr(text.text, "no objects or lanes") ||
                      strstr(text.text, "no lanes message"),
                  "%s", text.text);
        rig_finish(&r);
    }
    file_finish(&text);
}

/* ---- folders ------------------------------------------------------------------------------- */

static bool same_file(const char *folder_a, const char *folder_b, const char *name)
{
    struct file a = {0}, b = {0};
    struct why why;
    char path[FILE_MAX_PATH];

    cr_assert(path_join(path, folder_a, name));
    cr_assert_eq(file_read(&a, path, 1 << 24, &why), OK, "%s", why.text);
    cr_assert(path_join(path, folder_b, name));
    cr_assert_eq(file_read(&b, path, 1 << 24, &why), OK, "%s", why.text);
    bool same = a.size == b.size && !memcmp(a.text, b.text, a.size);
    file_finish(&a);
    file_finish(&b);
    return same;
}

#define SET "--scenario", "curve", "--size", "320x192", "--seed", "3", "--rate", "2", "--cut", "4"

Test(sim, a_set_is_read_by_eval_and_played_by_replay)
{
    char folder[96], sheet[96];
    struct object_set set;
    struct drive *drive;
    struct why why;

    snprintf(folder, sizeof folder, "%s/set", f.path);
    snprintf(sheet, sizeof sheet, "%s/sheet.png", f.path);
    cr_assert_eq(
        RUN(SET, "--scenario", "random", "--write", folder, "--frames", "6", "--sheet", sheet), 0,
        "%s", said);
    expect_said("6 frames in");
    cr_expect(file_exists(sheet));
    cr_assert_eq(object_set_read(folder, &set, &why), OK, "%s", why.text);
    cr_expect_eq(set.pictures.n, 6);
    cr_expect_neq(set.scored[OBJECT_TRAFFIC_SIGN], 0);
    object_set_finish(&set);
    cr_assert_eq(drive_open(folder, &(struct drive_options){0}, &drive, &why), OK, "%s", why.text);
    cr_expect_eq(drive_frames(drive), 6);
    cr_expect_eq(drive_time_ns(drive, 1) - drive_time_ns(drive, 0), NS_PER_S / 2);
    cr_expect_eq(drive_time_ns(drive, 4) - drive_time_ns(drive, 3), 10 * NS_PER_S + NS_PER_S / 2);
    cr_assert(drive_camera(drive));
    cr_expect_eq(drive_camera(drive)->width, 320);
    drive_close(drive);
    cr_expect(file_exists(folder_path(&f, "set/tracks/0000.txt")));
    cr_expect(file_exists(folder_path(&f, "set/tracks/0001.txt")));
    cr_expect(file_exists(folder_path(&f, "set/road/000005.png")));
    json_t *j = json_load_file(folder_path(&f, "set/set.json"), 0, NULL);
    cr_expect_eq(json_integer_value(json_object_get(j, "images")), 6);
    json_decref(j);
    struct file lanes = {0};
    cr_assert_eq(file_read(&lanes, folder_path(&f, "set/lanes.json"), 1 << 20, &why), OK);
    int lines = 0;
    for (char *rest = lanes.text, *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        j = json_loads(line, 0, NULL);
        cr_expect(json_is_array(json_object_get(j, "lanes")), "%s", line);
        json_decref(j);
    }
    cr_expect_eq(lines, 6);
    file_finish(&lanes);
}

Test(sim, a_set_goes_on_where_it_stopped)
{
    static const char *const names[] = {
        "images/000005.jpg", "labels/000005.txt", "labels/000003.txt", "ignore/000004.txt",
        "road/000003.png",   "lanes.json",        "tracks/0000.txt",   "tracks/0001.txt",
        "timestamps.txt",    "sequences.txt"};
    char whole[96], parts[96];

    snprintf(whole, sizeof whole, "%s/whole", f.path);
    snprintf(parts, sizeof parts, "%s/parts", f.path);
    cr_assert_eq(RUN(SET, "--write", whole, "--frames", "6"), 0, "%s", said);
    cr_assert_eq(RUN(SET, "--write", parts, "--frames", "3"), 0, "%s", said);
    /* It was killed while it wrote the fourth: half a line, a picture without its time. */
    FILE *t = fopen(folder_path(&f, "parts/tracks/0000.txt"), "a");
    fputs("3 1 Car 0 0", t);
    fclose(t);
    folder_put_text(&f, "parts/images/000003.jpg", "torn");
    cr_assert_eq(RUN(SET, "--write", parts, "--frames", "6"), 0, "%s", said);
    expect_said("3 new ones");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_expect(same_file(whole, parts, names[i]), "%s differs", names[i]);
    cr_expect_eq(RUN(SET, "--write", parts, "--frames", "6", "--seed", "4"), 1);
    expect_said("other options");
}

/* ---- bad input ----------------------------------------------------------------------------- */

Test(sim, says_what_is_wrong)
{
    const char *no_daemon[] = {"--connect", in, "--truth", "none", "--wait", "0.2", SCENARIO, NULL};

    cr_expect_eq(RUN("--scenario", "moonbase", "--connect", in, "--truth", "none"), 1);
    expect_said("moonbase");
    cr_expect_eq(RUN("--size", "10x10"), 2);
    expect_said("--size '10x10': must be WIDTHxHEIGHT, each 64..4096");
    cr_expect_eq(RUN("--size", "640"), 2);
    cr_expect_eq(RUN("--fault", "rust=1"), 2);
    expect_said("no fault 'rust=1'; there are loss=P");
    cr_expect_eq(RUN("--encoding", "webp"), 2);
    cr_expect_eq(RUN("--seed", "-1"), 2);
    cr_expect_eq(RUN("--write", "x", "--lockstep"), 2);
    cr_expect_eq(RUN("--json"), 2);
    cr_expect_eq(RUN("--calibration", "/nowhere.yaml"), 2);
    expect_said("/nowhere.yaml");
    cr_expect_eq(RUN(SCENARIO, "--write", "/proc/set", "--frames", "1"), 1);
    expect_said("/proc/set: ");
    cr_expect_eq(RUN(SCENARIO, "--connect", "nonsense", "--truth", "none"), 1);
    expect_said("nonsense");
    cr_expect_eq(run(no_daemon), 1);
    expect_said("is outriderd running?");
    cr_expect_eq(RUN("--list"), 0);
    expect_said("curve");
    cr_expect_eq(RUN("--help"), 0);
    expect_said("--fault SPEC");
}
