/* Weights out of an ONNX file that train_export() wrote, by name. */
#include <stdlib.h>
#include <string.h>

#include "perception/nn/onnx_constants.h"
#include "perception/train/graph.h"

enum { MAX_BYTES = 1 << 30 };

/* How a parameter lies in the file. */
enum lie { AS_IT_IS, TURNED, PICTURE, BOTH_BIASES };

static enum lie lie_of(const struct train *t, int param)
{
    for (int i = 0; i < t->n_layers; i++) {
        const struct layer *l = &t->layer[i];

        if (l->kind == &layer_linear && l->param[0] == param)
            return TURNED;
        if ((l->kind == &layer_lstm || l->kind == &layer_rnn) && l->param[2] == param)
            return BOTH_BIASES;
    }
    for (int i = 0; i < t->n_values; i++)
        if (t->value[i].param == param && t->value[i].rank == 4)
            return PICTURE;
    return AS_IT_IS;
}

/* Its dimensions but for 1s, which files may have more of, as they are to be in the file. */
static bool same_shape(const struct param *p, enum lie lie, const struct tensor *t)
{
    static const int picture[] = {0, 3, 1, 2}, turned[] = {1, 0, 2, 3}, plain[] = {0, 1, 2, 3};
    const int *order = lie == TURNED ? turned : lie == PICTURE ? picture : plain;
    int k = 0;

    for (int i = 0; i < p->rank; i++) {
        const int d = p->dim[order[i]] * (lie == BOTH_BIASES ? 2 : 1);

        if (d == 1)
            continue;
        while (k < t->rank && t->dim[k] == 1)
            k++;
        if (k == t->rank || t->dim[k++] != d)
            return false;
    }
    while (k < t->rank && t->dim[k] == 1)
        k++;
    return k == t->rank;
}

static void copy(const struct param *p, enum lie lie, const float *from, float *to)
{
    const size_t C = (size_t)p->dim[p->rank - 1], n = p->n;

    switch (lie) {
    case AS_IT_IS:
        memcpy(to, from, n * sizeof *to);
        break;
    case TURNED: /* (C, M) in the file */
        for (size_t i = 0; i < n; i++)
            to[i] = from[i % C * (n / C) + i / C];
        break;
    case PICTURE:
        for (size_t i = 0; i < n; i++) {
            const size_t picture = n / (size_t)p->dim[0], pixels = picture / C, at = i % picture;

            to[i] = from[i - at + at % C * pixels + at / C];
        }
        break;
    case BOTH_BIASES: /* of the input and of h, which are added */
        for (size_t i = 0; i < n; i++)
            to[i] = from[i] + from[n + i];
        break;
    }
}

/* Nothing is changed unless everything is there. */
static enum err check(const struct train *t, const struct onnx_constants *file, struct why *why)
{
    for (int i = 0; i < t->n_params; i++) {
        const struct param *p = &t->param[i];
        const struct tensor *v = onnx_constants_find(file, p->name);

        if (!v)
            return err_say(why, ERR_MISMATCH,
                           "no '%s': not the same network, or exported without its norms", p->name);
        if (v->type != DTYPE_F32 || !same_shape(p, lie_of(t, i), v))
            return err_say(why, ERR_MISMATCH, "'%s' has another type or shape", p->name);
    }
    return OK;
}

static enum err take(struct train *t, const struct onnx_constants *file, struct why *why)
{
    const enum err e = check(t, file, why);

    for (int i = 0; e == OK && i < t->n_params; i++) {
        const struct param *p = &t->param[i];

        copy(p, lie_of(t, i), onnx_constants_find(file, p->name)->data, t->weights + p->at);
        if (t->average)
            memcpy(t->average + p->at, t->weights + p->at, p->n * sizeof *t->average);
    }
    return e;
}

enum err train_import_bytes(struct train *t, const void *bytes, size_t n, struct why *why)
{
    struct onnx_constants *file;
    enum err e = onnx_constants_open(bytes, n, &file, why);

    if (e == OK)
        e = take(t, file, why);
    onnx_constants_close(file);
    return e;
}

enum err train_import(struct train *t, const char *path, struct why *why)
{
    unsigned char *bytes = NULL;
    size_t n = 0;
    enum err e = file_bytes(path, MAX_BYTES, &bytes, &n, why);

    if (e == OK)
        e = train_import_bytes(t, bytes, n, why);
    free(bytes);
    return e == OK ? OK : err_prefix(why, e, "%s: ", path);
}
