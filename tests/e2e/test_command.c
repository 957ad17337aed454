/* outriderd as a command: what it prints, and how it exits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/harness.h"

static char text[1 << 16];
static char path[64];

static void make_folder(void)
{
    snprintf(path, sizeof path, "/tmp/outrider-test-XXXXXX");
    cr_assert(mkdtemp(path));
    strcat(path, "/a.yaml");
}

static void remove_folder(void)
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

TestSuite(command, .init = make_folder, .fini = remove_folder, .timeout = 180);

/* Exit status of outriderd with this configuration and one --set. */
static int run(const char *yaml, const char *option, const char *value)
{
    const char *argv[] = {"outriderd", "-c", path, option, value, NULL};
    FILE *f = fopen(path, "w");

    cr_assert(f);
    fputs(yaml, f);
    fclose(f);
    return program_run(argv, text, sizeof text);
}

static void expect(const char *yaml, const char *option, const char *value, const char *said)
{
    char line[512];

    cr_expect_eq(run(yaml, option, value), 2);
    snprintf(line, sizeof line, said, path);
    cr_expect(strstr(text, line), "got: %swant: %s", text, line);
}

Test(command, errors_name_file_line_and_limit)
{
    expect("cameras:\n  - name: front\n    rate_hz: 5000\n", NULL, NULL,
           "%s:3: cameras[0].rate_hz: 5000 is above 1000\n");
    expect("cameras:\n  - name: front\n    rate: 5\n", NULL, NULL,
           "%s:3: cameras[0]: unknown key 'rate'; did you mean 'rate_hz'?\n");
    expect("cameras: [{name: a}]\n", "--set", "cameras.0.rate_hz=0",
           "%s: --set: cameras[0].rate_hz: 0 is below 0.1\n");
    expect("cameras: [{name: a}]\nnetworks:\n  - model: none.onnx\n", "--check", NULL, "none.onnx");
}

Test(command, a_model_that_is_not_there_ends_it)
{
    const char *yaml =
        "bus: {in: {bind: ['ipc://@outrider-a']}, out: {bind: ['ipc://@outrider-b']}}\n"
        "cameras: [{name: a}]\nnetworks: [{model: none.onnx}]\n";

    expect(yaml, NULL, NULL, "none.onnx");
}

Test(command, check_prints_what_can_be_loaded_again)
{
    static char first[sizeof text];

    cr_assert_eq(run("cameras: [{name: a}]\n", "--check", NULL), 0);
    cr_assert(strstr(text, "rate_hz: 20\n"), "%s", text);
    strcpy(first, text);
    cr_assert_eq(run(first, "--check", NULL), 0);
    cr_assert_str_eq(text, first);
}

Test(command, usage)
{
    const char *bare[] = {"outriderd", NULL}, *help[] = {"outriderd", "--help", NULL};
    const char *wrong[] = {"outriderd", "--fast", NULL};
    const char *absent[] = {"outriderd", "-c", "/nowhere.yaml", NULL};

    cr_assert_eq(program_run(bare, text, sizeof text), 2);
    cr_assert(strstr(text, "usage:"));
    cr_assert_eq(program_run(help, text, sizeof text), 0);
    cr_assert(strstr(text, "rate_hz:") && strstr(text, "0.1 .. 1000"), "%s", text);
    cr_assert_eq(program_run(wrong, text, sizeof text), 2);
    cr_assert(strstr(text, "--fast"));
    cr_assert_eq(program_run(absent, text, sizeof text), 2);
    cr_assert(strstr(text, "/nowhere.yaml: No such file"), "%s", text);
}
