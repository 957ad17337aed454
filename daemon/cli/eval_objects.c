#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/eval_model.h"
#include "daemon/cli/eval_options.h"
#include "daemon/cli/object_charts.h"
#include "daemon/cli/object_drawing.h"
#include "daemon/cli/object_report.h"
#include "daemon/cli/options.h"
#include "daemon/cli/worst_pictures.h"

enum { MAX_SETS = 16 };

#define COMMAND "eval objects"

struct options {
    int n_sets;
    struct {
        struct set_choice choice;
        const char *predictions;
    } set[MAX_SETS];
    const char *pictures;
    double score_min, error_score;
    int guesses_max, worst;
    bool details, charts;
    struct eval_options common;
};

static const char help[] =
    "usage: outrider eval objects --set DIR --predictions FILE.jsonl [options]\n"
    "       outrider eval objects --set DIR [--set DIR ...] --model FILE [options]\n"
    "\n"
    "Average precision after the COCO definition, of each class that the set labels and of "
    "vehicles\n"
    "(cars, trucks, buses) as one class: AP50 and AP75 at an IoU of 0.50 and 0.75, AP the mean "
    "over\n"
    "0.50 to 0.95 (AP50:95), and AP of the truths below 32^2, up to 96^2 and above 96^2 pixels. A "
    "'-'\n"
    "is unknown: no such truths, or a network that does not tell the class from others.\n"
    "A set is a folder with images/, labels/ (YOLO text), classes.txt, and perhaps set.json\n"
    "(classes_labelled, merged) and ignore/. Classes that the set does not label are left out.\n"
    "A simulator's set (truth.jsonl) tells more: what is found by distance, how well distances "
    "and\n"
    "their sigmas hold, and AP50 of vehicles by light, weather and kind of road.\n"
    "\n"
    "  --set DIR           the pictures and labels; again for more. Behind a comma, a part of "
    "them:\n"
    "                      only=GLOB, without=GLOB (names), every=N/K, without-every=N/K\n"
    "  --predictions FILE  what `outrider infer` wrote for the set named before. Pictures that it\n"
    "                      does not have are skipped and named. For the whole curve, have infer\n"
    "                      write weak boxes too: --score-min 0.01\n"
    "  --score-min F       least score that the model's objects have (default 0.01)\n"
    "  --max-detections N  of each class in a picture, the best (default 100)\n"
    "  --details           also whether scores and sigmas mean what they say (expected "
    "calibration\n"
    "                      error, share of edges within 1 and 2 sigmas) and the classes taken for\n"
    "                      each other\n"
    "  --error-score F     least score of what counts as seen in those and in pictures (default "
    "0.3)\n"
    "  --worst N --pictures DIR   draw the N pictures of the set with the most "
    "errors\n"
    "  --errors DIR        the 20 worst of them, also on one sheet.png; the classes taken for "
    "each\n"
    "                      other as confusion.png, what scores mean as "
    "reliability.png\n" EVAL_OPTIONS_HELP;

static int wrong(const char *text, const char *value)
{
    fprintf(stderr, "outrider " COMMAND ": %s%s%s\n", text, value ? " " : "", value ? value : "");
    return 2;
}

enum {
    SET = 256,
    PREDICTIONS,
    SCORE_MIN,
    DETECTIONS,
    DETAILS,
    ERROR_SCORE,
    WORST_COUNT,
    ERRORS,
    PICTURES,
};

static int take_option(struct options *o, int c, char *value)
{
    struct why why;

    switch (c) {
    case SET:
        if (o->n_sets == MAX_SETS)
            return wrong("--set is one too many, the limit is 16:", value);
        return set_choice_parse(value, &o->set[o->n_sets++].choice, &why) == OK
                   ? 0
                   : wrong("--set:", why.text);
    case PREDICTIONS:
        if (!o->n_sets || o->set[o->n_sets - 1].predictions)
            return wrong("--predictions must stand behind a --set, one each:", value);
        o->set[o->n_sets - 1].predictions = value;
        return 0;
    case SCORE_MIN:
        return option_real(COMMAND, "--score-min", value, 0, 1, &o->score_min) ? 0 : 2;
    case DETECTIONS:
        return option_whole(COMMAND, "--max-detections", value, 1, 1000000, &o->guesses_max) ? 0
                                                                                             : 2;
    case DETAILS:
        o->details = true;
        return 0;
    case ERROR_SCORE:
        return option_real(COMMAND, "--error-score", value, 0, 1, &o->error_score) ? 0 : 2;
    case WORST_COUNT:
        return option_whole(COMMAND, "--worst", value, 1, 1000, &o->worst) ? 0 : 2;
    case ERRORS:
        o->pictures = value;
        o->worst = WORST_PICTURES;
        o->charts = true;
        return 0;
    case PICTURES:
        o->pictures = value;
        return 0;
    default:
        return eval_options_take(&o->common, COMMAND, c, value);
    }
}

static int check_options(const struct options *o)
{
    if (!o->n_sets)
        return wrong("--set is needed", NULL);
    if (!o->worst != !o->pictures)
        return wrong("--worst and --pictures go together", NULL);
    if (o->pictures && o->n_sets > 1)
        return wrong("--pictures and --errors take one --set", NULL);
    for (int i = 0; i < o->n_sets; i++)
        if (!o->set[i].predictions == !o->common.model)
            return wrong(o->common.model ? "--model and --predictions exclude each other:"
                                         : "--predictions or --model is needed for",
                         o->common.model ? o->set[i].predictions : o->set[i].choice.path);
    return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"set", required_argument, NULL, SET},
                                           {"predictions", required_argument, NULL, PREDICTIONS},
                                           {"score-min", required_argument, NULL, SCORE_MIN},
                                           {"max-detections", required_argument, NULL, DETECTIONS},
                                           {"details", no_argument, NULL, DETAILS},
                                           {"error-score", required_argument, NULL, ERROR_SCORE},
                                           {"worst", required_argument, NULL, WORST_COUNT},
                                           {"errors", required_argument, NULL, ERRORS},
                                           {"pictures", required_argument, NULL, PICTURES},
                                           EVAL_OPTIONS,
                                           {0}};
    int c, status;

    *o = (struct options){.score_min = 0.01,
                          .error_score = 0.3,
                          .common = eval_options_default(),
                          .guesses_max = 100};
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

/* ---- output -------------------------------------------------------------------------------- */
static int print_json(const struct options *o, json_t *sets)
{
    json_t *j = json_pack("{s:i, s:s?, s:o}", "max_detections", o->guesses_max, "model",
                          o->common.model, "sets", sets);
    const int failed = !j || json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));

    putchar('\n');
    json_decref(j);
    return failed;
}

/* -------------------------------------------------------------------------------------------- */
static enum err score_set(const struct options *o, int i, struct eval_model *m, json_t *sets,
                          struct why *why)
{
    struct object_set set;
    struct predictions p = {0};
    struct object_scores s = {0};
    struct object_conditions c = {0};
    const struct object_rules rules = {(size_t)o->guesses_max, o->error_score};
    enum err e = object_set_read_some(&o->set[i].choice, &set, why);

    if (e != OK)
        return e;
    e = m ? eval_model_run(m, &set.pictures, &p, why)
          : predictions_read(o->set[i].predictions, HEAD_OBJECTS, &p, why);
    if (e == OK)
        e = object_scores_make(&set, &p, &rules, &s, why);
    if (e == OK)
        e = object_conditions_make(&set, &s, o->error_score, &c, why);
    if (e == OK && o->pictures)
        e = object_drawing_write(&set, &s, o->error_score, o->worst, o->pictures, why);
    if (e == OK && o->charts)
        e = object_charts_write(&s, o->pictures, why);
    if (e == OK && !o->common.json)
        object_report_text(&set, &s, &c, o->details);
    else if (e == OK && json_array_append_new(sets, object_report_json(&set, &s, &c)) != 0)
        e = err_say(why, ERR_FORMAT, "%.200s: names that are not UTF-8 do not go into JSON",
                    set.path);
    object_conditions_finish(&c);
    object_scores_finish(&s);
    predictions_finish(&p);
    object_set_finish(&set);
    return e;
}

int eval_objects_command(int argc, char **argv)
{
    struct options o;
    struct why why = {""};
    struct eval_model *m = NULL;
    enum err e = OK;
    int status = parse(argc, argv, &o);

    if (status != 0)
        return status;
    if (o.common.model) {
        const struct head_config cfg = eval_options_head(&o.common, o.score_min);

        e = eval_model_open(&cfg, HEAD_OBJECTS, o.common.threads, &m, &why);
    }
    json_t *sets = json_array();
    for (int i = 0; e == OK && i < o.n_sets; i++)
        e = score_set(&o, i, m, sets, &why);
    if (e == OK && o.common.json)
        status = print_json(&o, sets);
    else
        json_decref(sets);
    eval_model_close(m);
    if (e != OK)
        fprintf(stderr, "outrider " COMMAND ": %s\n", why.text);
    else if (fflush(stdout) != 0 || status)
        fprintf(stderr, "outrider " COMMAND ": the standard output cannot be written\n");
    return e != OK || status || ferror(stdout);
}
