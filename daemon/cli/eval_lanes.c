#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/eval_model.h"
#include "daemon/cli/eval_options.h"
#include "daemon/cli/lane_drawing.h"
#include "daemon/cli/lane_report.h"
#include "daemon/cli/options.h"
#include "daemon/cli/worst_pictures.h"
#include "perception/image/image.h"
#include "sim/file.h"

#define COMMAND "eval lanes"

struct options {
    struct set_choice set; /* path NULL: none */
    const char *truth, *predictions, *errors;
    struct lane_rules rules;
    struct eval_options common;
};

static const char help[] =
    "usage: outrider eval lanes --set DIR --predictions FILE|--model FILE [options]\n"
    "       outrider eval lanes --truth LABELS.json --predictions FILE [options]\n"
    "\n"
    "Scores of lane boundaries in pictures: TuSimple's accuracy with shares of false alarms and\n"
    "misses (20 pixels at a width of 1280, scaled to the picture's), and CULane's precision, "
    "recall\n"
    "and F1 (lines 30 pixels wide at a width of 1640, scaled, IoU above 0.5). Only the rows that "
    "the\n"
    "labels have are looked at. Then how far the points of matched lines are off across the row, "
    "in\n"
    "pixels (median and 90 %), and how many are within 1 and 2 of the sigmas that they say. A\n"
    "simulator's set (truth.jsonl) tells more: the same by light, weather and kind of road, and "
    "what\n"
    "types and colours of lines are taken for.\n"
    "\n"
    "  --set DIR           a folder with labels_tusimple.json or lanes.json, and pictures; behind "
    "a\n"
    "                      comma, a part of them: only=GLOB, without=GLOB (names), every=N/K,\n"
    "                      without-every=N/K\n"
    "  --truth FILE        labels alone, TuSimple's JSON lines: raw_file, h_samples, lanes\n"
    "  --predictions FILE  what `outrider infer` wrote, or TuSimple's JSON lines\n"
    "  --ego               only the two boundaries of our own lane: by role where predictions "
    "have\n"
    "                      one, otherwise those nearest to the middle at the bottom\n"
    "  --errors DIR        the 20 worst pictures of a set by F1, then by how far lines are off, "
    "also\n"
    "                      together on sheet.png: truths white, missed ones red; predictions "
    "green, "
    "false\n"
    "                      alarms orange\n"
    "  --size WxH          of the pictures, where predictions do not say (default "
    "1280x720)\n" EVAL_OPTIONS_HELP;

static int wrong(const char *text, const char *value)
{
    fprintf(stderr, "outrider " COMMAND ": %s%s%s\n", text, value ? " " : "", value ? value : "");
    return 2;
}

static int take_size(const char *value, struct lane_rules *r)
{
    int end = 0;

    if (sscanf(value, "%5dx%5d%n", &r->width, &r->height, &end) == 2 && !value[end] &&
        r->width >= 1 && r->width <= IMAGE_MAX_SIDE && r->height >= 1 &&
        r->height <= IMAGE_MAX_SIDE)
        return 0;
    return wrong("--size must be WxH, as 1280x720, not", value);
}

enum { SET = 256, TRUTH, PREDICTIONS, EGO, ERRORS, SIZE };

static int take_option(struct options *o, int c, char *value)
{
    struct why why;

    switch (c) {
    case SET:
        return set_choice_parse(value, &o->set, &why) == OK ? 0 : wrong("--set:", why.text);
    case TRUTH:
        o->truth = value;
        return 0;
    case PREDICTIONS:
        o->predictions = value;
        return 0;
    case EGO:
        o->rules.ego = true;
        return 0;
    case ERRORS:
        o->errors = value;
        return 0;
    case SIZE:
        return take_size(value, &o->rules);
    default:
        return eval_options_take(&o->common, COMMAND, c, value);
    }
}

static int check_options(const struct options *o)
{
    if (!o->set.path == !o->truth)
        return wrong("one of --set and --truth is needed", NULL);
    if (!o->predictions == !o->common.model)
        return wrong("one of --predictions and --model is needed", NULL);
    if (o->common.model && o->truth)
        return wrong("--model needs a --set, for its pictures", NULL);
    if (o->errors && o->truth)
        return wrong("--errors needs a --set, for its pictures", NULL);
    return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"set", required_argument, NULL, SET},
                                           {"truth", required_argument, NULL, TRUTH},
                                           {"predictions", required_argument, NULL, PREDICTIONS},
                                           {"ego", no_argument, NULL, EGO},
                                           {"errors", required_argument, NULL, ERRORS},
                                           {"size", required_argument, NULL, SIZE},
                                           EVAL_OPTIONS,
                                           {0}};
    int c, status;

    *o =
        (struct options){.common = eval_options_default(), .rules = {.width = 1280, .height = 720}};
    while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if ((status = take_option(o, c, optarg)) != 0)
            return status;
    }
    return optind < argc ? wrong("takes options only, not", argv[optind]) : check_options(o);
}

/* ---- what is printed ------------------------------------------------------------------------- */
static int print(const struct options *o, size_t labelled, const struct lane_totals *t)
{
    if (!o->common.json) {
        lane_report_text(o->set.path ? o->set.path : o->truth, labelled, o->rules.ego, t);
        return 0;
    }
    json_t *j = lane_report_json(o->common.model, labelled, o->rules.ego, t);
    const int failed = !j || json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));

    putchar('\n');
    json_decref(j);
    return failed;
}

/* ---------------------------------------------------------------------------------------------- */
static enum err run_model(const struct options *o, const struct lane_labels *labels,
                          struct predictions *out, struct why *why)
{
    const struct head_config cfg = eval_options_head(&o->common, NAN);
    char folder[FILE_MAX_PATH];
    struct pictures pictures = {.folder = folder, .n = labels->n};
    struct eval_model *m = NULL;
    enum err e = eval_model_open(&cfg, HEAD_LANES, o->common.threads, &m, why);

    if (e != OK)
        return e;
    pictures.name = calloc(labels->n + 1, sizeof *pictures.name);
    for (size_t i = 0; pictures.name && i < labels->n; i++)
        pictures.name[i] = labels->picture[i].image; /* sorted */
    if (!path_join(folder, o->set.path, ""))
        e = err_say(why, ERR_LIMIT, "%.200s: the path is too long", o->set.path);
    else if (!pictures.name)
        e = err_say(why, ERR_NOMEM, "no memory for %zu pictures", labels->n);
    else
        e = eval_model_run(m, &pictures, out, why);
    free(pictures.name);
    eval_model_close(m);
    return e;
}

static enum err read_labels(const struct options *o, struct lane_labels *out, struct why *why)
{
    char path[FILE_MAX_PATH];
    enum err e;

    if (o->truth)
        return lane_labels_read(o->truth, true, out, why);
    if (!(path_join(path, o->set.path, "lanes.json") && file_exists(path)) && /* the simulator's */
        !path_join(path, o->set.path, "labels_tusimple.json"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", o->set.path);
    e = lane_labels_read(path, true, out, why);
    return e == OK ? lane_labels_choose(out, &o->set, why) : e;
}

int eval_lanes_command(int argc, char **argv)
{
    struct options o;
    struct why why = {""};
    struct lane_labels labels = {0};
    struct lane_guesses guesses = {0};
    struct lane_totals totals = {0};
    struct set_truth truth = {0};
    int status = parse(argc, argv, &o);

    if (status != 0)
        return status;
    enum err e = read_labels(&o, &labels, &why);
    if (e == OK)
        e = o.common.model ? run_model(&o, &labels, &guesses.pictures, &why)
                           : lane_guesses_read(o.predictions, &guesses, &why);
    if (e == OK)
        e = set_truth_read(o.set.path, &truth, &why);
    if (e == OK)
        e = lane_totals_make(&labels, &guesses, &o.rules, &truth, &totals, &why);
    if (e == OK && o.errors)
        e = lane_drawing_write(o.set.path, &totals, WORST_PICTURES, o.errors, &why);
    if (e == OK)
        status = print(&o, labels.n, &totals);
    set_truth_finish(&truth);
    lane_totals_finish(&totals);
    lane_guesses_finish(&guesses);
    lane_labels_finish(&labels);
    if (e != OK)
        fprintf(stderr, "outrider " COMMAND ": %s\n", why.text);
    else if (fflush(stdout) != 0 || status)
        fprintf(stderr, "outrider " COMMAND ": the standard output cannot be written\n");
    return e != OK || status || ferror(stdout);
}
