#include "daemon/cli/lane_report.h"

#include <math.h>
#include <stdio.h>

enum { NAMED = 5 };

static double share(size_t part, size_t of)
{
    return of ? (double)part / (double)of : NAN;
}

/* Hits among themselves and the rest. */
static double rate(long hits, long rest)
{
    return share((size_t)hits, (size_t)(hits + rest));
}

/* ---- for people ---------------------------------------------------------------------------- */
static void print_share(double v)
{
    if (isnan(v))
        printf("%9s", "-");
    else
        printf("%8.1f%%", 100 * v);
}

static void print_row(const char *name, const struct lane_sum *s)
{
    printf("  %-14s %8zu %8ld", name, s->pictures, s->culane.hits + s->culane.misses);
    printf("%9.4f", lane_f1(&s->culane));
    if (s->fit.points)
        printf("%9zu%9.2f%9.2f", s->fit.points, lane_fit_off(&s->fit, 0.5),
               lane_fit_off(&s->fit, 0.9));
    else
        printf("%9d%9s%9s", 0, "-", "-");
    print_share(share(s->fit.within1, s->fit.told));
    print_share(share(s->fit.within2, s->fit.told));
    putchar('\n');
}

static void print_rows(const struct lane_totals *t)
{
    printf("  %-14s %8s %8s %8s %8s %8s %8s %8s %8s\n", "matched lines", "pictures", "truths", "F1",
           "points", "off, px", "90 %", "1 sigma", "2 sigma");
    print_row("all", &t->all);
    for (int i = 0; i < t->n_conditions; i++)
        print_row(t->condition[i].name, &t->condition[i].sum);
}

void lane_report_text(const char *name, size_t labelled, bool ego, const struct lane_totals *t)
{
    const struct tusimple_score *a = &t->all.tusimple;
    const struct culane_score *c = &t->all.culane;

    printf("%s: %zu of %zu pictures%s\n", name, t->pictures, labelled, ego ? ", our own lane" : "");
    printf("  TuSimple  accuracy %.4f  false alarms %.4f  misses %.4f\n", a->accuracy,
           a->false_alarms, a->misses);
    printf("  CULane    F1 %.4f  precision %.4f  recall %.4f  (%ld hits, %ld false alarms, %ld "
           "misses)\n",
           lane_f1(c), rate(c->hits, c->false_alarms), rate(c->hits, c->misses), c->hits,
           c->false_alarms, c->misses);
    print_rows(t);
    lane_kinds_text(&t->kinds);
    if (t->n_skipped)
        printf("  without prediction: %zu pictures\n", t->n_skipped);
    for (size_t i = 0; i < t->n_skipped && i < NAMED; i++)
        printf("    %s\n", t->skipped[i]);
    if (t->n_skipped > NAMED)
        printf("    ... (--json names all)\n");
}

/* ---- for programs -------------------------------------------------------------------------- */
static json_t *number(double v)
{
    return isnan(v) ? json_null() : json_real(v);
}

static json_t *tusimple_json(const struct tusimple_score *t)
{
    return json_pack("{s:f, s:f, s:f}", "accuracy", t->accuracy, "fp", t->false_alarms, "fn",
                     t->misses);
}

static json_t *culane_json(const struct culane_score *c)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "f1", number(lane_f1(c)), "precision",
                     number(rate(c->hits, c->false_alarms)), "recall",
                     number(rate(c->hits, c->misses)), "hits", (json_int_t)c->hits, "false_alarms",
                     (json_int_t)c->false_alarms, "misses", (json_int_t)c->misses);
}

static json_t *fit_json(const struct lane_fit *f)
{
    return json_pack("{s:I, s:o, s:o, s:I, s:o, s:o}", "points", (json_int_t)f->points, "median_px",
                     number(lane_fit_off(f, 0.5)), "off_90_px", number(lane_fit_off(f, 0.9)),
                     "told", (json_int_t)f->told, "within_1_sigma",
                     number(share(f->within1, f->told)), "within_2_sigma",
                     number(share(f->within2, f->told)));
}

static json_t *conditions_json(const struct lane_totals *t)
{
    json_t *list = json_array();

    for (int i = 0; i < t->n_conditions; i++) {
        const struct lane_sum *s = &t->condition[i].sum;

        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:o, s:o, s:o}", "condition",
                                        t->condition[i].name, "pictures", (json_int_t)s->pictures,
                                        "tusimple", tusimple_json(&s->tusimple), "culane",
                                        culane_json(&s->culane), "matched", fit_json(&s->fit)));
    }
    return list;
}

json_t *lane_report_json(const char *model, size_t labelled, bool ego, const struct lane_totals *t)
{
    json_t *skipped = json_array();

    for (size_t i = 0; i < t->n_skipped; i++)
        json_array_append_new(skipped, json_string(t->skipped[i]));
    return json_pack("{s:s?, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "model", model, "ego",
                     (int)ego, "labelled", (json_int_t)labelled, "pictures",
                     (json_int_t)t->pictures, "tusimple", tusimple_json(&t->all.tusimple), "culane",
                     culane_json(&t->all.culane), "matched", fit_json(&t->all.fit), "kinds",
                     lane_kinds_json(&t->kinds), "conditions", conditions_json(t), "skipped",
                     skipped);
}
