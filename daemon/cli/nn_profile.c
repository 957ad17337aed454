/* outrider nn bench --profile: where the time of a run goes, node by node in the order of running,
 * and how much of it the multipliers would need at their peak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/nn_bench.h"
#include "daemon/cli/nn_io.h"
#include "perception/nn/inspect.h"
#include "perception/nn/ops/conv.h"
#include "perception/nn/ops/last.h"

enum { WARM_UP = 2 };

/* A node, or all nodes of one operator and kernel. */
struct row {
    const struct node *n;
    int count;
    double ns; /* sum of medians */
    double macs, ideal_ns;
};

struct profile {
    struct bench b;
    int64_t *whole; /* (runs) */
    int64_t *own;   /* (nodes, runs) */
    int run;
    int64_t last;
    struct row *node, *kind; /* (nodes), (kinds) */
    int nodes, kinds;
};

/* ---- measuring ----------------------------------------------------------------------------- */
static void node_done(void *arg, int i)
{
    struct profile *p = arg;
    int64_t now = bench_now_ns();

    if (p->run >= 0)
        p->own[(int64_t)i * p->b.opt->runs + p->run] = now - p->last;
    p->last = bench_now_ns(); /* the clock's own time is nobody's */
}

static enum err measure(struct profile *p, struct why *why)
{
    enum err e = OK;

    for (p->run = -WARM_UP; e == OK && p->run < p->b.opt->runs; p->run++) {
        int64_t start;

        bench_look_at_peak(&p->b);
        start = p->last = bench_now_ns();
        e = net_run_watched(p->b.net, node_done, p, why);
        if (p->run >= 0)
            p->whole[p->run] = bench_now_ns() - start;
    }
    return e;
}

static bool same_kind(const struct node *a, const struct node *b)
{
    return !strcmp(a->type, b->type) && !strcmp(a->kernel ?: "", b->kernel ?: "");
}

static void row_add(struct row *to, const struct row *r)
{
    to->n = r->n;
    to->count += r->count;
    to->ns += r->ns;
    to->macs += r->macs;
    to->ideal_ns += r->ideal_ns;
}

static int slowest_first(const void *a, const void *b)
{
    double x = ((const struct row *)a)->ns, y = ((const struct row *)b)->ns;

    return (x < y) - (x > y);
}

static void add_up(struct profile *p)
{
    const struct graph *g = net_graph(p->b.net);

    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = g->node[i];
        struct times t = times_of(p->own + (int64_t)i * p->b.opt->runs, p->b.opt->runs);
        int j = 0;

        p->node[i] = (struct row){n, 1, t.median, (double)n->macs, node_ideal_s(&p->b, n) * 1e9};
        while (j < p->kinds && !same_kind(p->kind[j].n, n))
            j++;
        row_add(&p->kind[j], &p->node[i]);
        p->kinds += j == p->kinds;
    }
    qsort(p->kind, (size_t)p->kinds, sizeof *p->kind, slowest_first);
}

static enum err profile_open(struct profile *p, const struct bench_options *opt, struct why *why)
{
    enum err e;
    size_t nodes;

    *p = (struct profile){0};
    if ((e = bench_open(&p->b, opt, why)) != OK)
        return e;
    p->nodes = net_graph(p->b.net)->n_nodes;
    nodes = (size_t)p->nodes + 1;
    p->whole = calloc((size_t)opt->runs, sizeof *p->whole);
    p->own = calloc(nodes, (size_t)opt->runs * sizeof *p->own);
    p->node = calloc(nodes, sizeof *p->node);
    p->kind = calloc(nodes, sizeof *p->kind);
    if (!p->whole || !p->own || !p->node || !p->kind)
        return err_say(why, ERR_NOMEM, "no memory for %d times of %d nodes", opt->runs, p->nodes);
    return OK;
}

static void profile_close(struct profile *p)
{
    bench_close(&p->b);
    free(p->whole);
    free(p->own);
    free(p->node);
    free(p->kind);
}

/* ---- telling ------------------------------------------------------------------------------- */
static bool has_window(const struct node *n)
{
    return is_conv(n) || is_conv_transpose(n) || n->op == &op_conv_last ||
           n->op == &op_conv_transpose_last;
}

/* "3x3", "3x3/2" with a stride, "3x3/2*4" with a dilation; "" for what has no window. */
static const char *window_text(const struct node *n, char text[64])
{
    const struct window *w;
    int at = 0;

    text[0] = '\0';
    if (!has_window(n))
        return text;
    w = &((const struct conv_params *)n->params)->w;
    for (int d = SPACE - w->rank; d < SPACE; d++)
        at += snprintf(text + at, 64 - (size_t)at, at ? "x%d" : "%d", w->kernel[d]);
    if (w->stride[SPACE - 1] > 1)
        at += snprintf(text + at, 64 - (size_t)at, "/%d", w->stride[SPACE - 1]);
    if (w->dilation[SPACE - 1] > 1)
        snprintf(text + at, 64 - (size_t)at, "*%d", w->dilation[SPACE - 1]);
    return text;
}

static const char *kernel_text(const struct node *n)
{
    return n->kernel ? n->kernel : "-";
}

static void print_rate(const struct row *r, double all_ns)
{
    printf(" %10.1f %6.1f", r->ns * 1e-3, 1e2 * r->ns / all_ns);
    if (r->macs > 0)
        printf(" %9.1f %7.0f", 2 * r->macs / r->ns, 1e2 * r->ideal_ns / r->ns);
    else
        printf(" %9s %7s", "", "");
}

static void profile_text(const struct profile *p, const struct times *whole)
{
    struct row all = {0};
    char shape[160], window[64];

    for (int i = 0; i < p->nodes; i++)
        row_add(&all, &p->node[i]);
    printf("%4s %-18s %-18s %-9s %-20s %10s %6s %9s %7s  %s\n", "", "operator", "output", "window",
           "kernel", "us", "%", "GFLOP/s", "% peak", "node");
    for (int i = 0; i < p->nodes; i++) {
        const struct node *n = p->node[i].n;

        printf("%4d %-18s %-18s %-9s %-20s", i, n->type,
               n->out[0] ? shape_text(&n->out[0]->t, shape) : "", window_text(n, window),
               kernel_text(n));
        print_rate(&p->node[i], all.ns);
        printf("  %s\n", n->name);
    }
    printf("\n%4s %-18s %-48s %10s %6s %9s %7s\n", "n", "operator", "kernel", "us", "%", "GFLOP/s",
           "% peak");
    for (int i = 0; i < p->kinds; i++) {
        printf("%4d %-18s %-48s", p->kind[i].count, p->kind[i].n->type, kernel_text(p->kind[i].n));
        print_rate(&p->kind[i], all.ns);
        putchar('\n');
    }
    printf("%4d %-67s", all.count, "all");
    print_rate(&all, all.ns);
    printf("\n\n");
    bench_text(&p->b, whole);
}

static json_t *row_json(const struct row *r)
{
    return json_pack("{s:s, s:s, s:b, s:f, s:f, s:f}", "operator", r->n->type, "kernel",
                     kernel_text(r->n), "int8", node_is_int8(r->n), "us", r->ns * 1e-3, "gflops",
                     r->ns > 0 ? 2 * r->macs / r->ns : 0, "share_of_peak",
                     r->ns > 0 ? r->ideal_ns / r->ns : 0);
}

static json_t *node_json(const struct row *r)
{
    json_t *o = row_json(r), *dims = json_array();
    char window[64];

    for (int i = 0; r->n->out[0] && i < r->n->out[0]->t.rank; i++)
        json_array_append_new(dims, json_integer(r->n->out[0]->t.dim[i]));
    json_object_set_new(o, "name", json_string(r->n->name));
    json_object_set_new(o, "shape", dims);
    json_object_set_new(o, "window", json_string(window_text(r->n, window)));
    json_object_set_new(o, "multiply_adds", json_integer(r->n->macs));
    return o;
}

static int profile_json(const struct profile *p, const struct times *whole)
{
    json_t *o = bench_json(&p->b, whole), *nodes = json_array(), *kinds = json_array();

    for (int i = 0; i < p->nodes; i++)
        json_array_append_new(nodes, node_json(&p->node[i]));
    for (int i = 0; i < p->kinds; i++) {
        json_t *kind = row_json(&p->kind[i]);

        json_object_set_new(kind, "count", json_integer(p->kind[i].count));
        json_array_append_new(kinds, kind);
    }
    json_object_set_new(o, "nodes", nodes);
    json_object_set_new(o, "operators", kinds);
    return print_json(o);
}

int bench_profile(const struct bench_options *opt)
{
    struct profile p;
    struct why why;
    int status = 0;

    if (profile_open(&p, opt, &why) != OK || measure(&p, &why) != OK) {
        status = bench_failed(&why);
    } else {
        struct times whole = times_of(p.whole, opt->runs);

        add_up(&p);
        if (opt->json)
            status = profile_json(&p, &whole);
        else
            profile_text(&p, &whole);
    }
    profile_close(&p);
    return status;
}
