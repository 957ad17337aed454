#include "tests/e2e/harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/clock.h"

/* ---- programs ------------------------------------------------------------------------------ */

static const char *build_folder(void)
{
    const char *b = getenv("OUTRIDER_BUILD");

    return b ? b : "build";
}

/* fd: where stdout and stderr go. */
static pid_t spawn(const char *const *argv, int fd)
{
    char path[512];
    pid_t pid;

    if (argv[0][0] == '/')
        snprintf(path, sizeof path, "%s", argv[0]);
    else
        snprintf(path, sizeof path, "%s/%s", build_folder(), argv[0]);
    pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execv(path, (char *const *)argv);
        dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
        _exit(127);
    }
    return pid;
}

/* The exit status, or -1 after killing what did not end in time. */
static int reap(pid_t pid, int at_most_ms)
{
    int64_t end_ns = clock_now_ns() + at_most_ms * NS_PER_MS;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_now_ns() > end_ns) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        usleep(2000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_run(const char *const *argv, char *output, size_t size)
{
    int64_t end_ns = clock_now_ns() + END_MS * NS_PER_MS;
    struct pollfd p = {.events = POLLIN};
    int fd[2], status;
    size_t n = 0;
    pid_t pid;

    cr_assert_eq(pipe2(fd, O_CLOEXEC), 0);
    pid = spawn(argv, fd[1]);
    close(fd[1]);
    p.fd = fd[0];
    while (n < size - 1 && clock_now_ns() < end_ns && poll(&p, 1, 100) >= 0) {
        ssize_t got = p.revents ? read(fd[0], output + n, size - 1 - n) : -1;

        if (got == 0)
            break;
        if (got > 0)
            n += (size_t)got;
    }
    output[n] = '\0';
    status = reap(pid, WAIT_MS);
    close(fd[0]);
    cr_assert_neq(status, -1, "%s does not end", argv[0]);
    return status;
}

pid_t program_start(const char *const *argv, const char *output)
{
    int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert(fd >= 0, "%s", output);
    pid_t pid = spawn(argv, fd);
    close(fd);
    return pid;
}

int program_wait(pid_t pid)
{
    return reap(pid, END_MS);
}

/* ---- the rig ------------------------------------------------------------------------------- */

static void write_config(const struct rig *r, const char *yaml)
{
    char path[96];
    FILE *f;

    snprintf(path, sizeof path, "%s/outriderd.yaml", r->folder);
    f = fopen(path, "w");
    cr_assert(f);
    fprintf(f, "bus: {in: {bind: ['%s']}, out: {bind: ['%s']}}\n%s", r->in, r->out, yaml);
    fclose(f);
}

static void *open_socket(struct rig *r, int type, const char *endpoint)
{
    void *s = zmq_socket(r->zmq, type);
    int none = 0, yes = 1, hwm = 20000, again_ms = 20;

    cr_assert(s);
    zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt(s, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt(s, ZMQ_RECONNECT_IVL, &again_ms, sizeof again_ms);
    zmq_setsockopt(s, type == ZMQ_SUB ? ZMQ_SUBSCRIBE : ZMQ_XPUB_VERBOSE,
                   type == ZMQ_SUB ? (const void *)"" : &yes, type == ZMQ_SUB ? 0 : sizeof yes);
    cr_assert_eq(zmq_connect(s, endpoint), 0);
    return s;
}

void rig_init(struct rig *r, const char *yaml)
{
    memset(r, 0, sizeof *r);
    snprintf(r->folder, sizeof r->folder, "/tmp/outrider-test-XXXXXX");
    cr_assert(mkdtemp(r->folder));
    snprintf(r->in, sizeof r->in, "ipc://%s/in", r->folder);
    snprintf(r->out, sizeof r->out, "ipc://%s/out", r->folder);
    write_config(r, yaml);
    cr_assert_eq(wire_open(&r->wire), OK);
    r->zmq = zmq_ctx_new();
}

/* Sockets of this run alone: on those of the one before, what it said last would pass for ours. */
static void open_sockets(struct rig *r)
{
    if (r->sub) {
        zmq_close(r->sub);
        zmq_close(r->pub);
    }
    r->sub = open_socket(r, ZMQ_SUB, r->out);
    r->pub = open_socket(r, ZMQ_XPUB, r->in); /* it tells when somebody subscribes */
}

void rig_spawn(struct rig *r)
{
    char config[96], log[96];
    const char *argv[] = {"outriderd", "-c", config, NULL};
    int fd;

    open_sockets(r);
    snprintf(config, sizeof config, "%s/outriderd.yaml", r->folder);
    snprintf(log, sizeof log, "%s/log", r->folder);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert(fd >= 0);
    r->daemon = spawn(argv, fd);
    close(fd);
}

static void show_log(const struct rig *r)
{
    char path[96], line[1100];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", r->folder);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        fprintf(stderr, "outriderd: %s", line);
    if (f)
        fclose(f);
}

static void give_up(const struct rig *r, const char *what)
{
    show_log(r);
    cr_assert_fail("%s", what);
}

void rig_meet(struct rig *r)
{
    zmq_pollitem_t item = {.socket = r->pub, .events = ZMQ_POLLIN};
    char subscription[64];

    do { /* a 1 and the topic; a 0 where somebody left */
        if (zmq_poll(&item, 1, WAIT_MS) <= 0)
            give_up(r, "the daemon does not subscribe");
        zmq_recv(r->pub, subscription, sizeof subscription, 0);
    } while (subscription[0] != 1);
    if (!rig_take(r, WAIT_MS))
        give_up(r, "the daemon does not speak");
}

void rig_start(struct rig *r, const char *yaml)
{
    rig_init(r, yaml);
    rig_spawn(r);
    rig_meet(r);
}

int rig_stop(struct rig *r, int signal)
{
    pid_t pid = r->daemon;

    r->daemon = 0;
    kill(pid, signal);
    return reap(pid, WAIT_MS);
}

static void forget_file(const struct rig *r, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    unlink(path);
}

void rig_finish(struct rig *r)
{
    if (r->daemon)
        cr_expect_eq(rig_stop(r, SIGTERM), 0, "the daemon ends cleanly");
    if (r->sub) {
        zmq_close(r->pub);
        zmq_close(r->sub);
    }
    zmq_ctx_term(r->zmq);
    wire_close(r->wire);
    forget_file(r, "outriderd.yaml");
    forget_file(r, "log");
    forget_file(r, "in");
    forget_file(r, "out");
    rmdir(r->folder);
}

/* ---- reading ------------------------------------------------------------------------------- */

static enum err unpack(struct rig *r, struct bytes b, struct why *why)
{
    switch (r->topic) {
    case TOPIC_OBJECTS:
        return wire_objects_unpack(r->wire, b, &r->objects, why);
    case TOPIC_LANES:
        return wire_lanes_unpack(r->wire, b, &r->lanes, why);
    case TOPIC_CALIBRATION:
        return wire_calibration_unpack(r->wire, b, &r->calibration, why);
    case TOPIC_STATUS:
        return wire_status_unpack(r->wire, b, &r->status, why);
    default:
        return err_say(why, ERR_FORMAT, "no topic of the daemon's");
    }
}

bool rig_take(struct rig *r, int at_most_ms)
{
    zmq_pollitem_t item = {.socket = r->sub, .events = ZMQ_POLLIN};
    zmq_msg_t topic, body;
    struct why why;
    enum err e;

    if (zmq_poll(&item, 1, at_most_ms) <= 0)
        return false;
    zmq_msg_init(&topic);
    zmq_msg_init(&body);
    cr_assert(zmq_msg_recv(&topic, r->sub, 0) >= 0 && zmq_msg_more(&topic));
    cr_assert(zmq_msg_recv(&body, r->sub, 0) >= 0 && !zmq_msg_more(&body));
    r->topic = topic_parse((struct bytes){zmq_msg_data(&topic), zmq_msg_size(&topic)}, r->name);
    e = unpack(r, (struct bytes){zmq_msg_data(&body), zmq_msg_size(&body)}, &why);
    zmq_msg_close(&topic);
    zmq_msg_close(&body);
    cr_assert_eq(e, OK, "%s", why.text);
    return true;
}

/* Take until topic and camera fit and want says yes. */
static void take_until(struct rig *r, enum topic topic, const char *camera,
                       bool (*want)(const struct rig *r, const void *arg), const void *arg)
{
    int64_t end_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;

    do {
        if (!rig_take(r, WAIT_MS))
            break;
        if (r->topic == topic && (!camera || !strcmp(camera, r->name)) && want(r, arg))
            return;
    } while (clock_now_ns() < end_ns);
    give_up(r, "the message that the test waits for does not come");
}

struct wish { /* a pointer to a function, behind a pointer to data */
    bool (*objects)(const struct objects_message *);
    bool (*status)(const struct status_message *);
};

static bool want_objects(const struct rig *r, const void *arg)
{
    const struct wish *w = arg;

    return !w->objects || w->objects(&r->objects);
}

static bool want_status(const struct rig *r, const void *arg)
{
    const struct wish *w = arg;

    return !w->status || w->status(&r->status);
}

static bool want_frame(const struct rig *r, const void *frame_id)
{
    const struct header *h = r->topic == TOPIC_OBJECTS ? &r->objects.header : &r->lanes.header;

    return h->has_frame && h->frame_id == *(const uint64_t *)frame_id;
}

const struct objects_message *rig_objects(struct rig *r, const char *camera,
                                          bool (*want)(const struct objects_message *))
{
    take_until(r, TOPIC_OBJECTS, camera, want_objects, &(struct wish){.objects = want});
    return &r->objects;
}

const struct status_message *rig_status(struct rig *r, bool (*want)(const struct status_message *))
{
    take_until(r, TOPIC_STATUS, NULL, want_status, &(struct wish){.status = want});
    return &r->status;
}

const struct objects_message *rig_answer(struct rig *r, const char *camera, uint64_t frame_id)
{
    take_until(r, TOPIC_OBJECTS, camera, want_frame, &frame_id);
    take_until(r, TOPIC_LANES, camera, want_frame, &frame_id);
    return &r->objects;
}

bool has_reason(const struct header *h, enum reason r)
{
    return h->reasons & 1u << r;
}

/* ---- sending ------------------------------------------------------------------------------- */

struct frame_header rig_header(uint64_t frame_id, int64_t t_ns)
{
    return (struct frame_header){.schema_major = SCHEMA_MAJOR,
                                 .frame_id = frame_id,
                                 .t_sof_ns = t_ns,
                                 .t_eof_ns = TIME_UNKNOWN,
                                 .clock_id = CLOCK_ID_SIM,
                                 .encoding = ENCODING_RGB8,
                                 .width = 64,
                                 .height = 48,
                                 .stride_bytes = 3 * 64};
}

void rig_send_parts(struct rig *r, int n, const void *const *part, const size_t *size)
{
    for (int i = 0; i < n; i++)
        cr_assert(zmq_send(r->pub, part[i], size[i], i + 1 < n ? ZMQ_SNDMORE : 0) >= 0);
}

void rig_send(struct rig *r, const char *camera, const struct frame_header *h, const void *pixels,
              size_t size)
{
    char topic[MESSAGE_MAX_NAME + 16];
    size_t n = topic_format(TOPIC_FRAME, camera, topic);
    struct bytes header = wire_frame_header_pack(r->wire, h);
    const void *part[] = {topic, header.data, pixels};
    size_t sizes[] = {n, header.size, size};

    rig_send_parts(r, 3, part, sizes);
}

void rig_send_frame(struct rig *r, const char *camera, uint64_t frame_id, int64_t t_ns)
{
    struct frame_header h = rig_header(frame_id, t_ns);
    uint8_t pixels[48 * 3 * 64];

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 7 + i / 192 * 31 + frame_id * 13);
    rig_send(r, camera, &h, pixels, sizeof pixels);
}
