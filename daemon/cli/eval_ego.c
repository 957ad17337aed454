/* outrider eval ego: our own motion as the pipeline saw it in the pictures, against a simulator's truth. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/covered.h"
#include "daemon/cli/eval.h"
#include "daemon/cli/json_lines.h"
#include "daemon/cli/quantiles.h"
#include "sim/file.h"

static const char help[] =
    "usage: outrider eval ego --set DIR --run FILE [--set DIR --run FILE ...] [--json]\n"
    "\n"
    "Speed and yaw rate of the header of objects messages against the truth: how often they were "
    "said,\n"
    "how far they were off, and how often one and two sigmas cover the error. Only what the "
    "pictures\n"
    "said counts, so run with --set ego_motion=pictures where the drive has messages of its own.\n"
    "\n"
    "  --set DIR    a simulator's set (outrider sim --write)\n"
    "  --run FILE   outrider run over it\n"
    "  --json       one object\n";

enum { MAX_DRIVES = 64 };

struct number { /* speed or yaw rate */
    double square;
    struct quantiles off;
    struct covered covered;
};

struct ego_scores {
    long frames;
    struct number speed, turn;
};

struct ego_truth {
    double speed_mps, yaw_rate_radps;
};

static enum err add(struct number *n, const json_t *motion, const char *name, const char *sigma,
                    double truth)
{
    const json_t *v = json_object_get(motion, name);

    if (!json_is_number(v))
        return OK;
    double off = json_number_value(v) - truth;
    n->square += off * off;
    covered_add(&n->covered, off, json_number_value(json_object_get(motion, sigma)));
    return quantiles_add(&n->off, (float)fabs(off)) ? OK : ERR_NOMEM;
}

static enum err take_truth(const struct json_lines *l, const json_t *j, struct ego_truth *out)
{
    const json_t *ego = json_object_get(j, "ego");
    const json_t *speed = json_object_get(ego, "speed_mps"),
                 *turn = json_object_get(ego, "yaw_rate_radps");

    if (!json_is_number(speed) || !json_is_number(turn))
        return json_lines_complain(l, "ego", "an object with speed_mps and yaw_rate_radps");
    *out = (struct ego_truth){json_number_value(speed), json_number_value(turn)};
    return OK;
}

/* Room for one more; NULL: no memory. */
static struct ego_truth *next_truth(struct ego_truth **list, long *n)
{
    if (*n % 256 == 0) {
        struct ego_truth *more = realloc(*list, (size_t)(*n + 256) * sizeof *more);

        if (!more)
            return NULL;
        *list = more;
    }
    return *list + (*n)++;
}

static enum err read_truth(const char *set, struct ego_truth **out, long *n, struct why *why)
{
    struct json_lines l = {0};
    char path[FILE_MAX_PATH];
    json_t *j;
    enum err e;

    *n = 0;
    if (!path_join(path, set, "truth.jsonl"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", set);
    e = json_lines_open(path, &l, why);
    while (e == OK && (e = json_lines_next(&l, &j)) == OK) {
        struct ego_truth *at = next_truth(out, n);

        e = at ? take_truth(&l, j, at) : json_lines_no_memory(&l);
        json_decref(j);
    }
    json_lines_close(&l);
    return e == ERR_AGAIN ? OK : e;
}

static enum err take_message(const struct json_lines *l, const json_t *j,
                             const struct ego_truth *truth, long n, struct ego_scores *sum)
{
    const char *topic = json_string_value(json_object_get(j, "topic"));
    const json_t *header = json_object_get(j, "header"), *id = json_object_get(header, "frame_id");
    const json_t *motion = json_object_get(header, "ego_motion");
    const char *source = json_string_value(json_object_get(motion, "source"));

    if (!topic)
        return json_lines_complain(l, "topic", "a string");
    if (strncmp(topic, "objects/", 8) != 0)
        return OK;
    if (!json_is_integer(id))
        return json_lines_complain(l, "frame_id", "a whole number");
    long i = (long)json_integer_value(id);
    if (i < 0 || i >= n)
        return err_say(l->why, ERR_MISMATCH, "%s:%d: is about frame %ld, the set has %ld", l->path,
                       l->number, i, n);
    sum->frames++;
    if (!source || strcmp(source, "EGO_SEEN") != 0)
        return OK;
    if (add(&sum->speed, motion, "speed_mps", "speed_sigma_mps", truth[i].speed_mps) != OK ||
        add(&sum->turn, motion, "yaw_rate_radps", "yaw_rate_sigma_radps",
            truth[i].yaw_rate_radps) != OK)
        return json_lines_no_memory(l);
    return OK;
}

static enum err score_drive(const char *set, const char *run, struct ego_scores *sum,
                            struct why *why)
{
    struct json_lines l = {0};
    struct ego_truth *truth = NULL;
    json_t *j;
    long n;
    enum err e = read_truth(set, &truth, &n, why);

    if (e == OK)
        e = json_lines_open(run, &l, why);
    while (e == OK && (e = json_lines_next(&l, &j)) == OK) {
        e = take_message(&l, j, truth, n, sum);
        json_decref(j);
    }
    json_lines_close(&l);
    free(truth);
    return e == ERR_AGAIN ? OK : e;
}

/* ---- out ----------------------------------------------------------------------------------- */

static double rms(const struct number *n)
{
    return n->covered.n ? sqrt(n->square / (double)n->covered.n) : NAN;
}

static double said(const struct ego_scores *s, const struct number *n)
{
    return s->frames ? (double)n->covered.n / (double)s->frames : NAN;
}

static void print_row(const char *name, const struct ego_scores *s, struct number *n)
{
    printf("| %s | %.0f %% of %ld | %.4g | %.4g | %.4g | %.2f / %.2f |\n", name, 100 * said(s, n),
           s->frames, rms(n), (double)quantiles_at(&n->off, 0.5f),
           (double)quantiles_at(&n->off, 0.95f), covered_within(&n->covered, 1),
           covered_within(&n->covered, 2));
}

static json_t *number_json(const struct ego_scores *s, struct number *n)
{
    if (n->covered.n == 0)
        return json_pack("{s:f}", "said", s->frames ? 0.0 : NAN);
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "said", said(s, n), "rms", rms(n), "median",
                     (double)quantiles_at(&n->off, 0.5f), "p95",
                     (double)quantiles_at(&n->off, 0.95f), "within_1_sigma",
                     covered_within(&n->covered, 1), "within_2_sigma",
                     covered_within(&n->covered, 2));
}

static void print_scores(struct ego_scores *s, bool json)
{
    if (!json) {
        printf(
            "| | said | RMS | median | 95 %% | within 1 / 2 sigma |\n|---|---|---|---|---|---|\n");
        print_row("speed, m/s", s, &s->speed);
        print_row("yaw rate, rad/s", s, &s->turn);
        return;
    }
    json_t *j = json_pack("{s:I, s:o, s:o}", "frames", (json_int_t)s->frames, "speed_mps",
                          number_json(s, &s->speed), "yaw_rate_radps", number_json(s, &s->turn));
    json_dumpf(j, stdout, JSON_REAL_PRECISION(6));
    printf("\n");
    json_decref(j);
}

struct options {
    const char *set[MAX_DRIVES], *run[MAX_DRIVES];
    int n_sets, n_runs;
    bool json;
};

static bool take(const char **list, int *n, const char *name)
{
    if (*n == MAX_DRIVES) {
        fprintf(stderr, "outrider eval ego: --%s: %d are the most\n", name, MAX_DRIVES);
        return false;
    }
    list[(*n)++] = optarg;
    return true;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"set", required_argument, NULL, 's'},
                                           {"run", required_argument, NULL, 'r'},
                                           {"json", no_argument, NULL, 'j'},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    int c;

    while ((c = getopt_long(argc, argv, "", option, NULL)) != -1)
        switch (c) {
        case 's':
            if (!take(o->set, &o->n_sets, "set"))
                return 2;
            break;
        case 'r':
            if (!take(o->run, &o->n_runs, "run"))
                return 2;
            break;
        case 'j':
            o->json = true;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            return 2;
        }
    if (optind < argc || o->n_sets == 0 || o->n_sets != o->n_runs) {
        fprintf(stderr, "outrider eval ego: needs a --run for each --set, at least one\n");
        return 2;
    }
    return 0;
}

int eval_ego_command(int argc, char **argv)
{
    struct options o = {0};
    struct ego_scores sum = {0};
    struct why why = {""};
    int status = parse(argc, argv, &o);
    enum err e = OK;

    if (status)
        return status;
    for (int i = 0; e == OK && i < o.n_sets; i++)
        e = score_drive(o.set[i], o.run[i], &sum, &why);
    if (e == OK)
        print_scores(&sum, o.json);
    else
        fprintf(stderr, "outrider eval ego: %s\n", why.text);
    quantiles_finish(&sum.speed.off);
    quantiles_finish(&sum.turn.off);
    return e == OK ? 0 : 1;
}
