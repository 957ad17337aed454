#include "daemon/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock.h"

static char text[8192];
static int pipe_end;

static void capture(void)
{
    int fd[2];

    cr_assert_eq(pipe(fd), 0);
    dup2(fd[1], STDERR_FILENO);
    close(fd[1]);
    pipe_end = fd[0];
}

static const char *captured(void)
{
    ssize_t n;

    fflush(stderr);
    close(STDERR_FILENO);
    n = read(pipe_end, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

TestSuite(log, .init = capture);

Test(log, one_line_of_keys_and_values)
{
    log_warn("frame_malformed", "camera=%s n=%d", "front", 3);
    captured();
    cr_assert(strstr(text, " level=warn event=frame_malformed camera=front n=3\n"));
    cr_assert_eq(strncmp(text, "t=", 2), 0);
    cr_assert_eq(strchr(text, '\n') - text, (long)strlen(text) - 1);
}

Test(log, levels)
{
    log_debug("hidden", "x=1");
    log_level_set(LOG_WARN);
    log_info("hidden", "x=1");
    log_error("shown", "x=1");
    captured();
    cr_assert_not(strstr(text, "hidden"));
    cr_assert(strstr(text, "level=error event=shown"));
}

Test(log, control_bytes_and_long_lines)
{
    char word[2 * LOG_MAX_LINE];

    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    log_info("odd", "name=%s", "a\nb\033[31m\r");
    log_info("long", "word=%s", word);
    captured();
    cr_assert(strstr(text, "name=a?b?[31m?\n"));
    cr_assert_leq(strlen(strstr(text, "level=info event=long")), LOG_MAX_LINE);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(log, a_site_that_talks_too_much)
{
    struct log_site site = {0};
    unsigned suppressed = 99;
    int written = 0;

    for (int i = 0; i < 100; i++)
        written += log_admit(&site, 7 * NS_PER_S + i, &suppressed);
    cr_assert_eq(written, LOG_BURST);
    cr_assert_eq(suppressed, 0);
    cr_assert(log_admit(&site, 8 * NS_PER_S, &suppressed));
    cr_assert_eq(suppressed, 100 - LOG_BURST);
    cr_assert(log_admit(&site, 8 * NS_PER_S, &suppressed));
    cr_assert_eq(suppressed, 0);
}
