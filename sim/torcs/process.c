#include "sim/torcs/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sender.h"
#include "sim/torcs/link.h"

#define SECOND 1000000000LL
enum { SERVER_S = 20, ROAD_S = 60, KEPT_FD = 3 };

/* ---- children ---------------------------------------------------------------------------------------- */
struct child {
    const char *program;
    char *const *argv;
    const char *folder, *log;
    const char *variables[6]; /* "NAME=value"; NULL: no more */
    int fd;                   /* becomes KEPT_FD in it; -1 */
};

static void become(const struct child *c)
{
    int out = open(c->log, O_WRONLY | O_CREAT | O_APPEND, 0644), in = open("/dev/null", O_RDONLY);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (c->fd >= 0 && c->fd != KEPT_FD)
        dup2(c->fd, KEPT_FD);
    if (c->fd == KEPT_FD)
        fcntl(KEPT_FD, F_SETFD, 0);
    for (int i = c->fd >= 0 ? KEPT_FD + 1 : KEPT_FD; i < 256; i++)
        close(i);
    for (int i = 0; c->variables[i]; i++)
        putenv((char *)(uintptr_t)c->variables[i]);
    if (chdir(c->folder) == 0)
        execvp(c->program, c->argv);
    fprintf(stderr, "%s: %s\n", c->program, strerror(errno));
    _exit(127);
}

static enum err start(const struct child *c, pid_t *out, struct why *why)
{
    pid_t pid = fork();

    if (pid == 0)
        become(c);
    if (pid < 0)
        return err_say(why, ERR_IO, "%s: %s", c->program, strerror(errno));
    *out = pid;
    return OK;
}

static void stop(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

/* The last line that is not empty. */
static void last_words(const struct torcs_paths *p, char *out, size_t size)
{
    char path[TORCS_MAX_PATH + 16], line[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", p->folder);
    snprintf(out, size, "nothing");
    if (!(f = fopen(path, "r")))
        return;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0])
            snprintf(out, size, "%s", line);
    }
    fclose(f);
}

static enum err ended(const struct torcs_paths *p, const char *who, struct why *why)
{
    char words[200];

    last_words(p, words, sizeof words);
    return err_say(why, ERR_IO, "%s ended; it said last: %s", who, words);
}

/* ---- in turn -------------------------------------------------------------------------------------------- */
static enum err read_display(int fd, struct torcs_process *p, const struct torcs_paths *paths,
                             struct why *why)
{
    char number[12] = "";
    size_t n = 0;

    while (n + 1 < sizeof number && !memchr(number, '\n', n)) {
        struct pollfd ready = {fd, POLLIN, 0};
        ssize_t got = poll(&ready, 1, SERVER_S * 1000) > 0 ? read(fd, number + n, 1) : 0;

        if (got <= 0)
            return ended(paths, "Xvfb (apt-get install xvfb)", why);
        n++;
    }
    snprintf(p->display, sizeof p->display, ":%d", atoi(number));
    return OK;
}

static enum err start_server(const struct torcs_paths *paths, int width, int height,
                             struct torcs_process *p, struct why *why)
{
    char screen[32], log[TORCS_MAX_PATH + 16];
    char *argv[] = {"Xvfb", "-displayfd", "3", "-screen", "0", screen, "-nolisten", "tcp", NULL};
    struct child c = {"Xvfb", argv, paths->folder, log, {NULL}, -1};
    int ends[2];
    enum err e;

    snprintf(screen, sizeof screen, "%dx%dx24", width, height);
    snprintf(log, sizeof log, "%s/log", paths->folder);
    if (pipe2(ends, O_CLOEXEC))
        return err_say(why, ERR_IO, "pipe: %s", strerror(errno));
    c.fd = ends[1];
    e = start(&c, &p->server, why);
    close(ends[1]);
    if (e == OK)
        e = read_display(ends[0], p, paths, why);
    close(ends[0]);
    return e;
}

static enum err make_road(const struct torcs_paths *paths, const struct torcs_process *p,
                          struct why *why)
{
    char program[TORCS_MAX_PATH + 16], data[TORCS_MAX_PATH + 16], log[TORCS_MAX_PATH + 16];
    char libraries[TORCS_MAX_PATH + 32], display[32];
    char *argv[] = {"trackgen-bin", "-L", (char *)(uintptr_t)paths->installed, "-c", "road", "-n",
                    "outrider",     NULL};
    struct child c = {program, argv, data, log, {libraries, display, NULL}, -1};
    pid_t pid = 0;
    int status = -1;

    snprintf(program, sizeof program, "%s/trackgen-bin", paths->installed);
    snprintf(data, sizeof data, "%s/data", paths->folder);
    snprintf(log, sizeof log, "%s/log", paths->folder);
    snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s/lib", paths->installed);
    snprintf(display, sizeof display, "DISPLAY=%s", p->display);
    enum err e = start(&c, &pid, why);
    if (e != OK)
        return e;
    for (int64_t end = sender_now_ns() + ROAD_S * SECOND;;) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            break;
        if (sender_now_ns() > end) {
            stop(&pid);
            break;
        }
        poll(NULL, 0, 20);
    }
    return status == 0 ? OK : ended(paths, "trackgen", why);
}

static enum err start_torcs(const struct torcs_paths *paths, struct torcs_process *p,
                            struct why *why)
{
    char program[TORCS_MAX_PATH + 16], data[TORCS_MAX_PATH + 16], log[TORCS_MAX_PATH + 16];
    char local[TORCS_MAX_PATH + 16], lib[TORCS_MAX_PATH + 16], display[32];
    char libraries[TORCS_MAX_PATH + 32], preload[TORCS_MAX_PATH + 32];
    char graphics[TORCS_MAX_PATH + 48], fd[40];
    char *argv[] = {"torcs-bin", "-l", local, "-L", lib, "-D", data, NULL};
    struct child c = {program, argv, data, log, {libraries, display, preload, graphics, fd}, -1};
    int ends[2];
    enum err e;

    snprintf(program, sizeof program, "%s/torcs-bin", paths->installed);
    snprintf(data, sizeof data, "%s/data", paths->folder);
    snprintf(local, sizeof local, "%s/local", paths->folder);
    snprintf(lib, sizeof lib, "%s/lib", paths->folder);
    snprintf(log, sizeof log, "%s/log", paths->folder);
    snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s/lib", paths->installed);
    snprintf(display, sizeof display, "DISPLAY=%s", p->display);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", paths->plugin);
    snprintf(graphics, sizeof graphics, TORCS_GRAPHICS "=%s", paths->graphics);
    snprintf(fd, sizeof fd, TORCS_FD "=%d", KEPT_FD);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return err_say(why, ERR_IO, "socketpair: %s", strerror(errno));
    c.fd = ends[1];
    e = start(&c, &p->torcs, why);
    close(ends[1]);
    p->fd = ends[0];
    return e;
}

enum err torcs_process_start(const struct torcs_paths *paths, int width, int height,
                             struct torcs_process *p, struct why *why)
{
    enum err e;

    *p = (struct torcs_process){.fd = -1};
    if ((e = start_server(paths, width, height, p, why)) != OK ||
        (e = make_road(paths, p, why)) != OK)
        return e;
    return start_torcs(paths, p, why);
}

void torcs_process_end(struct torcs_process *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    stop(&p->torcs);
    stop(&p->server);
}

enum err torcs_process_get(struct torcs_process *p, const struct torcs_paths *paths, void *to,
                           size_t n, int64_t deadline_ns, struct why *why)
{
    unsigned char *at = to;

    while (n > 0) {
        int64_t left_ms = (deadline_ns - sender_now_ns()) / 1000000;
        struct pollfd ready = {p->fd, POLLIN, 0};
        int polled = left_ms > 0 ? poll(&ready, 1, (int)left_ms) : 0;
        ssize_t got;

        if (polled < 0 && errno == EINTR)
            continue;
        if (polled == 0)
            return err_say(why, ERR_IO, "TORCS does not answer");
        got = polled > 0 ? recv(p->fd, at, n, 0) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ended(paths, "TORCS", why);
        at += got;
        n -= (size_t)got;
    }
    return OK;
}

enum err torcs_process_put(struct torcs_process *p, const void *from, size_t n, struct why *why)
{
    if (send(p->fd, from, n, MSG_NOSIGNAL) != (ssize_t)n)
        return err_say(why, ERR_IO, "TORCS ended");
    return OK;
}
