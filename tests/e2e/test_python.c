/* The examples in Python, as somebody would start them, with a real daemon between them. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/file.h"
#include "tests/e2e/harness.h"
#include "tests/folder.h"

#define PYTHON "/usr/bin/python3" /* the one that Debian's modules are for */

/* Wait until the file says word. */
static void until(const char *path, const char *word)
{
    struct file text = {0};
    struct why why;

    for (int i = 0; i < WAIT_MS / 20; i++, usleep(20000)) {
        cr_assert_eq(file_read(&text, path, 1 << 20, &why), OK, "%s", why.text);
        if (strstr(text.text, word)) {
            file_finish(&text);
            return;
        }
    }
    cr_assert_fail("not '%s' but '%s'", word, text.text);
}

Test(python, publisher_and_subscriber)
{
    static struct rig r;
    struct folder f;
    char modules[256], printed[128], complaints[128];

    folder_make(&f);
    folder_put_jpeg(&f, "0.jpg", 0);
    folder_put_jpeg(&f, "1.jpg", 1);
    folder_put_jpeg(&f, "2.jpg", 2);
    snprintf(printed, sizeof printed, "%s/printed", f.path);
    snprintf(complaints, sizeof complaints, "%s/complaints", f.path);
    snprintf(modules, sizeof modules, "%s/python", getenv("OUTRIDER_BUILD") ?: "build");
    cr_assert_eq(setenv("PYTHONPATH", modules, 1), 0);
    rig_start(&r, "cameras: [{name: front, rate_hz: 10}]\n");

    const char *subscriber[] = {PYTHON, "sim/examples/subscribe.py", r.out, NULL};
    const char *publisher[] = {PYTHON, "sim/examples/publish.py", f.path, r.in, NULL};
    pid_t reader = program_start(subscriber, printed);
    until(printed, "objects/front no frame NOT_AVAILABLE"); /* it hears the daemon */
    pid_t sender = program_start(publisher, complaints);
    until(printed, "objects/front frame 2 NOT_AVAILABLE CONFIG"); /* no networks */
    cr_expect_eq(program_wait(sender), 0);
    until(complaints, "");
    kill(reader, SIGTERM);
    cr_expect_eq(program_wait(reader), 128 + SIGTERM);
    rig_finish(&r);
    folder_remove(&f);
}
