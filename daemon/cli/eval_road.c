#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/eval_model.h"
#include "daemon/cli/eval_options.h"
#include "daemon/cli/options.h"
#include "daemon/cli/road_drawing.h"
#include "daemon/cli/road_totals.h"
#include "daemon/cli/worst_pictures.h"
#include "sim/file.h"

enum { NAMED = 5 };

#define COMMAND "eval road"

struct options {
    struct set_choice set;
    const char *predictions, *errors;
    int road, ignored; /* ids; -1: the set's, none */
    struct eval_options common;
};

static const char help[] =
    "usage: outrider eval road --set DIR --predictions PATH|--model FILE [options]\n"
    "\n"
    "Scores of the drivable area, over all pixels of all pictures: IoU, precision and recall, the\n"
    "IoU of what is not road and the mean of both, and the mean over pictures of their IoU.\n"
    "A simulator's set (truth.jsonl) tells them by light, weather and kind of road too.\n"
    "A set is a folder with images/ and masks/NAME.png or road/NAME.png (8 bit ids), and perhaps "
    "set.json\n"
    "(\"drivable_area\": \"masks == ID\").\n"
    "\n"
    "  --set DIR           the pictures and masks; behind a comma, a part of them: only=GLOB,\n"
    "                      without=GLOB (names), every=N/K, without-every=N/K\n"
    "  --predictions PATH  what `outrider infer` wrote, or a folder of NAME.png, where all but 0 "
    "is\n"
    "                      road\n"
    "  --road ID           of the drivable area in the masks (default: as set.json says, or 1)\n"
    "  --errors DIR        the 20 worst pictures by IoU, also together on sheet.png: road that is "
    "found\n"
    "                      green, missed red, wrongly said to be road blue\n"
    "  --ignore ID         of pixels that do not count (default: none)\n" EVAL_OPTIONS_HELP;

static int wrong(const char *text, const char *value)
{
    fprintf(stderr, "outrider " COMMAND ": %s%s%s\n", text, value ? " " : "", value ? value : "");
    return 2;
}

enum { SET = 256, PREDICTIONS, ROAD, ERRORS, IGNORE };

static int take_option(struct options *o, int c, char *value)
{
    struct why why;

    switch (c) {
    case SET:
        return set_choice_parse(value, &o->set, &why) == OK ? 0 : wrong("--set:", why.text);
    case PREDICTIONS:
        o->predictions = value;
        return 0;
    case ROAD:
        return option_whole(COMMAND, "--road", value, 0, 255, &o->road) ? 0 : 2;
    case ERRORS:
        o->errors = value;
        return 0;
    case IGNORE:
        return option_whole(COMMAND, "--ignore", value, 0, 255, &o->ignored) ? 0 : 2;
    default:
        return eval_options_take(&o->common, COMMAND, c, value);
    }
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"set", required_argument, NULL, SET},
                                           {"predictions", required_argument, NULL, PREDICTIONS},
                                           {"road", required_argument, NULL, ROAD},
                                           {"errors", required_argument, NULL, ERRORS},
                                           {"ignore", required_argument, NULL, IGNORE},
                                           EVAL_OPTIONS,
                                           {0}};
    int c, status;

    *o = (struct options){.common = eval_options_default(), .road = -1, .ignored = -1};
    while ((c = getopt_long(argc, argv, "h", option, NULL)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if ((status = take_option(o, c, optarg)) != 0)
            return status;
    }
    if (optind < argc)
        return wrong("takes options only, not", argv[optind]);
    if (!o->set.path)
        return wrong("--set is needed", NULL);
    if (!o->predictions == !o->common.model)
        return wrong("one of --predictions and --model is needed", NULL);
    return 0;
}

/* ---- what is printed ------------------------------------------------------------------------- */
static void print_text(const struct road_set *set, const struct road_totals *t)
{
    const struct road_scores s = road_scores_of(&t->counts);

    printf("%s: %zu of %zu pictures\n", set->path, t->pictures, set->pictures.n);
    printf("  IoU %.4f  precision %.4f  recall %.4f\n", s.iou, s.precision, s.recall);
    printf("  IoU of the rest %.4f, mean of both %.4f; mean over pictures %.4f\n", s.other_iou,
           s.mean_iou, t->mean_of_pictures);
    for (int i = 0; i < t->n_conditions; i++) {
        const struct road_condition *c = &t->condition[i];
        const struct road_scores of = road_scores_of(&c->counts);

        printf("  %-8s %6zu pictures: IoU %.4f  precision %.4f  recall %.4f\n", c->name,
               c->pictures, of.iou, of.precision, of.recall);
    }
    if (t->n_skipped)
        printf("  skipped: %zu pictures\n", t->n_skipped);
    for (size_t i = 0; i < t->n_skipped && i < NAMED; i++)
        printf("    %s: %s\n", t->skipped[i].image, t->skipped[i].why);
    if (t->n_skipped > NAMED)
        printf("    ... (--json names all)\n");
}

static json_t *number_json(double v)
{
    return isnan(v) ? json_null() : json_real(v);
}

static json_t *conditions_json(const struct road_totals *t)
{
    json_t *list = json_array();

    for (int i = 0; i < t->n_conditions; i++) {
        const struct road_condition *c = &t->condition[i];
        const struct road_scores s = road_scores_of(&c->counts);

        json_array_append_new(
            list, json_pack("{s:s, s:I, s:o, s:o, s:o}", "condition", c->name, "pictures",
                            (json_int_t)c->pictures, "iou", number_json(s.iou), "precision",
                            number_json(s.precision), "recall", number_json(s.recall)));
    }
    return list;
}

static int print_json(const struct options *o, const struct road_set *set,
                      const struct road_totals *t)
{
    const struct road_scores s = road_scores_of(&t->counts);
    json_t *skipped = json_array();

    for (size_t i = 0; i < t->n_skipped; i++)
        json_array_append_new(skipped, json_pack("{s:s, s:s}", "image", t->skipped[i].image, "why",
                                                 t->skipped[i].why));
    json_t *j = json_pack(
        "{s:s, s:s?, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o}", "set",
        set->path, "model", o->common.model, "labelled", (json_int_t)set->pictures.n, "pictures",
        (json_int_t)t->pictures, "iou", number_json(s.iou), "precision", number_json(s.precision),
        "recall", number_json(s.recall), "other_iou", number_json(s.other_iou), "mean_iou",
        number_json(s.mean_iou), "mean_of_pictures", number_json(t->mean_of_pictures), "hits",
        (json_int_t)t->counts.hits, "false_alarms", (json_int_t)t->counts.false_alarms, "misses",
        (json_int_t)t->counts.misses, "rest", (json_int_t)t->counts.rest, "conditions",
        conditions_json(t), "skipped", skipped);
    const int failed = !j || json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));

    putchar('\n');
    json_decref(j);
    return failed;
}

/* ---------------------------------------------------------------------------------------------- */
static enum err get_guesses(const struct options *o, const struct road_set *set,
                            struct road_guesses *out, struct why *why)
{
    const struct head_config cfg = eval_options_head(&o->common, NAN);
    struct eval_model *m;
    enum err e;

    if (!o->common.model && folder_exists(o->predictions)) {
        out->masks = o->predictions;
        return OK;
    }
    if (!o->common.model)
        return predictions_read(o->predictions, HEAD_ROAD, &out->pictures, why);
    e = eval_model_open(&cfg, HEAD_ROAD, o->common.threads, &m, why);
    if (e == OK)
        e = eval_model_run(m, &set->pictures, &out->pictures, why);
    eval_model_close(m);
    return e;
}

int eval_road_command(int argc, char **argv)
{
    struct options o;
    struct why why = {""};
    struct road_set set = {0};
    struct road_guesses guesses = {0};
    struct road_totals totals = {0};
    struct set_truth truth = {0};
    int status = parse(argc, argv, &o);

    if (status != 0)
        return status;
    enum err e = road_set_read(&o.set, &set, &why);
    if (o.road >= 0)
        set.road = o.road;
    if (e == OK)
        e = get_guesses(&o, &set, &guesses, &why);
    if (e == OK)
        e = set_truth_read(o.set.path, &truth, &why);
    if (e == OK)
        e = road_totals_make(&set, &guesses, o.ignored, &truth, &totals, &why);
    if (e == OK && o.errors)
        e = road_drawing_write(&set, &guesses, o.ignored, &totals, WORST_PICTURES, o.errors, &why);
    if (e == OK && o.common.json)
        status = print_json(&o, &set, &totals);
    else if (e == OK)
        print_text(&set, &totals);
    set_truth_finish(&truth);
    road_totals_finish(&totals);
    predictions_finish(&guesses.pictures);
    road_set_finish(&set);
    if (e != OK)
        fprintf(stderr, "outrider " COMMAND ": %s\n", why.text);
    else if (fflush(stdout) != 0 || status)
        fprintf(stderr, "outrider " COMMAND ": the standard output cannot be written\n");
    return e != OK || status || ferror(stdout);
}
