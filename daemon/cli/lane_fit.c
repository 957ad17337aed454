#include "daemon/cli/lane_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/eval/lane_scores.h"

/* ---- offsets ------------------------------------------------------------------------------- */

static enum err grow(struct lane_fit *f, size_t more)
{
    double *grown = realloc(f->off_px, (f->points + more + 1) * sizeof *grown);

    if (!grown)
        return ERR_NOMEM;
    f->off_px = grown;
    return OK;
}

enum err lane_fit_add(const struct lane_line *truth, const struct lane_line *guess,
                      const double y[2], struct lane_fit *sum)
{
    if (grow(sum, guess->n) != OK)
        return ERR_NOMEM;
    for (size_t i = 0; i < guess->n; i++) {
        const double *at = guess->point[i];
        double x;

        if (at[1] < y[0] || at[1] > y[1])
            continue;
        lane_sample(truth->point, truth->n, &at[1], 1, &x);
        if (x < 0)
            continue;
        const double off = fabs(at[0] - x);
        sum->off_px[sum->points++] = off;
        if (!guess->sigma)
            continue;
        sum->told++;
        sum->within1 += off <= guess->sigma[i];
        sum->within2 += off <= 2 * guess->sigma[i];
    }
    return OK;
}

enum err lane_fit_join(struct lane_fit *sum, const struct lane_fit *more)
{
    if (!more->points)
        return OK;
    if (grow(sum, more->points) != OK)
        return ERR_NOMEM;
    memcpy(sum->off_px + sum->points, more->off_px, more->points * sizeof *sum->off_px);
    sum->points += more->points;
    sum->told += more->told;
    sum->within1 += more->within1;
    sum->within2 += more->within2;
    return OK;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void lane_fit_sort(struct lane_fit *f)
{
    if (f->points)
        qsort(f->off_px, f->points, sizeof *f->off_px, by_size);
}

double lane_fit_off(const struct lane_fit *f, double share)
{
    return f->points ? f->off_px[(size_t)(share * (double)(f->points - 1))] : NAN;
}

void lane_fit_finish(struct lane_fit *f)
{
    free(f->off_px);
    *f = (struct lane_fit){0};
}

/* ---- kinds --------------------------------------------------------------------------------- */

struct table { /* count (n, n) by (truth, prediction) */
    const char *name;
    const char *const *word;
    const size_t *count;
    int n;
};

static struct table table_of(const struct lane_kinds *k, int i)
{
    return i ? (struct table){"colour", lane_color_word, k->color[0], LANE_COLORS}
             : (struct table){"type", lane_type_word, k->type[0], LANE_TYPES};
}

static size_t at(const struct table *t, int truth, int guess)
{
    return t->count[truth * t->n + guess];
}

/* Truths and predictions that are of this kind. */
static size_t uses(const struct table *t, int kind)
{
    size_t n = 0;

    for (int i = 0; i < t->n; i++)
        n += at(t, kind, i) + (i == kind ? 0 : at(t, i, kind));
    return n;
}

/* The share that is right, of all; NAN without any. */
static double accuracy(const struct table *t, size_t *all)
{
    size_t right = 0;

    *all = 0;
    for (int truth = 1; truth < t->n; truth++) {
        right += at(t, truth, truth);
        for (int guess = 0; guess < t->n; guess++)
            *all += at(t, truth, guess);
    }
    return *all ? (double)right / (double)*all : NAN;
}

static void print_table(const struct table *t)
{
    size_t all;
    const double right = accuracy(t, &all);

    if (!all)
        return;
    printf("  %s of %zu matched lines: %.1f %% right\n", t->name, all, 100 * right);
    printf("    %-10s", "taken for");
    for (int g = 1; g < t->n; g++)
        if (uses(t, g))
            printf(" %10s", t->word[g]);
    printf(" %10s\n", "not told");
    for (int truth = 1; truth < t->n; truth++) {
        if (!uses(t, truth))
            continue;
        printf("    %-10s", t->word[truth]);
        for (int g = 1; g < t->n; g++)
            if (uses(t, g))
                printf(" %10zu", at(t, truth, g));
        printf(" %10zu\n", at(t, truth, 0));
    }
}

void lane_kinds_text(const struct lane_kinds *k)
{
    for (int i = 0; i < 2; i++) {
        const struct table t = table_of(k, i);

        print_table(&t);
    }
}

/* {truth: {prediction: count}}, only what is not 0; "" is not told. */
static json_t *table_json(const struct table *t)
{
    json_t *confusion = json_object();
    size_t all;
    const double right = accuracy(t, &all);

    for (int truth = 1; truth < t->n; truth++) {
        json_t *row = json_object();

        for (int g = 0; g < t->n; g++)
            if (at(t, truth, g))
                json_object_set_new(row, t->word[g], json_integer((json_int_t)at(t, truth, g)));
        if (json_object_size(row))
            json_object_set(confusion, t->word[truth], row);
        json_decref(row);
    }
    return json_pack("{s:I, s:o, s:o}", "lines", (json_int_t)all, "accuracy",
                     all ? json_real(right) : json_null(), "confusion", confusion);
}

json_t *lane_kinds_json(const struct lane_kinds *k)
{
    const struct table type = table_of(k, 0), color = table_of(k, 1);
    size_t types, colors;

    accuracy(&type, &types);
    accuracy(&color, &colors);
    if (!types && !colors)
        return json_null();
    return json_pack("{s:o, s:o}", "type", table_json(&type), "color", table_json(&color));
}
