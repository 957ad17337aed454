/* outrider nn: the engine alone. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/nn_bench.h"
#include "daemon/cli/nn_check.h"
#include "daemon/cli/nn_io.h"
#include "daemon/cli/nn_quantise.h"
#include "daemon/cli/nn_tally.h"
#include "perception/kernels/kernels.h"
#include "perception/nn/inspect.h"
#include "perception/nn/ops/number.h"
#include "perception/nn/ops/ops.h"

enum { MAX_INPUTS = 64 };

static const char usage_text[] =
    "usage: outrider nn info MODEL [--json]\n"
    "       outrider nn run MODEL [--input FILE.pb|FILE.npy]... [-o DIR]\n"
    "       outrider nn check PATH... [--rtol X] [--atol X] [--table]\n"
    "       outrider nn bench MODEL [--input FILE]... [--runs N] [--profile | --interactive]\n"
    "       outrider nn quantise MODEL --calib DIR -o OUT.onnx    (more: quantise --help)\n"
    "\n"
    "info   inputs, outputs, operators, parameters, multiply-adds, memory, metadata\n"
    "run    one run on the given inputs, in the model's order (missing ones are 0);\n"
    "       -o DIR writes output_K.pb\n"
    "check  each PATH is a folder in the layout of ONNX backend tests (model.onnx,\n"
    "       test_data_set_N/input_K.pb, output_K.pb) or a folder of such folders\n"
    "bench  the time of a run: median, p99, least; of loading; memory; the share of what this\n"
    "       machine's multipliers could do, measured beside the runs. --profile adds every node\n"
    "       as it runs: output, window (3x3/2*4: stride 2, dilation 4), kernel, median time, "
    "rate,\n"
    "       share of the peak (int8: of its own), and sums by operator. --interactive answers\n"
    "       lines on stdin with lines, to take turns with others: load (ns), run N (N times, ns),\n"
    "       products N (the same, convolutions and matrix products only), outputs (mean absolute\n"
    "       values), peak (GFLOP/s, int8 GOP/s)\n"
    "quantise  the same network on 8 bit integers, calibrated on pictures\n"
    "\n"
    "  --threads N       worker threads (default 1)\n"
    "  --pin CPUS        run on these only: 0, or 0,1\n"
    "  --cpu-mask LEVEL  c, avx2, avx512, vnni or native (default), or several: avx512,vnni\n"
    "  --rtol X          tolerated difference relative to the expected value (default 1e-3)\n"
    "  --atol X          and beside that (default 1e-3)\n"
    "  --runs N          timed runs (default 20), after 2 to warm up\n"
    "  --table           of check: Markdown instead of text, a row for each PATH\n"
    "  --json            one JSON object instead of text\n";

struct arguments {
    bool json, table, profile, interactive;
    const char *pin;
    int threads, runs;
    unsigned cpu_mask;
    double rtol, atol;
    const char *input[MAX_INPUTS], *output;
    int n_inputs;
    struct pool *pool;
};

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "outrider nn: %s%s%s\n%s", what, value ? " " : "", value ? value : "",
            usage_text);
    return 2;
}

static int failed(const struct why *why)
{
    fprintf(stderr, "outrider nn: %s\n", why->text);
    return 1;
}

static bool parse_int(const char *s, int lo, int hi, int *to)
{
    char *end;
    long v = strtol(s, &end, 10);

    *to = (int)v;
    return end != s && !*end && v >= lo && v <= hi;
}

static bool parse_tolerance(const char *s, double *to)
{
    char *end;

    *to = strtod(s, &end);
    return end != s && !*end && *to >= 0;
}

/* 0, or 2 with a message. Arguments that are no options end up behind optind. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"table", no_argument, NULL, 'm'},
        {"profile", no_argument, NULL, 'p'},
        {"interactive", no_argument, NULL, 'I'},
        {"pin", required_argument, NULL, 'P'},
        {"threads", required_argument, NULL, 't'},
        {"runs", required_argument, NULL, 'n'},
        {"cpu-mask", required_argument, NULL, 'c'},
        {"rtol", required_argument, NULL, 'r'},
        {"atol", required_argument, NULL, 'a'},
        {"input", required_argument, NULL, 'i'},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    struct why why;
    int c;

    *a = (struct arguments){.threads = 1, .runs = 20, .cpu_mask = ~0u, .rtol = 1e-3, .atol = 1e-3};
    optind = 1;
    while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        switch (c) {
        case 'j':
            a->json = true;
            break;
        case 'p':
            a->profile = true;
            break;
        case 'm':
            a->table = true;
            break;
        case 'I':
            a->interactive = true;
            break;
        case 'P':
            a->pin = optarg;
            break;
        case 't':
            if (!parse_int(optarg, 1, 256, &a->threads))
                return usage_error("--threads must be 1 to 256, is", optarg);
            break;
        case 'n':
            if (!parse_int(optarg, 1, BENCH_MAX_RUNS, &a->runs))
                return usage_error("--runs must be 1 to 1000000, is", optarg);
            break;
        case 'c':
            if (cpu_parse(optarg, &a->cpu_mask, &why) != OK)
                return usage_error(why.text, NULL);
            break;
        case 'r':
            if (!parse_tolerance(optarg, &a->rtol))
                return usage_error("--rtol must be a number >= 0, is", optarg);
            break;
        case 'a':
            if (!parse_tolerance(optarg, &a->atol))
                return usage_error("--atol must be a number >= 0, is", optarg);
            break;
        case 'i':
            if (a->n_inputs == MAX_INPUTS)
                return usage_error("too many --input", NULL);
            a->input[a->n_inputs++] = optarg;
            break;
        case 'o':
            a->output = optarg;
            break;
        default:
            fputs(usage_text, stderr);
            return 2;
        }
    }
    return 0;
}

static enum err open_model(const struct arguments *a, const char *path, struct net **net,
                           struct why *why)
{
    struct net_options opt = {.cpu_mask = a->cpu_mask, .pool = a->pool};

    return net_open(path, &opt, net, why);
}

/* ---- info ---------------------------------------------------------------------------------- */
struct op_count {
    const char *type;
    int count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct op_count *)a)->type, ((const struct op_count *)b)->type);
}

/* The operators as they run, counted; *n rows, to be freed. */
static struct op_count *count_operators(const struct graph *g, int *n)
{
    struct op_count *rows = calloc((size_t)g->n_nodes + 1, sizeof *rows);

    *n = 0;
    for (int i = 0; rows && i < g->n_nodes; i++) {
        int j = 0;

        while (j < *n && strcmp(rows[j].type, g->node[i]->type) != 0)
            j++;
        rows[j].type = g->node[i]->type;
        rows[j].count++;
        *n += j == *n;
    }
    if (rows)
        qsort(rows, (size_t)*n, sizeof *rows, by_name);
    return rows;
}

static json_t *tensor_json(const struct tensor *t)
{
    json_t *dims = json_array();

    for (int i = 0; i < t->rank; i++)
        json_array_append_new(dims, json_integer(t->dim[i]));
    return json_pack("{s:s, s:s, s:o}", "name", t->name, "type", dtype_name(t->type), "shape",
                     dims);
}

static int info_json(struct net *net, const char *path, const struct op_count *ops, int n_ops)
{
    const struct net_facts *f = net_facts(net);
    const struct graph *g = net_graph(net);
    json_t *inputs = json_array(), *outputs = json_array(), *counts = json_object(),
           *metadata = json_object();

    for (int i = 0; i < net_inputs(net); i++)
        json_array_append_new(inputs, tensor_json(net_input(net, i)));
    for (int i = 0; i < net_outputs(net); i++)
        json_array_append_new(outputs, tensor_json(net_output(net, i)));
    for (int i = 0; i < n_ops; i++)
        json_object_set_new(counts, ops[i].type, json_integer(ops[i].count));
    for (int i = 0; i < g->n_properties; i++)
        json_object_set_new(metadata, g->property[i].key, json_string(g->property[i].value));
    return print_json(json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:o}", "model", path,
                                "id", net_id(net), "inputs", inputs, "outputs", outputs,
                                "operators", counts, "nodes", g->n_nodes, "parameters",
                                (json_int_t)f->parameters, "multiply_adds", (json_int_t)f->macs,
                                "arena_bytes", (json_int_t)f->arena_bytes, "metadata", metadata));
}

static int info_text(struct net *net, const char *path, const struct op_count *ops, int n_ops)
{
    const struct net_facts *f = net_facts(net);
    const struct graph *g = net_graph(net);
    char shape[160];

    printf("model          %s\nid             %s\n", path, net_id(net));
    for (int i = 0; i < net_inputs(net); i++)
        printf("input          %s  %s %s\n", net_input(net, i)->name,
               dtype_name(net_input(net, i)->type), shape_text(net_input(net, i), shape));
    for (int i = 0; i < net_outputs(net); i++)
        printf("output         %s  %s %s\n", net_output(net, i)->name,
               dtype_name(net_output(net, i)->type), shape_text(net_output(net, i), shape));
    printf("parameters     %lld\nmultiply-adds  %lld\narena          %zu bytes\n",
           (long long)f->parameters, (long long)f->macs, f->arena_bytes);
    for (int i = 0; i < g->n_properties; i++)
        printf("metadata       %s = %s\n", g->property[i].key, g->property[i].value);
    printf("nodes          %d, after folding and fusing\n", g->n_nodes);
    for (int i = 0; i < n_ops; i++)
        printf("%14d %s\n", ops[i].count, ops[i].type);
    return 0;
}

static int cmd_info(const struct arguments *a, const char *path)
{
    struct net *net;
    struct why why;
    struct op_count *ops;
    int n, status;

    if (open_model(a, path, &net, &why) != OK)
        return failed(&why);
    ops = count_operators(net_graph(net), &n);
    status = (a->json ? info_json : info_text)(net, path, ops, n);
    free(ops);
    net_close(net);
    return status;
}

/* ---- run ----------------------------------------------------------------------------------- */
static void print_output(const struct tensor *t)
{
    double lo = INFINITY, hi = -INFINITY, sum = 0;
    int64_t n = tensor_count(t);
    char shape[160];

    for (int64_t i = 0; i < n; i++) {
        double v = number_float(t, i);

        lo = fmin(lo, v);
        hi = fmax(hi, v);
        sum += v;
    }
    printf("%s  %s %s  min %.6g  max %.6g  mean %.6g\n", t->name, dtype_name(t->type),
           shape_text(t, shape), lo, hi, sum / (double)n);
}

static enum err run_model(const struct arguments *a, struct net *net, struct why *why)
{
    char path[4096];
    enum err e = OK;

    if (a->n_inputs > net_inputs(net))
        return err_say(why, ERR_MISMATCH, "%d --input, the model has %d inputs", a->n_inputs,
                       net_inputs(net));
    for (int i = 0; e == OK && i < a->n_inputs; i++)
        e = tensor_file_copy(a->input[i], net_input(net, i), why);
    if (e != OK || (e = net_run(net, why)) != OK)
        return e;
    if (a->output && mkdir(a->output, 0777) && errno != EEXIST)
        return err_say(why, ERR_IO, "%s: %s", a->output, strerror(errno));
    for (int i = 0; e == OK && i < net_outputs(net); i++) {
        print_output(net_output(net, i));
        if (!a->output)
            continue;
        snprintf(path, sizeof path, "%s/output_%d.pb", a->output, i);
        e = tensor_file_write(path, net_output(net, i), why);
    }
    return e;
}

static int cmd_run(const struct arguments *a, const char *path)
{
    struct net *net;
    struct why why;
    enum err e;

    if (open_model(a, path, &net, &why) != OK)
        return failed(&why);
    e = run_model(a, net, &why);
    net_close(net);
    return e == OK ? 0 : failed(&why);
}

/* ---- check --------------------------------------------------------------------------------- */
static int check_table(const struct check_options *opt, char **paths, int n)
{
    struct check_counts *counts = calloc((size_t)n, sizeof *counts);
    const char **names = calloc((size_t)n, sizeof *names);
    struct tally tally = {0};
    struct why why = {"out of memory"};
    int status = counts && names ? 0 : failed(&why);

    for (int i = 0; !status && i < n; i++) {
        counts[i].tally = &tally;
        names[i] = check_name(paths[i]);
        if (check_path(paths[i], opt, NULL, &counts[i], &why) != OK)
            status = failed(&why);
    }
    if (!status)
        status = tally_print(&tally, names, counts, n, stdout);
    free(names);
    free(counts);
    return status;
}

static int cmd_check(const struct arguments *a, char **paths, int n)
{
    struct check_options opt = {
        .rtol = a->rtol, .atol = a->atol, .net = {.cpu_mask = a->cpu_mask, .pool = a->pool}};
    struct check_counts counts = {0};
    struct why why;
    int status = 0;

    if (a->table)
        return check_table(&opt, paths, n);
    for (int i = 0; i < n; i++)
        if (check_path(paths[i], &opt, stdout, &counts, &why) != OK)
            status = failed(&why);
    printf("%d passed, %d failed, %d unsupported\n", counts.passed, counts.failed,
           counts.unsupported);
    return counts.failed ? 1 : status;
}

/* ---- bench --------------------------------------------------------------------------------- */
static int cmd_bench(const struct arguments *a, const char *path)
{
    struct bench_options opt = {.path = path,
                                .net = {.cpu_mask = a->cpu_mask, .pool = a->pool},
                                .input = a->input,
                                .n_inputs = a->n_inputs,
                                .runs = a->runs,
                                .json = a->json};

    if (a->interactive)
        return bench_interactive(&opt);
    return a->profile ? bench_profile(&opt) : bench_summary(&opt);
}

static int dispatch(const struct arguments *a, const char *command, char **paths, int n)
{
    if (!strcmp(command, "check"))
        return cmd_check(a, paths, n);
    if (n > 1)
        return usage_error("one model at a time, not also", paths[1]);
    if (!strcmp(command, "info"))
        return cmd_info(a, paths[0]);
    if (!strcmp(command, "run"))
        return cmd_run(a, paths[0]);
    if (!strcmp(command, "bench"))
        return cmd_bench(a, paths[0]);
    return usage_error("no command", command);
}

int nn_command(int argc, char **argv)
{
    struct arguments a;
    struct why why;
    int status;

    if (argc < 2)
        return usage_error("no command", NULL);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        fputs(usage_text, stdout);
        return 0;
    }
    if (!strcmp(argv[1], "quantise"))
        return nn_quantise(argc - 1, argv + 1);
    if ((status = parse_arguments(argc - 1, argv + 1, &a)))
        return status;
    if (optind >= argc - 1)
        return usage_error("no model to work on", NULL);
    if (a.pin && bench_pin(a.pin, &why) != OK)
        return usage_error(why.text, NULL);
    if (pool_open(a.threads, &a.pool) != OK) {
        fprintf(stderr, "outrider nn: cannot start %d threads\n", a.threads);
        return 1;
    }
    status = dispatch(&a, argv[1], argv + 1 + optind, argc - 1 - optind);
    pool_close(a.pool);
    return status;
}
