#include "perception/nn/ops/order.h"

static void swap(int64_t *a, int64_t *b)
{
    int64_t t = *a;

    *a = *b;
    *b = t;
}

/* A heap with the last in order at its top. */
static void sink(int64_t *heap, int64_t n, int64_t i, order_before *before, const void *data)
{
    for (;;) {
        int64_t child = 2 * i + 1;

        if (child >= n)
            return;
        if (child + 1 < n && before(data, heap[child], heap[child + 1]))
            child++;
        if (!before(data, heap[i], heap[child]))
            return;
        swap(&heap[i], &heap[child]);
        i = child;
    }
}

void order_sort(int64_t *index, int64_t n, order_before *before, const void *data)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sink(index, n, i, before, data);
    for (int64_t i = n - 1; i > 0; i--) {
        swap(&index[0], &index[i]);
        sink(index, i, 0, before, data);
    }
}
