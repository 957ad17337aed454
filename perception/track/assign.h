/* Optimal one-to-one assignment with gates: which detection belongs to which track. */
#ifndef OUTRIDER_TRACK_ASSIGN_H
#define OUTRIDER_TRACK_ASSIGN_H

enum { ASSIGN_MAX_ROWS = 64, ASSIGN_MAX_COLUMNS = 128 };

/* Give each of R rows at most one of C columns, no column twice, so that
 *   sum of cost[row][column] of the pairs + alone for each row without a column
 * is least. A pair of cost INFINITY is forbidden; other costs are finite.
 *   cost   (R, ASSIGN_MAX_COLUMNS), the first C of each row are read
 *   match  (R): the row's column, or -1 */
void assign_solve(const float (*cost)[ASSIGN_MAX_COLUMNS], int R, int C, float alone, int *match);

#endif
