#include "perception/nn/ops/window.h"

#include <string.h>

/* An attribute with one entry per dimension of the space (or two: pads) into to[], at the end. */
static enum err spaced_ints(struct node *n, const char *name, int rank, int lo, int *to,
                            int *behind, struct why *why)
{
    int count, want = behind ? 2 * rank : rank;
    const int64_t *v = attr_ints(n, name, &count);

    if (!v)
        return OK;
    if (count != want)
        return err_say(why, ERR_FORMAT, "%s has %d entries, needed %d", name, count, want);
    for (int i = 0; i < count; i++) {
        if (v[i] < lo || v[i] > WINDOW_MAX)
            return err_say(why, ERR_LIMIT, "%s has %lld, needed %d to %d", name, (long long)v[i],
                           lo, WINDOW_MAX);
        if (i < rank)
            to[SPACE - rank + i] = (int)v[i];
        else if (behind)
            behind[SPACE - rank + i - rank] = (int)v[i];
    }
    return OK;
}

static int64_t extent(const struct window *w, int d)
{
    return (int64_t)(w->kernel[d] - 1) * w->dilation[d] + 1;
}

/* SAME: as many outputs as strides fit into the input; the odd pad goes behind (upper) or before.
 */
static void same_pads(struct window *w, bool upper)
{
    for (int d = 0; d < SPACE; d++) {
        int64_t count = (w->in[d] + w->stride[d] - 1) / w->stride[d];
        int64_t total = (count - 1) * w->stride[d] + extent(w, d) - w->in[d];

        total = total < 0 ? 0 : total > 2 * WINDOW_MAX ? 2 * WINDOW_MAX : total;
        w->before[d] = (int)(upper ? total / 2 : total - total / 2);
        w->after[d] = (int)total - w->before[d];
    }
}

enum err window_read(struct window *w, struct node *n, const int64_t *kernel, struct why *why)
{
    const struct tensor *x = in(n, 0);
    const char *mode = attr_string(n, "auto_pad", "NOTSET");
    int rank = x->rank - 2;
    enum err e = need_rank(n, 0, 3, 2 + SPACE, why);

    if (e != OK)
        return e;
    w->rank = rank;
    for (int d = 0; d < SPACE; d++) {
        int64_t k = kernel && d >= SPACE - rank ? kernel[d - (SPACE - rank)] : 1;

        if (k < 1 || k > WINDOW_MAX)
            return err_say(why, ERR_LIMIT, "kernel of %lld, needed 1 to %d", (long long)k,
                           WINDOW_MAX);
        w->in[d] = d >= SPACE - rank ? (int)x->dim[2 + d - (SPACE - rank)] : 1;
        w->kernel[d] = (int)k;
        w->stride[d] = w->dilation[d] = 1;
        w->before[d] = w->after[d] = 0;
        if (w->in[d] < 1)
            return err_say(why, ERR_FORMAT, "input '%.80s' has a dimension of 0", x->name);
    }
    if ((e = spaced_ints(n, "kernel_shape", rank, 1, w->kernel, NULL, why)) != OK ||
        (e = spaced_ints(n, "strides", rank, 1, w->stride, NULL, why)) != OK ||
        (e = spaced_ints(n, "dilations", rank, 1, w->dilation, NULL, why)) != OK ||
        (e = spaced_ints(n, "pads", rank, 0, w->before, w->after, why)) != OK)
        return e;
    for (int d = SPACE - rank; kernel && d < SPACE; d++)
        if (w->kernel[d] != kernel[d - (SPACE - rank)])
            return err_say(why, ERR_FORMAT, "kernel_shape has %d, the weights %lld", w->kernel[d],
                           (long long)kernel[d - (SPACE - rank)]);
    if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER")) {
        same_pads(w, !strcmp(mode, "SAME_UPPER"));
    } else if (!strcmp(mode, "VALID")) {
        memset(w->before, 0, sizeof w->before);
        memset(w->after, 0, sizeof w->after);
    } else if (strcmp(mode, "NOTSET") != 0) {
        return err_say(why, ERR_UNSUPPORTED, "auto_pad '%.40s'", mode);
    }
    return OK;
}

enum err window_lengths(struct window *w, bool ceil_mode, struct why *why)
{
    if ((int64_t)w->kernel[0] * w->kernel[1] > WINDOW_MAX ||
        (int64_t)w->kernel[0] * w->kernel[1] * w->kernel[2] > WINDOW_MAX)
        return err_say(why, ERR_LIMIT, "a window of %d x %d x %d, limit %d", w->kernel[0],
                       w->kernel[1], w->kernel[2], WINDOW_MAX);
    for (int d = 0; d < SPACE; d++) {
        int64_t room = (int64_t)w->in[d] + w->before[d] + w->after[d] - extent(w, d), count;

        if (room < 0)
            return err_say(why, ERR_FORMAT, "a window of %lld over %d with pads %d and %d",
                           (long long)extent(w, d), w->in[d], w->before[d], w->after[d]);
        count = (room + (ceil_mode ? w->stride[d] - 1 : 0)) / w->stride[d] + 1;
        if (ceil_mode && (count - 1) * w->stride[d] >= (int64_t)w->in[d] + w->before[d])
            count--; /* a window that lies in the pad behind altogether */
        w->out[d] = (int)count;
    }
    return OK;
}

bool window_is_flat(const struct window *w)
{
    return w->in[0] == 1 && w->out[0] == 1 && w->kernel[0] == 1 && !w->before[0] && !w->after[0];
}

struct conv_shape window_shape(const struct window *w, int N, int C, int M, int groups)
{
    return (struct conv_shape){
        .N = N,
        .C = C,
        .H = w->in[1],
        .W = w->in[2],
        .M = M,
        .OH = w->out[1],
        .OW = w->out[2],
        .kh = w->kernel[1],
        .kw = w->kernel[2],
        .stride_y = w->stride[1],
        .stride_x = w->stride[2],
        .dilation_y = w->dilation[1],
        .dilation_x = w->dilation[2],
        .pad_top = w->before[1],
        .pad_left = w->before[2],
        .pad_bottom = w->after[1],
        .pad_right = w->after[2],
        .groups = groups,
    };
}

int window_dims(const struct window *w, int64_t N, int64_t C, int64_t dim[TENSOR_MAX_RANK])
{
    dim[0] = N;
    dim[1] = C;
    for (int i = 0; i < w->rank; i++)
        dim[2 + i] = w->out[SPACE - w->rank + i];
    return w->rank + 2;
}
