#include "daemon/cli/quantiles.h"

#include <math.h>
#include <stdlib.h>

bool quantiles_add(struct quantiles *q, float v)
{
    if (isnan(v))
        return true;
    if (q->n == q->capacity) {
        size_t more = q->capacity ? 2 * q->capacity : 256;
        float *grown = realloc(q->v, more * sizeof *grown);

        if (!grown)
            return false;
        q->v = grown;
        q->capacity = more;
    }
    q->v[q->n++] = v;
    return true;
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

float quantiles_at(struct quantiles *q, float share)
{
    if (!q->n)
        return NAN;
    qsort(q->v, q->n, sizeof *q->v, compare);
    return q->v[(size_t)(share * (float)(q->n - 1) + 0.5f)];
}

void quantiles_finish(struct quantiles *q)
{
    free(q->v);
    *q = (struct quantiles){0};
}
