#include "daemon/cli/train_simulator.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_FRAMES = 48, CUT = 8, NIGHT_SHIFT = 10, MAX_BYTES = 1 << 26 };
static const char RATE[] = "0.7"; /* Hz: frames of a drive that differ */

/* ---- the process --------------------------------------------------------------------------- */

struct command {
    char frames[16], seed[16], cut[16], log[FILE_MAX_PATH + 8];
    const char *argv[20];
};

static void compose_command(const struct set_choice *c, const struct train_simulator *s,
                            struct command *out)
{
    const char *fixed[] = {"outrider",   "sim",
                           "--write",    s->folder,
                           "--frames",   out->frames,
                           "--seed",     out->seed,
                           "--cut",      out->cut,
                           "--rate",     RATE,
                           "--scenario", set_choice_simulator(c)};
    int n = sizeof fixed / sizeof *fixed;

    snprintf(out->frames, sizeof out->frames, "%d", c->frames);
    snprintf(out->seed, sizeof out->seed, "%d", c->seed);
    snprintf(out->cut, sizeof out->cut, "%d", CUT);
    snprintf(out->log, sizeof out->log, "%s.log", s->folder);
    memcpy(out->argv, fixed, sizeof fixed);
    if (c->calibration) {
        out->argv[n++] = "--calibration";
        out->argv[n++] = c->calibration;
    }
    out->argv[n] = NULL;
}

/* Never returns. */
static void become(const struct command *c, pid_t parent)
{
    const int in = open("/dev/null", O_RDONLY),
              out = open(c->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (in < 0 || out < 0 || getppid() != parent || dup2(in, STDIN_FILENO) < 0 ||
        dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
        _exit(126);
    if (nice(NIGHT_SHIFT) == -1)
        errno = 0; /* as fast as everything else, then */
    execv("/proc/self/exe", (char *const *)(uintptr_t)c->argv);
    _exit(127);
}

/* "sim:town.yaml" with seed 7 becomes STEM.sim-town.yaml-7. */
static bool name_folder(const struct set_choice *c, const char *stem, char out[FILE_MAX_PATH])
{
    const char *scenario = set_choice_simulator(c), *slash = strrchr(scenario, '/');
    const int n =
        snprintf(out, FILE_MAX_PATH, "%s.sim-%s-%d", stem, slash ? slash + 1 : scenario, c->seed);

    return n < FILE_MAX_PATH - 8;
}

enum err train_simulator_start(const struct set_choice *choice, const char *stem, bool draws,
                               struct train_simulator *out, struct why *why)
{
    const pid_t parent = getpid();
    struct command command;

    *out = (struct train_simulator){.frames = choice->frames};
    if (!name_folder(choice, stem, out->folder))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", stem);
    if (!draws)
        return OK;
    compose_command(choice, out, &command);
    out->pid = fork();
    if (out->pid == 0)
        become(&command, parent);
    if (out->pid > 0)
        return OK;
    out->pid = 0;
    return err_say(why, ERR_IO, "%s: no process: %s", choice->path, strerror(errno));
}

void train_simulator_end(struct train_simulator *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGTERM);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

/* ---- what is finished ---------------------------------------------------------------------- */

int train_simulator_due(const struct train_simulator *s, int64_t step, int64_t steps)
{
    const double all = (double)s->frames * (2.0 * (double)step / (double)steps);
    double n = FIRST_FRAMES;

    while (n < all)
        n *= 1.25; /* in few strides, each of which reads the set's labels again */
    return n < s->frames ? (int)n : s->frames;
}

/* A frame is finished when its line stands in timestamps.txt. */
static int finished(const struct train_simulator *s)
{
    char path[FILE_MAX_PATH];
    struct file text = {0};
    const char *line;
    struct why why;
    size_t at = 0, size;
    int n = 0;

    if (path_join(path, s->folder, "timestamps.txt") && file_exists(path) &&
        file_read(&text, path, MAX_BYTES, &why) == OK)
        while (file_line(&text, &at, &line, &size))
            n++;
    file_finish(&text);
    return n;
}

static bool has_ended(struct train_simulator *s, int *status)
{
    if (s->pid <= 0 || waitpid(s->pid, status, WNOHANG) != s->pid)
        return false;
    s->pid = 0;
    return true;
}

enum err train_simulator_wait(struct train_simulator *s, int n, const volatile sig_atomic_t *stop,
                              struct why *why)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    bool ended = false;
    int status = 0;

    while (!*stop) {
        ended = has_ended(s, &status) || ended; /* asked before the frames are counted */
        if (finished(s) >= n)
            return OK;
        if (ended)
            return err_say(why, ERR_IO, "%s: the simulator ended with status %d; %s.log says why",
                           s->folder, WIFEXITED(status) ? WEXITSTATUS(status) : -1, s->folder);
        nanosleep(&pause, NULL);
    }
    return OK;
}
