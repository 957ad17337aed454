#include "perception/eval/best_pairs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>

Test(best_pairs, greedy_is_not_best)
{
    const double weight[] = {9, 8, /**/ 8, 1};
    int match[2];

    cr_assert_eq(best_pairs(weight, 2, 2, match), OK);
    cr_assert_eq(match[0], 1);
    cr_assert_eq(match[1], 0, "8 + 8 is more than 9 + 1");
}

Test(best_pairs, weight_of_0_is_no_pair)
{
    const double weight[] = {0, 0, 5, /**/ 0, 0, 3};
    int match[2];

    cr_assert_eq(best_pairs(weight, 2, 3, match), OK);
    cr_assert_eq(match[0], 2);
    cr_assert_eq(match[1], -1);
}

Test(best_pairs, empty_sides)
{
    int match[3] = {7, 7, 7};

    cr_assert_eq(best_pairs(NULL, 0, 3, match), OK);
    cr_assert_eq(match[0], 7, "no rows, nothing written");
    cr_assert_eq(best_pairs(NULL, 3, 0, match), OK);
    cr_assert_eq(match[2], -1);
}

/* Every way there is. */
static double best_total(const double *weight, int R, int C, int row, unsigned used)
{
    if (row == R)
        return 0;
    double best = best_total(weight, R, C, row + 1, used);

    for (int c = 0; c < C; c++)
        if (!(used & 1u << c))
            best =
                fmax(best, weight[row * C + c] + best_total(weight, R, C, row + 1, used | 1u << c));
    return best;
}

Test(best_pairs, as_good_as_trying_all)
{
    uint32_t state = 1;

    for (int trial = 0; trial < 400; trial++) {
        const int R = 1 + trial % 6, C = 1 + trial / 6 % 6;
        double weight[36], total = 0;
        int match[6];
        unsigned used = 0;

        for (int i = 0; i < R * C; i++) {
            state = state * 1664525u + 1013904223u;
            weight[i] = (state >> 8) % 3 ? (state >> 12) % 10 / 4.0 : 0;
        }
        cr_assert_eq(best_pairs(weight, R, C, match), OK);
        for (int r = 0; r < R; r++)
            if (match[r] >= 0) {
                cr_assert_not(used & 1u << match[r], "a column twice");
                used |= 1u << match[r];
                cr_assert_gt(weight[r * C + match[r]], 0);
                total += weight[r * C + match[r]];
            }
        cr_assert_float_eq(total, best_total(weight, R, C, 0, 0), 1e-9, "%d x %d", R, C);
    }
}
