/* Sorting without allocating, for operators: indices into whatever the caller compares. */
#ifndef OUTRIDER_NN_ORDER_H
#define OUTRIDER_NN_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a comes before b; a total order, so ties are the caller's to settle. */
typedef bool order_before(const void *data, int64_t a, int64_t b);
void order_sort(int64_t *index, int64_t n, order_before *before, const void *data);

#endif
