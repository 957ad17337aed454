#include "perception/track/assign.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/* Shortest augmenting paths with dual prices (Jonker and Volgenant 1987), row by row. Staying alone
 * is one more column per row that no other row may use, of price 0: a path may end there, and a row
 * that ended there never comes back, because later rows only bring more competition. */

struct solver {
    const float (*cost)[ASSIGN_MAX_COLUMNS];
    int C;
    double alone;
    double row_price[ASSIGN_MAX_ROWS], column_price[ASSIGN_MAX_COLUMNS];
    int row_of[ASSIGN_MAX_COLUMNS]; /* -1: free */
    int *column_of;                 /* -1: alone, or not yet added */
};

struct search { /* the tree of cheapest ways from the row being added */
    double distance[ASSIGN_MAX_COLUMNS];
    int from_row[ASSIGN_MAX_COLUMNS];
    bool done[ASSIGN_MAX_COLUMNS];
    double end;     /* length of the best complete path so far */
    int end_column; /* -1: it ends with end_row staying alone */
    int end_row;
};

/* Look from a row at distance so_far at its own way out and at every column not yet done; returns
 * the nearest column, or -1 when no column is nearer than the best end. */
static int look_around(const struct solver *s, struct search *w, int row, double so_far)
{
    double base = so_far - s->row_price[row], nearest = INFINITY;
    int best = -1;

    if (base + s->alone < w->end) {
        w->end = base + s->alone;
        w->end_column = -1;
        w->end_row = row;
    }
    for (int c = 0; c < s->C; c++) {
        if (w->done[c])
            continue;
        double d = base + (double)s->cost[row][c] - s->column_price[c];
        if (d < w->distance[c]) {
            w->distance[c] = d;
            w->from_row[c] = row;
        }
        if (w->distance[c] < nearest) {
            nearest = w->distance[c];
            best = c;
        }
    }
    return nearest < w->end ? best : -1;
}

static void add_row(struct solver *s, int start)
{
    struct search w = {.end = INFINITY, .end_column = -1, .end_row = start};
    double so_far = 0;
    int row = start, c;

    for (c = 0; c < s->C; c++)
        w.distance[c] = INFINITY;
    while ((c = look_around(s, &w, row, so_far)) >= 0) {
        if (s->row_of[c] < 0) {
            w.end = w.distance[c];
            w.end_column = c;
            break;
        }
        w.done[c] = true;
        so_far = w.distance[c];
        row = s->row_of[c];
    }

    /* New prices keep every pair of the solution tight and no pair below it. */
    s->row_price[start] += w.end;
    for (c = 0; c < s->C; c++)
        if (w.done[c]) {
            s->row_price[s->row_of[c]] += w.end - w.distance[c];
            s->column_price[c] -= w.end - w.distance[c];
        }

    /* Walk back from the end, passing each column on to the row that reached it. */
    int column = w.end_column;
    row = column < 0 ? w.end_row : w.from_row[column];
    for (;;) {
        int given_up = s->column_of[row];

        s->column_of[row] = column;
        if (column >= 0)
            s->row_of[column] = row;
        if (row == start)
            return;
        column = given_up;
        row = w.from_row[column];
    }
}

void assign_solve(const float (*cost)[ASSIGN_MAX_COLUMNS], int R, int C, float alone, int *match)
{
    struct solver s = {.cost = cost, .C = C, .alone = (double)alone, .column_of = match};

    assert(R >= 0 && R <= ASSIGN_MAX_ROWS && C >= 0 && C <= ASSIGN_MAX_COLUMNS);
    for (int c = 0; c < C; c++)
        s.row_of[c] = -1;
    for (int r = 0; r < R; r++)
        match[r] = -1;
    for (int r = 0; r < R; r++)
        add_row(&s, r);
}
