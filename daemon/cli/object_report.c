#include "daemon/cli/object_report.h"

#include <math.h>
#include <stdio.h>

enum { NAMED = 5 };

/* ---- the table ----------------------------------------------------------------------------- */
static void print_number(double v)
{
    if (isnan(v))
        printf("%9s", "-");
    else
        printf("%9.4f", v);
}

static double share(size_t part, size_t of)
{
    return of ? (double)part / (double)of : NAN;
}

/* What is taken for what; rows are truths. */
static void print_confusion(const struct object_scores *s)
{
    static const int ends[] = {CONFUSION_NOTHING, CONFUSION_UNCLEAR};

    printf("  %-14s", "taken for");
    for (int i = 0; i < s->n; i++)
        if (s->score[i].class != OBJECT_VEHICLE)
            printf(" %10.10s", object_class_name(s->score[i].class));
    printf(" %10s %10s\n", "nothing", "unclear");
    for (int i = 0; i <= s->n; i++) {
        const int row = i < s->n ? (int)s->score[i].class : CONFUSION_NOTHING;

        if (row == OBJECT_VEHICLE)
            continue;
        printf("  %-14s", i < s->n ? object_class_name(s->score[i].class) : "nothing");
        for (int k = 0; k < s->n; k++)
            if (s->score[k].class != OBJECT_VEHICLE)
                printf(" %10zu", s->confusion.count[row][s->score[k].class]);
        for (int k = 0; k < 2; k++)
            printf(" %10zu", s->confusion.count[row][ends[k]]);
        putchar('\n');
    }
}

static void print_bins(const struct calibration *c)
{
    printf("  score of %-9s", "");
    for (int i = 0; i < CALIBRATION_BINS; i++)
        printf("  %.1f-%.1f", (double)i / CALIBRATION_BINS, (double)(i + 1) / CALIBRATION_BINS);
    printf("\n    %-15s", "detections");
    for (int i = 0; i < CALIBRATION_BINS; i++)
        printf("%9zu", c->bin[i].n);
    printf("\n    %-15s", "mean score");
    for (int i = 0; i < CALIBRATION_BINS; i++)
        print_number(c->bin[i].n ? c->bin[i].score / (double)c->bin[i].n : NAN);
    printf("\n    %-15s", "are right");
    for (int i = 0; i < CALIBRATION_BINS; i++)
        print_number(share(c->bin[i].hits, c->bin[i].n));
    putchar('\n');
}

static void print_details(const struct object_scores *s)
{
    printf("  %-14s %8s %9s %9s\n", "calibration", "ECE", "1 sigma", "2 sigma");
    for (int i = 0; i < s->n; i++) {
        const struct calibration *c = &s->score[i].calibration;

        printf("  %-14s", object_class_name(s->score[i].class));
        print_number(s->score[i].known ? calibration_error(c) : NAN);
        print_number(share(c->within1, c->edges));
        print_number(share(c->within2, c->edges));
        putchar('\n');
    }
    if (s->n && s->score[0].known)
        print_bins(&s->score[0].calibration);
    print_confusion(s);
}

void object_report_text(const struct object_set *set, const struct object_scores *s,
                        const struct object_conditions *c, bool details)
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
    if (details)
        print_details(s);
    object_conditions_text(c);
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

static json_t *calibration_json(const struct object_score *o)
{
    const struct calibration *c = &o->calibration;
    json_t *bins = json_array();

    for (int i = 0; i < CALIBRATION_BINS; i++)
        json_array_append_new(
            bins,
            json_pack("{s:I, s:I, s:o}", "detections", (json_int_t)c->bin[i].n, "hits",
                      (json_int_t)c->bin[i].hits, "score",
                      number_json(c->bin[i].n ? c->bin[i].score / (double)c->bin[i].n : NAN)));
    return json_pack("{s:o, s:o, s:I, s:o, s:o}", "ece",
                     number_json(o->known ? calibration_error(c) : NAN), "bins", bins, "edges",
                     (json_int_t)c->edges, "within_1_sigma",
                     number_json(share(c->within1, c->edges)), "within_2_sigma",
                     number_json(share(c->within2, c->edges)));
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
    json_object_set_new(j, "calibration", calibration_json(o));
    return j;
}

/* Only what is not 0: {truth: {prediction: count}}. */
static json_t *confusion_json(const struct object_scores *s)
{
    json_t *j = json_object();

    for (int t = 0; t <= CONFUSION_NOTHING; t++) {
        json_t *row = json_object();

        for (int g = 0; g < CONFUSION_SIDE; g++)
            if (s->confusion.count[t][g])
                json_object_set_new(row,
                                    g == CONFUSION_NOTHING ? "nothing"
                                    : g == CONFUSION_UNCLEAR
                                        ? "unclear"
                                        : object_class_name((enum object_class)g),
                                    json_integer((json_int_t)s->confusion.count[t][g]));
        if (json_object_size(row))
            json_object_set(
                j, t == CONFUSION_NOTHING ? "nothing" : object_class_name((enum object_class)t),
                row);
        json_decref(row);
    }
    return j;
}

json_t *object_report_json(const struct object_set *set, const struct object_scores *s,
                           const struct object_conditions *c)
{
    json_t *classes = json_array(), *skipped = json_array();

    for (int i = 0; i < s->n; i++)
        json_array_append_new(classes, class_json(&s->score[i]));
    for (size_t i = 0; i < s->n_skipped; i++)
        json_array_append_new(skipped, json_pack("{s:s, s:s}", "image", s->skipped[i].image, "why",
                                                 s->skipped[i].why));
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:i, s:o, s:o}}", "set", set->path,
                     "pictures", (json_int_t)s->pictures, "pictures_in_set",
                     (json_int_t)set->pictures.n, "classes", classes, "confusion",
                     confusion_json(s), "truth", object_conditions_json(c), "skipped", skipped,
                     "mean", "classes", s->n_mean, "ap50", number_json(s->mean_ap50), "ap",
                     number_json(s->mean_ap));
}
