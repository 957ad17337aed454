/* outriderd: camera frames in, objects and lanes out. Starts the threads, waits, ends them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/ingest.h"
#include "daemon/log.h"
#include "daemon/publish.h"
#include "daemon/worker.h"

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2, MAX_SETS = 64 };

/* A worker in the middle of a long inference is not waited for any longer. */
#define WORKERS_END_NS (NS_PER_S / 20)

struct options {
    const char *file;
    bool check;
    int n_sets;
    const char *set[MAX_SETS];
};

struct threads {
    struct ingest *ingest;
    struct publish *publish;
    pthread_t receiver, publisher, worker[MESSAGE_MAX_CAMERAS];
    int n_workers;
    bool has_receiver, has_publisher;
};

/* ---- command line -------------------------------------------------------------------------- */

static void usage(FILE *f)
{
    fprintf(f, "usage: outriderd -c FILE [--set KEY=VALUE]... [--check]\n");
}

static void help(void)
{
    usage(stdout);
    printf("\nReceives camera frames over ZeroMQ and publishes the objects and lanes in them.\n\n"
           "  -c FILE          configuration, YAML\n"
           "  --set KEY=VALUE  on top of it: --set cameras.0.rate_hz=10\n"
           "  --check          check everything, models too; print the effective configuration\n"
           "  --help           this text\n"
           "  --version        the version\n\n"
           "Keys of the configuration (lists: one entry each):\n\n");
    config_help(stdout);
    printf("\nExit status: 0 ended as told, 1 failed while running, 2 usage or configuration.\n");
}

/* -1: run; otherwise the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];

        if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
            help();
            return 0;
        }
        if (!strcmp(a, "--version")) {
            printf("outriderd %s\n", OUTRIDER_VERSION);
            return 0;
        }
        if (!strcmp(a, "--check")) {
            o->check = true;
        } else if (!strcmp(a, "-c") && i + 1 < argc) {
            o->file = argv[++i];
        } else if (!strcmp(a, "--set") && i + 1 < argc && o->n_sets < MAX_SETS) {
            o->set[o->n_sets++] = argv[++i];
        } else {
            fprintf(stderr, "outriderd: cannot use '%s' here; --help lists what there is\n", a);
            return EXIT_USAGE;
        }
    }
    if (o->file)
        return -1;
    usage(stderr);
    return EXIT_USAGE;
}

/* ---- check --------------------------------------------------------------------------------- */

static int check(const struct daemon *d, const char *file)
{
    for (int i = 0; i < d->n_channels; i++) {
        struct pipeline *p;
        struct pool *pool;
        struct why why;

        if (worker_open(d, i, &pool, &p, &why) != OK) {
            fprintf(stderr, "outriderd: %s: %s\n", file, why.text);
            return EXIT_USAGE;
        }
        pipeline_close(p);
        pool_close(pool);
    }
    printf("%s", d->config->text);
    return 0;
}

/* ---- run ----------------------------------------------------------------------------------- */

/* Publishing comes first: the bus hears that we are there before the networks are. */
static bool start(struct daemon *d, struct threads *t, void *zmq, struct why *why)
{
    if (publish_open(d, zmq, &t->publish, why) != OK || ingest_open(d, zmq, &t->ingest, why) != OK)
        return false;
    t->has_publisher = pthread_create(&t->publisher, NULL, publish_thread, t->publish) == 0;
    t->has_receiver = pthread_create(&t->receiver, NULL, ingest_thread, t->ingest) == 0;
    while (t->n_workers < d->n_channels &&
           pthread_create(&t->worker[t->n_workers], NULL, worker_thread,
                          &d->channel[t->n_workers]) == 0)
        t->n_workers++;
    if (t->has_publisher && t->has_receiver && t->n_workers == d->n_channels)
        return true;
    err_say(why, ERR_IO, "the system refused a thread");
    return false;
}

static bool failed(struct daemon *d, struct why *why)
{
    pthread_mutex_lock(&d->lock);
    *why = d->trouble;
    pthread_mutex_unlock(&d->lock);
    return *why->text;
}

/* Until a signal (true) or a worker that cannot work (false, why). */
static bool wait_for_end(struct daemon *d, int signals, struct why *why)
{
    struct signalfd_siginfo info;
    struct pollfd p[] = {{.fd = signals, .events = POLLIN},
                         {.fd = d->troubled.fd, .events = POLLIN}};

    for (;;) {
        if (poll(p, 2, -1) < 0)
            continue;
        if (failed(d, why))
            return false;
        if (p[0].revents && read(signals, &info, sizeof info) == sizeof info) {
            log_info("stopping", "signal=%s", strsignal((int)info.ssi_signo));
            return true;
        }
        wake_wait(&d->troubled, 0);
    }
}

/* False: a worker is still busy when its time is over. */
static bool workers_end(struct daemon *d, int n_workers)
{
    int64_t end_ns = clock_now_ns() + WORKERS_END_NS;

    for (int i = 0; i < n_workers; i++)
        while (atomic_load(&d->channel[i].state) < WORKER_FAILED) {
            int64_t left_ns = end_ns - clock_now_ns();

            if (left_ns <= 0)
                return false;
            wake_wait(&d->troubled, left_ns);
        }
    return true;
}

/* False: a worker hangs on to its memory, which then cannot be given back. */
static bool stop(struct daemon *d, struct threads *t)
{
    daemon_stop(d);
    if (t->has_publisher)
        pthread_join(t->publisher, NULL);
    publish_close(t->publish);
    if (t->has_receiver)
        pthread_join(t->receiver, NULL);
    ingest_close(t->ingest);
    if (!workers_end(d, t->n_workers))
        return false;
    for (int i = 0; i < t->n_workers; i++)
        pthread_join(t->worker[i], NULL);
    return true;
}

static int run(struct daemon *d, const char *file, int signals)
{
    struct threads t = {0};
    struct why why = {""};
    void *zmq = zmq_ctx_new();
    int status = 0;
    bool all_ended;

    if (!zmq || !start(d, &t, zmq, &why)) {
        fprintf(stderr, "outriderd: %s\n", zmq ? why.text : zmq_strerror(errno));
        status = EXIT_RUNTIME;
    } else {
        log_info("started", "version=%s config=%s cameras=%d mode=%s", OUTRIDER_VERSION,
                 d->config->id, d->n_channels,
                 d->config->mode == MODE_LOCKSTEP ? "lockstep" : "live");
        if (!wait_for_end(d, signals, &why)) {
            fprintf(stderr, "outriderd: %s: %s\n", file, why.text);
            status = EXIT_USAGE;
        }
    }
    all_ended = stop(d, &t);
    if (zmq)
        zmq_ctx_term(zmq); /* at most PUBLISH_LINGER_MS */
    log_info("stopped", "uptime_ms=%lld", (long long)((clock_now_ns() - d->start_ns) / NS_PER_MS));
    if (!all_ended)
        _exit(status);
    return status;
}

/* Signals arrive as bytes to read; the threads, made later, inherit that. */
static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    static struct daemon d;
    struct options o = {0};
    struct config *config;
    struct why why;
    int status = parse_options(argc, argv, &o), signals;

    if (status >= 0)
        return status;
    if (config_load(o.file, o.set, o.n_sets, &config, &why) != OK) {
        fprintf(stderr, "outriderd: %s\n", why.text);
        return EXIT_USAGE;
    }
    log_level_set(config->log);
    signals = signals_open();
    if (signals < 0 || daemon_init(&d, config, &why) != OK) {
        fprintf(stderr, "outriderd: %s\n", signals < 0 ? strerror(errno) : why.text);
        status = EXIT_RUNTIME;
    } else {
        status = o.check ? check(&d, o.file) : run(&d, o.file, signals);
    }
    daemon_finish(&d);
    config_close(config);
    if (signals >= 0)
        close(signals);
    return status;
}
