/* outrider sim: the built-in simulator, onto the bus or into a folder. */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/sim_options.h"

static int open_stop_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int sim_command(int argc, char **argv)
{
    struct sim_options o = {
        .stage = {.scenario = "random",
                  .seed = 1,
                  .render = true,
                  .look = {.shadows = true, .quality = 1}},
        .rate_hz = 20,
        .encoding = ENCODING_RGB8,
        .progress = isatty(STDERR_FILENO),
        .stop_fd = -1,
        .camera = "front",
        .vehicle = "car",
        .frames_at = "tcp://127.0.0.1:5701",
        .answers_at = "tcp://127.0.0.1:5702",
        .truth_at = "tcp://127.0.0.1:5703",
        .wait_s = 10,
    };
    int status = sim_options_read(&o, argc, argv);

    if (status)
        return status - 1;
    o.stop_fd = open_stop_fd();
    status = o.set || o.sheet ? sim_set(&o) : sim_bus(&o);
    if (o.stop_fd >= 0)
        close(o.stop_fd);
    return status;
}
