/* outrider nn bench --interactive: somebody else decides when we run, so that several engines can
 * take turns on one core. Commands are lines on stdin, each is answered with one line:
 *   load        load the model (again)             the time it took, ns
 *   run N       N runs                             N times, ns
 *   products N  the same, only of the nodes that   N times, ns
 *               multiply matrices or convolve
 *   outputs     what the last run computed         the mean absolute value of each output
 *   peak        the multipliers' peak, seen now    GFLOP/s of FMA, GOP/s of int8 (0: none)
 * The first line says "ready"; a command that is none of these or fails, "error" and why. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/nn_bench.h"
#include "perception/nn/inspect.h"
#include "perception/nn/ops/number.h"

enum { MAX_LINE = 64, PEAK_LOOKS = 10 };

struct watch {
    const struct graph *g;
    int64_t last, sum;
};

static void node_done(void *arg, int i)
{
    struct watch *w = arg;
    int64_t now = bench_now_ns();

    if (w->g->node[i]->macs > 0)
        w->sum += now - w->last;
    w->last = bench_now_ns();
}

static enum err run(struct bench *b, int runs, bool products, struct why *why)
{
    enum err e = OK;

    for (int i = 0; e == OK && i < runs; i++) {
        struct watch w = {.g = net_graph(b->net)};
        int64_t start = w.last = bench_now_ns();

        e = net_run_watched(b->net, products ? node_done : NULL, &w, why);
        if (e == OK)
            printf("%s%" PRId64, i ? " " : "", products ? w.sum : bench_now_ns() - start);
    }
    return e;
}

static enum err load(struct bench *b, struct why *why)
{
    const struct bench_options *opt = b->opt;
    enum err e;

    bench_close(b);
    if ((e = bench_open(b, opt, why)) == OK)
        printf("%" PRId64, b->load_ns);
    return e;
}

static void print_outputs(const struct bench *b)
{
    for (int i = 0; i < net_outputs(b->net); i++) {
        const struct tensor *t = net_output(b->net, i);
        double sum = 0;

        for (int64_t j = 0; j < tensor_count(t); j++)
            sum += fabs(number_float(t, j));
        printf("%s%.9g", i ? " " : "", sum / (double)tensor_count(t));
    }
}

static void print_peak(struct bench *b)
{
    b->peak_fma = b->peak_int8 = 0;
    for (int i = 0; i < PEAK_LOOKS; i++)
        bench_look_at_peak(b);
    printf("%.2f %.2f", b->peak_fma * 1e-9, b->peak_int8 * 1e-9);
}

static enum err answer(struct bench *b, const char *line, struct why *why)
{
    int runs = 0, end = 0;

    if (!strcmp(line, "load"))
        return load(b, why);
    if (!b->net)
        return err_say(why, ERR_AGAIN, "nothing is loaded");
    if (!strcmp(line, "outputs"))
        print_outputs(b);
    else if (!strcmp(line, "peak"))
        print_peak(b);
    else if ((sscanf(line, "run %d%n", &runs, &end) == 1 ||
              sscanf(line, "products %d%n", &runs, &end) == 1) &&
             !line[end] && runs > 0 && runs <= BENCH_MAX_RUNS)
        return run(b, runs, line[0] == 'p', why);
    else
        return err_say(why, ERR_FORMAT, "no command '%.40s'", line);
    return OK;
}

int bench_interactive(const struct bench_options *opt)
{
    struct bench b = {.opt = opt};
    struct why why;
    char line[MAX_LINE];

    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (answer(&b, line, &why) != OK)
            printf("error %s", why.text);
        putchar('\n');
        fflush(stdout);
    }
    bench_close(&b);
    return 0;
}
