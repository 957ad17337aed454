/* outrider sim --torcs, with Debian's TORCS where it is installed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

enum { PATIENCE_S = 90, FRAMES = 5, MAX_CHILDREN = 8 };

static struct folder f;
static char log_path[128];

static bool installed(void)
{
    glob_t g;
    bool found = glob("/usr/lib/*/torcs/modules/graphic/ssggraph.so", 0, NULL, &g) == 0 &&
                 !access("/usr/bin/Xvfb", X_OK);

    globfree(&g);
    return found;
}

static void setup(void)
{
    if (!installed())
        cr_skip_test("TORCS or Xvfb is not installed: apt-get install torcs xvfb");
    folder_make(&f);
    snprintf(log_path, sizeof log_path, "%s/log", f.path);
    setenv("TMPDIR", f.path, 1);
}

static void teardown(void)
{
    if (f.path[0])
        folder_remove(&f);
}

TestSuite(sim_torcs, .init = setup, .fini = teardown, .timeout = 4 * PATIENCE_S);

static pid_t begin(const char *set, const char *frames)
{
    const char *argv[] = {"outrider", "sim",    "--torcs", "--write", set,       "--frames",
                          frames,     "--rate", "2",       "--size",  "320x192", NULL};

    return program_start(argv, log_path);
}

static int finish(pid_t pid)
{
    int status = 0;

    for (int i = 0; i < PATIENCE_S * 50; i++, usleep(20000))
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

static const char *said(void)
{
    static struct file text;
    struct why why;

    cr_assert_eq(file_read(&text, log_path, 1 << 20, &why), OK, "%s", why.text);
    return text.text;
}

static int count(const char *pattern)
{
    char path[256];
    glob_t g;
    int n;

    snprintf(path, sizeof path, "%s/%s", f.path, pattern);
    n = glob(path, 0, NULL, &g) == 0 ? (int)g.gl_pathc : 0;
    globfree(&g);
    return n;
}

static void same_files(const char *a, const char *b)
{
    char command[512];

    snprintf(command, sizeof command,
             "for d in images labels ignore road tracks lanes.json; do "
             "diff -r %s/%s/$d %s/%s/$d || exit 1; done",
             f.path, a, f.path, b);
    cr_expect_eq(system(command), 0, "two runs differ");
}

Test(sim_torcs, sets_are_full_and_the_same_twice)
{
    char one[160], two[160];

    snprintf(one, sizeof one, "%s/one", f.path);
    snprintf(two, sizeof two, "%s/two", f.path);
    cr_assert_eq(finish(begin(one, "5")), 0, "%s", said());
    cr_assert_eq(finish(begin(two, "5")), 0, "%s", said());
    cr_expect_eq(count("one/images/*"), FRAMES);
    cr_expect_eq(count("one/labels/*.txt"), FRAMES);
    cr_expect_eq(count("one/road/*"), FRAMES);
    cr_expect_eq(count("outrider-torcs-*"), 0, "its folder is still there");
    same_files("one", "two");
}

static int children_of(pid_t pid, pid_t child[MAX_CHILDREN])
{
    char path[64];
    FILE *list;
    int n = 0;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    if (!(list = fopen(path, "r")))
        return 0;
    while (n < MAX_CHILDREN && fscanf(list, "%d", &child[n]) == 1)
        n++;
    fclose(list);
    return n;
}

/* The display, then TORCS; a while later, frames. */
Test(sim_torcs, torcs_that_is_killed_is_an_error_and_nothing_stays)
{
    char set[160];
    pid_t child[MAX_CHILDREN], pid;
    int n = 0;

    snprintf(set, sizeof set, "%s/set", f.path);
    pid = begin(set, "100000");
    for (int i = 0; i < PATIENCE_S * 50 && count("set/images/*") < 2; i++)
        usleep(20000);
    cr_assert_geq(n = children_of(pid, child), 2, "%s", said());
    kill(child[n - 1], SIGKILL);
    cr_expect_eq(finish(pid), 1);
    cr_expect(strstr(said(), "TORCS ended"), "%s", said());
    for (int i = 0; i < n; i++)
        cr_expect(kill(child[i], 0) && errno == ESRCH, "%d is still there", child[i]);
    cr_expect_eq(count("outrider-torcs-*"), 0);
}

Test(sim_torcs, killed_itself_it_leaves_no_process)
{
    char set[160];
    pid_t child[MAX_CHILDREN], pid;
    int n = 0, left = 1;

    snprintf(set, sizeof set, "%s/set", f.path);
    pid = begin(set, "100000");
    for (int i = 0; i < PATIENCE_S * 50 && count("set/images/*") < 1; i++)
        usleep(20000);
    n = children_of(pid, child);
    cr_assert_geq(n, 2, "%s", said());
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    for (int i = 0; i < 500 && left; i++, usleep(20000)) {
        left = 0;
        for (int k = 0; k < n; k++)
            left += kill(child[k], 0) == 0;
    }
    cr_expect_eq(left, 0);
}
