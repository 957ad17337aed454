#include "perception/eval/best_pairs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The shorter side is the rows of the search: n of them, against m columns. Index 0 of a column is
 * the place where the row being added starts. */
struct search {
    const double *weight;
    int n, m;
    bool turned;                      /* rows of the search are columns of weight */
    double *row_price, *column_price; /* (n + 1), (m + 1) */
    double *distance;                 /* (m + 1) from the row being added */
    int *row_of, *from;               /* (m + 1): row of a column, 0: free; column before it */
    bool *done;                       /* (m + 1) */
};

static double cost(const struct search *s, int row, int column)
{
    return s->turned ? -s->weight[(size_t)(column - 1) * (size_t)s->n + (size_t)(row - 1)]
                     : -s->weight[(size_t)(row - 1) * (size_t)s->m + (size_t)(column - 1)];
}

/* Take the nearest column into the tree; all prices in it move along. Returns that column. */
static int grow(struct search *s, int last)
{
    const int row = s->row_of[last];
    double step = INFINITY;
    int next = 0;

    s->done[last] = true;
    for (int c = 1; c <= s->m; c++) {
        if (s->done[c])
            continue;
        const double d = cost(s, row, c) - s->row_price[row] - s->column_price[c];
        if (d < s->distance[c]) {
            s->distance[c] = d;
            s->from[c] = last;
        }
        if (s->distance[c] < step) {
            step = s->distance[c];
            next = c;
        }
    }
    for (int c = 0; c <= s->m; c++)
        if (s->done[c]) {
            s->row_price[s->row_of[c]] += step;
            s->column_price[c] -= step;
        } else {
            s->distance[c] -= step;
        }
    return next;
}

static void add_row(struct search *s, int row)
{
    int c = 0;

    for (int i = 0; i <= s->m; i++) {
        s->distance[i] = INFINITY;
        s->done[i] = false;
    }
    s->row_of[0] = row;
    do
        c = grow(s, c);
    while (s->row_of[c]);
    for (; c; c = s->from[c]) /* each column goes to the row of the one before it */
        s->row_of[c] = s->row_of[s->from[c]];
}

static bool search_init(struct search *s)
{
    const size_t columns = (size_t)s->m + 1;

    s->row_price = calloc((size_t)s->n + 1, sizeof *s->row_price);
    s->column_price = calloc(columns, sizeof *s->column_price);
    s->distance = calloc(columns, sizeof *s->distance);
    s->row_of = calloc(columns, sizeof *s->row_of);
    s->from = calloc(columns, sizeof *s->from);
    s->done = calloc(columns, sizeof *s->done);
    return s->row_price && s->column_price && s->distance && s->row_of && s->from && s->done;
}

static void search_finish(struct search *s)
{
    free(s->row_price);
    free(s->column_price);
    free(s->distance);
    free(s->row_of);
    free(s->from);
    free(s->done);
}

enum err best_pairs(const double *weight, int R, int C, int *column_of)
{
    struct search s = {.weight = weight, .turned = R > C};
    enum err e = OK;

    s.n = s.turned ? C : R;
    s.m = s.turned ? R : C;
    for (int r = 0; r < R; r++)
        column_of[r] = -1;
    if (s.n == 0)
        return OK;
    if (!search_init(&s))
        e = ERR_NOMEM;
    for (int row = 1; e == OK && row <= s.n; row++)
        add_row(&s, row);
    for (int c = 1; e == OK && c <= s.m; c++)
        if (s.row_of[c] && cost(&s, s.row_of[c], c) < 0)
            column_of[s.turned ? c - 1 : s.row_of[c] - 1] = s.turned ? s.row_of[c] - 1 : c - 1;
    search_finish(&s);
    return e;
}
