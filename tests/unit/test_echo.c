/* outrider echo, as a program of its own, listening to a bus that this test speaks on. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/cli/cli.h"
#include "proto/wire.h"
#include "tests/wire_samples.h"

enum { PATIENCE_MS = 20000 };

static void *context, *bus;
static char endpoint[96], out_path[64], err_path[64];
static struct wire *w;
static char out_text[1 << 18], err_text[1 << 14];

static void temporary(char path[64])
{
    strcpy(path, "/tmp/outrider-echo-XXXXXX");
    close(mkstemp(path));
}

/* The child forks before any thread of ours exists. */
static pid_t start(char **arguments)
{
    int argc = 0;
    pid_t pid;

    temporary(out_path);
    temporary(err_path);
    snprintf(endpoint, sizeof endpoint, "ipc://%s.bus", out_path);
    while (arguments[argc])
        argc++;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        alarm(60);
        dup2(open(out_path, O_WRONLY | O_TRUNC), STDOUT_FILENO);
        dup2(open(err_path, O_WRONLY | O_TRUNC), STDERR_FILENO);
        argc = echo_command(argc, arguments);
        fflush(stdout);
        _exit(argc);
    }
    return pid;
}

static void open_bus(void)
{
    const int patience = PATIENCE_MS, no_linger = 0, all = 0;

    context = zmq_ctx_new();
    bus = zmq_socket(context, ZMQ_XPUB);
    zmq_setsockopt(bus, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(bus, ZMQ_LINGER, &no_linger, sizeof no_linger);
    zmq_setsockopt(bus, ZMQ_SNDHWM, &all, sizeof all);
    cr_assert_eq(zmq_bind(bus, endpoint), 0);
    cr_assert_eq(wire_open(&w), OK);
}

static void say(const char *topic, struct bytes body, const char *third)
{
    zmq_send(bus, topic, strlen(topic), ZMQ_SNDMORE);
    zmq_send(bus, body.data, body.size, third ? ZMQ_SNDMORE : 0);
    if (third)
        zmq_send(bus, third, strlen(third), 0);
}

static void say_everything(void)
{
    static struct objects_message objects;
    static struct lanes_message lanes;
    struct calibration_message calibration;
    struct status_message status;
    struct ego ego;

    sample_objects(&objects, 7);
    say("objects/front", wire_objects_pack(w, &objects), NULL);
    objects.object[0].x_m = NAN;
    say("objects/front_left", wire_objects_pack(w, &objects), NULL);
    sample_lanes(&lanes, 4);
    say("lanes/front", wire_lanes_pack(w, &lanes), NULL);
    sample_calibration(&calibration);
    say("calibration/front", wire_calibration_pack(w, &calibration), NULL);
    sample_ego(&ego);
    say("ego/car", wire_ego_pack(w, &ego), NULL);
    say("objects/front", (struct bytes){(const uint8_t *)"\xff\xff\xff", 3}, NULL);
    say("nonsense/\x1b[2J", (struct bytes){(const uint8_t *)"x", 1}, NULL);
    say("objects/front", wire_objects_pack(w, &objects), "too much");
    sample_status(&status, 2);
    say("status", wire_status_pack(w, &status), NULL);
}

static void slurp(const char *path, char *to, size_t size)
{
    FILE *f = fopen(path, "r");

    to[fread(to, 1, size - 1, f)] = 0;
    fclose(f);
}

static int finish(pid_t pid)
{
    int status;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    slurp(out_path, out_text, sizeof out_text);
    slurp(err_path, err_text, sizeof err_text);
    unlink(out_path);
    unlink(err_path);
    if (bus) {
        wire_close(w);
        zmq_close(bus);
        zmq_ctx_term(context);
    }
    cr_assert(WIFEXITED(status), "it was killed: %s", err_text);
    return WEXITSTATUS(status);
}

static void await_subscriptions(int n)
{
    char text[128];

    for (; n > 0; n--)
        cr_assert(zmq_recv(bus, text, sizeof text, 0) > 0, "echo does not listen");
}

/* The endpoint is known only in start(): it stands where the test wrote this. */
#define HERE endpoint

static void expect_text(const char *text)
{
    cr_expect(strstr(out_text, text), "\"%s\" is not in:\n%s", text, out_text);
}

Test(echo, tells_people_what_is_said)
{
    char *arguments[] = {"echo", "--connect", HERE, "--count", "6", NULL};
    pid_t pid = start(arguments);

    open_bus();
    await_subscriptions(1);
    say_everything();
    cr_expect_eq(finish(pid), 0, "%s", err_text);
    expect_text("objects/front  #42 frame 1001 at 5.005 s  AVAILABLE_REDUCED "
                "DARK,UNCALIBRATED,UNDECODABLE  7 objects\n");
    expect_text("100   car           x 20.00 ±0.71 m y -1.25 ±2.5 m v -2.00 ±3.4 m/s "
                "ttc 9.50 ±1 s lead\n");
    expect_text("and 2 farther away\n");
    expect_text("box 100 120 180 200 px");
    expect_text("4 boundaries: +2 y 1.75 m, +1 y 1.75 m, -1");
    expect_text("ego lane: offset 0.25 ±0.05 m heading 0.01 ±");
    expect_text("calibration/front  1242 x 375 px, f 721.5 721.5");
    expect_text("ego/car  at 0.123 s  speed 13.90 m/s");
    expect_text("status  #9 0.1.0 RUNNING LOCKSTEP up 60.000 s  4 malformed\n");
    expect_text("camera.1");
    cr_expect(strstr(err_text, "3 of 9 messages were unreadable"), "%s", err_text);
    cr_expect_null(strchr(err_text, 0x1b), "an escape sequence reached the terminal");
}

Test(echo, one_json_object_per_line_of_the_topics_asked_for)
{
    char *arguments[] = {"echo", "objects/front", "status", "--json", "--connect",
                         HERE,   "--count",       "2",      NULL};
    pid_t pid = start(arguments);
    char *second;

    open_bus();
    await_subscriptions(2);
    say_everything();
    cr_expect_eq(finish(pid), 0, "%s", err_text);
    second = strchr(out_text, '\n') + 1;
    cr_expect_eq(strncmp(out_text, "{\"topic\":\"objects/front\",\"header\":{", 34), 0, "%.60s",
                 out_text);
    cr_expect_eq(strncmp(second, "{\"topic\":\"status\",\"schema_major\":1,", 34), 0, "%.60s",
                 second);
    cr_expect_eq(strchr(second, '\n')[1], 0);
}

Test(echo, prints_what_a_simulator_says_is_true)
{
    char *arguments[] = {"echo", "truth", "--connect", HERE, "--count", "1", NULL};
    static struct objects_message objects;
    pid_t pid = start(arguments);

    open_bus();
    await_subscriptions(1);
    sample_objects(&objects, 2);
    say("objects/front", wire_objects_pack(w, &objects), NULL);
    say("truth/objects/front", wire_objects_pack(w, &objects), NULL);
    cr_expect_eq(finish(pid), 0, "%s", err_text);
    cr_expect_eq(strncmp(out_text, "truth/objects/front  #42", 24), 0, "%.60s", out_text);
}

Test(echo, ends_when_nothing_comes)
{
    char *arguments[] = {"echo", "--connect", HERE, "--timeout", "0.05", NULL};
    pid_t pid = start(arguments);

    cr_expect_eq(finish(pid), 1);
    cr_expect(strstr(err_text, "no message for 0.05 s"), "%s", err_text);
}

Test(echo, ends_cleanly_when_interrupted)
{
    char *arguments[] = {"echo", "--connect", HERE, NULL};
    pid_t pid = start(arguments);

    open_bus();
    await_subscriptions(1);
    kill(pid, SIGINT);
    cr_expect_eq(finish(pid), 0, "%s", err_text);
}

Test(echo, wrong_usage)
{
    static char *wrong[][4] = {{"echo", "--count", "x"},
                               {"echo", "--count", "0"},
                               {"echo", "--timeout", "-1"},
                               {"echo", "--what"}};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(finish(start(wrong[i])), 2, "%s", wrong[i][1]);
    cr_expect_eq(finish(start((char *[]){"echo", "--connect", "nonsense", NULL})), 1);
    cr_expect(strstr(err_text, "nonsense: Invalid argument"), "%s", err_text);
    cr_expect_eq(finish(start((char *[]){"echo", "--help", NULL})), 0);
    cr_expect(strstr(out_text, "usage: outrider echo"));
}
