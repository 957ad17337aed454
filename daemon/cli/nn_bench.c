#include "daemon/cli/nn_bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "daemon/cli/nn_io.h"
#include "perception/kernels/peak.h"
#include "perception/nn/inspect.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum { WARM_UP = 2, PEAK_LOOKS = 20, PEAK_ROUNDS = 200000 /* under a millisecond */ };

int64_t bench_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int bench_failed(const struct why *why)
{
    fprintf(stderr, "outrider nn: %s\n", why->text);
    return 1;
}

/* ---- the model and its inputs -------------------------------------------------------------- */
/* Something other than zeros, the same every time. */
static void fill_input(struct tensor *t)
{
    uint32_t state = 1;

    if (!dtype_is_float(t->type))
        return;
    for (int64_t i = 0; i < tensor_count(t); i++) {
        state = state * 1664525u + 1013904223u;
        number_set_float(t, i, (double)(state >> 8) / (1 << 24));
    }
}

enum err bench_open(struct bench *b, const struct bench_options *opt, struct why *why)
{
    enum err e;

    *b = (struct bench){.opt = opt};
    b->load_ns = -bench_now_ns();
    if ((e = net_open(opt->path, &opt->net, &b->net, why)) != OK)
        return e;
    b->load_ns += bench_now_ns();
    if (opt->n_inputs > net_inputs(b->net))
        e = err_say(why, ERR_MISMATCH, "%d --input, the model has %d inputs", opt->n_inputs,
                    net_inputs(b->net));
    for (int i = 0; e == OK && i < net_inputs(b->net); i++)
        if (i < opt->n_inputs)
            e = tensor_file_copy(opt->input[i], net_input(b->net, i), why);
        else
            fill_input(net_input(b->net, i));
    if (e != OK)
        bench_close(b);
    return e;
}

void bench_close(struct bench *b)
{
    net_close(b->net);
    b->net = NULL;
}

/* ---- where it runs ------------------------------------------------------------------------- */
enum err bench_pin(const char *cpus, struct why *why)
{
    cpu_set_t set;
    const char *at = cpus;

    CPU_ZERO(&set);
    for (;;) {
        char *end;
        long cpu = strtol(at, &end, 10);

        if (end == at || (*end && *end != ',') || cpu < 0 || cpu >= CPU_SETSIZE)
            return err_say(why, ERR_FORMAT, "--pin must be CPUs like 0 or 0,2, is %.80s", cpus);
        CPU_SET(cpu, &set);
        if (!*end)
            break;
        at = end + 1;
    }
    if (sched_setaffinity(0, sizeof set, &set))
        return err_say(why, ERR_IO, "--pin %.80s: %s", cpus, strerror(errno));
    return OK;
}

static json_t *allowed_cpus(void)
{
    json_t *list = json_array();
    cpu_set_t set;

    if (!sched_getaffinity(0, sizeof set, &set))
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set))
                json_array_append_new(list, json_integer(i));
    return list;
}

/* ---- the peak ------------------------------------------------------------------------------ */
struct look {
    double (*loop)(unsigned cpu, int rounds);
    unsigned cpu;
    double *done; /* by thread */
};

static void look_piece(void *arg, int i, int thread)
{
    const struct look *l = arg;

    (void)i;
    l->done[thread] += l->loop(l->cpu, PEAK_ROUNDS);
}

static double look_once(const struct bench *b, double (*loop)(unsigned cpu, int rounds))
{
    double done[256] = {0}, sum = 0; /* as many as a pool may have */
    struct look l = {loop, net_graph(b->net)->kernels.cpu, done};
    int threads = pool_threads(b->opt->net.pool);
    int64_t start = bench_now_ns();

    pool_run(b->opt->net.pool, threads, look_piece, &l);
    for (int i = 0; i < threads; i++)
        sum += done[i];
    return sum * 1e9 / (double)(bench_now_ns() - start);
}

void bench_look_at_peak(struct bench *b)
{
    for (int i = 0; i <= PEAK_LOOKS / b->opt->runs; i++) { /* few runs: several for each */
        double fma = look_once(b, peak_fma), int8 = look_once(b, peak_int8);

        b->peak_fma = fma > b->peak_fma ? fma : b->peak_fma;
        b->peak_int8 = int8 > b->peak_int8 ? int8 : b->peak_int8;
    }
}

bool node_is_int8(const struct node *n)
{
    return (n->kernel && strstr(n->kernel, "int8")) ||
           (in(n, 0) && (TYPE(in(n, 0)->type) & T_Q8) != 0);
}

double node_ideal_s(const struct bench *b, const struct node *n)
{
    bool int8 = node_is_int8(n) && b->peak_int8 > 0;

    return 2.0 * (double)n->macs / (int8 ? b->peak_int8 : b->peak_fma);
}

static double share_of_peak(const struct bench *b, double ns)
{
    const struct graph *g = net_graph(b->net);
    double ideal = 0;

    for (int i = 0; i < g->n_nodes; i++)
        ideal += node_ideal_s(b, g->node[i]);
    return ideal * 1e9 / ns;
}

/* ---- times --------------------------------------------------------------------------------- */
static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

struct times times_of(int64_t *t, int n)
{
    int middle = n / 2, late = (int)((int64_t)(n - 1) * 99 / 100);

    qsort(t, (size_t)n, sizeof *t, by_value);
    return (struct times){(double)t[middle], (double)t[late], (double)t[0]};
}

static enum err time_runs(struct bench *b, int64_t *ns, struct why *why)
{
    int looks = PEAK_LOOKS;
    enum err e = OK;

    for (int i = -WARM_UP; e == OK && i < b->opt->runs; i++) {
        int64_t start;

        if (looks-- > 0) /* beside the runs, under the same conditions */
            bench_look_at_peak(b);
        start = bench_now_ns();
        e = net_run(b->net, why);
        if (i >= 0)
            ns[i] = bench_now_ns() - start;
    }
    return e;
}

/* ---- reports ------------------------------------------------------------------------------- */
static int64_t resident_bytes(void)
{
    struct rusage u;

    return getrusage(RUSAGE_SELF, &u) ? 0 : (int64_t)u.ru_maxrss * 1024;
}

static double gflops(const struct bench *b, double ns)
{
    return 2.0 * (double)net_facts(b->net)->macs / ns;
}

json_t *bench_json(const struct bench *b, const struct times *ns)
{
    const struct net_facts *f = net_facts(b->net);

    return json_pack("{s:s, s:s, s:i, s:o, s:i, s:f, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
                     "model", b->opt->path, "cpu", cpu_name(net_graph(b->net)->kernels.cpu),
                     "threads", pool_threads(b->opt->net.pool), "cpus", allowed_cpus(), "runs",
                     b->opt->runs, "load_ms", (double)b->load_ns * 1e-6, "arena_bytes",
                     (json_int_t)f->arena_bytes, "resident_bytes", (json_int_t)resident_bytes(),
                     "median_ms", ns->median * 1e-6, "p99_ms", ns->p99 * 1e-6, "min_ms",
                     ns->least * 1e-6, "gflops", gflops(b, ns->median), "peak_gflops",
                     b->peak_fma * 1e-9, "peak_int8_gops", b->peak_int8 * 1e-9, "share_of_peak",
                     share_of_peak(b, ns->median));
}

void bench_text(const struct bench *b, const struct times *ns)
{
    json_t *cpus = allowed_cpus();
    char *list = json_dumps(cpus, JSON_COMPACT);

    printf("%s: median %.3f ms, p99 %.3f ms, min %.3f ms, %.2f GFLOP/s (%d runs, %d threads, %s)\n",
           b->opt->path, ns->median * 1e-6, ns->p99 * 1e-6, ns->least * 1e-6, gflops(b, ns->median),
           b->opt->runs, pool_threads(b->opt->net.pool), cpu_name(net_graph(b->net)->kernels.cpu));
    printf("loaded in %.1f ms; arena %.1f MB, resident %.1f MB at most; may run on CPUs %s\n",
           (double)b->load_ns * 1e-6, (double)net_facts(b->net)->arena_bytes * 1e-6,
           (double)resident_bytes() * 1e-6, list ? list : "?");
    printf("%.0f %% of the peak measured beside it: %.1f GFLOP/s of FMA",
           1e2 * share_of_peak(b, ns->median), b->peak_fma * 1e-9);
    if (b->peak_int8 > 0)
        printf(", %.1f GOP/s of int8", b->peak_int8 * 1e-9);
    putchar('\n');
    free(list);
    json_decref(cpus);
}

int bench_summary(const struct bench_options *opt)
{
    int64_t *ns = calloc((size_t)opt->runs, sizeof *ns);
    struct bench b = {0};
    struct why why = {"out of memory"};
    int status = 0;

    if (!ns || bench_open(&b, opt, &why) != OK || time_runs(&b, ns, &why) != OK) {
        status = bench_failed(&why);
    } else {
        struct times t = times_of(ns, opt->runs);

        if (opt->json)
            status = print_json(bench_json(&b, &t));
        else
            bench_text(&b, &t);
    }
    bench_close(&b);
    free(ns);
    return status;
}
