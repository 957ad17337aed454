#include "perception/track/assign.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static float cost[ASSIGN_MAX_ROWS][ASSIGN_MAX_COLUMNS];
static uint64_t random_state = 0x9e3779b97f4a7c15u;

static double uniform(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* Every possible choice, row after row. */
static double brute_force(int r, int R, int C, double alone, bool *used)
{
    if (r == R)
        return 0;
    double best = alone + brute_force(r + 1, R, C, alone, used);
    for (int c = 0; c < C; c++)
        if (!used[c] && isfinite(cost[r][c])) {
            used[c] = true;
            best = fmin(best, (double)cost[r][c] + brute_force(r + 1, R, C, alone, used));
            used[c] = false;
        }
    return best;
}

static double price_of(const int *match, int R, int C, double alone)
{
    bool used[ASSIGN_MAX_COLUMNS] = {false};
    double sum = 0;

    for (int r = 0; r < R; r++) {
        cr_assert(match[r] >= -1 && match[r] < C);
        if (match[r] >= 0) {
            cr_assert_not(used[match[r]], "column %d given twice", match[r]);
            used[match[r]] = true;
        }
        sum += match[r] < 0 ? alone : (double)cost[r][match[r]];
    }
    return sum;
}

static void fill(int R, int C, double forbidden, bool coarse)
{
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) {
            double v = coarse ? floor(4 * uniform()) / 4 : uniform(); /* coarse: many ties */

            cost[r][c] = uniform() < forbidden ? INFINITY : (float)v;
        }
}

Test(assign, equals_brute_force)
{
    int match[ASSIGN_MAX_ROWS];

    for (int trial = 0; trial < 3000; trial++) {
        int R = (int)(6 * uniform()), C = (int)(7 * uniform());
        double alone = 0.2 + uniform();
        bool used[ASSIGN_MAX_COLUMNS] = {false};

        fill(R, C, 0.6 * uniform(), trial % 2);
        assign_solve((const float(*)[ASSIGN_MAX_COLUMNS])cost, R, C, (float)alone, match);
        cr_assert_float_eq(price_of(match, R, C, alone), brute_force(0, R, C, alone, used), 1e-5,
                           "trial %d: %d rows, %d columns", trial, R, C);
    }
}

Test(assign, everything_forbidden)
{
    int match[ASSIGN_MAX_ROWS];

    fill(5, 5, 2, false);
    assign_solve((const float(*)[ASSIGN_MAX_COLUMNS])cost, 5, 5, 1, match);
    for (int r = 0; r < 5; r++)
        cr_assert_eq(match[r], -1);
}

/* At full size: no exchange of two rows, and no row taking a free column, makes it cheaper. */
Test(assign, full_size_has_no_cheaper_neighbour)
{
    enum { R = ASSIGN_MAX_ROWS, C = ASSIGN_MAX_COLUMNS };
    const float alone = 0.5f;
    int match[R];

    for (int trial = 0; trial < 20; trial++) {
        int C_used = trial % 2 ? C : R / 2; /* more columns than rows, and fewer */
        bool used[C] = {false};

        fill(R, C_used, 0.3, trial % 3 == 0);
        assign_solve((const float(*)[ASSIGN_MAX_COLUMNS])cost, R, C_used, alone, match);
        double sum = price_of(match, R, C_used, alone);
        for (int r = 0; r < R; r++)
            if (match[r] >= 0)
                used[match[r]] = true;
        for (int a = 0; a < R; a++) {
            int mine = match[a];

            for (int c = 0; c < C_used; c++)
                if (!used[c]) {
                    match[a] = c;
                    cr_assert_geq(price_of(match, R, C_used, alone), sum - 1e-4);
                }
            for (int b = 0; b < a; b++) {
                int theirs = match[b];

                match[a] = theirs;
                match[b] = mine;
                cr_assert_geq(price_of(match, R, C_used, alone), sum - 1e-4);
                match[b] = theirs;
            }
            match[a] = mine;
        }
    }
}
