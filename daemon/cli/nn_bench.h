/* outrider nn bench: how fast a network runs on this machine, and how fast it could. */
#ifndef OUTRIDER_DAEMON_CLI_NN_BENCH_H
#define OUTRIDER_DAEMON_CLI_NN_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "perception/nn/net.h"

enum { BENCH_MAX_RUNS = 1000000 };

struct bench_options {
    const char *path;
    struct net_options net;
    const char *const *input; /* files for the first inputs; the others get made-up numbers */
    int n_inputs;
    int runs; /* 1..BENCH_MAX_RUNS, after two that do not count */
    bool json;
};

/* Each prints to stdout and returns the exit status. */
int bench_summary(const struct bench_options *opt);
int bench_profile(const struct bench_options *opt);
/* Answers commands from stdin, so that others can take turns with it; see nn_interactive.c. */
int bench_interactive(const struct bench_options *opt);

/* Keep this process on these CPUs, "0" or "0,2"; threads that start later stay there too. */
MUST_CHECK enum err bench_pin(const char *cpus, struct why *why);

/* ---- what the three share ------------------------------------------------------------------ */
struct node;

struct bench {
    const struct bench_options *opt;
    struct net *net;
    int64_t load_ns;
    double peak_fma, peak_int8; /* operations per second of all threads, the best seen; or 0 */
};

struct times {
    double median, p99, least; /* of the same unit as what went in */
};

/* On OK the model is loaded, its inputs are filled, and bench_close() releases it. */
MUST_CHECK enum err bench_open(struct bench *b, const struct bench_options *opt, struct why *why);
void bench_close(struct bench *b); /* a zeroed one is fine */
int bench_failed(const struct why *why);

int64_t bench_now_ns(void);
void bench_look_at_peak(struct bench *b);
struct times times_of(int64_t *t, int n); /* sorts t */

/* Whether a node multiplies 8-bit integers, and the seconds it would take at the peak. */
bool node_is_int8(const struct node *n);
double node_ideal_s(const struct bench *b, const struct node *n);

/* What summary and profile both begin with: the run as a whole. */
json_t *bench_json(const struct bench *b, const struct times *ns);
void bench_text(const struct bench *b, const struct times *ns);

#endif
