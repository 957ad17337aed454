/* The example planner drives the simulated car: simulator, planner and, where it sees for itself, a real
 * outriderd with our own network, each a process of its own. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

static struct folder f;
static char truth_at[96], control_at[96], planner_log[96];
static char said[1 << 15];

static void setup(void)
{
    folder_make(&f);
    snprintf(truth_at, sizeof truth_at, "ipc://%s/truth", f.path);
    snprintf(control_at, sizeof control_at, "ipc://%s/control", f.path);
    snprintf(planner_log, sizeof planner_log, "%s/planner", f.path);
}

static void teardown(void)
{
    folder_remove(&f);
}

TestSuite(planner, .init = setup, .fini = teardown);

static void end(pid_t planner, struct file *lines)
{
    struct why why;

    kill(planner, SIGTERM);
    cr_expect_eq(program_wait(planner), 128 + SIGTERM);
    cr_assert_eq(file_read(lines, planner_log, 1 << 20, &why), OK, "%s", why.text);
}

/* What the simulator says last: one JSON object. */
static json_t *outcome(void)
{
    const char *at = strstr(said, "{\"driver\"");
    json_t *j = at ? json_loads(at, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

    cr_assert(j, "%s", said);
    cr_expect_str_eq(json_string_value(json_object_get(j, "driver")), "planner");
    return j;
}

static double number(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}

Test(planner, stops_behind_who_brakes_hard_and_says_why)
{
    const char *planner_argv[] = {
        "proto/client/example", "-t", "-s", truth_at, "-c", control_at, NULL};
    const char *argv[] = {"outrider",    "sim",     "--scenario", "hard_braking_lead", "--seed",
                          "1",           "--rate",  "10",         "--duration",        "14",
                          "--lockstep",  "--truth", truth_at,     "--control",         control_at,
                          "--no-render", "--json",  NULL};
    struct file lines = {0};
    pid_t planner = program_start(planner_argv, planner_log);

    cr_expect_eq(program_run(argv, said, sizeof said), 0, "%s", said);
    end(planner, &lines);
    json_t *j = outcome();
    cr_expect(json_is_false(json_object_get(j, "collided")), "%s", said);
    cr_expect_gt(number(j, "driven_s"), 13.5, "%s", said);
    cr_expect_gt(number(j, "least_gap_m"), 1, "%s", said);
    cr_expect_gt(number(j, "hardest_brake_mps2"), 3, "%s", said);
    cr_expect_eq(number(j, "silent_s"), 0, "%s", said);
    cr_expect(strstr(lines.text, ": brakes with "), "%s", lines.text);
    cr_expect(strstr(lines.text, ": lead "), "%s", lines.text);
    json_decref(j);
    file_finish(&lines);
}

/* Killed as soon as it says something, which is when it begins to brake. */
Test(planner, the_car_brakes_by_itself_when_it_dies)
{
    const char *planner_argv[] = {
        "proto/client/example", "-t", "-s", truth_at, "-c", control_at, NULL};
    const char *argv[] = {
        "outrider", "sim",        "--scenario", "hard_braking_lead", "--seed", "1", "--rate",
        "10",       "--duration", "40",         "--lockstep",        "--wait", "2", "--truth",
        truth_at,   "--control",  control_at,   "--no-render",       "--json", NULL};
    struct file text = {0}, lines = {0};
    char sim_log[128];
    struct why why;
    pid_t planner = program_start(planner_argv, planner_log);

    snprintf(sim_log, sizeof sim_log, "%s/sim", f.path);
    pid_t sim = program_start(argv, sim_log);
    for (int i = 0; i < WAIT_MS && !lines.size; i++) {
        usleep(1000);
        cr_assert_eq(file_read(&lines, planner_log, 1 << 20, &why), OK, "%s", why.text);
    }
    kill(planner, SIGKILL);
    cr_expect_eq(program_wait(planner), 128 + SIGKILL);
    program_wait(sim);
    cr_assert_eq(file_read(&text, sim_log, 1 << 14, &why), OK, "%s", why.text);
    snprintf(said, sizeof said, "%s", text.text);
    json_t *j = outcome();
    cr_expect_gt(number(j, "silent_s"), 20, "%s", said);
    cr_expect_lt(number(j, "driven_m"), 400, "it stood soon: %s", said);
    cr_expect_geq(number(j, "hardest_brake_mps2"), 3.9, "%s", said);
    json_decref(j);
    file_finish(&text);
    file_finish(&lines);
}

Test(planner, sees_for_itself)
{
    char yaml[1024], model[512];
    struct file lines = {0};
    struct rig r;

    cr_assert(realpath("perception/models/outrider-int8.onnx", model));
    snprintf(yaml, sizeof yaml,
             "mode: lockstep\ncameras: [{name: front, rate_hz: 5}]\nnetworks: [{model: '%s'}]\n",
             model);
    rig_start(&r, yaml);
    const char *planner_argv[] = {
        "proto/client/example", "-d", r.out, "-s", truth_at, "-c", control_at, NULL};
    const char *argv[] = {"outrider",  "sim",    "--scenario", "stop_and_go", "--seed",
                          "1",         "--size", "400x240",    "--rate",      "5",
                          "--frames",  "25",     "--lockstep", "--connect",   r.in,
                          "--answers", r.out,    "--truth",    truth_at,      "--control",
                          control_at,  "--json", NULL};
    pid_t planner = program_start(planner_argv, planner_log);
    cr_expect_eq(program_run(argv, said, sizeof said), 0, "%s", said);
    end(planner, &lines);
    rig_finish(&r);
    json_t *j = outcome();
    cr_expect(json_is_false(json_object_get(j, "collided")), "%s", said);
    cr_expect_gt(number(j, "driven_s"), 4.5, "%s", said);
    cr_expect_lt(number(j, "off_middle_m"), 1.2, "%s", said);
    cr_expect_eq(number(j, "silent_s"), 0, "%s", said);
    cr_expect(strstr(lines.text, ": brakes with "), "%s", lines.text);
    json_decref(j);
    file_finish(&lines);
}

static int count(const char *text, const char *what)
{
    int n = 0;

    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* Oncoming cars move across our axis there all the time, and what the lines say of a bend is never sure. */
Test(planner, a_bend_is_no_reason_to_brake_again_and_again)
{
    char yaml[1024], model[512];
    struct file lines = {0};
    struct rig r;

    cr_assert(realpath("perception/models/outrider-int8.onnx", model));
    snprintf(yaml, sizeof yaml,
             "mode: lockstep\ncameras: [{name: front, rate_hz: 10}]\nnetworks: [{model: '%s'}]\n",
             model);
    rig_start(&r, yaml);
    const char *planner_argv[] = {
        "proto/client/example", "-d", r.out, "-s", truth_at, "-c", control_at, NULL};
    const char *argv[] = {
        "outrider", "sim",      "--scenario", "curve",      "--seed",    "1",      "--rate",
        "10",       "--frames", "80",         "--lockstep", "--connect", r.in,     "--answers",
        r.out,      "--truth",  truth_at,     "--control",  control_at,  "--json", NULL};
    pid_t planner = program_start(planner_argv, planner_log);
    cr_expect_eq(program_run(argv, said, sizeof said), 0, "%s", said);
    end(planner, &lines);
    rig_finish(&r);
    json_t *j = outcome();
    cr_expect_lt(number(j, "off_middle_m"), 0.5, "%s", said);
    cr_expect_leq(count(lines.text, ": brakes with "), 4, "%s", lines.text);
    json_decref(j);
    file_finish(&lines);
}

Test(planner, wrong_options_are_told)
{
    static const struct {
        const char *argv[9], *told;
    } wrong[] = {
        {{"outrider", "sim", "--drive", "--control", "ipc:///tmp/x"}, "--drive or --control"},
        {{"outrider", "sim", "--truth", "none", "--control", "ipc:///tmp/x"},
         "--control needs --truth"},
        {{"outrider", "sim", "--json"}, "--json is for --score, --drive and --control"},
        {{"outrider", "sim", "--write", "x", "--control", "ipc:///tmp/x"}, "use no bus"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(program_run(wrong[i].argv, said, sizeof said), 2, "%s", said);
        cr_expect(strstr(said, wrong[i].told), "%s", said);
    }
}
