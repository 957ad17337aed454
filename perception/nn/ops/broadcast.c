#include "perception/nn/ops/broadcast.h"

#include <assert.h>
#include <string.h>

enum err broadcast_shape(const struct node *n, int count, int *rank, int64_t dim[TENSOR_MAX_RANK],
                         struct why *why)
{
    *rank = 0;
    for (int i = 0; i < count; i++)
        if (in(n, i) && in(n, i)->rank > *rank)
            *rank = in(n, i)->rank;
    for (int d = 0; d < *rank; d++)
        dim[d] = 1;
    for (int i = 0; i < count; i++) {
        const struct tensor *t = in(n, i);

        for (int d = 0; t && d < t->rank; d++) {
            int64_t *to = &dim[*rank - t->rank + d];

            if (t->dim[d] == 1 || t->dim[d] == *to)
                continue;
            if (*to != 1)
                return err_say(why, ERR_FORMAT,
                               "input '%.80s': dimension %d is %lld, does not go with %lld",
                               t->name, d, (long long)t->dim[d], (long long)*to);
            *to = t->dim[d];
        }
    }
    return OK;
}

/* Whether dimension d and the one outside it, at o, walk as one. */
static bool joins(const struct broadcast *b, int o, int64_t d, const int64_t step[], int count)
{
    for (int i = 0; i < count; i++)
        if (b->step[i][o] != step[i] * d)
            return false;
    return true;
}

enum err broadcast_old(struct node *n, struct why *why)
{
    int64_t axis = attr_int(n, "axis", -1);

    attr_ignore(n, "broadcast");
    if (axis < 0 || n->n_in != 2 || axis + in(n, 1)->rank == in(n, 0)->rank)
        return OK;
    return err_say(why, ERR_UNSUPPORTED, "axis %lld of opset %d", (long long)axis, n->opset);
}

void broadcast_init(struct broadcast *b, const struct tensor *to, const struct tensor *const *from,
                    int count)
{
    int64_t pitch[BROADCAST_MAX] = {1, 1, 1}, step[BROADCAST_MAX];
    struct broadcast all = {0}; /* from the innermost outwards */

    assert(count <= BROADCAST_MAX);
    *b = (struct broadcast){0};
    for (int d = to->rank - 1; d >= 0; d--, all.rank++) {
        all.dim[all.rank] = to->dim[d];
        for (int i = 0; i < count; i++) {
            int at = d - (to->rank - from[i]->rank);
            int64_t n = at >= 0 ? from[i]->dim[at] : 1;

            all.step[i][all.rank] = n == 1 ? 0 : pitch[i];
            pitch[i] *= n;
        }
    }
    for (int d = all.rank - 1; d >= 0; d--) { /* and back, joining */
        if (all.dim[d] == 1)
            continue;
        for (int i = 0; i < count; i++)
            step[i] = all.step[i][d];
        if (b->rank > 0 && joins(b, b->rank - 1, all.dim[d], step, count)) {
            b->dim[b->rank - 1] *= all.dim[d];
        } else {
            b->dim[b->rank++] = all.dim[d];
        }
        for (int i = 0; i < count; i++)
            b->step[i][b->rank - 1] = step[i];
    }
    if (b->rank == 0)
        b->dim[b->rank++] = 1;
}

void broadcast_walk(const struct broadcast *b, broadcast_row *row, void *arg)
{
    int64_t at[TENSOR_MAX_RANK] = {0}, from[BROADCAST_MAX] = {0}, to = 0;
    int d;

    for (d = 0; d < b->rank; d++)
        if (b->dim[d] == 0)
            return;
    for (;;) {
        row(arg, b, to, from);
        to += b->dim[b->rank - 1];
        for (d = b->rank - 2; d >= 0; d--) {
            for (int i = 0; i < BROADCAST_MAX; i++)
                from[i] += b->step[i][d];
            if (++at[d] < b->dim[d])
                break;
            for (int i = 0; i < BROADCAST_MAX; i++)
                from[i] -= b->step[i][d] * b->dim[d];
            at[d] = 0;
        }
        if (d < 0)
            return;
    }
}
