#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/eval.h"
#include "daemon/cli/eval_model.h"
#include "daemon/cli/object_scores.h"
#include "daemon/cli/options.h"
#include "perception/kernels/kernels.h"

enum { MAX_SETS = 16, MAX_THREADS = 64, NAMED = 5 };

#define COMMAND "eval objects"

struct options {
    int n_sets;
    struct {
        const char *path, *predictions;
    } set[MAX_SETS];
    const char *model, *decoder;
    double score_min;
    unsigned cpu_mask;
    int threads, guesses_max;
    bool json;
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
    "\n"
    "  --set DIR           the pictures and labels; again for more\n"
    "  --predictions FILE  what `outrider infer` wrote for the set named before. Pictures that it\n"
    "                      does not have are skipped and named. For the whole curve, have infer\n"
    "                      write weak boxes too: --score-min 0.01\n"
    "  --model FILE        or run this network over the pictures now\n"
    "  --decoder NAME      how to read the model (default: as the file says, or recognised)\n"
    "  --score-min F       least score that the model's objects have (default 0.01)\n"
    "  --max-detections N  of each class in a picture, the best (default 100)\n"
    "  --cpu-mask LIST     instructions to use: c, avx2, avx512, vnni, native (default native)\n"
    "  --threads N         default: one for each core\n"
    "  --json              one JSON object instead of tables\n";

static int wrong(const char *text, const char *value)
{
    fprintf(stderr, "outrider " COMMAND ": %s%s%s\n", text, value ? " " : "", value ? value : "");
    return 2;
}

enum { SET = 256, PREDICTIONS, MODEL, DECODER, SCORE_MIN, DETECTIONS, CPU_MASK, THREADS, JSON };

static int take_option(struct options *o, int c, const char *value)
{
    struct why why;

    switch (c) {
    case SET:
        if (o->n_sets == MAX_SETS)
            return wrong("--set is one too many, the limit is 16:", value);
        o->set[o->n_sets++].path = value;
        return 0;
    case PREDICTIONS:
        if (!o->n_sets || o->set[o->n_sets - 1].predictions)
            return wrong("--predictions must stand behind a --set, one each:", value);
        o->set[o->n_sets - 1].predictions = value;
        return 0;
    case MODEL:
        o->model = value;
        return 0;
    case DECODER:
        o->decoder = value;
        return 0;
    case SCORE_MIN:
        return option_real(COMMAND, "--score-min", value, 0, 1, &o->score_min) ? 0 : 2;
    case DETECTIONS:
        return option_whole(COMMAND, "--max-detections", value, 1, 1000000, &o->guesses_max) ? 0
                                                                                             : 2;
    case THREADS:
        return option_whole(COMMAND, "--threads", value, 1, MAX_THREADS, &o->threads) ? 0 : 2;
    case CPU_MASK:
        return cpu_parse(value, &o->cpu_mask, &why) == OK ? 0 : wrong("--cpu-mask:", why.text);
    case JSON:
        o->json = true;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

static int check_options(const struct options *o)
{
    if (!o->n_sets)
        return wrong("--set is needed", NULL);
    for (int i = 0; i < o->n_sets; i++)
        if (!o->set[i].predictions == !o->model)
            return wrong(o->model ? "--model and --predictions exclude each other:"
                                  : "--predictions or --model is needed for",
                         o->model ? o->set[i].predictions : o->set[i].path);
    return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
    static const struct option option[] = {{"set", required_argument, NULL, SET},
                                           {"predictions", required_argument, NULL, PREDICTIONS},
                                           {"model", required_argument, NULL, MODEL},
                                           {"decoder", required_argument, NULL, DECODER},
                                           {"score-min", required_argument, NULL, SCORE_MIN},
                                           {"max-detections", required_argument, NULL, DETECTIONS},
                                           {"cpu-mask", required_argument, NULL, CPU_MASK},
                                           {"threads", required_argument, NULL, THREADS},
                                           {"json", no_argument, NULL, JSON},
                                           {"help", no_argument, NULL, 'h'},
                                           {0}};
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int c, status;

    *o = (struct options){.score_min = 0.01, .cpu_mask = ~0u, .guesses_max = 100};
    o->threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
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

/* ---- the table ----------------------------------------------------------------------------- */
static void print_number(double v)
{
    if (isnan(v))
        printf("%9s", "-");
    else
        printf("%9.4f", v);
}

static void print_text(const struct object_set *set, const struct object_scores *s)
{
    printf("%s: %zu of %zu pictures\n", set->path, s->pictures, set->pictures.n);
    printf("  %-14s %8s %10s %8s %8s %8s %8s %8s %8s\n", "class", "truths", "detections", "AP50",
           "AP75", "AP", "small", "medium", "large");
    for (int i = 0; i < s->n; i++) {
        const struct object_score *o = &s->score[i];
        const struct ap_score *all = &o->area[AREA_ALL];
        const double ap[] = {all->at[0], all->at[5], all->mean};

        printf("  %-14s %8zu %10zu", object_class_name(o->class), all->truths, all->guesses);
        for (int k = 0; k < 3; k++)
            print_number(o->known ? ap[k] : NAN);
        for (int a = AREA_SMALL; a < AREAS; a++)
            print_number(o->known ? o->area[a].mean : NAN);
        if (all->ambiguous)
            printf("   (%zu detections may be this or another class)", all->ambiguous);
        putchar('\n');
    }
    if (s->n_mean) {
        printf("  mean of %-2d classes %15s", s->n_mean, "");
        print_number(s->mean_ap50);
        printf("%9s", "");
        print_number(s->mean_ap);
        putchar('\n');
    }
    if (s->n_skipped)
        printf("  skipped: %zu pictures\n", s->n_skipped);
    for (size_t i = 0; i < s->n_skipped && i < NAMED; i++)
        printf("    %s: %s\n", s->skipped[i].image, s->skipped[i].why);
    if (s->n_skipped > NAMED)
        printf("    ... (--json names all)\n");
}

/* ---- the JSON ------------------------------------------------------------------------------ */
static json_t *number_json(double v)
{
    return isnan(v) ? json_null() : json_real(v);
}

static json_t *class_json(const struct object_score *o)
{
    static const char *const names[] = {"ap_all", "ap_small", "ap_medium", "ap_large"};
    const struct ap_score *all = &o->area[AREA_ALL];
    json_t *j = json_pack("{s:s, s:I, s:I, s:I}", "class", object_class_name(o->class), "truths",
                          (json_int_t)all->truths, "detections", (json_int_t)all->guesses,
                          "ambiguous", (json_int_t)all->ambiguous);
    json_t *of = json_array();

    for (int c = 0; c < OBJECT_CLASS_COUNT; c++)
        if (o->classes & 1u << c)
            json_array_append_new(of, json_string(object_class_name((enum object_class)c)));
    json_object_set_new(j, "of", of);
    json_object_set_new(j, "ap50", number_json(o->known ? all->at[0] : NAN));
    json_object_set_new(j, "ap75", number_json(o->known ? all->at[5] : NAN));
    json_object_set_new(j, "ap", number_json(o->known ? all->mean : NAN));
    for (int a = AREA_SMALL; a < AREAS; a++)
        json_object_set_new(j, names[a], number_json(o->known ? o->area[a].mean : NAN));
    return j;
}

static json_t *set_json(const struct object_set *set, const struct object_scores *s)
{
    json_t *classes = json_array(), *skipped = json_array();

    for (int i = 0; i < s->n; i++)
        json_array_append_new(classes, class_json(&s->score[i]));
    for (size_t i = 0; i < s->n_skipped; i++)
        json_array_append_new(skipped, json_pack("{s:s, s:s}", "image", s->skipped[i].image, "why",
                                                 s->skipped[i].why));
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:{s:i, s:o, s:o}}", "set", set->path, "pictures",
                     (json_int_t)s->pictures, "pictures_in_set", (json_int_t)set->pictures.n,
                     "classes", classes, "skipped", skipped, "mean", "classes", s->n_mean, "ap50",
                     number_json(s->mean_ap50), "ap", number_json(s->mean_ap));
}

static int print_json(const struct options *o, json_t *sets)
{
    json_t *j = json_pack("{s:i, s:s?, s:o}", "max_detections", o->guesses_max, "model", o->model,
                          "sets", sets);
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
    enum err e = object_set_read(o->set[i].path, &set, why);

    if (e != OK)
        return e;
    e = m ? eval_model_run(m, &set.pictures, &p, why)
          : predictions_read(o->set[i].predictions, HEAD_OBJECTS, &p, why);
    if (e == OK)
        e = object_scores_make(&set, &p, (size_t)o->guesses_max, &s, why);
    if (e == OK && !o->json)
        print_text(&set, &s);
    else if (e == OK && json_array_append_new(sets, set_json(&set, &s)) != 0)
        e = err_say(why, ERR_FORMAT, "%.200s: names that are not UTF-8 do not go into JSON",
                    set.path);
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
    if (o.model) {
        const struct head_config cfg = {.model = o.model,
                                        .decoder = o.decoder,
                                        .score_min = (float)o.score_min,
                                        .nms_iou = NAN,
                                        .cpu_mask = o.cpu_mask};

        e = eval_model_open(&cfg, HEAD_OBJECTS, o.threads, &m, &why);
    }
    json_t *sets = json_array();
    for (int i = 0; e == OK && i < o.n_sets; i++)
        e = score_set(&o, i, m, sets, &why);
    if (e == OK && o.json)
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
